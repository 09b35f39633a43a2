//! Operations of resource agents, as seen from the node that runs them.

use crate::name::Session;
use serde::{Deserialize, Serialize};

/// An operation that this node runs. Never given twice, across restarts of the daemon
/// too, without anything having to be on the disk first: a stop waits for no disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId {
    /// The start of the daemon.
    pub session: Session,
    /// Counts up within a session.
    pub number: u64,
}

/// What an agent is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperationKind {
    /// Is it running? Changes nothing.
    Probe,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Make an instance that runs the one that counts.
    Promote,
    /// Make it an instance like the others.
    Demote,
}

impl OperationKind {
    /// Does it make something active that was not? Such a thing needs a lease, an armed
    /// watchdog, and to be on the disk before it begins.
    pub fn goes_up(self) -> bool {
        matches!(self, Self::Start | Self::Promote)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It did what was asked; of a probe: it runs.
    Good,
    /// Of a probe: it runs and is promoted.
    Promoted,
    /// Of a probe: it does not run.
    NotRunning,
    /// It said that it failed.
    Failed,
    /// It said that nothing but a change of this node can help: the agent is not installed,
    /// or must not do what it was asked, or does not understand its parameters, or does not
    /// know the action (OCF resource agent API 1.1, exit codes 2 to 6).
    Fatal,
    /// It took too long, and all its processes were removed.
    TimedOut,
    /// It was killed on request.
    Killed,
}
