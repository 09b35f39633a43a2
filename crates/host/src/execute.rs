//! A leg forth: save, change in one rpm transaction, verify, and wait for the
//! operator. Whatever fails leads back.

use crate::actions::{self, Circumstances, milliseconds};
use crate::activate::{self, Turn};
use crate::before::{self, Before, files_to_install};
use crate::journal::{self, Journal};
use crate::place::Place;
use crate::refusal::{Refused, Result};
use crate::rpm::{self, Manner};
use crate::{back, converge, disk, edits, records, store, units, verify};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tandem_generation::{Action, Event, LegState, Order, Record, RunId, Transaction, Verdict};

/// rpm's words kept in the journal.
const SAID_MAX_BYTES: usize = 16 * 1024;
/// How long another process may have the turn before we give up waiting.
const TURN_PATIENCE: Duration = Duration::from_secs(3600);
/// How often the journal is looked at while the operator is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Executes an activated leg to its end: confirmed, or undone.
pub fn execute(place: &Place, run: &RunId, leg: u32, stop: &Arc<AtomicBool>) -> Result<()> {
    let _turn = Turn::take(place, run, TURN_PATIENCE)?;
    let order = records::order(place, run, leg)?;
    let journal = Journal::of(place, run, leg);
    let entries = journal.read()?;
    match journal::state_of(&entries) {
        LegState::Activating if !journal::has_begun(&entries) => {}
        LegState::Activating | LegState::AwaitingConfirm | LegState::Undoing => {
            // We are not the first: the process before us was killed.
            let because = journal::because(&entries)
                .unwrap_or_else(|| "the process that changed the host was killed".to_owned());
            return back::go(place, &order, &because, Circumstances::Running);
        }
        _ => return Ok(()),
    }
    match forth(place, &order, &journal) {
        Ok(()) => await_operator(place, &order, &journal, stop),
        Err(refused) => {
            let because = refused.message;
            // The undo matters more than the note about its cause.
            let _ = journal.append(&Event::Failed {
                because: because.clone(),
            });
            back::go(place, &order, &because, Circumstances::Running)
        }
    }
}

/// Undoes a leg on somebody's wish, once nobody else is at it.
pub fn execute_undo(place: &Place, run: &RunId, leg: u32) -> Result<()> {
    let _turn = Turn::take(place, run, TURN_PATIENCE)?;
    let order = records::order(place, run, leg)?;
    let entries = Journal::of(place, run, leg).read()?;
    let state = journal::state_of(&entries);
    if matches!(
        state,
        LegState::Undone | LegState::Finished | LegState::Staged
    ) {
        return Ok(());
    }
    let wish = activate::wish(place, run, leg);
    let after = wish.as_ref().map_or(0, |wish| wish.after);
    let tried = entries
        .iter()
        .any(|entry| entry.seq > after && matches!(entry.event, Event::UndoFailed { .. }));
    if tried {
        // The process that executed the leg heard the wish first.
        return Ok(());
    }
    let because = wish.map_or_else(|| "somebody asked for it".to_owned(), |wish| wish.because);
    back::go(place, &order, &because, Circumstances::Running)
}

fn forth(place: &Place, order: &Order, journal: &Journal) -> Result<()> {
    let forward = &order.forward;
    store::must_hold(
        place,
        forward.install.iter().chain(&forward.generation_package),
    )?;
    let before = before::save(place, order)?;
    let drift: Vec<String> = before
        .saved
        .iter()
        .filter(|saved| !saved.foreign)
        .map(|saved| saved.path.clone())
        .collect();
    journal.append(&Event::DriftSaved { paths: drift })?;
    actions::run(place, journal, &forward.before, Circumstances::Running)?;
    must_go_on(place, order)?;
    transact(place, order, forward, journal)?;
    must_go_on(place, order)?;
    edits::make(place, &before.edits)?;
    if before.systemd {
        units::daemon_reload(place)?;
    }
    release_units(place, forward, true)?;
    if let Some(target) = &forward.target {
        units::apply(place, &target.content.units, true)?;
    }
    // What systemd had to read anew it has read by now.
    let after = match forward.after.as_slice() {
        [Action::DaemonReload, rest @ ..] => rest,
        all => all,
    };
    actions::run(place, journal, after, Circumstances::Running)?;
    tidy(place, order, &before)?;
    let complaints = verify::complaints(place, order, forward, true)?;
    if !complaints.is_empty() {
        return Err(Refused::failed(format!(
            "the host is not what it shall be: {}",
            complaints.join("; ")
        )));
    }
    must_go_on(place, order)?;
    // Before anybody hears that it is the new one, a power cut must not be able
    // to make it something else.
    disk::sync_all(place)?;
    record(place, order)?;
    journal.append(&Event::Verified)?;
    Ok(())
}

