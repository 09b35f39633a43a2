//! Generations: what a host was told to be, and what became of it.

use crate::{Command, Digest, Edit, FORMAT, HealthCheck, Package};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a host was told to be. Numbered upward per host; a number never means
/// two things, so numbers that were staged and not used leave gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Version of this document, [`FORMAT`].
    pub format: u32,
    /// The number.
    pub number: u64,
    /// Environment: `dev`, `demo`, `prod`.
    pub environment: String,
    /// Host.
    pub host: String,
    /// Cluster of which the host is a node.
    pub cluster: Option<String>,
    /// All nodes of that cluster, sorted.
    pub members: Vec<String>,
    /// The release that it came from.
    pub release: ReleaseRef,
    /// The inventory's commit.
    pub inventory: Source,
    /// Version of tandem that made it.
    pub tandem: String,
    /// Why it exists.
    pub cause: Cause,
    /// What the host carries.
    pub content: Content,
}

/// A release by name and digest of its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRef {
    /// Version, `1.1.0`.
    pub version: String,
    /// Digest of `manifest.json`.
    pub digest: Digest,
}

/// A commit of the operator's source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Commit, where the source is a git checkout.
    pub commit: Option<String>,
    /// True when the work tree differed from the commit.
    pub dirty: bool,
}

/// Why a generation exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Cause {
    /// `tandem apply`.
    Applied,
    /// The undo of a generation: `of` is the one that was left, `because` why.
    RolledBack {
        /// The generation that was undone.
        of: u64,
        /// Content that was undone: applying it again wants `--again`.
        content: Digest,
        /// In words.
        because: String,
    },
}

/// Everything that makes two generations the same or different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// All packages of ours but the generation package, sorted by name.
    pub packages: Vec<Package>,
    /// Rendered files, sorted by path; they belong to the host package.
    pub files: Vec<OwnedFile>,
    /// Settings held in foreign files.
    pub edits: Vec<Edit>,
    /// Units and how they shall be.
    pub units: Vec<UnitPolicy>,
    /// Cluster-scoped values by name, in a form that is no secret (the number
    /// of a key, never the key): what phases are computed from.
    pub cluster_values: BTreeMap<String, String>,
    /// What must answer afterwards.
    pub health: Vec<HealthCheck>,
    /// Commands that tell where the resources are; empty without an engine.
    pub observe: Vec<Command>,
    /// Units that carry resources: held back at boot until recovery is clean.
    pub guarded_units: Vec<String>,
}

impl Content {
    /// Identity of this content. Signatures do not count (`file` and `size` of
    /// packages), nor do checks and observations, which change nothing.
    pub fn identity(&self) -> Digest {
        let packages: Vec<_> = self
            .packages
            .iter()
            .map(|package| (&package.id, &package.header))
            .collect();
        let parts = (
            packages,
            &self.files,
            &self.edits,
            &self.units,
            &self.cluster_values,
        );
        // Plain structs and string keys: serialisation cannot fail.
        Digest::of(serde_json::to_vec(&parts).unwrap_or_default())
    }

    /// The package of this name.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id.name == name)
    }

    /// The rendered file at this path.
    pub fn file(&self, path: &str) -> Option<&OwnedFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// A rendered file of the host package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedFile {
    /// Absolute path.
    pub path: String,
    /// Digest of its content; a secret file has a secret salt line in it.
    pub digest: Digest,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// Its content is never shown, sent back or logged.
    pub secret: bool,
    /// Units to restart when it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<String>,
    /// Units to reload when it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reloads: Vec<String>,
}

/// How a unit shall be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPolicy {
    /// Full unit name.
    pub unit: String,
    /// Started at boot? `None`: left as it is.
    pub enabled: Option<bool>,
    /// Running?
    pub run: UnitRun,
    /// Where what it serves is while it restarts; `None`: elsewhere for what
    /// the cluster runs, no matter for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
}

/// Where what a unit serves is while the unit restarts on the serving node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It stays: only its own clients notice, nothing else moves.
    InPlace,
    /// The node gives its resources away first.
    Elsewhere,
}

/// Whether a unit runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitRun {
    /// It runs.
    Started,
    /// It does not run.
    Stopped,
    /// The cluster decides.
    Cluster,
    /// Not our business.
    Untouched,
}

/// A generation as the host remembers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Version of this document, [`FORMAT`].
    pub format: u32,
    /// What the host was told to be.
    pub generation: Generation,
    /// Its package.
    pub package: Option<Package>,
    /// The run that brought it.
    pub run: crate::RunId,
    /// When it became current.
    pub activated: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
}

impl Record {
    /// A fresh record, verdict pending.
    pub fn new(
        generation: Generation,
        package: Option<Package>,
        run: crate::RunId,
        activated: Timestamp,
    ) -> Self {
        Self {
            format: FORMAT,
            generation,
            package,
            run,
            activated,
            verdict: Verdict::Pending,
        }
    }
}

/// What became of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Verdict {
    /// The run that brought it is not finished.
    Pending,
    /// Its run finished well.
    Accepted,
    /// It was undone.
    RolledBack {
        /// In words: `health check site: 500 Internal Server Error`.
        because: String,
    },
    /// A later generation took its place.
    Superseded,
}
