//! What a host of a cluster carries, independent of environment and operating
//! system: `roles/NAME.yaml`. Includes are already merged in.

use crate::inventory::Value;
use crate::{Position, Spanned};
use std::collections::BTreeMap;

/// A role with everything that it includes, included parts first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name, the same as the file's.
    pub name: String,
    /// What it is for, one line.
    pub summary: String,
    /// Roles it was merged from, itself last.
    pub parts: Vec<String>,
    /// What may vary, by name.
    pub params: BTreeMap<String, Param>,
    /// Distribution packages, by profile-neutral name.
    pub base: Vec<Spanned<String>>,
    /// Packages of ours, by spec.
    pub packages: Vec<Spanned<String>>,
    /// Rendered files.
    pub files: Vec<RoleFile>,
    /// Settings inside files of others.
    pub edits: Vec<RoleEdit>,
    /// Units, by profile-neutral name.
    pub units: Vec<RoleUnit>,
    /// Programs that judge staged files, by name.
    pub validators: BTreeMap<String, RoleValidator>,
    /// What the cluster runs.
    pub resources: Vec<RoleResource>,
    /// What must answer.
    pub health: Vec<RoleHealth>,
    /// What must succeed for the pair to survive the next failure.
    pub redundancy: Vec<RoleRedundancy>,
    /// Where it serves, by name.
    pub endpoints: BTreeMap<String, RoleEndpoint>,
    /// What is neither file nor unit and must exist.
    pub initialisers: Vec<RoleInitialiser>,
}

impl Role {
    /// All resources, in start order.
    pub fn members(&self) -> impl Iterator<Item = &RoleMember> {
        self.resources.iter().flat_map(|resource| &resource.members)
    }

    /// Is the address in this param one that the cluster brings up?
    pub fn brings_up(&self, param: &str) -> bool {
        self.members().any(
            |member| matches!(&member.kind, RoleMemberKind::Address(name) if name.value == param),
        )
    }
}

/// Something that may vary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: ParamKind,
    /// What it is when the inventory says nothing; without one it is required.
    pub default: Option<DefaultValue>,
    /// One line for the operator.
    pub help: Option<String>,
    /// Whether it is the cluster's or each host's own.
    pub scope: Scope,
    /// No two hosts of an inventory have the same value.
    pub unique: bool,
    /// Where it is declared.
    pub at: Position,
}

/// A default: only kinds that need no inventory can have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// A whole number or a port.
    Integer(i64),
    /// A text or a choice.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// Several.
    List(Vec<DefaultValue>),
}

/// Types of params.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// `om/50`, or an address of one of the inventory's networks.
    Address,
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Text on one line.
    Text,
    /// Yes or no.
    Boolean,
    /// A TCP or UDP port, 1 to 65535.
    Port,
    /// One of some words.
    OneOf(Vec<String>),
    /// `CLUSTER.ENDPOINT`.
    Endpoint,
    /// The name of a secret.
    Secret,
    /// Several of a kind.
    List(Box<ParamKind>),
}

impl ParamKind {
    /// In words, for a mistake.
    pub fn described(&self) -> String {
        match self {
            Self::Address => "an address, `NETWORK/NUMBER`".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Text => "a text".to_owned(),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Port => "a port".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
            Self::Endpoint => "an endpoint, `CLUSTER.ENDPOINT`".to_owned(),
            Self::Secret => "the name of a secret".to_owned(),
            Self::List(item) => format!("a list, each item {}", item.described()),
        }
    }
}

/// Whose a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Set in `clusters.NAME.set`, the same on all nodes.
    #[default]
    Cluster,
    /// Set in `hosts.NAME.set`.
    Host,
}

/// A rendered file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFile {
    /// Absolute path; may use `{{ units.apache }}` and the like.
    pub path: Spanned<String>,
    /// Template, relative to `templates/`.
    pub template: Spanned<String>,
    /// Permission bits.
    pub mode: u32,
    /// Owner: `root` or a profile-neutral user.
    pub owner: Spanned<String>,
    /// Group: `root` or a profile-neutral group.
    pub group: Spanned<String>,
    /// True where the template may use secrets.
    pub secret: bool,
    /// What starts a comment in this file: the salt line of a secret file.
    pub comment: String,
    /// Units to restart when it changes.
    pub restarts: Vec<Spanned<String>>,
    /// Units to reload when it changes.
    pub reloads: Vec<Spanned<String>>,
    /// The validator that judges it.
    pub validator: Option<Spanned<String>>,
    /// Only then.
    pub when: Option<Condition>,
}

/// Settings inside a file of somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleEdit {
    /// The file.
    pub path: Spanned<String>,
    /// Between key and value.
    pub separator: String,
    /// Settings; values may use `{{ params.x }}`.
    pub set: BTreeMap<String, Spanned<String>>,
    /// Only then.
    pub when: Option<Condition>,
}

