//! A lone pair without one of the two: the survivor goes on alone, the other one comes
//! back with nothing, and gets its vote again.

use crate::action::{Action, Note};
use crate::arbitration::Epoch;
use crate::disk::{GivenUp, Membership, Ticket, Write};
use crate::fencing::{Attempt, Fencing};
use crate::name::NodeId;
use crate::node::Node;
use crate::packet::Beat;
use crate::parting::leaves;
use crate::planted::Bug;
use crate::reach::another_session;
use crate::state::{Proof, State};
use crate::time::Time;

impl Node {
    /// What this node wrote to go on alone is on its disk: it does.
    pub(crate) fn go_on_alone(&mut self, on_disk: Ticket, now: Time) {
        let Attempt::Founding {
            ticket,
            node,
            founding,
            takes,
        } = &self.fencing.attempt
        else {
            return;
        };
        if *ticket > on_disk {
            return;
        }
        let (node, founding, takes) = (*node, founding.clone(), *takes);
        self.fencing.attempt = Attempt::None;
        self.fencing.founded = Some(founding.state.applied);
        self.consensus.found(&founding);
        self.state = founding.state;
        self.weigh_anew();
        self.applied_at = now;
        self.decided = None;
        // Who only keeps what it has may have stopped it while the disk was slow.
        self.joined |= takes || self.settings.arbitration.reach().is_none();
        self.fencing.yielded = false;
        if self.joined {
            self.grace = None;
        }
        if takes {
            self.is_confirmed(node);
        }
        self.out.note(Note::Alone(self.state.epoch));
    }

    /// The peer went on without this node: what is here is of an earlier epoch, and
    /// nothing of it counts any more. Unless the peer is of no cluster yet, and this node
    /// went on alone as well: then this is the one whose turn was last.
    pub(crate) fn compare_epochs(&mut self, from: NodeId, beat: &Beat, now: Time) {
        let epoch = beat.epoch;
        // What is on its way to the disk counts as begun.
        let mine = match &self.fencing.attempt {
            Attempt::Founding { founding, .. } => founding.state.epoch,
            Attempt::None | Attempt::Asked { .. } => self.state.epoch,
        };
        if self.lone_peer() != Some(from)
            || epoch <= mine
            || self.settings.has(Bug::LowerEpochAccepted)
        {
            return;
        }
        if self.went_on_last(from, beat) {
            let above = epoch.next(self.settings.me, false);
            return self.found_alone(from, above, false, now);
        }
        let founded = self.fencing.founded;
        let dropped = founded.map(|since| self.state.applied.saturating_sub(since));
        self.begin_with_nothing(epoch, Some(from), now);
        self.out.note(Note::Yielded { to: epoch, dropped });
    }

    /// Both went on alone, neither knowing of the other one: the peer before it was switched
    /// off, for it is on again since and has begun nothing, and this node after that. So of
    /// two words of operators it is the last one that counts, whatever their numbers. Not so
    /// if only its daemon was started anew: it may serve.
    fn went_on_last(&self, peer: NodeId, beat: &Beat) -> bool {
        let known = self.state.members.get(&peer).map(|member| member.boot);
        let was_switched_off = known != Some(beat.boot) && beat.incarnation.is_none();
        self.state.alone == Some(self.settings.me)
            && self.joined
            && self.incarnation.is_some()
            && !self.is_leaving()
            && was_switched_off
    }

    /// What a node of a lone pair acknowledged is not on its disk any more: it follows
    /// without a vote until it has everything. If the other one still counts on its vote,
    /// it is to be fenced first: an operator's task.
    pub(crate) fn follow_anew(&mut self, peer: NodeId, now: Time) {
        let blank = self.state.applied == 0 && self.state.alone == Some(peer);
        if !blank {
            self.begin_with_nothing(self.state.epoch, Some(peer), now);
            self.out.note(Note::OldDisk);
        }
    }

