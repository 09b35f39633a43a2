//! Executes plans over connections; makes no choices of its own.
//!
//! The order of things is the plan's. What is decided here is only what a
//! plan cannot know: whether a step was already done (a run is resumed), and
//! that a failure sends every host of the run back, in the reverse order.

mod cluster;
mod error;
mod fleet;
mod host;
mod lock;
mod run;
mod staging;
mod states;
mod steps;
mod walk_back;
mod watch;

pub use error::{DeployError, Failure};
pub use fleet::Fleet;
pub use host::{Helper, Host};
pub use lock::lock_all;
pub use run::{Outcome, Report, Run, StepReport, abort, apply, resume, stage_only};
pub use staging::{Sealed, Supplies};
pub use states::{RunState, find_run};
pub use watch::{Progress, Watch};

pub use cluster::Look;
