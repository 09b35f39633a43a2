//! The replicated log: tikv's raft, driven by ticks, with a disk that answers later.

mod anew;
mod log;
mod message;
mod solo;

use crate::arbitration::Epoch;
use crate::disk::{Disk, HardState, Snapshot, Ticket, Write};
use crate::name::NodeId;
use crate::packet::{Packet, RaftMessage};
use crate::planted::Bug;
use crate::settings::Settings;
use crate::state::{Entry, State};
use log::Log;
use raft::{Config, RawNode, SnapshotStatus, StateRole, eraftpb};
pub(crate) use solo::Founding;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ticks of silence from the leader before a follower wants to be elected, and between
/// two heartbeats of the leader.
const ELECTION_TICKS: usize = 10;
const HEARTBEAT_TICKS: usize = 2;

/// A member of the consensus.
pub(crate) struct Consensus {
    raft: RawNode<Log>,
    /// Not on the disk yet, in order: what may be said only afterwards.
    waiting: VecDeque<Waiting>,
    /// The latest ticket that is on the disk.
    on_disk: Ticket,
    /// The write of the latest term, or of the vote in it.
    termed: Ticket,
    /// Proposals of this leader that are not applied, by their index.
    open: BTreeMap<u64, Entry>,
    open_term: u64,
    /// The term of the last applied entry.
    applied_term: u64,
    /// The line of the log: messages of another one are not for this one.
    epoch: Epoch,
    members: Members,
    /// Nothing is said, heard or applied: the peer is being fenced.
    halted: bool,
    /// Messages of another epoch are taken: a planted bug.
    careless: bool,
    /// Proposals do not wait for a promotion: a planted bug.
    hasty: bool,
    /// A leader believes that this node acknowledged what it does not have.
    acknowledged_more: bool,
    /// Up to where others told that it is decided.
    told: u64,
    /// Up to where it was given out to be applied.
    read: u64,
}

/// Who is who, whatever the log says.
struct Members {
    me: NodeId,
    /// All who have a vote.
    voters: BTreeSet<NodeId>,
    /// All nodes and witnesses.
    all: BTreeSet<NodeId>,
}

impl Members {
    /// In raft's words; `alone`: the only one who votes.
    fn conf(&self, alone: Option<NodeId>) -> eraftpb::ConfState {
        let ids = |nodes: Vec<NodeId>| -> Vec<u64> { nodes.into_iter().map(raft_id).collect() };
        let voters = match alone {
            Some(node) => vec![node],
            None => self.voters.iter().copied().collect(),
        };
        let others = self.all.iter().copied();
        let learners = others.filter(|node| !voters.contains(node)).collect();
        (ids(voters), ids(learners)).into()
    }
}

struct Waiting {
    ticket: Ticket,
    number: u64,
    say: Vec<eraftpb::Message>,
    /// Another node's state is among it, up to this index.
    snapshot: Option<u64>,
}

/// What a step of the consensus wants.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// To be sent now.
    pub(crate) send: Vec<(NodeId, Packet)>,
    /// Another node's state, instead of everything applied so far.
    pub(crate) state: Option<State>,
    /// To be applied, in order: index, the cluster's time, and what.
    pub(crate) commits: Vec<(u64, u64, Entry)>,
}

impl std::fmt::Debug for Consensus {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            to,
            "term {}, leader {}",
            self.raft.raft.term, self.raft.raft.leader_id
        )
    }
}

impl Consensus {
    /// Begins with what is on the disk.
    ///
    /// # Panics
    ///
    /// When the disk holds what raft itself could not have written: [`Disk::state`] was
    /// asked before.
    pub(crate) fn new(settings: &Settings, disk: &Disk, state: &State) -> Self {
        let members = Members {
            me: settings.me,
            voters: settings.voters.clone(),
            all: settings.voters.union(&settings.nodes).copied().collect(),
        };
        let mut log = Log::new(members.conf(state.alone), disk);
        if let Some(reunion) = disk.reunion_decided_by(settings.me) {
            log.commit(reunion);
        }
        let applied = log.begins_after();
        Self {
            raft: Self::raft(settings.me, log, applied),
            waiting: VecDeque::new(),
            on_disk: Ticket::default(),
            termed: Ticket::default(),
            open: BTreeMap::new(),
            open_term: 0,
            applied_term: 0,
            epoch: state.epoch,
            members,
            halted: false,
            careless: settings.has(Bug::LowerEpochAccepted),
            hasty: settings.has(Bug::ProposedBehindPromotion),
            acknowledged_more: false,
            told: 0,
            read: applied,
        }
    }

    fn raft(me: NodeId, log: Log, applied: u64) -> RawNode<Log> {
        let config = Config {
            id: raft_id(me),
            applied,
            election_tick: ELECTION_TICKS,
            heartbeat_tick: HEARTBEAT_TICKS,
            // No chance in here: the caller's ticks have the jitter.
            min_election_tick: ELECTION_TICKS,
            max_election_tick: ELECTION_TICKS + 1,
            max_size_per_msg: 64 * 1024,
            max_inflight_msgs: 64,
            check_quorum: true,
            pre_vote: true,
            max_uncommitted_size: 1024 * 1024,
            ..Config::default()
        };
        let quiet = slog::Logger::root(slog::Discard, slog::o!());
        RawNode::new(&config, log, &quiet).expect("the settings are good")
    }

