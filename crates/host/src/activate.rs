//! Starting the process that executes a leg: in a unit of its own, so that a
//! lost connection never interrupts rpm.

use crate::helper;
use crate::journal::{self, Journal};
use crate::place::Place;
use crate::process::{self, Bounds};
use crate::refusal::{Attempt, Refused, Result};
use crate::{disk, lock, records};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tandem_generation::{Event, FORMAT, LegState, RunId};

/// How long the host's shutdown waits for a transaction.
const SHUTDOWN_PATIENCE_S: u32 = 900;

/// A wish to undo a leg, for whoever is or will be at it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wish {
    /// Version of this document.
    pub format: u32,
    /// Why, in words.
    pub because: String,
    /// Number of the journal's last entry when it was uttered.
    pub after: u64,
}

/// Starts a staged leg and returns as soon as its process runs.
pub fn activate(place: &Place, run: &RunId, leg: u32) -> Result<()> {
    lock::must_hold(place, run)?;
    records::order(place, run, leg)?;
    for earlier in records::legs_of(place, run)? {
        if earlier < leg && Journal::of(place, run, earlier).state()? != LegState::Confirmed {
            return Err(Refused::invalid(format!(
                "leg {earlier} of run {run} comes before leg {leg} and is not confirmed"
            )));
        }
    }
    let journal = Journal::of(place, run, leg);
    journal.append_if(&Event::Activating, |state| match state {
        LegState::Staged => Ok(()),
        other => Err(Refused::invalid(format!(
            "leg {leg} of run {run} cannot be activated: it is {}",
            words(other)
        ))),
    })?;
    start(place, run, leg, "execute", &run.unit(leg))
}

/// Asks for a leg to be undone, whoever is at it, and starts a process that
/// does it as soon as nobody else is.
pub fn undo(place: &Place, run: &RunId, leg: u32, because: &str) -> Result<()> {
    lock::must_hold(place, run)?;
    records::order(place, run, leg)?;
    for later in records::legs_of(place, run)? {
        let entries = Journal::of(place, run, later).read()?;
        let state = journal::state_of(&entries);
        let went_back = matches!(
            state,
            LegState::Undone | LegState::Staged | LegState::Finished
        );
        if later > leg && !went_back {
            return Err(Refused::invalid(format!(
                "leg {later} of run {run} is on top of leg {leg} and is {}",
                words(state)
            ))
            .hint(format!("undo leg {later} first")));
        }
    }
    let entries = Journal::of(place, run, leg).read()?;
    match journal::state_of(&entries) {
        LegState::Undone => return Ok(()),
        state @ (LegState::Staged | LegState::Finished) => {
            return Err(Refused::invalid(format!(
                "leg {leg} of run {run} cannot be undone: it is {}",
                words(state)
            )));
        }
        _ => {}
    }
    let wish = Wish {
        format: FORMAT,
        because: because.to_owned(),
        after: entries.last().map_or(0, |entry| entry.seq),
    };
    disk::remove(&place.reserve(run))?;
    disk::write_document(&place.undo_wish(run, leg), &wish)?;
    let unit = run.unit(leg).replace(".service", "-undo.service");
    start(place, run, leg, "execute-undo", &unit)
}

/// Somebody's wish to undo this leg.
pub fn wish(place: &Place, run: &RunId, leg: u32) -> Option<Wish> {
    disk::read_document(&place.undo_wish(run, leg))
        .ok()
        .flatten()
}

/// The right to change the host for a run; one process has it at a time.
pub struct Turn(#[allow(dead_code, reason = "held open until the turn is over")] File);

impl Turn {
    /// Takes the turn, or `None` where another process has it.
    pub fn try_take(place: &Place, run: &RunId) -> Result<Option<Self>> {
        let what = || format!("take the turn of run {run}");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(place.run(run).join(".turn"))
            .attempt(what)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(cause).attempt(what),
        }
    }

    /// Takes the turn, waiting for the process that has it.
    pub fn take(place: &Place, run: &RunId, within: Duration) -> Result<Self> {
        let until = Instant::now() + within;
        loop {
            if let Some(turn) = Self::try_take(place, run)? {
                return Ok(turn);
            }
            if Instant::now() >= until {
                return Err(Refused::failed(format!(
                    "another process has been changing this host for run {run} for {} s",
                    within.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A state in a sentence.
pub fn words(state: LegState) -> &'static str {
    match state {
        LegState::Staged => "staged and not activated",
        LegState::Activating => "being activated",
        LegState::AwaitingConfirm => "waiting for its confirmation",
        LegState::Confirmed => "confirmed",
        LegState::Undoing => "being undone",
        LegState::Undone => "undone",
        LegState::UndoFailed => "not undone, because that failed",
        LegState::Finished => "finished",
    }
}

fn start(place: &Place, run: &RunId, leg: u32, subcommand: &str, unit: &str) -> Result<()> {
    let helper = helper::path(place);
    let helper = helper.display().to_string();
    if place.systemctl.is_some() && place.is_live() {
        return in_unit(&[&helper, subcommand, run.as_str(), &leg.to_string()], unit);
    }
    let log = place.run(run).join(format!("{subcommand}-{leg}.log"));
    let log = File::create(&log).attempt(|| format!("open {}", log.display()))?;
    let mut command = process::command(&[&helper, subcommand, run.as_str(), &leg.to_string()])
        .attempt(|| format!("start {helper}"))?;
    if !place.is_live() {
        command.env(
            "TANDEM_ROOT",
            fs::canonicalize(&place.root).unwrap_or_default(),
        );
        if let Some(systemctl) = &place.systemctl {
            command.env("TANDEM_SYSTEMCTL", systemctl);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .attempt(|| format!("start {helper}"))?;
    Ok(())
}

fn in_unit(argv: &[&str], unit: &str) -> Result<()> {
    let patience = format!("--property=TimeoutStopSec={SHUTDOWN_PATIENCE_S}");
    let mut all = vec![
        "systemd-run",
        "--quiet",
        "--collect",
        "--unit",
        unit,
        "--description=tandem changes this host",
        // Nothing but the helper is told to stop at shutdown, and it lets rpm end.
        "--property=Type=exec",
        "--property=KillMode=mixed",
        &patience,
        // Killed from outside, it comes back and undoes what it left.
        "--property=Restart=on-abnormal",
        "--property=RestartSec=1",
        "--property=OOMScoreAdjust=-900",
        "--",
    ];
    all.extend(argv);
    let bounds = Bounds {
        timeout: Some(Duration::from_secs(60)),
        output_bytes: 16 * 1024,
    };
    let ended = process::run(&all, bounds).attempt(|| format!("start unit {unit}"))?;
    if ended.is_good()
        || ended.stderr.contains("already loaded")
        || ended.stderr.contains("already exists")
    {
        return Ok(());
    }
    Err(Refused::failed(format!(
        "systemd did not start {unit} ({}): {}",
        ended.how(),
        ended.said()
    )))
}
