//! Resources as a tree: what is worst comes first, members of a group in their order.

use super::super::table::{Table, painted, plain};
use super::super::words;
use crate::age;
use crate::terminal::Tone;
use cluster_model::report::{Condition, Instance, MemberStanding, Report, Resource, ResourceKind};
use cluster_model::state::{Observed, Role};
use std::collections::BTreeSet;

pub(super) fn resources(report: &Report) -> Table {
    let mut table = Table::default();
    let mut worst: Vec<_> = report.resources.iter().collect();
    worst.sort_by_key(|resource| std::cmp::Reverse(resource.condition));
    for resource in worst {
        tree(report, resource, 0, &mut table);
    }
    table
}

fn tree(report: &Report, resource: &Resource, depth: usize, table: &mut Table) {
    let indent = "  ".repeat(depth);
    let what = match (resource.kind, &resource.agent) {
        (ResourceKind::Group, _) => "group",
        (ResourceKind::Clone, _) => "clone",
        (ResourceKind::Primitive, agent) => agent.as_deref().unwrap_or_default(),
    };
    let places = places(resource);
    let places = if places.is_empty() {
        "nowhere".to_owned()
    } else {
        let all: Vec<_> = places.into_iter().collect();
        all.join(", ")
    };
    table.row(vec![
        plain(format!("{indent}{}", resource.name)),
        painted(
            tone(resource.condition),
            words::condition(resource.condition),
        ),
        plain(places),
        painted(Tone::Quiet, what),
    ]);
    for (node, instance) in &resource.instances {
        let name = node.split(' ').next().unwrap_or(node);
        let member = report.members.get(name);
        let unclean = member.is_some_and(|one| one.standing == MemberStanding::Unclean);
        if let Some(words) = odd(instance, unclean) {
            table.note(plain(format!("{indent}  - {node}: {words}")));
        }
    }
    let worth_a_word = matches!(
        resource.condition,
        Condition::Changing | Condition::Down | Condition::Failed | Condition::Stuck
    );
    if worth_a_word && resource.kind == ResourceKind::Primitive && !resource.why.is_empty() {
        table.note(plain(format!("{indent}  - {}", resource.why)));
    }
    for member in &resource.members {
        tree(report, member, depth + 1, table);
    }
}

fn tone(condition: Condition) -> Tone {
    match condition {
        Condition::Good => Tone::Good,
        Condition::Disabled | Condition::Changing | Condition::Scarred => Tone::Warn,
        Condition::Down | Condition::Failed | Condition::Stuck => Tone::Bad,
    }
}

/// Where it runs, or something of it.
fn places(resource: &Resource) -> BTreeSet<String> {
    let instances = resource.instances.iter();
    let up = instances.filter(|(_, instance)| instance.observed.role() > Role::Stopped);
    let mut places: BTreeSet<_> = up
        .map(|(node, instance)| match instance.observed.role() {
            Role::Promoted => format!("{node} (promoted)"),
            Role::Started | Role::Stopped => node.clone(),
        })
        .collect();
    for member in &resource.members {
        places.extend(self::places(member));
    }
    places
}

/// What is not as it should be with it; nothing: all is. `unclean`: its node is not known
/// to have stopped it.
fn odd(instance: &Instance, unclean: bool) -> Option<String> {
    let mut words = Vec::new();
    match instance.observed {
        Observed::Stopped | Observed::Started | Observed::Promoted => {}
        seen => words.push(words::observed(seen).to_owned()),
    }
    if unclean && instance.observed.role() > Role::Stopped {
        words.push("counts as running there".to_owned());
    } else if let Some(operation) = instance.pending {
        words.push(format!("{} under way", words::operation(operation)));
    } else if instance.observed.role() != instance.wanted
        || matches!(instance.observed, Observed::Failed { .. })
    {
        words.push(format!("is to be {}", words::role(instance.wanted)));
    }
    if instance.failures > 0 {
        let last = instance.failed_ms.map_or_else(String::new, |ms| {
            let last = if instance.failures == 1 { "" } else { "last " };
            format!(", {last}{}", age::ago(ms))
        });
        words.push(format!("failed {}{last}", words::times(instance.failures)));
    }
    if let Some(said) = &instance.said {
        words.push(said.clone());
    }
    (!words.is_empty()).then(|| words.join("; "))
}
