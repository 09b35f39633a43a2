//! Recovery at boot, before anything carries resources: every leg that is not
//! confirmed goes back, every confirmed one is verified.

use crate::actions::Circumstances;
use crate::activate::Turn;
use crate::before;
use crate::journal::{self, Journal};
use crate::place::{Place, boot_id};
use crate::refusal::{Refused, Result};
use crate::{back, converge, disk, edits, helper, records, units, verify};
use std::time::Duration;
use tandem_generation::{Event, LegState, Order, RunId};

/// How long a process that is done may take to leave.
const LEAVING_PATIENCE: Duration = Duration::from_secs(10);

/// Recovers every open leg. While one cannot be, units that carry resources are
/// masked.
pub fn recover(place: &Place) -> Result<()> {
    place.check_format()?;
    let mut failures = Vec::new();
    let mut guarded = helper::guarded(place, &[]);
    let mut legs = records::legs(place)?;
    // Later legs are on top of earlier ones: they go first.
    legs.reverse();
    for (run, leg) in legs {
        match recover_leg(place, &run, leg, &mut guarded) {
            Ok(()) => {}
            Err(refused) => failures.push(format!("run {run}, leg {leg}: {refused}")),
        }
    }
    guarded.sort();
    guarded.dedup();
    if failures.is_empty() {
        if place.recovery_failed().exists() {
            units::unmask(place, &guarded)?;
            disk::remove(&place.recovery_failed())?;
        }
        return Ok(());
    }
    let because = failures.join("\n");
    let masked = units::mask(place, &guarded);
    disk::write(&place.recovery_failed(), because.as_bytes())?;
    masked?;
    Err(Refused::failed(because).hint(
        "resources stay away from this host; after repairing it run `tandem-host recover` again",
    ))
}

fn recover_leg(place: &Place, run: &RunId, leg: u32, guarded: &mut Vec<String>) -> Result<()> {
    let journal = Journal::of(place, run, leg);
    if !journal.exists() {
        // Staging was interrupted before it was complete.
        return Ok(());
    }
    let entries = journal.read()?;
    let state = journal::state_of(&entries);
    if matches!(
        state,
        LegState::Finished | LegState::Staged | LegState::Undone
    ) {
        return Ok(());
    }
    let turn = match state {
        // Whoever brought it there is leaving.
        LegState::Confirmed | LegState::UndoFailed => {
            Some(Turn::take(place, run, LEAVING_PATIENCE)?)
        }
        _ => Turn::try_take(place, run)?,
    };
    let Some(_turn) = turn else {
        // A process of this boot is at it.
        return Ok(());
    };
    let order = records::order(place, run, leg)?;
    guarded.extend(helper::guarded(place, std::slice::from_ref(&order)));
    if state == LegState::Confirmed {
        return keep(place, &order);
    }
    journal.append(&Event::Recovering { boot: boot_id() })?;
    let because = first_reason(&entries).unwrap_or_else(|| reason(state).to_owned());
    back::go(place, &order, &because, Circumstances::Recovering)
}

/// Why the leg went back in the first place.
fn first_reason(entries: &[tandem_generation::Entry]) -> Option<String> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::Failed { because } | Event::Undoing { because } => Some(because.clone()),
        _ => None,
    })
}

fn reason(state: LegState) -> &'static str {
    match state {
        LegState::AwaitingConfirm => "the host was restarted before the operator came back",
        _ => "the host crashed or was restarted in the middle of the change",
    }
}

/// A confirmed leg stays; what a crash damaged is repaired. A leg with another
/// confirmed one on top is not what the host shall be any more.
fn keep(place: &Place, order: &Order) -> Result<()> {
    let current = records::current_number(place)?;
    let number = order
        .forward
        .target
        .as_ref()
        .map_or(0, |target| target.number);
    if current != number {
        return Ok(());
    }
    if verify::complaints(place, order, &order.forward, false)?.is_empty() {
        return Ok(());
    }
    let known = converge::known_files(place, order)?;
    converge::repair(place, order, &order.forward, true)?;
    before::remove_leavings(place, &before::read(place, order)?, &[&known])?;
    if let Some(target) = &order.forward.target {
        let edited = edits::foresee(place, &[], &target.content.edits)?;
        edits::make(place, &edited)?;
        units::daemon_reload(place)?;
        units::apply(place, &target.content.units, false)?;
    }
    let complaints = verify::complaints(place, order, &order.forward, false)?;
    disk::sync_all(place)?;
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Refused::failed(format!(
        "the host is not what was confirmed: {}",
        complaints.join("; ")
    )))
}
