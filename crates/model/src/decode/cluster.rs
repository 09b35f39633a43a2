//! Clusters of an inventory, apart from the values that they set.

use super::address;
use super::network::known_network;
use crate::inventory::{Cluster, EngineChoice, EngineKind, Fence, Host, Lease, Network, Value};
use crate::shape::{Object, Shape, duration_ms, optional, required};
use crate::yaml::Node;
use crate::{Mistake, Mistakes, Project, Role, Spanned};
use cluster_model::{Feature, Timing};
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

static ENGINE: Object = Object {
    help: "What runs a cluster's resources.",
    fields: &[
        required(
            "kind",
            Shape::Word(&["clusterd", "heartbeat"]),
            "which engine",
        ),
        required("key", Shape::Name, "secret that authenticates its messages"),
        optional(
            "without",
            Shape::List(&Shape::Word(FEATURES)),
            "what the operator does without, because this engine cannot do it",
        ),
        optional("keepalive", Shape::Duration, "time between two heartbeats"),
        optional(
            "warntime",
            Shape::Duration,
            "silence after which a peer is late",
        ),
        optional(
            "deadtime",
            Shape::Duration,
            "silence after which a peer is dead",
        ),
        optional(
            "initdead",
            Shape::Duration,
            "heartbeat: the same right after start",
        ),
        optional(
            "witness",
            Shape::Name,
            "clusterd: a host of another cluster that votes here, too, and runs nothing of this one",
        ),
        optional(
            "fence",
            Shape::Object(&FENCE),
            "clusterd: a pair without a witness switches the other node off before it takes over",
        ),
        optional(
            "lease",
            Shape::Duration,
            "clusterd: how long a node holds resources without another word of the others",
        ),
        optional(
            "stop",
            Shape::Duration,
            "clusterd: how long it may take after that to stop everything before it resets itself",
        ),
        optional(
            "watchdog",
            Shape::Text,
            "clusterd: the device that resets a node that hangs, or `none`",
        ),
        optional(
            "watchdog_timeout",
            Shape::Duration,
            "clusterd: how long the watchdog waits; whole seconds",
        ),
        optional(
            "resets_max",
            Shape::Integer { min: 0, max: 60 },
            "clusterd: a node that is reset or fenced so often within an hour takes nothing until an operator says so, or nobody else can; 0: however often",
        ),
        optional(
            "port",
            Shape::Integer {
                min: 1,
                max: 65_535,
            },
            "clusterd: where its nodes hear each other; else 5410 and the cluster's place among all names",
        ),
    ],
};

static FENCE: Object = Object {
    help: "What switches nodes off.",
    fields: &[
        required("agent", Shape::Text, "a fence agent, `fence_ipmilan`"),
        required(
            "addresses",
            Shape::Map(&Shape::Text),
            "by node: where its device is, the agent's parameter `ip`",
        ),
        optional(
            "parameters",
            Shape::FreeMap(&Shape::Text),
            "the agent's other parameters, the same for all nodes",
        ),
        optional(
            "password",
            Shape::Name,
            "secret that is the devices' password",
        ),
        optional(
            "first",
            Shape::Name,
            "the node that fences at once; the other one waits",
        ),
        optional(
            "limit",
            Shape::Duration,
            "longest attempt, with seeing that the node is off",
        ),
        optional(
            "delay",
            Shape::Duration,
            "how long the other one waits: longer than the limit, or both go off",
        ),
    ],
};

const FEATURES: &[&str] = &[
    "monitor",
    "migration-threshold",
    "connectivity",
    "many-nodes",
    "fencing",
];

fn feature(word: &str) -> Option<Feature> {
    [
        Feature::Monitor,
        Feature::MigrationThreshold,
        Feature::Connectivity,
        Feature::ManyNodes,
        Feature::Fencing,
    ]
    .into_iter()
    .find(|feature| feature.word() == word)
}

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

