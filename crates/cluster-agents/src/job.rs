//! What is asked, and how it ended.

use crate::code::OcfCode;
use cluster_model::Agent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How much of an operation's output is kept, in bytes: the last of it.
pub const OUTPUT_MAX: usize = 16 * 1024;

/// What a [`crate::Runner`] needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where results are written, `/run/clusterd`. Must not survive a reboot.
    pub run: PathBuf,
    /// Directory of `crm_attribute` and the like; first on the agents' `PATH`.
    pub tools: PathBuf,
    /// A command that ends up in [`crate::supervise()`].
    pub supervisor: Vec<OsString>,
    /// This node's name in the cluster.
    pub node: String,
    /// The cluster's name.
    pub cluster: String,
}

/// One operation. Two of a node never have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// The start of the daemon that asked for it.
    pub session: u64,
    /// Counted by that daemon.
    pub number: u64,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: Id,
    /// Name of the resource, or of an instance of a clone: `name:0`.
    pub resource: String,
    /// What runs it.
    pub agent: Agent,
    /// What it shall do.
    pub action: Action,
    /// After this, all of it is killed.
    pub timeout: Duration,
    /// Become `OCF_RESKEY_CRM_meta_*`, with `_` for `-`.
    pub meta: BTreeMap<String, String>,
    /// More for the agent's environment.
    pub environment: BTreeMap<String, String>,
}

/// What an agent shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Does it run? A monitor whose interval is 0.
    Probe,
    /// Does it run, and well?
    Monitor {
        /// Between two of them.
        interval: Duration,
        /// How closely to look: `OCF_CHECK_LEVEL`.
        depth: u32,
        /// It is expected to be promoted.
        promoted: bool,
    },
    /// Start it.
    Start,
    /// Stop it. Stopping what does not run is good.
    Stop,
    /// Make this instance the one that counts.
    Promote,
    /// Make it one like the others.
    Demote,
    /// Tell a clone's instance what happens to the others. Who they are is in
    /// [`Job::meta`], as `notify_start_uname` and so on.
    Notify {
        /// `pre` or `post`.
        kind: String,
        /// `start`, `stop`, `promote` or `demote`.
        operation: String,
    },
    /// Are the parameters right?
    ValidateAll,
    /// What can it do?
    MetaData,
}

impl Action {
    /// One word without `-`, for the names of scopes.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Monitor { .. } => "monitor",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Notify { .. } => "notify",
            Self::ValidateAll => "validate",
            Self::MetaData => "metadata",
        }
    }

    /// The argument of an OCF agent.
    pub fn argument(&self) -> &'static str {
        match self {
            Self::Probe | Self::Monitor { .. } => "monitor",
            Self::ValidateAll => "validate-all",
            Self::MetaData => "meta-data",
            other => other.word(),
        }
    }

    /// May what it leaves running stay? Of a promotion too: `galera` starts its
    /// server then, and `pgsql` starts it anew when demoted.
    pub(crate) fn leaves(word: &str) -> bool {
        matches!(word, "start" | "promote" | "demote")
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// From being asked to nothing being left.
    pub took: Duration,
    /// What the agent said, on both outputs; the last [`OUTPUT_MAX`] bytes. Remarks
    /// of this crate's own begin with `clusterd: `.
    pub output: String,
    /// What the agent gave as reason (`OCF_EXIT_REASON_PREFIX`), the last of them.
    pub reason: Option<String>,
}

impl Ended {
    pub(crate) fn new(ending: Ending) -> Self {
        Self {
            ending,
            took: Duration::ZERO,
            output: String::new(),
            reason: None,
        }
    }

    pub(crate) fn exit(code: OcfCode) -> Self {
        Self::new(Ending::Exit(code))
    }

    pub(crate) fn because(code: OcfCode, reason: impl Into<String>) -> Self {
        let mut ended = Self::exit(code);
        ended.reason = Some(reason.into());
        ended
    }

    /// A remark of ours behind what the agent said.
    pub(crate) fn remark(&mut self, text: &str) {
        if !self.output.is_empty() && !self.output.ends_with('\n') {
            self.output.push('\n');
        }
        self.output.push_str("clusterd: ");
        self.output.push_str(text);
        self.output.push('\n');
        let mut from = self.output.len().saturating_sub(OUTPUT_MAX);
        while !self.output.is_char_boundary(from) {
            from += 1;
        }
        self.output.drain(..from);
    }
}

/// How it ended, in a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The agent said so.
    Exit(OcfCode),
    /// It took too long, and was killed.
    TimedOut,
    /// [`crate::Runner::kill`], or somebody else's SIGKILL.
    Killed,
    /// Nothing of it was begun, and why.
    NotStarted(String),
}

/// An operation of an earlier daemon of which something still runs, or whose end that
/// daemon did not live to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its number.
    pub id: Id,
    /// The resource.
    pub resource: String,
    /// [`Action::word`].
    pub action: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_stay_within_the_bound_and_are_the_last() {
        let mut ended = Ended::exit(OcfCode::Success);
        ended.output = "ä".repeat(OUTPUT_MAX / 2);
        ended.remark("killed");
        assert!(ended.output.len() <= OUTPUT_MAX);
        assert!(ended.output.ends_with("\nclusterd: killed\n"));
    }

    #[test]
    fn a_probe_is_a_monitor_to_the_agent() {
        assert_eq!(Action::Probe.argument(), "monitor");
        assert_eq!(Action::ValidateAll.argument(), "validate-all");
        assert!(!Action::ValidateAll.word().contains('-'));
    }
}
