//! A leg back: the host becomes what the order's undo says, whatever state the
//! way forth, or a crash in it, left behind.

use crate::actions::{self, Circumstances};
use crate::before::{self, Before};
use crate::execute::{release_units, rolled_back, transact};
use crate::journal::{self, Journal};
use crate::place::Place;
use crate::refusal::{Refused, Result};
use crate::{converge, disk, edits, records, units, verify};
use jiff::Timestamp;
use std::collections::BTreeSet;
use tandem_generation::facts::UnitFact;
use tandem_generation::{Cause, Event, LegState, Order, Record, UnitRun, Verdict};

/// Takes a leg back; `Undone` or, truthfully, `UndoFailed` is in the journal
/// afterwards.
pub fn go(place: &Place, order: &Order, because: &str, circumstances: Circumstances) -> Result<()> {
    let journal = Journal::of(place, &order.run, order.leg);
    let entries = journal.read()?;
    // Journal and records of the way back must fit, whatever filled the disk.
    disk::remove(&place.reserve(&order.run))?;
    if journal::state_of(&entries) != LegState::Undoing {
        journal.append(&Event::Undoing {
            because: because.to_owned(),
        })?;
    }
    // Interrupted within a transaction, nothing that rpm thinks can be trusted.
    let interrupted = is_within_transaction(&entries);
    let begun = entries
        .iter()
        .any(|entry| entry.event == Event::TransactionBegin);
    let manner = Manner {
        interrupted,
        begun,
        circumstances,
    };
    match undo(place, order, because, manner, &journal) {
        Ok(()) => journal.append(&Event::Undone).map(|_| ()),
        Err(refused) => {
            journal.append(&Event::UndoFailed {
                because: refused.message.clone(),
            })?;
            Err(refused)
        }
    }
}

#[derive(Clone, Copy)]
struct Manner {
    interrupted: bool,
    begun: bool,
    circumstances: Circumstances,
}

/// True where a transaction began and did not end.
fn is_within_transaction(entries: &[tandem_generation::Entry]) -> bool {
    entries
        .iter()
        .rev()
        .find_map(|entry| match entry.event {
            Event::TransactionBegin => Some(true),
            // rpm itself was killed: as good as interrupted.
            Event::TransactionEnd { exit, .. } => Some(exit.is_none()),
            _ => None,
        })
        .unwrap_or(false)
}

fn undo(
    place: &Place,
    order: &Order,
    because: &str,
    manner: Manner,
    journal: &Journal,
) -> Result<()> {
    let wait = manner.circumstances.may_wait();
    let back = &order.undo;
    let before = before::read(place, order)?;
    let mut failures: Vec<String> = Vec::new();
    // Nothing before the transaction may keep the packages from going back.
    note(
        &mut failures,
        actions::run(place, journal, &back.before, manner.circumstances),
    );
    note(&mut failures, quieten_units(place, order, &before, wait));
    let mut known = converge::known_files(place, order)?;
    packages_back(place, order, manner, journal)?;
    known
        .files
        .extend(converge::known_files(place, order)?.files);
    if manner.begun {
        converge::remove_strays(place, &known)?;
        converge::remove_leftovers(place, &known, back)?;
        before::remove_leavings(place, &before, &[&known])?;
        before::restore_foreign(place, order, &before)?;
        before::remove_made_directories(place, &before);
    }
    edits_back(place, order, &before)?;
    note(&mut failures, units::daemon_reload(place));
    note(&mut failures, units_back(place, order, &before, wait));
    note(
        &mut failures,
        actions::run(place, journal, &back.after, manner.circumstances),
    );
    let mut complaints = verify::complaints(place, order, back, wait)?;
    if manner.circumstances == Circumstances::Running {
        complaints.extend(failures);
    }
    if !complaints.is_empty() {
        return Err(Refused::failed(format!(
            "the host is not what it was: {}",
            complaints.join("; ")
        )));
    }
    disk::sync_all(place)?;
    record(place, order, because)
}

/// The way back goes on; what failed is said at its end.
fn note(failures: &mut Vec<String>, result: Result<()>) {
    if let Err(refused) = result {
        failures.push(refused.message);
    }
}

