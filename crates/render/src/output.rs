//! What rendering yields for one host.

use cluster_model::ResourceSet;
use std::fmt;
use tandem_generation::{
    Action, Command, Digest, Edit, HealthCheck, OwnedFile, UnitPolicy, Validator,
};

/// Everything that one host shall be, apart from what the engine adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    /// The host.
    pub host: String,
    /// Its cluster.
    pub cluster: Option<String>,
    /// Files of the host package, sorted by path.
    pub files: Vec<RenderedFile>,
    /// Settings inside files of others, sorted by path.
    pub edits: Vec<Edit>,
    /// Units by their real names, sorted.
    pub units: Vec<UnitPolicy>,
    /// What the cluster runs, with this host's interfaces and unit names.
    pub resources: ResourceSet,
    /// What must answer, in the role's order.
    pub health: Vec<HealthCheck>,
    /// Programs that judge staged files, in the role's order.
    pub validators: Vec<Validator>,
    /// Programs that tell whether the redundancy is real, under the names of
    /// [`redundancy_name`], in the role's order.
    pub redundancy: Vec<Command>,
    /// Units that resources stand on although the cluster does not run them.
    pub carriers: Vec<String>,
    /// [`Action::Initialise`] steps, in the role's order.
    pub initialisers: Vec<Action>,
    /// Distribution packages by the names of the host's rpm database, sorted.
    pub base: Vec<String>,
    /// Packages of ours, sorted.
    pub packages: Vec<String>,
    /// Digest of all params; a secret counts as its name and number.
    pub params: Digest,
}

/// Name under which facts tell whether a part of the redundancy is real.
pub fn redundancy_name(check: &str) -> String {
    format!("redundancy {check}")
}

/// A file with its content.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Path, digest, mode, owner and what its change entails.
    pub owned: OwnedFile,
    /// The bytes. Never shown when `owned.secret`.
    pub content: Vec<u8>,
}

impl fmt::Debug for RenderedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = if self.owned.secret {
            "••••".into()
        } else {
            String::from_utf8_lossy(&self.content)
        };
        formatter
            .debug_struct("RenderedFile")
            .field("owned", &self.owned)
            .field("content", &content)
            .finish()
    }
}
