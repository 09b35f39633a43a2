//! The demo, step by step. Each is measured, and each is judged by what the
//! client and the hosts say, not by what the command says.

use super::client::Client;
use super::holders::Lookout;
use super::poll::now_us;
use super::project::Project;
use super::table::Table;
use crate::process;
use crate::report::stage;
use anyhow::{Result, bail, ensure};
use std::time::{Duration, Instant};

/// How long the site may take to answer after a command said that it does.
const SOON: Duration = Duration::from_secs(5);
/// How long a takeover may take: deadtime, start, and a slow machine.
const TAKEOVER: Duration = Duration::from_secs(30);
/// How long a host may take to boot and to be a good member again.
const RETURN: Duration = Duration::from_secs(60);
/// How long the client goes on asking after something is over.
const AFTERMATH: Duration = Duration::from_secs(1);

/// All steps. What was measured until one failed is in the table.
pub(crate) fn all(project: &Project, table: &mut Table) -> Result<()> {
    let name = project.name.as_str();

    let begun = stage("the dev lab: a pair of hosts on this machine");
    project.refuse_foreign_lab()?;
    if project.lab()?.is_some() {
        project.runs(&["lab", "down", "-i", name], &[0])?;
    }
    project.copy()?;
    project.runs(&["lab", "up", "-i", name], &[0])?;
    let netns = project.own_lab()?;
    table.row("lab up", begun.elapsed());

    let begun = stage("release 1.0.0");
    project.runs(&["key", "init"], &[0])?;
    project.runs(&["secret", "init", "-i", name], &[0])?;
    project.commit("The site")?;
    project.runs(&["build", "--release", "1.0.0"], &[0])?;
    table.row("keys, secrets, build of 1.0.0", begun.elapsed());

    let lookout = Lookout::start(project);
    let client = Client::start(&netns, Project::ADDRESS)?;

    let begun = stage("1.0.0 on both hosts");
    project.runs(&["plan", "-i", name, "--lab", "--release", "1.0.0"], &[0])?;
    project.runs(
        &["apply", "-i", name, "--lab", "--release", "1.0.0", "--yes"],
        &[0],
    )?;
    let took = begun.elapsed();
    let (page, _) = client.wait("the site", now_us(), SOON, |page| page.version == "1.0.0")?;
    table.row("plan, apply 1.0.0", took);
    eprintln!("{} answers at http://{}/:", page.node, Project::ADDRESS);
    show_site(&netns)?;
    nothing_to_do(project, "1.0.0")?;
    one_holder(project, &lookout)?;

    let begun = stage("1.1.0: another text, and Apache with more processes");
    project.edit()?;
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
            .arg(format!("http://{}/", Project::ADDRESS)),
    )
}

/// What was just applied leaves nothing to do.
fn nothing_to_do(project: &Project, version: &str) -> Result<()> {
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
    nothing_to_do(project, "1.1.0")
}

/// The setting that the demo changes, on both hosts: places for Apache's
/// processes are twice the processes.
fn settings(project: &Project, places: u32) -> Result<()> {
    for host in Project::HOSTS {
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
    ensure!(Project::HOSTS.contains(&active), "who is {active}?");

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

    let begun = stage(&format!("{active} has power again"));
    let from = now_us();
    project.runs(&["lab", "fault", "-i", name, "power-on", active], &[0])?;
    let status = ["status", "-i", name, "--lab"];
    loop {
        let output = process::caught(&mut project.tandem(&status))?;
        if output.status.success() {
            break;
        }
        if begun.elapsed() > RETURN {
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            bail!(
                "{active} did not become a good member again within {} s",
                RETURN.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    let took = begun.elapsed();
    std::thread::sleep(AFTERMATH);
    table.measured(
        &format!("{active} back, the pair is whole"),
        took,
        &client.since(from)?,
    );
    project.runs(&status, &[0])
}

/// Exactly one holder now, and never two so far.
fn one_holder(project: &Project, lookout: &Lookout) -> Result<()> {
    let holders: Vec<&str> = Project::HOSTS
        .into_iter()
        .filter(|host| project.holds(host))
        .collect();
    ensure!(
        holders.len() == 1,
        "{} should have one holder, and has {}: {}",
        Project::ADDRESS,
        holders.len(),
        holders.join(", ")
    );
    let seen = lookout.seen();
    ensure!(
        seen.twice.is_empty(),
        "two hosts had {}: {}",
        Project::ADDRESS,
        seen.twice.join("; ")
    );
    Ok(())
}
