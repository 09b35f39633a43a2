//! Which crate of ours may import which.

use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may import of ours. A new crate gets its line here, with
/// thought: this table is the house's floor plan.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // Ground floor.
    ("cluster-model", &[]),
    ("tandem-generation", &[]),
    // Deploy wing.
    ("tandem-model", &["cluster-model", "tandem-generation"]),
    (
        "tandem-render",
        &["cluster-model", "tandem-generation", "tandem-model"],
    ),
    ("tandem-package", &["tandem-generation", "tandem-model"]),
    (
        "tandem-engine",
        &[
            "cluster-model",
            "tandem-generation",
            "tandem-model",
            "tandem-render",
        ],
    ),
    ("tandem-plan", &["cluster-model", "tandem-generation"]),
    ("tandem-remote", &[]),
    (
        "tandem-deploy",
        &[
            "cluster-model",
            "tandem-generation",
            "tandem-plan",
            "tandem-remote",
        ],
    ),
    ("tandem-host", &["tandem-generation"]),
    ("tandem-lab", &[]),
    (
        "tandem",
        &[
            "cluster-model",
            "tandem-deploy",
            "tandem-engine",
            "tandem-generation",
            "tandem-lab",
            "tandem-model",
            "tandem-package",
            "tandem-plan",
            "tandem-remote",
            "tandem-render",
        ],
    ),
    // Cluster wing.
    ("cluster-core", &["cluster-model"]),
    ("cluster-wire", &[]),
    ("cluster-watchdog", &[]),
    ("cluster-store", &["cluster-core"]),
    ("cluster-agents", &["cluster-model"]),
    (
        "clusterd",
        &[
            "cluster-agents",
            "cluster-core",
            "cluster-model",
            "cluster-store",
            "cluster-watchdog",
            "cluster-wire",
        ],
    ),
    ("cluster-sim", &["cluster-core", "cluster-model"]),
    // Not of the house: xtask knows the product as an operator does. The model
    // is for the schemas of docs/schema alone.
    ("xtask", &["tandem-model"]),
];

/// Tests may bring up a lab, read packages, stand in for the host's own helper
/// or run the real daemon; they stay in their wing all the same.
const TESTS_MAY_IMPORT: &[&str] = &[
    "cluster-model",
    "tandem-generation",
    "tandem-lab",
    "tandem-model",
    "tandem-package",
    "tandem-render",
];

/// The packages of the workspace and how they depend on each other.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) ours: BTreeMap<String, Imports>,
}

/// What a crate of ours imports of ours.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) always: BTreeSet<String>,
    pub(crate) in_tests: BTreeSet<String>,
}

impl Graph {
    /// Reads `cargo metadata`.
    pub(crate) fn new(metadata: &Value) -> Result<Self> {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let members: BTreeSet<String> = list(&metadata["workspace_members"])
            .iter()
            .map(word)
            .collect();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (word(&package["id"]), word(&package["name"])))
            .filter(|(id, _)| members.contains(id))
            .collect();
        let mut graph = Self::default();
        for node in list(&metadata["resolve"]["nodes"]) {
            let Some(name) = names.get(&word(&node["id"])) else {
                continue;
            };
            let mut imports = Imports::default();
            for dependency in list(&node["deps"]) {
                let Some(other) = names.get(&word(&dependency["pkg"])) else {
                    continue;
                };
                let only_in_tests = list(&dependency["dep_kinds"])
                    .iter()
                    .all(|kind| kind["kind"] == "dev");
                if only_in_tests {
                    imports.in_tests.insert(other.clone());
                } else {
                    imports.always.insert(other.clone());
                }
            }
            graph.ours.insert(name.clone(), imports);
        }
        if graph.ours.is_empty() {
            bail!("`cargo metadata` names no package of the workspace");
        }
        Ok(graph)
    }
}

/// Imports that the floor plan does not have.
pub(crate) fn check(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (name, imports) in &graph.ours {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| known == name) else {
            found.push(format!(
                "{name}: a crate that xtask/src/layers/edges.rs does not know; say there what it may import"
            ));
            continue;
        };
        for import in &imports.always {
            if !allowed.contains(&import.as_str()) {
                found.push(format!("{name} imports {import}, which it may not know"));
            }
        }
        for import in &imports.in_tests {
            let allowed = allowed.contains(&import.as_str())
                || (name != "tandem-plan"
                    && !name.starts_with("cluster")
                    && TESTS_MAY_IMPORT.contains(&import.as_str()));
            if !allowed {
                found.push(format!(
                    "the tests of {name} import {import}, which they may not know"
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(name: &str, always: &[&str], in_tests: &[&str]) -> Graph {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let imports = Imports {
            always: names(always),
            in_tests: names(in_tests),
        };
        Graph {
            ours: BTreeMap::from([(name.to_owned(), imports)]),
        }
    }

    #[test]
    fn the_wings_do_not_know_each_other() {
        let found = check(&graph("clusterd", &["tandem-deploy", "cluster-core"], &[]));
        assert_eq!(
            found,
            ["clusterd imports tandem-deploy, which it may not know"]
        );
        assert_eq!(check(&graph("tandem-engine", &["clusterd"], &[])).len(), 1);
        assert_eq!(
            check(&graph("cluster-core", &[], &["tandem-model"])).len(),
            1
        );
    }

    #[test]
    fn nobody_imports_the_command() {
        for (name, allowed) in MAY_IMPORT {
            assert!(!allowed.contains(&"tandem") && !allowed.contains(&"xtask"));
            assert!(!check(&graph(name, &["tandem"], &[])).is_empty(), "{name}");
        }
    }

    #[test]
    fn types_import_nothing_of_ours() {
        assert_eq!(
            check(&graph("tandem-generation", &["cluster-model"], &[])).len(),
            1
        );
        assert_eq!(
            check(&graph("cluster-model", &["tandem-generation"], &[])).len(),
            1
        );
    }

    #[test]
    fn a_crate_that_nobody_thought_about_is_found() {
        let found = check(&graph("tandem-extra", &[], &[]));
        assert!(found[0].contains("does not know"), "{found:?}");
    }

    #[test]
    fn tests_may_have_a_lab_but_not_those_of_what_is_pure() {
        assert!(check(&graph("tandem-deploy", &[], &["tandem-lab"])).is_empty());
        assert_eq!(check(&graph("tandem-plan", &[], &["tandem-lab"])).len(), 1);
        assert_eq!(
            check(&graph("tandem-lab", &["tandem-package"], &[])).len(),
            1
        );
    }

    #[test]
    fn imports_for_tests_are_told_apart_from_others() {
        let metadata = serde_json::json!({
            "packages": [{"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"}, {"id": "c 1", "name": "c"}],
            "workspace_members": ["a 1", "b 1"],
            "resolve": {"nodes": [
                {"id": "a 1", "deps": [
                    {"pkg": "b 1", "dep_kinds": [{"kind": "dev"}]},
                    {"pkg": "c 1", "dep_kinds": [{"kind": null}]}]},
                {"id": "b 1", "deps": [{"pkg": "a 1", "dep_kinds": [{"kind": "dev"}, {"kind": "build"}]}]},
                {"id": "c 1", "deps": []}]}
        });
        let graph = Graph::new(&metadata).expect("well formed");
        assert!(graph.ours["a"].in_tests.contains("b") && graph.ours["a"].always.is_empty());
        assert!(graph.ours["b"].always.contains("a"));
        assert!(Graph::new(&serde_json::json!({})).is_err());
    }
}