/// The ordinary way, and where that does not lead there, by force.
fn packages_back(place: &Place, order: &Order, manner: Manner, journal: &Journal) -> Result<()> {
    if !manner.interrupted {
        let ordinary = transact(place, order, &order.undo, journal)
            .and_then(|()| verify::packages(place, order, &order.undo))
            .and_then(|complaints| {
                if complaints.is_empty() {
                    let wanted = before::wanted(&order.undo);
                    let names: Vec<&str> = wanted
                        .iter()
                        .map(|package| package.id.name.as_str())
                        .collect();
                    crate::rpm::verify(place, &names)
                } else {
                    Ok(complaints)
                }
            });
        if ordinary.is_ok_and(|complaints| complaints.is_empty()) {
            return Ok(());
        }
    }
    journal.append(&Event::TransactionBegin)?;
    let start = std::time::Instant::now();
    let repaired = converge::repair(place, order, &order.undo, manner.begun);
    journal.append(&Event::TransactionEnd {
        exit: Some(i32::from(repaired.is_err())),
        said: match &repaired {
            Ok(()) => "repaired by installing the whole target again".into(),
            Err(refused) => refused.message.clone(),
        },
        took_ms: actions::milliseconds(start),
    })?;
    repaired
}

/// Units that came with packages that go: stopped and disabled while their unit
/// files are still there.
fn quieten_units(place: &Place, order: &Order, before: &Before, wait: bool) -> Result<()> {
    let gone: Vec<&UnitFact> = foreign_to_target(order, before)
        .into_iter()
        .filter(|unit| unit.enabled == "not-found")
        .collect();
    let names: Vec<String> = gone.iter().map(|unit| unit.unit.clone()).collect();
    for now in units::states(place, &names)? {
        if now.enabled == "not-found" {
            continue;
        }
        if now.active != "inactive" {
            units::verb(place, "stop", &[&now.unit], wait)?;
        }
        if matches!(now.enabled.as_str(), "enabled" | "generated") {
            units::verb(place, "disable", &[&now.unit], true)?;
        }
    }
    Ok(())
}

/// Units as they were before the leg, of which the undo's target says nothing.
fn foreign_to_target<'a>(order: &Order, before: &'a Before) -> Vec<&'a UnitFact> {
    let policed: BTreeSet<&str> = order
        .undo
        .target
        .iter()
        .flat_map(|target| &target.content.units)
        .map(|policy| policy.unit.as_str())
        .collect();
    before
        .units
        .iter()
        .filter(|unit| !policed.contains(unit.unit.as_str()))
        .collect()
}

fn units_back(place: &Place, order: &Order, before: &Before, wait: bool) -> Result<()> {
    let found: Vec<UnitFact> = foreign_to_target(order, before)
        .into_iter()
        .cloned()
        .collect();
    units::restore(place, &found, wait)?;
    units::restore(place, &switches_left_open(place, order, before)?, wait)?;
    if before.units.is_empty() {
        release_units(place, &order.undo, wait)?;
    }
    match &order.undo.target {
        Some(target) => units::apply(place, &target.content.units, wait),
        None => Ok(()),
    }
}

/// Units that the target has a word on, but not on whether they start at boot:
/// that goes back to what it was, and whether they run is left to the policy.
fn switches_left_open(place: &Place, order: &Order, before: &Before) -> Result<Vec<UnitFact>> {
    let open: Vec<String> = order
        .undo
        .target
        .iter()
        .flat_map(|target| &target.content.units)
        .filter(|policy| policy.enabled.is_none() && policy.run != UnitRun::Cluster)
        .map(|policy| policy.unit.clone())
        .collect();
    let mut switches = units::states(place, &open)?;
    switches.retain_mut(|now| {
        let was = before.units.iter().find(|was| was.unit == now.unit);
        if let Some(was) = was {
            now.enabled.clone_from(&was.enabled);
        }
        was.is_some()
    });
    Ok(switches)
}

fn edits_back(place: &Place, order: &Order, before: &Before) -> Result<()> {
    let forward = order
        .forward
        .target
        .as_ref()
        .map_or(&[][..], |target| &target.content.edits);
    let target = order
        .undo
        .target
        .as_ref()
        .map_or(&[][..], |target| &target.content.edits);
    edits::unmake(place, &before.edits, forward, target)
}

fn record(place: &Place, order: &Order, because: &str) -> Result<()> {
    rolled_back(place, order, because)?;
    let Some(target) = &order.undo.target else {
        return records::set_current(place, 0);
    };
    let mut generation = target.clone();
    // Why was not known when the undo was made.
    if let Cause::RolledBack { because: why, .. } = &mut generation.cause {
        because.clone_into(why);
    }
    let number = generation.number;
    if let Some(old) = records::current(place)?
        && old.generation.number != number
        && old.verdict == Verdict::Accepted
    {
        records::judge(place, old.generation.number, Verdict::Superseded)?;
    }
    let record = Record::new(
        generation,
        order.undo.generation_package.clone(),
        order.run.clone(),
        Timestamp::now(),
    );
    records::write(place, &record)?;
    records::set_current(place, number)
}
