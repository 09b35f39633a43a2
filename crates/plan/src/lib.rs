//! Desired state and facts to an ordered plan: pure, total, serialisable.
//!
//! Nothing here reads a clock, a disk or a socket: the same desired state,
//! facts and options give the same plan, byte for byte. A plan leaves no
//! meaningful choice at execution time: `tandem-deploy` walks its steps.

pub mod change;
pub mod desired;
pub mod diff;
pub mod draft;
pub mod fingerprint;
pub mod plan;
pub mod reaction;
pub mod refusal;
pub mod rolling;

mod checks;
mod host_plan;
mod planner;
mod standing;

pub use desired::{
    Desired, DesiredCluster, DesiredHost, DesiredLeg, Known, Options, View, probe_name,
};
pub use plan::{
    FileChange, FileChangeKind, HostPlan, Impact, LegPlan, Note, PackageChange, Plan, Step,
    StepKind, UnitChange,
};
pub use planner::plan;
pub use refusal::{Refusal, RefusalKind};
