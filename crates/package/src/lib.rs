//! Specs to RPMs; release manifest, signing, repository metadata.
//!
//! Every byte that leaves this crate depends on what was given to it alone: two
//! builds of the same tree are identical, signatures included.

mod archive;
mod assemble;
mod build;
mod config_package;
mod daemon;
mod date;
mod generation_package;
mod helper_package;
mod payload;
mod problem;
mod public_key;
mod read;
pub mod release;
mod role;
mod shared_directory;
mod signing_key;

pub use assemble::{BuiltPackage, file_name};
pub use build::{BuildError, build, check, id};
pub use config_package::{RenderedFile, config_package};
pub use daemon::{DAEMON_PACKAGE, daemon_package};
pub use date::{DateError, SourceDate};
pub use generation_package::{document, generation_package};
pub use helper_package::helper_package;
pub use problem::{Problem, Problems};
pub use public_key::{PublicKey, PublicKeyError, SignatureProblem, verify_detached};
pub use read::{OpenPackage, ReadError};
pub use role::{KeyRole, NotAnEnvironment};
pub use signing_key::{KeyAlgorithm, KeyError, SigningKey};
