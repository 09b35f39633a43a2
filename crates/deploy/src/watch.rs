//! What the outside hears of a run while it goes on.

use tandem_generation::protocol::StageReply;
use tandem_generation::{Digest, Entry};
use tandem_plan::Step;

/// Something that happened.
pub enum Progress<'a> {
    /// All hosts are locked.
    Locked,
    /// Bytes of packages on their way to a host.
    Pushing {
        /// The host.
        host: &'a str,
        /// The package file.
        file: &'a Digest,
        /// Bytes of all its packages sent so far.
        sent: u64,
        /// Bytes of all its packages.
        total: u64,
    },
    /// A host has everything and proved it.
    Staged {
        /// The host.
        host: &'a str,
        /// What it proved.
        reply: &'a StageReply,
    },
    /// A step begins.
    StepBegin {
        /// The step.
        step: &'a Step,
        /// How many there are.
        of: usize,
    },
    /// A step ended well.
    StepEnd {
        /// The step.
        step: &'a Step,
        /// Milliseconds.
        took_ms: u64,
        /// What was seen, for people.
        seen: &'a str,
    },
    /// A line of a host's journal.
    Journal {
        /// The host.
        host: &'a str,
        /// The line.
        entry: &'a Entry,
    },
    /// A step failed; the walk back begins.
    WalkingBack {
        /// Why.
        because: &'a str,
    },
    /// Something worth a line.
    Said(&'a str),
}

/// Hears what happens. Called from several threads.
pub trait Watch: Sync {
    /// Something happened.
    fn progress(&self, progress: Progress<'_>);

    /// Called between any two changes of any host's state, so that a test can
    /// end the process at every one of them.
    fn boundary(&self, name: &str) {
        let _ = name;
    }
}
