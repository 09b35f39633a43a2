//! How fast a cluster notices.

use serde::{Deserialize, Serialize};

/// Heartbeat's words (`ha.cf`), kept by every engine. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// Between two heartbeats.
    pub keepalive_ms: u64,
    /// Silence after which a peer is late.
    pub warntime_ms: u64,
    /// Silence after which a peer counts as dead.
    pub deadtime_ms: u64,
    /// The same right after start, when networks may still come up.
    pub initdead_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            keepalive_ms: 500,
            warntime_ms: 1_000,
            deadtime_ms: 2_000,
            initdead_ms: 10_000,
        }
    }
}
