//! `inventories/NAME.yaml`, first half: networks, hosts and how clusters are
//! put together. What clusters set is in [`super::param`].

use super::{address, param, role_check};
use crate::inventory::{
    Cluster, EngineChoice, EngineKind, Host, Network, NetworkAddress, Nic, SshTarget,
};
use crate::shape::{Object, Shape, duration_ms, optional, required};
use crate::yaml::{Node, parse};
use crate::{Inventory, Mistake, Mistakes, Project, SourceFile, Spanned};
use cluster_model::{Feature, Timing};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PORT: Shape = Shape::Integer {
    min: 1,
    max: 65_535,
};

/// The whole document.
pub(crate) static INVENTORY: Object = Object {
    help: "An environment: what differs from the others.",
    fields: &[
        required(
            "environment",
            Shape::Name,
            "its name, the same as the file's",
        ),
        required(
            "networks",
            Shape::Map(&Shape::TextOr(&NETWORK)),
            "networks by name",
        ),
        required("ssh", Shape::Object(&SSH), "how hosts are reached"),
        required(
            "hosts",
            Shape::Map(&Shape::Object(&HOST)),
            "machines by name",
        ),
        optional(
            "clusters",
            Shape::Map(&Shape::Object(&CLUSTER)),
            "clusters by name",
        ),
        optional(
            "secrets",
            Shape::Text,
            "the encrypted file with the secrets, relative to this one; ENVIRONMENT.secrets.age unless it says otherwise",
        ),
    ],
};

static NETWORK: Object = Object {
    help: "A network with a way out; without one, the range alone will do.",
    fields: &[
        required("range", Shape::Text, "address range, `10.77.2.0/24`"),
        optional("gateway", Shape::Text, "address of the router"),
    ],
};

static SSH: Object = Object {
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

static HOST: Object = Object {
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

static HOST_SSH: Object = Object {
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

static CLUSTER: Object = Object {
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
        required("kind", Shape::Word(&["heartbeat"]), "which engine"),
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
        optional("initdead", Shape::Duration, "the same right after start"),
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

/// Reads an inventory and resolves every name in it against the project.
pub(crate) fn inventory(project: &Project, file: &Arc<SourceFile>) -> Result<Inventory, Mistakes> {
    let mut mistakes = Mistakes::default();
    let Some(root) = parse(file, &mut mistakes) else {
        return Err(mistakes);
    };
    Shape::Object(&INVENTORY).check(&root, &mut mistakes);

    let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
    let environment = root.get("environment");
    if let Some((node, name)) = environment.and_then(|node| Some((node, node.text()?)))
        && name != stem
    {
        mistakes.push(
            Mistake::new(&node.at, "the environment is not called like its file")
                .found(format!("`{name}`"))
                .expected(format!("`{stem}`")),
        );
    }

    let networks = networks(&root, &mut mistakes);
    let mut owners = Owners::new(&networks);
    let mut hosts = hosts(&root, project, &networks, &mut owners, &mut mistakes);
    let mut clusters = clusters(&root, project, &hosts, &networks, &mut mistakes);
    param::assign(
        &root,
        project,
        &networks,
        &mut hosts,
        &mut clusters,
        &mut owners,
        &mut mistakes,
    );
    let clusters = param::endpoints(&root, project, clusters, &mut mistakes);
    for cluster in &clusters {
        role_check::against_profiles(project, cluster, &hosts, &mut mistakes);
    }

    let directory = file.path.parent().unwrap_or(Path::new(""));
    let secrets = root.get("secrets").and_then(Node::text).map_or_else(
        || PathBuf::from(format!("{stem}.secrets.age")),
        PathBuf::from,
    );
    mistakes.result()?;
    Ok(Inventory {
        environment: stem.into_owned(),
        path: file.path.clone(),
        networks,
        hosts,
        clusters,
        secrets: directory.join(secrets),
    })
}

fn networks(root: &Node, mistakes: &mut Mistakes) -> BTreeMap<String, Network> {
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
    fn new(networks: &BTreeMap<String, Network>) -> Self {
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

fn hosts(
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

fn ssh_target(
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
    let address = match own.and_then(|own| own.get("address")) {
        Some(node) => match node.text().map(str::parse::<IpAddr>) {
            Some(Ok(literal)) => Some(literal),
            _ => address::address(node, networks, mistakes).map(|found| found.address),
        },
        None => {
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
        }
    };
    SshTarget {
        address: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
        port: either("port")
            .and_then(|port| port.parse().ok())
            .unwrap_or(22),
        user: either("user").unwrap_or("root").to_owned(),
    }
}

fn clusters(
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

fn links(
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
fn engine_fits(
    name: &Spanned<String>,
    cluster: &Node,
    engine: bool,
    role: Option<&crate::Role>,
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

fn engine(node: &Node, mistakes: &mut Mistakes) -> EngineChoice {
    let kind = EngineKind::Heartbeat;
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
        at: node.at.clone(),
    }
}

fn known_network(
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

fn text_of(node: Option<&Node>) -> String {
    node.and_then(Node::text).unwrap_or_default().to_owned()
}
