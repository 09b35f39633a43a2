//! `clusterd status`: once, again and again, or once something is so.

use super::source;
use crate::api::client::{Client, Unanswered};
use crate::arguments::{Goal, StatusArguments};
use crate::failure::{Exit, Problem};
use crate::show;
use crate::terminal::{self, Styles};
use cluster_model::report::{API_VERSION, Condition, Health, Report, Resource};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Between two looks while something is waited for.
const AGAIN: Duration = Duration::from_millis(500);

/// Between two tries to reach a daemon that ended.
const RETRY: Duration = Duration::from_secs(1);

/// Cursor to the top, and everything below it gone (ECMA-48: CUP, ED).
const CLEAR: &str = "\x1b[H\x1b[J";

pub(super) fn status(client: &Client, how: &StatusArguments) -> Result<Exit, Problem> {
    match how.wait {
        _ if how.watch => watch(client, how.json),
        Some(goal) => wait(client, goal, how),
        None => {
            let report = match &how.file {
                Some(path) => source::report(path)?,
                None => ask(client)?,
            };
            tell(&report, how.json)?;
            Ok(exit(&report))
        }
    }
}

fn ask(client: &Client) -> Result<Report, Unanswered> {
    let report: Report = client.get("/v1/status")?;
    known(report)
}

fn known(report: Report) -> Result<Report, Unanswered> {
    if report.api_version == API_VERSION {
        Ok(report)
    } else {
        let version = report.api_version;
        Err(Unanswered::Foreign(format!("api_version is {version}")))
    }
}

fn tell(report: &Report, json: bool) -> Result<(), Problem> {
    if json {
        return terminal::document(report);
    }
    terminal::result(&show::status::status(report, Styles::of_output()));
    if let Some(hint) = show::status::hint(report) {
        terminal::hint(&hint);
    }
    Ok(())
}

fn exit(report: &Report) -> Exit {
    match report.verdict.health {
        Health::Healthy => Exit::Done,
        Health::Degraded | Health::Failed | Health::Unknown => Exit::Unhealthy,
    }
}

