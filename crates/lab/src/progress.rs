//! What the lab tells its caller while it works.

use std::fmt;
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

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { on } => write!(f, "waiting for {on}"),
            Self::BuildingBase { log } => {
                write!(f, "building the base tree, once; log in {}", log.display())
            }
            Self::BaseStep { what } => f.write_str(what),
            Self::BaseReady {
                tree,
                built_in: None,
            } => write!(f, "base tree {}", tree.display()),
            Self::BaseReady {
                tree,
                built_in: Some(took),
            } => {
                write!(
                    f,
                    "base tree {} built in {:.0} s",
                    tree.display(),
                    took.as_secs_f64()
                )
            }
            Self::RemovingLeftovers => f.write_str("removing what an interrupted command left"),
            Self::NetworkReady => f.write_str("network ready"),
            Self::HostStarting { host } => write!(f, "{host} starting"),
            Self::HostReady { host, after } => {
                write!(f, "{host} answers after {:.1} s", after.as_secs_f64())
            }
            Self::HostStopped { host } => write!(f, "{host} stopped"),
        }
    }
}

/// A callback that ignores everything.
pub fn silent(_: Progress) {}
