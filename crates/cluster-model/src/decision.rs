//! What the policy decides, and why.

use crate::score::Score;
use crate::state::{Operation, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the policy decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Where each primitive should be once all is done, by the names of
    /// [`ClusterState::resources`](crate::state::ClusterState::resources),
    /// then node. Who runs nowhere has an empty map.
    pub placement: BTreeMap<String, BTreeMap<String, Role>>,
    /// When time alone can change this decision: a move ends, or failures are
    /// forgotten. `None`: never.
    pub reconsider_at_ms: Option<u64>,
    /// What to do now.
    pub transition: Transition,
    /// Why.
    pub explanation: Explanation,
}

/// Actions, and what each waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Every action stands behind those that it waits for.
    pub actions: Vec<Action>,
    /// What should be done and cannot be begun yet.
    pub waiting: Vec<Waiting>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its number within the transition.
    pub id: u32,
    /// What.
    pub task: Task,
    /// Where; of a fencing: who is fenced.
    pub node: String,
    /// The actions that must have succeeded before.
    pub after: Vec<u32>,
    /// Why, in words.
    pub reason: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// An operation on a resource.
    Operate {
        /// Which operation.
        operation: Operation,
        /// On which resource.
        resource: String,
    },
    /// Fence the node.
    Fence,
}

/// What should be done and cannot be begun yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What.
    pub task: Task,
    /// Where.
    pub node: String,
    /// What for, in words.
    pub because: String,
}

/// Why everything is as it was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// By resource (primitives, groups and clones), then node.
    pub resources: BTreeMap<String, ResourceExplanation>,
    /// What is odd in the configuration or the state, in words.
    pub notes: Vec<String>,
}

/// Why a resource is where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceExplanation {
    /// In one sentence.
    pub summary: String,
    /// Each node of the configuration.
    pub nodes: BTreeMap<String, NodeExplanation>,
}

/// What speaks for and against a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeExplanation {
    /// The sum by which nodes were compared.
    pub score: Score,
    /// What it is made of, in the order in which it was added.
    pub contributions: Vec<Contribution>,
    /// What rules the node out, whatever the score.
    pub exclusions: Vec<String>,
}

/// A part of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// How much.
    pub score: Score,
    /// Why, in words.
    pub why: String,
}