    /// A tick went by. Nobody wants to be elected while the state that it took over is
    /// not on its disk.
    pub(crate) fn tick(&mut self) {
        let mut waiting = self.waiting.iter();
        if !self.halted && waiting.all(|waiting| waiting.snapshot.is_none()) {
            self.raft.tick();
        }
    }

    /// A message came in; whatever raft does not want is dropped.
    pub(crate) fn receive(&mut self, from: NodeId, message: RaftMessage) {
        if message.from != raft_id(from) || message.to != self.raft.raft.id || self.halted {
            return;
        }
        if message.epoch != self.epoch && !self.careless {
            return;
        }
        // A leader speaks of nothing that was not acknowledged; raft itself would panic.
        let last = self.raft.raft.raft_log.last_index();
        let heartbeat = message.kind == eraftpb::MessageType::MsgHeartbeat as u8;
        if heartbeat && message.commit > last {
            self.acknowledged_more |= message.term >= self.raft.raft.term;
            return;
        }
        // A state that cannot be understood must not take the place of one that can.
        let read = |snapshot: &Snapshot| postcard::from_bytes::<State>(&snapshot.state);
        let alone = match message.snapshot.as_ref().map(read) {
            Some(Ok(state)) => state.alone,
            Some(Err(_)) => return,
            None => None,
        };
        self.told = self.told.max(message.commit);
        if let Some(message) = message::to_raft(message, &self.members.conf(alone)) {
            // An error says that it was for nobody here: an old one, or a stranger's.
            let _ = self.raft.step(message);
        }
    }

    /// Is something decided that was not read yet, as far as others told?
    pub(crate) fn is_behind(&self) -> bool {
        self.read < self.told
    }

    /// Puts an entry into the log, if this is the leader and it is not on its way.
    /// `at_ms` is the cluster's time.
    pub(crate) fn propose(&mut self, at_ms: u64, entry: Entry) {
        if !self.is_leader() || self.halted {
            return;
        }
        self.forget_what_is_not_of_this_term();
        if self.open.values().any(|open| *open == entry) {
            return;
        }
        // What follows the promotion of a voter must not be decided without that voter,
        // and until the promotion is applied, it would be. Who goes is let go when all
        // that was decided before is known, and nothing is ordered to it afterwards.
        let changes = |entry: &Entry| matches!(entry, Entry::Reunited | Entry::Parted { .. });
        let changing = self.open.values().any(changes);
        let waits = matches!(entry, Entry::Parted { .. }) && !self.open.is_empty();
        if (changing || waits) && !self.hasty {
            return;
        }
        let data = postcard::to_stdvec(&(at_ms, &entry)).expect("entries can be encoded");
        // Refused while too much is uncommitted: the next look proposes it again.
        if self.raft.propose(Vec::new(), data).is_ok() {
            self.open
                .insert(self.raft.raft.raft_log.last_index(), entry);
        }
    }

    fn forget_what_is_not_of_this_term(&mut self) {
        if self.open_term != self.raft.raft.term {
            self.open.clear();
            self.open_term = self.raft.raft.term;
        }
    }

    /// Is anything of this leader on its way into the log that may change what is to be
    /// ordered: an order, a command, a node that joins?
    pub(crate) fn has_open_decisions(&self) -> bool {
        self.open_term == self.raft.raft.term
            && self
                .open
                .values()
                .any(|entry| !matches!(entry, Entry::Reported { .. }))
    }

    /// Is a configuration of this leader on its way into the log?
    pub(crate) fn configures(&self) -> bool {
        let is_one = |entry: &Entry| matches!(entry, Entry::Configured { .. });
        self.open_term == self.raft.raft.term && self.open.values().any(is_one)
    }

    /// Is there something to collect with `advance`?
    pub(crate) fn has_work(&self) -> bool {
        self.raft.has_ready() && !self.halted
    }

    /// Is this the leader, and has it applied all that was committed before its term?
    pub(crate) fn is_coordinator(&self) -> bool {
        self.is_leader() && self.applied_term == self.raft.raft.term && !self.halted
    }

