//! Watchdogs, and what else needs the kernel directly.
//!
//! A watchdog resets the machine unless it is petted in time: whatever happens to the
//! daemon, nothing of its node runs any more afterwards. This crate arms, pets and disarms
//! one; when to do so is decided by `cluster-core`.
//!
//! The only `unsafe` code of the workspace is in `kernel.rs`.

mod device;
mod holder;
mod kept;
mod kernel;
mod problem;
mod socket;
mod sysfs;
mod watchdog;

pub use device::SOFTDOG;
pub use kept::kept_descriptors;
pub use problem::Problem;
pub use watchdog::{Choice, Watchdog};
