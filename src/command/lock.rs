//! `tandem lock`: who holds the hosts, and giving back what nobody needs.

use super::{Context, status};
use crate::arguments::LockCommand;
use crate::contact::Reach;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::show;
use serde_json::json;
use std::collections::BTreeMap;
use tandem_generation::{FORMAT, Facts, FactsRequest, LegState};

pub(crate) fn run(context: &Context, command: &LockCommand) -> Result<Exit, Problem> {
    match command {
        LockCommand::Status { inventory, json } => {
            status::gather(context, inventory, |_, gathered, _| {
                let locks: BTreeMap<&String, _> = gathered
                    .iter()
                    .filter_map(|(host, facts)| Some((host, facts.as_ref().ok()?.lock.as_ref()?)))
                    .collect();
                if *json {
                    let document = json!({"api_version": FORMAT, "locks": locks});
                    context.terminal.result(&show::json(&document)?);
                } else if locks.is_empty() {
                    context.terminal.result("no host is locked\n");
                } else {
                    let rows: Vec<Vec<String>> = locks
                        .iter()
                        .map(|(host, lock)| {
                            vec![
                                (*host).clone(),
                                lock.owner.clone(),
                                format!("since {}", lock.since),
                                format!("run {}", lock.run),
                            ]
                        })
                        .collect();
                    context.terminal.result(&show::table(&rows));
                }
                Ok(Exit::Done)
            })
        }
        LockCommand::Release { inventory, yes } => {
            let space = context.workspace()?;
            let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
            let reach = Reach::new(context, space, environment, inventory.lab)?;
            let fleet = reach.fleet();
            context.terminal.consent(
                *yes,
                "Release locks? Only of runs that nobody is working on.",
            )?;
            let names = fleet.names();
            let request = FactsRequest {
                format: FORMAT,
                ..FactsRequest::default()
            };
            let released = fleet.all(&names, |host| {
                let facts: Facts = host.ask(&["facts"], &request)?;
                let Some(lock) = facts.lock else {
                    return Ok(None);
                };
                let started = facts
                    .open
                    .iter()
                    .any(|open| open.run == lock.run && open.state != LegState::Staged);
                if started {
                    // A host in the middle of a run is not freed by force.
                    return Ok(Some(Err(lock)));
                }
                let run = lock.run.as_str().to_owned();
                let staged = facts.open.iter().any(|open| open.run == lock.run);
                let words: &[&str] = if staged {
                    &["finish", &run, "not-activated"]
                } else {
                    &["unlock", &run]
                };
                let () = host.ask(words, &())?;
                Ok(Some(Ok(lock)))
            })?;
            let mut refused = Vec::new();
            for (host, outcome) in released {
                match outcome {
                    Some(Ok(lock)) => context
                        .terminal
                        .result(&format!("{host}: released {}\n", lock.run)),
                    Some(Err(lock)) => refused.push(format!(
                        "{host}: run {} changed it and is not finished",
                        lock.run
                    )),
                    None => {}
                }
            }
            if refused.is_empty() {
                return Ok(Exit::Done);
            }
            Err(Problem {
                exit: Exit::Locked,
                lines: refused,
                hints: vec!["`tandem resume RUN -i INV` or `tandem abort RUN -i INV`".to_owned()],
                mistakes: None,
            })
        }
    }
}
