//! Who decides whether a silent peer may be treated as gone, and who that is for.

use super::ClusterFile;
use super::reach::ReachFile;
use cluster_core::arbitration as core;
use cluster_model::configuration::VOTERS_MAX;
use serde::Deserialize;

/// Who decides whether a silent peer may be treated as gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Arbitration {
    /// More than half of all nodes and witnesses.
    #[default]
    Quorum,
    /// Of a lone pair: whoever has switched the other one off, and seen that it is.
    Fencing,
    /// Of a lone pair that nothing switches off: whoever reaches enough.
    Reach,
}

impl ClusterFile {
    /// In the core's words.
    pub(super) fn arbitrates(&self) -> core::Arbitration {
        match (self.arbitration, &self.fencing, &self.reach) {
            (Arbitration::Fencing, Some(fencing), _) => {
                let id = |name: &str| self.member(name).map(|member| member.id);
                core::Arbitration::Fencing(fencing.terms(id))
            }
            (Arbitration::Reach, _, Some(reach)) => {
                core::Arbitration::Reach(reach.terms(self.ping.len()))
            }
            _ => core::Arbitration::Quorum,
        }
    }

    /// Half of the voters never stands against the other half; or something else decides.
    pub(super) fn arbitrated(&self, problems: &mut Vec<String>) {
        let voters = self.voting().len();
        for name in self.voters.iter().flatten() {
            if !self.nodes.contains_key(name) {
                problems.push(format!("voters: {name} is no node"));
            }
        }
        let word = match self.arbitration {
            Arbitration::Quorum => "quorum",
            Arbitration::Fencing => "fencing",
            Arbitration::Reach => "reach",
        };
        let sections = [
            ("fencing", self.fencing.is_some()),
            ("reach", self.reach.is_some()),
        ];
        for (section, there) in sections {
            if there && section != word {
                problems.push(format!(
                    "{section}: nothing comes of it with `arbitration: {word}`"
                ));
            }
        }
        if self.arbitration == Arbitration::Quorum {
            if voters.is_multiple_of(2) || voters > VOTERS_MAX {
                problems.push(format!(
                    "nodes, witnesses: {voters} voters; an odd number up to {VOTERS_MAX} is wanted, so that half of them never stands against the other half: add or remove a witness, or name those who vote (`voters`)"
                ));
            }
        } else if self.nodes.len() != 2 || !self.witnesses.is_empty() || self.voters.is_some() {
            problems.push(format!(
                "arbitration: {word} is for two nodes without a witness"
            ));
        }
        match (self.arbitration, &self.fencing, &self.reach) {
            (Arbitration::Fencing, Some(fencing), _) => {
                fencing.problems(self.nodes.keys(), problems);
            }
            (Arbitration::Fencing, None, _) => problems.push(
                "arbitration: fencing wants `fencing:` with a device for each node".to_owned(),
            ),
            (Arbitration::Reach, _, reach) => {
                reach.unwrap_or_else(ReachFile::default).problems(
                    &self.ping,
                    &self.resources,
                    problems,
                );
            }
            (Arbitration::Quorum, _, _) => {}
        }
    }
}
