//! What a host says about itself, in one answer.

use crate::{
    Command, CommandResult, Digest, Generation, InstalledPackage, LegState, Lock, Record, RunId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the operator wants to know besides what is always told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactsRequest {
    /// Version of this document, [`crate::FORMAT`].
    pub format: u32,
    /// Rendered files that the host shall have, with their digests: of those
    /// that differ and are readable by everyone the present content comes back.
    pub files: BTreeMap<String, Digest>,
    /// Files owned by others whose content is needed for edit steps.
    pub contents: Vec<String>,
    /// Packages of ours to look up, besides those of the current generation.
    pub packages: Vec<String>,
    /// Distribution packages that must be there.
    pub base: Vec<String>,
    /// Units to report.
    pub units: Vec<String>,
    /// Programs to run: where the cluster's resources are.
    pub observe: Vec<Command>,
}

/// What a host says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Version of this document, [`crate::FORMAT`].
    pub format: u32,
    /// Version of the helper that answers.
    pub tandem: String,
    /// Host name.
    pub hostname: String,
    /// Kernel's boot id: another one means that it was restarted.
    pub boot: String,
    /// The host's clock.
    pub time: Timestamp,
    /// `ID` and `VERSION_ID` of os-release.
    pub os: String,
    /// Machine architecture as the kernel spells it.
    pub arch: String,
    /// IPv4 and IPv6 addresses on its interfaces: `eth4` to `10.77.4.11/24`.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// Packages of ours that are installed.
    pub packages: Vec<InstalledPackage>,
    /// Distribution packages asked for: `version-release` or `None`.
    pub base: BTreeMap<String, Option<String>>,
    /// The current generation; `None` on a bare host.
    pub generation: Option<Generation>,
    /// Every generation remembered, oldest first.
    pub records: Vec<Record>,
    /// The next number that was never used.
    pub next_number: u64,
    /// Owned and asked-for files that are not as they should be, and contents
    /// asked for.
    pub files: Vec<FileFact>,
    /// Units asked for and those of the current generation.
    pub units: Vec<UnitFact>,
    /// Answers of [`FactsRequest::observe`].
    pub observed: Vec<CommandResult>,
    /// Free space where it matters: `/`, `/var/lib/tandem`, `/var/lib/rpm`.
    pub space: Vec<Space>,
    /// Packages in the store, complete ones.
    pub store: Vec<Digest>,
    /// Uploads that broke off: digest to bytes there.
    pub partial: BTreeMap<Digest, u64>,
    /// Who holds the lock.
    pub lock: Option<Lock>,
    /// Legs that are not finished.
    pub open: Vec<OpenLeg>,
    /// Why the last recovery failed, if it did.
    pub recovery_failed: Option<String>,
    /// Units held: stopped, also at boot, until they are released.
    #[serde(default)]
    pub held: Vec<String>,
    /// Former members of the cluster that were retired: nobody waits for them.
    #[serde(default)]
    pub retired: Vec<String>,
}

/// A file and how it differs from what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileFact {
    /// Absolute path.
    pub path: String,
    /// What its owner says: digest in the current generation or in the release
    /// package; `None` for a file that was only asked for.
    pub owned: Option<Digest>,
    /// The package of ours that owns it.
    pub package: Option<String>,
    /// Digest of what is there; `None`: there is nothing.
    pub actual: Option<Digest>,
    /// Permission bits that are there.
    pub mode: Option<u32>,
    /// `user:group` that is there; a number where it has no name.
    #[serde(default)]
    pub owner: Option<String>,
    /// True where mode, user or group are not as its package says.
    #[serde(default)]
    pub attributes_differ: bool,
    /// Content, where it is text of at most 256 KiB, readable by everyone and
    /// not a secret of the current generation.
    pub content: Option<String>,
}

impl FileFact {
    /// True when somebody changed a file of ours by hand.
    pub fn is_drift(&self) -> bool {
        self.owned.is_some() && (self.owned != self.actual || self.attributes_differ)
    }
}

/// A unit's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitFact {
    /// Full unit name.
    pub unit: String,
    /// `systemctl is-enabled`: `enabled`, `disabled`, `static`, `not-found`.
    pub enabled: String,
    /// `systemctl is-active`: `active`, `inactive`, `failed`.
    pub active: String,
}

/// Space on a file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// A directory on it.
    pub path: String,
    /// Bytes free for root.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// A leg of a run that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenLeg {
    /// The run.
    pub run: RunId,
    /// The leg.
    pub leg: u32,
    /// Where it stands.
    pub state: LegState,
    /// Whose run.
    pub operator: String,
    /// Why it went back, if it did.
    pub because: Option<String>,
}
