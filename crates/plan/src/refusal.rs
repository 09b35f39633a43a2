//! What forbids applying a plan, with the way out.

use serde::{Deserialize, Serialize};

/// A reason not to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind, for the exit code.
    pub kind: RefusalKind,
    /// Host or cluster that it is about.
    pub about: String,
    /// What is wrong.
    pub what: String,
    /// The way out.
    pub hint: String,
}

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// A host does not answer.
    Unreachable,
    /// Somebody else is at work, or a run was left open.
    Locked,
    /// The host, its role or its inventory must be put right first.
    NotReady,
    /// Redundancy is not real, so a change could cost the service.
    NotRedundant,
    /// The operator must say that it is meant.
    NeedsConsent,
}
