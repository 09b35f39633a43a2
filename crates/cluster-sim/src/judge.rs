//! What the judge remembers: what the world knows and no machine does. When each
//! question for a lease was really asked and really answered, what was ever committed,
//! which numbers were ever given.

use crate::clock::Moment;
use crate::invariants::{Verdict, Violation, invariant_ordered, invariant_single};
use crate::machine::{Daemon, Machine};
use crate::names::Names;
use crate::obedient::Bans;
use crate::outages::Outages;
use crate::queue::Place;
use crate::rights::Claim;
use cluster_core::Disk;
use cluster_core::action::Action;
use cluster_core::arbitration::Epoch;
use cluster_core::disk::LogEntry;
use cluster_core::event::Event;
use cluster_core::name::{NodeId, ResourceId, Session};
use cluster_core::operation::{OperationId, OperationKind};
use cluster_core::packet::Packet;
use cluster_core::state::State;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// After so long without a fault, and what follows from one, a move has no cause.
const CALM_AFTER: Duration = Duration::from_secs(90);

/// What the world knows of a machine's dealings with the voters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dealings {
    /// When each question of this session was asked first.
    asked: BTreeMap<u64, Moment>,
    /// When the latest question was asked that this voter answered, in this start of
    /// the machine.
    pub(crate) renewed: BTreeMap<NodeId, Moment>,
    /// A lease that it has lasts at least until then.
    pub(crate) leased_until: Moment,
    /// When it could last not do anything: down, stopped or frozen.
    pub(crate) woken: Moment,
    used: BTreeSet<OperationId>,
    /// What it shall not start.
    pub(crate) bans: Bans,
    pub(crate) committed: u64,
    /// The disks that it lost: what was on them was acknowledged once.
    pub(crate) lost: Vec<Disk>,
    pub(crate) holds: bool,
}

/// The judge's memory.
#[derive(Debug)]
pub struct Judge {
    pub(crate) dealings: Vec<Dealings>,
    pub(crate) claims: Vec<Claim>,
    /// Every committed entry ever seen, of each line of the log: its term and a digest.
    pub(crate) committed: BTreeMap<(Epoch, u64), (u64, u64)>,
    pub(crate) states: BTreeMap<(Epoch, u64), State>,
    /// Entries that gave somebody a vote: decided before it had it.
    promotions: BTreeSet<(Epoch, u64)>,
    /// What numbers stand for.
    pub(crate) names: Names,
    /// In these lines of the log: one and what was begun from it.
    pub(crate) lines: BTreeSet<Epoch>,
    pub(crate) outages: Outages,
    homes: BTreeMap<String, Place>,
    /// Where what is reached decides: when the two may not have heard each other, last.
    pub(crate) apart: Option<Moment>,
    last_trouble: Moment,
    /// How often a resource came up elsewhere than before.
    pub moves: u64,
    /// Those long after any fault.
    pub unexplained: u64,
    /// How many operations began that change something.
    pub changes: u64,
}

/// The digest of an entry that says nothing: a new leader begins with one.
pub(crate) const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

