//! A machine's disk: writes take time, are done in order, and a crash keeps a prefix.

use crate::random::Random;
use cluster_core::Disk;
use cluster_core::arbitration::Epoch;
use cluster_core::disk::{Snapshot, Ticket, Write};
use std::collections::VecDeque;
use std::time::Duration;

/// How fast a disk is.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Fastest sync.
    pub fastest: Duration,
    /// Slowest sync.
    pub slowest: Duration,
}

impl Default for Speed {
    fn default() -> Self {
        Self {
            fastest: Duration::from_micros(200),
            slowest: Duration::from_millis(6),
        }
    }
}

/// A disk, and what was asked of it and is not synced yet.
#[derive(Debug)]
pub struct Storage {
    /// What survives a power cut.
    pub kept: Disk,
    /// The line of the log that is on it.
    pub epoch: Epoch,
    waiting: VecDeque<(Ticket, Write)>,
    /// How many of those are being synced.
    syncing: usize,
    batch: u64,
    /// How fast it is now.
    pub speed: Speed,
    /// It does nothing at all.
    pub stalled: bool,
    random: Random,
}

impl Storage {
    /// An empty disk.
    pub fn new(random: Random) -> Self {
        Self {
            kept: Disk::default(),
            epoch: Epoch::default(),
            waiting: VecDeque::new(),
            syncing: 0,
            batch: 0,
            speed: Speed::default(),
            stalled: false,
            random,
        }
    }

    /// One more write.
    pub fn ask(&mut self, ticket: Ticket, write: Write) {
        self.waiting.push_back((ticket, write));
    }

    /// Begins to sync all that waits, as a daemon's disk thread does, unless a sync is
    /// under way. Says which batch that is, and how long it takes.
    pub fn begin(&mut self) -> Option<(u64, Duration)> {
        if self.stalled || self.syncing > 0 || self.waiting.is_empty() {
            return None;
        }
        self.batch += 1;
        self.syncing = self.waiting.len();
        let time = self.random.span(self.speed.fastest, self.speed.slowest);
        Some((self.batch, time))
    }

    /// A sync that was begun ends now; the last ticket that it wrote. Nothing for a
    /// batch that a crash undid.
    pub fn synced(&mut self, batch: u64) -> Option<Ticket> {
        if batch != self.batch || self.syncing == 0 {
            return None;
        }
        let count = std::mem::take(&mut self.syncing);
        self.keep(count)
    }

    fn keep(&mut self, count: usize) -> Option<Ticket> {
        let mut last = None;
        for (ticket, write) in self.waiting.drain(..count) {
            self.kept.take(&write);
            if let Some(state) = write.snapshot.as_ref().and_then(Snapshot::read) {
                self.epoch = state.epoch;
            }
            last = Some(ticket);
        }
        last
    }

    /// Whoever wrote is gone, and some prefix of its writes was written.
    pub fn crash(&mut self) {
        let count = self.random.between(0, self.waiting.len() as u64);
        let count = usize::try_from(count).unwrap_or(0);
        self.keep(count);
        self.waiting.clear();
        self.syncing = 0;
        // What was begun may still seem to come to an end: it is another batch's.
        self.batch += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_core::disk::HardState;

    fn number(term: u64) -> Write {
        let hard = HardState {
            term,
            ..HardState::default()
        };
        Write {
            hard: Some(hard),
            ..Write::default()
        }
    }

    #[test]
    fn a_sync_keeps_what_waited_when_it_began_and_names_the_last_ticket() {
        let mut storage = Storage::new(Random::new(1, 1));
        storage.ask(Ticket(1), number(1));
        storage.ask(Ticket(2), number(2));
        let (batch, _) = storage.begin().expect("there is something to write");
        storage.ask(Ticket(3), number(3));
        assert!(storage.begin().is_none());
        assert_eq!(storage.synced(batch), Some(Ticket(2)));
        assert_eq!(storage.kept.hard.term, 2);
        assert!(storage.begin().is_some());
    }

    #[test]
    fn a_crash_keeps_any_prefix_and_answers_nothing() {
        let mut kept = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let mut storage = Storage::new(Random::new(seed, 1));
            for next in 1..=3 {
                storage.ask(Ticket(next), number(next));
            }
            let (batch, _) = storage.begin().expect("there is something to write");
            storage.crash();
            assert_eq!(storage.synced(batch), None);
            kept.insert(storage.kept.hard.term);
        }
        assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_stalled_disk_begins_nothing() {
        let mut storage = Storage::new(Random::new(1, 1));
        storage.stalled = true;
        storage.ask(Ticket(1), number(1));
        assert!(storage.begin().is_none());
    }
}
