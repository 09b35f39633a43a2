//! The lock of a host: who is changing it, and since when.

use crate::{Digest, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Held on every host of a run, all or none; it survives the operator's
/// process, because a run may be resumed from another machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// `user@machine` of the operator.
    pub owner: String,
    /// The run.
    pub run: RunId,
    /// Digest of the plan being applied.
    pub plan: Digest,
    /// When it was taken.
    pub since: Timestamp,
}
