//! `/etc/clusterd/cluster.yaml`, as clusterd(8) describes it.

use crate::Seat;
use cluster_model::{Agent, Member, Resource};
use serde_json::Value;
use std::fmt::Write as _;
use tandem_model::{Cluster, EngineKind, Fence, Inventory, Lease, Reach, Spanned};

/// Who votes, where they hear each other, and on which terms they hold resources.
pub(super) fn terms(seat: &Seat<'_>) -> String {
    let lease = &seat.choice.lease;
    let mut members = seat.cluster.nodes.clone();
    if let Some(witness) = &lease.witness {
        members.push(format!("witness {}", witness.value));
    }
    if let Some(voters) = &lease.voters {
        members.push(format!("voters {}", names(voters)));
    }
    if lease.fence.is_some() {
        members.push("fencing".to_owned());
    }
    if lease.reach.is_some() {
        members.push("reach".to_owned());
    }
    format!(
        "{} over {}; deadtime {} ms, lease {} ms, stop {} ms, watchdog {} ms",
        members.join(", "),
        seat.cluster.links.join(", "),
        seat.choice.timing.deadtime_ms,
        lease.lease_ms,
        lease.stop_ms,
        lease.watchdog_ms,
    )
}

/// Where members hear each other: who has it otherwise hears nobody.
pub(super) fn places(seat: &Seat<'_>) -> String {
    let witness = seat.choice.lease.witness.iter();
    let members = seat.cluster.nodes.iter();
    let members = members.chain(witness.map(|name| &name.value));
    let members: Vec<_> = members
        .map(|name| format!("{name} {}", addresses(seat, name).join(" ")))
        .collect();
    let port = port(seat.inventory, seat.cluster);
    format!("{}; port {port}", members.join(", "))
}

fn names(list: &[Spanned<String>]) -> String {
    let names: Vec<&str> = list.iter().map(|name| name.value.as_str()).collect();
    names.join(", ")
}

/// Where a node has what is secret of its devices: of this level, the first one is 0, and
/// for this parameter.
pub(super) fn fence_secret(level: usize, parameter: &str) -> String {
    match level {
        0 => format!("/etc/clusterd/fence.{parameter}"),
        _ => format!("/etc/clusterd/fence-{}.{parameter}", level + 1),
    }
}

/// The file of a node.
pub(super) fn node(seat: &Seat<'_>, keys: &str) -> String {
    let watchdog = seat.choice.lease.watchdog.as_deref();
    whole(seat, keys, watchdog)
}

/// The file of a witness: the same cluster, seen by one who holds nothing and needs no
/// watchdog.
pub(super) fn witness(seat: &Seat<'_>, keys: &str) -> String {
    whole(seat, keys, None)
}

fn whole(seat: &Seat<'_>, keys: &str, watchdog: Option<&str>) -> String {
    let (timing, lease) = (&seat.choice.timing, &seat.choice.lease);
    let cluster = seat.cluster;
    let mut text = format!(
        "# Cluster {}. Owned by tandem-config; `clusterd check` reads it.\n\
         # Its words: /usr/share/doc/clusterd/cluster-file.md\n\
         cluster: {}\n\
         arbitration: {}\n\
         port: {}\n\
         links: [{}]\n\
         nodes:\n",
        cluster.name,
        cluster.name,
        match (&lease.fence, &lease.reach) {
            (Some(_), _) => "fencing",
            (None, Some(_)) => "reach",
            (None, None) => "quorum",
        },
        port(seat.inventory, cluster),
        cluster.links.join(", ")
    );
    let mut id = 0;
    for node in &cluster.nodes {
        id += 1;
        member(&mut text, seat, node, id);
    }
    if let Some(witness) = &lease.witness {
        text.push_str("witnesses:\n");
        member(&mut text, seat, &witness.value, id + 1);
    }
    if let Some(voters) = &lease.voters {
        let _ = writeln!(text, "voters: [{}]", names(voters));
    }
    let _ = write!(
        text,
        "{}timing:\n  \
         keepalive_ms: {}\n  \
         deadtime_ms: {}\n  \
         lease_ms: {}\n  \
         stop_ms: {}\n  \
         watchdog_ms: {}\n\
         keys: {keys}\n",
        promise(lease),
        timing.keepalive_ms,
        timing.deadtime_ms,
        lease.lease_ms,
        lease.stop_ms,
        lease.watchdog_ms
    );
    if let Some(fence) = &lease.fence {
        fencing(&mut text, fence, &cluster.nodes);
    }
    if let Some(its) = &lease.reach {
        reach(&mut text, its);
    }
    if let Some(watchdog) = watchdog {
        let _ = writeln!(text, "watchdog: {watchdog}");
    }
    if lease.accept_pause_risk {
        text.push_str("accept_pause_risk: true\n");
    }
    text.push_str(
        "options:\n  \
         # A node where something cannot be stopped resets itself; the other one takes over then.\n  \
         fencing: true\n",
    );
    if let Some(max) = lease.resets_max {
        let _ = writeln!(text, "  resets_max: {max}");
    }
    resources(&mut text, seat);
    text
}

