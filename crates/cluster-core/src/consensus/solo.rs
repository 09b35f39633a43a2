//! The log of a lone pair when one of the two goes on alone, when the other one begins
//! with nothing, and when it gets its vote again.

use super::{Consensus, Log, raft_id};
use crate::disk::{Disk, HardState, Membership, Snapshot, Write};
use crate::name::NodeId;
use crate::state::{Entry, State};
use raft::eraftpb;

/// What a node that goes on alone writes, and begins with once that is on its disk.
#[derive(Clone, Debug)]
pub(crate) struct Founding {
    /// The state that it has, in its new epoch.
    pub(crate) state: State,
    snapshot: Snapshot,
    hard: HardState,
    /// What it has in its log, and has not applied, is dropped.
    drops: bool,
}

impl Founding {
    /// All of it or nothing: epoch, term and voters. The log after the snapshot stays:
    /// of two voters, each has every entry that was committed. Not so if it would say who
    /// votes: whose vote was about to be given back, and who goes on by what it reaches, would
    /// wait for the other one's vote as soon as it reads that.
    pub(crate) fn write(&self, membership: Membership) -> Write {
        Write {
            snapshot: Some(self.snapshot.clone()),
            replaces_log: self.drops,
            hard: Some(self.hard),
            membership: Some(membership),
            ..Write::default()
        }
    }
}

impl Consensus {
    /// The peer is being fenced, or no longer: until then nothing is decided with it, so
    /// that "it was off" says something about all that it was ever told.
    pub(crate) fn halt(&mut self, on: bool) {
        self.halted = on;
    }

    /// What to write to go on alone with this state; none: there is no such place in the
    /// log.
    pub(crate) fn founding(&self, state: State) -> Option<Founding> {
        use raft::Storage;
        let log = self.raft.store();
        let snapshot = Snapshot {
            index: state.applied,
            term: log.term(state.applied).ok()?,
            state: postcard::to_stdvec(&state).ok()?,
        };
        let drops = self.is_reuniting();
        let hard = HardState {
            term: self.raft.raft.term + 1,
            vote: 0,
            commit: if drops {
                state.applied
            } else {
                self.raft.raft.raft_log.committed
            },
        };
        Some(Founding {
            state,
            snapshot,
            hard,
            drops,
        })
    }

    /// Goes on alone, and leads at once.
    pub(crate) fn found(&mut self, founding: &Founding) {
        let mut log = self.raft.store().clone();
        if founding.drops {
            log.forget_all();
        }
        log.found(
            founding.snapshot.clone(),
            founding.hard,
            self.members.conf(founding.state.alone),
        );
        self.begin_with(log, &founding.state);
        // The only voter needs nobody's vote. An error says that there is something to
        // apply first: the election timeout comes all the same.
        let _ = self.raft.campaign();
    }

    /// Begins with nothing, as one who does not vote: `state` is empty but for its epoch
    /// and who votes. What to write.
    pub(crate) fn yield_to(&mut self, state: &State) -> Write {
        let snapshot = Snapshot {
            index: 0,
            term: 0,
            state: postcard::to_stdvec(state).expect("a state can be encoded"),
        };
        let disk = Disk {
            snapshot: Some(snapshot.clone()),
            ..Disk::default()
        };
        self.begin_with(Log::new(self.members.conf(state.alone), &disk), state);
        Write {
            snapshot: Some(snapshot),
            replaces_log: true,
            hard: Some(HardState::default()),
            applied: Some(0),
            agreed: Some(disk.agreed),
            membership: Some(Membership::Stranger),
            ..Write::default()
        }
    }

    fn begin_with(&mut self, log: Log, state: &State) {
        self.raft = Self::raft(self.members.me, log, state.applied);
        self.waiting.clear();
        self.open.clear();
        self.open_term = 0;
        self.applied_term = 0;
        self.told = 0;
        self.read = state.applied;
        self.epoch = state.epoch;
        self.halted = false;
    }

    /// Does this node have everything that is committed, going by what it acknowledged?
    pub(crate) fn is_caught_up(&self, node: NodeId) -> bool {
        let progress = self.raft.raft.prs().get(raft_id(node));
        let committed = self.raft.raft.raft_log.committed;
        progress.is_some_and(|progress| progress.matched >= committed)
    }

    /// Proposes that this node votes again.
    pub(crate) fn propose_reunion(&mut self, node: NodeId) {
        if !self.is_coordinator() {
            return;
        }
        self.forget_what_is_not_of_this_term();
        if self.open.values().any(|open| *open == Entry::Reunited) {
            return;
        }
        let votes = change(node, true);
        if self.raft.propose_conf_change(Vec::new(), votes).is_ok() {
            let index = self.raft.raft.raft_log.last_index();
            self.open.insert(index, Entry::Reunited);
        }
    }

    /// The peer, which has everything, is to lead; an attempt is given up after a while.
    pub(crate) fn hand_over(&mut self, peer: NodeId) {
        if self.is_coordinator() && self.is_caught_up(peer) {
            self.raft.transfer_leader(raft_id(peer));
        }
    }

    /// Is there, in the part of the log that is not applied, an entry that takes this
    /// node's vote away? The other one may have read on.
    pub(crate) fn is_parting(&self) -> bool {
        let applied = self.raft.raft.raft_log.applied;
        let mut later = self.raft.store().after(applied);
        later.any(|entry| {
            let known: Result<(u64, Entry), _> = postcard::from_bytes(&entry.data);
            known.is_ok_and(
                |(_, known)| matches!(known, Entry::Parted { node, .. } if node == self.members.me),
            )
        })
    }

    /// Is there, in the part of the log that is not applied, an entry that gives somebody a
    /// vote?
    pub(crate) fn is_reuniting(&self) -> bool {
        let applied = self.raft.raft.raft_log.applied;
        let mut later = self.raft.store().after(applied);
        later.any(|entry| entry.entry_type != eraftpb::EntryType::EntryNormal)
    }

    /// Votes are counted as the log says, up to where it is applied. The one change of
    /// members that raft itself has an entry for, `Entry::Reunited`, need not be read for it.
    pub(crate) fn vote_as(&mut self, alone: Option<NodeId>) {
        for node in self.members.voters.clone() {
            let votes = self.raft.raft.prs().conf().voters().contains(raft_id(node));
            let should = alone.is_none_or(|only| only == node);
            if votes != should {
                // An error would say that nobody votes afterwards.
                let _ = self.raft.apply_conf_change(&change(node, should));
            }
        }
        let me = raft_id(self.members.me);
        if self.is_leader() && !self.raft.raft.prs().conf().voters().contains(me) {
            let term = self.raft.raft.term;
            self.raft.raft.become_follower(term, raft::INVALID_ID);
        }
    }
}

/// This node has a vote, or follows without one.
fn change(node: NodeId, votes: bool) -> eraftpb::ConfChange {
    let change_type = if votes {
        eraftpb::ConfChangeType::AddNode
    } else {
        eraftpb::ConfChangeType::AddLearnerNode
    };
    eraftpb::ConfChange {
        change_type,
        node_id: raft_id(node),
        ..eraftpb::ConfChange::default()
    }
}
