//! What a lab consists of: networks, hosts, clients; and what must hold between them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::bmc;

/// A whole lab. Made from an inventory by the caller; knows nothing of roles or clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// Lower-case letters, digits and `-`, at most 24 characters.
    pub name: String,
    /// The networks; each becomes a bridge.
    pub networks: Vec<Network>,
    /// The hosts; each becomes a container.
    pub hosts: Vec<Host>,
    /// Small extra machines with an address in one network and nothing else, for example an
    /// observer in the external network.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// The network by which hosts are managed: their default route leads to its gateway, and their
    /// name stands for their address there. Without it, the network of each host's first NIC.
    #[serde(default)]
    pub management: Option<String>,
}

/// A network: one bridge, joined with no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Unique in the lab.
    pub name: String,
    /// Its range. Ranges of one lab may not overlap; those of different labs may.
    pub cidr: IpNet,
    /// Addresses of gateways: they answer pings, and forward nothing.
    #[serde(default)]
    pub gateways: Vec<IpAddr>,
    /// The operator's own address in this network. Without it, the highest free one.
    #[serde(default)]
    pub operator: Option<IpAddr>,
    /// Addresses that the lab must not take for itself, such as virtual addresses of clusters.
    #[serde(default)]
    pub reserved: Vec<IpAddr>,
}

/// A host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its host name, unique in the lab.
    pub name: String,
    /// Its network interfaces.
    pub nics: Vec<Nic>,
    /// Limits everything that the host writes (the whole overlay) to this size. Such a disk is kept
    /// in memory: it survives the host's power cycles, but not a reboot of this machine.
    #[serde(default)]
    pub disk_limit_mb: Option<u32>,
}

/// A network interface of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nic {
    /// Name inside the host, such as `eth1`.
    pub name: String,
    /// The network it is plugged into.
    pub network: String,
    /// Its address there.
    pub address: IpAddr,
    /// Length of the prefix, in bits.
    pub prefix: u8,
}

/// A small machine inside one network: a network namespace with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Unique among hosts and clients.
    pub name: String,
    /// The network it is plugged into.
    pub network: String,
    /// Its address there.
    pub address: IpAddr,
    /// Length of the prefix, in bits.
    pub prefix: u8,
}

impl Topology {
    pub(crate) fn network(&self, name: &str) -> Option<&Network> {
        self.networks.iter().find(|n| n.name == name)
    }

