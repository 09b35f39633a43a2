//! What a host is ordered to do: the change and, complete and staged before
//! it, the way back.

use crate::{Action, Command, Digest, Edit, Generation, Package, PackageId, RunId, UnitPolicy};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One leg of a run on one host. Written to disk with everything it needs
/// before anything changes; afterwards neither the operator nor the network is
/// needed to complete it or to undo it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Version of this document, [`crate::FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// Number of this transaction within the run on this host, from 1.
    pub leg: u32,
    /// The host it is meant for; any other refuses it.
    pub host: String,
    /// `user@machine`.
    pub operator: String,
    /// Digest of the plan.
    pub plan: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// Forth.
    pub forward: Transaction,
    /// Back.
    pub undo: Transaction,
    /// Seconds after local verification within which the operator must come
    /// back on a new connection; then the host undoes the leg by itself.
    pub confirm_within_s: u32,
    /// Run against the staged files before anything is activated.
    pub validators: Vec<Validator>,
    /// Steps that cannot be undone, in words; the operator consented.
    pub irreversible: Vec<String>,
}

/// A move of a host from what it is to a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// What the host shall be; `None` means nothing of ours (undo of a first
    /// install).
    pub target: Option<Generation>,
    /// The package that carries `target`; last in the transaction.
    pub generation_package: Option<Package>,
    /// Packages to install, upgrade, downgrade or replace, all in one rpm
    /// transaction together with `generation_package`.
    pub install: Vec<Package>,
    /// Packages that go. They are named by Obsoletes of the generation package,
    /// because `rpm -U` erases nothing by itself; without a target, `rpm -e`.
    pub erase: Vec<PackageId>,
    /// Edits of the generation left behind that the target does not have:
    /// undone from the saved originals.
    pub unedit: Vec<Edit>,
    /// Units that the target has no word on and the generation left behind had:
    /// put back as they were found before the first install.
    pub release_units: Vec<UnitPolicy>,
    /// Before the rpm transaction, in order.
    pub before: Vec<Action>,
    /// After the rpm transaction, edits and unit policies, in order.
    pub after: Vec<Action>,
}

/// A program that judges staged files before they are activated, for example
/// `apachectl -t`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validator {
    /// Name for people, and the files it judges.
    pub name: String,
    /// Paths of the judged files.
    pub files: Vec<String>,
    /// Exit status 0 accepts. `{root}` in an argument stands for the directory
    /// in which the staged tree is laid out; `{path}` for the staged file.
    pub command: Command,
}
