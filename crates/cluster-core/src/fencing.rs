//! How one of a lone pair comes to go on without the other one: by having it powered off,
//! or by an operator's word. By what it reaches: [`crate::reach`].
//!
//! From the moment the device is asked until it has answered, nothing is decided together
//! with the peer. So "it was off, some time after you asked" is enough: whatever the peer
//! was ever told is over, and a peer that is on again was told nothing since.

use crate::action::{Action, Note, Refusal};
use crate::arbitration::{Arbitration, Epoch, FenceOutcome, FencingTerms};
use crate::consensus::Founding;
use crate::disk::Ticket;
use crate::name::{Incarnation, NodeId};
use crate::node::Node;
use crate::planted::Bug;
use crate::state::{Standing, State};
use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where a node stands with the fencing of its peer.
#[derive(Debug, Default)]
pub(crate) struct Fencing {
    /// Attempts so far.
    number: u64,
    /// Since when the peer is not there.
    pub(crate) lost: Option<Time>,
    /// It was heard for a moment meanwhile.
    pub(crate) glimpsed: bool,
    /// It goes first, by what was known then: what is heard later of a peer that may be back
    /// is no reason to hurry.
    goes_first: bool,
    /// Nothing is tried before this.
    pub(crate) pause: Option<Time>,
    /// Who of the two holds more, and the entry of the log since which it does.
    pub(crate) favoured: Option<(NodeId, u64)>,
    /// The place in the log at which this daemon went on alone.
    pub(crate) founded: Option<u64>,
    /// Where what is reached decides: who reaches less than the other one, and since when.
    pub(crate) fewer: BTreeMap<NodeId, Time>,
    /// This daemon gave up its line of the log for the other one's, and was not admitted
    /// since.
    pub(crate) yielded: bool,
    /// What was seen around when somebody looked last, since the peer is lost.
    pub(crate) seen: Option<Seen>,
    /// An operator said that the peer is off, and it was not heard since.
    pub(crate) told: bool,
    pub(crate) attempt: Attempt,
    /// Seen to be off, or taken for gone by what is reached, and not in the log yet.
    pub(crate) confirmed: Option<(NodeId, Incarnation)>,
}

/// What somebody who looked around saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// So many of the listed addresses answered.
    pub(crate) reached: usize,
    /// Somebody else has an address of the cluster.
    pub(crate) owned: bool,
    /// When.
    pub(crate) at: Time,
}

/// What is under way.
#[derive(Debug, Default)]
pub(crate) enum Attempt {
    /// Nothing.
    #[default]
    None,
    /// The device was asked, or somebody looks around.
    Asked { number: u64, node: NodeId, at: Time },
    /// This node goes on alone as soon as that is on its disk.
    Founding {
        ticket: Ticket,
        node: NodeId,
        founding: Box<Founding>,
        /// Nothing of the other one is left: what it had may be taken.
        takes: bool,
    },
}

impl Fencing {
    /// Whoever is lost was waited for, and nothing was tried just now.
    pub(crate) fn is_time(&mut self, patience: Duration, now: Time) -> bool {
        let lost = *self.lost.get_or_insert(now);
        let waits = self.pause.is_some_and(|until| now < until);
        !waits && now.since(lost) >= patience
    }

    /// Whom the attempt of this number is about, and when it began. An answer to an earlier one
    /// is about a peer that may have joined since.
    pub(crate) fn asked(&self, number: u64) -> Option<(NodeId, Time)> {
        match self.attempt {
            Attempt::Asked {
                number: asked,
                node,
                at,
            } if asked == number => Some((node, at)),
            Attempt::None | Attempt::Asked { .. } | Attempt::Founding { .. } => None,
        }
    }

    /// Another attempt; its number.
    pub(crate) fn begin(&mut self, node: NodeId, now: Time) -> u64 {
        self.number += 1;
        let number = self.number;
        self.attempt = Attempt::Asked {
            number,
            node,
            at: now,
        };
        number
    }
}

impl Node {
    /// The other node of a lone pair; none, where a majority decides.
    pub(crate) fn lone_peer(&self) -> Option<NodeId> {
        if !self.settings.arbitration.is_of_a_lone_pair() {
            return None;
        }
        let me = self.settings.me;
        let mut others = self.settings.voters.iter().copied();
        others.find(|node| *node != me)
    }

    /// One of a lone pair sees to it that it can go on without the other one.
    pub(crate) fn watch_the_peer(&mut self, now: Time) {
        if let Some(peer) = self.lone_peer() {
            self.attend_to(peer, now);
        }
        match (self.settings.arbitration, &self.fencing.attempt) {
            (Arbitration::Quorum, _) | (_, Attempt::Founding { .. }) => {}
            (Arbitration::Fencing(terms), Attempt::None) => self.watch_with_devices(&terms, now),
            (Arbitration::Reach(terms), Attempt::None) => self.watch_by_reach(terms, now),
            // What is not answered in time is answered badly.
            (Arbitration::Fencing(terms), Attempt::Asked { number, at, .. }) => {
                if now.since(*at) >= terms.limit {
                    self.fenced(*number, FenceOutcome::TimedOut, now);
                }
            }
            (Arbitration::Reach(terms), Attempt::Asked { number, at, .. }) => {
                if now.since(*at) >= terms.limit {
                    self.reached(*number, 0, true, now);
                }
            }
        }
    }

