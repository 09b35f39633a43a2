//! Steps that both demos take.

use super::holders::Lookout;
use super::project::{Pair, Project};
use super::table::Table;
use crate::process;
use crate::report::stage;
use anyhow::{Context as _, Result, bail, ensure};
use std::path::PathBuf;
use std::time::Duration;

/// How long a service may take to answer after a command said that it does.
pub(super) const SOON: Duration = Duration::from_secs(5);
/// How long a takeover may take: deadtime, start, and a slow machine.
pub(super) const TAKEOVER: Duration = Duration::from_secs(60);
/// How long a host may take to boot and to be a good member again.
const RETURN: Duration = Duration::from_secs(90);
/// How long the client goes on asking after something is over.
pub(super) const AFTERMATH: Duration = Duration::from_secs(1);

/// A fresh copy of the project and the twin of its dev inventory; the network
/// of the clients.
pub(super) fn lab(project: &Project, table: &mut Table) -> Result<PathBuf> {
    let name = project.name.as_str();
    let begun = stage("the dev lab: its hosts on this machine");
    project.refuse_foreign_lab()?;
    if project.lab()?.is_some() {
        project.runs(&["lab", "down", "-i", name], &[0])?;
    }
    project.copy()?;
    project.runs(&["lab", "up", "-i", name], &[0])?;
    let netns = project.own_lab()?;
    table.row("lab up", begun.elapsed());
    Ok(netns)
}

/// Version 1.1.0 of a package, with a line in its change log.
pub(super) fn next_version(project: &Project, package: &str, line: &str) -> Result<()> {
    let spec = format!("specs/{package}.yaml");
    let text = project.read(&spec)?;
    let date = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("- date: "))
        .with_context(|| format!("{spec} has a change log"))?;
    project.replace(&spec, "\nversion: 1.0.0\n", "\nversion: 1.1.0\n")?;
    project.replace(
        &spec,
        "\nchangelog:\n",
        &format!(
            "\nchangelog:\n  - date: {date}\n    author: demo <demo@tandem.invalid>\n    \
             version: 1.1.0-1\n    lines: [{line}]\n"
        ),
    )
}

/// What was just applied leaves nothing to do.
pub(super) fn nothing_to_do(project: &Project, version: &str) -> Result<()> {
    let words = [
        "plan",
        "-i",
        &project.name,
        "--lab",
        "--release",
        version,
        "--detailed-exitcode",
    ];
    project.runs(&words, &[0])
}

/// Gives a host its power again, and waits until `status` finds nothing wrong.
pub(super) fn bring_back(project: &Project, host: &str) -> Result<Duration> {
    let name = project.name.as_str();
    let begun = stage(&format!("{host} has power again"));
    project.runs(&["lab", "fault", "-i", name, "power-on", host], &[0])?;
    loop {
        let status = ["status", "-i", name, "--lab"];
        let output = process::caught(&mut project.tandem(&status))?;
        if output.status.success() {
            break;
        }
        if begun.elapsed() > RETURN {
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            bail!(
                "{host} did not become a good member again within {} s",
                RETURN.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    let took = begun.elapsed();
    std::thread::sleep(AFTERMATH);
    Ok(took)
}

/// The one host of a pair that holds its address.
pub(super) fn holder(project: &Project, pair: &Pair) -> Result<&'static str> {
    let holders: Vec<&str> = pair
        .hosts
        .into_iter()
        .filter(|host| project.holds(host, pair.address))
        .collect();
    match holders[..] {
        [holder] => Ok(holder),
        _ => bail!(
            "{} should have one holder, and has {}: {}",
            pair.address,
            holders.len(),
            holders.join(", ")
        ),
    }
}

/// Every address has exactly one holder now, and never had two so far.
pub(super) fn one_holder(project: &Project, lookout: &Lookout) -> Result<()> {
    for pair in project.scene.pairs {
        holder(project, pair)?;
    }
    let seen = lookout.seen();
    ensure!(
        seen.twice.is_empty(),
        "two hosts had one address: {}",
        seen.twice.join("; ")
    );
    Ok(())
}
