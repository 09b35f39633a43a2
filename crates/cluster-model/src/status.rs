//! What a cluster says of itself, in the same words for every engine.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The state of a cluster as one node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterStatus {
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeState>,
    /// Resources held by the node that was asked; empty: it holds none.
    pub held_here: Vec<String>,
    /// Links by name: is the peer heard on it?
    pub links: BTreeMap<String, bool>,
    /// Whether the next failure can be survived.
    pub redundancy: Redundancy,
    /// True while resources are being started, stopped or moved.
    pub in_transition: bool,
}

/// A node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// A full member.
    Online,
    /// A member that takes no resources.
    Standby,
    /// Not heard.
    Offline,
    /// Nobody can tell.
    #[default]
    Unknown,
}

/// Whether the next failure can be survived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Redundancy {
    /// Yes.
    Real,
    /// No, and why.
    Lost {
        /// In words.
        because: String,
    },
    /// The cluster does not run here.
    #[default]
    NoCluster,
}
