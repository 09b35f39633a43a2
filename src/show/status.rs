//! One screen for an environment.

use crate::session::Gathered;
use crate::terminal::{Terminal, Tone};
use cluster_model::{ClusterStatus, Redundancy};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tandem_generation::{Cause, FORMAT, Facts, UnitRun, Verdict};
use tandem_plan::View;

/// The state of an environment.
#[derive(Serialize)]
pub(crate) struct Status {
    api_version: u32,
    environment: String,
    /// `good`, or what is wrong first.
    verdict: String,
    hosts: BTreeMap<String, HostStatus>,
    clusters: BTreeMap<String, ClusterLine>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct HostStatus {
    reachable: bool,
    error: Option<String>,
    generation: Option<u64>,
    release: Option<String>,
    verdict: Option<String>,
    since: Option<String>,
    drift: Vec<String>,
    /// Units that run and should not, or do not run and should.
    units: Vec<String>,
    lock: Option<String>,
    open_runs: Vec<String>,
    recovery_failed: Option<String>,
}

#[derive(Serialize)]
struct ClusterLine {
    engine: Option<String>,
    without: Vec<String>,
    holder: Vec<String>,
    redundant: bool,
    because: Vec<String>,
    nodes: BTreeMap<String, ClusterStatus>,
}

/// What was asked about a cluster: its engine's name and accepted losses.
pub(crate) type Engines = BTreeMap<String, (Option<String>, Vec<String>)>;

impl Status {
    pub(crate) fn new(
        environment: &str,
        gathered: &Gathered,
        views: &BTreeMap<String, View>,
        engines: &Engines,
    ) -> Self {
        let mut problems = Vec::new();
        let hosts = gathered
            .iter()
            .map(|(name, facts)| (name.clone(), host_status(name, facts, &mut problems)))
            .collect();
        say_mixed(gathered, &mut problems);
        let clusters = engines
            .iter()
            .map(|(name, (engine, without))| {
                let view = views.get(name).cloned().unwrap_or_default();
                let line = cluster_line(name, engine.clone(), without.clone(), view, &mut problems);
                (name.clone(), line)
            })
            .collect();
        Self {
            api_version: FORMAT,
            environment: environment.to_owned(),
            verdict: problems
                .first()
                .cloned()
                .unwrap_or_else(|| "good".to_owned()),
            hosts,
            clusters,
            problems,
        }
    }

