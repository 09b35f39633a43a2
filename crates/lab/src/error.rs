//! What can go wrong in the lab, each with what was attempted, on what, and a way out.

use std::path::PathBuf;
use std::time::Duration;

use crate::soundness::Mistake;

/// Result of everything the lab does.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the lab.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller is not root.
    #[error("the lab mounts file systems and makes network namespaces: it must run as root")]
    NotRoot,
    /// Programs or kernel features are absent.
    #[error(
        "the lab needs programs that are not installed: {}; install the packages: {}",
        programs.join(", "),
        packages.join(" ")
    )]
    MissingPrograms {
        /// The programs looked for on the path.
        programs: Vec<String>,
        /// Debian packages that carry them.
        packages: Vec<String>,
    },
    /// The machine has no control group hierarchy that the lab can use.
    #[error(
        "no usable control groups below /sys/fs/cgroup: mount cgroup2 there, or the v1 hierarchies \
         `name=systemd` and `freezer`"
    )]
    NoControlGroups,
    /// The kernel would run out of what systemd needs on so many hosts.
    #[error(
        "{hosts} hosts want about {wanted} inotify instances, and the kernel gives one user {limit}: \
         run `sysctl fs.inotify.max_user_instances={wanted}`, and try again"
    )]
    TooFewInotifyInstances {
        /// Hosts of the lab.
        hosts: usize,
        /// How many they want.
        wanted: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The topology contradicts itself.
    #[error("the lab's topology is wrong: {}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Topology {
        /// All mistakes found.
        mistakes: Vec<Mistake>,
    },
    /// `up` was asked for another topology than the lab that exists.
    #[error(
        "lab {lab} exists with another topology ({difference}); take it down first, then up again"
    )]
    TopologyChanged {
        /// The lab.
        lab: String,
        /// The first difference found.
        difference: String,
    },
    /// The lab does not exist.
    #[error("there is no lab named {lab}; bring it up first")]
    NoSuchLab {
        /// The name asked for.
        lab: String,
    },
    /// A name that the lab's topology does not have.
    #[error("lab {lab} has no {kind} named {name}; it has {}", known.join(", "))]
    Unknown {
        /// The lab.
        lab: String,
        /// host, network, NIC, client ...
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The words of a fault could not be understood.
    #[error("`{words}` is no fault; {usage}")]
    FaultWords {
        /// What was given.
        words: String,
        /// What would be right.
        usage: String,
    },
    /// A host is in the wrong state for what was asked.
    #[error("cannot {attempted} on host {host}: it is {state}; {way_out}")]
    WrongState {
        /// What was attempted.
        attempted: String,
        /// The host.
        host: String,
        /// Its state.
        state: String,
        /// What to do instead.
        way_out: String,
    },
    /// A host did not answer in time.
    #[error(
        "host {host} did not answer on ssh after {:.1} s: {reason} (all of it is in {})",
        waited.as_secs_f64(), console.display()
    )]
    NotReady {
        /// The host.
        host: String,
        /// How long was waited.
        waited: Duration,
        /// What was seen last.
        reason: String,
        /// Console log.
        console: PathBuf,
    },
    /// A program failed.
    #[error("could not {attempted}: {program} {outcome}{}", if stderr.is_empty() { String::new() } else { format!(": {stderr}") })]
    Program {
        /// What was attempted.
        attempted: String,
        /// The program.
        program: String,
        /// Exit status or signal.
        outcome: String,
        /// The end of what it said.
        stderr: String,
    },
    /// A command in a host or client ran longer than it was given.
    #[error("`{command}` was still running after {} s and was killed", limit.as_secs_f64())]
    TimedOut {
        /// The command.
        command: String,
        /// The time it had.
        limit: Duration,
    },
    /// The base tree could not be built.
    #[error("could not build the base tree: {reason}; the whole log is in {}", log.display())]
    Base {
        /// The last lines of the log.
        reason: String,
        /// The log.
        log: PathBuf,
    },
    /// A file could not be read or written, a directory made, ...
    #[error("could not {attempted} {}", path.display())]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A system call failed.
    #[error("could not {attempted}")]
    System {
        /// What was attempted, on what.
        attempted: String,
        /// The cause.
        #[source]
        source: nix::errno::Errno,
    },
    /// The base trees are in use.
    #[error("cannot remove the base trees while lab {lab} stands on them; take it down first")]
    InUse {
        /// One of the labs.
        lab: String,
    },
    /// The lab's record was written by a newer version, or is damaged.
    #[error("cannot use {}: {reason}; take the lab down with the version that made it, or remove it by `down`", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Adds what was attempted on which path to an I/O error.
pub(crate) trait IoContext<T> {
    fn on(self, attempted: &'static str, path: impl Into<PathBuf>) -> Result<T>;
}

impl<T> IoContext<T> for std::io::Result<T> {
    fn on(self, attempted: &'static str, path: impl Into<PathBuf>) -> Result<T> {
        self.map_err(|source| Error::Io {
            attempted,
            path: path.into(),
            source,
        })
    }
}

/// Adds what was attempted to a failed system call.
pub(crate) trait SystemContext<T> {
    fn during(self, attempted: impl FnOnce() -> String) -> Result<T>;
}

impl<T> SystemContext<T> for nix::Result<T> {
    fn during(self, attempted: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| Error::System {
            attempted: attempted(),
            source,
        })
    }
}
