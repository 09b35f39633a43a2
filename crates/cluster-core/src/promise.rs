//! What a voter owes to the nodes whose leases it renewed.

use crate::disk::Agreement;
use crate::name::NodeId;
use crate::planted::Bug;
use crate::settings::Settings;
use crate::time::Time;
use std::collections::BTreeMap;

/// A voter's promises and agreements.
#[derive(Debug)]
pub(crate) struct Promises {
    /// Promises of an earlier session are not remembered: none is broken before this.
    quiet_until: Time,
    until: BTreeMap<NodeId, Time>,
    agreed: BTreeMap<NodeId, Agreement>,
}

impl Promises {
    /// Begins with the agreements on the disk.
    pub(crate) fn new(agreed: BTreeMap<NodeId, Agreement>, settings: &Settings, now: Time) -> Self {
        let quiet_until = if settings.has(Bug::PromiseForgotten) {
            now
        } else {
            now + settings.terms.promise()
        };
        let agreed = if settings.has(Bug::AgreementNotKept) {
            BTreeMap::new()
        } else {
            agreed
        };
        Self {
            quiet_until,
            until: BTreeMap::new(),
            agreed,
        }
    }

    /// Renews a lease, and promises to agree to no takeover for as long as the node
    /// may hold anything. Refused once a takeover was agreed to.
    pub(crate) fn echo(&mut self, node: NodeId, settings: &Settings, now: Time) -> bool {
        if self.agreed.contains_key(&node) && !settings.has(Bug::EchoAfterAgreement) {
            return false;
        }
        self.until.insert(node, now + settings.terms.promise());
        true
    }

    /// Agrees to a takeover, if every promise is over. True: to be kept on the disk
    /// before it is said.
    pub(crate) fn agree(
        &mut self,
        node: NodeId,
        agreement: Agreement,
        settings: &Settings,
        now: Time,
    ) -> bool {
        if self
            .agreed
            .get(&node)
            .is_some_and(|given| *given >= agreement)
        {
            return self.agreed.get(&node) == Some(&agreement);
        }
        if settings.has(Bug::TakeoverUnasked) {
            self.agreed.insert(node, agreement);
            return true;
        }
        let promised = self.until.get(&node).is_some_and(|until| now < *until);
        if promised || now < self.quiet_until {
            return false;
        }
        self.agreed.insert(node, agreement);
        true
    }

    /// What was promised was promised to an earlier epoch.
    pub(crate) fn forget(&mut self) {
        self.until.clear();
        self.agreed.clear();
    }

    /// The cluster decided: whatever was agreed to before this is settled. True: the
    /// disk is to forget it, too.
    pub(crate) fn settle(&mut self, node: NodeId, decided: Agreement) -> bool {
        if self.agreed.get(&node).is_some_and(|given| *given < decided) {
            self.agreed.remove(&node);
            return true;
        }
        false
    }

    /// What this voter agreed to and the cluster has not decided.
    pub(crate) fn agreed(&self) -> &BTreeMap<NodeId, Agreement> {
        &self.agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Incarnation;
    use crate::settings::tests::three_voters;
    use std::time::Duration;

    const NODE: NodeId = NodeId(2);

    fn attempt(attempt: u64) -> Agreement {
        Agreement {
            incarnation: Incarnation(1),
            attempt,
        }
    }

    #[test]
    fn a_voter_agrees_once_its_promise_is_over_and_then_renews_no_more() {
        let settings = three_voters(NodeId(1));
        let promise = settings.terms.promise();
        let mut promises = Promises::new(BTreeMap::new(), &settings, Time::default());
        let begun = Time::default() + promise;
        assert!(promises.echo(NODE, &settings, begun));
        let over = begun + promise;
        let early = over - Duration::from_millis(1);
        assert!(!promises.agree(NODE, attempt(0), &settings, early));
        assert!(promises.agree(NODE, attempt(0), &settings, over));
        assert!(promises.agree(NODE, attempt(0), &settings, over), "again");
        assert!(!promises.echo(NODE, &settings, over));
        assert!(promises.settle(NODE, attempt(1)), "called off");
        assert!(promises.echo(NODE, &settings, over));
        assert!(!promises.agree(NODE, attempt(1), &settings, over));
    }

    #[test]
    fn a_restarted_voter_agrees_to_nothing_for_a_whole_promise_and_keeps_its_word() {
        let settings = three_voters(NodeId(1));
        let now = Time::from_millis(77);
        let kept = BTreeMap::from([(NODE, attempt(3))]);
        let mut promises = Promises::new(kept, &settings, now);
        assert!(!promises.echo(NODE, &settings, now));
        assert!(!promises.agree(NodeId(1), attempt(0), &settings, now));
        let later = now + settings.terms.promise();
        assert!(promises.agree(NodeId(1), attempt(0), &settings, later));
    }

    #[test]
    fn an_older_attempt_is_not_agreed_to() {
        let settings = three_voters(NodeId(1));
        let now = Time::default() + settings.terms.promise();
        let mut promises = Promises::new(BTreeMap::new(), &settings, Time::default());
        assert!(promises.agree(NODE, attempt(2), &settings, now));
        assert!(!promises.agree(NODE, attempt(1), &settings, now));
        assert!(!promises.settle(NODE, attempt(2)));
    }
}
