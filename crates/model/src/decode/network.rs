//! Networks of an inventory, and who has which address in them.

use super::address;
use crate::inventory::{Network, NetworkAddress};
use crate::shape::{Object, Shape, optional, required};
use crate::yaml::Node;
use crate::{Mistake, Mistakes};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) static NETWORK: Object = Object {
    help: "A network with a way out; without one, the range alone will do.",
    fields: &[
        required("range", Shape::Text, "address range, `10.77.2.0/24`"),
        optional("gateway", Shape::Text, "address of the router"),
    ],
};

pub(super) fn networks(root: &Node, mistakes: &mut Mistakes) -> BTreeMap<String, Network> {
    let mut networks: BTreeMap<String, Network> = BTreeMap::new();
    let entries = root.get("networks").map_or(&[][..], Node::entries);
    for (name, node) in entries {
        let text = node.get("range").unwrap_or(node);
        let Some(range) = address::range(text, mistakes) else {
            continue;
        };
        if let Some(other) = networks
            .values()
            .find(|other| other.range.contains(&range) || range.contains(&other.range))
        {
            mistakes.push(
                Mistake::new(&text.at, format!("`{name}` and `{}` overlap", other.name))
                    .found(format!("`{range}` and `{}`", other.range))
                    .expected("networks that have no address in common"),
            );
        }
        let gateway = node.get("gateway").and_then(|gateway| {
            let parsed = gateway.text()?.parse::<IpAddr>();
            let why = match &parsed {
                Ok(router) => address::unusable(*router, &range),
                Err(_) => Some("is no address"),
            };
            if let Some(why) = why {
                mistakes.push(
                    Mistake::new(&gateway.at, format!("the gateway {why}"))
                        .found(gateway.described())
                        .expected(format!("an address of {range}")),
                );
            }
            parsed.ok()
        });
        networks.insert(
            name.value.clone(),
            Network {
                name: name.value.clone(),
                range,
                gateway,
            },
        );
    }
    networks
}

/// Who has which address. Two owners of one address is the mistake that costs
/// most to find on a live network.
pub(crate) struct Owners {
    by_address: BTreeMap<IpAddr, String>,
}

impl Owners {
    pub(super) fn new(networks: &BTreeMap<String, Network>) -> Self {
        let by_address = networks
            .values()
            .filter_map(|network| {
                let owner = format!("the gateway of `{}`", network.name);
                Some((network.gateway?, owner))
            })
            .collect();
        Self { by_address }
    }

    /// Notes an owner, or the mistake that there is one already.
    pub(crate) fn claim(
        &mut self,
        address: &NetworkAddress,
        node: &Node,
        owner: String,
        mistakes: &mut Mistakes,
    ) {
        if let Some(other) = self.by_address.get(&address.address) {
            mistakes.push(
                Mistake::new(&node.at, format!("{} is taken", address.address))
                    .found(format!("{} belongs to {other}", node.described()))
                    .expected("an address that nobody else has"),
            );
        } else {
            self.by_address.insert(address.address, owner);
        }
    }
}

pub(super) fn known_network(
    node: &Node,
    networks: &BTreeMap<String, Network>,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let name = node.text()?;
    if !networks.contains_key(name) {
        mistakes.push(
            Mistake::new(&node.at, "there is no such network")
                .found(node.described())
                .among(name, networks.keys().map(String::as_str)),
        );
        return None;
    }
    Some(name.to_owned())
}
