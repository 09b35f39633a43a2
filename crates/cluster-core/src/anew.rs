//! A member that begins with an empty disk: it may have lost one, and with it what it said.
//!
//! Such a member takes no part: it renews no lease, agrees to no takeover, neither votes nor
//! acknowledges anything. It may begin anew
//! - when a majority of voters has nothing that was committed: the cluster is new, or nothing
//!   of it is left. Whoever knows that something was committed, and is heard, forbids it;
//! - or when an entry that names its session is in the log.
//!
//! That entry is proposed once nothing that it said before can be under way (a promise after
//! its start), or at once by a leader to whom the whole log belongs and who never heard of it.
//! Nobody who is blank acknowledges the entry, so a majority has it without them. It is the
//! leader who tells that it is there, for a leader who has read it has forgotten what was
//! acknowledged before: one whose own disk is slow reads it later than the others do.
//!
//! Why that is enough, with 2f + 1 voters of which k are blank, and an entry E that was
//! acknowledged by some of these before: at least f + 1 - k others have E, f + 1 have the
//! entry that lets one begin anew, and there are 2f + 1 - k; so somebody has both, and
//! whoever leads or comes to lead with that majority has E. A candidate whom a blank one
//! voted for, and who does not have the entry, finds no majority any more: those f + 1 refuse
//! it. Its vote in a later term is free: it begins in the term of the entry or a later one.
//! A coordinator forgets what it had agreed to when the entry takes effect.

use crate::action::Note;
use crate::disk::Write;
use crate::name::{NodeId, Session};
use crate::node::Node;
use crate::packet::Memory;
use crate::planted::Bug;
use crate::state::Entry;
use crate::time::Time;
use std::collections::BTreeMap;

/// Who begins anew.
#[derive(Debug, Default)]
pub(crate) struct Anew {
    /// Since when this node is blank; nothing: it is not.
    pub(crate) since: Option<Time>,
    /// It began in a cluster that was there before.
    pub(crate) latecomer: bool,
    /// In this session: whoever leads a cluster that let it begin has forgotten what an
    /// earlier one acknowledged, and what a late packet says of that is not so any more.
    pub(crate) renewed: bool,
    /// Starts with an empty disk that the log has, and a term not before that of the entry.
    pub(crate) begun: BTreeMap<NodeId, (Session, u64)>,
}

impl Node {
    /// Does it know all that it ever said? Otherwise it says nothing that binds.
    pub fn takes_part(&self) -> bool {
        self.anew.since.is_none()
    }

    /// What it says of its own memory.
    pub(crate) fn memory(&self, now: Time) -> Memory {
        match self.anew.since {
            Some(since) if now.since(since) < self.settings.terms.promise() => Memory::Blank,
            Some(_) => Memory::Settled,
            None if self.consensus.has_committed() || self.anew.latecomer => Memory::Whole,
            None => Memory::Founder,
        }
    }

    /// A heartbeat came in, or it is time for one: may it begin?
    pub(crate) fn try_to_begin(&mut self, from: Option<NodeId>, now: Time) {
        if self.takes_part() {
            return;
        }
        let beat = from.and_then(|from| self.peers.beat(from));
        let begun = beat.and_then(|beat| beat.begun);
        if let Some((_, term)) = begun.filter(|(session, _)| *session == self.session) {
            self.begin_in(term);
            // What it has got of that cluster may be nothing yet: it is no new one all the
            // same, nor for those who begin after this one.
            self.anew.latecomer = true;
            self.anew.renewed = true;
            self.out.persist(Write {
                latecomer: Some(true),
                ..Write::default()
            });
            return;
        }
        let voters = self.settings.voters.iter().copied();
        let (mut without, mut with) = (0, false);
        for voter in voters {
            let memory = self.peers.beat(voter).map(|beat| beat.memory);
            let whole = memory == Some(Memory::Whole);
            with |= whole && self.peers.is_there(voter, &self.settings, now);
            let there = voter == self.settings.me || self.is_there(voter, now);
            without += usize::from(there && !whole);
        }
        if without >= self.settings.majority() && !with {
            self.begin_in(0);
        }
    }

    /// What a coordinator tells this peer of its start with an empty disk.
    pub(crate) fn lets_begin(&self, peer: NodeId) -> Option<(Session, u64)> {
        let begun = self.anew.begun.get(&peer).copied();
        begun.filter(|_| self.coordinates || self.settings.has(Bug::BegunByHearsay))
    }

    fn begin_in(&mut self, term: u64) {
        self.consensus.begin_in(term);
        self.anew.since = None;
        self.out.note(Note::BeginsAnew);
    }

    /// A coordinator puts into the log that somebody begins with an empty disk.
    pub(crate) fn let_begin(&mut self, now: Time) {
        let peers: Vec<NodeId> = self.settings.peers().collect();
        for peer in peers {
            let Some(beat) = self.peers.proof(peer, self.session) else {
                continue;
            };
            let may = match beat.memory {
                Memory::Settled => true,
                Memory::Blank => self.consensus.is_new(peer),
                Memory::Whole | Memory::Founder => false,
            };
            let session = beat.session;
            let known = self.anew.begun.get(&peer).map(|(session, _)| *session);
            if may && known != Some(session) && self.is_there(peer, now) {
                let node = peer;
                self.propose(Entry::Begun { node, session }, now);
            }
        }
    }

    /// The log has it.
    pub(crate) fn begins_anew(&mut self, node: NodeId, session: Session) {
        let begun = (session, self.consensus.term());
        self.anew.begun.insert(node, begun);
        if node != self.settings.me {
            self.takeovers.forget(node);
            self.consensus.forget(node);
            self.out.note(Note::EmptyDisk(node));
        }
    }

    /// A leader believes that this node acknowledged what is not on its disk: that is an
    /// older one. It is as good as none.
    pub(crate) fn compare_memories(&mut self, now: Time) {
        let found = self.consensus.acknowledged_more();
        let known = self.anew.renewed || self.settings.has(Bug::AmnesiacVoter);
        if !found || !self.takes_part() || known {
            return;
        }
        if let Some(peer) = self.lone_peer() {
            self.follow_anew(peer, now);
            return;
        }
        self.begin_with_nothing(self.state.epoch, None, now);
        self.anew.since = Some(now);
        self.anew.latecomer = false;
        self.out.persist(Write {
            latecomer: Some(false),
            ..Write::default()
        });
        self.out.note(Note::OldDisk);
    }
}
