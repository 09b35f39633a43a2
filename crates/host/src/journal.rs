//! The journal of a leg: JSON lines, appended under a lock by several
//! processes, each fsynced before the next thing happens.

use crate::disk;
use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use jiff::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use tandem_generation::protocol::RefusalKind;
use tandem_generation::{Entry, Event, LegState, RunId};

/// A leg's journal on disk.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal of this leg; it need not exist yet.
    pub fn of(place: &Place, run: &RunId, leg: u32) -> Self {
        Self {
            path: place.journal(run, leg),
        }
    }

    /// True once something was written.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Everything that happened. An incomplete last line was never acted on,
    /// because every line is fsynced before it is: it does not count.
    pub fn read(&self) -> Result<Vec<Entry>> {
        let mut file =
            File::open(&self.path).attempt(|| format!("read journal {}", self.path.display()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .attempt(|| format!("read journal {}", self.path.display()))?;
        Ok(self.parse(&bytes)?.0)
    }

    /// Where the leg stands.
    pub fn state(&self) -> Result<LegState> {
        Ok(state_of(&self.read()?))
    }

    /// Appends an event; on disk when this returns.
    pub fn append(&self, event: &Event) -> Result<Entry> {
        self.append_if(event, |_| Ok(()))
    }

    /// Appends an event if `allowed` agrees with the state that the leg has at
    /// that very moment: two processes cannot both win.
    pub fn append_if(
        &self,
        event: &Event,
        allowed: impl Fn(LegState) -> Result<()>,
    ) -> Result<Entry> {
        match self.try_append(event, &allowed) {
            Err(refused) if refused.kind == RefusalKind::NoSpace => {
                // Space for exactly this was set aside when the leg was staged.
                disk::remove(&self.path.with_file_name("reserve"))?;
                self.try_append(event, &allowed)
            }
            result => result,
        }
    }

    fn try_append(
        &self,
        event: &Event,
        allowed: &impl Fn(LegState) -> Result<()>,
    ) -> Result<Entry> {
        let what = || format!("append to journal {}", self.path.display());
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .attempt(what)?;
        file.lock().attempt(what)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).attempt(what)?;
        let (entries, complete) = self.parse(&bytes)?;
        allowed(state_of(&entries))?;
        let entry = Entry {
            seq: entries.last().map_or(1, |entry| entry.seq + 1),
            at: Timestamp::now(),
            event: event.clone(),
        };
        let mut line = serde_json::to_vec(&entry).attempt(what)?;
        line.push(b'\n');
        let written = file
            .set_len(complete)
            .and_then(|()| file.seek(SeekFrom::Start(complete)))
            .and_then(|_| file.write_all(&line))
            .and_then(|()| file.sync_data());
        if written.is_err() {
            // Half a line must not stay where the next one would be glued to.
            let _ = file.set_len(complete);
        }
        written.attempt(what)?;
        if is_new {
            disk::sync_parent(&self.path).attempt(what)?;
        }
        Ok(entry)
    }

    /// Entries, and how many bytes of them are complete lines.
    fn parse(&self, bytes: &[u8]) -> Result<(Vec<Entry>, u64)> {
        let complete = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |last| last + 1);
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in bytes[..complete].split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line).map_err(|cause| {
                Refused::failed(format!(
                    "journal {} is damaged in line {}: {cause}",
                    self.path.display(),
                    index + 1
                ))
                .hint("the file was changed from outside: restore it from a backup, or remove the damaged lines")
            })?;
            entries.push(entry);
        }
        Ok((entries, complete as u64))
    }
}

/// The state after these entries.
pub fn state_of(entries: &[Entry]) -> LegState {
    LegState::of(entries.iter().map(|entry| &entry.event))
}

/// True once the leg may have changed something.
pub fn has_begun(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| {
        !matches!(
            entry.event,
            Event::Staged | Event::Activating | Event::Finished { .. }
        )
    })
}

/// Why the leg went back, if it did.
pub fn because(entries: &[Entry]) -> Option<String> {
    let of = |wanted: fn(&Event) -> Option<&String>| {
        entries
            .iter()
            .rev()
            .find_map(|entry| wanted(&entry.event).cloned())
    };
    of(|event| match event {
        Event::UndoFailed { because } => Some(because),
        _ => None,
    })
    .filter(|_| state_of(entries) == LegState::UndoFailed)
    .or_else(|| {
        of(|event| match event {
            Event::Undoing { because } => Some(because),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn journal(directory: &tempfile::TempDir) -> Journal {
        Journal {
            path: directory.path().join("journal-1.jsonl"),
        }
    }

    #[test]
    fn a_line_torn_by_a_power_cut_does_not_count_and_is_replaced() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let journal = journal(&directory);
        journal.append(&Event::Staged).expect("append");
        journal.append(&Event::Activating).expect("append");
        let whole = fs::read(&journal.path).expect("read");
        fs::write(&journal.path, &whole[..whole.len() - 9]).expect("tear");
        assert_eq!(journal.state().expect("state"), LegState::Staged);
        journal.append(&Event::Confirmed).expect("append");
        let entries = journal.read().expect("read");
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[1].seq, 2);
        assert_eq!(entries[1].event, Event::Confirmed);
    }

    #[test]
    fn damage_in_the_middle_is_reported_with_its_line() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let journal = journal(&directory);
        journal.append(&Event::Staged).expect("append");
        fs::write(&journal.path, b"{\"seq\":1,\n{}\n").expect("damage");
        let error = journal.read().expect_err("damaged");
        assert!(error.message.contains("line 1"), "{error}");
    }

    #[test]
    fn appends_of_several_processes_get_consecutive_numbers() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let journal = journal(&directory);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        journal.append(&Event::Verified).expect("append");
                    }
                });
            }
        });
        let numbers: Vec<u64> = journal
            .read()
            .expect("read")
            .iter()
            .map(|entry| entry.seq)
            .collect();
        assert_eq!(numbers, (1..=40).collect::<Vec<u64>>());
    }
}
