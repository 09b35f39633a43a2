//! The cluster engines behind one trait: what they can express, their files,
//! how to see where resources are, and how to move or stop them.
//!
//! A role is the same for every engine. What an engine cannot express is a
//! mistake of the inventory unless `engine.without` lists it.

mod check;
mod clusterd;
mod heartbeat;
mod keys;
mod pieces;

pub use check::check;
pub use keys::{KeyPhase, Phases, fingerprint, understand};

use cluster_model::{ClusterStatus, Feature, ResourceSet};
use std::collections::BTreeMap;
use tandem_generation::{Command, Facts, UnitPolicy};
use tandem_model::{Cluster, EngineChoice, EngineKind, Hidden, Inventory, Profile};
use tandem_render::RenderedFile;

/// A node for which an engine renders.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    /// The environment.
    pub inventory: &'a Inventory,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The cluster's choice of engine.
    pub choice: &'a EngineChoice,
    /// The node.
    pub host: &'a str,
    /// The node's operating system.
    pub profile: &'a Profile,
    /// What the cluster runs, in this node's words.
    pub resources: &'a ResourceSet,
}

/// Keys that packets may carry.
#[derive(Clone)]
pub struct Keys {
    /// Accepted, by number.
    pub accepted: BTreeMap<u32, Hidden>,
    /// The one used for sending.
    pub sign: u32,
    /// The environment's salt: keeps digests and fingerprints from telling
    /// anything about keys.
    pub salt: Hidden,
    /// What is secret of the devices that switch nodes off, by the names of the secrets.
    pub fence: BTreeMap<String, Hidden>,
}

/// What an engine adds to a host.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Files of the host package.
    pub files: Vec<RenderedFile>,
    /// Units, after those of the role.
    pub units: Vec<UnitPolicy>,
    /// Distribution packages by the names of the host's rpm database.
    pub base: Vec<String>,
    /// Cluster-scoped values in a form that is no secret.
    pub values: BTreeMap<String, String>,
    /// Units that carry resources, the engine's own first.
    pub guarded_units: Vec<String>,
    /// Commands that show where resources are.
    pub observe: Vec<Command>,
}

/// Something that an engine cannot do, or lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Problem(pub String);

/// A cluster engine.
pub trait Engine {
    /// The word for it.
    fn name(&self) -> &'static str;
    /// What it can express.
    fn features(&self) -> &'static [Feature];
    /// What is wrong with this seat beyond missing features: too many nodes, a
    /// profile without the engine's programs.
    fn problems(&self, seat: &Seat<'_>) -> Vec<Problem>;
    /// Its files and units for a node.
    ///
    /// # Errors
    /// A name that the profile lacks.
    fn part(&self, seat: &Seat<'_>, keys: &Keys) -> Result<Part, Problem>;
    /// What a host of another cluster carries that votes for this one. `seat` is that
    /// of one of the cluster's nodes.
    fn witness(&self, _seat: &Seat<'_>, _keys: &Keys) -> Part {
        Part::default()
    }
    /// Values that keep old and new nodes from talking to each other when they
    /// differ, although no phases lead from one to the other; in words.
    fn incompatible(
        &self,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Option<String>;
    /// What a node says of the cluster.
    fn read(&self, seat: &Seat<'_>, facts: &Facts) -> ClusterStatus;
    /// Commands on a node that make it give everything to its peer.
    ///
    /// # Errors
    /// A name that the profile lacks.
    fn give(&self, seat: &Seat<'_>) -> Result<Vec<Command>, Problem>;
    /// Units that must stand still on all nodes where old and new cannot talk.
    ///
    /// # Errors
    /// A name that the profile lacks.
    fn held_units(&self, seat: &Seat<'_>) -> Result<Vec<String>, Problem>;
    /// Seconds without service of a planned switchover, as predicted.
    fn switchover_seconds(&self) -> f64;
}

/// The engine of this kind.
pub fn engine(kind: EngineKind) -> &'static dyn Engine {
    match kind {
        EngineKind::Clusterd => &clusterd::Clusterd,
        EngineKind::Heartbeat => &heartbeat::Heartbeat,
    }
}