    /// Nothing that is here counts any more: neither the log nor what was said or held.
    pub(crate) fn begin_with_nothing(&mut self, epoch: Epoch, alone: Option<NodeId>, now: Time) {
        self.state = State {
            epoch,
            alone,
            ..State::default()
        };
        // What runs here is stopped as it was known so far.
        self.configured = 0;
        let write = self.consensus.yield_to(&self.state);
        self.fencing = Fencing::default();
        let by_reach = self.settings.arbitration.reach().is_some();
        if by_reach && !self.settings.has(Bug::YieldedUnnoticed) {
            self.fencing.yielded = true;
            self.session = another_session(self.session, epoch);
        }
        let given_up = self.local.given_up().filter(|_| by_reach);
        self.given_up |= given_up.is_some();
        self.out.persist(Write { given_up, ..write });
        self.answers.clear();
        self.promises.forget();
        self.decided = None;
        self.joined = false;
        if self.incarnation.take().is_some() || self.local.is_armed() {
            self.lose_the_lease(now);
            self.local.admitted();
        }
    }

    /// All of what was given up is stopped: that is on the disk before anything of the
    /// other line is.
    pub(crate) fn forget_what_was_given_up(&mut self) {
        if self.given_up && !self.is_still_stopping() {
            self.given_up = false;
            self.local.has_stopped_it();
            self.out.persist(Write {
                given_up: Some(GivenUp::default()),
                ..Write::default()
            });
        }
    }

    /// This node is one of the cluster: it was admitted in this start of its machine. A
    /// daemon that is started anew on a machine that was not knows it from the disk.
    pub(crate) fn has_joined(&mut self) {
        if self.joined || !self.settings.arbitration.is_of_a_lone_pair() {
            return;
        }
        self.joined = true;
        self.grace = None;
        self.fencing.yielded = false;
        self.out.persist(Write {
            membership: Some(Membership::Since(self.boot)),
            ..Write::default()
        });
    }

    /// May this node admit itself and order anything? One that goes on alone, and was
    /// started anew, does not know what the other one did meanwhile, before it saw it.
    pub(crate) fn is_entitled(&self) -> bool {
        self.joined
            || self.state.alone != Some(self.settings.me)
            || self.settings.has(Bug::SoloForgotten)
    }

    /// Of a lone pair: it takes part no more, and does nothing alone before it met its peer
    /// again, or looked around.
    pub(crate) fn become_a_stranger(&mut self) {
        self.joined = false;
        self.out.persist(Write {
            membership: Some(Membership::Stranger),
            ..Write::default()
        });
    }

    /// A node was given up: that is in the log now, and it may have its power again.
    pub(crate) fn peer_is_lost(&mut self, node: NodeId, proof: Proof) {
        if self.lone_peer().is_none() {
            return;
        }
        if node == self.settings.me && self.incarnation.is_some() {
            self.become_a_stranger();
        }
        let confirmed = self.fencing.confirmed.take();
        let mine = confirmed.is_some_and(|(its, _)| its == node);
        let terms = self.settings.arbitration.fencing();
        let has_power_again = terms.is_some_and(|terms| terms.power_on);
        if mine && proof == Proof::Fenced && has_power_again {
            self.out.act(Action::PowerOn { node });
        }
    }

    /// A coordinator that goes on alone looks for its peer: whether it follows, and
    /// whether it can have its vote again.
    pub(crate) fn look_for_the_peer(&mut self, now: Time) {
        let Some(peer) = self.lone_peer() else {
            return;
        };
        if self.state.alone != Some(self.settings.me) {
            return;
        }
        let answers = self.peers.proof(peer, self.session).is_some();
        if !answers || !self.is_usable(peer, now) {
            return;
        }
        self.has_joined();
        let goes = self.state.members.get(&peer).is_some_and(leaves);
        // Whoever shares its vote has one itself in this start of its machine: it may have
        // to do without the other one again in the next moment.
        if !goes && self.is_usable(self.settings.me, now) && self.consensus.is_caught_up(peer) {
            self.consensus.propose_reunion(peer);
        }
    }
}