/// The report, once the goal is reached or the time is over.
fn wait(client: &Client, goal: Goal, how: &StatusArguments) -> Result<Exit, Problem> {
    let end = Instant::now() + Duration::from_secs(u64::from(how.timeout));
    let mut last = String::new();
    loop {
        let report = ask(client);
        let over = Instant::now() >= end;
        match report {
            Ok(report) => {
                let reached = is_reached(goal, &report);
                if reached || over {
                    tell(&report, how.json)?;
                    if !reached {
                        terminal::say(&format!("not so after {} s", how.timeout));
                    }
                    return Ok(if reached { Exit::Done } else { Exit::Unhealthy });
                }
                if last != report.verdict.because {
                    last.clone_from(&report.verdict.because);
                    terminal::say(show::status::headline(&report, Styles::default()).trim_end());
                }
            }
            // It may be about to begin.
            Err(error @ (Unanswered::NotRunning { .. } | Unanswered::Broken(_))) if !over => {
                let words = error.to_string();
                if last != words {
                    terminal::say(&words);
                    last = words;
                }
            }
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(AGAIN);
    }
}

fn is_reached(goal: Goal, report: &Report) -> bool {
    let known = report.verdict.health != Health::Unknown;
    match goal {
        Goal::Healthy => report.verdict.health == Health::Healthy,
        Goal::Running => known && all_run(&report.resources),
        Goal::Settled => known && !report.in_transition,
    }
}

fn all_run(resources: &[Resource]) -> bool {
    resources.iter().all(|one| {
        matches!(
            one.condition,
            Condition::Good | Condition::Scarred | Condition::Disabled
        )
    })
}

/// Goes on until somebody ends it, also while the daemon is replaced.
fn watch(client: &Client, json: bool) -> Result<Exit, Problem> {
    let redraw = !json && std::io::stdout().is_terminal();
    let mut shown: Option<Report> = None;
    let mut troubled = false;
    loop {
        let ended = client.listen(|event| -> Result<bool, Unanswered> {
            let report: Report = serde_json::from_str(event)
                .map_err(|error| Unanswered::Foreign(error.to_string()))?;
            let report = known(report)?;
            let news = shown.as_ref().is_none_or(|shown| is_news(shown, &report));
            if redraw {
                let text = show::status::status(&report, Styles::of_output());
                terminal::result(&format!("{CLEAR}{text}"));
            } else if news && json {
                // One on each line, so that a program can read them as they come.
                if let Ok(line) = serde_json::to_string(&report) {
                    terminal::result(&format!("{line}\n"));
                }
            } else if news {
                terminal::result(&block(&report, &time()));
            }
            if news {
                shown = Some(report);
            }
            troubled = false;
            Ok(true)
        });
        match ended {
            Ok(()) => return Ok(Exit::Done),
            Err(error @ (Unanswered::Forbidden { .. } | Unanswered::Foreign(_))) => {
                return Err(error.into());
            }
            Err(error) => {
                if !troubled {
                    let again = "; trying again every second";
                    terminal::say(&format!("{}: {error}{again}", time()));
                }
                troubled = true;
                shown = None;
            }
        }
        std::thread::sleep(RETRY);
    }
}

/// The time of day on this machine.
fn time() -> String {
    let now = jiff::Zoned::now();
    now.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// One change, for a pipe or a log.
fn block(report: &Report, time: &str) -> String {
    let text = show::status::status(report, Styles::of_output());
    format!("--- {time}\n{text}\n")
}

/// Something but the age of things is different.
fn is_news(before: &Report, after: &Report) -> bool {
    ageless(before) != ageless(after)
}

fn ageless(report: &Report) -> Report {
    let mut report = report.clone();
    report.arbitration.lease_ms = report.arbitration.lease_ms.map(|_| 0);
    for device in &mut report.arbitration.fencing {
        device.tested_ms = device.tested_ms.map(|_| 0);
    }
    for member in report.members.values_mut() {
        member.heard_ms = member.heard_ms.map(|_| 0);
        for link in &mut member.links {
            link.heard_ms = link.heard_ms.map(|_| 0);
        }
    }
    for one in &mut report.operators.moves {
        one.until_ms = 0;
    }
    for one in report.operators.outdated.values_mut() {
        one.age_ms = 0;
    }
    without_ages(&mut report.resources);
    // They count packets and seconds.
    for problem in &mut report.problems {
        problem.retain(|letter| !letter.is_ascii_digit());
    }
    if report.problems.is_empty() {
        return report;
    }
    let because = &mut report.verdict.because;
    because.retain(|letter| !letter.is_ascii_digit());
    report
}

fn without_ages(resources: &mut [Resource]) {
    for resource in resources {
        for instance in resource.instances.values_mut() {
            instance.failed_ms = instance.failed_ms.map(|_| 0);
        }
        without_ages(&mut resource.members);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(text: &str) -> Report {
        serde_json::from_str(text).expect("a report")
    }

    fn healthy() -> Report {
        situation(include_str!("../../tests/situations/healthy-pair.json"))
    }

    #[test]
    fn growing_older_is_no_news() {
        let before = healthy();
        let mut after = before.clone();
        after.arbitration.lease_ms = Some(4_000);
        after.members.get_mut("zape").expect("a node").heard_ms = Some(90);
        assert!(!is_news(&before, &after));
        after.members.get_mut("zape").expect("a node").heard_ms = None;
        assert!(is_news(&before, &after));
        let counted = situation(include_str!("../../tests/situations/wrong-key.json"));
        let mut later = counted.clone();
        for problem in &mut later.problems {
            *problem = problem.replace("812 packets", "815 packets");
        }
        later.verdict.because = later.verdict.because.replace("812", "815");
        assert_ne!(counted, later);
        assert!(!is_news(&counted, &later));
    }

    #[test]
    fn goals_are_reached_when_they_are() {
        let failed = situation(include_str!("../../tests/situations/failed-resource.json"));
        let down = situation(include_str!("../../tests/situations/node-down.json"));
        let unknown = situation(include_str!("../../tests/situations/no-quorum.json"));
        let goals = |report: &Report| {
            [Goal::Healthy, Goal::Running, Goal::Settled].map(|goal| is_reached(goal, report))
        };
        assert_eq!(goals(&healthy()), [true, true, true]);
        assert_eq!(goals(&down), [false, true, true]);
        assert_eq!(goals(&failed), [false, false, false]);
        assert_eq!(goals(&unknown), [false, false, false]);
    }

    #[test]
    fn a_change_has_its_time_above_it() {
        let text = block(&healthy(), "2026-03-01 10:00:00");
        assert!(
            text.starts_with("--- 2026-03-01 10:00:00\nweb is healthy"),
            "{text}"
        );
        assert!(text.ends_with("\n\n"));
    }
}
