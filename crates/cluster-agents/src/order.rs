//! What the daemon tells the supervisor of an operation, and what that answers.
//!
//! The order goes over a pipe, because it may hold secrets; the result into a file,
//! because the daemon may be another one by then.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One line of JSON on the supervisor's standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// All of it: nothing is inherited.
    pub(crate) environment: BTreeMap<String, String>,
    /// Where the result goes.
    pub(crate) result: PathBuf,
    /// The scope, whose name says what this is. An earlier release does not tell.
    #[serde(default)]
    pub(crate) operation: String,
    /// After this, what was said so far is written beside the result, in milliseconds:
    /// the operation is about to be killed, and its supervisor with it.
    pub(crate) last_words_ms: u64,
}

impl Order {
    /// Where what was said so far goes.
    pub(crate) fn so_far(result: &Path) -> PathBuf {
        result.with_extension("so-far")
    }
}

/// The file that the supervisor leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// As in the order: the scope is gone when nothing runs in it any more, and a daemon
    /// that comes later is to know what ended.
    #[serde(default)]
    pub(crate) operation: String,
    /// The agent's exit code, or minus its signal; `None`: it could not be started.
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) reason: Option<String>,
}

impl Outcome {
    /// Whole or not at all, whoever dies meanwhile. Without fsync: the directory is
    /// in memory, and a reboot ends what it tells of.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let part = path.with_extension("part");
        std::fs::write(&part, serde_json::to_vec(self)?)?;
        std::fs::rename(&part, path)
    }

    /// `None`: there is none, or none that can be understood.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}