/// What the times mean.
fn promise(lease: &Lease) -> &'static str {
    if lease.reach.is_some() {
        "# A node that is not heard for deadtime_ms is taken for gone.\n"
    } else if lease.fence.is_some() {
        "# A node that is not heard for deadtime_ms is switched off; what it had is taken over\n\
         # once that is confirmed.\n"
    } else {
        "# Without a word of the others a node holds what it has for lease_ms, and has stop_ms\n\
         # to stop it; then the watchdog resets it. Only after that sum somebody takes over.\n"
    }
}

fn reach(text: &mut String, reach: &Reach) {
    text.push_str(
        "# While neither node hears the other, both may run everything at once; what one of them\n\
         # decided is dropped afterwards.\n\
         reach:\n  \
         accept_split_brain_risk: true\n",
    );
    for (name, ms) in [("pause_ms", reach.pause_ms), ("wait_ms", reach.wait_ms)] {
        if let Some(ms) = ms {
            let _ = writeln!(text, "  {name}: {ms}");
        }
    }
}

fn fencing(text: &mut String, fence: &Fence, nodes: &[String]) {
    text.push_str(
        "# Nothing of a lost node is taken over before it is off, and seen to be.\nfencing:\n",
    );
    if let Some(first) = &fence.first {
        let _ = writeln!(text, "  first: {first}");
    }
    let _ = write!(
        text,
        "  delay_ms: {}\n  limit_ms: {}\n",
        fence.delay_ms, fence.limit_ms
    );
    if fence.power_on {
        text.push_str("  power_on: true\n");
    }
    text.push_str("  devices:\n");
    let mut nodes: Vec<_> = nodes.iter().collect();
    nodes.sort_unstable();
    for node in nodes {
        let _ = writeln!(text, "    {node}:");
        for (number, level) in fence.levels.iter().enumerate() {
            let mut parameters = level.parameters.clone();
            for (name, values) in [("ip", &level.addresses), ("plug", &level.plugs)] {
                if let Some(value) = values.get(node) {
                    parameters.insert(name.to_owned(), value.clone());
                }
            }
            let parameters = serde_json::to_value(&parameters).unwrap_or(Value::Null);
            let _ = writeln!(
                text,
                "      - agent: {}\n        parameters: {parameters}",
                level.agent
            );
            let secrets = level.secrets.keys();
            let secrets: Vec<_> = secrets
                .map(|parameter| format!("{parameter}: {}", fence_secret(number, parameter)))
                .collect();
            if !secrets.is_empty() {
                let _ = writeln!(text, "        secrets: {{{}}}", secrets.join(", "));
            }
        }
    }
}

/// Several clusters may have a witness on one host: each has a port of its own, chosen or
/// by its place among the inventory's clusters of this engine.
pub(super) fn port(inventory: &Inventory, cluster: &Cluster) -> u16 {
    let choice = cluster.engine.as_ref();
    if let Some(port) = choice.and_then(|choice| choice.lease.port) {
        return port;
    }
    let ours = |cluster: &&Cluster| {
        let engine = cluster.engine.as_ref();
        engine.is_some_and(|choice| choice.kind == EngineKind::Clusterd)
    };
    let clusters = inventory.clusters.iter().filter(ours);
    let mut names: Vec<_> = clusters.map(|cluster| cluster.name.as_str()).collect();
    names.sort_unstable();
    let place = names.iter().position(|name| *name == cluster.name);
    let place = place.and_then(|place| u16::try_from(place).ok());
    5410_u16.saturating_add(place.unwrap_or(0))
}

