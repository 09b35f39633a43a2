//! The quick demo: a web server on a pair, step by step. Each is measured, and
//! each is judged by what the client and the hosts say, not by what the command
//! says.

use super::client::Client;
use super::holders::Lookout;
use super::poll::now_us;
use super::project::{Pair, Project};
use super::steps::{self, AFTERMATH, SOON, TAKEOVER, one_holder};
use super::table::Table;
use crate::process;
use crate::report::stage;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

const PAIR: &Pair = &super::project::WEB.pairs[0];

/// All steps. What was measured until one failed is in the table.
pub(crate) fn all(project: &Project, table: &mut Table) -> Result<()> {
    let name = project.name.as_str();

    let netns = steps::lab(project, table)?;

    let begun = stage("release 1.0.0");
    project.runs(&["key", "init"], &[0])?;
    project.runs(&["secret", "init", "-i", name], &[0])?;
    project.commit("The site")?;
    project.runs(&["build", "--release", "1.0.0"], &[0])?;
    table.row("keys, secrets, build of 1.0.0", begun.elapsed());

    let lookout = Lookout::start(project);
    let client = Client::start(&netns, &format!("{}:80", PAIR.address), "/")?;

    let begun = stage("1.0.0 on both hosts");
    project.runs(&["plan", "-i", name, "--lab", "--release", "1.0.0"], &[0])?;
    project.runs(
        &["apply", "-i", name, "--lab", "--release", "1.0.0", "--yes"],
        &[0],
    )?;
    let took = begun.elapsed();
    let (page, _) = client.wait("the site", now_us(), SOON, |page| page.version == "1.0.0")?;
    table.row("plan, apply 1.0.0", took);
    eprintln!("{} answers at http://{}/:", page.node, PAIR.address);
    show_site(&netns)?;
    steps::nothing_to_do(project, "1.0.0")?;
    one_holder(project, &lookout)?;

    let begun = stage("1.1.0: another text, and Apache with more processes");
    edit(project)?;
    project.commit("A greeting, and more processes")?;
    project.runs(&["build", "--release", "1.1.0"], &[0])?;
    table.row("build of 1.1.0", begun.elapsed());
    upgrade(project, &client, table)?;
    one_holder(project, &lookout)?;

    power_cut(project, &client, &lookout, table)?;
    one_holder(project, &lookout)?;

    let begun = stage("back to 1.0.0");
    let from = now_us();
    project.runs(
        &[
            "rollback",
            "-i",
            name,
            "--lab",
            "--to",
            "1.0.0",
            "--because",
            "the demo is over",
            "--yes",
        ],
        &[0],
    )?;
    let took = begun.elapsed();
    client.wait("the old site", now_us(), SOON, |page| {
        page.version == "1.0.0"
    })?;
    settings(project, 2)?;
    table.measured("roll back to 1.0.0", took, &client.since(from)?);
    project.runs(&["status", "-i", name, "--lab"], &[0])?;
    one_holder(project, &lookout)?;

    let seen = lookout.seen();
    table.check(
        "never two holders of the address",
        format!("{} in {} looks at both hosts", seen.twice.len(), seen.looks),
    );
    Ok(())
}

/// The site as a person would see it.
fn show_site(netns: &std::path::Path) -> Result<()> {
    process::must(
        process::command("nsenter")
            .arg(format!("--net={}", netns.display()))
            .args([
                "curl",
                "--silent",
                "--show-error",
                "--fail",
                "--include",
                "--max-time",
                "2",
            ])
            .arg(format!("http://{}/", PAIR.address)),
    )
}

/// Version 1.1.0: another text on the site, and a setting of Apache that wants a
/// restart.
fn edit(project: &Project) -> Result<()> {
    steps::next_version(project, "web-site", "A greeting from the demo")?;
    project.replace(
        "specs/web-site/site/index.html",
        "Version 1.0.0 of the site.",
        "Version 1.1.0 of the site, with a greeting from the demo.",
    )?;
    project.replace(
        &project.inventory(),
        "worker_processes: 1\n",
        "worker_processes: 2\n",
    )
}

/// Plans, saves the plan, and applies what was saved and nothing else.
fn upgrade(project: &Project, client: &Client, table: &mut Table) -> Result<()> {
    let name = project.name.as_str();
    let saved = "../upgrade.json";
    let words = ["-i", name, "--lab", "--release", "1.1.0"];
    let plan = [
        &["plan"],
        &words[..],
        &["--out", saved, "--detailed-exitcode"],
    ]
    .concat();
    project.runs(&plan, &[2])?;
    settings(project, 2)?;
    let begun = Instant::now();
    let from = now_us();
    project.runs(&[&["apply", saved], &words[..], &["--yes"]].concat(), &[0])?;
    let took = begun.elapsed();
    client.wait("the new site", now_us(), SOON, |page| {
        page.version == "1.1.0"
    })?;
    settings(project, 4)?;
    table.measured("apply 1.1.0 in rolling order", took, &client.since(from)?);
    steps::nothing_to_do(project, "1.1.0")
}

/// The setting that the demo changes, on both hosts: places for Apache's
/// processes are twice the processes.
fn settings(project: &Project, places: u32) -> Result<()> {
    for host in PAIR.hosts {
        let text = project.file(host, "/etc/tandem/web/mpm.conf")?;
        ensure!(
            text.lines()
                .any(|line| line == format!("ServerLimit {places}")),
            "{host} should have `ServerLimit {places}` in its mpm.conf"
        );
    }
    Ok(())
}

fn power_cut(
    project: &Project,
    client: &Client,
    lookout: &Lookout,
    table: &mut Table,
) -> Result<()> {
    let name = project.name.as_str();
    let (page, _) = client.wait("the site", now_us(), SOON, |_| true)?;
    let active = page.node.as_str();
    ensure!(PAIR.hosts.contains(&active), "who is {active}?");

    stage(&format!("the power of {active} fails"));
    let from = now_us();
    project.runs(&["lab", "fault", "-i", name, "power-off", active], &[0])?;
    let (page, at) = client.wait("the other node", from, TAKEOVER, |page| page.node != active)?;
    eprintln!("{} answers", page.node);
    std::thread::sleep(AFTERMATH);
    let took = Duration::from_micros(at.saturating_sub(from));
    table.measured(
        &format!("power cut of {active}, takeover by {}", page.node),
        took,
        &client.since(from)?,
    );
    one_holder(project, lookout)?;

    let from = now_us();
    let took = steps::bring_back(project, active)?;
    table.measured(
        &format!("{active} back, the pair is whole"),
        took,
        &client.since(from)?,
    );
    project.runs(&["status", "-i", name, "--lab"], &[0])
}
