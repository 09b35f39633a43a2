//! The manifest of a release: what it consists of, to the last byte.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tandem_generation::manifest::Source;
use tandem_generation::{Digest, Package};

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";
/// Its signature's.
pub const SIGNATURE: &str = "manifest.json.asc";
/// The directory of the packages.
pub const PACKAGES: &str = "packages";
/// The directories that a release copies from the project.
pub(crate) const COPIED: [&str; 3] = ["profiles", "roles", "templates"];
/// Where the helper lies, for the one architecture that it is made for.
pub const HELPER: &str = "helper/x86_64/tandem-host";
/// Where the cluster daemon lies, in releases that have it.
pub const DAEMON: &str = "daemon/x86_64/clusterd";
/// Version of the manifest's format.
pub(crate) const FORMAT: u32 = 1;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this document, 1.
    pub format: u32,
    /// The release's version.
    pub version: String,
    /// What it was built from.
    pub source: Source,
    /// The time of that commit, in seconds since 1970: the date of everything
    /// that is made from this release.
    pub source_date: u32,
    /// Version of tandem that built it.
    pub tandem: String,
    /// Its packages, sorted by name.
    pub packages: Vec<Package>,
    /// Every other file but the manifest and its signature, by path.
    pub files: BTreeMap<String, File>,
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Digest of its content.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl File {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self {
            digest: Digest::of(content),
            size: content.len() as u64,
        }
    }
}

/// Why a manifest cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A newer tandem wrote it.
    #[error(
        "it has format {found}, and this tandem understands {FORMAT}; use the tandem that made it"
    )]
    NewerFormat {
        /// The format it has.
        found: u32,
    },
    /// It is no manifest.
    #[error("it is not a manifest: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Manifest {
    /// The document's bytes; the same content is the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain structs and string keys: serialisation cannot fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads a document; a newer format is refused, not guessed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(bytes)?;
        if format > FORMAT {
            return Err(ManifestError::NewerFormat { found: format });
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The package of this name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id.name == name)
    }

    /// In what two releases differ, apart from the commit they were built from.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        let versions = |manifest: &Self| -> BTreeMap<String, (String, Digest)> {
            let packages = manifest.packages.iter();
            packages
                .map(|package| {
                    let version = package.id.version_release();
                    (
                        format!("package {}", package.id.name),
                        (version, package.file.clone()),
                    )
                })
                .collect()
        };
        let (ours, theirs) = (versions(self), versions(other));
        for name in keys(&ours, &theirs) {
            match (ours.get(name), theirs.get(name)) {
                (Some(a), Some(b)) if a == b => {}
                (Some((a, _)), Some((b, _))) if a != b => {
                    differences.push(format!("{name} ({b} there, {a} now)"));
                }
                (Some(_), Some(_)) => differences.push(name.clone()),
                (Some(_), None) => differences.push(format!("{name} (only now)")),
                _ => differences.push(format!("{name} (only there)")),
            }
        }
        // Repository metadata follow the packages.
        let files = keys(&self.files, &other.files);
        for path in files.filter(|path| !path.starts_with("repodata/")) {
            match (self.files.get(path), other.files.get(path)) {
                (a, b) if a == b => {}
                (Some(_), Some(_)) => differences.push(path.clone()),
                (Some(_), None) => differences.push(format!("{path} (only now)")),
                _ => differences.push(format!("{path} (only there)")),
            }
        }
        differences
    }
}

/// The keys of both maps, each once, sorted.
pub(crate) fn keys<'a, V, W>(
    a: &'a BTreeMap<String, V>,
    b: &'a BTreeMap<String, W>,
) -> impl Iterator<Item = &'a String> {
    let more = b.keys().filter(|key| !a.contains_key(*key));
    let mut all: Vec<_> = a.keys().chain(more).collect();
    all.sort();
    all.into_iter()
}
