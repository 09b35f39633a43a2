//! The digest of everything in the facts that a plan depends on.

use crate::desired::{Known, View, probe_name};
use cluster_model::Redundancy;
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Digest, Facts};

/// Digest of what was known. Clocks, free space, uploads, locks and boot ids do
/// not count: they change without making a plan wrong. Where resources are and
/// whether one could take over, what is installed, what was edited, what runs,
/// what is left open or held, and what has yet to be initialised do.
pub(crate) fn fingerprint(
    known: &BTreeMap<String, Known>,
    views: &BTreeMap<String, View>,
) -> Digest {
    let hosts: BTreeMap<_, _> = known
        .iter()
        .map(|(host, known)| {
            let value = match known {
                Known::Unreachable(_) => serde_json::Value::Null,
                Known::Facts(facts) => of_host(facts),
            };
            (host, value)
        })
        .collect();
    let clusters: BTreeMap<_, _> = views
        .iter()
        .map(|(cluster, view)| {
            let nodes: BTreeMap<_, _> = view
                .iter()
                .map(|(node, status)| {
                    // Why redundancy is lost is told in changing words.
                    let redundancy = match status.redundancy {
                        Redundancy::Real => "real",
                        Redundancy::Lost { .. } => "lost",
                        Redundancy::NoCluster => "none",
                    };
                    let held: BTreeSet<_> = status.held_here.iter().collect();
                    (
                        node,
                        (held, &status.nodes, redundancy, status.in_transition),
                    )
                })
                .collect();
            (cluster, nodes)
        })
        .collect();
    Digest::of(serde_json::to_vec(&(hosts, clusters)).unwrap_or_default())
}

fn of_host(facts: &Facts) -> serde_json::Value {
    let packages: BTreeSet<_> = facts.packages.iter().collect();
    let files: BTreeMap<_, _> = facts.files.iter().map(|file| (&file.path, file)).collect();
    let units: BTreeMap<_, _> = facts.units.iter().map(|unit| (&unit.unit, unit)).collect();
    let open: BTreeMap<_, _> = facts
        .open
        .iter()
        .map(|open| (format!("{}/{}", open.run, open.leg), open.state))
        .collect();
    let prefix = probe_name("");
    let initialised: BTreeMap<_, _> = facts
        .observed
        .iter()
        .filter(|result| result.name.starts_with(&prefix))
        .map(|result| (&result.name, result.exit == Some(0)))
        .collect();
    serde_json::json!({
        "generation": facts.generation.as_ref().map(|generation| generation.number),
        "next": facts.next_number,
        "packages": packages,
        "files": files,
        "units": units,
        "base": facts.base,
        "open": open,
        "held": facts.held,
        "retired": facts.retired,
        "recovery": facts.recovery_failed.is_some(),
        "initialised": initialised,
    })
}
