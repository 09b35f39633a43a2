//! `clusterd failcount` as text and as a document.

use super::table::{Table, plain};
use super::words;
use crate::age;
use crate::terminal::Styles;
use cluster_model::report::{Report, Resource};
use serde::Serialize;

/// Failures since the last cleanup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failures {
    api_version: u32,
    failures: Vec<Failure>,
}

/// Failures of a resource on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Failure {
    resource: String,
    node: String,
    count: u32,
    last_ms: Option<u64>,
    said: Option<String>,
}

impl Failures {
    /// Those of a resource and its members, and on a node, if they are named.
    pub(crate) fn new(report: &Report, resource: Option<&str>, node: Option<&str>) -> Self {
        let mut failures = Vec::new();
        add(&report.resources, resource, node, &mut failures);
        Self {
            api_version: report.api_version,
            failures,
        }
    }

    /// A line for each.
    pub(crate) fn text(&self, styles: Styles) -> String {
        if self.failures.is_empty() {
            return "no failures since the last cleanup\n".to_owned();
        }
        let mut table = Table::default();
        for one in &self.failures {
            let last = one.last_ms.map_or_else(String::new, age::ago);
            table.row(vec![
                plain(&one.resource),
                plain(&one.node),
                plain(words::times(one.count)),
                plain(last),
                plain(one.said.clone().unwrap_or_default()),
            ]);
        }
        table.text(styles)
    }
}

fn add(
    resources: &[Resource],
    name: Option<&str>,
    wanted: Option<&str>,
    failures: &mut Vec<Failure>,
) {
    for resource in resources {
        let this = name.is_none_or(|name| name == resource.name);
        for (node, instance) in &resource.instances {
            // `zape (db:1)` is an instance on zape.
            let at = node.split(' ').next().unwrap_or(node);
            let here = wanted.is_none_or(|wanted| wanted == at);
            if this && here && instance.failures > 0 {
                failures.push(Failure {
                    resource: resource.name.clone(),
                    node: node.clone(),
                    count: instance.failures,
                    last_ms: instance.failed_ms,
                    said: instance.said.clone(),
                });
            }
        }
        // Everything below what was named counts.
        let below = if this { None } else { name };
        add(&resource.members, below, wanted, failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(resource: Option<&str>, node: Option<&str>) -> String {
        let text = include_str!("../../tests/situations/failed-resource.json");
        let report = serde_json::from_str(text).expect("a report");
        Failures::new(&report, resource, node).text(Styles::default())
    }

    #[test]
    fn failures_are_found_below_a_group_and_by_node() {
        let all = failures(None, None);
        assert_eq!(all, failures(Some("web"), Some("zipi")));
        assert!(all.starts_with("  httpd  zipi  2 times  "), "{all}");
        for none in [failures(Some("vip"), None), failures(None, Some("zape"))] {
            assert_eq!(none, "no failures since the last cleanup\n");
        }
    }
}
