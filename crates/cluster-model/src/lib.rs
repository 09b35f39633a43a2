//! What a cluster is told to run and what it reports: types only, shared by
//! the deploy wing and the daemon. Words as in Pacemaker's documentation.

pub mod command;
pub mod configuration;
pub mod constraint;
pub mod decision;
pub mod model;
pub mod report;
pub mod resource;
pub mod score;
mod shared;
pub mod state;
pub mod status;
pub mod timing;

pub use command::Command;
pub use model::Model;
pub use resource::{Agent, Feature, Member, Resource, ResourceSet};
pub use score::Score;
pub use status::{ClusterStatus, NodeState, Redundancy};
pub use timing::Timing;
