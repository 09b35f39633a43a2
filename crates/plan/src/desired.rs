//! What goes into a plan.

use cluster_model::ClusterStatus;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::manifest::{ReleaseRef, Source};
use tandem_generation::{Action, Command, Content, Facts};

/// What an environment shall be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Environment, `dev`.
    pub environment: String,
    /// Inventory's commit.
    pub inventory: Source,
    /// Version of tandem.
    pub tandem: String,
    /// Clusters in the order that their endpoints demand.
    pub clusters: Vec<DesiredCluster>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredCluster {
    /// Its name.
    pub name: String,
    /// Engine that runs its resources, and what is lost with it, in words.
    pub engine: String,
    /// Losses that the inventory accepted in `engine.without`.
    pub without: Vec<String>,
    /// Commands that make this node give its resources to a peer, by node.
    pub switchover: BTreeMap<String, Vec<Command>>,
    /// Predicted seconds without service of one switchover.
    pub switchover_seconds: f64,
    /// Old and new generation cannot talk to each other: everything stops
    /// first, and starts together.
    pub hold: Option<Hold>,
    /// Its nodes.
    pub hosts: Vec<DesiredHost>,
}

/// Why a cluster must stand still during a change, and what stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// In words.
    pub because: String,
    /// Units that are stopped on every node, and stay stopped through
    /// transactions and boots until they are released.
    pub units: Vec<String>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredHost {
    /// Its name.
    pub host: String,
    /// States to go through, the last one is what the inventory says. More
    /// than one where a cluster-scoped value changes in phases.
    pub legs: Vec<DesiredLeg>,
    /// Distribution packages it needs.
    pub base: Vec<String>,
}

/// A state to go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredLeg {
    /// In words; empty for the only leg.
    pub title: String,
    /// Release that it comes from (a rollback may name an older one).
    pub release: ReleaseRef,
    /// Inventory's commit, where it is another one than the environment's: a
    /// rollback's.
    pub inventory: Option<Source>,
    /// What the host carries.
    pub content: Content,
    /// Texts of rendered files that are no secret, by path, for the diffs.
    pub texts: BTreeMap<String, String>,
    /// [`Action::Initialise`] steps: what must exist and is neither file nor
    /// unit. Their probes were asked with the facts, under [`probe_name`].
    pub initialisers: Vec<Action>,
    /// Why, where this is a rollback: number left and reason.
    pub rollback: Option<String>,
}

/// Name under which facts tell whether something is initialised.
pub fn probe_name(initialiser: &str) -> String {
    format!("probe {initialiser}")
}

/// What is known of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It answered.
    Facts(Box<Facts>),
    /// It did not, and why.
    Unreachable(String),
}

/// A cluster as its nodes see it, read by the engine from the facts.
pub type View = BTreeMap<String, ClusterStatus>;

/// What the operator said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these hosts.
    pub limit: Option<BTreeSet<String>>,
    /// These hosts are down and known to be.
    pub without: BTreeSet<String>,
    /// Content that was rolled back may be applied again.
    pub again: bool,
    /// An interruption that rolling order cannot avoid is accepted.
    pub accept_outage: bool,
    /// Irreversible steps are accepted.
    pub accept_irreversible: bool,
    /// Seconds for the dead man.
    pub confirm_within_s: u32,
}
