//! Where everything runs, and what became of it between two looks.

use super::words;
use crate::simulation::Places;
use cluster_model::report::{Report, Resource};
use cluster_model::state::Role;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where everything runs, as a report says.
pub(crate) fn of_report(report: &Report) -> Places {
    let mut places = Places::new();
    add(&report.resources, &mut places);
    places
}

fn add(resources: &[Resource], places: &mut Places) {
    for resource in resources {
        if resource.members.is_empty() {
            let instances = resource.instances.iter();
            let up = instances.filter(|(_, one)| one.observed.role() > Role::Stopped);
            let up = up.map(|(node, one)| (node.clone(), one.observed.role()));
            places.insert(resource.name.clone(), up.collect());
        }
        add(&resource.members, places);
    }
}

/// One line for each resource that is not where it was.
pub(crate) fn changes(before: &Places, after: &Places) -> String {
    let mut text = String::new();
    let nowhere = BTreeMap::new();
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let was = before.get(name).unwrap_or(&nowhere);
        let is = after.get(name).unwrap_or(&nowhere);
        if was != is {
            let _ = writeln!(text, "{name}: {}", change(was, is));
        }
    }
    text
}

fn change(was: &BTreeMap<String, Role>, is: &BTreeMap<String, Role>) -> String {
    let one = |places: &BTreeMap<String, Role>| match places.len() {
        1 => places
            .iter()
            .next()
            .map(|(node, role)| (node.clone(), *role)),
        _ => None,
    };
    if let (Some((from, _)), Some((to, _))) = (one(was), one(is))
        && from != to
    {
        return format!("moved from {from} to {to}");
    }
    let mut parts = Vec::new();
    for (node, role) in is {
        match was.get(node) {
            None => parts.push(format!("{} on {node}", words::role(*role))),
            Some(before) if before < role => parts.push(format!("promoted on {node}")),
            Some(before) if before > role => parts.push(format!("demoted on {node}")),
            Some(_) => {}
        }
    }
    let gone = was.keys().filter(|node| !is.contains_key(*node));
    parts.extend(gone.map(|node| format!("stopped on {node}")));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(of: &[(&str, &[(&str, Role)])]) -> Places {
        let nodes = |nodes: &[(&str, Role)]| {
            let nodes = nodes.iter();
            nodes
                .map(|(node, role)| ((*node).to_owned(), *role))
                .collect()
        };
        of.iter()
            .map(|(name, at)| ((*name).to_owned(), nodes(at)))
            .collect()
    }

    #[test]
    fn only_what_changed_is_told_and_in_plain_words() {
        let before = places(&[
            ("a", &[("zipi", Role::Started)]),
            ("b", &[("zipi", Role::Started), ("zape", Role::Promoted)]),
            ("c", &[("zipi", Role::Started)]),
            ("d", &[("zape", Role::Started), ("zipi", Role::Started)]),
        ]);
        let after = places(&[
            ("a", &[("zape", Role::Started)]),
            ("b", &[("zipi", Role::Promoted), ("zape", Role::Started)]),
            ("c", &[("zipi", Role::Started)]),
            ("d", &[("zape", Role::Started)]),
        ]);
        assert_eq!(
            changes(&before, &after),
            "a: moved from zipi to zape\nb: demoted on zape, promoted on zipi\nd: stopped on zipi\n"
        );
        assert_eq!(changes(&after, &after), "");
    }
}
