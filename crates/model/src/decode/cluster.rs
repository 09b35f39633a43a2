//! Clusters of an inventory, apart from the values that they set.

use super::address;
use super::engine::{ENGINE, engine};
use super::network::known_network;
use crate::inventory::{Cluster, Host, Network, Value};
use crate::shape::{Object, Shape, optional, required};
use crate::yaml::Node;
use crate::{Mistake, Mistakes, Project, Role, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub(super) static CLUSTER: Object = Object {
    help: "Hosts that share resources.",
    fields: &[
        required(
            "role",
            Shape::Name,
            "what its nodes carry, a file of roles/",
        ),
        required(
            "nodes",
            Shape::List(&Shape::Name),
            "hosts; the first is preferred",
        ),
        optional("engine", Shape::Object(&ENGINE), "what runs its resources"),
        optional(
            "links",
            Shape::List(&Shape::Name),
            "networks over which its nodes hear each other",
        ),
        optional(
            "ping",
            Shape::List(&Shape::Text),
            "a node that reaches none of these addresses runs nothing",
        ),
        optional(
            "set",
            Shape::Map(&Shape::Any),
            "values of the role's params",
        ),
    ],
};

pub(super) fn clusters(
    root: &Node,
    project: &Project,
    hosts: &BTreeMap<String, Host>,
    networks: &BTreeMap<String, Network>,
    mistakes: &mut Mistakes,
) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (name, node) in root.get("clusters").map_or(&[][..], Node::entries) {
        let role_name = text_of(node.get("role"));
        let role = project.roles.get(&role_name);
        if let (Some(at), None) = (node.get("role"), role) {
            mistakes.push(
                Mistake::new(&at.at, "there is no such role")
                    .found(at.described())
                    .among(&role_name, project.roles.keys().map(String::as_str)),
            );
        }
        let mut nodes: Vec<String> = Vec::new();
        let listed = node.get("nodes");
        if let Some(list) = listed
            && list.items().is_empty()
            && matches!(list.kind, crate::yaml::Kind::List(_))
        {
            mistakes.push(
                Mistake::new(&list.at, "a cluster without nodes").expected("at least one host"),
            );
        }
        for item in listed.map_or(&[][..], Node::items) {
            let Some(host) = item.text() else { continue };
            if !hosts.contains_key(host) {
                mistakes.push(
                    Mistake::new(&item.at, "there is no such host")
                        .found(item.described())
                        .among(host, hosts.keys().map(String::as_str)),
                );
                continue;
            }
            if let Some(other) = taken.insert(host.to_owned(), name.value.clone()) {
                mistakes.push(
                    Mistake::new(&item.at, format!("`{host}` is a node twice"))
                        .found(format!("it is a node of `{other}` already"))
                        .expected("a host that is in no other cluster"),
                );
                continue;
            }
            nodes.push(host.to_owned());
        }
        let links = links(node, &nodes, hosts, networks, mistakes);
        let ping: Vec<IpAddr> = node
            .get("ping")
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|item| address::address(item, networks, mistakes))
            .map(|found| found.address)
            .collect();
        let engine = node.get("engine").map(|node| engine(node, mistakes));
        engine_fits(name, node, engine.is_some(), role, nodes.len(), mistakes);
        clusters.push(Cluster {
            name: name.value.clone(),
            role: role_name,
            nodes,
            engine,
            links,
            ping,
            values: BTreeMap::new(),
            needs: BTreeSet::new(),
            at: name.at.clone(),
        });
    }
    clusters
}

/// Every node must have a NIC in the network of each address that the cluster
/// brings up.
pub(super) fn addresses_have_interfaces(
    root: &Node,
    project: &Project,
    cluster: &Cluster,
    hosts: &BTreeMap<String, Host>,
    mistakes: &mut Mistakes,
) {
    let Some(role) = project.roles.get(&cluster.role) else {
        return;
    };
    for (name, value) in &cluster.values {
        let Value::Address(address) = value else {
            continue;
        };
        if !role.brings_up(name) {
            continue;
        }
        let at = root
            .get("clusters")
            .and_then(|all| all.get(&cluster.name)?.get("set")?.get(name))
            .map_or(&cluster.at, |node| &node.at);
        for node in cluster.nodes.iter().filter_map(|node| hosts.get(node)) {
            if !node.nics.iter().any(|nic| nic.network == address.network) {
                mistakes.push(
                    Mistake::new(
                        at,
                        format!("`{}` has no NIC in `{}`", node.name, address.network),
                    )
                    .found(format!("`{name}: {}`", address.address))
                    .expected("an address of a network in which every node has a NIC"),
                );
            }
        }
    }
}

pub(super) fn links(
    cluster: &Node,
    nodes: &[String],
    hosts: &BTreeMap<String, Host>,
    networks: &BTreeMap<String, Network>,
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for item in cluster.get("links").map_or(&[][..], Node::items) {
        let Some(link) = known_network(item, networks, mistakes) else {
            continue;
        };
        for node in nodes {
            let plugged_in = hosts
                .get(node)
                .is_some_and(|host| host.nics.iter().any(|nic| nic.network == link));
            if !plugged_in {
                mistakes.push(
                    Mistake::new(&item.at, format!("`{node}` has no NIC in `{link}`"))
                        .found(item.described())
                        .expected("a network in which every node has a NIC"),
                );
            }
        }
        if links.contains(&link) {
            mistakes.push(Mistake::new(
                &item.at,
                format!("`{link}` is a link already"),
            ));
        } else {
            links.push(link);
        }
    }
    links
}

/// A role with resources needs an engine; an engine needs links; settings of
/// an engine that is not there would do nothing.
pub(super) fn engine_fits(
    name: &Spanned<String>,
    cluster: &Node,
    engine: bool,
    role: Option<&Role>,
    nodes: usize,
    mistakes: &mut Mistakes,
) {
    if let Some(role) = role
        && !engine
        && !role.resources.is_empty()
    {
        mistakes.push(
            Mistake::new(
                &name.at,
                format!("`{name}` has resources and nothing that runs them"),
            )
            .found(format!("role `{}` declares resources", role.name))
            .expected("`engine: {kind: heartbeat, key: ...}`"),
        );
    }
    let has = |key: &str| {
        cluster
            .get(key)
            .is_some_and(|node| !node.items().is_empty())
    };
    if engine && nodes > 1 && !has("links") {
        mistakes.push(
            Mistake::new(
                &name.at,
                format!("the nodes of `{name}` cannot hear each other"),
            )
            .expected("`links: [...]` with at least one network"),
        );
    }
    for key in ["links", "ping"] {
        if let Some(node) = cluster.get(key)
            && !engine
        {
            mistakes.push(
                Mistake::new(&node.at, format!("`{key}` without an engine does nothing"))
                    .suggest(format!("add `engine`, or remove `{key}`")),
            );
        }
    }
}

pub(super) fn text_of(node: Option<&Node>) -> String {
    node.and_then(Node::text).unwrap_or_default().to_owned()
}
