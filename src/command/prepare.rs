//! `tandem prepare`: distribution packages, by the distribution's own tool.
//! This is outside rollback, and says so.

use super::Context;
use crate::arguments::Inventory;
use crate::contact::Reach;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::session;
use std::collections::BTreeMap;
use tandem_generation::{Command, CommandResult, Facts};

/// Longest installation, in milliseconds.
const LIMIT_MS: u64 = 1_800_000;

pub(crate) fn run(context: &Context, inventory: &Inventory, yes: bool) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    let rendered = environment.render_all()?;
    let reach = Reach::new(context, space, environment, inventory.lab)?;
    let environment = &reach.environment;
    let fleet = reach.fleet();
    let mut requests = session::observing(environment, &rendered)?;
    for files in &rendered {
        let mut base = files.base.clone();
        if let Some((_, seat)) = environment.seat(files) {
            base.extend(
                seat.profile
                    .packages
                    .get(seat.choice.kind.word())
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        if let Some(request) = requests.get_mut(&files.host) {
            request.base = base;
        }
    }
    let names: Vec<String> = requests.keys().cloned().collect();
    let missing: BTreeMap<String, Vec<String>> = fleet
        .all(&names, |host| {
            let request = requests.get(host.name()).cloned().unwrap_or_default();
            let facts: Facts = host.ask(&["facts"], &request)?;
            Ok(facts
                .base
                .into_iter()
                .filter(|(_, version)| version.is_none())
                .map(|(name, _)| name)
                .collect())
        })?
        .into_iter()
        .filter(|(_, names): &(String, Vec<String>)| !names.is_empty())
        .collect();
    if missing.is_empty() {
        context
            .terminal
            .result("every distribution package is there\n");
        return Ok(Exit::Done);
    }
    for (host, names) in &missing {
        context
            .terminal
            .result(&format!("{host}: {} missing\n", names.join(", ")));
    }
    context
        .terminal
        .consent(yes, "Install them? This is not undone by a rollback.")?;
    let hosts: Vec<String> = missing.keys().cloned().collect();
    fleet.all(&hosts, |host| {
        let mut argv = vec![
            "/usr/bin/dnf".to_owned(),
            "install".to_owned(),
            "-y".to_owned(),
        ];
        argv.extend(missing.get(host.name()).into_iter().flatten().cloned());
        let command = Command {
            name: "dnf install".to_owned(),
            argv,
            timeout_ms: LIMIT_MS,
        };
        let results: Vec<CommandResult> = host.call(&["act"], &vec![command])?;
        match results.into_iter().find(|result| result.exit != Some(0)) {
            None => Ok(()),
            Some(bad) => Err(tandem_deploy::DeployError::Local(format!(
                "{}: dnf install failed: {}",
                host.name(),
                bad.stderr.trim()
            ))),
        }
    })?;
    Ok(Exit::Done)
}
