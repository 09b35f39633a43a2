//! What the daemon is told to run: the richer model behind its policy. Words
//! and meanings as in "Pacemaker Explained", unless said otherwise.

use crate::constraint::{Colocation, FailoverDomain, Location, Order};
use crate::resource::Agent;
use crate::score::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// So many members vote at most. More do not make a cluster safer, only slower: each write
/// waits for half of them.
pub const VOTERS_MAX: usize = 7;

/// Everything that does not change by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Names of the nodes that may run resources; a witness is not among them.
    pub nodes: BTreeSet<String>,
    /// Options of the whole cluster.
    pub options: ClusterOptions,
    /// What resources use where they say nothing themselves.
    pub resource_defaults: ResourceOptions,
    /// What operations use where they say nothing themselves.
    pub operation_defaults: OperationOptions,
    /// Resources; the order decides between equals.
    pub resources: Vec<Item>,
    /// Where resources may or should run.
    pub locations: Vec<Location>,
    /// What should run together or apart.
    pub colocations: Vec<Colocation>,
    /// What waits for what.
    pub orders: Vec<Order>,
    /// Lists of nodes that resources refer to.
    pub domains: Vec<FailoverDomain>,
}

/// Options of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterOptions {
    /// Resources may run on every node unless told otherwise; `false`: only
    /// where a location or a failover domain lets them.
    pub symmetric: bool,
    /// Fencing devices exist. Without them, what ran on a lost node starts
    /// elsewhere only once that node is known to be gone.
    pub fencing: bool,
    /// A node that was fenced or reset so often within an hour takes resources again only
    /// when an operator says so, or nobody else can take them; 0: however often.
    pub resets_max: u32,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            symmetric: true,
            fencing: false,
            resets_max: 3,
        }
    }
}

/// Something to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    /// One resource, on one node.
    Primitive(Primitive),
    /// Resources on one node, started in order, stopped in reverse.
    Group(Group),
    /// A primitive or a group on several nodes at once.
    Clone(CloneOf),
}

impl Item {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Primitive(primitive) => &primitive.name,
            Self::Group(group) => &group.name,
            Self::Clone(clone) => &clone.name,
        }
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Primitive {
    /// Unique among all items and members.
    pub name: String,
    /// What runs it.
    pub agent: Agent,
    /// Its options.
    #[serde(default)]
    pub options: ResourceOptions,
    /// Its operations.
    #[serde(default)]
    pub operations: Operations,
}

/// Resources that belong together: one node, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Unique among all items and members.
    pub name: String,
    /// In start order.
    pub members: Vec<Primitive>,
    /// What members use where they say nothing themselves.
    #[serde(default)]
    pub options: ResourceOptions,
    /// Once the failures of all members on a node reach this sum, the whole
    /// group leaves that node. Not in Pacemaker, which counts each member.
    #[serde(default)]
    pub migration_threshold_sum: Option<u32>,
}

/// A primitive or group that runs on several nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloneOf {
    /// Unique among all items and members.
    pub name: String,
    /// What is cloned.
    pub of: Cloned,
    /// What instances use where they say nothing themselves.
    #[serde(default)]
    pub options: ResourceOptions,
    /// Instances in the whole cluster; `None`: one for each node.
    #[serde(default)]
    pub max: Option<u32>,
    /// Instances on one node. More than one makes instances that can be told
    /// apart ("globally unique"), and needs `unique`.
    #[serde(default = "one")]
    pub node_max: u32,
    /// Instances have numbers and each is a resource of its own.
    #[serde(default)]
    pub unique: bool,
    /// What waits for this clone, or is waited for, looks at the instance on
    /// its own node only.
    #[serde(default)]
    pub interleave: bool,
    /// Instances can be promoted.
    #[serde(default)]
    pub promotable: Option<Promotable>,
}

/// What a clone multiplies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloned {
    /// A primitive.
    Primitive(Primitive),
    /// A group.
    Group(Group),
}

/// How many instances are promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotable {
    /// In the whole cluster.
    #[serde(default = "one")]
    pub max: u32,
    /// On one node.
    #[serde(default = "one")]
    pub node_max: u32,
}

impl Default for Promotable {
    fn default() -> Self {
        Self {
            max: 1,
            node_max: 1,
        }
    }
}

fn one() -> u32 {
    1
}

/// Options of a resource; what is `None` comes from its group or clone, then
/// from the defaults of the cluster, then from what is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceOptions {
    /// Higher ones are placed first (0).
    pub priority: Option<i32>,
    /// How much it wants to stay where it is (0; instances of clones: 1).
    pub stickiness: Option<Score>,
    /// Failures after which a node is no longer eligible (never).
    pub migration_threshold: Option<u32>,
    /// Milliseconds after which failures are forgotten (never).
    pub failure_timeout_ms: Option<u64>,
    /// The most that is wanted of it (`Started`).
    pub target_role: Option<TargetRole>,
    /// `false`: left alone (true).
    pub managed: Option<bool>,
    /// `true`: left alone, and its monitors are off (false). Probes, which
    /// touch nothing, are made all the same.
    pub maintenance: Option<bool>,
    /// The failover domain it lives in; only items that stand by themselves
    /// have one, not members or instances.
    pub domain: Option<String>,
}

/// The most that is wanted of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetRole {
    /// Not running.
    Stopped,
    /// Running, not promoted.
    Unpromoted,
    /// Running, and promoted where it can be.
    Started,
}

/// The operations of a primitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Starting.
    pub start: OperationOptions,
    /// Stopping.
    pub stop: OperationOptions,
    /// Promoting.
    pub promote: OperationOptions,
    /// Demoting.
    pub demote: OperationOptions,
    /// Looking once whether it runs.
    pub probe: OperationOptions,
    /// Looking again and again.
    pub monitors: Vec<Monitor>,
}

/// A recurring look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// Milliseconds between two looks.
    pub interval_ms: u64,
    /// Only in this role; `None`: in any.
    #[serde(default)]
    pub role: Option<crate::state::Role>,
    /// `OCF_CHECK_LEVEL`.
    #[serde(default)]
    pub depth: u32,
    /// Time and failure.
    #[serde(default)]
    pub options: OperationOptions,
}

/// How an operation is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OperationOptions {
    /// Longest run, in milliseconds (20 000).
    pub timeout_ms: Option<u64>,
    /// What a failure means (restart; of a stop: fence if there is fencing,
    /// else block).
    pub on_fail: Option<OnFail>,
}

/// What a failure means; of several failures the last one of this list counts. What
/// comes after `Restart` lasts until somebody cleans up, or the failure is forgotten
/// (`failure_timeout_ms`); a block is not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFail {
    /// Nothing: it counts as a success.
    Ignore,
    /// Stop it and start it, here or elsewhere.
    Restart,
    /// Leave it alone until somebody cleans up.
    Block,
    /// Stop it and start it nowhere; of an instance that cannot be told apart from the
    /// others: all of them.
    Stop,
    /// Move everything off the node.
    Standby,
    /// Fence the node; where nothing is fenced: as `Stop`.
    Fence,
}

impl OnFail {
    /// As it is written in configurations.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Restart => "restart",
            Self::Block => "block",
            Self::Stop => "stop",
            Self::Standby => "standby",
            Self::Fence => "fence",
        }
    }
}