pub(super) fn engine(node: &Node, mistakes: &mut Mistakes) -> EngineChoice {
    let kind = match node.get("kind").and_then(Node::text) {
        Some("heartbeat") => EngineKind::Heartbeat,
        _ => EngineKind::Clusterd,
    };
    let time = |key: &str, default: u64| {
        node.get(key)
            .and_then(Node::text)
            .and_then(duration_ms)
            .unwrap_or(default)
    };
    let default = Timing::default();
    let deadtime_ms = time("deadtime", default.deadtime_ms);
    let timing = Timing {
        keepalive_ms: time("keepalive", default.keepalive_ms),
        warntime_ms: time("warntime", default.warntime_ms.min(deadtime_ms / 2)),
        deadtime_ms,
        initdead_ms: time("initdead", default.initdead_ms.max(deadtime_ms * 2)),
    };
    let in_order = timing.keepalive_ms > 0
        && timing.keepalive_ms < timing.warntime_ms
        && timing.warntime_ms < timing.deadtime_ms
        && timing.deadtime_ms <= timing.initdead_ms;
    if !in_order {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "keepalive {} ms, warntime {} ms, deadtime {} ms, initdead {} ms",
                    timing.keepalive_ms, timing.warntime_ms, timing.deadtime_ms, timing.initdead_ms
                ))
                .expected("keepalive < warntime < deadtime <= initdead"),
        );
    }
    let without = node
        .get("without")
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|item| feature(item.text()?))
        .collect();
    EngineChoice {
        kind,
        without,
        key: node
            .get("key")
            .and_then(Node::spanned)
            .unwrap_or_else(|| Spanned::new(String::new(), node.at.clone())),
        timing,
        lease: lease(kind, node, deadtime_ms, &time, mistakes),
        at: node.at.clone(),
    }
}

/// Whoever leads the others' votes may die, and the next one as well: two elections of up
/// to one and a half deadtimes each must not end a lease.
fn lease(
    kind: EngineKind,
    node: &Node,
    deadtime_ms: u64,
    time: &dyn Fn(&str, u64) -> u64,
    mistakes: &mut Mistakes,
) -> Lease {
    const OWN: [&str; 8] = [
        "witness",
        "fence",
        "lease",
        "stop",
        "watchdog",
        "watchdog_timeout",
        "resets_max",
        "port",
    ];
    if kind == EngineKind::Heartbeat {
        for key in OWN {
            if let Some(value) = node.get(key) {
                mistakes.push(
                    Mistake::new(&value.at, format!("engine heartbeat has no `{key}`"))
                        .suggest("remove it, or use engine `clusterd`"),
                );
            }
        }
    }
    let lease = Lease {
        lease_ms: time("lease", deadtime_ms.saturating_mul(5)),
        stop_ms: time("stop", 3_000),
        watchdog_ms: time("watchdog_timeout", 2_000),
        resets_max: number(node, "resets_max"),
        port: number(node, "port"),
        watchdog: match node.get("watchdog").and_then(Node::text) {
            Some("none") => None,
            Some(path) => Some(path.to_owned()),
            None => Some("/dev/watchdog".to_owned()),
        },
        witness: node.get("witness").and_then(Node::spanned),
        fence: node.get("fence").map(fence),
    };
    if let (Some(_), Some(fence)) = (&lease.witness, node.get("fence")) {
        mistakes.push(
            Mistake::new(&fence.at, "a pair has a witness or fences, not both")
                .suggest("remove one of `witness` and `fence`"),
        );
    }
    if let (Some(fence), Some(node)) = (&lease.fence, node.get("fence"))
        && fence.delay_ms <= fence.limit_ms
    {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "limit {} ms, delay {} ms",
                    fence.limit_ms, fence.delay_ms
                ))
                .expected("a delay that is longer than the limit, or both nodes go off"),
        );
    }
    if kind == EngineKind::Clusterd && lease.lease_ms < deadtime_ms.saturating_mul(3) {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "lease {} ms, deadtime {deadtime_ms} ms",
                    lease.lease_ms
                ))
                .expected("a lease of at least three deadtimes: an election must not end it"),
        );
    }
    lease
}

fn number<T: std::str::FromStr>(node: &Node, key: &str) -> Option<T> {
    node.get(key)?.text()?.parse().ok()
}

fn fence(node: &Node) -> Fence {
    let time = |key: &str| node.get(key).and_then(Node::text).and_then(duration_ms);
    let texts = |key: &str| -> BTreeMap<String, String> {
        let entries = node.get(key).map_or(&[][..], Node::entries).iter();
        entries
            .filter_map(|(name, value)| Some((name.value.clone(), value.text()?.to_owned())))
            .collect()
    };
    let limit_ms = time("limit").unwrap_or(10_000);
    Fence {
        agent: text_of(node.get("agent")),
        parameters: texts("parameters"),
        addresses: texts("addresses"),
        password: node.get("password").and_then(Node::spanned),
        first: node.get("first").and_then(Node::text).map(str::to_owned),
        limit_ms,
        delay_ms: time("delay").unwrap_or(limit_ms.saturating_add(5_000)),
    }
}

fn text_of(node: Option<&Node>) -> String {
    node.and_then(Node::text).unwrap_or_default().to_owned()
}
