//! What of a file does not change while daemons run: who votes, who decides, and for how long
//! a promise holds.

use super::timing::TimingFile;
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
    /// Where time decides: whoever promises not to take over reckons with the terms of its
    /// own file, and who holds something with those of another one.
    promise: Option<Promise>,
}

/// What a promise is made of, of `timing`. The rest of it may differ for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Promise {
    lease_ms: u64,
    stop_ms: u64,
    watchdog_ms: u64,
    drift_ppm: u32,
    margin_ms: u64,
}

impl Default for Promise {
    fn default() -> Self {
        Self::of(&TimingFile::default())
    }
}

impl Promise {
    fn of(timing: &TimingFile) -> Self {
        Self {
            lease_ms: timing.lease_ms,
            stop_ms: timing.stop_ms,
            watchdog_ms: timing.watchdog_ms,
            drift_ppm: timing.drift_ppm,
            margin_ms: timing.margin_ms,
        }
    }
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
    #[serde(default)]
    timing: Promise,
    /// What resets this machine.
    #[serde(default)]
    pub(crate) watchdog: Option<PathBuf>,
    /// Where the keys are.
    #[serde(default = "default_keys")]
    pub(crate) keys: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: u16,
}

impl Deciding {
    fn new(arbitration: Arbitration, voting: Vec<u16>, promise: Promise) -> Self {
        Self {
            arbitration,
            voting,
            promise: (arbitration == Arbitration::Quorum).then_some(promise),
        }
    }
}

impl Outline {
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Unusable> {
        serde_saphyr::from_str(text).map_err(|error| Unusable::NotUnderstood {
            path: path.to_owned(),
            text: located(&error),
        })
    }

    /// Who votes, who decides, and on which terms.
    pub(crate) fn deciding(&self) -> Deciding {
        let voting = voting(
            self.nodes.iter().map(|(name, node)| (name, node.id)),
            self.witnesses.values().map(|witness| witness.id),
            self.voters.as_ref(),
        );
        Deciding::new(self.arbitration, voting, self.timing)
    }
}

impl ClusterFile {
    /// Who votes, who decides, and on which terms.
    pub(crate) fn deciding(&self) -> Deciding {
        let promise = Promise::of(&self.timing);
        Deciding::new(self.arbitration, self.voting(), promise)
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
    fn the_terms_of_a_promise_are_part_of_it() {
        let before = both(PAIR).0;
        for more in [
            "timing: {lease_ms: 30000}\n",
            "timing: {stop_ms: 9000}\n",
            "timing: {watchdog_ms: 60000, watches_ms: 3}\n",
        ] {
            let (outline, file) = both(&format!("{PAIR}{more}"));
            assert_ne!(outline, before, "{more}");
            if let Ok(file) = file {
                assert_eq!(outline, file.deciding(), "{more}");
            }
        }
        // How soon somebody is missed promises nothing.
        let (same, _) = both(&format!("{PAIR}timing: {{deadtime_ms: 1200}}\n"));
        assert_eq!(same, before);
    }

    #[test]
    fn where_no_time_decides_times_may_differ_for_a_while() {
        let fencing = format!("{PAIR}arbitration: reach\n");
        let other = format!("{fencing}timing: {{lease_ms: 30000}}\n");
        assert_eq!(both(&fencing).0, both(&other).0);
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
