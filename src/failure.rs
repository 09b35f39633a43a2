//! How commands fail: one place that turns every kind of error into words, a
//! way out, and an exit code that scripts depend on.

use tandem_deploy::{DeployError, Failure};
use tandem_model::Mistakes;
use tandem_plan::{Plan, RefusalKind};

/// Exit codes (`tandem --help` lists them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Changes = 2,
    Invalid = 3,
    Unreachable = 4,
    Locked = 5,
    Stale = 6,
    RolledBack = 7,
    RollbackFailed = 8,
    Usage = 64,
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    /// What was attempted and why it failed; several lines are several causes.
    pub(crate) lines: Vec<String>,
    /// Ways out.
    pub(crate) hints: Vec<String>,
    /// Mistakes with positions, rendered with their source.
    pub(crate) mistakes: Option<Mistakes>,
}

impl Problem {
    pub(crate) fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self {
            exit,
            lines: vec![line.into()],
            hints: Vec::new(),
            mistakes: None,
        }
    }

    /// Something of this machine failed.
    pub(crate) fn failed(line: impl Into<String>) -> Self {
        Self::new(Exit::Failed, line)
    }

    /// The input is wrong.
    pub(crate) fn invalid(line: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, line)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A failure of several hosts; `exit` is used where no error has a code of
    /// its own.
    pub(crate) fn of_failure(failure: &Failure, exit: Exit) -> Self {
        let mut problem = Self {
            exit,
            lines: Vec::new(),
            hints: Vec::new(),
            mistakes: None,
        };
        if exit == Exit::Failed {
            problem.exit = failure
                .errors
                .values()
                .map(exit_of)
                .max()
                .unwrap_or(Exit::Failed);
        }
        for error in failure.errors.values() {
            problem.lines.push(error.to_string());
            if let Some(hint) = error.hint()
                && !problem.hints.contains(&hint)
            {
                problem.hints.push(hint);
            }
        }
        problem
    }

    /// Why a plan may not be applied.
    pub(crate) fn of_refusals(plan: &Plan) -> Option<Self> {
        if plan.refusals.is_empty() {
            return None;
        }
        let kind = |wanted| plan.refusals.iter().any(|refusal| refusal.kind == wanted);
        let exit = if kind(RefusalKind::Unreachable) {
            Exit::Unreachable
        } else if kind(RefusalKind::Locked) {
            Exit::Locked
        } else {
            Exit::Failed
        };
        let mut problem = Self {
            exit,
            lines: Vec::new(),
            hints: Vec::new(),
            mistakes: None,
        };
        for refusal in &plan.refusals {
            problem
                .lines
                .push(format!("{}: {}", refusal.about, refusal.what));
            if !problem.hints.contains(&refusal.hint) {
                problem.hints.push(refusal.hint.clone());
            }
        }
        Some(problem)
    }
}

impl PartialOrd for Exit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Exit {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

fn exit_of(error: &DeployError) -> Exit {
    if error.is_locked() {
        Exit::Locked
    } else if error.is_unreachable() {
        Exit::Unreachable
    } else if matches!(error, DeployError::Stale) {
        Exit::Stale
    } else {
        Exit::Failed
    }
}

impl From<Mistakes> for Problem {
    fn from(mistakes: Mistakes) -> Self {
        Self {
            exit: Exit::Invalid,
            lines: Vec::new(),
            hints: Vec::new(),
            mistakes: Some(mistakes),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::of_failure(&failure, Exit::Failed)
    }
}

impl From<tandem_lab::Error> for Problem {
    fn from(error: tandem_lab::Error) -> Self {
        Self::failed(error.to_string())
    }
}
