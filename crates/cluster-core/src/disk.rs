//! What a node keeps on its disk, as data.

use crate::name::{BootId, Incarnation, NodeId, OrderId, ResourceId};
use crate::operation::{OperationId, OperationKind};
use crate::resources::Resources;
use crate::state::{Entry, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A write, in the order of writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// What one write changes; all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// What replaces the log up to an index; entries up to there are forgotten.
    pub snapshot: Option<Snapshot>,
    /// The snapshot is another node's: later entries are forgotten, too.
    pub replaces_log: bool,
    /// Log entries, replacing what is kept from the first one's index on.
    pub entries: Vec<LogEntry>,
    /// Term, vote and commit index.
    pub hard: Option<HardState>,
    /// So much of the log was applied: a configuration is to be known again before
    /// anything else, by whoever may have to stop what it spoke of.
    pub applied: Option<u64>,
    /// Takeovers that this voter agreed to.
    pub agreed: Option<BTreeMap<NodeId, Agreement>>,
    /// Starts that are running or about to.
    pub running: Option<BTreeMap<OperationId, Running>>,
    /// What could not be stopped.
    pub stop_failed: Option<BTreeMap<ResourceId, BootId>>,
    /// Whether this node is one of the cluster.
    pub membership: Option<Membership>,
    /// What may still run of a line of the log that was given up.
    pub given_up: Option<GivenUp>,
    /// Whether it came late to its cluster.
    pub latecomer: Option<bool>,
}

impl Write {
    /// Is there nothing to write?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything that is kept: what all writes together leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// What replaces the beginning of the log.
    pub snapshot: Option<Snapshot>,
    /// The log after the snapshot; without one, from index 1 on.
    pub entries: Vec<LogEntry>,
    /// Term, vote and commit index.
    pub hard: HardState,
    /// So much of the log is known to be committed, whatever the commit index says.
    pub applied: u64,
    /// Takeovers that this voter agreed to.
    pub agreed: BTreeMap<NodeId, Agreement>,
    /// Starts that were running or about to.
    pub running: BTreeMap<OperationId, Running>,
    /// What could not be stopped, and in which start of the machine: it counts as running
    /// until the next one, whatever a look says.
    pub stop_failed: BTreeMap<ResourceId, BootId>,
    /// Whether this node is one of the cluster.
    pub membership: Membership,
    /// What may still run of a line of the log that was given up.
    pub given_up: GivenUp,
    /// It began with an empty disk in a cluster that had decided something already, whether
    /// or not it has got any of it (where a majority decides).
    pub latecomer: bool,
}

/// What a machine may still run of a line of the log that its daemon gave up: in the other
/// one, the same numbers may stand for other things, or for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// In which start of the machine; by default nothing is left of any.
    pub boot: Option<BootId>,
    /// What there was to run.
    pub resources: Box<Resources>,
}

/// What was read cannot be what was written: this voter has lost its memory, and must
/// not vote with what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damaged {
    /// The entries do not follow each other; the first that is out of place.
    Log(u64),
    /// More is committed than there is.
    Commit(u64),
    /// The state at this index cannot be understood.
    State(u64),
}

impl fmt::Display for Damaged {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(index) => write!(to, "entry {index} of the log is out of place"),
            Self::Commit(index) => write!(to, "entry {index} is committed and not there"),
            Self::State(index) => write!(to, "the state at entry {index} cannot be understood"),
        }
    }
}

impl std::error::Error for Damaged {}

impl Disk {
    /// Is nothing on it that was ever promised or acknowledged? A new one, or another one
    /// than before.
    pub fn is_blank(&self) -> bool {
        let state = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        state == 0
            && self.entries.is_empty()
            && self.hard == HardState::default()
            && self.agreed.is_empty()
    }

    /// The applied state that it begins with, and whether the rest fits to it.
    ///
    /// # Errors
    ///
    /// [`Damaged`], and how.
    pub(crate) fn state(&self) -> Result<State, Damaged> {
        let snapshot = self.snapshot.as_ref();
        let begins_after = snapshot.map_or(0, |snapshot| snapshot.index);
        let mut last = begins_after;
        for entry in &self.entries {
            last += 1;
            if entry.index != last || entry.kind > LogEntry::KIND_MAX {
                return Err(Damaged::Log(entry.index));
            }
        }
        let committed = self.committed();
        if committed > last {
            return Err(Damaged::Commit(committed));
        }
        let decoded = snapshot.map(|snapshot| postcard::from_bytes(&snapshot.state));
        let decoded = decoded.transpose();
        Ok(decoded
            .map_err(|_| Damaged::State(begins_after))?
            .unwrap_or_default())
    }

    /// So much of the log is known to be committed.
    fn committed(&self) -> u64 {
        self.hard.commit.max(self.applied)
    }

    /// The state after all that is known to be committed.
    fn known(&self) -> Result<State, Damaged> {
        let mut state = self.state()?;
        let news = state.applied + 1..=self.committed();
        for entry in &self.entries {
            if !news.contains(&entry.index) {
                continue;
            }
            if entry.is_reunion() {
                state.apply(entry.index, 0, &Entry::Reunited);
            } else if let Ok((at_ms, known)) = postcard::from_bytes(&entry.data) {
                state.apply(entry.index, at_ms, &known);
            }
        }
        Ok(state)
    }

