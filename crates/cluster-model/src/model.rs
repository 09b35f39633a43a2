//! What the policy is asked, as a document: the body of `GET /v1/model`, what
//! `clusterd simulate --file` reads, and a part of a bundle.

use crate::configuration::Configuration;
use crate::decision::{Action, ResourceExplanation, Waiting};
use crate::state::ClusterState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of these documents; another one is refused, not guessed.
pub const API_VERSION: u32 = 1;

/// A cluster in the policy's words, as one of its members knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// [`API_VERSION`].
    pub api_version: u32,
    /// The cluster's name.
    #[serde(default)]
    pub cluster: String,
    /// The member that was asked; empty: nobody was.
    #[serde(default)]
    pub asked: String,
    /// Who votes, and who decides over what.
    #[serde(default)]
    pub votes: Votes,
    /// What does not change by itself.
    pub configuration: Configuration,
    /// What is known at this moment.
    pub state: ClusterState,
}

/// Who votes, as far as it matters to what may be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Votes {
    /// Nodes and witnesses that vote, and whether they are heard. Nobody: a
    /// simulation takes it for granted that enough are.
    pub heard: BTreeMap<String, bool>,
    /// How many are needed; of a lone pair whose survivor fences: 1.
    pub needed: u32,
    /// How long after its last word a lost node is known to have stopped all
    /// that it ran, at the latest, in milliseconds.
    pub promise_ms: Option<u64>,
    /// Nobody waits for it to stop: what is reached decides.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_reach: bool,
}

/// Why resources are where they are, and what they wait for: the body of
/// `GET /v1/explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// [`API_VERSION`].
    pub api_version: u32,
    /// By name: primitives, groups and clones.
    pub resources: BTreeMap<String, ResourceExplanation>,
    /// What is about to be done with them.
    pub actions: Vec<Action>,
    /// What should be done with them and cannot be begun yet.
    pub waiting: Vec<Waiting>,
    /// Milliseconds until time alone may change the answer; `None`: never.
    pub reconsider_in_ms: Option<u64>,
}
