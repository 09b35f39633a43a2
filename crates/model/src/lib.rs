//! Inventory, roles, profiles and specs: typed, parsed once, validated with
//! positions. Every way in reports *all* mistakes at once.

pub mod inventory;
pub mod mistake;
pub mod position;
pub mod profile;
pub mod project;
pub mod role;
pub mod secrets;
pub mod spec;

pub use inventory::{
    Cluster, EndpointAddress, EngineChoice, EngineKind, Host, Inventory, Network, NetworkAddress,
    Nic, SshTarget, Value,
};
pub use mistake::{Mistake, Mistakes};
pub use position::{Position, SourceFile, Spanned};
pub use profile::Profile;
pub use project::{Project, Source};
pub use role::{Param, ParamKind, Role, Scope};
pub use secrets::{Hidden, Secret, Secrets};
