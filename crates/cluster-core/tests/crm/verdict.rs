//! Reads what `crm_simulate` says.

use super::Placement;
use cluster_model::state::Role;

/// The resources of its revised status.
pub(super) fn placement(xml: &str) -> Placement {
    let revised = xml
        .split_once("<revised_cluster_status>")
        .expect("a revised status")
        .1;
    let mut found = Placement::new();
    let mut current: Option<(String, Role)> = None;
    for tag in revised.split('<').skip(1) {
        if tag.starts_with("resource ") {
            let role = match attribute(tag, "role") {
                Some("Started" | "Unpromoted") => Role::Started,
                Some("Promoted") => Role::Promoted,
                _ => Role::Stopped,
            };
            let name = attribute(tag, "id").expect("a resource has a name");
            current = Some((name.to_owned(), role));
        } else if tag.starts_with("node ")
            && let Some((name, role)) = &current
            && *role > Role::Stopped
        {
            let node = attribute(tag, "name").expect("a node has a name");
            found
                .entry(name.clone())
                .or_default()
                .insert(node.to_owned(), *role);
        } else if tag.starts_with("/resource>") || tag.starts_with("/resources>") {
            current = None;
        }
    }
    found
}

fn attribute<'x>(tag: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
