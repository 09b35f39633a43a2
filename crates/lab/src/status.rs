//! What a lab says of itself: plain data, for a table or for JSON.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// State of a whole lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its name.
    pub lab: String,
    /// When it was made.
    pub created: Timestamp,
    /// False if `up` was killed, or the machine was rebooted: `up` again repairs it.
    pub complete: bool,
    /// Network namespace of the operator, with the bridges.
    pub netns: PathBuf,
    /// The operator's private key.
    pub identity: PathBuf,
    /// Host keys of all hosts.
    pub known_hosts: PathBuf,
    /// The base tree below all hosts.
    pub base: PathBuf,
    /// The networks, in the topology's order.
    pub networks: Vec<NetworkStatus>,
    /// The hosts, in the topology's order.
    pub hosts: Vec<HostStatus>,
    /// The clients, in the topology's order.
    pub clients: Vec<ClientStatus>,
    /// What is wrong on purpose.
    pub faults: Vec<Fault>,
}

/// A network of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkStatus {
    /// Its name.
    pub name: String,
    /// Its range.
    pub cidr: IpNet,
    /// Name of its bridge in the lab's namespace.
    pub bridge: String,
    /// Addresses of its gateways.
    pub gateways: Vec<IpAddr>,
    /// The operator's address in it.
    pub operator: Option<IpAddr>,
}

/// A client of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientStatus {
    /// Its name.
    pub name: String,
    /// Its network.
    pub network: String,
    /// Its address.
    pub address: IpAddr,
    /// Its network namespace.
    pub netns: PathBuf,
}

/// A host of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub state: HostState,
    /// Its PID 1, as this machine numbers it.
    pub pid: Option<i32>,
    /// The address by which it is managed.
    pub address: Option<IpAddr>,
    /// All its NICs.
    pub nics: Vec<NicStatus>,
    /// How often it has booted since `up`, reboots of its own included.
    pub boots: u32,
    /// Log of its console.
    pub console: PathBuf,
}

/// A NIC of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicStatus {
    /// Name inside the host.
    pub name: String,
    /// Name of the bridge's port that it is plugged into.
    pub port: String,
    /// The network.
    pub network: String,
    /// Its address.
    pub address: IpAddr,
    /// Length of the prefix, in bits.
    pub prefix: u8,
}

/// Whether a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    /// Its PID 1 lives.
    Running,
    /// It has no processes: its power was cut, or it powered off by itself.
    PoweredOff,
    /// Its processes stand still.
    Frozen,
}

impl std::fmt::Display for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::PoweredOff => "powered off",
            Self::Frozen => "frozen",
        })
    }
}
