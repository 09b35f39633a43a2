//! What can go wrong on the way to a host.

use std::path::PathBuf;

/// Why a host could not be reached or spoken to.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody answers there.
    #[error("{host} ({address}) does not answer: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// Address and port.
        address: String,
        /// What the network said.
        why: String,
    },
    /// Its key was never seen.
    #[error("{host} is not known yet: it shows {fingerprint}")]
    UnknownHostKey {
        /// The host.
        host: String,
        /// Algorithm and SHA-256 fingerprint as `ssh-keygen -l` prints it.
        fingerprint: String,
        /// Where it would be written.
        file: PathBuf,
    },
    /// Its key is not the one it had.
    #[error(
        "{host} shows another key than before: {fingerprint}, but {file} holds a different one"
    )]
    ChangedHostKey {
        /// The host.
        host: String,
        /// What it shows now.
        fingerprint: String,
        /// The file with the key it had.
        file: PathBuf,
    },
    /// It does not let us in.
    #[error("{host} does not let {user} in: {why}")]
    NotLetIn {
        /// The host.
        host: String,
        /// The account.
        user: String,
        /// What was tried.
        why: String,
    },
    /// The account may not become root.
    #[error("{user} may not become root on {host}: {why}")]
    NoSudo {
        /// The host.
        host: String,
        /// The account.
        user: String,
        /// What sudo said.
        why: String,
    },
    /// The connection broke.
    #[error("the connection to {host} broke while {during}: {why}")]
    Lost {
        /// The host.
        host: String,
        /// What was going on.
        during: String,
        /// What the network said.
        why: String,
    },
    /// Something on this machine.
    #[error("{what}: {why}")]
    Local {
        /// What was attempted.
        what: String,
        /// Why it failed.
        why: String,
    },
}

impl RemoteError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownHostKey { host, .. } => Some(format!(
                "compare the fingerprint with the host's console, then `tandem trust {host}`"
            )),
            Self::ChangedHostKey { host, file, .. } => Some(format!(
                "if {host} was installed anew, remove its line from {}, then `tandem trust {host}`; \
                 if not, somebody is in between",
                file.display()
            )),
            Self::NotLetIn { .. } => Some(
                "load a key into ssh-agent, or name it with --identity; passwords are not used"
                    .to_owned(),
            ),
            Self::NoSudo { user, .. } => Some(format!(
                "allow it in sudoers: `{user} ALL=(root) NOPASSWD: ALL`, or set `user: root`"
            )),
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Local { .. } => None,
        }
    }

    /// True where trying again on a new connection may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Unreachable { .. })
    }
}
