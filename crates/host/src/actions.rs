//! Actions around the rpm transaction, each in the journal before and after.

use crate::journal::Journal;
use crate::place::Place;
use crate::process;
use crate::refusal::{Refused, Result};
use crate::{hold, units};
use std::time::Instant;
use tandem_generation::{Action, Command, CommandResult, Event, UnitVerb};

/// In what circumstances actions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circumstances {
    /// On a host that is up.
    Running,
    /// Within recovery, perhaps at boot: units may be waiting for us, so we must
    /// not wait for them.
    Recovering,
}

impl Circumstances {
    /// Whether we may wait for units.
    pub fn may_wait(self) -> bool {
        self == Self::Running
    }
}

/// Runs actions in order, up to the first that fails.
pub fn run(
    place: &Place,
    journal: &Journal,
    actions: &[Action],
    circumstances: Circumstances,
) -> Result<()> {
    for action in actions {
        let what = words(action);
        journal.append(&Event::ActionBegin { what: what.clone() })?;
        let start = Instant::now();
        let outcome = one(place, action, circumstances);
        let took_ms = milliseconds(start);
        let (result, error) = match outcome {
            Ok(result) => {
                let error = result
                    .as_ref()
                    .filter(|result| result.exit != Some(0))
                    .map(|result| Refused::failed(format!("{what}: {}", summary(result))));
                (result, error)
            }
            Err(refused) => (None, Some(Refused::failed(format!("{what}: {refused}")))),
        };
        journal.append(&Event::ActionEnd {
            what,
            result,
            took_ms,
        })?;
        if let Some(error) = error {
            return Err(error);
        }
    }
    Ok(())
}

/// Milliseconds since then.
pub fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn one(
    place: &Place,
    action: &Action,
    circumstances: Circumstances,
) -> Result<Option<CommandResult>> {
    match action {
        Action::DaemonReload => units::daemon_reload(place).map(|()| None),
        // A held unit stays as it is until it is released.
        Action::Unit { unit, .. } if hold::held(place)?.contains(unit) => Ok(None),
        // What is not there does not run: it came with packages that are gone.
        Action::Unit { unit, verb, .. }
            if only_if_running(*verb) && units::is_missing(place, unit)? =>
        {
            Ok(None)
        }
        Action::Unit { unit, verb, .. } => {
            let wait =
                circumstances.may_wait() || matches!(verb, UnitVerb::Enable | UnitVerb::Disable);
            units::verb(place, verb.systemctl(), &[unit.as_str()], wait).map(|()| None)
        }
        Action::Command(command) => Ok(Some(process::run_command(command))),
        Action::Initialise {
            probe, act, verify, ..
        } => Ok(initialise(probe, act, verify)),
    }
}

/// Verbs that have nothing to do where the unit does not run.
fn only_if_running(verb: UnitVerb) -> bool {
    matches!(
        verb,
        UnitVerb::Stop | UnitVerb::TryRestart | UnitVerb::TryReloadOrRestart | UnitVerb::Disable
    )
}

/// `None` where it is there already.
fn initialise(probe: &Command, act: &Command, verify: &Command) -> Option<CommandResult> {
    if process::run_command(probe).exit == Some(0) {
        return None;
    }
    let done = process::run_command(act);
    if done.exit != Some(0) {
        return Some(done);
    }
    Some(process::run_command(verify))
}

fn words(action: &Action) -> String {
    match action {
        Action::DaemonReload => "daemon-reload".into(),
        Action::Unit { unit, verb, why } => format!("{} {unit}: {why}", verb.systemctl()),
        Action::Command(command) => format!("run {}", command.name),
        Action::Initialise { name, .. } => format!("initialise {name}"),
    }
}

fn summary(result: &CommandResult) -> String {
    let said = if result.stderr.trim().is_empty() {
        result.stdout.trim()
    } else {
        result.stderr.trim()
    };
    match result.exit {
        Some(exit) => format!("{} ended with exit status {exit}: {said}", result.name),
        None => format!("{} did not end well: {said}", result.name),
    }
}
