//! The log in memory, as raft reads it. What is here may not be on the disk yet; the
//! consensus keeps account of that.

use super::message::entry_to_raft;
use crate::disk::{Disk, Snapshot};
use raft::eraftpb::{ConfState, Entry, HardState};
use raft::{Error, GetEntriesContext, RaftState, Result, Storage, StorageError, eraftpb};
use std::collections::VecDeque;

/// Log, hard state and snapshot.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// As of the snapshot.
    members: ConfState,
    hard: HardState,
    /// Of an empty state at index 0, if there never was one.
    snapshot: Snapshot,
    /// All after the snapshot.
    entries: VecDeque<Entry>,
}

impl Log {
    pub(super) fn new(members: ConfState, disk: &Disk) -> Self {
        let entries = disk.entries.iter().cloned();
        // A commit index alone is not written: the snapshot may be ahead of it.
        let replaced = disk.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        Self {
            members,
            hard: HardState {
                term: disk.hard.term,
                vote: disk.hard.vote,
                commit: disk.hard.commit.max(replaced).max(disk.applied),
                ..HardState::default()
            },
            snapshot: disk.snapshot.clone().unwrap_or(Snapshot {
                index: 0,
                term: 0,
                state: Vec::new(),
            }),
            entries: entries.filter_map(entry_to_raft).collect(),
        }
    }

    /// So much is committed.
    pub(super) fn commit(&mut self, index: u64) {
        self.hard.commit = self.hard.commit.max(index);
    }

    pub(super) fn hard(&self) -> &HardState {
        &self.hard
    }

    pub(super) fn set_hard(&mut self, hard: HardState) {
        self.hard = hard;
    }

    /// Replaces everything from the first of these on.
    pub(super) fn append(&mut self, entries: &[Entry]) {
        if let Some(first) = entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(entries.iter().cloned());
        }
    }

    /// The state after `index`, encoded, and who was a member then: entries up to there
    /// are not needed any more.
    pub(super) fn compact(
        &mut self,
        index: u64,
        state: Vec<u8>,
        members: ConfState,
    ) -> Option<Snapshot> {
        let term = self.term(index).ok()?;
        self.snapshot = Snapshot { index, term, state };
        self.members = members;
        self.entries.retain(|entry| entry.index > index);
        Some(self.snapshot.clone())
    }

    /// Another node's state instead of everything here.
    pub(super) fn replace(&mut self, snapshot: Snapshot, members: ConfState) {
        self.entries.clear();
        self.hard.commit = self.hard.commit.max(snapshot.index);
        self.snapshot = snapshot;
        self.members = members;
    }

    /// This node goes on alone: another state at the index of the snapshot, a higher term,
    /// and all entries after it.
    pub(super) fn found(
        &mut self,
        snapshot: Snapshot,
        hard: crate::disk::HardState,
        members: ConfState,
    ) {
        self.entries.retain(|entry| entry.index > snapshot.index);
        self.hard = HardState {
            term: hard.term,
            vote: hard.vote,
            commit: hard.commit.max(snapshot.index),
            ..HardState::default()
        };
        self.snapshot = snapshot;
        self.members = members;
    }

    /// No entry of it counts any more.
    pub(super) fn forget_all(&mut self) {
        self.entries.clear();
    }

    /// What follows this place.
    pub(super) fn after(&self, index: u64) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.iter().rev();
        entries.take_while(move |entry| entry.index > index)
    }

    /// The index of the snapshot.
    pub(super) fn begins_after(&self) -> u64 {
        self.snapshot.index
    }

    fn first(&self) -> u64 {
        self.snapshot.index + 1
    }

    fn last(&self) -> u64 {
        self.entries
            .back()
            .map_or(self.snapshot.index, |entry| entry.index)
    }

    fn get(&self, index: u64) -> Option<&Entry> {
        let place = usize::try_from(index.checked_sub(self.first())?).ok()?;
        self.entries.get(place)
    }
}

