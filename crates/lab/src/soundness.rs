//! Whether a topology can be built: every contradiction in it, at once, with its place.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::bmc;
use crate::topology::{Network, Topology};

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
            found.add(
                "name",
                format!(
                    "`{}` is no lab name: lower-case letters, digits and -, at most 24",
                    self.name
                ),
            );
        }
        self.check_networks(&mut found);
        self.check_members(&mut found);
        if let Some(network) = &self.management {
            self.expect_network(network, "management", &mut found);
        }
        if let Some((path, what)) = bmc::mistake(self) {
            found.add(&path, what);
        }
        found.list
    }

    fn check_networks(&self, found: &mut Mistakes) {
        let mut names = BTreeSet::new();
        for (at, network) in self.networks.iter().enumerate() {
            let path = format!("networks.{}", network.name);
            if !is_name(&network.name.replace('_', "-"), 48) {
                found.add(
                    &path,
                    "not a name: lower-case letters, digits, - _ and .".into(),
                );
            }
            if !names.insert(&network.name) {
                found.add(&path, "another network has the same name".into());
            }
            for other in &self.networks[..at] {
                if other.cidr.contains(&network.cidr) || network.cidr.contains(&other.cidr) {
                    found.add(
                        &path,
                        format!(
                            "{} overlaps with {} of {}",
                            network.cidr, other.cidr, other.name
                        ),
                    );
                }
            }
            let own = network
                .gateways
                .iter()
                .map(|a| (a, "gateway"))
                .chain(network.operator.iter().map(|a| (a, "operator")));
            for (address, what) in own {
                if !network.cidr.contains(address) {
                    found.add(
                        &path,
                        format!("{what} {address} is outside of {}", network.cidr),
                    );
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
                found.add(
                    &path,
                    "not a host name: lower-case letters, digits, - and ., at most 38".into(),
                );
            }
            if !names.insert(host.name.as_str()) {
                found.add(&path, "the name is used twice".into());
            }
            if host.disk_limit_mb.is_some_and(|mb| mb < 16) {
                found.add(
                    &path,
                    "disk_limit_mb under 16 leaves no room to boot".into(),
                );
            }
            let mut nics = BTreeSet::new();
            for nic in &host.nics {
                let path = format!("{path}.nics.{}", nic.name);
                let fits = (1..=15).contains(&nic.name.len())
                    && nic
                        .name
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                if !fits || nic.name == "lo" {
                    found.add(
                        &path,
                        "not a name for an interface: 1 to 15 letters, digits, . _ -".into(),
                    );
                }
                if !nics.insert(&nic.name) {
                    found.add(&path, "the host has two NICs of this name".into());
                }
                self.check_address(&nic.network, nic.address, nic.prefix, &path, found);
            }
        }
        for client in &self.clients {
            let path = format!("clients.{}", client.name);
            if !is_name(&client.name, 38) || ["gw", bmc::NETWORK].contains(&client.name.as_str()) {
                found.add(
                    &path,
                    "not a client name: lower-case letters, digits and -, not `gw` or `bmc`".into(),
                );
            }
            if !names.insert(client.name.as_str()) {
                found.add(&path, "the name is used twice".into());
            }
            self.check_address(&client.network, client.address, client.prefix, &path, found);
        }
        for network in &self.networks {
            if self.operator_address(network).is_none() {
                found.add(
                    &format!("networks.{}", network.name),
                    "no address is left for the operator".into(),
                );
            }
        }
    }

    fn check_address(
        &self,
        network: &str,
        address: IpAddr,
        prefix: u8,
        path: &str,
        found: &mut Mistakes,
    ) {
        let Some(network) = self.expect_network(network, path, found) else {
            return;
        };
        if !network.cidr.contains(&address) {
            found.add(
                path,
                format!(
                    "{address} is outside of {} ({})",
                    network.cidr, network.name
                ),
            );
        }
        if IpNet::new(address, prefix).is_err() {
            found.add(
                path,
                format!("{address}/{prefix} is no address with a prefix"),
            );
        }
        if !found.addresses.insert(address) {
            found.add(path, format!("{address} is used twice"));
        }
    }

    fn expect_network(&self, name: &str, path: &str, found: &mut Mistakes) -> Option<&Network> {
        let network = self.network(name);
        if network.is_none() {
            let known: Vec<&str> = self.networks.iter().map(|n| n.name.as_str()).collect();
            found.add(
                path,
                format!("no network is named {name}; there are {}", known.join(", ")),
            );
        }
        network
    }
}

#[derive(Default)]
struct Mistakes {
    list: Vec<Mistake>,
    addresses: BTreeSet<IpAddr>,
}

impl Mistakes {
    fn add(&mut self, path: &str, what: String) {
        self.list.push(Mistake {
            path: path.to_owned(),
            what,
        });
    }
}

/// Names become file names, host names and namespace names.
fn is_name(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        && name
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
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
    use crate::topology::tests::{nic, sound};

    fn mistakes_of(change: impl FnOnce(&mut Topology)) -> String {
        let mut topology = sound();
        change(&mut topology);
        topology
            .mistakes()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
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
        assert!(
            mistakes_of(|t| t.networks[1].cidr = "10.77.0.0/16".parse().unwrap())
                .contains("overlaps")
        );
        assert!(
            mistakes_of(|t| t.hosts[1].nics[0].address = "10.77.2.11".parse().unwrap())
                .contains("used twice")
        );
    }
}