    /// The number of a resource, by the configuration that this node applied last; of what
    /// it gave up and may still run, by that.
    pub fn resource_called(&self, name: &str) -> Option<ResourceId> {
        let resources = self.known().ok()?.resources;
        let given_up = &self.given_up.resources;
        let now = resources.called(name).or_else(|| given_up.called(name));
        now.or_else(|| given_up.predecessors(name).next())
    }

    /// What a node wrote while it voted alone was decided with that, also the entry that
    /// gives the other one its vote: a daemon that begins anew, and has not written that this
    /// is so, would decide alone what comes after it. The place of that entry, if it is there.
    pub(crate) fn reunion_decided_by(&self, me: NodeId) -> Option<u64> {
        let committed = self.committed();
        let mut later = self.entries.iter().filter(|it| it.index > committed);
        let reunion = later.find(|it| it.is_reunion())?;
        let alone = self.known().ok()?.alone;
        (alone == Some(me)).then_some(reunion.index)
    }

    /// Carries out a write.
    pub fn take(&mut self, write: &Write) {
        if let Some(snapshot) = &write.snapshot {
            self.entries
                .retain(|entry| entry.index > snapshot.index && !write.replaces_log);
            self.snapshot = Some(snapshot.clone());
        }
        if let Some(first) = write.entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(write.entries.iter().cloned());
        }
        if let Some(hard) = write.hard {
            self.hard = hard;
        }
        if let Some(applied) = write.applied {
            self.applied = applied;
        }
        if let Some(agreed) = &write.agreed {
            self.agreed.clone_from(agreed);
        }
        if let Some(running) = &write.running {
            self.running.clone_from(running);
        }
        if let Some(stop_failed) = &write.stop_failed {
            self.stop_failed.clone_from(stop_failed);
        }
        if let Some(membership) = write.membership {
            self.membership = membership;
        }
        if let Some(given_up) = &write.given_up {
            self.given_up.clone_from(given_up);
        }
        if let Some(latecomer) = write.latecomer {
            self.latecomer = latecomer;
        }
    }
}

/// Raft's hard state (Ongaro, "Consensus: Bridging Theory and Practice", figure 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// Latest term seen.
    pub term: u64,
    /// Who got the vote in it; 0: nobody.
    pub vote: u64,
    /// Known to be committed.
    pub commit: u64,
}

/// The applied state after an entry of the log, instead of all entries up to there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The index of that entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The state, encoded.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// The state itself; nothing, if it cannot be understood.
    pub fn read(&self) -> Option<State> {
        postcard::from_bytes(&self.state).ok()
    }
}

/// An entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its place, from 1.
    pub index: u64,
    /// The term of its leader.
    pub term: u64,
    /// Raft's kind: 0 normal, 1 and 2 changes of the configuration.
    pub kind: u8,
    /// What it says, encoded.
    pub data: Vec<u8>,
}

impl LogEntry {
    /// The last kind that raft knows.
    const KIND_MAX: u8 = 2;

    /// The one change of members that raft has an entry for: [`Entry::Reunited`].
    fn is_reunion(&self) -> bool {
        self.kind != 0
    }
}

/// A voter's word that it renews no lease of a node until the cluster has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agreement {
    /// Which incarnation of the node.
    pub incarnation: Incarnation,
    /// Which attempt to take over from it.
    pub attempt: u64,
}

/// Whether a node is one of the cluster, where fencing decides: only such a node may hold
/// anything, or fence. It is void after another start of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// It is not.
    #[default]
    Stranger,
    /// It was admitted in this start of the machine, or an operator's word took the place
    /// of that.
    Since(BootId),
}

/// An operation under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Of which resource.
    pub resource: ResourceId,
    /// What.
    pub kind: OperationKind,
    /// Who ordered it; nobody: the node itself, to be safe.
    pub order: Option<OrderId>,
    /// The start of the machine in which it runs: after another one it runs no more.
    pub boot: BootId,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(indexes: &[u64], commit: u64) -> Disk {
        let entry = |index: &u64| LogEntry {
            index: *index,
            term: 1,
            kind: 0,
            data: Vec::new(),
        };
        Disk {
            entries: indexes.iter().map(entry).collect(),
            hard: HardState {
                commit,
                ..HardState::default()
            },
            ..Disk::default()
        }
    }

    #[test]
    fn what_cannot_have_been_written_is_refused_by_name() {
        assert_eq!(disk(&[1, 2, 3], 2).state(), Ok(State::default()));
        assert_eq!(disk(&[1, 3], 1).state(), Err(Damaged::Log(3)));
        assert_eq!(disk(&[1, 2], 9).state(), Err(Damaged::Commit(9)));
        let mut replaced = disk(&[8], 8);
        assert_eq!(replaced.state(), Err(Damaged::Log(8)));
        replaced.snapshot = Some(Snapshot {
            index: 7,
            term: 1,
            state: vec![255; 3],
        });
        assert_eq!(replaced.state(), Err(Damaged::State(7)));
    }
}
