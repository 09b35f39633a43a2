//! The right to run resources, as its holder sees it.

use crate::name::NodeId;
use crate::planted::Bug;
use crate::settings::Settings;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Questions that may still be answered. One is asked each `keepalive`; an answer to an
/// older one would be worth nothing.
const OPEN_MAX: usize = 64;

/// A lease, renewed by a majority of voters.
#[derive(Debug, Default)]
pub(crate) struct Lease {
    until: Option<Time>,
    next: u64,
    open: BTreeMap<u64, Question>,
}

#[derive(Debug)]
struct Question {
    asked: Time,
    echoes: BTreeSet<NodeId>,
}

impl Lease {
    /// A new question, to be sent at once: the lease counts from now.
    pub(crate) fn ask(&mut self, now: Time) -> u64 {
        self.next += 1;
        let question = Question {
            asked: now,
            echoes: BTreeSet::new(),
        };
        self.open.insert(self.next, question);
        while self.open.len() > OPEN_MAX {
            self.open.pop_first();
        }
        self.next
    }

    /// A voter answered.
    pub(crate) fn echoed(&mut self, by: NodeId, nonce: u64, settings: &Settings, now: Time) {
        let Some(question) = self.open.get_mut(&nonce) else {
            return;
        };
        if !settings.voters.contains(&by) && !settings.has(Bug::LearnerCounts) {
            return;
        }
        question.echoes.insert(by);
        if question.echoes.len() >= settings.majority() {
            let from = if settings.has(Bug::LeaseFromReceipt) {
                now
            } else {
                question.asked
            };
            self.until = self.until.max(Some(from + settings.terms.lease));
            self.open = self.open.split_off(&(nonce + 1));
        }
    }

    /// Good at this moment?
    pub(crate) fn is_valid(&self, now: Time) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When it ends or ended; never had: `None`.
    pub(crate) fn until(&self) -> Option<Time> {
        self.until
    }

    /// The cluster gave this node up, or never knew this session: all is void.
    pub(crate) fn forget(&mut self) {
        self.until = None;
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::three_voters;
    use std::time::Duration;

    #[test]
    fn a_majority_of_echoes_counts_from_when_it_was_asked() {
        let settings = three_voters(NodeId(1));
        let mut lease = Lease::default();
        let asked = Time::from_millis(1_000);
        let nonce = lease.ask(asked);
        let late = asked + Duration::from_secs(1);
        lease.echoed(NodeId(1), nonce, &settings, late);
        lease.echoed(NodeId(1), nonce, &settings, late);
        assert!(!lease.is_valid(late), "one voter twice is no majority");
        lease.echoed(NodeId(9), nonce, &settings, late);
        assert!(!lease.is_valid(late), "who has no vote does not count");
        lease.echoed(NodeId(2), nonce, &settings, late);
        assert_eq!(lease.until(), Some(asked + settings.terms.lease));
        assert!(!lease.is_valid(asked + settings.terms.lease));
    }

    #[test]
    fn echoes_of_different_questions_do_not_add_up() {
        let settings = three_voters(NodeId(1));
        let mut lease = Lease::default();
        let now = Time::from_millis(1);
        let first = lease.ask(now);
        let second = lease.ask(now);
        lease.echoed(NodeId(1), first, &settings, now);
        lease.echoed(NodeId(2), second, &settings, now);
        assert!(!lease.is_valid(now));
    }

    #[test]
    fn an_old_answer_does_not_shorten_a_lease() {
        let settings = three_voters(NodeId(1));
        let mut lease = Lease::default();
        let early = lease.ask(Time::from_millis(0));
        let late = lease.ask(Time::from_millis(500));
        let now = Time::from_millis(600);
        for voter in [NodeId(1), NodeId(2)] {
            lease.echoed(voter, late, &settings, now);
        }
        let until = lease.until();
        for voter in [NodeId(1), NodeId(2)] {
            lease.echoed(voter, early, &settings, now);
        }
        assert_eq!(lease.until(), until);
    }
}
