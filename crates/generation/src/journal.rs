//! The journal of a leg: intent before, result after each step, one JSON
//! document a line, each fsynced before the next thing happens.

use crate::{CommandResult, HealthResult};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the journal. (serde cannot deny unknown fields where one is
/// flattened.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. The order below is the order in which a good leg goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Order, packages and way back are on disk and proven.
    Staged,
    /// Activation asked for.
    Activating,
    /// Files edited by hand were saved before they are overwritten.
    DriftSaved {
        /// Their paths.
        paths: Vec<String>,
    },
    /// An action is about to start.
    ActionBegin {
        /// In words.
        what: String,
    },
    /// An action ended.
    ActionEnd {
        /// In words.
        what: String,
        /// Result; `None` where it had nothing to do.
        result: Option<CommandResult>,
        /// Milliseconds.
        took_ms: u64,
    },
    /// The rpm transaction is about to start: from here the host may be
    /// between, and recovery must decide.
    TransactionBegin,
    /// The rpm transaction ended.
    TransactionEnd {
        /// rpm's exit status.
        exit: Option<i32>,
        /// What rpm said, at most 16 KiB.
        said: String,
        /// Milliseconds.
        took_ms: u64,
    },
    /// Digests, packages and units are as the target says.
    Verified,
    /// Waiting for the operator until then.
    AwaitConfirm {
        /// The dead man's time.
        deadline: Timestamp,
    },
    /// The operator came back.
    Confirmed,
    /// The way back begins.
    Undoing {
        /// In words.
        because: String,
    },
    /// The host is what it was.
    Undone,
    /// The undo did not reach its target; the next recovery tries again and
    /// until then the node carries no resource.
    UndoFailed {
        /// In words.
        because: String,
    },
    /// A step failed; the undo follows.
    Failed {
        /// In words, with what the program said.
        because: String,
    },
    /// Health results seen during the leg.
    Health {
        /// One per check.
        results: Vec<HealthResult>,
    },
    /// Recovery after a crash took over.
    Recovering {
        /// Boot id in which it runs.
        boot: String,
    },
    /// The run is closed on this host.
    Finished {
        /// `accepted`, `rolled-back` or `not-activated`.
        verdict: String,
    },
}

/// Where a leg stands, computed from its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegState {
    /// On disk, nothing changed.
    Staged,
    /// Changing, before or within or after the rpm transaction.
    Activating,
    /// Changed and locally verified; the dead man waits.
    AwaitingConfirm,
    /// The operator came back: stays unless undone on purpose.
    Confirmed,
    /// Going back.
    Undoing,
    /// Back.
    Undone,
    /// Could not go back; recovery will try again.
    UndoFailed,
    /// Closed.
    Finished,
}

impl LegState {
    /// The state after these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::Staged;
        for event in events {
            state = match event {
                Event::Staged => Self::Staged,
                Event::Activating | Event::TransactionBegin => match state {
                    Self::Undoing => Self::Undoing,
                    _ => Self::Activating,
                },
                Event::AwaitConfirm { .. } => Self::AwaitingConfirm,
                Event::Confirmed => Self::Confirmed,
                Event::Undoing { .. } => Self::Undoing,
                Event::Undone => Self::Undone,
                Event::UndoFailed { .. } => Self::UndoFailed,
                Event::Finished { .. } => Self::Finished,
                _ => state,
            };
        }
        state
    }

    /// True while the host itself is still working on it.
    pub fn is_moving(self) -> bool {
        matches!(self, Self::Activating | Self::Undoing)
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, LegState};

    #[test]
    fn an_undo_stays_an_undo_while_its_own_transaction_runs() {
        let events = [
            Event::Staged,
            Event::Activating,
            Event::TransactionBegin,
            Event::Undoing {
                because: "test".into(),
            },
            Event::TransactionBegin,
        ];
        assert_eq!(LegState::of(&events), LegState::Undoing);
    }

    #[test]
    fn an_entry_comes_back_as_it_was_written() {
        let entry = super::Entry {
            seq: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            event: Event::TransactionEnd {
                exit: Some(0),
                said: String::new(),
                took_ms: 7,
            },
        };
        let text = serde_json::to_string(&entry).expect("write");
        let back: super::Entry = serde_json::from_str(&text).expect("read");
        assert_eq!(back, entry);
    }

    #[test]
    fn a_confirmed_leg_can_still_be_undone() {
        let mut events = vec![Event::Staged, Event::Activating, Event::Confirmed];
        assert_eq!(LegState::of(&events), LegState::Confirmed);
        events.push(Event::Undoing {
            because: "acceptance".into(),
        });
        events.push(Event::Undone);
        assert_eq!(LegState::of(&events), LegState::Undone);
    }
}