    pub(crate) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|h| h.name == name)
    }

    /// The NIC by which a host is managed.
    pub(crate) fn management_nic<'a>(&self, host: &'a Host) -> Option<&'a Nic> {
        let wanted = self.management.as_deref();
        host.nics
            .iter()
            .find(|nic| wanted == Some(nic.network.as_str()))
            .or_else(|| host.nics.first())
            // Never the way to the BMCs, on a host that has no other NIC.
            .filter(|nic| nic.network != bmc::NETWORK)
    }

    /// The operator's address in a network: the chosen one, or the highest that nobody has.
    pub(crate) fn operator_address(&self, network: &Network) -> Option<IpAddr> {
        if network.operator.is_some() {
            return network.operator;
        }
        let taken: BTreeSet<IpAddr> = network
            .gateways
            .iter()
            .chain(&network.reserved)
            .copied()
            .chain(self.hosts.iter().flat_map(|h| &h.nics).map(|n| n.address))
            .chain(self.clients.iter().map(|c| c.address))
            .collect();
        let (mut address, lowest) = match network.cidr {
            IpNet::V4(net) if net.prefix_len() <= 30 => (
                u128::from(u32::from(net.broadcast())) - 1,
                u128::from(u32::from(net.network())) + 1,
            ),
            IpNet::V4(net) => (
                u32::from(net.broadcast()).into(),
                u32::from(net.network()).into(),
            ),
            IpNet::V6(net) => (
                u128::from(net.broadcast()) - 1,
                u128::from(net.network()) + 1,
            ),
        };
        // As many tries as there are addresses taken, and one more: always enough or never.
        for _ in 0..=taken.len() {
            let candidate = match network.cidr {
                IpNet::V4(_) => IpAddr::V4(u32::try_from(address).ok()?.into()),
                IpNet::V6(_) => IpAddr::V6(address.into()),
            };
            if !taken.contains(&candidate) {
                return Some(candidate);
            }
            if address == lowest {
                return None;
            }
            address -= 1;
        }
        None
    }

    /// The first difference to another topology, in words.
    pub(crate) fn difference(&self, wanted: &Self) -> Option<String> {
        fn named<'a, T: PartialEq>(
            kind: &str,
            have: &'a [T],
            want: &'a [T],
            name: impl Fn(&'a T) -> &'a str,
        ) -> Option<String> {
            for item in want {
                match have.iter().find(|h| name(h) == name(item)) {
                    None => return Some(format!("{kind} {} is new", name(item))),
                    Some(h) if h != item => return Some(format!("{kind} {} changed", name(item))),
                    Some(_) => {}
                }
            }
            have.iter()
                .find(|h| !want.iter().any(|w| name(w) == name(h)))
                .map(|h| format!("{kind} {} is gone", name(h)))
        }
        named("network", &self.networks, &wanted.networks, |n| &n.name)
            .or_else(|| named("host", &self.hosts, &wanted.hosts, |h| &h.name))
            .or_else(|| named("client", &self.clients, &wanted.clients, |c| &c.name))
            .or_else(|| {
                (self.management != wanted.management)
                    .then(|| "the management network changed".into())
            })
            .or_else(|| (self != wanted).then(|| "the order changed".into()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn nic(name: &str, network: &str, address: &str) -> Nic {
        Nic {
            name: name.into(),
            network: network.into(),
            address: address.parse().unwrap(),
            prefix: 24,
        }
    }

    pub(crate) fn network(name: &str, cidr: &str) -> Network {
        Network {
            name: name.into(),
            cidr: cidr.parse().unwrap(),
            gateways: vec![],
            operator: None,
            reserved: vec![],
        }
    }

    pub(crate) fn sound() -> Topology {
        Topology {
            name: "dev".into(),
            networks: vec![
                network("om", "10.77.2.0/24"),
                network("ext", "10.77.4.0/24"),
            ],
            hosts: vec![
                Host {
                    name: "zipi".into(),
                    nics: vec![nic("eth1", "om", "10.77.2.11")],
                    disk_limit_mb: None,
                },
                Host {
                    name: "zape".into(),
                    nics: vec![nic("eth1", "om", "10.77.2.12")],
                    disk_limit_mb: None,
                },
            ],
            clients: vec![],
            management: Some("om".into()),
        }
    }

    #[test]
    fn the_operator_takes_the_highest_address_that_nobody_has() {
        let mut t = sound();
        assert_eq!(
            t.operator_address(&t.networks[0]).unwrap().to_string(),
            "10.77.2.254"
        );
        t.networks[0].gateways.push("10.77.2.254".parse().unwrap());
        t.networks[0].reserved.push("10.77.2.253".parse().unwrap());
        assert_eq!(
            t.operator_address(&t.networks[0]).unwrap().to_string(),
            "10.77.2.252"
        );
        t.networks[0].operator = Some("10.77.2.5".parse().unwrap());
        assert_eq!(
            t.operator_address(&t.networks[0]).unwrap().to_string(),
            "10.77.2.5"
        );
    }

    #[test]
    fn a_full_network_leaves_no_operator() {
        let mut net = network("p2p", "10.0.0.0/30");
        net.reserved = vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        assert_eq!(sound().operator_address(&net), None);
    }

    #[test]
    fn a_difference_names_what_differs() {
        let have = sound();
        let mut want = sound();
        assert_eq!(have.difference(&want), None);
        want.hosts[1].nics.clear();
        assert_eq!(have.difference(&want).unwrap(), "host zape changed");
        want.hosts.pop();
        assert_eq!(have.difference(&want).unwrap(), "host zape is gone");
        want.networks.push(network("x", "10.1.0.0/24"));
        assert_eq!(have.difference(&want).unwrap(), "network x is new");
    }
}
