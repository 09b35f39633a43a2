//! What can be wrong with a watchdog, as an operator wants to read it.

use std::io::Error;
use std::path::PathBuf;
use std::time::Duration;

/// Why a watchdog cannot be used, or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something else than a watchdog.
    #[error("{path} is no watchdog: {what}; name one of /dev/watchdog*, or load the driver of this machine's", path = path.display())]
    NotAWatchdog {
        /// What was named.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A watchdog that cannot be relied upon.
    #[error("the watchdog {path} cannot be relied upon: {what}", path = path.display())]
    Unfit {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// Another process has it.
    #[error("the watchdog {path} is used by {holder}; a watchdog has one user, so stop that one or tell it to use another", path = path.display())]
    Busy {
        /// Which one.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// The descriptor that was kept belongs to something else.
    #[error("the descriptor that was kept for the watchdog {path} is not one of it; it may be armed, so stop what runs here and restart this machine", path = path.display())]
    KeptOther {
        /// The watchdog of the configuration.
        path: PathBuf,
    },
    /// It waits longer or shorter than it was told.
    #[error("the watchdog {path} makes {got:?} of the {asked:?} that were asked for; configure a time that it can keep", path = path.display())]
    Timeout {
        /// Which one.
        path: PathBuf,
        /// What was asked for.
        asked: Duration,
        /// What was read back.
        got: Duration,
    },
    /// It is armed although it was disarmed: it will reset this machine.
    #[error("the watchdog {path} does not stop: it resets this machine unless it is petted; see in the kernel's log why", path = path.display())]
    StillArmed {
        /// Which one.
        path: PathBuf,
    },
    /// Somebody else disarmed it.
    #[error("the watchdog {path} was disarmed by somebody else; it is armed again", path = path.display())]
    Disarmed {
        /// Which one.
        path: PathBuf,
    },
    /// The system refused something.
    #[error("the watchdog {path}: cannot {attempt}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What was attempted.
        attempt: &'static str,
        /// What the system said.
        #[source]
        source: Error,
    },
    /// The program behind a socket refused, or does not speak as it should.
    #[error("the watchdog behind {path} answered '{answer}' when told to {attempt}; see its own log", path = path.display())]
    Answer {
        /// The socket.
        path: PathBuf,
        /// What was attempted.
        attempt: &'static str,
        /// What it said, cut to what fits in a line.
        answer: String,
    },
}