impl Storage for Log {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState::new(self.hard.clone(), self.members.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low < self.first() {
            return Err(Error::Store(StorageError::Compacted));
        }
        if high > self.last() + 1 {
            return Err(Error::Store(StorageError::Unavailable));
        }
        let mut found: Vec<_> = (low..high)
            .filter_map(|index| self.get(index).cloned())
            .collect();
        raft::util::limit_size(&mut found, max_size.into());
        Ok(found)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == self.snapshot.index {
            return Ok(self.snapshot.term);
        }
        if index < self.first() {
            return Err(Error::Store(StorageError::Compacted));
        }
        let entry = self.get(index);
        entry
            .map(|entry| entry.term)
            .ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.first())
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last())
    }

    fn snapshot(&self, request_index: u64, _to: u64) -> Result<eraftpb::Snapshot> {
        if self.snapshot.index < request_index {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        }
        Ok(snapshot_to_raft(&self.snapshot, &self.members))
    }
}

pub(super) fn snapshot_to_raft(snapshot: &Snapshot, members: &ConfState) -> eraftpb::Snapshot {
    let mut raft = eraftpb::Snapshot {
        data: snapshot.state.clone().into(),
        ..eraftpb::Snapshot::default()
    };
    let about = raft.mut_metadata();
    about.index = snapshot.index;
    about.term = snapshot.term;
    about.set_conf_state(members.clone());
    raft
}

/// `None`: it is empty, as those of all messages are that bring none.
pub(super) fn snapshot_from_raft(snapshot: &eraftpb::Snapshot) -> Option<Snapshot> {
    let about = snapshot.get_metadata();
    (about.index != 0).then(|| Snapshot {
        index: about.index,
        term: about.term,
        state: snapshot.data.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::LogEntry;

    fn log(last: u64) -> Log {
        let entry = |index| LogEntry {
            index,
            term: 1,
            kind: 0,
            data: vec![0; 8],
        };
        let disk = Disk {
            entries: (1..=last).map(entry).collect(),
            ..Disk::default()
        };
        Log::new(ConfState::default(), &disk)
    }

    fn indexes(log: &Log, low: u64, high: u64) -> Result<Vec<u64>> {
        let found = log.entries(low, high, None, GetEntriesContext::empty(false))?;
        Ok(found.into_iter().map(|entry| entry.index).collect())
    }

    #[test]
    fn what_a_snapshot_replaces_is_forgotten_and_the_rest_is_not() {
        let mut log = log(5);
        assert_eq!(indexes(&log, 1, 4).expect("they are there"), [1, 2, 3]);
        let snapshot = log
            .compact(3, vec![7], ConfState::default())
            .expect("it is in the log");
        assert_eq!((snapshot.index, snapshot.term), (3, 1));
        assert!(indexes(&log, 3, 5).is_err());
        assert_eq!(indexes(&log, 4, 6).expect("they are there"), [4, 5]);
        assert_eq!(log.term(3).expect("of the snapshot"), 1);
        assert!(log.term(2).is_err() && log.term(6).is_err());
        assert_eq!(log.snapshot(0, 2).expect("there is one").data[..], [7]);
        assert!(
            log.compact(9, Vec::new(), ConfState::default()).is_none(),
            "not in the log"
        );
    }

    #[test]
    fn a_snapshot_is_committed_whatever_the_disk_says_of_the_log() {
        let disk = Disk {
            snapshot: Some(Snapshot {
                index: 7,
                term: 2,
                state: Vec::new(),
            }),
            ..Disk::default()
        };
        let log = Log::new(ConfState::default(), &disk);
        let state = log.initial_state().expect("in memory");
        assert_eq!(state.hard_state.commit, 7);
    }

    #[test]
    fn later_entries_take_the_place_of_those_that_were_never_committed() {
        let mut log = log(5);
        let mut other = Entry {
            index: 4,
            term: 2,
            ..Entry::default()
        };
        log.append(&[other.clone()]);
        assert_eq!(log.last(), 4);
        assert_eq!(log.term(4).expect("it is there"), 2);
        other.index = 5;
        log.append(&[other]);
        assert_eq!(log.last(), 5);
    }
}