    /// Notices that the peer is lost, and has it fenced when it is time to.
    fn watch_with_devices(&mut self, terms: &FencingTerms, now: Time) {
        let Some(node) = self.lone_peer().filter(|node| self.may_fence(*node, now)) else {
            self.fencing.lost = None;
            return;
        };
        if self.fencing.lost.is_none() {
            self.fencing.goes_first = self.goes_first(terms, node);
            self.fencing.glimpsed = false;
        }
        // Heard for a moment meanwhile, the other one may have become the one that goes first.
        self.fencing.goes_first &= terms.first.is_some() || self.holds_more();
        let patience = self.patience(terms, node);
        if !self.fencing.is_time(patience, now) || !self.is_surely_lost(node, now) {
            return;
        }
        let number = self.fencing.begin(node, now);
        self.consensus.halt(true);
        self.out.note(Note::Fencing(node, number));
        self.out.act(Action::Fence { number, node });
    }

    /// When that is to be looked at again, at the latest.
    pub(crate) fn fencing_deadline(&self) -> Option<Time> {
        let limit = match self.settings.arbitration {
            Arbitration::Quorum => return None,
            Arbitration::Fencing(terms) => terms.limit,
            Arbitration::Reach(terms) => terms.limit,
        };
        match self.fencing.attempt {
            Attempt::Asked { at, .. } => Some(at + limit),
            Attempt::None => self.notices_at(self.lone_peer()?),
            Attempt::Founding { .. } => None,
        }
    }

    /// The peer is lost, and this node has the right to fence it: it joined it in this
    /// start of its machine, has a vote, and can write down what it does.
    fn may_fence(&self, node: NodeId, now: Time) -> bool {
        let has = |bug| self.settings.has(bug);
        let alone = self.state.alone;
        let is_to_go = match alone {
            // Without its vote nothing goes on.
            None => true,
            // Without proof nothing of it can be taken.
            Some(only) if only == self.settings.me => {
                let member = self.state.members.get(&node);
                member.is_some_and(|member| !member.lost) && self.fencing.confirmed.is_none()
            }
            Some(_) => has(Bug::LearnerGoesSolo),
        };
        let has_joined = self.joined || has(Bug::FencedByStranger);
        is_to_go
            && has_joined
            && self.can_write(now)
            && !self.is_there(node, now)
            && !self.consensus.is_parting()
    }

    /// Its disk answers.
    pub(crate) fn can_write(&self, now: Time) -> bool {
        !self.stall.lasts(self.settings.deadtime, now)
    }

    /// How long a lost peer is waited for.
    fn patience(&self, terms: &FencingTerms, node: NodeId) -> Duration {
        // Who has no vote does not shoot back.
        let alone = self.state.alone.is_some();
        if alone || self.fencing.goes_first || self.settings.has(Bug::NoDelay) {
            Duration::ZERO
        } else if terms.first.is_some() {
            terms.delay
        } else if node < self.settings.me {
            // Each may believe that the other one holds more: they wait in turn.
            terms.delay * 2
        } else if self.fencing.glimpsed {
            // The other one waits twice as long from now on as well, or still from before.
            terms.delay * 3
        } else {
            terms.delay
        }
    }

    /// By what this node has read.
    fn holds_more(&self) -> bool {
        let favoured = self.fencing.favoured.map(|(first, _)| first);
        favoured == Some(self.settings.me)
    }

    /// Of two that lost sight of each other, does this one fence at once?
    fn goes_first(&self, terms: &FencingTerms, peer: NodeId) -> bool {
        match terms.first {
            Some(first) => first == self.settings.me,
            None => self.is_favoured(peer),
        }
    }

    /// The log says that this node holds more, and its peer has read that: it told so, and
    /// that it hears this daemon. So of two who have not read equally far one is left at most.
    fn is_favoured(&self, peer: NodeId) -> bool {
        let me = self.settings.me;
        let Some((_, since)) = self.fencing.favoured.filter(|(first, _)| *first == me) else {
            return false;
        };
        self.peers.beat(peer).is_some_and(|beat| {
            let hears = beat
                .heard
                .is_some_and(|(session, _)| session == self.session);
            hears && beat.epoch == self.state.epoch && beat.applied >= since
        })
    }

    /// The state is another one: nobody knows since when.
    pub(crate) fn weigh_anew(&mut self) {
        self.fencing.favoured = None;
        self.weigh();
    }

