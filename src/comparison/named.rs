//! Values by what they are for, so that two environments can be compared: an
//! address by its network and number there, a time by its name.

use cluster_model::Timing;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use tandem_model::{Inventory, Network, Value};

/// Takes one of an engine's timings, in milliseconds.
type Milliseconds = fn(&Timing) -> u64;

/// The timings of an engine.
pub(super) const TIMINGS: [(&str, Milliseconds); 4] = [
    ("keepalive", |timing| timing.keepalive_ms),
    ("warntime", |timing| timing.warntime_ms),
    ("deadtime", |timing| timing.deadtime_ms),
    ("initdead", |timing| timing.initdead_ms),
];

/// `2 s`, `500 ms`.
pub(super) fn span(milliseconds: u64) -> String {
    if milliseconds > 0 && milliseconds.is_multiple_of(1_000) {
        format!("{} s", milliseconds / 1_000)
    } else {
        format!("{milliseconds} ms")
    }
}

fn network(inventory: &Inventory, address: IpAddr) -> Option<&Network> {
    inventory
        .networks
        .values()
        .find(|network| network.range.contains(&address))
}

/// The network that an address lies in.
pub(super) fn network_of(inventory: &Inventory, address: IpAddr) -> Option<&str> {
    network(inventory, address).map(|network| network.name.as_str())
}

/// `om/50`; an address that lies in none of the networks stays as it is.
pub(super) fn numbered(inventory: &Inventory, address: IpAddr) -> String {
    let Some(network) = network(inventory, address) else {
        return address.to_string();
    };
    let number = match (network.range.network(), address) {
        (IpAddr::V4(first), IpAddr::V4(own)) => {
            u128::from(u32::from(own).wrapping_sub(u32::from(first)))
        }
        (IpAddr::V6(first), IpAddr::V6(own)) => u128::from(own).wrapping_sub(u128::from(first)),
        _ => return address.to_string(),
    };
    format!("{}/{number}", network.name)
}

/// The same, with gateways by their name: `om/gateway`.
pub(super) fn address(inventory: &Inventory, address: IpAddr) -> String {
    match network(inventory, address) {
        Some(network) if network.gateway == Some(address) => format!("{}/gateway", network.name),
        _ => numbered(inventory, address),
    }
}

/// A param's value in the words of the inventory; a secret by its name.
pub(super) fn value(inventory: &Inventory, value: &Value) -> String {
    match value {
        Value::Address(one) => address(inventory, one.address),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Endpoint(endpoint) => format!(
            "{}.{} ({}:{})",
            endpoint.cluster,
            endpoint.name,
            address(inventory, endpoint.address),
            endpoint.port
        ),
        Value::Secret(name) => format!("secret {}", name.value),
        Value::List(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| self::value(inventory, item))
                .collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// What a value in a rendered file may stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Meaning {
    /// What it is, the same in both environments: `frontend[0] on om`.
    what: String,
    /// What people are told: `addresses`.
    pub(super) kind: String,
}

#[cfg(test)]
impl Meaning {
    pub(super) fn new(what: &str, kind: &str) -> Self {
        Self {
            what: what.to_owned(),
            kind: kind.to_owned(),
        }
    }
}

/// The values that an inventory puts into the files of a host, and what each of
/// them stands for there.
pub(super) fn meanings(inventory: &Inventory, host: &str) -> BTreeMap<String, BTreeSet<Meaning>> {
    let mut found: BTreeMap<String, BTreeSet<Meaning>> = BTreeMap::new();
    let mut add = |value: String, what: String, kind: &str| {
        let kind = kind.to_owned();
        if !value.is_empty() {
            found
                .entry(value)
                .or_default()
                .insert(Meaning { what, kind });
        }
    };
    let name = &inventory.environment;
    add(name.clone(), "environment".to_owned(), "environment's name");
    for network in inventory.networks.values() {
        let range = network.range;
        let what = &network.name;
        add(range.to_string(), format!("range of {what}"), "addresses");
        add(
            range.network().to_string(),
            format!("start of {what}"),
            "addresses",
        );
        add(
            range.broadcast().to_string(),
            format!("end of {what}"),
            "addresses",
        );
        add(
            range.netmask().to_string(),
            format!("mask of {what}"),
            "addresses",
        );
        add(
            range.prefix_len().to_string(),
            format!("prefix of {what}"),
            "addresses",
        );
        if let Some(gateway) = network.gateway {
            add(
                gateway.to_string(),
                format!("gateway of {what}"),
                "addresses",
            );
        }
    }
    for cluster in &inventory.clusters {
        for (position, node) in cluster.nodes.iter().enumerate() {
            let place = format!("{}[{position}]", cluster.name);
            add(node.clone(), place.clone(), "host names");
            for nic in inventory
                .hosts
                .get(node)
                .into_iter()
                .flat_map(|host| &host.nics)
            {
                let what = format!("{place} on {}", nic.network);
                add(nic.address.to_string(), what, "addresses");
                add(
                    nic.name.clone(),
                    format!("{place}'s NIC on {}", nic.network),
                    "NICs",
                );
            }
        }
    }
    let Some(cluster) = inventory.cluster_of(host) else {
        return found;
    };
    for (position, node) in cluster.ping.iter().enumerate() {
        add(
            node.to_string(),
            format!("ping node {position}"),
            "addresses",
        );
    }
    for (word, milliseconds) in TIMINGS {
        if let Some(choice) = &cluster.engine {
            let time = milliseconds(&choice.timing);
            add(time.to_string(), word.to_owned(), "timings");
            add(format!("{time}ms"), word.to_owned(), "timings");
            if time.is_multiple_of(1_000) {
                add((time / 1_000).to_string(), word.to_owned(), "timings");
            }
        }
    }
    let own = inventory
        .hosts
        .get(host)
        .into_iter()
        .flat_map(|host| &host.values);
    for (param, value) in cluster.values.iter().chain(own) {
        spell(param, param, value, &mut add);
    }
    found
}

/// How a param's value appears in a file.
fn spell(param: &str, what: &str, value: &Value, add: &mut impl FnMut(String, String, &str)) {
    let what = format!("param {what}");
    match value {
        Value::Address(one) => add(one.address.to_string(), what, "addresses"),
        Value::Integer(number) => add(number.to_string(), what, param),
        Value::Text(text) => add(text.clone(), what, param),
        Value::Boolean(yes) => add(yes.to_string(), what, param),
        Value::Endpoint(endpoint) => {
            add(endpoint.address.to_string(), what.clone(), "addresses");
            add(endpoint.port.to_string(), what, param);
        }
        Value::Secret(name) => add(crate::environment::masked(&name.value), what, param),
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                spell(param, &format!("{param}[{index}]"), item, add);
            }
        }
    }
}
