//! Resources of a role, independent of the engine that runs them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that a cluster runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceSet {
    /// Resources in the order of the role.
    pub resources: Vec<Resource>,
    /// A node that reaches none of these addresses runs nothing; empty: no
    /// such constraint.
    pub ping: Vec<String>,
}

impl ResourceSet {
    /// All primitives, in start order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.resources.iter().flat_map(|resource| match resource {
            Resource::Primitive(member) => std::slice::from_ref(member),
            Resource::Group { members, .. } => members.as_slice(),
        })
    }

    /// What these resources ask of an engine.
    pub fn features(&self) -> Vec<Feature> {
        let mut found = Vec::new();
        if self
            .members()
            .any(|member| member.monitor_interval_ms.is_some())
        {
            found.push(Feature::Monitor);
        }
        let group = |resource: &Resource| match resource {
            Resource::Primitive(_) => None,
            Resource::Group {
                migration_threshold,
                ..
            } => *migration_threshold,
        };
        let mut own = self.members().map(|member| member.migration_threshold);
        if own.any(|it| it.is_some()) || self.resources.iter().any(|it| group(it).is_some()) {
            found.push(Feature::MigrationThreshold);
        }
        if !self.ping.is_empty() {
            found.push(Feature::Connectivity);
        }
        found
    }
}

/// A thing to run, or an ordered group of things on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// One resource.
    Primitive(Member),
    /// Started in order on one node, stopped in reverse.
    Group {
        /// Its name.
        name: String,
        /// Its members in start order.
        members: Vec<Member>,
        /// Failures of all members on a node after which the group moves.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        migration_threshold: Option<u32>,
    },
}

impl Resource {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Primitive(member) => &member.name,
            Self::Group { name, .. } => name,
        }
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name, unique within the cluster.
    pub name: String,
    /// What runs it.
    pub agent: Agent,
    /// How often it is looked at, in milliseconds; `None`: never.
    pub monitor_interval_ms: Option<u64>,
    /// Failures on a node after which it moves.
    pub migration_threshold: Option<u32>,
    /// After so long a failure is forgotten, in milliseconds; nothing: the engine's own.
    pub failure_timeout_ms: Option<u64>,
    /// Longest start, in milliseconds.
    pub start_timeout_ms: u64,
    /// Longest stop, in milliseconds.
    pub stop_timeout_ms: u64,
}

/// What starts, stops and watches a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agent {
    /// An IPv4 or IPv6 address on an interface.
    Address {
        /// The address.
        address: std::net::IpAddr,
        /// Its prefix length.
        prefix: u8,
        /// The interface.
        interface: String,
    },
    /// A systemd unit.
    Systemd {
        /// Full unit name.
        unit: String,
    },
    /// An OCF agent, `ocf:heartbeat:Filesystem`.
    Ocf {
        /// Provider.
        provider: String,
        /// Type.
        kind: String,
        /// Its parameters.
        parameters: BTreeMap<String, String>,
    },
    /// A script with the actions of the LSB.
    Lsb {
        /// Its name below `/etc/init.d`, or an absolute path.
        script: String,
    },
}

/// What resources may ask and not every engine can express. An inventory lists
/// what it does without in `engine.without`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Resources are looked at while they run.
    Monitor,
    /// A resource that fails too often moves.
    MigrationThreshold,
    /// A node that reaches nothing runs nothing.
    Connectivity,
    /// More than two nodes.
    ManyNodes,
    /// A lost peer is powered off before its resources are taken.
    Fencing,
}

impl Feature {
    /// The word used in inventories.
    pub fn word(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::MigrationThreshold => "migration-threshold",
            Self::Connectivity => "connectivity",
            Self::ManyNodes => "many-nodes",
            Self::Fencing => "fencing",
        }
    }

    /// What is lost without it, for plan and status.
    pub fn loss(self) -> &'static str {
        match self {
            Self::Monitor => "a service that dies is not restarted and nothing moves",
            Self::MigrationThreshold => "a service that fails again and again stays where it is",
            Self::Connectivity => "a node that is cut off from its clients keeps its resources",
            Self::ManyNodes => "only two nodes",
            Self::Fencing => {
                "a lost peer is taken for dead without proof: both may run the resources"
            }
        }
    }
}
