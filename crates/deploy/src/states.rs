//! Where the legs of a run stand, asked of the hosts: what makes a run
//! resumable from any machine.

use crate::{DeployError, Failure, Fleet};
use std::collections::BTreeMap;
use tandem_generation::{Entry, Event, FORMAT, Facts, FactsRequest, LegState, RunId};
use tandem_plan::Plan;

/// A run as the hosts know it.
pub struct RunState {
    /// Its plan, from the first host that has it; `None` when none got that
    /// far: then nothing was changed.
    pub plan: Option<Plan>,
    /// State of each leg by host and number.
    pub legs: BTreeMap<(String, u32), LegState>,
    /// Why a leg went back, by host.
    pub because: BTreeMap<String, String>,
    /// Hosts that hold the run's lock.
    pub locked: Vec<String>,
    /// Hosts that did not answer.
    pub silent: BTreeMap<String, DeployError>,
}

impl RunState {
    /// The state of a leg; one that no host knows was never staged.
    pub fn leg(&self, host: &str, leg: u32) -> Option<LegState> {
        self.legs.get(&(host.to_owned(), leg)).copied()
    }

    /// True when no host was changed.
    pub fn is_untouched(&self) -> bool {
        self.legs.values().all(|state| *state == LegState::Staged)
    }

    /// True when a host went back, or could not.
    pub fn went_back(&self) -> bool {
        self.legs.values().any(|state| {
            matches!(
                state,
                LegState::Undoing | LegState::Undone | LegState::UndoFailed
            )
        })
    }
}

/// Asks every host of the fleet about a run.
///
/// # Errors
/// No host answers, or none knows the run.
pub fn find_run(fleet: &Fleet<'_>, run: &RunId) -> Result<RunState, Failure> {
    let mut state = RunState {
        plan: None,
        legs: BTreeMap::new(),
        because: BTreeMap::new(),
        locked: Vec::new(),
        silent: BTreeMap::new(),
    };
    let names = fleet.names();
    let request = FactsRequest {
        format: FORMAT,
        ..FactsRequest::default()
    };
    let answers = fleet.each(&names, |host| {
        let facts: Facts = host.ask(&["facts"], &request)?;
        let knows = facts.open.iter().any(|open| open.run == *run);
        let plan = if knows {
            let text: String = host.ask(&["plan-of", run.as_str()], &())?;
            serde_json::from_str::<Plan>(&text)
                .map(Some)
                .map_err(|error| DeployError::Garbled {
                    host: host.name().to_owned(),
                    asked: "plan-of".to_owned(),
                    why: error.to_string(),
                })?
        } else {
            None
        };
        Ok((facts, plan))
    });
    for (name, answer) in answers {
        match answer {
            Ok((facts, plan)) => {
                state.plan = state.plan.or(plan);
                if facts.lock.is_some_and(|lock| lock.run == *run) {
                    state.locked.push(name.clone());
                }
                for open in facts.open.into_iter().filter(|open| open.run == *run) {
                    state.legs.insert((name.clone(), open.leg), open.state);
                    if let Some(because) = open.because {
                        state.because.insert(name.clone(), because);
                    }
                }
            }
            Err(error) => {
                state.silent.insert(name, error);
            }
        }
    }
    ask_closed_legs(fleet, run, &mut state);
    if state.legs.is_empty() && state.locked.is_empty() {
        let about = run.to_string();
        let mut failure = Failure {
            errors: state.silent,
        };
        if failure.errors.is_empty() {
            failure = Failure::one(
                &about,
                DeployError::Local(format!("no host knows an open run {run}")),
            );
        }
        return Err(failure);
    }
    Ok(state)
}

/// Hosts on which the run is closed already do not list it as open; their
/// journals still tell how it ended.
fn ask_closed_legs(fleet: &Fleet<'_>, run: &RunId, state: &mut RunState) {
    let Some(plan) = &state.plan else { return };
    for host in plan.hosts.values() {
        for leg in &host.legs {
            let key = (host.host.clone(), leg.leg);
            if state.legs.contains_key(&key) || state.silent.contains_key(&host.host) {
                continue;
            }
            let words = ["follow", run.as_str(), &leg.leg.to_string(), "0", "0"];
            // A host that never staged the leg refuses the question.
            let entries: Result<Vec<Entry>, _> = fleet.on(&host.host, |host| host.ask(&words, &()));
            let verdict = entries
                .iter()
                .flatten()
                .find_map(|entry| match &entry.event {
                    Event::Finished { verdict } => Some(verdict.as_str()),
                    _ => None,
                });
            match verdict {
                Some("accepted") => state.legs.insert(key, LegState::Confirmed),
                Some("rolled-back") => state.legs.insert(key, LegState::Undone),
                _ => None,
            };
        }
    }
}
