//! A lone pair of which one goes down in order: it stops what it has, and leaves its vote
//! to the other one, so that nobody has to be switched off for that.
//!
//! Both decide it, as everything: the leave is an entry of the log that both have on
//! their disks. From then on one of the two votes alone, in the same line of the log; the
//! other one comes back as one who was fenced does.

use crate::node::Node;
use crate::placement::LEAVING;
use crate::planted::Bug;
use crate::state::{Entry, Member};
use crate::time::Time;

impl Node {
    /// A coordinator whose peer wants to go lets it go once nothing runs there; one that
    /// wants to go itself has the peer coordinate first.
    pub(crate) fn part(&mut self, now: Time) {
        let (me, Some(peer)) = (self.settings.me, self.lone_peer()) else {
            return;
        };
        if !self.is_usable(peer, now) || self.state.alone.is_some_and(|only| only != me) {
            return;
        }
        if let Some(leaver) = self.state.members.get(&peer).filter(|its| leaves(its)) {
            if self.state.is_idle(peer) || self.settings.has(Bug::PartedHolding) {
                let entry = Entry::Parted {
                    node: peer,
                    incarnation: leaver.incarnation,
                    stays: me,
                };
                self.propose(entry, now);
            }
            return;
        }
        let goes = self.state.members.get(&me).is_some_and(leaves);
        if goes && self.state.alone.is_none() && self.state.is_idle(me) {
            self.consensus.hand_over(peer);
        }
    }

    /// May this daemon end for good, as far as the cluster is concerned? Whether anything
    /// runs here is for the caller to know.
    ///
    /// Where a majority decides, whoever holds nothing may. One of a lone pair may when
    /// the other one does without it, or is not there to be waited for.
    pub fn may_leave(&self, now: Time) -> bool {
        let (me, Some(peer)) = (self.settings.me, self.lone_peer()) else {
            return true;
        };
        let by_reach = self.settings.arbitration.reach().is_some();
        match self.state.alone {
            // Where what is reached decides, nobody needs its vote for anything.
            None if by_reach => !self.is_usable(peer, now),
            // Never one of the two, in this start of the machine.
            None => !self.joined && self.incarnation.is_none(),
            // Who follows is about to vote again, and then goes on without this one. Not
            // if it leaves too.
            Some(only) if only == me => !self.is_usable(peer, now),
            Some(_) => self.incarnation.is_none(),
        }
    }

    /// It said that it wants to go.
    pub(crate) fn is_leaving(&self) -> bool {
        let mine = self.attributes.as_ref();
        mine.is_some_and(|attributes| attributes.contains_key(LEAVING))
    }

    /// It said that it wants to go, and the log let it: it does not come back in this
    /// session.
    pub(crate) fn has_parted(&self) -> bool {
        self.lone_peer().is_some()
            && self.incarnation.is_none()
            && self.is_leaving()
            && self
                .state
                .members
                .get(&self.settings.me)
                .is_some_and(|member| member.session == self.session && member.lost)
    }
}

/// It wants to go, going by the log.
pub(crate) fn leaves(member: &Member) -> bool {
    !member.lost && member.attributes.contains_key(LEAVING)
}
