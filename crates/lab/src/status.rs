//! What a lab says of itself: plain data, for a table or for JSON, and where it comes from.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bmc;
use crate::error::Result;
use crate::fault::Fault;
use crate::lab::Lab;
use crate::network::{self, Ports};
use crate::place::{HostPlaces, netns_path};
use crate::record::Record;
use crate::topology::Host;

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
    /// Its BMC.
    pub bmc: Option<BmcStatus>,
    /// All its NICs.
    pub nics: Vec<NicStatus>,
    /// How often it has booted since `up`, reboots of its own included.
    pub boots: u32,
    /// Log of its console.
    pub console: PathBuf,
}

/// How the BMC of a host is reached from the other hosts, by IPMI 2.0 over LAN (`lanplus`, port 623).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcStatus {
    /// Its address.
    pub address: IpAddr,
    /// A user with the rights of an administrator.
    pub user: String,
    /// The user's password; the same in every lab.
    pub password: String,
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

impl Lab {
    /// What the lab is and how it is.
    ///
    /// # Errors
    /// [`Error::NoSuchLab`] after `down`.
    pub fn status(&self) -> Result<Status> {
        let record = self.record()?;
        let topology = &record.topology;
        let ports = Ports::new(topology);
        let networks = topology.networks.iter().map(|network| NetworkStatus {
            name: network.name.clone(),
            cidr: network.cidr,
            bridge: ports.bridge(&network.name).unwrap_or_default(),
            gateways: network.gateways.clone(),
            operator: topology.operator_address(network),
        });
        let clients = topology.clients.iter().map(|client| ClientStatus {
            name: client.name.clone(),
            network: client.network.clone(),
            address: client.address,
            netns: netns_path(&network::client_netns(&self.name, &client.name)),
        });
        Ok(Status {
            lab: self.name.clone(),
            created: record.created,
            complete: record.complete && network::exists(&self.name),
            netns: self.netns(),
            identity: self.identity(),
            known_hosts: self.known_hosts(),
            base: record.base.clone(),
            networks: networks.collect(),
            hosts: topology
                .hosts
                .iter()
                .map(|h| self.host_status(&record, h, ports))
                .collect(),
            clients: clients.collect(),
            faults: record.faults.clone(),
        })
    }

    fn host_status(&self, record: &Record, host: &Host, ports: Ports<'_>) -> HostStatus {
        let own = self.places.host(&host.name);
        let nics = host.nics.iter().map(|nic| NicStatus {
            name: nic.name.clone(),
            port: ports.of_nic(&host.name, &nic.name).unwrap_or_default(),
            network: nic.network.clone(),
            address: nic.address,
            prefix: nic.prefix,
        });
        HostStatus {
            name: host.name.clone(),
            state: self.host_state(record, &host.name),
            pid: self
                .groups(&host.name)
                .leader()
                .map(nix::unistd::Pid::as_raw),
            address: record.topology.management_nic(host).map(|n| n.address),
            bmc: bmc::address(&record.topology, &host.name).map(|address| BmcStatus {
                address: address.into(),
                user: bmc::USER.into(),
                password: bmc::PASSWORD.into(),
            }),
            nics: nics.collect(),
            boots: boots(&own),
            console: own.console(),
        }
    }
}

fn boots(own: &HostPlaces) -> u32 {
    read_number(&own.boots())
}

fn read_number(path: &Path) -> u32 {
    fs::read_to_string(path)
        .ok()
        .and_then(|t| t.trim().parse().ok())
        .unwrap_or(0)
}
