//! What a host is told to be and what it says of itself: types only, shared
//! by the operator's side and by `tandem-host`.
//!
//! Everything here crosses a wire or a disk, so each document names its
//! `format`; a reader refuses a newer one instead of guessing.

pub mod action;
pub mod digest;
pub mod edit;
pub mod facts;
pub mod health;
pub mod journal;
pub mod lock;
pub mod manifest;
pub mod order;
pub mod package;
pub mod place;
pub mod protocol;
pub mod run;

pub use action::{Action, Command, CommandResult, UnitVerb};
pub use digest::Digest;
pub use edit::Edit;
pub use facts::{Facts, FactsRequest};
pub use health::{HealthCheck, HealthResult, Probe};
pub use journal::{Entry, Event, LegState};
pub use lock::Lock;
pub use manifest::{
    Cause, Content, Generation, OwnedFile, Record, Restart, UnitPolicy, UnitRun, Verdict,
};
pub use order::{Order, Transaction, Validator};
pub use package::{InstalledPackage, Package, PackageId};
pub use run::RunId;

/// Version of every document of this crate. A helper or operator that meets a
/// higher number refuses it and names the version of tandem that is needed.
pub const FORMAT: u32 = 1;
