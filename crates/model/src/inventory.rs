//! An environment: `inventories/NAME.yaml`, resolved against the project. No
//! string in here is looked up by hope; whatever names something names
//! something that exists.

use crate::{Position, Spanned};
use cluster_model::{Feature, Timing};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

/// One environment: what differs from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Its name, the same as the file's: `dev`, `demo`, `prod`.
    pub environment: String,
    /// The file, relative to the project where it lies in it.
    pub path: PathBuf,
    /// Networks by name.
    pub networks: BTreeMap<String, Network>,
    /// Hosts by name.
    pub hosts: BTreeMap<String, Host>,
    /// Clusters, those that others need first.
    pub clusters: Vec<Cluster>,
    /// The encrypted file with the secrets, to be opened.
    pub secrets: PathBuf,
    /// The same as people call it.
    pub secrets_shown: PathBuf,
    /// Who can read the secrets: `NAME.recipients` beside the inventory, to be
    /// opened.
    pub recipients: PathBuf,
}

impl Inventory {
    /// The cluster of this name.
    pub fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == name)
    }

    /// The cluster that this host is a node of.
    pub fn cluster_of(&self, host: &str) -> Option<&Cluster> {
        self.clusters
            .iter()
            .find(|cluster| cluster.nodes.iter().any(|node| node == host))
    }

    /// The clusters in which a host votes without being a node of theirs.
    pub fn witnessed_by<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Cluster> {
        self.clusters.iter().filter(move |cluster| {
            let engine = cluster.engine.as_ref();
            let witness = engine.and_then(|choice| choice.lease.witness.as_ref());
            witness.is_some_and(|name| name.value == host)
        })
    }

    /// The NIC with which a host takes part in a network.
    pub fn nic(&self, host: &str, network: &str) -> Option<&Nic> {
        self.hosts
            .get(host)?
            .nics
            .iter()
            .find(|nic| nic.network == network)
    }
}

/// A network that hosts share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its name: `hb`, `om`, `ext`.
    pub name: String,
    /// Its range.
    pub range: IpNet,
    /// The way out, where there is one.
    pub gateway: Option<IpAddr>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Its operating system's profile, which the project has.
    pub profile: String,
    /// Network interfaces, sorted by name.
    pub nics: Vec<Nic>,
    /// How it is reached.
    pub ssh: SshTarget,
    /// Values of the host-scoped params of its cluster's role; empty for a
    /// host without a cluster.
    pub values: BTreeMap<String, Value>,
    /// Where it is written.
    pub at: Position,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// `eth1`.
    pub name: String,
    /// The network it is plugged into.
    pub network: String,
    /// Its address.
    pub address: IpAddr,
    /// The network's prefix length.
    pub prefix: u8,
}

/// Where and as whom a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshTarget {
    /// Address in the O&M network, or the one the host's `ssh` names.
    pub address: IpAddr,
    /// TCP port.
    pub port: u16,
    /// Account; `root` unless the inventory says otherwise.
    pub user: String,
}

/// Hosts that share resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// What its nodes carry; a role which the project has.
    pub role: String,
    /// Hosts, in the inventory's order: the first is where resources go when
    /// nothing else speaks for either.
    pub nodes: Vec<String>,
    /// What runs its resources; a cluster without one runs none.
    pub engine: Option<EngineChoice>,
    /// Networks over which its nodes hear each other; every node has a NIC in
    /// each of them.
    pub links: Vec<String>,
    /// A node that reaches none of these runs nothing; empty: no such rule.
    pub ping: Vec<IpAddr>,
    /// Values of the cluster-scoped params of its role: every param has one,
    /// given or by default.
    pub values: BTreeMap<String, Value>,
    /// Clusters whose endpoints it uses.
    pub needs: BTreeSet<String>,
    /// Where it is written.
    pub at: Position,
}

/// The program that runs a cluster's resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineChoice {
    /// Which.
    pub kind: EngineKind,
    /// What the operator does without.
    pub without: BTreeSet<Feature>,
    /// Name of the secret with which its messages are authenticated.
    pub key: Spanned<String>,
    /// How fast it notices.
    pub timing: Timing,
    /// Engine `clusterd`: on which terms nodes hold resources, and who else votes.
    pub lease: Lease,
    /// Where it is written, for what the engine itself finds wrong.
    pub at: Position,
}

