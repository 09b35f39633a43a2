//! The demo of the whole platform: two pairs, nine packages, step by step. Each
//! step is judged by what clients of the networks see.

use super::client::Client;
use super::holders::Lookout;
use super::poll::now_us;
use super::project::{PLATFORM, Pair, Project, enter_bmc_password};
use super::steps::{self, AFTERMATH, SOON, TAKEOVER, one_holder};
use super::table::Table;
use crate::process;
use crate::report::stage;
use anyhow::{Context as _, Result, bail, ensure};
use std::time::{Duration, Instant};

const FRONTEND: &Pair = &PLATFORM.pairs[0];
const BACKEND: &Pair = &PLATFORM.pairs[1];
/// Applications, from where they are asked, and where they answer, as
/// roles/frontend.yaml has it.
const APPLICATIONS: [(&str, &str, &str, u16); 4] = [
    ("gatekeeper", "client-ext", "10.77.4.50", 8081),
    ("licensing", "client-ext", "10.77.4.50", 8082),
    ("swupgrade", "client-ext", "10.77.4.50", 8084),
    ("o_m", "client-om", "10.77.2.50", 8083),
];
/// How long a question may take, in seconds.
const PATIENCE: &str = "5";

/// All steps. What was measured until one failed is in the table.
pub(super) fn all(project: &Project, table: &mut Table) -> Result<()> {
    let name = project.name.as_str();
    let netns = steps::lab(project, table)?;

    let begun = stage("release 1.0.0: nine packages");
    project.runs(&["key", "init"], &[0])?;
    project.runs(&["secret", "init", "-i", name], &[0])?;
    enter_bmc_password(&mut project.tandem(&["secret", "edit", "-i", name]))?;
    project.commit("The platform")?;
    project.runs(&["build", "--release", "1.0.0"], &[0])?;
    table.row("keys, secrets, build of 1.0.0", begun.elapsed());

    let lookout = Lookout::start(project);
    let begun = stage("1.0.0 on two pairs: from bare base systems to the whole platform");
    let words = ["-i", name, "--lab", "--release", "1.0.0"];
    // Databases are made, and packages that conflict are removed: neither is undone.
    let consent = ["--yes", "--accept-irreversible"];
    project.runs(&[&["apply"], &words[..], &consent[..]].concat(), &[0])?;
    table.row("apply 1.0.0 on four bare hosts", begun.elapsed());
    let begun = stage("what answers, and what does not");
    let checked = services(project)?;
    table.row(&format!("{checked} services checked"), begun.elapsed());
    steps::nothing_to_do(project, "1.0.0")?;
    one_holder(project, &lookout)?;

    let gatekeeper = poller(&netns, 0)?;
    let licensing = poller(&netns, 1)?;
    upgrade(project, &gatekeeper, &licensing, table)?;
    one_holder(project, &lookout)?;

    let begun = stage("back to 1.0.0");
    let from = now_us();
    let because = ["--because", "the demo shows it", "--to", "1.0.0", "--yes"];
    let words = [&["rollback", "-i", name, "--lab"], &because[..]].concat();
    project.runs(&words, &[0])?;
    let took = begun.elapsed();
    gatekeeper.wait("the old gatekeeper", now_us(), SOON, |page| {
        page.version.starts_with("1.0.0")
    })?;
    table.measured("roll back: gatekeeper", took, &gatekeeper.since(from)?);
    table.measured("  meanwhile licensing", took, &licensing.since(from)?);
    one_holder(project, &lookout)?;

    power_cut(project, FRONTEND, &licensing, table)?;
    one_holder(project, &lookout)?;
    power_cut(project, BACKEND, &licensing, table)?;
    one_holder(project, &lookout)?;
    project.runs(&["status", "-i", name, "--lab"], &[0])?;

    let seen = lookout.seen();
    table.check(
        "never two holders of an address",
        format!("{} in {} looks at all hosts", seen.twice.len(), seen.looks),
    );
    Ok(())
}

/// Asks for an application's health every 20 ms.
fn poller(netns: &std::path::Path, application: usize) -> Result<Client> {
    let (name, _, host, port) = APPLICATIONS[application];
    Client::start(netns, &format!("{host}:{port}"), &format!("/{name}/health"))
}