    /// Who leads, as far as known.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        u16::try_from(self.raft.raft.leader_id)
            .ok()
            .filter(|id| *id != 0)
            .map(NodeId)
    }

    fn is_leader(&self) -> bool {
        self.raft.raft.state == StateRole::Leader
    }

    /// Collects what is to be written, said and applied. `persist` gives a ticket to a
    /// write; the last ticket given so far, if there is nothing to write.
    pub(crate) fn advance(
        &mut self,
        settings: &Settings,
        mut persist: impl FnMut(Write) -> Ticket,
    ) -> Output {
        let mut output = Output::default();
        while self.has_work() {
            let mut ready = self.raft.ready();
            let messages = ready.take_messages();
            let mut write = Write::default();
            let mut replaced = None;
            let log = self.raft.mut_store();
            if let Some(snapshot) = log::snapshot_from_raft(ready.snapshot()) {
                self.applied_term = snapshot.term;
                output.commits.clear();
                // It was looked at when it came in.
                let state: Option<State> = postcard::from_bytes(&snapshot.state).ok();
                let alone = state.as_ref().and_then(|state| state.alone);
                log.replace(snapshot.clone(), self.members.conf(alone));
                output.state = state;
                replaced = Some(snapshot.index);
                self.read = snapshot.index;
                write.snapshot = Some(snapshot);
                write.replaces_log = true;
            }
            let entries = ready.take_entries();
            log.append(&entries);
            let mut is_termed = false;
            if let Some(hard) = ready.hs() {
                let known = log.hard();
                is_termed = (hard.term, hard.vote) != (known.term, known.vote);
                log.set_hard(hard.clone());
            }
            self.apply(ready.take_committed_entries(), &mut output);
            // A commit index alone can be learned again.
            if ready.must_sync() {
                write.entries = entries.iter().map(message::entry_from_raft).collect();
                let hard = self.raft.raft.hard_state();
                write.hard = Some(HardState {
                    term: hard.term,
                    vote: hard.vote,
                    commit: hard.commit,
                });
            }
            let ticket = persist(write);
            if is_termed {
                self.termed = ticket;
            }
            let mut later = ready.take_persisted_messages();
            if self.termed > self.on_disk {
                // Whoever has all the votes leads before its term is on the disk, and after a
                // crash in the same term again, with other entries.
                later.splice(0..0, messages.iter().cloned());
            } else {
                self.say(&messages, &mut output);
            }
            if settings.has(Bug::ApplyBeforePersist) {
                self.say(&std::mem::take(&mut later), &mut output);
            }
            self.waiting.push_back(Waiting {
                ticket,
                number: ready.number(),
                say: later,
                snapshot: replaced,
            });
            self.raft.advance_append_async(ready);
            self.snapshots_may_be_lost(&messages);
            // What had nothing to write waits for nobody.
            self.release(&mut output);
            if settings.has(Bug::ApplyBeforePersist) {
                let number = self.waiting.back().map_or(0, |waiting| waiting.number);
                self.raft.on_persist_ready(number);
            }
        }
        output
    }

    /// What was written up to this ticket survives; says what had to wait for it.
    /// `advance` is to be called afterwards.
    pub(crate) fn persisted(&mut self, ticket: Ticket) -> Output {
        let mut output = Output::default();
        self.on_disk = self.on_disk.max(ticket);
        self.release(&mut output);
        output
    }

    fn release(&mut self, output: &mut Output) {
        let ready = self
            .waiting
            .iter()
            .take_while(|waiting| waiting.ticket <= self.on_disk)
            .count();
        for waiting in self.waiting.drain(..ready).collect::<Vec<_>>() {
            self.raft.on_persist_ready(waiting.number);
            if let Some(index) = waiting.snapshot {
                self.raft.advance_apply_to(index);
            }
            self.say(&waiting.say, output);
        }
    }

    /// The network does not say whether a snapshot arrived: as far as raft is told, it
    /// did not, and is sent again with the next heartbeat, until the node has it.
    fn snapshots_may_be_lost(&mut self, messages: &[eraftpb::Message]) {
        for message in messages {
            if message.msg_type == eraftpb::MessageType::MsgSnapshot {
                self.raft
                    .report_snapshot(message.to, SnapshotStatus::Failure);
            }
        }
    }

    /// Forgets the entries that led to this state, once there are many.
    pub(crate) fn compact(&mut self, state: &State, log_max: u64) -> Option<Write> {
        let members = self.members.conf(state.alone);
        let log = self.raft.mut_store();
        if state.applied < log.begins_after() + log_max {
            return None;
        }
        let encoded = postcard::to_stdvec(state).ok()?;
        Some(Write {
            snapshot: Some(log.compact(state.applied, encoded, members)?),
            ..Write::default()
        })
    }

    fn say(&self, messages: &[eraftpb::Message], output: &mut Output) {
        for message in messages {
            if let Ok(to) = u16::try_from(message.to) {
                let packet = Packet::Raft(Box::new(message::from_raft(message, self.epoch)));
                output.send.push((NodeId(to), packet));
            }
        }
    }

    fn apply(&mut self, entries: Vec<eraftpb::Entry>, output: &mut Output) {
        let Some(last) = entries.last().map(|entry| entry.index) else {
            return;
        };
        for entry in entries {
            self.applied_term = entry.term;
            self.open.remove(&entry.index);
            if entry.entry_type != eraftpb::EntryType::EntryNormal {
                output.commits.push((entry.index, 0, Entry::Reunited));
                continue;
            }
            // A new leader begins with an empty entry. What cannot be read was
            // written by a newer version, which may not happen before all run it.
            if let Ok((at_ms, known)) = postcard::from_bytes(&entry.data) {
                output.commits.push((entry.index, at_ms, known));
            }
        }
        self.read = last;
        self.raft.advance_apply_to(last);
    }
}

/// Raft's name of a node. Zero means nobody there, so nodes count from one.
fn raft_id(node: NodeId) -> u64 {
    u64::from(node.0)
}
