//! The end of a run on this host: verdicts recorded, legs closed, lock given
//! back.

use crate::activate::words;
use crate::journal::{self, Journal};
use crate::place::Place;
use crate::refusal::{Refused, Result};
use crate::{disk, edits, forget, helper, lock, records};
use tandem_generation::{Event, LegState, RunId, Verdict};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The host keeps what the run brought.
    Accepted,
    /// Every leg that was activated is undone.
    RolledBack,
    /// No leg was activated.
    NotActivated,
}

impl Ending {
    /// The word in journals and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::RolledBack => "rolled-back",
            Self::NotActivated => "not-activated",
        }
    }

    fn fits(self, state: LegState) -> bool {
        match self {
            _ if state == LegState::Finished => true,
            Self::Accepted => state == LegState::Confirmed,
            Self::RolledBack => matches!(state, LegState::Undone | LegState::Staged),
            Self::NotActivated => state == LegState::Staged,
        }
    }

    fn must_fit(self, state: LegState, run: &RunId, leg: u32) -> Result<()> {
        if self.fits(state) {
            return Ok(());
        }
        Err(Refused::invalid(format!(
            "run {run} cannot be closed as {} while leg {leg} is {}",
            self.word(),
            words(state)
        ))
        .hint(match state {
            LegState::UndoFailed => {
                "repair the host and run `tandem-host recover` on it, or wait for its next boot"
            }
            _ => "`tandem resume` or `tandem abort` brings the run to its end",
        }))
    }
}

impl std::str::FromStr for Ending {
    type Err = Refused;
    fn from_str(word: &str) -> Result<Self> {
        [Self::Accepted, Self::RolledBack, Self::NotActivated]
            .into_iter()
            .find(|ending| ending.word() == word)
            .ok_or_else(|| {
                Refused::invalid(format!(
                    "`{word}` is no verdict (accepted, rolled-back, not-activated)"
                ))
            })
    }
}

/// Closes a run on this host. Doing it twice is doing it once.
pub fn finish(place: &Place, run: &RunId, ending: Ending) -> Result<()> {
    if !place.state().is_dir() {
        return Ok(());
    }
    // What is being staged meanwhile is either seen here or finds its lock gone.
    let alone = lock::exclusively(place)?;
    let legs = records::legs_of(place, run)?;
    for leg in &legs {
        let journal = Journal::of(place, run, *leg);
        if !journal.exists() {
            continue;
        }
        let state = journal.state()?;
        ending.must_fit(state, run, *leg)?;
    }
    if ending != Ending::NotActivated {
        accept_current(place)?;
        forget::remember_members(place)?;
    }
    for leg in &legs {
        let journal = Journal::of(place, run, *leg);
        if journal.exists() && journal::state_of(&journal.read()?) != LegState::Finished {
            let finished = Event::Finished {
                verdict: ending.word().to_owned(),
            };
            journal.append_if(&finished, |state| ending.must_fit(state, run, *leg))?;
        }
    }
    disk::remove(&place.reserve(run))?;
    helper::guard_current(place)?;
    match lock::holder(place)? {
        Some(held) if held.run == *run => lock::give_back(place, run, &alone),
        _ => Ok(()),
    }
}

/// What is current now is accepted, what was accepted before is superseded.
fn accept_current(place: &Place) -> Result<()> {
    let current = records::current_number(place)?;
    for record in records::all(place)?.0 {
        let number = record.generation.number;
        match record.verdict {
            _ if number == current => records::judge(place, number, Verdict::Accepted)?,
            Verdict::Pending | Verdict::Accepted => {
                records::judge(place, number, Verdict::Superseded)?;
            }
            _ => {}
        }
    }
    let kept =
        records::current(place)?.map_or_else(Vec::new, |record| record.generation.content.edits);
    edits::forget_originals(place, &kept)
}
