//! Health checks of a role: what must answer before a node counts as good.

use crate::{Command, CommandResult};
use serde::{Deserialize, Serialize};

/// A check that the host runs on itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthCheck {
    /// Name for people, `site`.
    pub name: String,
    /// What is asked.
    pub probe: Probe,
    /// It may fail until this many milliseconds have passed; it is asked again
    /// every 100 ms.
    pub within_ms: u64,
    /// Whose answer counts.
    pub on: CheckedOn,
}

/// On which nodes a check must succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckedOn {
    /// On every node of the cluster.
    Each,
    /// On the node that holds the cluster's resources.
    Holder,
}

/// The question of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Probe {
    /// An HTTP GET.
    Http {
        /// `http://` URL.
        url: String,
        /// Status that must come back.
        status: u16,
        /// Text that the body must contain.
        #[serde(default)]
        contains: Option<String>,
    },
    /// A unit is active.
    Unit {
        /// Full unit name.
        unit: String,
    },
    /// A program exits 0.
    Command(Command),
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthResult {
    /// The check's name.
    pub name: String,
    /// Did it succeed in time?
    pub ok: bool,
    /// The last answer in words: `200 after 12 ms`, `500 Internal Server Error`.
    pub said: String,
    /// Milliseconds until the first success, or until giving up.
    pub took_ms: u64,
    /// Output of a failed command.
    #[serde(default)]
    pub output: Option<CommandResult>,
}