/// A unit and how it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleUnit {
    /// Profile-neutral name.
    pub unit: Spanned<String>,
    /// Started at boot?
    pub enabled: Option<bool>,
    /// Running?
    pub run: tandem_generation::UnitRun,
    /// Where what it serves is while it restarts.
    pub restart: Option<tandem_generation::Restart>,
    /// What the cluster runs stands on it: it is held back at boot and moved
    /// away from like a resource.
    pub carries: bool,
    /// Only then.
    pub when: Option<Condition>,
}

/// A program of the profile with arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramCall {
    /// Profile-neutral name of the program.
    pub program: Spanned<String>,
    /// Arguments; may use `{{ params.x }}` (never a secret).
    pub arguments: Vec<Spanned<String>>,
    /// Milliseconds.
    pub timeout_ms: u64,
}

/// A program that judges staged files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleValidator {
    /// Its name.
    pub name: String,
    /// `{root}` and `{path}` as in [`tandem_generation::Validator`].
    pub call: ProgramCall,
}

/// A group or a single resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleResource {
    /// Name of the group; `None`: a single resource.
    pub group: Option<Spanned<String>>,
    /// Members in start order; exactly one without a group.
    pub members: Vec<RoleMember>,
    /// Of a group: failures of all members together after which it moves.
    pub migration_threshold: Option<u32>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMember {
    /// Its name, unique within the role.
    pub name: Spanned<String>,
    /// What it is.
    pub kind: RoleMemberKind,
    /// How often it is looked at.
    pub monitor_ms: Option<u64>,
    /// Failures after which it moves.
    pub migration_threshold: Option<u32>,
    /// After so long a failure is forgotten, and its node gets another chance, in
    /// milliseconds; nothing: the engine's own.
    pub failure_timeout_ms: Option<u64>,
    /// Longest start.
    pub start_timeout_ms: u64,
    /// Longest stop.
    pub stop_timeout_ms: u64,
    /// Only then.
    pub when: Option<Condition>,
}

/// Kinds of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleMemberKind {
    /// The address in this param.
    Address(Spanned<String>),
    /// A unit by profile-neutral name.
    Unit(Spanned<String>),
    /// An OCF agent.
    Ocf {
        /// `heartbeat`.
        provider: String,
        /// `Filesystem`.
        kind: String,
        /// Parameters; values may use `{{ params.x }}`.
        parameters: BTreeMap<String, Spanned<String>>,
    },
}

/// A question that must be answered well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleHealth {
    /// Its name.
    pub name: Spanned<String>,
    /// The question.
    pub probe: RoleProbe,
    /// Milliseconds.
    pub within_ms: u64,
    /// Whose answer counts.
    pub on: tandem_generation::health::CheckedOn,
    /// Only then.
    pub when: Option<Condition>,
}

/// Questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleProbe {
    /// An HTTP GET; the URL and the text may use `{{ params.x }}`.
    Http {
        /// URL.
        url: Spanned<String>,
        /// Status expected.
        status: u16,
        /// Text expected.
        contains: Option<Spanned<String>>,
    },
    /// A unit is active.
    Unit(Spanned<String>),
    /// A program exits 0.
    Command(ProgramCall),
}

/// A program that exits with 0 while a node's part of the redundancy is real;
/// otherwise the first line that it writes says why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRedundancy {
    /// Its name.
    pub name: Spanned<String>,
    /// The program.
    pub call: ProgramCall,
}

/// Where a role serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleEndpoint {
    /// Its name.
    pub name: String,
    /// The address param.
    pub address: Spanned<String>,
    /// The port.
    pub port: EndpointPort,
}

/// A port or the param that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointPort {
    /// Always this one.
    Fixed(u16),
    /// The value of this param.
    Param(Spanned<String>),
}

/// Brings up what is neither file nor unit; never touches existing data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleInitialiser {
    /// Its name.
    pub name: Spanned<String>,
    /// Exit 0: it is there.
    pub probe: ProgramCall,
    /// Makes it.
    pub act: ProgramCall,
    /// Exit 0: it is there now.
    pub verify: ProgramCall,
    /// Only then.
    pub when: Option<Condition>,
}

impl Condition {
    /// Does it hold for these values?
    pub fn holds(&self, values: &BTreeMap<&str, &Value>) -> bool {
        let same = match values.get(self.param.as_str()) {
            Some(Value::Text(have)) => *have == self.wanted,
            Some(Value::Integer(have)) => have.to_string() == self.wanted,
            Some(Value::Boolean(have)) => have.to_string() == self.wanted,
            _ => false,
        };
        same != self.negated
    }
}

/// `storage == drbd`, `storage != drbd`, `tls`, `not tls`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The param asked.
    pub param: String,
    /// What it is compared with; `true` for a bare name.
    pub wanted: String,
    /// True for `!=` and `not`.
    pub negated: bool,
    /// Where it is written.
    pub at: Position,
}
