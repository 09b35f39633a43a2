//! Why something was not done: the error of this crate.

use std::io;
use tandem_generation::protocol::{Refusal, RefusalKind};

/// What was attempted, on what, and why it failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What kind; the operator's exit code comes from it.
    pub kind: RefusalKind,
    /// In words, the cause included.
    pub message: String,
    /// The way out, if there is one to name.
    pub hint: Option<String>,
}

/// A result with this crate's error.
pub type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    /// A refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// Something went wrong.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Failed, message)
    }

    /// The request makes no sense here.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Invalid, message)
    }

    /// A signature or digest is wrong.
    pub fn untrusted(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Untrusted, message)
    }

    /// A validator or a test transaction said no.
    pub fn unproven(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Unproven, message)
    }

    /// The file system is full, or would be.
    pub fn no_space(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::NoSpace, message)
            .hint("free space on the host, or run `tandem prune`")
    }

    /// Adds the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As it crosses the wire.
    pub fn to_wire(&self) -> Refusal {
        Refusal {
            kind: self.kind,
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
    }
}

/// Says what was attempted when an I/O operation fails.
pub trait Attempt<T> {
    /// `what` reads after "cannot": `write /var/lib/tandem/current`.
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| {
            let message = format!("cannot {}: {cause}", what());
            match cause.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Refused::no_space(message)
                }
                _ => Refused::failed(message),
            }
        })
    }
}

impl<T> Attempt<T> for serde_json::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|cause| Refused::failed(format!("cannot {}: {cause}", what())))
    }
}

impl<T> Attempt<T> for nix::Result<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(io::Error::from).attempt(what)
    }
}