/// One rpm transaction, in the journal before and after.
pub fn transact(
    place: &Place,
    order: &Order,
    transaction: &Transaction,
    journal: &Journal,
) -> Result<()> {
    journal.append(&Event::TransactionBegin)?;
    let start = Instant::now();
    let ended = if transaction.target.is_some() {
        rpm::upgrade(
            place,
            &files_to_install(place, transaction),
            Manner::default(),
        )?
    } else {
        let all = before::names(order);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut names: Vec<String> = rpm::installed(place, &all)?
            .into_iter()
            .map(|package| package.id.name)
            .collect();
        names.dedup();
        if names.is_empty() {
            journal.append(&Event::TransactionEnd {
                exit: Some(0),
                said: String::new(),
                took_ms: milliseconds(start),
            })?;
            return Ok(());
        }
        rpm::erase(place, &names, Manner::default())?
    };
    let said = format!("{}{}", ended.stdout, ended.stderr);
    journal.append(&Event::TransactionEnd {
        exit: ended.exit,
        said: bounded(&said),
        took_ms: milliseconds(start),
    })?;
    if !ended.is_good() {
        return Err(Refused::failed(format!(
            "the rpm transaction failed ({}): {}",
            ended.how(),
            bounded(ended.said())
        )));
    }
    let hidden = rpm::hidden_failures(&said);
    if hidden.is_empty() {
        Ok(())
    } else {
        Err(Refused::failed(format!(
            "rpm reported success, but said: {}",
            bounded(&hidden.join("; "))
        )))
    }
}

/// Units that the target has no word on go back to what they were before
/// tandem had one.
pub fn release_units(place: &Place, transaction: &Transaction, wait: bool) -> Result<()> {
    let mut origins = Vec::new();
    for policy in &transaction.release_units {
        origins.extend(before::origin_of_unit(place, &policy.unit)?);
    }
    units::restore(place, &origins, wait)
}

fn tidy(place: &Place, order: &Order, before: &Before) -> Result<()> {
    let known = converge::known_files(place, order)?;
    before::remove_leavings(place, before, &[&known])
}

fn record(place: &Place, order: &Order) -> Result<()> {
    let Some(target) = &order.forward.target else {
        return records::set_current(place, 0);
    };
    let record = Record::new(
        target.clone(),
        order.forward.generation_package.clone(),
        order.run.clone(),
        Timestamp::now(),
    );
    records::write(place, &record)?;
    records::set_current(place, target.number)
}

/// Between steps: has somebody asked for the way back?
fn must_go_on(place: &Place, order: &Order) -> Result<()> {
    match activate::wish(place, &order.run, order.leg) {
        Some(wish) => Err(Refused::failed(wish.because)),
        None => Ok(()),
    }
}

/// The dead man: confirmed in time, or back.
fn await_operator(
    place: &Place,
    order: &Order,
    journal: &Journal,
    stop: &Arc<AtomicBool>,
) -> Result<()> {
    let patience = Duration::from_secs(u64::from(order.confirm_within_s));
    let deadline = Instant::now() + patience;
    journal.append(&Event::AwaitConfirm {
        deadline: Timestamp::now() + SignedDuration::from_secs(i64::from(order.confirm_within_s)),
    })?;
    loop {
        match journal.state()? {
            LegState::AwaitingConfirm => {}
            // Confirmed, or somebody else's turn.
            _ => return Ok(()),
        }
        let stopped = stop.load(Ordering::Relaxed);
        if stopped && (!place.is_live() || units::host_goes_down(place)) {
            // Recovery undoes the leg when the host is up again.
            return Ok(());
        }
        let because = match activate::wish(place, &order.run, order.leg) {
            Some(wish) => wish.because,
            None if stopped => "the process that waited for the operator was stopped".into(),
            None if Instant::now() >= deadline => format!(
                "the operator did not come back within {} s",
                order.confirm_within_s
            ),
            None => {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
        };
        let undoing = journal.append_if(
            &Event::Undoing {
                because: because.clone(),
            },
            |state| match state {
                LegState::AwaitingConfirm => Ok(()),
                _ => Err(Refused::invalid("confirmed at the last moment")),
            },
        );
        return match undoing {
            Ok(_) => back::go(place, order, &because, Circumstances::Running),
            Err(_) if journal.state()? == LegState::Confirmed => Ok(()),
            Err(refused) => Err(refused),
        };
    }
}

/// The operator came back on a new connection.
pub fn confirm(place: &Place, run: &RunId, leg: u32) -> Result<()> {
    records::order(place, run, leg)?;
    let result = Journal::of(place, run, leg).append_if(&Event::Confirmed, |state| match state {
        LegState::AwaitingConfirm => Ok(()),
        other => Err(Refused::invalid(format!(
            "leg {leg} of run {run} cannot be confirmed: it is {}",
            activate::words(other)
        ))),
    });
    result.map(|_| ())
}

/// A generation that was left: rolled back, for this reason.
pub fn rolled_back(place: &Place, order: &Order, because: &str) -> Result<()> {
    match &order.forward.target {
        Some(left) => records::judge(
            place,
            left.number,
            Verdict::RolledBack {
                because: because.to_owned(),
            },
        ),
        None => Ok(()),
    }
}

fn bounded(text: &str) -> String {
    let mut end = text.len().min(SAID_MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim().to_owned()
}
