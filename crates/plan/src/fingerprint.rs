//! The digest of everything in the facts that a plan depends on.

use crate::desired::{Known, View};
use std::collections::BTreeMap;
use tandem_generation::Digest;

/// Digest of what was known. Clocks, free space, uploads and boot ids do not
/// count: they change without making a plan wrong. Where resources are, what
/// is installed, what was edited and who is at work do.
pub(crate) fn fingerprint(
    known: &BTreeMap<String, Known>,
    views: &BTreeMap<String, View>,
) -> Digest {
    let hosts: BTreeMap<_, _> = known
        .iter()
        .map(|(host, known)| {
            let value = match known {
                Known::Unreachable(_) => serde_json::Value::Null,
                Known::Facts(facts) => serde_json::json!({
                    "generation": facts.generation.as_ref().map(|generation| generation.number),
                    "next": facts.next_number,
                    "packages": facts.packages,
                    "files": facts.files,
                    "units": facts.units,
                    "base": facts.base,
                    "open": facts.open,
                }),
            };
            (host, value)
        })
        .collect();
    let holders: BTreeMap<_, _> = views
        .iter()
        .map(|(cluster, view)| {
            let nodes: BTreeMap<_, _> = view
                .iter()
                .map(|(node, status)| (node, (&status.held_here, &status.nodes)))
                .collect();
            (cluster, nodes)
        })
        .collect();
    Digest::of(serde_json::to_vec(&(hosts, holders)).unwrap_or_default())
}
