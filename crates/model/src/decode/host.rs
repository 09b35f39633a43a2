//! Hosts of an inventory.

use super::address;
use super::network::{Owners, known_network};
use crate::inventory::{Host, Network, Nic, SshTarget};
use crate::shape::{Object, Shape, optional, required};
use crate::yaml::Node;
use crate::{Mistake, Mistakes, Project, Spanned};
use std::collections::BTreeMap;
use std::net::IpAddr;

const PORT: Shape = Shape::Integer {
    min: 1,
    max: 65_535,
};

pub(super) static SSH: Object = Object {
    help: "How hosts are reached.",
    fields: &[
        required(
            "network",
            Shape::Name,
            "the network of the hosts' O&M addresses",
        ),
        optional(
            "user",
            Shape::Text,
            "account, `root` unless it says otherwise",
        ),
        optional("port", PORT, "TCP port, 22 unless it says otherwise"),
    ],
};

pub(super) static HOST: Object = Object {
    help: "A machine.",
    fields: &[
        required(
            "profile",
            Shape::Name,
            "operating system, a file of profiles/",
        ),
        required(
            "nics",
            Shape::Map(&Shape::Text),
            "address of each network interface, `om/11`",
        ),
        optional(
            "ssh",
            Shape::Object(&HOST_SSH),
            "where this host is reached differently",
        ),
        optional(
            "set",
            Shape::Map(&Shape::Any),
            "values of host-scoped params",
        ),
    ],
};

pub(super) static HOST_SSH: Object = Object {
    help: "What differs from the inventory's `ssh`.",
    fields: &[
        optional(
            "address",
            Shape::Text,
            "any address, `om/11` or a literal one",
        ),
        optional("user", Shape::Text, "account"),
        optional("port", PORT, "TCP port"),
    ],
};

pub(super) fn hosts(
    root: &Node,
    project: &Project,
    networks: &BTreeMap<String, Network>,
    owners: &mut Owners,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Host> {
    let mut hosts = BTreeMap::new();
    let common = root.get("ssh");
    let ssh_network = common.and_then(|ssh| ssh.get("network"));
    if let Some(node) = ssh_network {
        known_network(node, networks, mistakes);
    }
    for (name, node) in root.get("hosts").map_or(&[][..], Node::entries) {
        let mut nics: Vec<Nic> = Vec::new();
        for (nic, at) in node.get("nics").map_or(&[][..], Node::entries) {
            let Some(address) = at
                .text()
                .and_then(|_| address::address(at, networks, mistakes))
            else {
                continue;
            };
            owners.claim(&address, at, format!("host `{name}` ({nic})"), mistakes);
            if let Some(other) = nics.iter().find(|other| other.network == address.network) {
                mistakes.push(
                    Mistake::new(
                        &at.at,
                        format!("`{name}` is in network `{}` twice", address.network),
                    )
                    .found(format!("`{}` and `{nic}`", other.name))
                    .expected("one NIC per network"),
                );
            }
            nics.push(Nic {
                name: nic.value.clone(),
                network: address.network,
                address: address.address,
                prefix: address.prefix,
            });
        }
        nics.sort_by(|left, right| left.name.cmp(&right.name));
        if let Some((node, profile)) = node
            .get("profile")
            .and_then(|node| Some((node, node.text()?)))
            && !project.profiles.contains_key(profile)
        {
            mistakes.push(
                Mistake::new(&node.at, "there is no such profile")
                    .found(node.described())
                    .among(profile, project.profiles.keys().map(String::as_str)),
            );
        }
        let ssh = ssh_target(name, node, common, &nics, networks, mistakes);
        hosts.insert(
            name.value.clone(),
            Host {
                name: name.value.clone(),
                profile: text_of(node.get("profile")),
                nics,
                ssh,
                values: BTreeMap::new(),
                at: name.at.clone(),
            },
        );
    }
    hosts
}

pub(super) fn ssh_target(
    name: &Spanned<String>,
    host: &Node,
    common: Option<&Node>,
    nics: &[Nic],
    networks: &BTreeMap<String, Network>,
    mistakes: &mut Mistakes,
) -> SshTarget {
    let own = host.get("ssh");
    let either = |key: &str| {
        own.and_then(|own| own.get(key))
            .or_else(|| common.and_then(|common| common.get(key)))
            .and_then(Node::text)
    };
    let network = text_of(common.and_then(|common| common.get("network")));
    let address = if let Some(node) = own.and_then(|own| own.get("address")) {
        match node.text().map(str::parse::<IpAddr>) {
            Some(Ok(literal)) => Some(literal),
            _ => address::address(node, networks, mistakes).map(|found| found.address),
        }
    } else {
        let found = nics.iter().find(|nic| nic.network == network);
        if found.is_none() && networks.contains_key(&network) {
            mistakes.push(
                Mistake::new(
                    &name.at,
                    format!("`{name}` has no address in the ssh network `{network}`"),
                )
                .expected(format!("a NIC in `{network}`, or `ssh: {{address: ...}}`")),
            );
        }
        found.map(|nic| nic.address)
    };
    SshTarget {
        address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
        port: either("port")
            .and_then(|port| port.parse().ok())
            .unwrap_or(22),
        user: either("user").unwrap_or("root").to_owned(),
    }
}

fn text_of(node: Option<&Node>) -> String {
    node.and_then(Node::text).unwrap_or_default().to_owned()
}
