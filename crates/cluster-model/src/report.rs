//! What clusterd says of a cluster: the document behind `clusterd status --json`.
//! Ages are milliseconds before the moment of the report.

use crate::configuration::TargetRole;
use crate::state::{Move, Observed, Operation, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this document; another one is refused, not guessed.
pub const API_VERSION: u32 = 1;

/// A cluster as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`API_VERSION`].
    pub api_version: u32,
    /// The cluster's name.
    pub cluster: String,
    /// The member that was asked.
    pub asked: String,
    /// The version of its daemon.
    pub version: String,
    /// In one word and a sentence.
    pub verdict: Verdict,
    /// Who decides, and whether somebody can.
    pub arbitration: Arbitration,
    /// Nodes and witnesses by name.
    pub members: BTreeMap<String, Member>,
    /// Resources in the order of the configuration.
    pub resources: Vec<Resource>,
    /// What would happen if something went away.
    pub survival: Vec<Survival>,
    /// What operators asked for and has not been taken back.
    pub operators: Operators,
    /// Something is under way, or about to be.
    pub in_transition: bool,
    /// What is odd, each with a way out.
    pub problems: Vec<String>,
}

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// In one word.
    pub health: Health,
    /// Why.
    pub because: String,
}

/// How things stand, in one word; later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// All runs that should, and the next failure can be survived.
    Healthy,
    /// All runs that should, and the next failure may be the end of it.
    Degraded,
    /// Something does not run that should.
    Failed,
    /// Nobody can tell: this member does not know what the others know.
    Unknown,
}

/// Who decides, and whether somebody can.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arbitration {
    /// `quorum`, `fencing` or `reach`.
    pub mode: String,
    /// Who coordinates; nothing: nobody that this member knows of.
    pub coordinator: Option<String>,
    /// Voters that this member hears, itself among them.
    pub voters_heard: u32,
    /// All voters.
    pub voters: u32,
    /// How many are needed.
    pub needed: u32,
    /// How long this member may still run resources without another word, in milliseconds.
    pub lease_ms: Option<u64>,
    /// The watchdog of this member, in words; nothing: it has none.
    pub watchdog: Option<String>,
    /// It is armed.
    pub armed: bool,
    /// How long after its last word what a lost node ran may start elsewhere, at the
    /// latest and without fencing, in milliseconds.
    pub promise_ms: Option<u64>,
    /// Devices that can switch nodes off, in the order in which they are tried.
    pub fencing: Vec<FenceDevice>,
    /// In mode `reach`: what this member reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
}

/// What a member reaches, where that decides whether it may go on without the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// So many of the listed addresses answer; nothing: none was asked yet.
    pub reached: Option<usize>,
    /// So many are listed. Only with more than half of them a node takes over.
    pub listed: usize,
}

/// A device that can switch nodes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FenceDevice {
    /// Its name.
    pub name: String,
    /// Which nodes it can switch off.
    pub nodes: Vec<String>,
    /// When it was tested last; nothing: never.
    pub tested_ms: Option<u64>,
    /// What was wrong when it was tested last.
    pub fault: Option<String>,
}

/// A node or witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its number.
    pub id: u16,
    /// It votes and runs nothing.
    pub witness: bool,
    /// How it stands.
    pub standing: MemberStanding,
    /// When it was last heard; of the member that was asked: 0.
    pub heard_ms: Option<u64>,
    /// How often it was admitted.
    pub incarnation: u64,
    /// The networks to it, in their order; none of the member that was asked.
    pub links: Vec<Link>,
    /// What it knows of itself.
    pub attributes: BTreeMap<String, String>,
}

/// How a member stands; later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberStanding {
    /// Heard, and admitted if it is a node.
    Online,
    /// Takes no resources, because an operator said so.
    Standby,
    /// Left alone, because an operator said so.
    Maintenance,
    /// Heard, and not admitted yet.
    Joining,
    /// To go down: it holds what it cannot stop.
    Condemned,
    /// Not heard, and not known to have stopped what it ran.
    Unclean,
    /// Not heard, and known to run nothing.
    Offline,
}

/// A network to a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What the operator calls the network.
    pub name: String,
    /// The member's address there.
    pub address: String,
    /// It is heard there.
    pub up: bool,
    /// When it was last heard there.
    pub heard_ms: Option<u64>,
}

/// A resource, group or clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ResourceKind,
    /// How it stands.
    pub condition: Condition,
    /// In a few words, what runs it; nothing of a group or clone.
    pub agent: Option<String>,
    /// By node: how it stands there, where that is anything but stopped without failures.
    pub instances: BTreeMap<String, Instance>,
    /// Why it is where it is, in a sentence.
    pub why: String,
    /// What it is made of.
    pub members: Vec<Resource>,
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceKind {
    /// A resource.
    Primitive,
    /// Several on one node, in order.
    Group,
    /// The same on several nodes.
    Clone,
}

/// How a resource stands; later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// As wanted.
    Good,
    /// Stopped, as an operator or the configuration wants it.
    Disabled,
    /// On its way.
    Changing,
    /// It runs as wanted and has failed somewhere since somebody last cleaned up.
    Scarred,
    /// It should run and does not, or not as it should.
    Down,
    /// It failed, and is being mended.
    Failed,
    /// It cannot be stopped: counts as running until its node is gone.
    Stuck,
}

/// A resource on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// What was last seen.
    pub observed: Observed,
    /// What it is to be.
    pub wanted: Role,
    /// What is under way.
    pub pending: Option<Operation>,
    /// How often it failed here since somebody last cleaned up.
    pub failures: u32,
    /// When it failed last.
    pub failed_ms: Option<u64>,
    /// What its agent said last that was not good.
    pub said: Option<String>,
}

/// What would happen if something went away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survival {
    /// What goes away.
    pub losing: String,
    /// Everything that runs would run again.
    pub survives: bool,
    /// Why, or why not.
    pub because: String,
}

/// What operators asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operators {
    /// Everything is left alone.
    pub maintenance: bool,
    /// What is moved, for a time; `until_ms` is milliseconds from now.
    pub moves: Vec<Move>,
    /// The most that is wanted of resources.
    pub targets: BTreeMap<String, TargetRole>,
    /// Resources that are left alone.
    pub unmanaged: Vec<String>,
    /// Everything is to be stopped.
    #[serde(default)]
    pub halted: Option<Halted>,
    /// Resources of whose data only one node has the newest copy.
    #[serde(default)]
    pub outdated: BTreeMap<String, Outdated>,
}

/// Copies of a resource's data that may be out of date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outdated {
    /// The only node whose copy is not.
    pub but: String,
    /// When this was said last, in milliseconds of the cluster's time.
    pub since_ms: u64,
    /// How long ago, in milliseconds.
    pub age_ms: u64,
}

/// Everything is to be stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halted {
    /// The member at which it was asked for last.
    pub at: String,
    /// How long ago, in milliseconds.
    pub since_ms: u64,
}
