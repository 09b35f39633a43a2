//! Inventory, roles, profiles and specs: typed, parsed once, validated with
//! positions. Every way in reports *all* mistakes at once.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tandem_model::{Identities, Project, Secrets, Source};
//!
//! let source = Source::work_tree(".".as_ref()); // or Source::release(dist, work_tree)
//! let project = Project::load(&source)?;
//! let inventory = project.inventory("dev")?; // a bare name or a path
//! for cluster in &inventory.clusters {} // those that others need come first
//! let identities = Identities::load("~/.config/tandem/identity".as_ref())?;
//! let secrets = Secrets::load(&inventory.secrets, &identities)?;
//! inventory.check_secrets(&secrets)?;
//! # Ok(())
//! # }
//! ```
//!
//! - `Mistakes` prints with [`Mistakes::report`]`(colour, width)` and serialises
//!   to a list of `{file, line, column, path, message, found, expected,
//!   suggestion}`.
//! - Secrets: [`Secrets::load`], [`Secrets::save`], [`Secrets::edit`],
//!   [`Secrets::rekey`], [`Secrets::generate`]; a rotation is
//!   [`Secrets::add`], [`Secrets::switch`], [`Secrets::forget`].
//! - [`schema::schemas`] yields the files of `docs/schema/`.

mod decode;
pub mod inventory;
mod load;
pub mod mistake;
pub mod position;
pub mod profile;
pub mod project;
pub mod role;
pub mod schema;
mod secret_use;
pub mod secrets;
mod shape;
pub mod spec;
mod yaml;

pub use inventory::{
    Cluster, EndpointAddress, EngineChoice, EngineKind, Fence, FenceLevel, Host, Inventory, Lease,
    Network, NetworkAddress, Nic, Reach, SshTarget, Value,
};
pub use mistake::{Mistake, Mistakes};
pub use position::{Position, SourceFile, Spanned};
pub use profile::Profile;
pub use project::{Project, Source};
pub use role::{Param, ParamKind, Role, Scope};
pub use secrets::{Hidden, Identities, Recipients, Secret, SecretError, Secrets};
