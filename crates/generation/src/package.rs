//! Packages as rpm names and identifies them.

use crate::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Name, version, release and architecture. We never set an epoch: rpm would
/// print it into every dependency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageId {
    /// Name, for example `web-site`.
    pub name: String,
    /// Version, for example `1.0.0`.
    pub version: String,
    /// Release, for example `1`.
    pub release: String,
    /// Architecture as rpm spells it: `noarch`, `x86_64`.
    pub arch: String,
}

impl PackageId {
    /// `version-release`, what people call the version.
    pub fn version_release(&self) -> String {
        format!("{}-{}", self.version, self.release)
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            version,
            release,
            arch,
        } = self;
        write!(formatter, "{name}-{version}-{release}.{arch}")
    }
}

/// A package file of ours: a release package, a host package, a generation
/// package or the helper's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// What it is called.
    pub id: PackageId,
    /// SHA256HEADER: the identity that rpm also reports of the installed
    /// package; it does not cover the signature.
    pub header: Digest,
    /// Digest of the file, signature included: the key in the host's store.
    pub file: Digest,
    /// Size of the file in bytes.
    pub size: u64,
    /// Units to restart when this package changes on a host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<String>,
    /// Units that take another version of it over by themselves when they are told to
    /// reload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reloads: Vec<String>,
}

/// A package in a host's rpm database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledPackage {
    /// What it is called.
    pub id: PackageId,
    /// SHA256HEADER, where the header has one (anything built since 2018).
    pub header: Option<Digest>,
}
