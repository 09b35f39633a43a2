//! Whole clusters of clusterd on virtual time.
//!
//! A seed decides everything: how clocks go, how long packets, disks and agents take,
//! and what fails when. The daemon's core is the very one that the daemon has. While
//! faults last, nothing may happen that must never happen ([`invariants`]); after they
//! end, everything must be well within a bounded time ([`liveness`]). The same seed
//! gives the same run, on every machine.

mod acts;
pub mod agents;
pub mod clock;
pub mod commands;
mod copies;
pub mod coverage;
mod departures;
mod drawing;
mod durable;
pub mod edits;
pub mod faults;
pub mod fences;
mod inject;
pub mod invariants;
pub mod judge;
pub mod liveness;
pub mod machine;
mod names;
pub mod network;
mod obedient;
mod outages;
mod patterns;
mod power;
pub mod queue;
pub mod random;
pub mod reaching;
mod rights;
pub mod run;
pub mod storage;
pub mod topology;
pub mod trace;
pub mod world;

#[cfg(test)]
mod toys;
