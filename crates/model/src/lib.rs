//! Inventory, roles, profiles and specs: typed, parsed once, validated with
//! positions. Every way in reports *all* mistakes at once.

mod decode;
pub mod inventory;
mod load;
pub mod mistake;
pub mod position;
pub mod profile;
pub mod project;
pub mod role;
mod secret_use;
pub mod secrets;
mod shape;
pub mod spec;
mod yaml;

pub use inventory::{
    Cluster, EndpointAddress, EngineChoice, EngineKind, Host, Inventory, Network, NetworkAddress,
    Nic, SshTarget, Value,
};
pub use mistake::{Mistake, Mistakes};
pub use position::{Position, SourceFile, Spanned};
pub use profile::Profile;
pub use project::{Project, Source};
pub use role::{Param, ParamKind, Role, Scope};
pub use secrets::{Hidden, Identities, Recipients, Secret, SecretError, Secrets};
