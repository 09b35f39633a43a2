//! A lone pair that nothing switches off: what each of the two reaches says whether it may
//! go on without the other one.
//!
//! This is no proof. Both go on where neither hears the other, each reaches enough, and
//! neither sees the other's addresses. Each writes a line of the log of its own then, and
//! when they hear each other again the later line stays, or that of the one that takes part
//! if the other one was just started; the other one stops what it has and begins with nothing
//! ([`Node::compare_epochs`]).

use crate::action::{Action, Note};
use crate::arbitration::{Epoch, ReachTerms};
use crate::fencing::{Attempt, Seen};
use crate::name::{NodeId, Session};
use crate::node::Node;
use crate::planted::Bug;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The attribute of a node that says how many of the listed addresses it reaches; agents of
/// Pacemaker call it so.
pub const REACHED: &str = "pingd";

/// A node reaches fewer addresses than another one if it has done so for this long: nodes
/// ask once a second, each by its own clock.
const LASTS: Duration = Duration::from_secs(3);

/// How many addresses a node reaches, if it knows.
pub fn reached(attributes: &BTreeMap<String, String>) -> Option<usize> {
    attributes.get(REACHED)?.parse().ok()
}

/// Is that enough to take what the other node had?
pub fn is_more_than_half(reached: usize, listed: usize) -> bool {
    reached.saturating_mul(2) > listed
}

