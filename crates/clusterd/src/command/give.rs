//! `clusterd give`: everything that runs on a node goes to the others, once.

use crate::api::client::Client;
use crate::failure::{Exit, Problem};
use cluster_model::Command;
use cluster_model::report::{Report, Resource, ResourceKind};
use cluster_model::state::{Direction, Role};
use std::time::{Duration, Instant};

/// Longer than this nobody waits; the moves end by themselves.
const PATIENCE: Duration = Duration::from_secs(110);

const LOOK: Duration = Duration::from_millis(100);

pub(super) fn give(client: &Client, node: &str) -> Result<Exit, Problem> {
    let report: Report = client.get("/v1/status")?;
    if !report.members.contains_key(node) {
        return Err(Problem::failed(format!("there is no node {node}")).with_names_of(client));
    }
    let there = |report: &Report| -> Vec<String> {
        let resources = report.resources.iter();
        resources
            .filter(|one| one.kind != ResourceKind::Clone && is_on(one, node))
            .map(|one| one.name.clone())
            .collect()
    };
    let mut given = Vec::new();
    for resource in there(&report) {
        let command = Command::Move {
            resource: resource.clone(),
            direction: Direction::AwayFrom(node.to_owned()),
            for_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX),
        };
        client.post("/v1/command", &command)?;
        given.push(resource);
    }
    let begun = Instant::now();
    let left = loop {
        let report: Report = client.get("/v1/status")?;
        let left = there(&report);
        if left.is_empty() && !report.in_transition {
            break left;
        }
        if begun.elapsed() > PATIENCE {
            break left;
        }
        std::thread::sleep(LOOK);
    };
    // What moved stays where it is; what did not may not move later either.
    for resource in given {
        client.post("/v1/command", &Command::Unmove { resource })?;
    }
    if !left.is_empty() {
        return Err(
            Problem::failed(format!("still on {node}: {}", left.join(", ")))
                .hint("`clusterd explain` says why"),
        );
    }
    Ok(Exit::Done)
}

fn is_on(resource: &Resource, node: &str) -> bool {
    let here = resource.instances.get(node);
    here.is_some_and(|one| one.observed.role() > Role::Stopped)
        || resource.members.iter().any(|member| is_on(member, node))
}
