//! Commands that change something: asked for, waited for, and told what became of it.

use crate::api::client::{Client, Unanswered};
use crate::arguments::{MoveArguments, Waiting};
use crate::failure::{Exit, Problem};
use crate::show::places;
use crate::terminal;
use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::report::{Condition, Health, MemberStanding, Report, Resource, ResourceKind};
use cluster_model::state::{Direction, Operation, Role};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Between two looks.
const AGAIN: Duration = Duration::from_millis(250);

/// Nothing is under way for so long: nothing more will come.
const QUIET: Duration = Duration::from_secs(5);

/// What a move is in the words of the daemon.
pub(super) fn moving(what: MoveArguments) -> Command {
    let resource = what.resource;
    let direction = match (what.to, what.away_from) {
        (Some(node), _) => Direction::To(node),
        (None, Some(node)) => Direction::AwayFrom(node),
        // The command line asks for one of the three.
        (None, None) => return Command::Unmove { resource },
    };
    Command::Move {
        resource,
        direction,
        for_ms: what.minutes.saturating_mul(60_000),
    }
}

/// Asks for it, and waits until it is carried out.
pub(super) fn change(client: &Client, command: &Command, how: Waiting) -> Result<Exit, Problem> {
    let before: Report = client.get("/v1/status")?;
    client
        .post("/v1/command", command)
        .map_err(|error| Problem::from(error).with_names_of(client))?;
    if how.no_wait {
        terminal::say("asked for; `clusterd status --watch` shows what becomes of it");
        return Ok(Exit::Done);
    }
    let waited = wait(client, command, Duration::from_secs(u64::from(how.timeout)));
    let (report, outcome) = waited?;
    let (was, is) = (places::of_report(&before), places::of_report(&report));
    let changes = places::changes(&was, &is);
    match outcome {
        Ok(()) => {
            let changes = match (changes.is_empty(), moves(command)) {
                (true, true) => "nothing had to be moved\n".to_owned(),
                _ => changes,
            };
            terminal::result(&format!("{}\n{changes}", done(command)));
            Ok(Exit::Done)
        }
        Err(why) => {
            terminal::result(&changes);
            Err(
                Problem::failed(format!("asked for, and not carried out yet: {why}"))
                    .hint("it stays asked for; `clusterd status --watch` shows what becomes of it"),
            )
        }
    }
}

