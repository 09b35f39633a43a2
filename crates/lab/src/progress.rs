//! What the lab tells its caller while it works.

use std::path::PathBuf;
use std::time::Duration;

/// One thing that happened; the lab itself prints nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Another process builds the base tree, or works on the same lab; waiting for it.
    Waiting {
        /// What for.
        on: String,
    },
    /// The base tree is not cached: building it takes about a minute, once.
    BuildingBase {
        /// Log of the build.
        log: PathBuf,
    },
    /// A step of the base build began.
    BaseStep {
        /// What it does.
        what: &'static str,
    },
    /// The base tree is ready.
    BaseReady {
        /// Where it is.
        tree: PathBuf,
        /// Time the build took; `None` when it came from the cache.
        built_in: Option<Duration>,
    },
    /// What a killed `up` left behind is being removed.
    RemovingLeftovers,
    /// The lab's network was made.
    NetworkReady,
    /// A host was switched on.
    HostStarting {
        /// The host.
        host: String,
    },
    /// A host answers on ssh.
    HostReady {
        /// The host.
        host: String,
        /// Time since `up` began to wait.
        after: Duration,
    },
    /// A host was switched off.
    HostStopped {
        /// The host.
        host: String,
    },
}

/// A callback that ignores everything.
pub fn silent(_: Progress) {}
