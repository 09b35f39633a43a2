//! What of a file does not change while daemons run: who votes, and who decides.

use super::{Arbitration, ClusterFile, Unusable, default_keys, located};
use cluster_model::configuration::VOTERS_MAX;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Two halves of a cluster that see this differently could both go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deciding {
    arbitration: Arbitration,
    voting: Vec<u16>,
}

/// As much of a file as a daemon understands that is to make room for another one: what
/// the file says beside it may be words that only the other one knows. A later word that
/// changes who votes has to come with another `arbitration`, which is refused here.
#[derive(Debug, Deserialize)]
pub(crate) struct Outline {
    #[serde(default)]
    arbitration: Arbitration,
    nodes: BTreeMap<String, Id>,
    #[serde(default)]
    witnesses: BTreeMap<String, Id>,
    #[serde(default)]
    voters: Option<BTreeSet<String>>,
    /// Where the keys are.
    #[serde(default = "default_keys")]
    pub(crate) keys: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: u16,
}

impl Outline {
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Unusable> {
        serde_saphyr::from_str(text).map_err(|error| Unusable::NotUnderstood {
            path: path.to_owned(),
            text: located(&error),
        })
    }

    /// Who votes, and who decides.
    pub(crate) fn deciding(&self) -> Deciding {
        Deciding {
            arbitration: self.arbitration,
            voting: voting(
                self.nodes.iter().map(|(name, node)| (name, node.id)),
                self.witnesses.values().map(|witness| witness.id),
                self.voters.as_ref(),
            ),
        }
    }
}

impl ClusterFile {
    /// Who votes, and who decides.
    pub(crate) fn deciding(&self) -> Deciding {
        Deciding {
            arbitration: self.arbitration,
            voting: self.voting(),
        }
    }

    /// Ids of those who vote, nodes and witnesses.
    pub(crate) fn voting(&self) -> Vec<u16> {
        voting(
            self.nodes.iter().map(|(name, node)| (name, node.id)),
            self.witnesses.values().map(|witness| witness.id),
            self.voters.as_ref(),
        )
    }
}

fn voting<'a>(
    nodes: impl Iterator<Item = (&'a String, u16)>,
    witnesses: impl ExactSizeIterator<Item = u16>,
    named: Option<&BTreeSet<String>>,
) -> Vec<u16> {
    let nodes = nodes.filter(|(name, _)| named.is_none_or(|them| them.contains(*name)));
    let mut ids: Vec<u16> = nodes.map(|(_, id)| id).collect();
    ids.sort_unstable();
    if named.is_none() {
        ids.truncate(VOTERS_MAX.saturating_sub(witnesses.len()));
    }
    ids.extend(witnesses);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "
cluster: web
links: [hb]
nodes:
  zipi: {id: 1, addresses: {hb: 10.0.0.1}}
  zape: {id: 2, addresses: {hb: 10.0.0.2}}
witnesses:
  yoda: {id: 3, addresses: {hb: 10.0.0.3}}
";

    fn both(text: &str) -> (Deciding, Result<ClusterFile, Unusable>) {
        let path = Path::new("x");
        let outline = Outline::parse(text, path).expect("an outline");
        (outline.deciding(), ClusterFile::parse(text, path))
    }

    #[test]
    fn an_outline_says_of_voters_what_the_whole_file_says() {
        let (outline, file) = both(PAIR);
        assert_eq!(outline, file.expect("right").deciding());
        let more = "  n4: {id: 4, addresses: {hb: 10.0.0.4}}\nvoters: [zape, n4]\nwitnesses:";
        let (other, file) = both(&PAIR.replace("witnesses:", more));
        assert_eq!(other, file.expect("right").deciding());
        assert_ne!(other, outline);
    }

    #[test]
    fn words_of_a_later_program_change_no_outline() {
        let text = format!("{PAIR}nobody_knows_this_yet: {{hb: [1]}}\n");
        let text = text.replace("id: 1,", "id: 1, rack: 3,");
        let (later, file) = both(&text);
        let _ = file.expect_err("this program does not know it");
        assert_eq!(later, both(PAIR).0);
    }
}
