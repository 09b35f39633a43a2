//! Takeovers that a coordinator is about to propose: who agreed.

use crate::disk::Agreement;
use crate::name::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// The attempts of this coordinator.
#[derive(Debug, Default)]
pub(crate) struct Takeovers {
    attempts: BTreeMap<NodeId, (Agreement, BTreeSet<NodeId>)>,
}

impl Takeovers {
    /// Goes on with an attempt, or begins it.
    pub(crate) fn try_for(&mut self, node: NodeId, agreement: Agreement) {
        let begun = self.attempts.get(&node);
        if begun.is_none_or(|(known, _)| *known != agreement) {
            self.attempts.insert(node, (agreement, BTreeSet::new()));
        }
    }

    /// A voter agreed.
    pub(crate) fn agreed(&mut self, by: NodeId, node: NodeId, agreement: Agreement) {
        if let Some((known, voters)) = self.attempts.get_mut(&node)
            && *known == agreement
        {
            voters.insert(by);
        }
    }

    /// A voter does not know any more what it agreed to.
    pub(crate) fn forget(&mut self, voter: NodeId) {
        for (_, voters) in self.attempts.values_mut() {
            voters.remove(&voter);
        }
    }

    /// Did this voter agree?
    pub(crate) fn has(&self, voter: NodeId, node: NodeId) -> bool {
        self.attempts
            .get(&node)
            .is_some_and(|(_, voters)| voters.contains(&voter))
    }

    /// How many voters agreed to this attempt.
    pub(crate) fn count(&self, node: NodeId) -> usize {
        self.attempts
            .get(&node)
            .map_or(0, |(_, voters)| voters.len())
    }

    /// Is an attempt under way?
    pub(crate) fn get(&self, node: NodeId) -> Option<Agreement> {
        self.attempts.get(&node).map(|(agreement, _)| *agreement)
    }

    /// The cluster decided.
    pub(crate) fn end(&mut self, node: NodeId) {
        self.attempts.remove(&node);
    }

    /// This node coordinates no longer.
    pub(crate) fn clear(&mut self) {
        self.attempts.clear();
    }
}
