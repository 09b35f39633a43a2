//! clusterd without I/O.
//!
//! A [`Node`] is told what happened and when, and says what is to be done. It opens
//! no socket, reads no clock, starts no process and draws no random number, so that
//! the daemon and the simulator drive the very same code. Where resources run is
//! decided by [`policy`], a function of configuration and state alone.

pub mod action;
pub mod arbitration;
pub mod check;
pub mod definition;
pub mod disk;
pub mod event;
pub mod name;
pub mod operation;
pub mod operators;
pub mod packet;
pub mod planted;
pub mod policy;
pub mod resources;
pub mod settings;
pub mod state;
pub mod time;
pub mod view;

mod anew;
mod apply;
mod consensus;
mod coordinator;
mod fencing;
mod guard;
mod instances;
mod lease;
mod liveness;
mod local;
mod node;
mod out;
mod parting;
mod placement;
mod promise;
mod reach;
mod requests;
mod silence;
mod solo;
mod stall;
mod takeover;

pub use action::Action;
pub use definition::Definition;
pub use disk::Disk;
pub use event::Event;
pub use node::{Node, Start};
pub use placement::LEAVING;
pub use reach::{REACHED, is_more_than_half, reached};
pub use settings::Settings;
pub use time::Time;
