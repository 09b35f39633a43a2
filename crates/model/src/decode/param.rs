//! What hosts and clusters of an inventory set, checked against the params of their role; endpoints order the clusters.

use super::address;
use super::network::Owners;
use crate::inventory::{Cluster, EndpointAddress, Host, Network, Value};
use crate::role::{DefaultValue, EndpointPort, Param, ParamKind, Role, Scope};
use crate::shape::Shape;
use crate::yaml::{Kind, Node};
use crate::{Mistake, Mistakes, Position, Project};
use std::collections::{BTreeMap, BTreeSet};

/// Gives every param of every cluster and node its value, endpoints apart.
pub(crate) fn assign(
    root: &Node,
    project: &Project,
    networks: &BTreeMap<String, Network>,
    hosts: &mut BTreeMap<String, Host>,
    clusters: &mut [Cluster],
    owners: &mut Owners,
    mistakes: &mut Mistakes,
) {
    let mut nodes = BTreeSet::new();
    let mut taken = Taken::new();
    for cluster in clusters {
        let Some(role) = project.roles.get(&cluster.role) else {
            nodes.extend(cluster.nodes.iter().cloned());
            continue;
        };
        let set = root
            .get("clusters")
            .and_then(|all| all.get(&cluster.name))
            .and_then(|one| one.get("set"));
        let mut setting = Setting {
            role,
            scope: Scope::Cluster,
            networks,
            owner: format!("cluster `{}`", cluster.name),
            owners,
            mistakes,
        };
        cluster.values = setting.values(set, &cluster.at);
        for name in &cluster.nodes {
            nodes.insert(name.clone());
            let Some(host) = hosts.get_mut(name) else {
                continue;
            };
            let set = host_set(root, name);
            setting.scope = Scope::Host;
            setting.owner = format!("host `{name}`");
            host.values = setting.values(set, &host.at);
            for param in role.params.values().filter(|param| param.unique) {
                if let Some(value) = host.values.get(&param.name) {
                    let at = set.and_then(|set| set.get(&param.name));
                    let at = at.map_or(&host.at, |node| &node.at);
                    claim(&mut taken, param, value, name, at, setting.mistakes);
                }
            }
        }
    }
    for name in hosts.keys().filter(|name| !nodes.contains(*name)) {
        // A misspelt node is a mistake already; this would only follow from it.
        if let Some(set) = host_set(root, name)
            && mistakes.is_empty()
        {
            mistakes.push(
                Mistake::new(
                    &set.at,
                    format!("`{name}` is in no cluster, so it has no params"),
                )
                .suggest("make it a node of a cluster, or remove `set`"),
            );
        }
    }
}

/// Values of unique params: who has which, and where that is written.
type Taken = BTreeMap<(String, String), (String, Position)>;

fn claim(
    taken: &mut Taken,
    param: &Param,
    value: &Value,
    host: &str,
    at: &Position,
    mistakes: &mut Mistakes,
) {
    let told = match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Address(address) => address.address.to_string(),
        Value::Endpoint(_) | Value::Secret(_) | Value::List(_) => return,
    };
    let key = (param.name.clone(), told.clone());
    match taken.get(&key) {
        Some((other, _)) if other == host => {}
        Some((other, place)) => mistakes.push(
            Mistake::new(at, format!("`{}` is the same on two hosts", param.name))
                .found(format!("{told} on {host}, and on {other} at {place}"))
                .expected("another value on each host"),
        ),
        None => {
            let _ = taken.insert(key, (host.to_owned(), at.clone()));
        }
    }
}

fn host_set<'a>(root: &'a Node, name: &str) -> Option<&'a Node> {
    root.get("hosts")?.get(name)?.get("set")
}

struct Setting<'a> {
    role: &'a Role,
    scope: Scope,
    networks: &'a BTreeMap<String, Network>,
    owner: String,
    owners: &'a mut Owners,
    mistakes: &'a mut Mistakes,
}