pub(crate) fn digest(entry: &LogEntry) -> (u64, u64) {
    let mut sum = EMPTY ^ u64::from(entry.kind);
    for byte in &entry.data {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    (entry.term, sum)
}

pub(crate) fn entry_at(disk: &Disk, index: u64) -> Option<&LogEntry> {
    let first = disk.entries.first()?.index;
    let place = usize::try_from(index.checked_sub(first)?).ok()?;
    let entry = disk.entries.get(place);
    entry.filter(|entry| entry.index == index)
}

/// A snapshot takes the place of entries up to this index.
pub(crate) fn replaced(disk: &Disk) -> u64 {
    let snapshot = disk.snapshot.as_ref();
    snapshot.map_or(0, |snapshot| snapshot.index)
}

/// Does it have a vote, unless a lone pair took it away?
fn votes<D: Daemon>(machine: &Machine<D>) -> bool {
    machine.settings.voters.contains(&machine.node)
}

/// Is this for voters to say: an answer to a question for a lease or a takeover, or anything
/// of an election (raft's kinds 5, 6, 17 and 18) or of a leader (3, 7 and 8)?
fn is_a_vote(packet: &Packet) -> bool {
    match packet {
        Packet::Echo { .. } | Packet::AgreeAsk { .. } | Packet::Agreed { .. } => true,
        Packet::Raft(message) => [3, 5, 6, 7, 8, 17, 18].contains(&message.kind),
        _ => false,
    }
}

impl Judge {
    /// Knows nothing yet.
    pub fn new(machines: usize) -> Self {
        Self {
            dealings: vec![Dealings::default(); machines],
            claims: vec![Claim::default(); machines],
            committed: BTreeMap::new(),
            states: BTreeMap::new(),
            names: Names::default(),
            lines: [Epoch::default()].into(),
            promotions: BTreeSet::new(),
            outages: Outages::default(),
            homes: BTreeMap::new(),
            apart: None,
            last_trouble: Moment(0),
            moves: 0,
            unexplained: 0,
            changes: 0,
        }
    }

    /// A daemon was started.
    pub fn launched(&mut self, at: Place, now: Moment) {
        self.dealings[at].asked.clear();
        self.dealings[at].woken = now;
        self.last_trouble = now;
    }

    /// A daemon goes on that was stopped, or whose machine was frozen.
    pub fn woken(&mut self, at: Place, now: Moment) {
        self.dealings[at].woken = now;
    }

    /// A machine was reset.
    pub fn reset(&mut self, at: Place) {
        self.dealings[at].asked.clear();
        self.dealings[at].renewed.clear();
        self.dealings[at].leased_until = Moment(0);
        self.forget_claim(at);
    }

    /// A machine lost its disk.
    pub(crate) fn disk_is_lost(&mut self, at: Place, lost: Disk) {
        self.dealings[at].committed = 0;
        self.dealings[at].lost.push(lost);
    }

    /// A fault began or ended.
    pub fn trouble(&mut self, now: Moment) {
        self.last_trouble = now;
    }

    /// A resource came up.
    pub fn came_up(&mut self, resource: ResourceId, at: Place, now: Moment) {
        if self
            .homes
            .insert(self.names.of(resource), at)
            .is_some_and(|home| home != at)
        {
            self.moves += 1;
            if now.since(self.last_trouble) > CALM_AFTER {
                self.unexplained += 1;
            }
        }
    }

    /// A daemon is about to hear something.
    pub fn heard(&mut self, at: Place, session: Session, event: &Event) {
        self.meets(at, event);
        if let Event::Packet {
            from,
            packet:
                Packet::Echo {
                    session: asked_by,
                    nonce,
                },
            ..
        } = event
            && *asked_by == session
        {
            let dealings = &mut self.dealings[at];
            if let Some(asked) = dealings.asked.get(nonce) {
                let latest = dealings.renewed.entry(*from).or_default();
                *latest = (*latest).max(*asked);
            }
        }
    }

    /// When the last lease ended or ends that a machine can possibly have: the latest
    /// moment such that a majority of voters answered questions asked then or later,
    /// and the length of a lease, by the machine's own clock.
    pub(crate) fn lease_end<D: Daemon>(&self, machine: &Machine<D>, at: Place) -> Option<Moment> {
        let settings = &machine.settings;
        let majority = settings.voters.len() / 2 + 1;
        let own = usize::from(settings.voters.contains(&machine.node));
        let mut renewed: Vec<Moment> = self.dealings[at]
            .renewed
            .iter()
            .filter(|(voter, _)| settings.voters.contains(voter) && **voter != machine.node)
            .map(|(_, asked)| *asked)
            .collect();
        renewed.sort_unstable_by(|one, other| other.cmp(one));
        let asked = renewed.get((majority - own).checked_sub(1)?)?;
        Some(*asked + machine.clock.real(settings.terms.lease))
    }

    /// A daemon decided on these actions at this moment.
    pub fn decided<D: Daemon>(
        &mut self,
        machines: &[Machine<D>],
        at: Place,
        now: Moment,
        actions: &[Action],
    ) -> Verdict {
        let machine = &machines[at];
        for action in actions {
            match action {
                Action::Send { packet, .. } if !votes(machine) && is_a_vote(packet) => {
                    let what = format!("{} has no vote and says {packet:?}", machine.node);
                    return Err(Violation::of("entitled", what));
                }
                Action::Send {
                    packet: Packet::Beat(beat),
                    ..
                } => {
                    Self::invariant_epoch_is_written(machine, beat.epoch)?;
                    if let Some(nonce) = beat.lease {
                        let asked = &mut self.dealings[at].asked;
                        asked.entry(nonce).or_insert(now);
                        if asked.len() > 256 {
                            asked.pop_first();
                        }
                    }
                }
                Action::Start { kind, resource, .. } if kind.goes_up() => {
                    if machine.is_of_a_lone_pair() {
                        self.invariant_of_the_newest_epoch(machines, at, now, *resource)?;
                    } else {
                        self.invariant_entitled(machine, at, now, *resource)?;
                    }
                }
                Action::Fence { .. } => self.invariant_entitled_to_fence(machine, at)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// An operation begins.
    pub fn begins<D: Daemon>(
        &mut self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
        id: OperationId,
        resource: ResourceId,
        kind: OperationKind,
    ) -> Verdict {
        let fresh = self.dealings[at].used.insert(id);
        if kind != OperationKind::Probe {
            self.changes += 1;
        }
        // In two lines of the log at a time numbers stand for different things.
        let names = (!self.may_be_apart(now)).then_some(&self.names);
        invariant_single(names, machine, id, resource, kind, fresh)?;
        invariant_ordered(machine, resource, kind)
    }

    /// A daemon has applied something.
    pub fn applied<D: Daemon>(&mut self, machines: &[Machine<D>], at: Place) -> Verdict {
        let machine = &machines[at];
        let Some(process) = &machine.process else {
            return Ok(());
        };
        let state = process.daemon.state();
        if self.lines.contains(&state.epoch) {
            self.names.learn(&state.resources)?;
        }
        if state.applied == 0 {
            return Ok(());
        }
        let place = (state.epoch, state.applied);
        let entry = entry_at(&machine.storage.kept, state.applied);
        if entry.is_some_and(|entry| entry.kind != 0) {
            self.promotions.insert(place);
        }
        if !self.promotions.contains(&place) {
            self.invariant_written_by_a_majority(machines, machine.node, state)?;
        }
        self.invariant_durable_state(machine.node, state)
    }

    /// *durable*: an entry that was committed once is the same for ever, on every disk
    /// that has it.
    pub fn wrote<D: Daemon>(&mut self, machine: &Machine<D>) -> Verdict {
        let at = crate::topology::place_of(machine.node);
        let epoch = machine.storage.epoch;
        let disk = &machine.storage.kept;
        let known = &mut self.dealings[at].committed;
        // The latest known one too: it may have been replaced since.
        for index in (*known).max(replaced(disk) + 1)..=disk.hard.commit {
            let Some(entry) = entry_at(disk, index) else {
                return Err(Violation::of(
                    "durable",
                    format!("{} lost committed entry {index}", machine.node),
                ));
            };
            let found = digest(entry);
            let first = *self.committed.entry((epoch, index)).or_insert(found);
            if first != found {
                return Err(Violation::of(
                    "durable",
                    format!("{} has another entry {index}", machine.node),
                ));
            }
        }
        *known = (*known).max(disk.hard.commit);
        if *known > replaced(disk) && entry_at(disk, *known).is_none() {
            return Err(Violation::of(
                "durable",
                format!("{} lost committed entry {known}", machine.node),
            ));
        }
        Ok(())
    }
}
