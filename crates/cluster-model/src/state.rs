//! What is known of a cluster at one moment: the other half of what the policy
//! looks at. All times are milliseconds of the cluster's own time.

use crate::configuration::TargetRole;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterState {
    /// The moment, in milliseconds of cluster time.
    pub now_ms: u64,
    /// What this part of the cluster may do.
    pub authority: Authority,
    /// It may fence: it has quorum, or, in a lone pair, the right to.
    pub may_fence: bool,
    /// A lost node stops what it has by itself, and is known to be gone after a time: nobody
    /// fences it.
    pub lost_go_by_time: bool,
    /// All resources are left alone.
    pub maintenance: bool,
    /// All resources are to be stopped.
    pub halted: bool,
    /// Nodes by name; one that is not here is `Gone`.
    pub nodes: BTreeMap<String, Node>,
    /// Resources by name, then node. Instances of unique clones are named
    /// `NAME:NUMBER`, all others by the name of the primitive. What is not
    /// here is not known: `Unknown`.
    pub resources: BTreeMap<String, BTreeMap<String, Instance>>,
    /// Where an earlier form of a resource still is, with another agent or other
    /// parameters than the configuration says now: to be stopped there as what failed is,
    /// and no failure. By resource, the nodes.
    pub replaced: BTreeMap<String, BTreeSet<String>>,
    /// Operations on their way.
    pub pending: Vec<PendingOperation>,
    /// Nodes that are being fenced at this moment.
    pub being_fenced: BTreeSet<String>,
    /// What operators asked to be moved.
    pub moves: Vec<Move>,
    /// What operators started and stopped; outweighs the configuration.
    pub target_roles: BTreeMap<String, TargetRole>,
    /// What operators took out of the cluster's hands.
    pub unmanaged: BTreeSet<String>,
    /// By resource, the only node whose copy of its data is known to be the newest: it is
    /// promoted, or run if it cannot be promoted, nowhere else.
    pub outdated: BTreeMap<String, String>,
}

/// What this part of the cluster may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// No quorum: it starts, promotes and moves nothing.
    #[default]
    None,
    /// It keeps what it has, may restart it in place, and starts nothing new.
    Keep,
    /// It decides.
    Full,
}

/// A node at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Node {
    /// Whether it is there.
    pub presence: Presence,
    /// It takes no resources.
    pub standby: bool,
    /// It was reset too often: as in standby, as long as another node can take resources.
    pub held_back: bool,
    /// It reaches fewer of the listed addresses than another node: as in standby, as long as
    /// another node can take resources.
    pub outreached: bool,
    /// What it runs is left alone, and it takes nothing.
    pub maintenance: bool,
    /// Somebody asks for it to be fenced, and why.
    pub fence_because: Option<String>,
    /// Its attributes; agents and the reach list set some of them.
    pub attributes: BTreeMap<String, String>,
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// A member.
    Online,
    /// On its way in: it is given nothing yet, not even probes.
    Joining,
    /// Lost, and not yet known to have stopped what it ran.
    Unclean,
    /// Known to run nothing: left in order, off, or past its promise.
    #[default]
    Gone,
}

/// What a resource is on a node, or is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Not running.
    #[default]
    Stopped,
    /// Running; where it could be promoted: it is not.
    Started,
    /// Running and promoted.
    Promoted,
}

/// A resource on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Instance {
    /// What was last seen.
    pub observed: Observed,
    /// Failures since the last cleanup; `FATAL` and more: never again here.
    pub fail_count: u32,
    /// When it failed last.
    pub last_failure_ms: u64,
    /// What failed since the last cleanup: the policy looks up what that means.
    pub failed: Failed,
    /// What the agent says of promoting it here; `None`: nothing.
    pub promotion_score: Option<i32>,
}

impl Instance {
    /// A failure that no number of tries mends counts so often.
    pub const FATAL: u32 = 1_000_000;
}

/// Operations of a resource that failed. Stops are not among them: what they leave is
/// [`Observed::StopFailed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Failed {
    /// A start.
    pub start: bool,
    /// A promotion.
    pub promote: bool,
    /// A demotion.
    pub demote: bool,
    /// A look at what ran.
    pub monitor: bool,
}

impl Failed {
    /// What failed in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            start: self.start || other.start,
            promote: self.promote || other.promote,
            demote: self.demote || other.demote,
            monitor: self.monitor || other.monitor,
        }
    }
}

/// What was last seen of a resource on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// Nobody looked yet.
    #[default]
    Unknown,
    /// Not running.
    Stopped,
    /// Running; where it could be promoted: it is not.
    Started,
    /// Running and promoted.
    Promoted,
    /// It failed: whatever is left of it must be stopped before it starts.
    Failed {
        /// The role in which it failed.
        role: Role,
    },
    /// Its stop failed: it counts as running until its node is fenced or
    /// somebody cleans up.
    StopFailed,
    /// It failed and is left alone until somebody cleans up: what the policy makes of
    /// `Failed` if the operation says `on-fail: block`.
    Blocked {
        /// The role in which it failed.
        role: Role,
    },
}

impl Observed {
    /// Whether it has to be taken for running, and how.
    pub fn role(self) -> Role {
        match self {
            Self::Unknown | Self::Stopped => Role::Stopped,
            Self::Started | Self::StopFailed => Role::Started,
            Self::Promoted => Role::Promoted,
            // A failed start may have left something behind.
            Self::Failed { role } | Self::Blocked { role } => role.max(Role::Started),
        }
    }
}

/// An operation on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingOperation {
    /// On what; named as in [`ClusterState::resources`].
    pub resource: String,
    /// Where.
    pub node: String,
    /// Which.
    pub operation: Operation,
}

/// What can be done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Look once whether it runs.
    Probe,
    /// Start.
    Start,
    /// Stop.
    Stop,
    /// Promote.
    Promote,
    /// Demote.
    Demote,
}

/// What an operator asked to be moved, for a time. It is no constraint: it is
/// listed as what it is, and ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// What.
    pub resource: String,
    /// Where to, or away from where.
    pub direction: Direction,
    /// Counts before this moment only.
    pub until_ms: u64,
}

/// Where to, or away from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To this node.
    To(String),
    /// To wherever, but not this node.
    AwayFrom(String),
}