/// On which terms a node of engine `clusterd` holds resources. Milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How long a node holds them without another word of the others.
    pub lease_ms: u64,
    /// How long it may take, after that, to stop everything before it resets itself.
    pub stop_ms: u64,
    /// How long the watchdog waits.
    pub watchdog_ms: u64,
    /// After so many resets within an hour a node is held back; `None`: clusterd's default.
    pub resets_max: Option<u32>,
    /// The UDP port of the cluster, if it is chosen.
    pub port: Option<u16>,
    /// The watchdog; `None`: the operator does without.
    pub watchdog: Option<String>,
    /// It is known that a virtual machine that is paused is paused with its watchdog.
    pub accept_pause_risk: bool,
    /// A host of another cluster that votes in this one and runs nothing of it.
    pub witness: Option<Spanned<String>>,
    /// Nodes that vote beside the witness; `None`: all, or as many as are useful.
    pub voters: Option<Vec<Spanned<String>>>,
    /// Of a lone pair: what switches a node off before its resources are taken.
    pub fence: Option<Fence>,
    /// Of a lone pair that nothing switches off: each node goes by what it reaches.
    pub reach: Option<Reach>,
}

/// How a pair goes by what it reaches; whoever asked for it accepted that both nodes may
/// run everything at once. Milliseconds; `None`: clusterd's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Between two looks around, after one that found too little.
    pub pause_ms: Option<u64>,
    /// How long a node that was just started waits for the other one.
    pub wait_ms: Option<u64>,
}

/// What switches nodes off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// One kind of device for all nodes after the other, until one did it; at least one.
    pub levels: Vec<FenceLevel>,
    /// The node that fences at once; the other one waits.
    pub first: Option<String>,
    /// Longest attempt with all levels, in milliseconds.
    pub limit_ms: u64,
    /// How long the other one waits, in milliseconds.
    pub delay_ms: u64,
    /// Whoever was switched off gets its power again, once its resources may be taken.
    pub power_on: bool,
}

impl Fence {
    /// Names of the secrets that devices want: passwords.
    pub fn secrets(&self) -> impl Iterator<Item = &Spanned<String>> {
        self.levels.iter().flat_map(|level| level.secrets.values())
    }
}

/// The same kind of device for each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceLevel {
    /// Its agent, `fence_ipmilan`.
    pub agent: String,
    /// Parameters of the agent that are the same for all nodes.
    pub parameters: BTreeMap<String, String>,
    /// By node: where its device is, the agent's parameter `ip`.
    pub addresses: BTreeMap<String, String>,
    /// By node: what of a device that several have is its own, the agent's parameter `plug`.
    pub plugs: BTreeMap<String, String>,
    /// By parameter of the agent: the name of the secret that it is.
    pub secrets: BTreeMap<String, Spanned<String>>,
}

/// The engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineKind {
    /// The daemon of this project.
    Clusterd,
    /// The Heartbeat package with `haresources` (R1 style).
    Heartbeat,
}

impl EngineKind {
    /// The word used in inventories.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clusterd => "clusterd",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// A param's value, checked against its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An address of one of the inventory's networks.
    Address(NetworkAddress),
    /// A whole number; also a port.
    Integer(i64),
    /// Text; also the choice of a `one_of`.
    Text(String),
    /// Yes or no.
    Boolean(bool),
    /// Where another cluster serves.
    Endpoint(EndpointAddress),
    /// The name of a secret; the value comes from [`crate::Secrets`].
    Secret(Spanned<String>),
    /// Several.
    List(Vec<Value>),
}

/// An address and the network it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkAddress {
    /// The address.
    pub address: IpAddr,
    /// The network's prefix length.
    pub prefix: u8,
    /// The network.
    pub network: String,
}

/// An endpoint of another cluster, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAddress {
    /// The cluster.
    pub cluster: String,
    /// Its endpoint.
    pub name: String,
    /// Where it listens.
    pub address: IpAddr,
    /// On which port.
    pub port: u16,
}
