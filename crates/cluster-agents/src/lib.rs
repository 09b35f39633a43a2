//! Runs resource agents and fence agents, unchanged, for a daemon that decides what
//! is run. Nothing is decided here: an operation is run, bounded, and told of.
//!
//! - [`Runner`] runs [`Job`]s: OCF agents and scripts of the LSB each in a systemd scope
//!   of its own below `clusterd.slice`, systemd units by jobs over D-Bus, addresses by a
//!   message to the kernel.
//! - [`supervise()`] is the process between the daemon and an agent; the daemon's program
//!   has a hidden subcommand for it.
//! - [`metadata`] reads what agents say of themselves.
//! - [`fence`] runs fence agents, and believes an `off` only when `status` says so too.
//! - [`neighbours`] says which addresses are here, and whether somebody else has one.
//! - [`Runner::notice`] tells what the machine says of it by itself: that something ended.
//! - [`tools`] are the programs that agents call, such as `crm_attribute`, and what
//!   they say to the daemon.
//!
//! Scopes are outside of the daemon's own service: they outlive its restarts, and
//! [`Runner::leftovers`] finds them again by their names.

mod address;
mod announce;
mod bus;
mod code;
pub mod fence;
#[doc(hidden)]
pub mod fuzzed;
mod group;
mod job;
pub mod metadata;
mod name;
pub mod neighbours;
mod netlink;
mod notice;
mod order;
mod problem;
mod program;
mod runner;
pub mod stat;
mod supervise;
mod systemctl;
mod tail;
pub mod tools;
mod unit;

pub use code::OcfCode;
pub use job::{Action, Ended, Ending, Id, Job, Leftover, OUTPUT_MAX, Settings};
pub use notice::{Noticed, removed_addresses};
pub use problem::Problem;
pub use runner::Runner;
pub use supervise::supervise;