    /// Another entry of the log was applied: notes who holds more now, of equals the lower
    /// number.
    pub(crate) fn weigh(&mut self) {
        let fences = self.settings.arbitration.fencing().is_some();
        let Some(peer) = self.lone_peer().filter(|_| fences) else {
            return;
        };
        let me = self.settings.me;
        let is_me = (self.holdings(me), peer) > (self.holdings(peer), me);
        let first = if is_me { me } else { peer };
        if self
            .fencing
            .favoured
            .is_none_or(|(known, _)| known != first)
        {
            self.fencing.favoured = Some((first, self.state.applied));
        }
    }

    /// How much a node holds that may run only once, as far as the log knows.
    pub(crate) fn holdings(&self, node: NodeId) -> usize {
        let member = self.state.members.get(&node);
        let resources = member.into_iter().flat_map(|member| &member.resources);
        resources
            .filter(|(id, local)| {
                let its = self.state.resources.get(**id);
                let up = !matches!(local.standing, Standing::Unknown | Standing::Stopped);
                its.is_some_and(|its| its.alone) && (up || local.pending.is_some())
            })
            .count()
    }

    /// The device answered, or did not.
    pub(crate) fn fenced(&mut self, number: u64, outcome: FenceOutcome, now: Time) {
        let Some(terms) = self.settings.arbitration.fencing() else {
            return;
        };
        let Some((node, _)) = self.fencing.asked(number) else {
            return;
        };
        self.out.note(Note::Fenced(node, outcome));
        let trusted =
            outcome == FenceOutcome::TimedOut && self.settings.has(Bug::FenceTimeoutTrusted);
        if outcome == FenceOutcome::ConfirmedOff || trusted {
            self.is_off(node, false, now);
        } else {
            self.fencing.attempt = Attempt::None;
            self.fencing.pause = Some(now + terms.pause);
            self.consensus.halt(false);
        }
    }

    /// An operator says that a node is off.
    pub(crate) fn told_off(&mut self, number: u64, node: NodeId, now: Time) {
        let answer = self.believe(node, now);
        if answer.is_ok() {
            self.fencing.told = true;
            self.is_off(node, true, now);
        }
        self.out.act(Action::Answer { number, answer });
    }

    fn believe(&self, node: NodeId, now: Time) -> Result<(), Refusal> {
        let me = self.settings.me;
        let follows = self.state.alone.is_some_and(|only| only != me);
        let by_reach = self.settings.arbitration.reach().is_some();
        match self.lone_peer() {
            None => Err(Refusal::NotByWord),
            Some(peer) if peer != node => {
                let name = self.settings.name_of(node).to_owned();
                Err(Refusal::NoSuchNode(name))
            }
            // Heard at all, whether it hears us or not.
            Some(_) if self.peers.is_there(node, &self.settings, now) => {
                Err(Refusal::StillHeard(node))
            }
            Some(_) if follows && !by_reach => Err(Refusal::NoVote),
            // What runs here is of a line of the log that was given up.
            Some(_) if self.is_still_stopping() => Err(Refusal::Reading),
            // What is said of one who has no vote says too little of one who has.
            Some(_) if self.state.alone == Some(me) && self.consensus.is_reuniting() => {
                Err(Refusal::Reading)
            }
            Some(_) => Ok(()),
        }
    }

    /// The peer is off, and nothing was decided with it since somebody looked.
    fn is_off(&mut self, node: NodeId, on_an_operators_word: bool, now: Time) {
        let me = self.settings.me;
        // What is on its way to the disk is waited for.
        let founds = matches!(self.fencing.attempt, Attempt::Founding { .. });
        if self.state.alone == Some(me) && !founds {
            self.fencing.attempt = Attempt::None;
            self.consensus.halt(false);
            if on_an_operators_word {
                self.has_joined();
            }
            self.is_confirmed(node);
            return;
        }
        let epoch = self.state.epoch.next(me, on_an_operators_word);
        self.found_alone(node, epoch, true, now);
    }

    /// Begins this line of the log, of its own; `takes`: with all that the other one had.
    pub(crate) fn found_alone(&mut self, node: NodeId, epoch: Epoch, takes: bool, now: Time) {
        if let Attempt::Founding { takes: begun, .. } = &mut self.fencing.attempt {
            *begun |= takes;
            return;
        }
        let me = self.settings.me;
        let state = State {
            epoch,
            alone: Some(me),
            ..self.state.clone()
        };
        let Some(founding) = self.consensus.founding(state) else {
            return;
        };
        self.consensus.halt(true);
        let membership = crate::disk::Membership::Since(self.boot);
        let ticket = self.out.persist(founding.write(membership));
        self.fencing.attempt = Attempt::Founding {
            ticket,
            node,
            founding: Box::new(founding),
            takes,
        };
        if self.settings.has(Bug::SoloBeforePersist) {
            self.go_on_alone(ticket, now);
        }
    }

    /// To be said in the log by whoever coordinates: this node.
    pub(crate) fn is_confirmed(&mut self, node: NodeId) {
        let member = self.state.members.get(&node).filter(|its| !its.lost);
        self.fencing.confirmed = member.map(|member| (node, member.incarnation));
    }
}
