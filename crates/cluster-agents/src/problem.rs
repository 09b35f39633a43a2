//! What can go wrong around agents, as opposed to in them.

use std::path::PathBuf;

/// What was attempted, on what, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file or directory.
    #[error("cannot {what} {}", path.display())]
    File {
        /// `read`, `write`, `make`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// systemd said no, or nothing.
    #[error("systemd: cannot {what}")]
    Systemd {
        /// What was asked.
        what: String,
        /// Why.
        #[source]
        source: Box<zbus::Error>,
    },
    /// systemd did not answer within the time that the operation had.
    #[error("systemd: no answer to {0} in time")]
    SystemdSilent(String),
    /// No control groups of systemd's are mounted here.
    #[error(
        "no control groups of systemd's: neither a cgroup2 mount nor name=systemd in \
         /proc/self/mountinfo, or PID 1 is not in an init.scope (/proc/1/cgroup)"
    )]
    NoControlGroups,
    /// What an agent says of itself cannot be understood.
    #[error("meta-data of {agent}: {why}")]
    Metadata {
        /// Which.
        agent: String,
        /// Why.
        why: String,
    },
    /// A name that is none: of an agent, a script, a resource.
    #[error("`{0}` is no {1}")]
    Name(String, &'static str),
}

impl Problem {
    /// The problem with its causes, in one line.
    pub fn line(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        text
    }
}
