//! The lock of this host: taken and given back atomically, kept over reboots.

use crate::disk;
use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use std::fs::File;
use tandem_generation::protocol::{LockReply, LockRequest, RefusalKind};
use tandem_generation::{Lock, RunId};

/// Who holds the lock.
pub fn holder(place: &Place) -> Result<Option<Lock>> {
    disk::read_document(&place.lock())
}

/// Takes the lock, or says who has it. Taking over is for the same run only.
pub fn take(place: &Place, request: &LockRequest) -> Result<LockReply> {
    place.prepare()?;
    let _one_at_a_time = exclusively(place)?;
    match holder(place)? {
        Some(held) if held == request.lock => Ok(LockReply::Taken),
        Some(held) if !(request.take_over && held.run == request.lock.run) => {
            Ok(LockReply::Held(held))
        }
        _ => {
            disk::write_document(&place.lock(), &request.lock)?;
            Ok(LockReply::Taken)
        }
    }
}

/// Gives the lock of this run back; one that is not held is given back already.
pub fn release(place: &Place, run: &RunId) -> Result<()> {
    if !place.state().is_dir() {
        return Ok(());
    }
    give_back(place, run, &exclusively(place)?)
}

/// The same for somebody who is alone with the lock already.
pub(crate) fn give_back(place: &Place, run: &RunId, _alone: &Alone) -> Result<()> {
    match holder(place)? {
        Some(held) if held.run != *run => Err(held_by(&held)),
        Some(_) => disk::remove(&place.lock()),
        None => Ok(()),
    }
}

/// Refuses unless this run holds the lock.
pub fn must_hold(place: &Place, run: &RunId) -> Result<()> {
    match holder(place)? {
        Some(held) if held.run == *run => Ok(()),
        Some(held) => Err(held_by(&held)),
        None => Err(Refused::new(
            RefusalKind::Locked,
            format!("run {run} does not hold the lock of this host"),
        )
        .hint(
            "somebody gave it back or took it over: look at `tandem status` and `tandem history`",
        )),
    }
}

fn held_by(held: &Lock) -> Refused {
    Refused::new(
        RefusalKind::Locked,
        format!(
            "this host is locked by {} for run {} since {}",
            held.owner, held.run, held.since
        ),
    )
    .hint("`tandem lock status` shows all locks; `tandem resume` takes over a run")
}

/// Nobody else takes the lock, gives it back, or begins or ends a run that rests
/// on it, while this exists.
pub(crate) struct Alone(#[allow(dead_code, reason = "held open until it is over")] File);

/// Waits until nobody else is at the lock.
pub(crate) fn exclusively(place: &Place) -> Result<Alone> {
    let path = place.state().join(".lock-guard");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .attempt(|| format!("open {}", path.display()))?;
    file.lock().attempt(|| format!("lock {}", path.display()))?;
    Ok(Alone(file))
}
