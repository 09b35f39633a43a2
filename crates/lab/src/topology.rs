//! What a lab consists of: networks, hosts, clients; and what must hold between them.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

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

/// One contradiction in a topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, such as `hosts.zipi.nics.eth1`.
    pub path: String,
    /// What is wrong there, and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

impl Topology {
    /// All contradictions of the topology; empty if it can be built.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Mistakes::default();
        if !is_name(&self.name, 24) || self.name.contains('.') {
            found.add("name", format!("`{}` is no lab name: lower-case letters, digits and -, at most 24", self.name));
        }
        self.check_networks(&mut found);
        self.check_members(&mut found);
        if let Some(network) = &self.management {
            self.expect_network(network, "management", &mut found);
        }
        found.list
    }

    fn check_networks(&self, found: &mut Mistakes) {
        let mut names = BTreeSet::new();
        for (at, network) in self.networks.iter().enumerate() {
            let path = format!("networks.{}", network.name);
            if !is_name(&network.name.replace('_', "-"), 48) {
                found.add(&path, "not a name: lower-case letters, digits, - _ and .".into());
            }
            if !names.insert(&network.name) {
                found.add(&path, "another network has the same name".into());
            }
            for other in &self.networks[..at] {
                if other.cidr.contains(&network.cidr) || network.cidr.contains(&other.cidr) {
                    found.add(&path, format!("{} overlaps with {} of {}", network.cidr, other.cidr, other.name));
                }
            }
            let own = network.gateways.iter().map(|a| (a, "gateway")).chain(network.operator.iter().map(|a| (a, "operator")));
            for (address, what) in own {
                if !network.cidr.contains(address) {
                    found.add(&path, format!("{what} {address} is outside of {}", network.cidr));
                }
                if !found.addresses.insert(*address) {
                    found.add(&path, format!("{what} {address} is used twice"));
                }
            }
        }
    }

    fn check_members(&self, found: &mut Mistakes) {
        let mut names = BTreeSet::new();
        if self.hosts.is_empty() {
            found.add("hosts", "a lab needs at least one host".into());
        }
        for host in &self.hosts {
            let path = format!("hosts.{}", host.name);
            if !is_name(&host.name, 38) {
                found.add(&path, "not a host name: lower-case letters, digits, - and ., at most 38".into());
            }
            if !names.insert(host.name.as_str()) {
                found.add(&path, "the name is used twice".into());
            }
            if host.disk_limit_mb.is_some_and(|mb| mb < 16) {
                found.add(&path, "disk_limit_mb under 16 leaves no room to boot".into());
            }
            let mut nics = BTreeSet::new();
            for nic in &host.nics {
                let path = format!("{path}.nics.{}", nic.name);
                let fits = (1..=15).contains(&nic.name.len())
                    && nic.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                if !fits || nic.name == "lo" {
                    found.add(&path, "not a name for an interface: 1 to 15 letters, digits, . _ -".into());
                }
                if !nics.insert(&nic.name) {
                    found.add(&path, "the host has two NICs of this name".into());
                }
                self.check_address(&nic.network, nic.address, nic.prefix, &path, found);
            }
        }
        for client in &self.clients {
            let path = format!("clients.{}", client.name);
            if !is_name(&client.name, 38) || client.name == "gw" {
                found.add(&path, "not a client name: lower-case letters, digits and -, not `gw`".into());
            }
            if !names.insert(client.name.as_str()) {
                found.add(&path, "the name is used twice".into());
            }
            self.check_address(&client.network, client.address, client.prefix, &path, found);
        }
        for network in &self.networks {
            if self.operator_address(network).is_none() {
                found.add(&format!("networks.{}", network.name), "no address is left for the operator".into());
            }
        }
    }

    fn check_address(&self, network: &str, address: IpAddr, prefix: u8, path: &str, found: &mut Mistakes) {
        let Some(network) = self.expect_network(network, path, found) else {
            return;
        };
        if !network.cidr.contains(&address) {
            found.add(path, format!("{address} is outside of {} ({})", network.cidr, network.name));
        }
        if IpNet::new(address, prefix).is_err() {
            found.add(path, format!("{address}/{prefix} is no address with a prefix"));
        }
        if !found.addresses.insert(address) {
            found.add(path, format!("{address} is used twice"));
        }
    }

    fn expect_network(&self, name: &str, path: &str, found: &mut Mistakes) -> Option<&Network> {
        let network = self.network(name);
        if network.is_none() {
            let known: Vec<&str> = self.networks.iter().map(|n| n.name.as_str()).collect();
            found.add(path, format!("no network is named {name}; there are {}", known.join(", ")));
        }
        network
    }

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
            IpNet::V4(net) if net.prefix_len() <= 30 => {
                (u128::from(u32::from(net.broadcast())) - 1, u128::from(u32::from(net.network())) + 1)
            }
            IpNet::V4(net) => (u32::from(net.broadcast()).into(), u32::from(net.network()).into()),
            IpNet::V6(net) => (u128::from(net.broadcast()) - 1, u128::from(net.network()) + 1),
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
            .or_else(|| (self.management != wanted.management).then(|| "the management network changed".into()))
            .or_else(|| (self != wanted).then(|| "the order changed".into()))
    }
}

