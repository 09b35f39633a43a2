//! What can go wrong while a plan is executed.

use std::collections::BTreeMap;
use tandem_generation::Lock;
use tandem_generation::protocol::{Refusal, RefusalKind};
use tandem_remote::RemoteError;

/// One thing that went wrong on one host.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The way to the host.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The helper said no.
    #[error("{host}: {}", refusal.message)]
    Refused {
        /// The host.
        host: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The helper's answer was not understood.
    #[error("{host}: the answer to `{asked}` was not understood: {why}")]
    Garbled {
        /// The host.
        host: String,
        /// What was asked.
        asked: String,
        /// Why.
        why: String,
    },
    /// Somebody else holds the lock.
    #[error("{host} is locked by {} since {} for run {}", lock.owner, lock.since, lock.run)]
    Locked {
        /// The host.
        host: String,
        /// The lock.
        lock: Lock,
    },
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
    /// A leg went back instead of forth.
    #[error("{host}: {because}")]
    LegFailed {
        /// The host.
        host: String,
        /// Why, as its journal says.
        because: String,
    },
    /// A check did not succeed in time.
    #[error("{about}: {what}")]
    Check {
        /// Host or cluster.
        about: String,
        /// What was wrong.
        what: String,
    },
    /// The facts changed since the plan was made.
    #[error("the plan is stale: its hosts changed since it was made")]
    Stale,
}

impl DeployError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.hint(),
            Self::Refused { refusal, .. } => refusal.hint.clone(),
            Self::Locked { lock, .. } => Some(format!(
                "`tandem resume {0} -i INV` goes on with it, `tandem abort {0} -i INV` undoes it",
                lock.run
            )),
            Self::Stale => Some("make a new plan".to_owned()),
            _ => None,
        }
    }

    /// True when the host could not be spoken to.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Remote(error) if !matches!(error, RemoteError::Local { .. }))
    }

    /// True when somebody else is at work.
    pub fn is_locked(&self) -> bool {
        match self {
            Self::Locked { .. } => true,
            Self::Refused { refusal, .. } => refusal.kind == RefusalKind::Locked,
            _ => false,
        }
    }
}

/// Everything that went wrong in one attempt, by host or cluster.
#[derive(Debug, Default)]
pub struct Failure {
    /// What went wrong where.
    pub errors: BTreeMap<String, DeployError>,
}

impl Failure {
    /// One error.
    pub fn one(about: &str, error: DeployError) -> Self {
        Self {
            errors: [(about.to_owned(), error)].into(),
        }
    }

    /// All causes in one sentence.
    pub fn because(&self) -> String {
        let all: Vec<String> = self.errors.values().map(ToString::to_string).collect();
        all.join("; ")
    }
}
