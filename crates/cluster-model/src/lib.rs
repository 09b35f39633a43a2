//! What a cluster is told to run and what it reports: types only, shared by
//! the deploy wing and the daemon. Words as in Pacemaker's documentation.

pub mod resource;
pub mod status;
pub mod timing;

pub use resource::{Agent, Feature, Member, Resource, ResourceSet};
pub use status::{ClusterStatus, NodeState, Redundancy};
pub use timing::Timing;