/// The last report, and whether it is carried out, or why not.
fn wait(
    client: &Client,
    command: &Command,
    patience: Duration,
) -> Result<(Report, Result<(), String>), Problem> {
    let end = Instant::now() + patience;
    let mut quiet: Option<Instant> = None;
    let mut said = String::new();
    loop {
        let report: Report = match client.get("/v1/status") {
            Ok(report) => report,
            Err(error @ Unanswered::NotRunning { .. }) => {
                return Err(Problem::from(error).hint(
                    "what was asked for is in the log: another member tells what becomes of it",
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let outcome = carried_out(command, &report);
        let progress = under_way(&report);
        if progress != said {
            if !progress.is_empty() {
                terminal::say(&progress);
            }
            said = progress;
        }
        let now = Instant::now();
        if report.in_transition {
            quiet = None;
        } else if outcome.is_ok() {
            return Ok((report, outcome));
        }
        let since = *quiet.get_or_insert(now);
        let settled = !report.in_transition && now.duration_since(since) >= QUIET;
        if now >= end || settled {
            // It does what it should, and something else is under way.
            return Ok((report, outcome));
        }
        std::thread::sleep(AGAIN);
    }
}

/// Operations on their way, in a line.
fn under_way(report: &Report) -> String {
    let mut words = Vec::new();
    pending(&report.resources, &mut words);
    words.join(", ")
}

fn pending(resources: &[Resource], words: &mut Vec<String>) {
    for resource in resources {
        for (node, instance) in &resource.instances {
            let doing = match instance.pending {
                None => continue,
                Some(Operation::Probe) => "looking at",
                Some(Operation::Start) => "starting",
                Some(Operation::Stop) => "stopping",
                Some(Operation::Promote) => "promoting",
                Some(Operation::Demote) => "demoting",
            };
            words.push(format!("{doing} {} on {node}", resource.name));
        }
        pending(&resource.members, words);
    }
}

/// It is as it was asked for; or why it is not.
fn carried_out(command: &Command, report: &Report) -> Result<(), String> {
    if report.verdict.health == Health::Unknown {
        return Err(report.verdict.because.clone());
    }
    match command {
        Command::Standby { node, on: true } => {
            match report.members.get(node).map(|member| member.standing) {
                // Not there, it runs nothing; in maintenance it is left alone.
                Some(MemberStanding::Offline | MemberStanding::Maintenance) => Ok(()),
                Some(MemberStanding::Standby) => {
                    let held = held_by(node, report);
                    if held.is_empty() {
                        Ok(())
                    } else {
                        Err(format!("{node} still runs {}", held.join(", ")))
                    }
                }
                Some(_) | None => Err(format!("{node} is not in standby yet")),
            }
        }
        Command::Standby { node, on: false } => {
            match report.members.get(node).map(|member| member.standing) {
                Some(MemberStanding::Standby) => Err(format!("{node} is still in standby")),
                Some(_) | None => Ok(()),
            }
        }
        Command::Maintenance { node: None, on } => {
            let is = report.operators.maintenance;
            (is == *on)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Maintenance {
            node: Some(node),
            on,
        } => {
            let member = report.members.get(node);
            let is = member.is_some_and(|one| one.standing == MemberStanding::Maintenance);
            let there = member.is_some_and(|one| one.standing <= MemberStanding::Maintenance);
            // All of the cluster may be in maintenance besides.
            let right = is == *on || !there || report.operators.maintenance;
            right
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Target {
            resource,
            role: Some(TargetRole::Stopped),
        } => each(report, resource, |one| {
            let up = up(one);
            let running = || format!("{} still runs on {}", one.name, up.join(", "));
            if up.is_empty() {
                Ok(())
            } else {
                Err(running())
            }
        }),
        Command::Target { resource, .. } => each(report, resource, |one| match one.condition {
            Condition::Good | Condition::Scarred => Ok(()),
            Condition::Disabled => Err(format!(
                "{} stays stopped: the configuration, or a group or clone around it, wants it so",
                one.name
            )),
            Condition::Changing | Condition::Down | Condition::Failed | Condition::Stuck => {
                Err(format!("{} does not run as wanted: {}", one.name, one.why))
            }
        }),
        Command::Unmanage { resource, on } => {
            let is = report.operators.unmanaged.contains(resource);
            (is == *on)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Move {
            resource,
            direction: Direction::To(node),
            ..
        } => each(report, resource, |one| {
            let here = up(one).iter().any(|at| *at == node);
            let why = || format!("{} does not run on {node}: {}", one.name, one.why);
            if here { Ok(()) } else { Err(why()) }
        }),
        Command::Move {
            resource,
            direction: Direction::AwayFrom(node),
            ..
        } => each(report, resource, |one| {
            let here = up(one).iter().any(|at| *at == node);
            let why = || format!("{} still runs on {node}: {}", one.name, one.why);
            if here { Err(why()) } else { Ok(()) }
        }),
        Command::Unmove { resource } => {
            let moves = &report.operators.moves;
            let still = moves.iter().any(|one| one.resource == *resource);
            (!still)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Cleanup { resource, node } => {
            if let Some(name) = resource {
                return each(report, name, |one| clean(one, node.as_deref()));
            }
            let mut all = report.resources.iter();
            all.try_for_each(|one| below(one, &mut |one| clean(one, node.as_deref())))
        }
    }
}

/// The first primitive of this name, or below it, that is not as wanted.
fn each(
    report: &Report,
    name: &str,
    mut is_right: impl FnMut(&Resource) -> Result<(), String>,
) -> Result<(), String> {
    let found = find(&report.resources, name);
    let Some(resource) = found else {
        return Ok(());
    };
    below(resource, &mut is_right)
}

fn below(
    resource: &Resource,
    is_right: &mut impl FnMut(&Resource) -> Result<(), String>,
) -> Result<(), String> {
    if resource.kind == ResourceKind::Primitive {
        return is_right(resource);
    }
    resource
        .members
        .iter()
        .try_for_each(|one| below(one, is_right))
}

fn find<'a>(resources: &'a [Resource], name: &str) -> Option<&'a Resource> {
    resources.iter().find_map(|one| {
        if one.name == name {
            Some(one)
        } else {
            find(&one.members, name)
        }
    })
}

/// `zape (db:1)` is an instance on zape.
fn node_of(place: &str) -> &str {
    place.split(' ').next().unwrap_or(place)
}

fn up(resource: &Resource) -> Vec<&str> {
    let instances = resource.instances.iter();
    let up = instances.filter(|(_, one)| one.observed.role() > Role::Stopped);
    up.map(|(place, _)| node_of(place)).collect()
}

/// What runs on a node and is not left alone.
fn held_by(node: &str, report: &Report) -> Vec<String> {
    fn add(resources: &[Resource], node: &str, unmanaged: &[String], held: &mut Vec<String>) {
        for resource in resources {
            if unmanaged.contains(&resource.name) {
                continue;
            }
            if up(resource).contains(&node) {
                held.push(resource.name.clone());
            }
            add(&resource.members, node, unmanaged, held);
        }
    }
    let mut held = Vec::new();
    if !report.operators.maintenance {
        add(
            &report.resources,
            node,
            &report.operators.unmanaged,
            &mut held,
        );
    }
    held
}

fn clean(resource: &Resource, node: Option<&str>) -> Result<(), String> {
    let instances = resource.instances.iter();
    let mut here = instances.filter(|(place, _)| node.is_none_or(|node| node == node_of(place)));
    match here.find(|(_, one)| one.failures > 0) {
        Some((place, one)) => Err(format!(
            "{} failed on {} again, {} in all",
            resource.name, place, one.failures
        )),
        None => Ok(()),
    }
}

/// Something is expected to go elsewhere.
fn moves(command: &Command) -> bool {
    matches!(
        command,
        Command::Standby { .. } | Command::Move { .. } | Command::Unmove { .. }
    )
}

/// What was done, in a line.
fn done(command: &Command) -> String {
    let mut text = String::new();
    let _ = match command {
        Command::Standby { node, on: true } => write!(text, "{node} is in standby"),
        Command::Standby { node, on: false } => write!(text, "{node} takes resources again"),
        Command::Maintenance { node, on } => {
            let what = node.as_deref().unwrap_or("the cluster");
            let not = if *on { "" } else { "not " };
            let more = if *on { "" } else { " any more" };
            write!(text, "{what} is {not}in maintenance{more}")
        }
        Command::Target {
            resource,
            role: Some(TargetRole::Stopped),
        } => write!(text, "{resource} is stopped"),
        Command::Target { resource, .. } => write!(text, "{resource} runs"),
        Command::Unmanage { resource, on: true } => write!(text, "{resource} is left alone"),
        Command::Unmanage {
            resource,
            on: false,
        } => {
            write!(text, "{resource} is looked after again")
        }
        Command::Move {
            resource,
            direction,
            for_ms,
        } => {
            let span = crate::age::whole(*for_ms);
            match direction {
                Direction::To(node) => write!(text, "{resource} is on {node} for {span}"),
                Direction::AwayFrom(node) => {
                    write!(text, "{resource} is kept away from {node} for {span}")
                }
            }
        }
        Command::Unmove { resource } => write!(text, "the move of {resource} is forgotten"),
        Command::Cleanup { resource, node } => {
            let what = resource.as_deref().unwrap_or("all resources");
            let place = node
                .as_ref()
                .map_or_else(String::new, |node| format!(" on {node}"));
            write!(text, "failures of {what}{place} are forgotten")
        }
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(name: &str) -> Report {
        let path = format!(
            "{}/tests/situations/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(path).expect("there")).expect("a report")
    }

    fn standby(node: &str, on: bool) -> Command {
        let node = node.to_owned();
        Command::Standby { node, on }
    }

    fn target(resource: &str, role: Option<TargetRole>) -> Command {
        let resource = resource.to_owned();
        Command::Target { resource, role }
    }

    #[test]
    fn standby_is_carried_out_once_nothing_runs_there() {
        let report = situation("standby");
        assert_eq!(carried_out(&standby("zape", true), &report), Ok(()));
        let why = carried_out(&standby("zape", false), &report).expect_err("not yet");
        assert!(why.contains("still in standby"), "{why}");
        let mut early = report.clone();
        early.members.get_mut("zipi").expect("a node").standing = MemberStanding::Standby;
        let why = carried_out(&standby("zipi", true), &early).expect_err("it holds web");
        assert_eq!(why, "zipi still runs vip, httpd, ping");
        early.operators.unmanaged = vec!["vip".to_owned(), "httpd".to_owned(), "ping".to_owned()];
        assert_eq!(carried_out(&standby("zipi", true), &early), Ok(()));
    }

    #[test]
    fn a_start_and_a_stop_look_at_every_member_of_a_group() {
        let healthy = situation("healthy-pair");
        assert_eq!(carried_out(&target("web", None), &healthy), Ok(()));
        let stopped = target("web", Some(TargetRole::Stopped));
        let why = carried_out(&stopped, &healthy).expect_err("it runs");
        assert_eq!(why, "vip still runs on zipi");
        let failed = situation("failed-resource");
        let why = carried_out(&target("web", None), &failed).expect_err("httpd failed");
        assert!(why.starts_with("httpd does not run as wanted"), "{why}");
    }

    #[test]
    fn a_move_is_carried_out_when_all_of_it_is_there() {
        let to = |node: &str| Command::Move {
            resource: "web".to_owned(),
            direction: Direction::To(node.to_owned()),
            for_ms: 3_600_000,
        };
        let report = situation("move-in-force");
        assert_eq!(carried_out(&to("zape"), &report), Ok(()));
        assert!(carried_out(&to("zipi"), &report).is_err());
        assert_eq!(done(&to("zape")), "web is on zape for 60 min");
        let unmove = Command::Unmove {
            resource: "web".to_owned(),
        };
        assert!(carried_out(&unmove, &report).is_err());
    }

    #[test]
    fn a_cleanup_counts_only_where_it_was_asked_for() {
        let cleanup = |resource: Option<&str>, node: Option<&str>| Command::Cleanup {
            resource: resource.map(str::to_owned),
            node: node.map(str::to_owned),
        };
        let failed = situation("failed-resource");
        assert!(carried_out(&cleanup(None, None), &failed).is_err());
        assert_eq!(carried_out(&cleanup(None, Some("zape")), &failed), Ok(()));
        assert_eq!(carried_out(&cleanup(Some("vip"), None), &failed), Ok(()));
    }

    #[test]
    fn nothing_is_carried_out_where_nobody_decides() {
        let report = situation("no-quorum");
        assert!(carried_out(&standby("zape", false), &report).is_err());
    }

    #[test]
    fn what_is_under_way_is_told() {
        assert_eq!(under_way(&situation("healthy-pair")), "");
        let words = under_way(&situation("failed-resource"));
        assert_eq!(words, "stopping httpd on zipi");
    }
}
