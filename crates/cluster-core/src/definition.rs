//! What a node has to know of one resource to run it.

use crate::operation::OperationKind;
use cluster_model::configuration::Primitive;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// A resource as the node that runs it sees it: one instance, where a clone makes
/// several that can be told apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The name of the instance, as in states and decisions: `NAME`, or `NAME:NUMBER`.
    pub name: String,
    /// As it is configured: its agent with parameters, and its operations.
    pub primitive: Primitive,
    /// It is an instance of a clone.
    pub cloned: bool,
    /// Started only after these, on the same node, and stopped before them; by name.
    pub after: BTreeSet<String>,
    /// It is no clone: active on one node at most.
    pub alone: bool,
    /// Of a clone that can be promoted: on one node at most.
    pub promoted_alone: bool,
    /// How often to look whether it still runs.
    pub monitor: Option<Duration>,
    /// Operations whose failures count as successes (`on-fail: ignore`); `Probe`: those
    /// looks.
    pub ignores: BTreeSet<OperationKind>,
    /// What such a look does not find counts as failed and not as stopped, so that nobody
    /// starts it (`on-fail: block`).
    pub blocks: bool,
    /// Its node has to go down if it cannot be stopped.
    pub fences_on_stop: bool,
    /// After so long without another one, failures are forgotten.
    pub failure_timeout: Option<Duration>,
    /// Longest start.
    pub start_timeout: Duration,
    /// Longest stop.
    pub stop_timeout: Duration,
    /// Longest look whether it runs.
    pub probe_timeout: Duration,
    /// Longest promotion.
    pub promote_timeout: Duration,
    /// Longest demotion.
    pub demote_timeout: Duration,
}

impl Definition {
    /// Must this be so on one node only?
    pub fn is_alone(&self, kind: OperationKind) -> bool {
        match kind {
            OperationKind::Start => self.alone,
            OperationKind::Promote => self.promoted_alone,
            OperationKind::Probe | OperationKind::Stop | OperationKind::Demote => false,
        }
    }

    /// How long an operation may take.
    pub fn timeout(&self, kind: OperationKind) -> Duration {
        match kind {
            OperationKind::Probe => self.probe_timeout,
            OperationKind::Start => self.start_timeout,
            OperationKind::Stop => self.stop_timeout,
            OperationKind::Promote => self.promote_timeout,
            OperationKind::Demote => self.demote_timeout,
        }
    }

    /// Is it the same thing that runs? Whoever changes the agent or its parameters
    /// makes another one.
    pub fn is_same_thing(&self, other: &Self) -> bool {
        self.name == other.name && self.primitive.agent == other.primitive.agent
    }
}