fn member(text: &mut String, seat: &Seat<'_>, name: &str, id: u16) {
    let _ = writeln!(
        text,
        "  {name}: {{id: {id}, addresses: {{{}}}}}",
        addresses(seat, name).join(", ")
    );
}

/// `LINK: ADDRESS` of a member, for each of the cluster's networks that it has.
fn addresses(seat: &Seat<'_>, name: &str) -> Vec<String> {
    let links = seat.cluster.links.iter();
    let at = |link: &String| {
        let nic = seat.inventory.nic(name, link)?;
        Some(format!("{link}: {}", nic.address))
    };
    links.filter_map(at).collect()
}

fn resources(text: &mut String, seat: &Seat<'_>) {
    if !seat.resources.ping.is_empty() {
        let addresses: Vec<_> = seat
            .resources
            .ping
            .iter()
            .map(ToString::to_string)
            .collect();
        let _ = writeln!(text, "ping: [{}]", addresses.join(", "));
    }
    text.push_str(
        "resource_defaults:\n  \
         # What moved stays where it is: moving back is a decision.\n  \
         stickiness: 1000\n  \
         # A node where something failed is given another chance after ten minutes.\n  \
         failure_timeout_ms: 600000\n\
         resources:\n",
    );
    for resource in &seat.resources.resources {
        match resource {
            Resource::Primitive(one) => {
                text.push_str("  - primitive:\n");
                primitive(text, one, "      ", "      ");
            }
            Resource::Group {
                name,
                members,
                migration_threshold,
            } => {
                let _ = writeln!(text, "  - group:\n      name: {name}");
                if let Some(limit) = migration_threshold {
                    let _ = writeln!(text, "      migration_threshold_sum: {limit}");
                }
                text.push_str("      members:\n");
                for one in members {
                    primitive(text, one, "        - ", "          ");
                }
            }
        }
    }
    if seat.resources.resources.is_empty() {
        text.truncate(text.len() - "resources:\n".len());
        text.push_str("resources: []\n");
        return;
    }
    text.push_str("locations:\n");
    let first = seat.cluster.nodes.first().map_or("", String::as_str);
    for resource in &seat.resources.resources {
        let name = resource.name();
        let _ = writeln!(
            text,
            "  - {{id: {name}-first, resource: {name}, preference: {{node: {{node: {first}, score: 10}}}}}}"
        );
    }
    if !seat.resources.ping.is_empty() {
        text.push_str("  # A node that reaches none of the addresses above runs nothing.\n");
        for resource in &seat.resources.resources {
            let name = resource.name();
            let _ = write!(
                text,
                "  - id: {name}-connected\n    \
                 resource: {name}\n    \
                 preference:\n      \
                 rule:\n        \
                 score: {{fixed: -1000000}}\n        \
                 rule: {{any: [{{not-defined: pingd}}, {{compare: {{attribute: pingd, comparison: lt, value: \"1\", kind: integer}}}}]}}\n"
            );
        }
    }
}

fn primitive(text: &mut String, member: &Member, first: &str, rest: &str) {
    let _ = writeln!(text, "{first}name: {}", member.name);
    let _ = writeln!(text, "{rest}agent: {}", agent(&member.agent));
    let options: Vec<_> = [
        (
            "migration_threshold",
            member.migration_threshold.map(u64::from),
        ),
        ("failure_timeout_ms", member.failure_timeout_ms),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(format!("{name}: {}", value?)))
    .collect();
    if !options.is_empty() {
        let _ = writeln!(text, "{rest}options: {{{}}}", options.join(", "));
    }
    let _ = writeln!(text, "{rest}operations:");
    let _ = writeln!(
        text,
        "{rest}  start: {{timeout_ms: {}}}",
        member.start_timeout_ms
    );
    let _ = writeln!(
        text,
        "{rest}  stop: {{timeout_ms: {}}}",
        member.stop_timeout_ms
    );
    if let Some(interval) = member.monitor_interval_ms {
        let _ = writeln!(text, "{rest}  monitors: [{{interval_ms: {interval}}}]");
    }
}

/// JSON is YAML, and quotes what has to be quoted.
fn agent(agent: &Agent) -> String {
    serde_json::to_value(agent)
        .unwrap_or(Value::Null)
        .to_string()
}
