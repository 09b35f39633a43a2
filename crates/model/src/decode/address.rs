//! Networks and addresses: `om/11` is host number 11 of network `om`.

use crate::inventory::{Network, NetworkAddress};
use crate::yaml::Node;
use crate::{Mistake, Mistakes, Position};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address may look like, for mistakes.
const EXPECTED: &str = "`NETWORK/NUMBER`, or an address of one of the networks";

/// Reads `10.77.2.0/24`.
pub(crate) fn range(node: &Node, mistakes: &mut Mistakes) -> Option<IpNet> {
    let text = node.text()?;
    let Ok(range) = text.parse::<IpNet>() else {
        mistakes.push(
            Mistake::new(&node.at, "this is no network")
                .found(node.described())
                .expected("an address range such as `10.77.2.0/24`"),
        );
        return None;
    };
    if range.addr() != range.network() {
        mistakes.push(
            Mistake::new(&node.at, "a network begins with its first address")
                .found(node.described())
                .suggest(format!("did you mean `{}`?", range.trunc())),
        );
        return None;
    }
    let longest = if range.addr().is_ipv4() { 30 } else { 126 };
    if range.prefix_len() > longest {
        mistakes.push(
            Mistake::new(&node.at, "this network has no room for two hosts")
                .found(node.described())
                .expected(format!("a prefix length of at most {longest}")),
        );
        return None;
    }
    Some(range)
}

/// Why this address cannot be a host's in this network.
pub(crate) fn unusable(address: IpAddr, range: &IpNet) -> Option<&'static str> {
    if !range.contains(&address) {
        Some("lies outside the network")
    } else if address == range.network() {
        Some("is the network itself")
    } else if address.is_ipv4() && address == range.broadcast() {
        Some("is the network's broadcast address")
    } else {
        None
    }
}

/// Reads an address of one of the networks.
pub(crate) fn address(
    node: &Node,
    networks: &BTreeMap<String, Network>,
    mistakes: &mut Mistakes,
) -> Option<NetworkAddress> {
    let Some(text) = node.text() else {
        mistakes.push(
            Mistake::new(&node.at, "this is no address")
                .found(node.described())
                .expected(EXPECTED),
        );
        return None;
    };
    match parse(text, &node.at, networks) {
        Ok(address) => Some(address),
        Err(mistake) => {
            mistakes.push(*mistake);
            None
        }
    }
}

fn parse(
    text: &str,
    at: &Position,
    networks: &BTreeMap<String, Network>,
) -> Result<NetworkAddress, Box<Mistake>> {
    let wrong = |message: &str| Mistake::new(at, message).found(format!("`{text}`"));
    let (network, address) = if let Some((name, number)) = text.split_once('/') {
        let network = networks.get(name).ok_or_else(|| {
            wrong(&format!("there is no network `{name}`"))
                .among(name, networks.keys().map(String::as_str))
        })?;
        let address = if number == "gateway" {
            network
                .gateway
                .ok_or_else(|| wrong(&format!("network `{name}` has no gateway")))?
        } else {
            let number: u128 = number
                .parse()
                .map_err(|_| wrong("this is no host number").expected(EXPECTED))?;
            numbered(&network.range, number).ok_or_else(|| {
                wrong(&format!("`{name}` is not that large")).expected(size(network))
            })?
        };
        (network, address)
    } else {
        let address: IpAddr = text
            .parse()
            .map_err(|_| wrong("this is no address").expected(EXPECTED))?;
        let network = networks
            .values()
            .find(|network| network.range.contains(&address))
            .ok_or_else(|| {
                let ranges: Vec<String> = networks
                    .values()
                    .map(|network| format!("{} ({})", network.name, network.range))
                    .collect();
                wrong("the address is in none of the networks").expected(ranges.join(", "))
            })?;
        (network, address)
    };
    if let Some(why) = unusable(address, &network.range) {
        return Err(Box::new(
            wrong(&format!("{address} {why}")).expected(size(network)),
        ));
    }
    Ok(NetworkAddress {
        address,
        prefix: network.range.prefix_len(),
        network: network.name.clone(),
    })
}

/// The usable part of a network, in words.
fn size(network: &Network) -> String {
    let name = &network.name;
    let bits = u32::from(network.range.max_prefix_len() - network.range.prefix_len());
    let last = 1_u128.checked_shl(bits).map_or(u128::MAX, |all| all - 2);
    format!("`{name}/1` to `{name}/{last}` ({})", network.range)
}

/// Host number `number` of a range.
fn numbered(range: &IpNet, number: u128) -> Option<IpAddr> {
    let address = match range.network() {
        IpAddr::V4(first) => {
            let sum = u32::from(first).checked_add(u32::try_from(number).ok()?)?;
            IpAddr::V4(Ipv4Addr::from(sum))
        }
        IpAddr::V6(first) => IpAddr::V6(Ipv6Addr::from(u128::from(first).checked_add(number)?)),
    };
    range.contains(&address).then_some(address)
}