/// What a client gets from a URL: its status and its body.
fn get(project: &Project, client: &str, more: &[&str], url: &str) -> Result<(String, String)> {
    let words = ["curl", "-s", "--max-time", PATIENCE, "-w", "\n%{http_code}"];
    let output =
        process::caught(&mut project.client(client, &[&words[..], more, &[url]].concat()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", "000"));
    Ok((status.to_owned(), body.to_owned()))
}

/// Every service from the networks that shall reach it, and from those that
/// shall not; how many were asked.
fn services(project: &Project) -> Result<usize> {
    let mut asked = 0;
    let mut expect = |client: &str, url: &str, wanted: &str| -> Result<()> {
        let (status, _) = get(project, client, &[], url)?;
        eprintln!(
            "{client:10}  {url:42}  {}",
            if status == "000" {
                "no answer"
            } else {
                &status
            }
        );
        ensure!(
            status == wanted,
            "{url} from {client}: {status}, and should be {wanted}"
        );
        asked += 1;
        Ok(())
    };
    let address = FRONTEND.address;
    // Static content is for clients that sign in.
    expect("client-ext", &format!("http://{address}/"), "401")?;
    for (name, client, host, port) in APPLICATIONS {
        let url = format!("http://{host}:{port}/{name}/health");
        expect(client, &url, "200")?;
        expect(client, &format!("{url}/db"), "200")?;
    }
    // Nobody reaches the database from outside (000: no answer).
    expect(
        "client-ext",
        &format!("http://{}:3306/", BACKEND.address),
        "000",
    )?;
    expect("client-ext", "http://10.77.3.21:3306/", "000")?;
    Ok(asked)
}

/// Writes a row through an application and the writer's address.
fn write(project: &Project, text: &str) -> Result<()> {
    let (name, client, host, port) = APPLICATIONS[0];
    let url = format!("http://{host}:{port}/{name}/db");
    let row = format!("text={text}");
    let (status, body) = get(project, client, &["-d", &row], &url)?;
    // See Other: the row is there, look at it.
    ensure!(status == "303", "writing `{text}`: {status} {body}");
    Ok(())
}

/// Waits until an application reads rows again, and wants this one among them.
fn read(project: &Project, text: &str) -> Result<Duration> {
    let (name, client, host, port) = APPLICATIONS[0];
    let url = format!("http://{host}:{port}/{name}/db");
    let begun = Instant::now();
    loop {
        let (status, body) = get(project, client, &[], &url)?;
        if status == "200" {
            ensure!(body.contains(text), "the row `{text}` is lost: {body}");
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > TAKEOVER {
            bail!("{url} does not read the database: {status} {body}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Another version of one application: the others must not notice.
fn upgrade(
    project: &Project,
    gatekeeper: &Client,
    licensing: &Client,
    table: &mut Table,
) -> Result<()> {
    let name = project.name.as_str();
    let begun = stage("1.1.0: another gatekeeper");
    steps::next_version(project, "gbroker-gatekeeper", "A version for the demo")?;
    project.commit("gatekeeper 1.1.0")?;
    project.runs(&["build", "--release", "1.1.0"], &[0])?;
    table.row("build of 1.1.0", begun.elapsed());
    let words = ["-i", name, "--lab", "--release", "1.1.0"];
    let plan = [&["plan"], &words[..], &["--detailed-exitcode"]].concat();
    project.runs(&plan, &[2])?;
    let begun = Instant::now();
    let from = now_us();
    project.runs(&[&["apply"], &words[..], &["--yes"]].concat(), &[0])?;
    let took = begun.elapsed();
    gatekeeper.wait("the new gatekeeper", now_us(), SOON, |page| {
        page.version.starts_with("1.1.0")
    })?;
    let others = licensing.since(from)?;
    table.measured("upgrade of gatekeeper", took, &gatekeeper.since(from)?);
    table.measured("  meanwhile licensing", took, &others);
    ensure!(
        others.failed == 0,
        "{} requests to licensing failed while gatekeeper was upgraded",
        others.failed
    );
    steps::nothing_to_do(project, "1.1.0")
}

/// The power of the node that serves fails; a row written before is read after.
fn power_cut(project: &Project, pair: &Pair, client: &Client, table: &mut Table) -> Result<()> {
    let name = project.name.as_str();
    let active = steps::holder(project, pair)?;
    let row = format!("before-{active}-failed");
    write(project, &row)?;
    stage(&format!("the power of {active} fails"));
    let from = now_us();
    let begun = Instant::now();
    project.runs(&["lab", "fault", "-i", name, "power-off", active], &[0])?;
    read(project, &row).with_context(|| format!("after {active} failed"))?;
    write(project, &format!("after-{active}-failed"))?;
    let took = begun.elapsed();
    client.wait("the other applications", now_us(), TAKEOVER, |_| true)?;
    std::thread::sleep(AFTERMATH);
    let what = format!("power cut of {active}: rows read and written");
    table.measured(&what, took, &client.since(from)?);
    let took = steps::bring_back(project, active)?;
    table.row(&format!("{active} back, the pair is whole"), took);
    Ok(())
}
