//! Walks the steps of a plan back: what was changed last is undone first, and
//! resources move back before the node that holds them is disturbed.

use crate::cluster::{look, nobody_holds, wait_for_holder};
use crate::run::Walk;
use crate::steps::{read_until, why};
use crate::{DeployError, Failure};
use std::time::{Duration, Instant};
use tandem_generation::{Entry, LegState};
use tandem_plan::StepKind;

/// How long a host that is away is waited for. One that was cut off undoes
/// itself: its dead man or its recovery does the same work.
const AWAY: Duration = Duration::from_secs(90);

impl Walk<'_, '_> {
    /// Undoes everything this run did. The failure lists hosts that could not
    /// be brought back or do not answer.
    pub(crate) fn back(&mut self, because: &str) -> Result<(), Failure> {
        let mut failure = Failure::default();
        let plan = self.plan;
        for step in plan.steps.iter().rev() {
            match &step.kind {
                StepKind::Activate { hosts, leg } => {
                    self.undo(hosts, *leg, because, &mut failure);
                }
                StepKind::Switchover {
                    from,
                    to,
                    give_back,
                    ..
                } => {
                    if self.must_give_back(from, to, plan) {
                        // It is better to undo a node that serves than not to
                        // undo it: a refusal here only costs the interruption.
                        let moved = self.switchover(&step.cluster, to, from, give_back);
                        if let Err(error) = moved {
                            self.watch.progress(crate::Progress::Said(&format!(
                                "could not move back: {}",
                                error.because()
                            )));
                        }
                    }
                }
                StepKind::Release { hosts, hold } => {
                    let changed = self.any_changed(hosts);
                    if changed && let Err(error) = self.hold(hosts, &hold.units) {
                        failure.errors.extend(error.errors);
                    }
                }
                StepKind::Hold { hosts, .. } => {
                    // Only when all are the same again: two that cannot hear
                    // each other must not both start.
                    if failure.errors.is_empty()
                        && let Err(error) = self.release(hosts)
                    {
                        failure.errors.extend(error.errors);
                    }
                }
                StepKind::Confirm { .. } | StepKind::CheckCluster { .. } => {}
            }
            self.watch
                .boundary(&format!("back over step {}", step.number));
        }
        for step in &plan.steps {
            if let StepKind::Switchover {
                from,
                to,
                give_back,
                ..
            } = &step.kind
            {
                self.serve_again(&step.cluster, from, to, give_back, &mut failure);
            }
        }
        if failure.errors.is_empty() {
            Ok(())
        } else {
            Err(failure)
        }
    }

    /// A move that failed halfway left the resources with nobody: `from` gave
    /// them, `to` did not take them. Hosts that are what they were are not
    /// enough then: `to` gives them back, and a cluster that still serves
    /// nothing is not rolled back. Both nodes are named, so that both keep the
    /// run open and `abort` tries again.
    fn serve_again(
        &self,
        cluster: &str,
        from: &str,
        to: &str,
        give_back: &[tandem_generation::Command],
        failure: &mut Failure,
    ) {
        let hosts = [from.to_owned(), to.to_owned()];
        if !nobody_holds(self.fleet, self.look, &hosts) {
            return;
        }
        self.watch.progress(crate::Progress::Said(&format!(
            "{cluster}: nobody holds the resources: {to} is asked to give them back to {from}"
        )));
        let Err(moved) = self.switchover(cluster, to, from, give_back) else {
            return;
        };
        if !nobody_holds(self.fleet, self.look, &hosts) {
            return;
        }
        for host in hosts {
            failure
                .errors
                .entry(host.clone())
                .or_insert_with(|| DeployError::Check {
                    about: host,
                    what: format!("nobody serves {cluster} any more: {}", moved.because()),
                });
        }
    }

    fn any_changed(&self, hosts: &[String]) -> bool {
        self.legs
            .iter()
            .any(|((host, _), state)| hosts.contains(host) && *state != LegState::Staged)
    }

    /// The node that took over must be free before its own undo disturbs it.
    fn must_give_back(&self, from: &str, to: &str, plan: &tandem_plan::Plan) -> bool {
        let Some(host) = plan.hosts.get(to) else {
            return false;
        };
        let disturbed = host.legs.iter().any(|leg| {
            let state = self.legs.get(&(to.to_owned(), leg.leg));
            !leg.disturbs.is_empty() && state.is_some_and(|state| undoable(*state))
        });
        if !disturbed {
            return false;
        }
        let hosts = [from.to_owned(), to.to_owned()];
        let seen = look(self.fleet, self.look, &hosts);
        let holds = seen
            .get(to)
            .and_then(|status| status.as_ref().ok())
            .is_some_and(|status| !status.held_here.is_empty());
        holds && wait_for_holder(self.fleet, self.look, &hosts, to, Duration::ZERO).is_ok()
    }

    fn undo(&mut self, hosts: &[String], leg: u32, because: &str, failure: &mut Failure) {
        let (run, watch) = (self.run.id.clone(), self.watch);
        let concerned: Vec<String> = hosts
            .iter()
            .filter(|host| {
                self.legs
                    .get(&((*host).clone(), leg))
                    .is_some_and(|state| undoable(*state))
            })
            .cloned()
            .collect();
        let outcome = self.fleet.each(&concerned, |host| {
            let name = host.name().to_owned();
            let number = leg.to_string();
            let words = ["undo", run.as_str(), &number, because];
            let end = Instant::now() + AWAY;
            loop {
                match host.ask_patiently::<_, ()>(&words, &(), AWAY) {
                    Ok(()) => break,
                    // It may be at it already: its dead man, or its recovery.
                    Err(DeployError::Refused { .. }) if resting(host, &words)? => return Ok(()),
                    Err(DeployError::Refused { .. }) if Instant::now() < end => {
                        std::thread::sleep(Duration::from_millis(300));
                    }
                    Err(error) => return Err(error),
                }
            }
            watch.boundary(&format!("undoing {name} leg {leg}"));
            read_until(host, &run, leg, watch, |name, events| {
                match LegState::of(events) {
                    LegState::Undone | LegState::Finished => Some(Ok(())),
                    LegState::UndoFailed => {
                        let because = why(events);
                        Some(Err(DeployError::LegFailed {
                            host: name.to_owned(),
                            because,
                        }))
                    }
                    _ => None,
                }
            })
        });
        for (host, result) in outcome {
            match result {
                Ok(()) => {
                    self.legs.insert((host.clone(), leg), LegState::Undone);
                    watch.boundary(&format!("undone {host} leg {leg}"));
                }
                Err(error) => {
                    failure.errors.insert(host, error);
                }
            }
        }
    }
}

fn undoable(state: LegState) -> bool {
    !matches!(
        state,
        LegState::Staged | LegState::Undone | LegState::Finished
    )
}

/// True when the leg is undone already.
fn resting(host: &mut crate::Host<'_>, words: &[&str]) -> Result<bool, DeployError> {
    let entries: Vec<Entry> =
        host.ask_patiently(&["follow", words[1], words[2], "0", "0"], &(), AWAY)?;
    let state = LegState::of(entries.iter().map(|entry| &entry.event));
    Ok(matches!(state, LegState::Undone | LegState::Finished))
}
