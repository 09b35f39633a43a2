//! The agents that are installed on this machine: what they say of themselves is
//! understood, all of it.

use cluster_agents::metadata;
use std::path::PathBuf;

fn programs(directory: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(prefix) && !name.starts_with('.')
        })
        .collect();
    found.sort();
    found
}

#[test]
fn the_metadata_of_all_resource_agents_is_understood() {
    let agents = programs("/usr/lib/ocf/resource.d/heartbeat", "");
    if agents.is_empty() {
        eprintln!(
            "SKIPPED installed agents: no resource agents in /usr/lib/ocf/resource.d/heartbeat"
        );
        return;
    }
    let mut wrong = Vec::new();
    let mut parameters = 0;
    for path in &agents {
        match metadata::read_program(path) {
            Ok(found) => {
                parameters += found.parameters.len();
                for action in ["start", "stop", "monitor", "meta-data"] {
                    let action = found.actions.iter().find(|it| it.name == action);
                    if action.is_none_or(|it| it.timeout.is_none()) {
                        wrong.push(format!("{}: {action:?}", path.display()));
                    }
                }
            }
            Err(problem) => wrong.push(problem.line()),
        }
    }
    eprintln!("{} agents, {parameters} parameters", agents.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Those cannot say whether a node is off, so their `off` is worth nothing here; the
/// first of them is a script for people.
const WITHOUT_STATUS: &[&str] = &[
    "fence_ack_manual",
    "fence_heuristics_ping",
    "fence_kdump",
    "fence_ovh",
    "fence_rcd_serial",
    "fence_watchdog",
];

#[test]
#[ignore = "starts eighty programs in Python, for half a minute"]
fn the_metadata_of_all_fence_agents_is_understood() {
    let agents = programs("/usr/sbin", "fence_");
    let mut wrong = Vec::new();
    for path in &agents {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let exempt = WITHOUT_STATUS.contains(&&*name);
        match metadata::read_fence(path) {
            Ok(found) if found.has("off") && found.has("status") => {}
            _ if exempt => {}
            Ok(found) => wrong.push(format!("{name}: {:?}", found.actions)),
            Err(problem) => wrong.push(problem.line()),
        }
    }
    eprintln!("{} fence agents", agents.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
