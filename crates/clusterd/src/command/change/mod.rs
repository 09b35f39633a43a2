//! Commands that change something: asked for, waited for, and told what became of it.

mod outcome;

use crate::api::client::{Client, Unanswered};
use crate::arguments::{MoveArguments, Waiting};
use crate::failure::{Exit, Problem};
use crate::show::places;
use crate::terminal;
use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::report::{Report, Resource};
use cluster_model::state::{Direction, Operation};
use outcome::carried_out;
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

/// What is wanted of a resource, or of everything.
pub(super) fn target(resource: Option<String>, role: Option<TargetRole>) -> Command {
    match resource {
        Some(resource) => Command::Target { resource, role },
        None => Command::Halt { on: role.is_some() },
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
        Command::Halt { on: true } => write!(text, "everything is stopped"),
        Command::Halt { on: false } => write!(text, "everything may run again"),
        Command::Property { name, .. } => write!(text, "{name} is kept"),
        Command::Outdate { resource, .. } | Command::Alike { resource, .. } => {
            write!(text, "it is known whose data of {resource} are the newest")
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

    #[test]
    fn what_was_done_is_told_in_a_line() {
        let to = Command::Move {
            resource: "web".to_owned(),
            direction: Direction::To("zape".to_owned()),
            for_ms: 3_600_000,
        };
        assert_eq!(done(&to), "web is on zape for 60 min");
        let ended = Command::Maintenance {
            node: None,
            on: false,
        };
        assert_eq!(done(&ended), "the cluster is not in maintenance any more");
    }

    #[test]
    fn what_is_under_way_is_told() {
        assert_eq!(under_way(&situation("healthy-pair")), "");
        let words = under_way(&situation("failed-resource"));
        assert_eq!(words, "stopping httpd on zipi");
    }
}
