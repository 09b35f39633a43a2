//! The words between `tandem` and `tandem-host`: a subcommand, a JSON document
//! on standard input, a [`Reply`] on standard output.
//!
//! | subcommand | standard input | reply |
//! |---|---|---|
//! | `facts` | `FactsRequest` | `Facts` |
//! | `lock` | [`LockRequest`] | [`LockReply`] |
//! | `unlock RUN` | | `()` |
//! | `receive DIGEST SIZE OFFSET` | the bytes from OFFSET | `()` |
//! | `stage` | [`StageRequest`] | [`StageReply`] |
//! | `activate RUN LEG` | | `()`, as soon as the unit runs |
//! | `follow RUN LEG AFTER WAIT_MS` | | `Vec<Entry>` newer than AFTER, waiting for at least one |
//! | `confirm RUN LEG` | | `()` |
//! | `undo RUN LEG BECAUSE` | | `()`, as soon as the unit runs |
//! | `finish RUN VERDICT` | | `()`: closes all legs, records the verdict, unlocks |
//! | `act` | `Vec<Command>` | `Vec<CommandResult>` |
//! | `health` | `Vec<HealthCheck>` | `Vec<HealthResult>` |
//! | `plan-of RUN` | | the plan as staged |
//! | `evidence RUN LEG` | | [`Evidence`] |
//! | `prune KEEP` | | [`Pruned`] |
//! | `recover` | | exit status; at boot |
//! | `hold` | `Vec<String>`, units | `()`: stopped, and stopped also after a boot or a transaction |
//! | `release` | | `()`: held units are as the current generation says |
//! | `forget HOST` | | `()`: a former member is no longer waited for |
//! | `retire` | | `()`: removes everything of ours but logs |
//! | `version` | | the helper's version |
//!
//! Exit status 0 goes with [`Reply::Ok`], 1 with [`Reply::Error`]; both are
//! written to standard output. The transient units run `execute RUN LEG` and
//! `execute-undo RUN LEG`.

use crate::{Digest, Entry, Lock, Order};
use serde::{Deserialize, Serialize};

/// An answer: a value or an error in words. Exit status 0 goes with `Ok`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply<T> {
    /// Done.
    Ok(T),
    /// Not done.
    Error(Refusal),
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What kind, for the exit code.
    pub kind: RefusalKind,
    /// What was attempted, on what, and why it failed.
    pub message: String,
    /// The way out, if there is one to name.
    pub hint: Option<String>,
}

/// Kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// Somebody else holds the lock.
    Locked,
    /// The request makes no sense here (other host, unknown run, newer format).
    Invalid,
    /// A signature or digest is wrong.
    Untrusted,
    /// A validator or test transaction said no.
    Unproven,
    /// The file system is full, or would be.
    NoSpace,
    /// Anything else.
    Failed,
}

/// Asks for the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    /// Version of this document, [`crate::FORMAT`].
    pub format: u32,
    /// What to write into it.
    pub lock: Lock,
    /// Take it over from another operator of the same run (`resume`).
    pub take_over: bool,
}

/// The lock as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockReply {
    /// It is yours.
    Taken,
    /// Somebody else has it.
    Held(Lock),
}

/// Stages the legs of a run: everything is on disk, signed, validated and
/// proven afterwards, and nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRequest {
    /// Version of this document, [`crate::FORMAT`].
    pub format: u32,
    /// The legs, in order.
    pub orders: Vec<Order>,
    /// The whole plan as JSON text, so that any operator may resume.
    pub plan: String,
    /// Public keys (armoured) that may sign; they go into tandem's own keyring.
    pub keys: Vec<String>,
}

/// What was proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageReply {
    /// One sentence per proof: signatures, validators, test transactions.
    pub proofs: Vec<String>,
    /// Validators and tests that could not be run here, and why.
    pub skipped: Vec<String>,
}

/// What an operator wants to see after a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The journal of the leg.
    pub journal: Vec<Entry>,
    /// File name to text: unit status and logs of the units concerned, rpm -V.
    pub files: std::collections::BTreeMap<String, String>,
}

/// What pruning removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pruned {
    /// Numbers of generations forgotten.
    pub generations: Vec<u64>,
    /// Packages removed from the store.
    pub packages: Vec<Digest>,
    /// Bytes freed.
    pub freed_bytes: u64,
}
