//! The plan: what would change, in which order, why, and what it interrupts.

use crate::Refusal;
use crate::desired::Hold;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tandem_generation::manifest::{ReleaseRef, Source};
use tandem_generation::{
    Action, Command, Content, Digest, Edit, Generation, Package, PackageId, UnitPolicy,
};

/// A plan. Free of secrets: it is shown, saved, and staged on every host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this document.
    pub api_version: u32,
    /// Environment.
    pub environment: String,
    /// The inventory's commit.
    pub inventory: Source,
    /// Version of tandem.
    pub tandem: String,
    /// When its facts were taken.
    pub created: Timestamp,
    /// Digest of the facts that it was made from; another one makes it stale.
    pub fingerprint: Digest,
    /// Hosts that change, by name.
    pub hosts: BTreeMap<String, HostPlan>,
    /// Hosts that are as they should be.
    pub unchanged: Vec<String>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What forbids applying it.
    pub refusals: Vec<Refusal>,
    /// What the operator should know.
    pub notes: Vec<Note>,
    /// All interruptions together.
    pub impact: Impact,
    /// Seconds for the dead man on each host.
    pub confirm_within_s: u32,
}

impl Plan {
    /// True when there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Digest of the plan, the same on every machine.
    pub fn digest(&self) -> Digest {
        Digest::of(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Clusters in which something changes.
    pub fn clusters(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .hosts
            .values()
            .map(|host| host.cluster.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// What changes on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostPlan {
    /// The host.
    pub host: String,
    /// Its cluster.
    pub cluster: String,
    /// All nodes of the cluster.
    pub members: Vec<String>,
    /// Generation it leaves; `None` on a bare host.
    pub from: Option<Generation>,
    /// Its transactions, in order.
    pub legs: Vec<LegPlan>,
    /// Files edited by hand, which are saved before they are overwritten.
    pub drift: Vec<String>,
}

/// One transaction on a host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegPlan {
    /// Number, from 1: the same phase on every host of the cluster, so that a
    /// host that has a phase behind it lacks its number.
    pub leg: u32,
    /// In words; empty for the only one.
    pub title: String,
    /// Number of the generation that it makes.
    pub generation: u64,
    /// Number of the generation that undoing it makes.
    pub undo_generation: u64,
    /// Release it comes from.
    pub release: ReleaseRef,
    /// Commit of the inventory it comes from, where it is not the plan's.
    pub inventory: Option<Source>,
    /// Why, where it is a rollback.
    pub rollback: Option<String>,
    /// What the host carries afterwards.
    pub content: Content,
    /// Packages that change.
    pub packages: Vec<PackageChange>,
    /// Files that change, edits of foreign files included.
    pub files: Vec<FileChange>,
    /// Units whose start at boot or running state changes.
    pub units: Vec<UnitChange>,
    /// Packages for one rpm transaction.
    pub install: Vec<Package>,
    /// Packages that go.
    pub erase: Vec<PackageId>,
    /// Edits that are given up.
    pub unedit: Vec<Edit>,
    /// Units that are given up.
    pub release_units: Vec<UnitPolicy>,
    /// Before the rpm transaction.
    pub before: Vec<Action>,
    /// After it.
    pub after: Vec<Action>,
    /// The way back, before its transaction.
    pub undo_before: Vec<Action>,
    /// The way back, after its transaction.
    pub undo_after: Vec<Action>,
    /// Units with resources that are restarted: the node must hold nothing.
    pub disturbs: Vec<String>,
    /// Units that restart where they serve: only their own clients notice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_place: Vec<String>,
    /// What cannot be undone, in words.
    pub irreversible: Vec<String>,
}

/// A package that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// Name.
    pub name: String,
    /// `version-release` that is there.
    pub from: Option<String>,
    /// `version-release` that comes.
    pub to: Option<String>,
    /// Why, where the versions alone do not tell: `files edited by hand`.
    pub because: Option<String>,
}

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path.
    pub path: String,
    /// How.
    pub kind: FileChangeKind,
    /// Unified diff, after lines like `old mode 0644` where those change;
    /// `None` for secrets, binaries and unreadable files.
    pub diff: Option<String>,
    /// Its content is a secret.
    pub secret: bool,
}

/// How a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileChangeKind {
    /// It is new.
    Added,
    /// Its content or mode changes.
    Changed,
    /// It goes.
    Removed,
    /// Somebody edited it; it is put right.
    EditedByHand,
    /// Somebody removed it; it is put back.
    RemovedByHand,
    /// Single settings in a file of somebody else.
    Setting,
}

/// A unit that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitChange {
    /// Full unit name.
    pub unit: String,
    /// In words: `enable at boot`, `start`.
    pub change: String,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Number, from 1.
    pub number: usize,
    /// The cluster.
    pub cluster: String,
    /// What.
    #[serde(flatten)]
    pub kind: StepKind,
    /// Why, in words.
    pub why: String,
    /// What it interrupts.
    pub impact: Impact,
}

/// Kinds of steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum StepKind {
    /// Transactions, on several hosts at once where nothing serves.
    Activate {
        /// Hosts.
        hosts: Vec<String>,
        /// Leg.
        leg: u32,
    },
    /// Come back on a new connection, check health and membership, confirm.
    Confirm {
        /// Hosts.
        hosts: Vec<String>,
        /// Leg.
        leg: u32,
    },
    /// Resources move from one node to another.
    Switchover {
        /// Node that gives them.
        from: String,
        /// Node that takes them.
        to: String,
        /// Commands on `from`.
        give: Vec<Command>,
        /// Commands on `to` that bring them back when the run is undone.
        give_back: Vec<Command>,
    },
    /// The cluster is stopped on all these nodes.
    Hold {
        /// Hosts.
        hosts: Vec<String>,
        /// How.
        hold: Hold,
    },
    /// It is started again on all of them.
    Release {
        /// Hosts.
        hosts: Vec<String>,
        /// How.
        hold: Hold,
    },
    /// Exactly one holder, all these nodes online, health checks good.
    CheckCluster {
        /// Nodes that must be online.
        hosts: Vec<String>,
    },
}

/// What is interrupted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Units with resources that restart on the node that serves.
    pub restarts: Vec<String>,
    /// Resources move.
    pub moves: usize,
    /// Predicted seconds without service.
    pub seconds: f64,
}

impl Impact {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.restarts.extend(other.restarts.iter().cloned());
        self.moves += other.moves;
        // Whole milliseconds are read back from a saved plan as they were.
        self.seconds = ((self.seconds + other.seconds) * 1000.0).round() / 1000.0;
    }

    /// True when nobody notices.
    pub fn is_none(&self) -> bool {
        self.restarts.is_empty() && self.moves == 0
    }
}

/// Something the operator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Host or cluster that it is about.
    pub about: String,
    /// One sentence.
    pub text: String,
}
