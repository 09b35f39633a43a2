//! What templates see.

use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use tandem_model::secrets::SALT;
use tandem_model::{Cluster, Host, Inventory, Mistake, Mistakes, Profile, Secrets, Value};

/// The names of one host: once as every template sees them, once with the
/// secrets, for files that are declared secret.
pub(crate) struct Names {
    /// Without secrets.
    pub(crate) open: Json,
    /// With secrets.
    pub(crate) secret: Json,
    /// Params that `open` leaves out.
    pub(crate) hidden: Vec<String>,
}

/// Gathers the names for a host of a cluster.
pub(crate) fn names(
    inventory: &Inventory,
    cluster: &Cluster,
    host: &Host,
    profile: &Profile,
    secrets: &Secrets,
    mistakes: &mut Mistakes,
) -> Names {
    let mut open = Map::new();
    let mut secret = Map::new();
    let mut hidden = Vec::new();
    for (name, value) in cluster.values.iter().chain(&host.values) {
        let told = told(value, secrets, inventory, mistakes);
        if is_secret(value) {
            hidden.push(name.clone());
        } else {
            open.insert(name.clone(), told.clone());
        }
        secret.insert(name.clone(), told);
    }
    let peers: Vec<Json> = cluster
        .nodes
        .iter()
        .filter(|name| **name != host.name)
        .filter_map(|name| inventory.hosts.get(name))
        .map(machine)
        .collect();
    let networks: Map<String, Json> = inventory
        .networks
        .values()
        .map(|network| {
            let facts = json!({
                "range": network.range.to_string(),
                "prefix": network.range.prefix_len(),
                "netmask": network.range.netmask().to_string(),
                "gateway": network.gateway.map(|gateway| gateway.to_string()),
            });
            (network.name.clone(), facts)
        })
        .collect();
    let ping: Vec<String> = cluster.ping.iter().map(ToString::to_string).collect();
    let all = |params: Map<String, Json>| {
        json!({
            "environment": inventory.environment,
            "host": machine(host),
            "peers": peers,
            "cluster": {
                "name": cluster.name,
                "engine": cluster.engine.as_ref().map(|engine| engine.kind.word()),
                "nodes": cluster.nodes,
                "links": cluster.links,
                "ping": ping,
            },
            "networks": networks,
            "params": params,
            "paths": profile.paths,
            "units": profile.units,
            "programs": profile.programs,
            "users": profile.users,
            "groups": profile.groups,
        })
    };
    let mut secret = all(secret);
    // What `password_hash` wants; as secret as the rest of such a file.
    if let (Some(names), Some(salt)) = (secret.as_object_mut(), secrets.get(SALT)) {
        names.insert("salt".to_owned(), salt.value().reveal().into());
    }
    Names {
        open: all(open),
        secret,
        hidden,
    }
}

fn machine(host: &Host) -> Json {
    let addresses: BTreeMap<&str, String> = host
        .nics
        .iter()
        .map(|nic| (nic.network.as_str(), nic.address.to_string()))
        .collect();
    let interfaces: BTreeMap<&str, &str> = host
        .nics
        .iter()
        .map(|nic| (nic.network.as_str(), nic.name.as_str()))
        .collect();
    json!({
        "name": host.name,
        "profile": host.profile,
        "addresses": addresses,
        "interfaces": interfaces,
    })
}

/// Does this value come from the secrets?
pub(crate) fn is_secret(value: &Value) -> bool {
    match value {
        Value::Secret(_) => true,
        Value::List(items) => items.iter().any(is_secret),
        _ => false,
    }
}

fn told(value: &Value, secrets: &Secrets, inventory: &Inventory, mistakes: &mut Mistakes) -> Json {
    match value {
        Value::Address(address) => address.address.to_string().into(),
        Value::Integer(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Boolean(yes) => (*yes).into(),
        Value::Endpoint(endpoint) => json!({
            "cluster": endpoint.cluster,
            "name": endpoint.name,
            "address": endpoint.address.to_string(),
            "port": endpoint.port,
        }),
        Value::List(items) => items
            .iter()
            .map(|item| told(item, secrets, inventory, mistakes))
            .collect(),
        Value::Secret(name) => {
            if let Some(secret) = secrets.get(name) {
                return secret.value().reveal().into();
            }
            mistakes.push(
                Mistake::new(&name.at, format!("there is no secret `{name}`"))
                    .expected(format!(
                        "a secret of `{}`",
                        inventory.secrets_shown.display()
                    ))
                    .suggest(format!(
                        "add it with `tandem secret edit -i {}`",
                        inventory.environment
                    )),
            );
            Json::Null
        }
    }
}

/// A value in a form that is no secret.
pub(crate) fn public(value: &Value, secrets: &Secrets) -> String {
    match value {
        Value::Address(address) => address.address.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Boolean(yes) => yes.to_string(),
        Value::Endpoint(endpoint) => format!("{}:{}", endpoint.address, endpoint.port),
        Value::Secret(name) => {
            let number = secrets.get(name).map_or(0, tandem_model::Secret::current);
            format!("{name}#{number}")
        }
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| public(item, secrets)).collect();
            items.join(", ")
        }
    }
}
