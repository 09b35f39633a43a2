//! Nodes that are reset again and again: the log counts, and holds them back.
//!
//! What counts is a start of a machine that did not leave in order before: it was fenced,
//! reset itself, lost its power or crashed. Time is the log's, as coordinators count it.

use super::{Member, State};
use crate::name::{BootId, NodeId};
use crate::placement::LEAVING;
use std::time::Duration;

/// Resets count for so long.
pub const RESETS_WITHIN: Duration = Duration::from_secs(60 * 60);

/// The resets of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Resets {
    /// When those were that may still count, in milliseconds of the cluster's time, the
    /// oldest first; no more than the configuration lets it have.
    at_ms: Vec<u64>,
    /// They were too many, and no operator has said since that it may take resources.
    held_back: bool,
}

impl Resets {
    /// Is the node held back?
    pub fn hold_back(&self) -> bool {
        self.held_back
    }

    /// How many count, or did when the last one came.
    pub fn count(&self) -> usize {
        self.at_ms.len()
    }

    fn add(&mut self, now_ms: u64, max: usize) {
        let within = u64::try_from(RESETS_WITHIN.as_millis()).unwrap_or(u64::MAX);
        self.at_ms.retain(|at| now_ms < at.saturating_add(within));
        self.at_ms.push(now_ms);
        let surplus = self.at_ms.len().saturating_sub(max);
        self.at_ms.drain(..surplus);
        self.held_back |= self.at_ms.len() >= max;
    }
}

impl State {
    /// The resets of a node, now that this start of its machine is admitted.
    pub(super) fn resets_with(&self, before: Option<&Member>, boot: BootId) -> Resets {
        let Some(before) = before else {
            return Resets::default();
        };
        let mut resets = before.resets.clone();
        let max = self.resources.configuration().options.resets_max;
        let in_order = before.attributes.contains_key(LEAVING);
        if before.boot != boot && !in_order && max > 0 {
            resets.add(self.clock_ms, usize::try_from(max).unwrap_or(usize::MAX));
        }
        resets
    }

    /// An operator says that a node may take resources.
    pub(super) fn forgive(&mut self, node: Option<NodeId>) {
        if let Some(member) = node.and_then(|node| self.members.get_mut(&node)) {
            member.resets = Resets::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Incarnation, Session};
    use crate::state::{Entry, Request};
    use cluster_model::Command;
    use cluster_model::configuration::Configuration;
    use std::collections::BTreeMap;

    const NODE: NodeId = NodeId(1);
    const MINUTE_MS: u64 = 60_000;

    /// A node whose machine is started again and again.
    struct Log {
        state: State,
        at_ms: u64,
        boot: u128,
    }

    impl Log {
        fn new(resets_max: u32) -> Self {
            let state = State::default();
            let mut log = Self {
                state,
                at_ms: 0,
                boot: 0,
            };
            let mut configuration = Configuration::default();
            configuration.options.resets_max = resets_max;
            log.put(&Entry::Configured {
                request: None,
                configuration: Box::new(configuration),
            });
            log.boot(0);
            log
        }

        fn put(&mut self, entry: &Entry) {
            let index = self.state.applied + 1;
            self.state.apply(index, self.at_ms, entry);
        }

        fn join(&mut self) {
            let before = self.state.members.get(&NODE);
            let previous = before.map(|member| member.incarnation).unwrap_or_default();
            self.put(&Entry::Joined {
                node: NODE,
                previous,
                boot: BootId(self.boot),
                session: Session(previous.0),
            });
        }

        fn boot(&mut self, after_minutes: u64) {
            self.at_ms += after_minutes * MINUTE_MS;
            self.boot += 1;
            self.join();
        }

        fn leave(&mut self) {
            let leaving = (LEAVING.to_owned(), "true".to_owned());
            let Incarnation(number) = self.state.members[&NODE].incarnation;
            self.put(&Entry::Attributes {
                node: NODE,
                incarnation: Incarnation(number),
                number: 1,
                attributes: BTreeMap::from([leaving]),
            });
        }

        fn is_held_back(&self) -> bool {
            self.state.members[&NODE].resets.hold_back()
        }
    }

    #[test]
    fn the_third_reset_within_an_hour_holds_a_node_back_until_an_operator_speaks() {
        let mut log = Log::new(3);
        log.boot(1);
        log.boot(29);
        assert!(!log.is_held_back());
        log.boot(29);
        assert!(log.is_held_back());
        log.boot(100);
        assert!(log.is_held_back(), "time alone does not mend it");
        let node = "zipi".to_owned();
        log.put(&Entry::Commanded {
            request: Request {
                node: NODE,
                session: Session(9),
                number: 1,
            },
            command: Command::Standby { node, on: false },
            node: Some(NODE),
        });
        assert!(!log.is_held_back());
        log.boot(1);
        assert!(!log.is_held_back(), "and it begins anew");
    }

    #[test]
    fn resets_that_are_an_hour_apart_are_no_pattern() {
        let mut log = Log::new(3);
        for _ in 0..10 {
            log.boot(31);
        }
        assert!(!log.is_held_back());
        assert!(log.state.members[&NODE].resets.count() < 3);
    }

    #[test]
    fn who_leaves_in_order_or_only_replaces_its_daemon_was_not_reset() {
        let mut log = Log::new(2);
        for _ in 0..5 {
            log.leave();
            log.boot(1);
            log.join();
        }
        assert!(!log.is_held_back());
        assert_eq!(log.state.members[&NODE].resets, Resets::default());
    }

    #[test]
    fn nobody_counts_where_the_configuration_says_so() {
        let mut log = Log::new(0);
        for _ in 0..10 {
            log.boot(0);
        }
        assert!(!log.is_held_back());
    }
}
