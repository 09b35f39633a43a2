//! What a step collects.

use crate::action::{Action, Note};
use crate::disk::{Ticket, Write};

/// Actions in order, and the tickets of writes.
#[derive(Debug, Default)]
pub(crate) struct Out {
    actions: Vec<Action>,
    last: Ticket,
}

impl Out {
    /// One more thing to do.
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// For the journal.
    pub(crate) fn note(&mut self, note: Note) {
        self.actions.push(Action::Note(note));
    }

    /// Writes, and says which ticket stands for it: the latest, if there is nothing to
    /// write.
    pub(crate) fn persist(&mut self, write: Write) -> Ticket {
        if !write.is_empty() {
            self.last = Ticket(self.last.0 + 1);
            self.actions.push(Action::Persist {
                ticket: self.last,
                write,
            });
        }
        self.last
    }

    /// The latest ticket.
    pub(crate) fn last(&self) -> Ticket {
        self.last
    }

    /// Everything since the last time.
    pub(crate) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}
