//! The helper that runs on a host, never resident: facts, stage, run, confirm,
//! undo, recover. A host is the old generation or the new one, never between.

mod accounts;
pub mod actions;
pub mod activate;
pub mod back;
pub mod before;
pub mod converge;
pub mod disk;
pub mod edits;
pub mod evidence;
pub mod execute;
pub mod facts;
pub mod finish;
pub mod forget;
pub mod health;
pub mod helper;
pub mod hold;
pub mod journal;
pub mod lock;
pub mod place;
pub mod process;
pub mod proof;
pub mod prune;
pub mod records;
pub mod recover;
pub mod refusal;
pub mod requests;
pub mod retire;
pub mod rpm;
pub mod signatures;
pub mod stage;
pub mod store;
pub mod units;
pub mod validate;
pub mod verify;

pub use place::Place;
pub use refusal::{Refused, Result};