/// To the other one, whoever stopped everything and begins with nothing is as one who was
/// started anew: what its log says of an earlier session is not so any more.
pub(crate) fn another_session(session: Session, epoch: Epoch) -> Session {
    let mixed = session.0.rotate_left(17) ^ epoch.number;
    Session(mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Node {
    /// Notices that the peer is lost, and looks around when it is time to.
    pub(crate) fn watch_by_reach(&mut self, terms: ReachTerms, now: Time) {
        let peer = self.lone_peer();
        let heard = |peer| self.peers.is_there(peer, &self.settings, now);
        self.fencing.told &= !peer.is_some_and(heard);
        if self.incarnation.is_some() && peer.is_some_and(|peer| self.is_usable(peer, now)) {
            self.has_joined();
        }
        let Some(node) = peer.filter(|node| self.may_do_without(*node, now)) else {
            self.fencing.lost = None;
            self.fencing.seen = None;
            return;
        };
        let patience = self.patience_with(node, terms);
        let is_sure = self.is_alone_unseen() || self.is_surely_lost(node, now);
        if !self.fencing.is_time(patience, now) || !is_sure {
            return;
        }
        let number = self.fencing.begin(node, now);
        self.out.act(Action::LookAround { number });
    }

    /// It is alone, and nothing runs here that anybody who looks around would see; or it saw
    /// somebody else itself, last.
    fn is_alone_unseen(&self) -> bool {
        let unseen = !self.local.serves() || self.sees_an_owner();
        self.joined && self.state.alone == Some(self.settings.me) && unseen
    }

    /// When it looked last it reached nobody, or somebody else had an address: it is not the
    /// one that clients find, and looks again until it is, whatever its line of the log says.
    fn looked_in_vain(&self) -> bool {
        let careless = self.settings.has(Bug::OwnerIgnored);
        self.fencing
            .seen
            .is_some_and(|seen| seen.owned && !careless || seen.reached == 0)
    }

    fn sees_an_owner(&self) -> bool {
        self.fencing.seen.is_some_and(|seen| seen.owned)
    }

    /// The peer is lost, and this node can write down what it does. One that is alone already
    /// looks as well as long as nobody sees it, also past a peer that never gets ready.
    fn may_do_without(&self, node: NodeId, now: Time) -> bool {
        let me = self.settings.me;
        let is_to_go = match self.state.alone {
            Some(only) if only == me => {
                let member = self.state.members.get(&node);
                let holds = member.is_some_and(|member| !member.lost);
                let unconfirmed = holds && self.fencing.confirmed.is_none();
                !self.joined || unconfirmed || self.is_alone_unseen() || self.looked_in_vain()
            }
            // Who has no vote may know less than was decided; nothing here is worth more
            // than service. Not so to one that is about to end.
            Some(_) => !self.is_leaving(),
            None => true,
        };
        let knows_what = self.state.resources.configured() != 0 || self.settings.first.is_some();
        is_to_go
            && knows_what
            && !self.is_still_stopping()
            && self.can_write(now)
            && !(self.is_usable(node, now) || self.is_there(node, now) && !self.is_alone_unseen())
            && !self.consensus.is_parting()
    }

    /// How long a lost peer is waited for. One that was just started gives the other one time
    /// to start as well, and two that hold nothing do not begin together.
    fn patience_with(&self, peer: NodeId, terms: ReachTerms) -> Duration {
        let me = self.settings.me;
        if self.is_alone_unseen() {
            return Duration::ZERO;
        }
        let mut patience = Duration::ZERO;
        if !self.joined && self.incarnation.is_none() {
            patience += terms.wait;
        }
        if self.holdings(me) == 0 && self.holdings(peer) == 0 && me > peer {
            patience += terms.wait;
        }
        patience
    }

    /// A look around came to an end.
    pub(crate) fn reached(&mut self, number: u64, reached: usize, owned: bool, now: Time) {
        let Some(terms) = self.settings.arbitration.reach() else {
            return;
        };
        let Some((node, asked)) = self.fencing.asked(number) else {
            return;
        };
        // What was seen before this node slept says nothing about now.
        let is_late = now.since(asked) >= terms.limit;
        let (reached, owned) = if is_late { (0, true) } else { (reached, owned) };
        self.fencing.attempt = Attempt::None;
        self.fencing.pause = Some(now + terms.pause);
        let before = self.fencing.seen.map(|seen| (seen.reached, seen.owned));
        let at = now;
        self.fencing.seen = Some(Seen { reached, owned, at });
        if before != Some((reached, owned)) {
            self.out.note(Note::Reached(reached, owned));
        }
        let me = self.settings.me;
        let owned = owned && !self.settings.has(Bug::OwnerIgnored);
        let is_gone = self.state.members.get(&node).is_some_and(|its| its.lost);
        if self.state.alone == Some(me) && self.joined && is_gone && owned && !self.fencing.told {
            // Somebody was faster: of two that begin, one has to stop.
            self.leave_it_to_the_other_one(now);
            return;
        }
        if owned && !self.fencing.told {
            // It was believed to be gone, and that is not in the log yet.
            self.fencing.confirmed = None;
        }
        // Who began, or is heard again, while this node looked around, gets its time.
        let is_lost = self.is_alone_unseen() || self.is_surely_lost(node, now);
        if !self.may_do_without(node, now) || !is_lost {
            return;
        }
        // What somebody else has is not taken; what is here is kept by who reaches anybody.
        // Also of one that was gone before: this node was away itself, or it need not ask.
        let takes = is_more_than_half(reached, terms.listed) && !owned;
        let keeps = reached > 0 && self.holdings(me) > 0 && self.joined;
        if self.state.alone == Some(me) {
            if takes && !(self.joined && is_gone) {
                self.has_joined();
                self.is_confirmed(node);
            }
        } else if takes || keeps {
            self.found_alone(node, self.state.epoch.next(me, false), takes, now);
        }
    }

    /// The coordinator notices who reaches fewer addresses than another node. Both lose sight
    /// of the same host, and see it again, up to a second apart: only what lasts counts.
    pub(crate) fn watch_who_is_outreached(&mut self, now: Time) {
        if self.settings.arbitration.reach().is_none() {
            return;
        }
        let known = |node: &NodeId| reached(&self.state.members.get(node)?.attributes);
        let nodes = self.settings.nodes.iter().copied();
        let there: Vec<_> = nodes.filter(|node| self.is_usable(*node, now)).collect();
        let most = there.iter().filter_map(known).max();
        let reaches_fewer = |node: &&NodeId| known(node).is_some() && known(node) < most;
        let fewer: Vec<_> = there.iter().filter(reaches_fewer).collect();
        let before = std::mem::take(&mut self.fencing.fewer);
        let since = |node: &NodeId| before.get(node).copied().unwrap_or(now);
        self.fencing.fewer = fewer.into_iter().map(|node| (*node, since(node))).collect();
    }

    /// Who did so for a while.
    pub(crate) fn outreached(&self, now: Time) -> BTreeSet<NodeId> {
        let fewer = self.fencing.fewer.iter();
        let lasting = fewer.filter(|(_, since)| now.since(**since) >= LASTS);
        lasting.map(|(node, _)| *node).collect()
    }

    /// It goes on with what it has, and the other one may have things, too, that its own line
    /// of the log says nobody has: it starts nothing, unless it saw just now that it is the
    /// one who is reached. While it has nothing, nobody who looks around sees it: so also one
    /// that was gone may have come, and taken everything, and the same counts as for that one.
    pub(crate) fn may_only_keep(&self, now: Time) -> bool {
        let (Some(terms), Some(peer)) = (self.settings.arbitration.reach(), self.lone_peer())
        else {
            return false;
        };
        // It hears now what was said then, and the other one may have gone on meanwhile.
        if self.comes_back(now) {
            return true;
        }
        // What was ordered while both were one cluster is begun in it, or not at all.
        if self.state.alone != Some(self.settings.me) {
            return !self.is_there(peer, now);
        }
        let member = self.state.members.get(&peer);
        let serves = self.local.serves();
        let fresh = terms.pause * 2 + terms.limit;
        let is_free = self.fencing.seen.is_some_and(|seen| {
            let recent = now.since(seen.at) <= fresh;
            let enough = recent && is_more_than_half(seen.reached, terms.listed);
            !seen.owned && (enough || serves && seen.reached > 0)
        });
        (!serves || self.looked_in_vain() || member.is_some_and(|member| !member.lost))
            && !self.is_usable(peer, now)
            && !self.fencing.told
            && !is_free
    }

    /// Nothing here is of use to anybody, and the other one may have it by now: this node has
    /// it again when they are one cluster, or when it has looked around and nobody has it.
    pub(crate) fn leave_it_to_the_other_one(&mut self, now: Time) {
        self.grace.get_or_insert(now);
        self.become_a_stranger();
    }

    /// What it ran in the line of the log that it gave up is not stopped yet: in the other
    /// one the same numbers may stand for other things.
    pub(crate) fn is_still_stopping(&self) -> bool {
        self.fencing.yielded
            && (self.local.holds() || !self.local.is_idle())
            && !self.settings.has(Bug::HeardWhileStopping)
    }

    /// Nobody hears this node and it reaches nobody, or it cannot write: whoever needs what
    /// runs here does not get it here.
    pub(crate) fn is_cut_off(&self, now: Time) -> bool {
        // In maintenance all is left alone: a switch that is replaced must not stop anything.
        if self.state.operators.all_maintenance {
            return false;
        }
        let reaches = self.attributes.as_ref().and_then(reached);
        let heard = self
            .lone_peer()
            .is_some_and(|peer| self.is_there(peer, now));
        let writes = !self.stall.lasts(self.settings.terms.lease / 2, now);
        !writes || !heard && reaches == Some(0) && !self.settings.has(Bug::NobodyReached)
    }
}