#[derive(Default)]
struct Mistakes {
    list: Vec<Mistake>,
    addresses: BTreeSet<IpAddr>,
}

impl Mistakes {
    fn add(&mut self, path: &str, what: String) {
        self.list.push(Mistake { path: path.to_owned(), what });
    }
}

/// Names become file names, host names and namespace names.
fn is_name(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && !name.contains("..")
        && !name.ends_with(['-', '.'])
}

/// Whether `name` may be the name of a lab; it is part of paths that get removed.
pub(crate) fn is_lab_name(name: &str) -> bool {
    is_name(name, 24) && !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(name: &str, network: &str, address: &str) -> Nic {
        Nic { name: name.into(), network: network.into(), address: address.parse().unwrap(), prefix: 24 }
    }

    fn network(name: &str, cidr: &str) -> Network {
        Network {
            name: name.into(),
            cidr: cidr.parse().unwrap(),
            gateways: vec![],
            operator: None,
            reserved: vec![],
        }
    }

    fn sound() -> Topology {
        Topology {
            name: "dev".into(),
            networks: vec![network("om", "10.77.2.0/24"), network("ext", "10.77.4.0/24")],
            hosts: vec![
                Host { name: "zipi".into(), nics: vec![nic("eth1", "om", "10.77.2.11")], disk_limit_mb: None },
                Host { name: "zape".into(), nics: vec![nic("eth1", "om", "10.77.2.12")], disk_limit_mb: None },
            ],
            clients: vec![],
            management: Some("om".into()),
        }
    }

    fn mistakes_of(change: impl FnOnce(&mut Topology)) -> String {
        let mut topology = sound();
        change(&mut topology);
        topology.mistakes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_sound_topology_has_no_mistakes() {
        assert_eq!(mistakes_of(|_| ()), "");
    }

    #[test]
    fn all_mistakes_are_reported_with_their_path() {
        let text = mistakes_of(|t| {
            t.name = "../etc".into();
            t.hosts[0].nics[0].network = "omm".into();
            t.hosts[1].nics.push(nic("eth1", "ext", "10.77.2.99"));
            t.networks[1].gateways.push("10.0.0.1".parse().unwrap());
        });
        for expected in [
            "name: `../etc`",
            "hosts.zipi.nics.eth1: no network is named omm; there are om, ext",
            "hosts.zape.nics.eth1: the host has two NICs",
            "hosts.zape.nics.eth1: 10.77.2.99 is outside of 10.77.4.0/24 (ext)",
            "networks.ext: gateway 10.0.0.1 is outside",
        ] {
            assert!(text.contains(expected), "{expected} not in:\n{text}");
        }
    }

    #[test]
    fn overlapping_networks_and_double_addresses_are_refused() {
        assert!(mistakes_of(|t| t.networks[1].cidr = "10.77.0.0/16".parse().unwrap()).contains("overlaps"));
        assert!(mistakes_of(|t| t.hosts[1].nics[0].address = "10.77.2.11".parse().unwrap()).contains("used twice"));
    }

    #[test]
    fn the_operator_takes_the_highest_address_that_nobody_has() {
        let mut t = sound();
        assert_eq!(t.operator_address(&t.networks[0]).unwrap().to_string(), "10.77.2.254");
        t.networks[0].gateways.push("10.77.2.254".parse().unwrap());
        t.networks[0].reserved.push("10.77.2.253".parse().unwrap());
        assert_eq!(t.operator_address(&t.networks[0]).unwrap().to_string(), "10.77.2.252");
        t.networks[0].operator = Some("10.77.2.5".parse().unwrap());
        assert_eq!(t.operator_address(&t.networks[0]).unwrap().to_string(), "10.77.2.5");
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
