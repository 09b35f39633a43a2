//! How a lone pair goes by what it reaches, and what must not be run by it.

use super::members_of;
use crate::daemon::LONGEST_LOOK;
use cluster_core::arbitration::ReachTerms;
use cluster_model::configuration::Item;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// What this mode does not promise of the invariants *exclusive*, *confirmed* and *durable*.
pub(crate) const RISK: &str = "while neither node hears the other, both may run everything at once, nobody confirms that the other one has stopped, and what one of them decided is dropped afterwards";

/// `reach:` of the file. Milliseconds, all of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReachFile {
    /// Somebody has read what this mode does not promise.
    pub(crate) accept_split_brain_risk: bool,
    /// Between a look around after which this node may do nothing and the next one.
    pub(crate) pause_ms: u64,
    /// A look around that took longer saw nobody.
    pub(crate) limit_ms: u64,
    /// So long who was just started waits for the other one.
    pub(crate) wait_ms: u64,
}

impl Default for ReachFile {
    fn default() -> Self {
        Self {
            accept_split_brain_risk: false,
            pause_ms: 1_000,
            limit_ms: 1_000,
            wait_ms: 10_000,
        }
    }
}

impl ReachFile {
    /// In the core's words, with so many addresses of `ping`.
    pub(super) fn terms(&self, listed: usize) -> ReachTerms {
        ReachTerms {
            listed,
            pause: Duration::from_millis(self.pause_ms),
            limit: Duration::from_millis(self.limit_ms),
            wait: Duration::from_millis(self.wait_ms),
        }
    }

    pub(super) fn problems(&self, ping: &[IpAddr], items: &[Item], problems: &mut Vec<String>) {
        if !self.accept_split_brain_risk {
            problems.push(format!(
                "reach: accept_split_brain_risk: true is wanted: {RISK}"
            ));
        }
        if ping.is_empty() {
            problems.push(
                "ping: `arbitration: reach` goes by which of these addresses answer: name routers or switches that clients need, too"
                    .to_owned(),
            );
        }
        let mut seen = BTreeSet::new();
        for address in ping {
            if !seen.insert(address) {
                problems.push(format!("ping: {address} is there twice: it counts once"));
            }
        }
        let times = [
            ("pause_ms", self.pause_ms),
            ("limit_ms", self.limit_ms),
            ("wait_ms", self.wait_ms),
        ];
        for (name, ms) in times {
            super::timing::longest("reach", name, ms, problems);
        }
        let least = 2 * LONGEST_LOOK.as_millis();
        if u128::from(self.limit_ms) < least {
            problems.push(format!(
                "reach: limit_ms: {} is less than {least}: a look around takes up to half of that",
                self.limit_ms
            ));
        }
        for item in items {
            if let Item::Clone(clone) = item
                && clone.promotable.is_some()
            {
                problems.push(format!(
                    "resources: {}: with `arbitration: reach` nothing is promoted: both nodes could be at once",
                    clone.name
                ));
            }
            for primitive in members_of(item) {
                if primitive.agent.is_of_shared_data() {
                    problems.push(format!(
                        "resources: {}: with `arbitration: reach` nothing is on DRBD or on a disk that both nodes have: both could write at once",
                        primitive.name
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::ClusterFile;
    use cluster_core::arbitration::Arbitration;
    use std::path::Path;

    const PAIR: &str = "
cluster: web
arbitration: reach
reach: {accept_split_brain_risk: true, wait_ms: 5000}
ping: [10.1.0.254, 10.2.0.254]
links: [hb]
nodes:
  zipi: {id: 1, addresses: {hb: 10.0.0.1}}
  zape: {id: 2, addresses: {hb: 10.0.0.2}}
resources:
  - primitive: {name: data, agent: {ocf: {provider: heartbeat, kind: Filesystem, parameters: {device: /srv/a, directory: /srv/b, options: bind}}}}
";

    fn problems(text: &str) -> Vec<String> {
        match ClusterFile::parse(text, Path::new("x")) {
            Ok(_) => Vec::new(),
            Err(super::super::Unusable::Wrong { problems, .. }) => problems,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_pair_that_accepts_the_risk_is_understood() {
        let file = ClusterFile::parse(PAIR, Path::new("x")).expect("right");
        let terms = Arbitration::Reach(ReachTerms {
            listed: 2,
            pause: Duration::from_secs(1),
            limit: Duration::from_secs(1),
            wait: Duration::from_secs(5),
        });
        assert_eq!(file.arbitrates(), terms);
    }

    #[test]
    fn whoever_was_not_told_of_the_risk_is_told_with_all_the_rest() {
        let text = PAIR
            .replace(
                "reach: {accept_split_brain_risk: true, wait_ms: 5000}\n",
                "",
            )
            .replace("ping: [10.1.0.254, 10.2.0.254]\n", "")
            .replace(
                "links: [hb]\n",
                "links: [hb]\nwitnesses: {yoda: {id: 3, addresses: {hb: 10.0.0.3}}}\n",
            );
        let problems = problems(&text);
        assert_eq!(problems.len(), 3, "{problems:#?}");
        assert!(problems[0].contains("two nodes without a witness"));
        assert!(problems[1].contains("both may run everything at once"));
        assert!(problems[2].starts_with("ping: "));
    }

    #[test]
    fn times_and_addresses_that_cannot_be_meant_are_refused() {
        let text = PAIR
            .replace("wait_ms: 5000", "wait_ms: 4000000, limit_ms: 200")
            .replace("10.2.0.254", "10.1.0.254");
        let problems = problems(&text);
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }

    #[test]
    fn what_both_could_write_to_is_refused() {
        let mounted = PAIR.replace("device: /srv/a", "device: /dev/sdb1");
        let one = problems(&mounted);
        assert_eq!(one.len(), 1, "{one:?}");
        assert!(one[0].contains("data: "), "{one:?}");
        let drbd = "  - clone: {name: copies, promotable: {}, of: {primitive: {name: copy, agent: {ocf: {provider: linbit, kind: drbd, parameters: {}}}}}}\n";
        let problems = problems(&format!("{PAIR}{drbd}"));
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_section_of_another_arbitration_is_refused() {
        let text = PAIR.replace("arbitration: reach", "arbitration: fencing");
        let problems = problems(&text);
        assert!(problems[0].contains("nothing comes of it"), "{problems:?}");
    }
}
