//! pyinfra: its inventory, and `xtask/bench/deploy.py`.

use super::contender::Scenario;
use super::fleet::Fleet;
use super::place::Place;
use super::work::{self, Package};
use anyhow::Result;
use std::fmt::Write as _;
use std::process::Command;

const DEPLOY: &str = include_str!("../../bench/deploy.py");

pub(super) fn prepare(place: &Place, fleet: &Fleet<'_>, package: &Package) -> Result<()> {
    let own = place.scratch("pyinfra");
    let mut inventory = String::from("hosts = [\n");
    for host in &fleet.hosts {
        let _ = writeln!(
            inventory,
            "    ({:?}, {{\"ssh_hostname\": {:?}, \"ssh_port\": {}}}),",
            host.name, host.address, host.port
        );
    }
    inventory.push_str("]\n");
    let files: Vec<String> = (1..=work::FILES).map(work::file_name).collect();
    let data = format!(
        "ssh_user = \"root\"\nssh_key = {:?}\nssh_known_hosts_file = {:?}\n\
         ssh_strict_host_key_checking = \"yes\"\npackage_file = {:?}\npackage_digest = {:?}\n\
         templates = {:?}\nfiles = {files:?}\nparams = {{\"greeting\": {:?}}}\n",
        fleet.identity.display().to_string(),
        fleet.known_hosts.display().to_string(),
        package.file.display().to_string(),
        package.digest,
        place
            .project()
            .join("templates/bench")
            .display()
            .to_string(),
        work::GREETING
    );
    work::write(&own.join("inventory.py"), inventory.as_bytes())?;
    work::write(&own.join("group_data/all.py"), data.as_bytes())?;
    work::write(&own.join("deploy.py"), DEPLOY.as_bytes())
}

pub(super) fn command(place: &Place, fleet: &Fleet<'_>, scenario: Scenario) -> Command {
    let program = place.venv().join("bin/pyinfra");
    let mut command = fleet.inside(&program.to_string_lossy());
    command.current_dir(place.scratch("pyinfra"));
    command.arg(match scenario {
        Scenario::Plan => "--dry",
        Scenario::First | Scenario::Again => "--yes",
    });
    command.args(["inventory.py", "deploy.py"]);
    command
}

/// What it did is `Success`; what it would do is in the second column of a table
/// of operations (the third is what depends on others).
pub(super) fn says_change(said: &str) -> bool {
    let did = said.lines().any(|line| line.ends_with("] Success"));
    let would = said
        .split_once("--> Detected changes:")
        .is_some_and(|(_, rest)| {
            rest.lines()
                .skip(1)
                .take_while(|line| !line.trim().is_empty())
                .filter_map(|line| {
                    line.split("  ")
                        .map(str::trim)
                        .filter(|cell| !cell.is_empty())
                        .nth(1)
                })
                .any(|cell| cell != "-" && cell != "Change")
        });
    did || would
}

#[cfg(test)]
mod tests {
    use super::says_change;

    const PLAN: &str = "--> Detected changes:\n    Operation            Change   Conditional Change\n    \
        The file             -        -\n    The service          -        4 (h01, h02)\n\n    More.\n";

    #[test]
    fn conditions_that_may_hold_are_no_change() {
        assert!(!says_change(PLAN));
        assert!(says_change(&PLAN.replace(
            "The file             -",
            "The file             4 (h01)"
        )));
    }

    #[test]
    fn what_was_done_is_a_change() {
        assert!(says_change("    [h01] Success\n    [h02] No changes\n"));
        assert!(!says_change("    [h01] No changes\n"));
    }
}