    /// True when nothing needs attention.
    pub(crate) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn text(&self, terminal: Terminal) -> String {
        let mut out = String::new();
        let tone = if self.is_good() {
            Tone::Good
        } else {
            Tone::Bad
        };
        let _ = writeln!(
            out,
            "{}: {}",
            self.environment,
            terminal.paint(tone, &self.verdict)
        );
        let mut rows = vec![
            ["host", "generation", "release", "verdict", "since"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for (name, host) in &self.hosts {
            let dash = || "-".to_owned();
            rows.push(vec![
                name.clone(),
                host.generation
                    .map_or_else(dash, |number| number.to_string()),
                host.release.clone().unwrap_or_else(dash),
                if host.reachable {
                    host.verdict.clone().unwrap_or_else(|| "bare".to_owned())
                } else {
                    "unreachable".to_owned()
                },
                host.since.clone().unwrap_or_else(dash),
            ]);
        }
        let _ = write!(out, "\n{}", super::table(&rows));
        for (name, cluster) in &self.clusters {
            let Some(engine) = &cluster.engine else {
                let _ = writeln!(out, "\n{name} (no engine): each host by itself");
                continue;
            };
            let holder = if cluster.holder.is_empty() {
                "nobody holds its resources".to_owned()
            } else {
                format!("on {}", cluster.holder.join(" AND "))
            };
            let redundant = if cluster.redundant {
                "redundant"
            } else {
                "NOT redundant"
            };
            let _ = writeln!(out, "\n{name} ({engine}): {holder}; {redundant}");
            for why in &cluster.because {
                let _ = writeln!(out, "  {why}");
            }
            for (node, status) in &cluster.nodes {
                let links: Vec<String> = status
                    .links
                    .iter()
                    .map(|(link, up)| format!("{link} {}", if *up { "up" } else { "DOWN" }))
                    .collect();
                let held = if status.held_here.is_empty() {
                    "holds nothing".to_owned()
                } else {
                    format!("holds {}", status.held_here.join(", "))
                };
                let line =
                    std::iter::once(held).chain((!links.is_empty()).then(|| links.join(", ")));
                let line: Vec<String> = line.collect();
                let _ = writeln!(out, "  {node}: {}", line.join("; "));
            }
            for loss in &cluster.without {
                let _ = writeln!(out, "  {loss}");
            }
        }
        for problem in self.problems.iter().skip(1) {
            let _ = writeln!(out, "{} {problem}", terminal.paint(Tone::Bad, "also:"));
        }
        out
    }
}

fn host_status(
    name: &str,
    facts: &Result<Facts, tandem_deploy::DeployError>,
    problems: &mut Vec<String>,
) -> HostStatus {
    let facts = match facts {
        Ok(facts) => facts,
        Err(error) => {
            problems.push(error.to_string());
            return HostStatus {
                reachable: false,
                error: Some(error.to_string()),
                generation: None,
                release: None,
                verdict: None,
                since: None,
                drift: Vec::new(),
                units: Vec::new(),
                lock: None,
                open_runs: Vec::new(),
                recovery_failed: None,
            };
        }
    };
    let generation = facts.generation.as_ref();
    let record = generation.and_then(|generation| {
        facts
            .records
            .iter()
            .find(|record| record.generation.number == generation.number)
    });
    let drift: Vec<String> = facts
        .files
        .iter()
        .filter(|file| file.is_drift())
        .map(|file| file.path.clone())
        .collect();
    if !drift.is_empty() {
        problems.push(format!("{name}: edited by hand: {}", drift.join(", ")));
    }
    problems.extend(packages_lost(facts).map(|what| format!("{name}: {what}")));
    let units = units(facts);
    if !units.is_empty() {
        problems.push(format!("{name}: {}", units.join("; ")));
    }
    if let Some(why) = &facts.recovery_failed {
        problems.push(format!("{name}: recovery failed: {why}"));
    }
    if !facts.held.is_empty() {
        problems.push(format!(
            "{name}: {} held until its run ends",
            facts.held.join(", ")
        ));
    }
    for open in &facts.open {
        problems.push(format!(
            "{name}: run {} of {} is open ({})",
            open.run,
            open.operator,
            serde_json::to_value(open.state)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default()
        ));
    }
    let verdict = record.map(|record| match (&record.verdict, &record.generation.cause) {
        (_, Cause::RolledBack { of, because, .. }) => {
            format!("rolled back from {of}, because {because}")
        }
        (Verdict::Pending, _) => "pending".to_owned(),
        (Verdict::Accepted, _) => "accepted".to_owned(),
        (Verdict::RolledBack { because }, _) => format!("undone: {because}"),
        (Verdict::Superseded, _) => "superseded".to_owned(),
    });
    HostStatus {
        reachable: true,
        error: None,
        generation: generation.map(|generation| generation.number),
        release: generation.map(|generation| generation.release.version.clone()),
        verdict,
        since: record.map(|record| record.activated.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
        drift,
        units,
        lock: facts
            .lock
            .as_ref()
            .map(|lock| format!("{} since {} for {}", lock.owner, lock.since, lock.run)),
        open_runs: facts.open.iter().map(|open| open.run.to_string()).collect(),
        recovery_failed: facts.recovery_failed.clone(),
    }
}

/// Packages that are not what the host was told, or that it was never told.
fn packages_lost(facts: &Facts) -> impl Iterator<Item = String> {
    let told = facts.generation.as_ref();
    let mut words = Vec::new();
    for wanted in told.into_iter().flat_map(|told| &told.content.packages) {
        let name = &wanted.id.name;
        let there: Vec<_> = facts
            .packages
            .iter()
            .filter(|package| package.id.name == *name)
            .collect();
        match there[..] {
            [] => words.push(format!(
                "package {name} is gone; `tandem apply` brings it back"
            )),
            [there] if there.header.as_ref() == Some(&wanted.header) => {}
            _ => words.push(format!("package {name} is another one than it was told")),
        }
    }
    if told.is_none() && !facts.packages.is_empty() {
        words.push(
            "it carries packages of tandem's and does not know what it was told: `tandem apply` \
             makes it whole"
                .to_owned(),
        );
    }
    words.into_iter()
}

/// Units that are not as the host's generation wants them. One that a run holds
/// is stopped on purpose, and said elsewhere.
fn units(facts: &Facts) -> Vec<String> {
    let policies = facts
        .generation
        .iter()
        .flat_map(|generation| &generation.content.units);
    policies
        .filter(|policy| !facts.held.contains(&policy.unit))
        .filter_map(|policy| {
            let fact = facts.units.iter().find(|fact| fact.unit == policy.unit)?;
            let active = fact.active.as_str();
            let runs = matches!(active, "active" | "reloading" | "activating");
            match policy.run {
                UnitRun::Started if !runs => {
                    Some(format!("{} is {active}, and it should run", policy.unit))
                }
                UnitRun::Stopped if runs => Some(format!(
                    "{} is {active}, and it should not run",
                    policy.unit
                )),
                _ => None,
            }
        })
        .collect()
}

/// A node that was left out (`--without`), or that missed the end of a run, has
/// another release than its peers.
fn say_mixed(gathered: &Gathered, problems: &mut Vec<String>) {
    let mut releases: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for (host, facts) in gathered {
        let generation = facts
            .as_ref()
            .ok()
            .and_then(|facts| facts.generation.as_ref());
        if let Some(generation) = generation
            && let Some(cluster) = &generation.cluster
        {
            releases
                .entry(cluster)
                .or_default()
                .entry(&generation.release.version)
                .or_default()
                .push(host);
        }
    }
    for (cluster, releases) in releases
        .into_iter()
        .filter(|(_, releases)| releases.len() > 1)
    {
        let parts: Vec<String> = releases
            .iter()
            .map(|(release, hosts)| format!("{} on {release}", hosts.join(" and ")))
            .collect();
        problems.push(format!(
            "{cluster}: mixed releases: {}; `tandem apply` makes them one",
            parts.join(", ")
        ));
    }
}

fn cluster_line(
    name: &str,
    engine: Option<String>,
    without: Vec<String>,
    view: View,
    problems: &mut Vec<String>,
) -> ClusterLine {
    let holder: Vec<String> = view
        .iter()
        .filter(|(_, status)| !status.held_here.is_empty())
        .map(|(node, _)| node.clone())
        .collect();
    let because: Vec<String> = view
        .iter()
        .filter_map(|(node, status)| match &status.redundancy {
            Redundancy::Real => None,
            Redundancy::Lost { because } => Some(format!("{node}: {because}")),
            Redundancy::NoCluster => Some(format!("{node}: the cluster does not run there")),
        })
        .collect();
    if engine.is_some() && !view.is_empty() {
        match holder.len() {
            1 => {}
            0 => problems.push(format!("{name}: nobody holds its resources")),
            _ => problems.push(format!(
                "{name}: {} both hold resources",
                holder.join(" and ")
            )),
        }
        if !because.is_empty() {
            problems.push(format!("{name}: not redundant: {}", because.join("; ")));
        }
        for (node, status) in &view {
            for link in status.links.iter().filter(|(_, up)| !**up) {
                problems.push(format!("{name}: {node}: link {} is down", link.0));
            }
        }
    }
    ClusterLine {
        engine,
        without,
        redundant: because.is_empty() && !view.is_empty(),
        holder,
        because,
        nodes: view,
    }
}
