//! Writes our words as a CIB. What Pacemaker cannot express is refused loudly.

use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, OperationOptions, Primitive,
    ResourceOptions, TargetRole,
};
use cluster_model::constraint::{
    Comparison, OrderKind, OrderedAction, Preference, Rule, RuleScore, ValueKind,
};
use cluster_model::state::{
    Authority, ClusterState, Direction, Failed, Instance, Observed, Presence, Role,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole document.
pub(super) fn write(configuration: &Configuration, state: &ClusterState) -> String {
    assert!(
        configuration.domains.is_empty(),
        "Pacemaker has no failover domains"
    );
    let mut out = String::new();
    let quorum = u8::from(state.authority == Authority::Full);
    let _ = writeln!(
        out,
        r#"<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.8" epoch="1" num_updates="0" admin_epoch="0" have-quorum="{quorum}" dc-uuid="1"><configuration>"#
    );
    options(&mut out, configuration, state);
    out.push_str("<nodes>");
    for (id, name) in configuration.nodes.iter().enumerate() {
        let _ = writeln!(
            out,
            r#"<node id="{}" uname="{name}"><instance_attributes id="node-{name}">"#,
            id + 1
        );
        if let Some(node) = state.nodes.get(name) {
            let flags = [("standby", node.standby), ("maintenance", node.maintenance)];
            for (flag, on) in flags {
                pair(
                    &mut out,
                    &format!("node-{name}-{flag}"),
                    flag,
                    &on.to_string(),
                );
            }
        }
        out.push_str("</instance_attributes></node>");
    }
    out.push_str("</nodes><resources>");
    for item in &configuration.resources {
        match item {
            Item::Primitive(it) => primitive(&mut out, it, state),
            Item::Group(it) => group(&mut out, it, state),
            Item::Clone(it) => clone_of(&mut out, it, state),
        }
    }
    out.push_str("</resources><constraints>");
    constraints(&mut out, configuration, state);
    out.push_str("</constraints></configuration><status>");
    for (id, name) in configuration.nodes.iter().enumerate() {
        node_state(&mut out, configuration, state, id + 1, name);
    }
    out.push_str("</status></cib>");
    out
}

fn pair(out: &mut String, id: &str, name: &str, value: &str) {
    let id = id.replace([':', '#'], "-");
    let _ = writeln!(out, r#"<nvpair id="{id}" name="{name}" value="{value}"/>"#);
}

fn options(out: &mut String, configuration: &Configuration, state: &ClusterState) {
    out.push_str(r#"<crm_config><cluster_property_set id="options">"#);
    let options = [
        ("stonith-enabled", configuration.options.fencing.to_string()),
        (
            "symmetric-cluster",
            configuration.options.symmetric.to_string(),
        ),
        ("maintenance-mode", state.maintenance.to_string()),
        ("stop-all-resources", state.halted.to_string()),
        ("start-failure-is-fatal", "false".to_owned()),
        ("no-quorum-policy", "freeze".to_owned()),
    ];
    for (name, value) in options {
        pair(out, name, name, &value);
    }
    out.push_str("</cluster_property_set></crm_config>");
    out.push_str("<rsc_defaults>");
    meta(out, "defaults", &configuration.resource_defaults, None, &[]);
    out.push_str("</rsc_defaults>");
}

fn meta(
    out: &mut String,
    name: &str,
    options: &ResourceOptions,
    state: Option<&ClusterState>,
    more: &[(&str, String)],
) {
    let _ = write!(out, r#"<meta_attributes id="{name}-meta">"#);
    let mut pairs: Vec<(&str, String)> = more.to_vec();
    if let Some(priority) = options.priority {
        pairs.push(("priority", priority.to_string()));
    }
    if let Some(stickiness) = options.stickiness {
        pairs.push(("resource-stickiness", stickiness.to_string()));
    }
    if let Some(threshold) = options.migration_threshold {
        pairs.push(("migration-threshold", threshold.to_string()));
    }
    if let Some(timeout) = options.failure_timeout_ms {
        pairs.push(("failure-timeout", format!("{timeout}ms")));
    }
    let wished = state.and_then(|state| state.target_roles.get(name).copied());
    if let Some(role) = wished.or(options.target_role) {
        let role = match role {
            TargetRole::Stopped => "Stopped",
            TargetRole::Unpromoted => "Slave",
            TargetRole::Started => "Started",
        };
        pairs.push(("target-role", role.to_owned()));
    }
    let unmanaged = state.is_some_and(|state| state.unmanaged.contains(name));
    if unmanaged {
        pairs.push(("is-managed", "false".to_owned()));
    } else if let Some(managed) = options.managed {
        pairs.push(("is-managed", managed.to_string()));
    }
    if let Some(maintenance) = options.maintenance {
        pairs.push(("maintenance", maintenance.to_string()));
    }
    for (option, value) in pairs {
        pair(out, &format!("{name}-{option}"), option, &value);
    }
    out.push_str("</meta_attributes>");
}

fn primitive(out: &mut String, it: &Primitive, state: &ClusterState) {
    let _ = write!(
        out,
        r#"<primitive id="{}" class="ocf" provider="heartbeat" type="Stateful">"#,
        it.name
    );
    meta(out, &it.name, &it.options, Some(state), &[]);
    let said = |options: &OperationOptions| {
        let said = options.on_fail.map(OnFail::word);
        said.map_or_else(String::new, |word| format!(r#" on-fail="{word}""#))
    };
    // The monitor whose failures the state speaks of.
    let monitor = it.operations.monitors.first();
    let _ = write!(
        out,
        r#"<operations><op id="{0}-monitor" name="monitor" interval="10s" timeout="20s"{1}/><op id="{0}-start" name="start" interval="0" timeout="20s"{2}/></operations></primitive>"#,
        it.name,
        monitor.map(|one| said(&one.options)).unwrap_or_default(),
        said(&it.operations.start)
    );
}

fn group(out: &mut String, it: &Group, state: &ClusterState) {
    assert!(
        it.migration_threshold_sum.is_none(),
        "Pacemaker does not sum up the failures of a group"
    );
    let _ = write!(out, r#"<group id="{}">"#, it.name);
    meta(out, &it.name, &it.options, Some(state), &[]);
    for member in &it.members {
        primitive(out, member, state);
    }
    out.push_str("</group>");
}

fn clone_of(out: &mut String, it: &CloneOf, state: &ClusterState) {
    let _ = write!(out, r#"<clone id="{}">"#, it.name);
    let mut more = vec![
        ("interleave", it.interleave.to_string()),
        ("globally-unique", it.unique.to_string()),
        ("clone-node-max", it.node_max.to_string()),
    ];
    if let Some(max) = it.max {
        more.push(("clone-max", max.to_string()));
    }
    if let Some(promotable) = it.promotable {
        more.push(("promotable", "true".to_owned()));
        more.push(("promoted-max", promotable.max.to_string()));
        more.push(("promoted-node-max", promotable.node_max.to_string()));
    }
    meta(out, &it.name, &it.options, Some(state), &more);
    match &it.of {
        Cloned::Primitive(it) => primitive(out, it, state),
        Cloned::Group(it) => group(out, it, state),
    }
    out.push_str("</clone>");
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Stopped => "Stopped",
        Role::Started => "Started",
        Role::Promoted => "Master",
    }
}

fn constraints(out: &mut String, configuration: &Configuration, state: &ClusterState) {
    for location in &configuration.locations {
        let (id, resource) = (&location.id, &location.resource);
        match &location.preference {
            Preference::Node { node, score } => {
                let role = location
                    .role
                    .map(|role| format!(r#" role="{}""#, role_word(role)))
                    .unwrap_or_default();
                let _ = writeln!(
                    out,
                    r#"<rsc_location id="{id}" rsc="{resource}" node="{node}" score="{score}"{role}/>"#
                );
            }
            Preference::Rule { rule, score } => {
                let score = match score {
                    RuleScore::Fixed(score) => format!(r#"score="{score}""#),
                    RuleScore::Attribute(name) => format!(r#"score-attribute="{name}""#),
                };
                let role = location
                    .role
                    .map(|role| format!(r#" role="{}""#, role_word(role)))
                    .unwrap_or_default();
                let _ = write!(out, r#"<rsc_location id="{id}" rsc="{resource}">"#);
                let parts: (&str, &[Rule]) = match rule {
                    Rule::All(parts) => ("and", parts),
                    Rule::Any(parts) => ("or", parts),
                    one => ("and", std::slice::from_ref(one)),
                };
                let _ = write!(
                    out,
                    r#"<rule id="{id}-rule" {score} boolean-op="{}"{role}>"#,
                    parts.0
                );
                for (number, part) in parts.1.iter().enumerate() {
                    expression(out, part, &format!("{id}-{number}"));
                }
                out.push_str("</rule></rsc_location>");
            }
        }
    }
    for (number, moved) in state.moves.iter().enumerate() {
        if moved.until_ms > state.now_ms {
            let (node, score) = match &moved.direction {
                Direction::To(node) => (node, "INFINITY"),
                Direction::AwayFrom(node) => (node, "-INFINITY"),
            };
            let _ = writeln!(
                out,
                r#"<rsc_location id="move-{number}" rsc="{}" node="{node}" score="{score}"/>"#,
                moved.resource
            );
        }
    }
    for it in &configuration.colocations {
        let _ = write!(
            out,
            r#"<rsc_colocation id="{}" rsc="{}" with-rsc="{}" score="{}""#,
            it.id, it.resource, it.with, it.score
        );
        if let Some(role) = it.role {
            let _ = write!(out, r#" rsc-role="{}""#, role_word(role));
        }
        if let Some(role) = it.with_role {
            let _ = write!(out, r#" with-rsc-role="{}""#, role_word(role));
        }
        out.push_str("/>\n");
    }
    let action = |action: OrderedAction| match action {
        OrderedAction::Start => "start",
        OrderedAction::Promote => "promote",
        OrderedAction::Demote => "demote",
        OrderedAction::Stop => "stop",
    };
    for it in &configuration.orders {
        let kind = match it.kind {
            OrderKind::Mandatory => "Mandatory",
            OrderKind::Optional => "Optional",
        };
        let _ = writeln!(
            out,
            r#"<rsc_order id="{}" first="{}" then="{}" first-action="{}" then-action="{}" kind="{kind}" symmetrical="{}"/>"#,
            it.id,
            it.first,
            it.then,
            action(it.first_action),
            action(it.then_action),
            it.symmetrical
        );
    }
}

fn expression(out: &mut String, rule: &Rule, id: &str) {
    match rule {
        Rule::Defined(name) => {
            let _ = write!(
                out,
                r#"<expression id="{id}" attribute="{name}" operation="defined"/>"#
            );
        }
        Rule::NotDefined(name) => {
            let _ = write!(
                out,
                r#"<expression id="{id}" attribute="{name}" operation="not_defined"/>"#
            );
        }
        Rule::Compare {
            attribute,
            comparison,
            value,
            kind,
        } => {
            let word = match comparison {
                Comparison::Eq => "eq",
                Comparison::Ne => "ne",
                Comparison::Lt => "lt",
                Comparison::Lte => "lte",
                Comparison::Gt => "gt",
                Comparison::Gte => "gte",
            };
            let kind = match kind {
                None => "",
                Some(ValueKind::Text) => r#" type="string""#,
                Some(ValueKind::Integer) => r#" type="integer""#,
            };
            let _ = write!(
                out,
                r#"<expression id="{id}" attribute="{attribute}" operation="{word}" value="{value}"{kind}/>"#
            );
        }
        Rule::All(rules) | Rule::Any(rules) => {
            let word = if matches!(rule, Rule::All(_)) {
                "and"
            } else {
                "or"
            };
            let _ = write!(out, r#"<rule id="{id}-rule" boolean-op="{word}">"#);
            for (number, rule) in rules.iter().enumerate() {
                expression(out, rule, &format!("{id}-{number}"));
            }
            out.push_str("</rule>");
        }
    }
}

/// What a node is and what it remembers of its resources.
fn node_state(
    out: &mut String,
    configuration: &Configuration,
    state: &ClusterState,
    id: usize,
    name: &str,
) {
    let presence = state.nodes.get(name).map_or(Presence::Gone, |n| n.presence);
    let (in_ccm, crmd, join, expected) = match presence {
        Presence::Online => ("true", "online", "member", "member"),
        Presence::Joining => ("true", "online", "banned", "member"),
        Presence::Unclean => ("false", "offline", "down", "member"),
        Presence::Gone => ("false", "offline", "down", "down"),
    };
    let _ = write!(
        out,
        r#"<node_state id="{id}" uname="{name}" in_ccm="{in_ccm}" crmd="{crmd}" join="{join}" expected="{expected}">"#
    );
    let seen: BTreeMap<&str, &Instance> = state
        .resources
        .iter()
        .filter_map(|(resource, nodes)| Some((resource.as_str(), nodes.get(name)?)))
        .collect();
    let _ = write!(
        out,
        r#"<transient_attributes id="{id}"><instance_attributes id="status-{id}">"#
    );
    if let Some(node) = state.nodes.get(name) {
        for (attribute, value) in &node.attributes {
            pair(out, &format!("status-{id}-{attribute}"), attribute, value);
        }
    }
    for (resource, instance) in &seen {
        if instance.fail_count > 0 {
            let operation = if instance.failed.start {
                "start_0"
            } else {
                "monitor_10000"
            };
            let count = format!("fail-count-{resource}#{operation}");
            let count_text = instance.fail_count.to_string();
            pair(out, &format!("status-{id}-{count}"), &count, &count_text);
            let last = format!("last-failure-{resource}#{operation}");
            let seconds = (instance.last_failure_ms / 1000).to_string();
            pair(out, &format!("status-{id}-{last}"), &last, &seconds);
        }
        if let Some(score) = instance.promotion_score {
            let attribute = format!("master-{resource}");
            pair(
                out,
                &format!("status-{id}-{attribute}"),
                &attribute,
                &score.to_string(),
            );
        }
    }
    let _ = write!(
        out,
        r#"</instance_attributes></transient_attributes><lrm id="{id}"><lrm_resources>"#
    );
    let known = configuration.resources.iter().flat_map(primitives);
    for primitive in known {
        for (resource, instance) in &seen {
            let base = resource.split(':').next().unwrap_or(resource);
            if base == primitive.name {
                history(out, resource, instance, id);
            }
        }
    }
    out.push_str("</lrm_resources></lrm></node_state>");
}

fn primitives(item: &Item) -> Vec<&Primitive> {
    match item {
        Item::Primitive(it) => vec![it],
        Item::Group(it) => it.members.iter().collect(),
        Item::Clone(it) => match &it.of {
            Cloned::Primitive(it) => vec![it],
            Cloned::Group(it) => it.members.iter().collect(),
        },
    }
}

fn history(out: &mut String, resource: &str, instance: &Instance, node: usize) {
    let failed: &[(&str, u32, u32)] = match instance.failed {
        Failed { start: true, .. } => &[("start", 0, 1)],
        Failed { monitor: true, .. } => &[("monitor", 10_000, 1)],
        _ => &[],
    };
    let operations: &[(&str, u32, u32)] = match instance.observed {
        Observed::Unknown => return,
        Observed::Stopped if !failed.is_empty() => &[("stop", 0, 0)],
        Observed::Stopped => &[("monitor", 0, 7)],
        Observed::Started => &[("start", 0, 0)],
        Observed::Promoted => &[("promote", 0, 0)],
        Observed::Failed {
            role: Role::Promoted,
        } => &[("promote", 0, 0), ("monitor", 10_000, 9)],
        Observed::Failed { .. } if instance.failed.start => &[],
        Observed::Failed { .. } if instance.failed.monitor => &[("start", 0, 0)],
        Observed::Failed { .. } => &[("start", 0, 0), ("monitor", 10_000, 1)],
        Observed::StopFailed => &[("start", 0, 0), ("stop", 0, 1)],
        Observed::Blocked { .. } => panic!("the policy makes it of a failure"),
    };
    // What failed is the last thing that was done, unless something came of it since.
    let operations: Vec<_> = match instance.observed {
        Observed::Failed { .. } => operations.iter().chain(failed).collect(),
        _ => failed.iter().chain(operations).collect(),
    };
    let failed_at = instance.last_failure_ms / 1000;
    let _ = write!(
        out,
        r#"<lrm_resource id="{resource}" class="ocf" provider="heartbeat" type="Stateful">"#
    );
    for (number, (operation, interval, code)) in operations.iter().enumerate() {
        let call = number + 1;
        let recurring = *interval > 0;
        let expected = match *operation {
            "monitor" if !recurring => 7,
            "monitor" if *code == 9 => 8,
            _ => 0,
        };
        let failed = *code != expected && (*operation != "monitor" || recurring);
        let status = if failed { 4 } else { 0 };
        let changed = if failed { failed_at } else { 1_700_000_000 };
        let key = format!("{resource}_{operation}_{interval}");
        // The names under which Pacemaker itself keeps them, and its digest of no
        // parameters: it restarts what it takes for redefined.
        let id = if failed {
            format!("{resource}_last_failure_0")
        } else if recurring {
            key.clone()
        } else {
            format!("{resource}_last_0")
        };
        let digest = if recurring {
            ""
        } else {
            r#"op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8""#
        };
        let transition = format!("{call}:1:{expected}:00000000-0000-0000-0000-000000000000");
        let _ = write!(
            out,
            r#"<lrm_rsc_op id="{id}" operation_key="{key}" operation="{operation}" call-id="{call}" rc-code="{code}" op-status="{status}" interval="{interval}" transition-key="{transition}" transition-magic="{status}:{code};{transition}" {digest} crm_feature_set="3.16.1" exec-time="1" queue-time="0" last-rc-change="{changed}" on_node="{node}"/>"#
        );
    }
    out.push_str("</lrm_resource>");
}

/// Seconds since 1970 as ISO 8601; the calendar by the usual arithmetic of
/// years that begin in March.
pub(super) fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
