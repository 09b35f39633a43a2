//! What decides when a lost peer may be taken for gone, and under which epoch the log
//! goes on afterwards.

use crate::name::NodeId;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who may act when not everybody is there (design of the daemon: "arbitration").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arbitration {
    /// A majority of voters, with leases.
    Quorum,
    /// A lone pair: whoever has confirmed that the other one is off.
    Fencing(FencingTerms),
    /// A lone pair that nothing switches off: what each of the two reaches. When they
    /// cannot hear each other and each reaches enough, both go on.
    Reach(ReachTerms),
}

impl Arbitration {
    /// The terms, if fencing decides.
    pub fn fencing(self) -> Option<FencingTerms> {
        match self {
            Self::Quorum | Self::Reach(_) => None,
            Self::Fencing(terms) => Some(terms),
        }
    }

    /// The terms, if what is reached decides.
    pub fn reach(self) -> Option<ReachTerms> {
        match self {
            Self::Quorum | Self::Fencing(_) => None,
            Self::Reach(terms) => Some(terms),
        }
    }

    /// Two who vote, of whom one may go on alone.
    pub fn is_of_a_lone_pair(self) -> bool {
        !matches!(self, Self::Quorum)
    }
}

/// How a lone pair goes by what it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachTerms {
    /// How many addresses are listed: routers, switches, whoever clients need as well.
    pub listed: usize,
    /// Between a look around after which this node may do nothing and the next one.
    pub pause: Duration,
    /// A look around that is not answered for so long counts as one that saw nobody.
    pub limit: Duration,
    /// So long somebody who was just started waits for the other one before it goes on
    /// without; of two who both hold nothing, the higher number waits as long again.
    pub wait: Duration,
}

/// How a lone pair fences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FencingTerms {
    /// Fences at once when both lose sight of each other. Nobody named: whoever holds
    /// more of what may run only once, if its peer is known to have read that.
    pub first: Option<NodeId>,
    /// So long the other one waits before it fences: longer than the slowest "off" that
    /// was measured, or both may go down.
    pub delay: Duration,
    /// Between an attempt that failed and the next one.
    pub pause: Duration,
    /// An attempt that is not answered for so long has failed.
    pub limit: Duration,
    /// Ask for the power of the fenced node again, once its resources may be taken.
    pub power_on: bool,
}

/// How an attempt to fence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FenceOutcome {
    /// The device was told "off" after this was asked for, and said "is off" when it was
    /// asked for its status afterwards. Nothing else counts.
    ConfirmedOff,
    /// A device said no, or could not be reached, or said "is on" afterwards.
    Failed,
    /// A device did not answer in time: the node may be off, or go off later.
    TimedOut,
}

/// A line of the log. Whoever goes on alone begins another one, and whoever comes back
/// from an earlier one starts with nothing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch {
    /// Counts up: by one after fencing, by two after an operator's word. So what was
    /// begun on an operator's word outweighs what the other one, which is off, began
    /// unseen after fencing. Of two that began unseen, the one that takes part, while the other
    /// one was just started, counts on from the other one's.
    pub number: u64,
    /// Who began it; two of the same number are told apart by this.
    pub by: Option<NodeId>,
}

impl Epoch {
    /// The one that `by` begins after this one.
    #[must_use]
    pub(crate) fn next(self, by: NodeId, on_an_operators_word: bool) -> Self {
        Self {
            number: self.number + 1 + u64::from(on_an_operators_word),
            by: Some(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_word_outweighs_what_was_begun_unseen() {
        let common = Epoch::default();
        let fenced = common.next(NodeId(2), false);
        let told = common.next(NodeId(1), true);
        assert!(fenced > common);
        assert!(told > fenced);
        assert_ne!(common.next(NodeId(1), true), common.next(NodeId(2), true));
    }
}
