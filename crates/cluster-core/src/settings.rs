//! What a node has to know before it can begin.

use crate::arbitration::Arbitration;
use crate::name::NodeId;
use crate::planted::Bug;
use cluster_model::configuration::Configuration;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is the same for as long as the daemon runs. What there is to run is not here: it
/// is in the log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This node.
    pub me: NodeId,
    /// All who vote: nodes and witnesses. An odd number, at most seven; where fencing
    /// decides, the two nodes.
    pub voters: BTreeSet<NodeId>,
    /// All who may run resources.
    pub nodes: BTreeSet<NodeId>,
    /// What everybody is called.
    pub names: BTreeMap<NodeId, String>,
    /// How many networks there are between them; each carries the same heartbeats.
    pub links: u8,
    /// Between two heartbeats.
    pub keepalive: Duration,
    /// Silence on a network, or on all of them, after which a peer is not there.
    pub deadtime: Duration,
    /// Entries of the log after which the state takes their place.
    pub log_max: u64,
    /// Leases: the terms on which a node may run resources.
    pub terms: Terms,
    /// What decides when a lost peer may be taken for gone.
    pub arbitration: Arbitration,
    /// What there is to run and where, as long as the log does not say it: the first
    /// configuration of a new cluster.
    pub first: Option<Configuration>,
    /// A bug to be found; without the feature `planted-bugs` it does nothing.
    pub bug: Option<Bug>,
}

impl Settings {
    /// How many voters are more than half of them.
    pub fn majority(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// Does this node have a vote?
    pub fn is_voter(&self) -> bool {
        self.voters.contains(&self.me)
    }

    /// What a node is called; nothing, if it is none.
    pub fn name_of(&self, node: NodeId) -> &str {
        self.names.get(&node).map_or("", String::as_str)
    }

    /// Who is called so.
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        let mut names = self.names.iter();
        names
            .find(|(_, known)| *known == name)
            .map(|(node, _)| *node)
    }

    /// All others, nodes and witnesses.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        let all: BTreeSet<_> = self.voters.union(&self.nodes).copied().collect();
        all.into_iter().filter(|peer| *peer != self.me)
    }

    /// Is this bug planted? Never, in a daemon.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Is this bug planted? Never, in a daemon.
    #[cfg(not(feature = "planted-bugs"))]
    #[allow(clippy::unused_self)]
    pub(crate) const fn has(&self, _bug: Bug) -> bool {
        false
    }
}

/// The terms of a lease (design of the daemon: "leases are ours, not raft's").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// L: how long a lease is good, from when it was asked for.
    pub lease: Duration,
    /// S: how long a node may take to stop everything once its lease is over.
    pub stop: Duration,
    /// W: how long the watchdog waits after it was petted for the last time, as read
    /// back from the device.
    pub watchdog: Duration,
    /// How much faster or slower one machine's clock may go than another's, in
    /// millionths.
    pub drift_ppm: u32,
    /// Added to every promise.
    pub margin: Duration,
}

impl Terms {
    /// How long a voter that renewed a lease waits before it agrees to a takeover:
    /// (L + S + W), stretched by the drift of two clocks, and the margin.
    pub fn promise(&self) -> Duration {
        let held = self.lease + self.stop + self.watchdog;
        held + held * self.drift_ppm / 1_000_000 + self.margin
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Nodes 1 and 2 and witness 3.
    pub(crate) fn three_voters(me: NodeId) -> Settings {
        Settings {
            me,
            voters: [1, 2, 3].map(NodeId).into(),
            nodes: [1, 2].map(NodeId).into(),
            names: BTreeMap::new(),
            links: 2,
            keepalive: Duration::from_millis(250),
            deadtime: Duration::from_secs(1),
            log_max: 500,
            terms: Terms {
                lease: Duration::from_secs(5),
                stop: Duration::from_secs(3),
                watchdog: Duration::from_secs(2),
                drift_ppm: 1_000,
                margin: Duration::from_millis(100),
            },
            arbitration: Arbitration::Quorum,
            first: None,
            bug: None,
        }
    }

    #[test]
    fn a_promise_outlasts_lease_stop_and_watchdog_on_the_slowest_clock() {
        let terms = three_voters(NodeId(1)).terms;
        assert_eq!(terms.promise(), Duration::from_millis(10_110));
    }

    #[test]
    fn a_majority_is_more_than_half() {
        let mut settings = three_voters(NodeId(1));
        assert_eq!(settings.majority(), 2);
        settings.voters.extend([NodeId(4), NodeId(5)]);
        assert_eq!(settings.majority(), 3);
    }
}
