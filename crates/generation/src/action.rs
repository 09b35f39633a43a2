//! What a host does around a transaction besides installing packages.

use serde::{Deserialize, Serialize};

/// One step on the host, with the reason that the plan shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// `systemctl daemon-reload`.
    DaemonReload,
    /// A verb on a unit.
    Unit {
        /// Full unit name, `apache2.service`.
        unit: String,
        /// What to do.
        verb: UnitVerb,
        /// Why, in words.
        why: String,
    },
    /// A program.
    Command(Command),
    /// Something that is neither file nor unit (an empty database, a replica):
    /// `probe` exit 0 means it is there already and `act` is not run.
    Initialise {
        /// Name for people.
        name: String,
        /// Is it there?
        probe: Command,
        /// Make it. Must never touch existing data.
        act: Command,
        /// Is it there now?
        verify: Command,
    },
}

/// What to do with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitVerb {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart, starting it where it was stopped.
    Restart,
    /// Restart only if it runs: for units that the cluster starts.
    TryRestart,
    /// Reload if it runs, restart where it cannot reload; else nothing.
    TryReloadOrRestart,
    /// Start at boot.
    Enable,
    /// Do not start at boot.
    Disable,
}

impl UnitVerb {
    /// The word `systemctl` knows it by.
    pub fn systemctl(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::TryReloadOrRestart => "try-reload-or-restart",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }
}

/// A program with arguments. No shell is involved. Secrets never appear here:
/// argument lists are visible to every process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Name under which the result comes back.
    pub name: String,
    /// Program and arguments; the program is an absolute path.
    pub argv: Vec<String>,
    /// After this many milliseconds the process group is killed.
    pub timeout_ms: u64,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandResult {
    /// The name from the [`Command`].
    pub name: String,
    /// Exit status; `None` where a signal or the timeout ended it, or it could
    /// not be started (then `stderr` says why).
    pub exit: Option<i32>,
    /// Standard output, at most 64 KiB.
    pub stdout: String,
    /// Standard error, at most 64 KiB.
    pub stderr: String,
}