impl Setting<'_> {
    fn values(&mut self, set: Option<&Node>, whole: &Position) -> BTreeMap<String, Value> {
        let mut values = BTreeMap::new();
        for (name, node) in set.map_or(&[][..], Node::entries) {
            let Some(param) = self.role.params.get(&name.value) else {
                let known = self
                    .role
                    .params
                    .values()
                    .filter(|param| param.scope == self.scope);
                self.mistakes.push(
                    Mistake::new(
                        &name.at,
                        format!("role `{}` has no param `{name}`", self.role.name),
                    )
                    .among(name, known.map(|param| param.name.as_str())),
                );
                continue;
            };
            if param.scope != self.scope {
                let place = match param.scope {
                    Scope::Cluster => "`clusters.NAME.set`: it is the same on all nodes",
                    Scope::Host => "`hosts.NAME.set`: it differs from node to node",
                };
                self.mistakes.push(
                    Mistake::new(&name.at, format!("`{name}` is not set here")).expected(place),
                );
                continue;
            }
            if let Some(value) = self.value(&param.kind, node) {
                // An address that the cluster brings up is its own; any other
                // only says where somebody is.
                if let Value::Address(address) = &value
                    && self.role.brings_up(&param.name)
                {
                    let owner = format!("`{name}` of {}", self.owner);
                    self.owners.claim(address, node, owner, self.mistakes);
                }
                values.insert(name.value.clone(), value);
            }
        }
        let at = set.map_or(whole, |set| &set.at);
        let given = |name: &str| {
            set.is_some_and(|set| set.entries().iter().any(|(key, _)| key.value == name))
        };
        for param in self.role.params.values() {
            if param.scope != self.scope || given(&param.name) {
                continue;
            }
            match &param.default {
                Some(default) => {
                    values.insert(param.name.clone(), defaulted(default));
                }
                None => self.mistakes.push(missing(param, &self.owner, at)),
            }
        }
        values
    }

    fn value(&mut self, kind: &ParamKind, node: &Node) -> Option<Value> {
        let before = self.mistakes.len();
        let value = match kind {
            ParamKind::Address => {
                Value::Address(address::address(node, self.networks, self.mistakes)?)
            }
            ParamKind::Integer { .. } | ParamKind::Port => {
                shape_of(kind).check(node, self.mistakes);
                Value::Integer(node.text()?.parse().ok()?)
            }
            ParamKind::Boolean => {
                shape_of(kind).check(node, self.mistakes);
                Value::Boolean(node.text()? == "true")
            }
            ParamKind::Text => {
                shape_of(kind).check(node, self.mistakes);
                let text = node.text()?;
                if text.contains(['\n', '\r', '\0']) {
                    self.mistakes.push(
                        Mistake::new(&node.at, "a text param has one line")
                            .found(format!("{} lines", text.lines().count())),
                    );
                }
                Value::Text(text.to_owned())
            }
            ParamKind::OneOf(words) => {
                let Some(word) = node.text() else {
                    Shape::Text.check(node, self.mistakes);
                    return None;
                };
                if !words.iter().any(|known| known == word) {
                    self.mistakes.push(
                        Mistake::new(&node.at, "an unknown choice")
                            .found(node.described())
                            .among(word, words.iter().map(String::as_str)),
                    );
                }
                Value::Text(word.to_owned())
            }
            ParamKind::Secret => {
                Shape::Name.check(node, self.mistakes);
                Value::Secret(node.spanned()?)
            }
            ParamKind::Endpoint => {
                let well_formed = node
                    .text()
                    .and_then(|text| text.split_once('.'))
                    .is_some_and(|(cluster, name)| !cluster.is_empty() && !name.is_empty());
                if !well_formed {
                    self.mistakes.push(
                        Mistake::new(&node.at, "this is no endpoint")
                            .found(node.described())
                            .expected("`CLUSTER.ENDPOINT`"),
                    );
                }
                // Resolved when all addresses are known.
                return None;
            }
            ParamKind::List(item) => {
                let Kind::List(items) = &node.kind else {
                    shape_of(kind).check(node, self.mistakes);
                    return None;
                };
                Value::List(
                    items
                        .iter()
                        .filter_map(|node| self.value(item, node))
                        .collect(),
                )
            }
        };
        (self.mistakes.len() == before).then_some(value)
    }
}

/// The shape of a param's value, as far as it needs no inventory.
pub(crate) fn shape_of(kind: &ParamKind) -> Shape {
    match kind {
        ParamKind::Integer { min, max } => Shape::Integer {
            min: *min,
            max: *max,
        },
        ParamKind::Port => Shape::Integer {
            min: 1,
            max: 65_535,
        },
        ParamKind::Boolean => Shape::Boolean,
        ParamKind::List(_) => Shape::List(&Shape::Any),
        _ => Shape::Text,
    }
}

fn missing(param: &Param, owner: &str, at: &Position) -> Mistake {
    let help = param.help.as_deref().unwrap_or("no default");
    Mistake::new(at, format!("{owner} does not set `{}`", param.name)).expected(format!(
        "`{}: {}`, {help}",
        param.name,
        param.kind.described()
    ))
}

fn defaulted(default: &DefaultValue) -> Value {
    match default {
        DefaultValue::Integer(number) => Value::Integer(*number),
        DefaultValue::Text(text) => Value::Text(text.clone()),
        DefaultValue::Boolean(yes) => Value::Boolean(*yes),
        DefaultValue::List(items) => Value::List(items.iter().map(defaulted).collect()),
    }
}

/// A use of another cluster's endpoint.
struct Use {
    user: usize,
    param: String,
    cluster: usize,
    endpoint: String,
    at: Position,
}

/// Resolves params of type endpoint and sorts the clusters so that each comes
/// after those that it needs.
pub(crate) fn endpoints(
    root: &Node,
    project: &Project,
    mut clusters: Vec<Cluster>,
    mistakes: &mut Mistakes,
) -> Vec<Cluster> {
    let uses = uses(root, project, &clusters, mistakes);
    for one in &uses {
        let (name, target) = (&one.endpoint, &clusters[one.cluster]);
        if let Some(value) = resolve(project, target, name) {
            let cluster = &mut clusters[one.user];
            cluster.values.insert(one.param.clone(), value);
        }
        let needed = clusters[one.cluster].name.clone();
        clusters[one.user].needs.insert(needed);
    }
    let mut done: BTreeSet<String> = BTreeSet::new();
    let mut sorted = Vec::new();
    let mut waiting = clusters;
    while !waiting.is_empty() {
        let Some(next) = waiting
            .iter()
            .position(|cluster| cluster.needs.iter().all(|name| done.contains(name)))
        else {
            let stuck: Vec<&str> = waiting
                .iter()
                .map(|cluster| cluster.name.as_str())
                .collect();
            for one in uses.iter().filter(|one| {
                stuck
                    .iter()
                    .any(|name| one.at.path.starts_with(&format!("clusters.{name}.")))
            }) {
                mistakes.push(
                    Mistake::new(&one.at, "these clusters need each other")
                        .found(stuck.join(", "))
                        .expected("an order in which they can be brought up"),
                );
            }
            sorted.append(&mut waiting);
            break;
        };
        let cluster = waiting.remove(next);
        done.insert(cluster.name.clone());
        sorted.push(cluster);
    }
    sorted
}

fn uses(root: &Node, project: &Project, clusters: &[Cluster], mistakes: &mut Mistakes) -> Vec<Use> {
    let mut uses = Vec::new();
    for (user, cluster) in clusters.iter().enumerate() {
        let Some(role) = project.roles.get(&cluster.role) else {
            continue;
        };
        let set = root
            .get("clusters")
            .and_then(|all| all.get(&cluster.name))
            .and_then(|one| one.get("set"));
        for (param, node) in set.map_or(&[][..], Node::entries) {
            let is_endpoint = role
                .params
                .get(&param.value)
                .is_some_and(|param| param.kind == ParamKind::Endpoint);
            let Some((name, endpoint)) = node.text().and_then(|text| text.split_once('.')) else {
                continue;
            };
            if !is_endpoint {
                continue;
            }
            let Some(target) = clusters.iter().position(|other| other.name == name) else {
                mistakes.push(
                    Mistake::new(&node.at, format!("there is no cluster `{name}`"))
                        .found(node.described())
                        .among(name, clusters.iter().map(|other| other.name.as_str())),
                );
                continue;
            };
            if let Some(other) = project.roles.get(&clusters[target].role)
                && !other.endpoints.contains_key(endpoint)
            {
                mistakes.push(
                    Mistake::new(
                        &node.at,
                        format!("role `{}` has no endpoint `{endpoint}`", other.name),
                    )
                    .found(node.described())
                    .among(endpoint, other.endpoints.keys().map(String::as_str)),
                );
                continue;
            }
            uses.push(Use {
                user,
                param: param.value.clone(),
                cluster: target,
                endpoint: endpoint.to_owned(),
                at: node.at.clone(),
            });
        }
    }
    uses
}

fn resolve(project: &Project, target: &Cluster, name: &str) -> Option<Value> {
    let endpoint = project.roles.get(&target.role)?.endpoints.get(name)?;
    let Some(Value::Address(address)) = target.values.get(&endpoint.address.value) else {
        return None;
    };
    let port = match &endpoint.port {
        EndpointPort::Fixed(port) => *port,
        EndpointPort::Param(param) => match target.values.get(&param.value) {
            Some(Value::Integer(port)) => u16::try_from(*port).ok()?,
            _ => return None,
        },
    };
    Some(Value::Endpoint(EndpointAddress {
        cluster: target.name.clone(),
        name: name.to_owned(),
        address: address.address,
        port,
    }))
}
