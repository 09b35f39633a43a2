//! Walks the steps of a plan forth. Every step first looks whether it is done
//! already: a resumed run and a fresh one take the same way.

use crate::cluster::{check_health, look, wait_for_holder, wait_until_whole};
use crate::run::{StepReport, Walk};
use crate::{DeployError, Failure, Progress};
use std::time::{Duration, Instant};
use tandem_generation::health::CheckedOn;
use tandem_generation::{Command, CommandResult, Entry, Event, LegState};
use tandem_plan::{Plan, Step, StepKind};
use tandem_remote::RemoteError;

/// How long a host may be away in the middle of a leg before the run gives up
/// on it: time for a reset and its recovery.
const AWAY: Duration = Duration::from_secs(90);
/// How long resources may take to move.
const MOVE: Duration = Duration::from_secs(60);
/// A node that holds its resources unmoved for so long did not hear that it
/// shall give them.
const HEARD: Duration = Duration::from_secs(15);
/// How often it is asked.
const ASKED_MOST: u32 = 3;
/// How long a cluster may take to be whole again after a change.
const WHOLE: Duration = Duration::from_secs(60);

impl Walk<'_, '_> {
    /// All steps, in order.
    pub(crate) fn forth(&mut self) -> Result<(), Failure> {
        let plan = self.plan;
        for step in &plan.steps {
            self.watch.progress(Progress::StepBegin {
                step,
                of: plan.steps.len(),
            });
            let begin = Instant::now();
            let seen = self.step(step)?;
            let took_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.watch.progress(Progress::StepEnd {
                step,
                took_ms,
                seen: &seen,
            });
            self.report.steps.push(StepReport {
                step: step.clone(),
                took_ms,
                seen,
            });
            self.watch.boundary(&format!("step {}", step.number));
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<String, Failure> {
        match &step.kind {
            StepKind::Activate { hosts, leg } => self.activate(hosts, *leg),
            StepKind::Confirm { hosts, leg } => self.confirm(hosts, *leg),
            StepKind::Switchover { from, to, give, .. } => {
                self.switchover(&step.cluster, from, to, give)
            }
            StepKind::Hold { hosts, hold } => {
                if self.all_confirmed(hosts) {
                    return Ok("was done".to_owned());
                }
                self.hold(hosts, &hold.units)
            }
            StepKind::Release { hosts, .. } => self.release(hosts),
            StepKind::CheckCluster { hosts } => self.check_cluster(&step.cluster, hosts),
        }
    }

    fn all_confirmed(&self, hosts: &[String]) -> bool {
        hosts
            .iter()
            .filter_map(|host| self.plan.hosts.get(host))
            .flat_map(|host| host.legs.iter().map(|leg| (host.host.clone(), leg.leg)))
            .all(|key| self.legs.get(&key) == Some(&LegState::Confirmed))
    }

    fn activate(&mut self, hosts: &[String], leg: u32) -> Result<String, Failure> {
        let (run, watch) = (self.run.id.clone(), self.watch);
        let states = self.legs.clone();
        let outcome = self.fleet.each(hosts, |host| {
            let name = host.name().to_owned();
            let state = states
                .get(&(name.clone(), leg))
                .copied()
                .unwrap_or(LegState::Staged);
            match state {
                LegState::Staged => {
                    start(host, &run, leg)?;
                    watch.boundary(&format!("activated {name} leg {leg}"));
                }
                LegState::Activating => {}
                LegState::AwaitingConfirm | LegState::Confirmed => return Ok(state),
                LegState::Undoing
                | LegState::Undone
                | LegState::UndoFailed
                | LegState::Finished => {
                    return Err(DeployError::LegFailed {
                        host: name,
                        because: "it went back before this run came to it".to_owned(),
                    });
                }
            }
            follow(host, &run, leg, watch)
        });
        let mut failure = Failure::default();
        for (host, result) in outcome {
            let state = match &result {
                Ok(state) => *state,
                Err(DeployError::LegFailed { .. }) => LegState::Undone,
                Err(_) => LegState::Activating,
            };
            self.legs.insert((host.clone(), leg), state);
            if let Err(error) = result {
                failure.errors.insert(host, error);
            }
        }
        if failure.errors.is_empty() {
            Ok(format!("{} verified", hosts.join(", ")))
        } else {
            Err(failure)
        }
    }

    fn confirm(&mut self, hosts: &[String], leg: u32) -> Result<String, Failure> {
        let (run, watch, plan) = (self.run.id.clone(), self.watch, self.plan);
        let open: Vec<String> = hosts
            .iter()
            .filter(|host| self.legs.get(&((*host).clone(), leg)) != Some(&LegState::Confirmed))
            .cloned()
            .collect();
        let outcome = self.fleet.each(&open, |host| {
            let name = host.name().to_owned();
            // The dead man wants to see that the host can still be reached
            // by somebody who was not connected before.
            host.hang_up();
            check_health(host, health_of(plan, &name, leg), CheckedOn::Each)?;
            let words = ["confirm", run.as_str(), &leg.to_string()];
            host.ask_patiently::<_, ()>(&words, &(), AWAY)?;
            watch.boundary(&format!("confirmed {name} leg {leg}"));
            Ok(())
        });
        let mut failure = Failure::default();
        for (name, result) in outcome {
            match result {
                Ok(()) => {
                    self.legs.insert((name, leg), LegState::Confirmed);
                }
                Err(error) => {
                    failure.errors.insert(name, error);
                }
            }
        }
        if failure.errors.is_empty() {
            Ok(format!(
                "{} confirmed on a new connection",
                hosts.join(", ")
            ))
        } else {
            Err(failure)
        }
    }

    /// Moves the resources, unless they are there already.
    pub(crate) fn switchover(
        &self,
        cluster: &str,
        from: &str,
        to: &str,
        give: &[Command],
    ) -> Result<String, Failure> {
        let hosts = [from.to_owned(), to.to_owned()];
        let seen = look(self.fleet, self.look, &hosts);
        let holds = |host: &str| {
            seen.get(host)
                .and_then(|status| status.as_ref().ok())
                .is_some_and(|status| !status.held_here.is_empty())
        };
        if holds(to) && !holds(from) {
            return Ok(format!("{to} holds the resources already"));
        }
        let begin = Instant::now();
        let mut asked = 0;
        loop {
            self.run_commands(from, give)?;
            asked += 1;
            self.watch.boundary(&format!("gave {cluster}"));
            let patience = if asked < ASKED_MOST { HEARD } else { MOVE };
            match wait_for_holder(self.fleet, self.look, &hosts, to, patience) {
                Ok(()) => break,
                // An engine that is still busy with an earlier move does not hear.
                Err(_)
                    if asked < ASKED_MOST
                        && wait_for_holder(self.fleet, self.look, &hosts, from, Duration::ZERO)
                            .is_ok() =>
                {
                    self.watch.progress(Progress::Said(&format!(
                        "{from} was asked to give its resources and kept them: asked again"
                    )));
                }
                // On the move: it may take its time.
                Err(_) if patience < MOVE => {
                    wait_for_holder(self.fleet, self.look, &hosts, to, MOVE)
                        .map_err(|error| Failure::one(cluster, error))?;
                    break;
                }
                Err(error) => return Err(Failure::one(cluster, error)),
            }
        }
        Ok(format!(
            "{to} holds the resources after {} ms",
            begin.elapsed().as_millis()
        ))
    }

    /// Stops units on several hosts until they are released; all must succeed
    /// before anything else happens.
    pub(crate) fn hold(&self, hosts: &[String], units: &[String]) -> Result<String, Failure> {
        for name in hosts {
            self.fleet
                .on(name, |host| {
                    host.ask_patiently::<_, ()>(&["hold"], &units, AWAY)
                })
                .map_err(|error| Failure::one(name, error))?;
            self.watch.boundary(&format!("held {name}"));
        }
        Ok(format!(
            "{} stopped on {}",
            units.join(", "),
            hosts.join(", ")
        ))
    }

    /// Starts what was held.
    pub(crate) fn release(&self, hosts: &[String]) -> Result<String, Failure> {
        for name in hosts {
            self.fleet
                .on(name, |host| {
                    host.ask_patiently::<_, ()>(&["release"], &(), AWAY)
                })
                .map_err(|error| Failure::one(name, error))?;
            self.watch.boundary(&format!("released {name}"));
        }
        Ok(format!("started on {}", hosts.join(", ")))
    }

    fn run_commands(&self, host: &str, commands: &[Command]) -> Result<(), Failure> {
        let results: Vec<CommandResult> = self
            .fleet
            .on(host, |host| host.ask(&["act"], &commands))
            .map_err(|error| Failure::one(host, error))?;
        match results.iter().find(|result| result.exit != Some(0)) {
            None => Ok(()),
            Some(bad) => Err(Failure::one(
                host,
                DeployError::Check {
                    about: host.to_owned(),
                    what: format!("`{}` failed: {}", bad.name, bad.stderr.trim()),
                },
            )),
        }
    }

    fn check_cluster(&self, cluster: &str, hosts: &[String]) -> Result<String, Failure> {
        if !self.look.has_engine(cluster) {
            return Ok("no engine".to_owned());
        }
        let holder = wait_until_whole(self.fleet, self.look, cluster, hosts, WHOLE)?;
        // A node that does not change in this run is asked for its peers' checks:
        // they are the same on all nodes.
        let health = self
            .plan
            .hosts
            .get(&holder)
            .or_else(|| {
                self.plan
                    .hosts
                    .values()
                    .find(|host| host.cluster == cluster)
            })
            .and_then(|host| {
                let reached = host.legs.iter().rev().find(|leg| {
                    self.legs.get(&(host.host.clone(), leg.leg)) == Some(&LegState::Confirmed)
                });
                let before = host
                    .from
                    .as_ref()
                    .map(|generation| &generation.content.health);
                reached.map(|leg| &leg.content.health).or(before)
            });
        if let Some(health) = health
            && let Err(error) = self.fleet.on(&holder, |host| {
                check_health(host, health, CheckedOn::Holder)
            })
        {
            if !self.is_still_to_change(&holder) {
                return Err(Failure::one(&holder, error));
            }
            // What this run has not touched was ill before it, and this run may
            // be the cure: the holder is checked again once it is changed.
            self.watch.progress(Progress::Said(&format!(
                "{error}; {holder} is not changed yet, going on"
            )));
        }
        Ok(format!(
            "{holder} holds the resources, {} online",
            hosts.join(", ")
        ))
    }
}

impl Walk<'_, '_> {
    /// True for a host that this run will change and has not begun to.
    fn is_still_to_change(&self, host: &str) -> bool {
        self.plan.hosts.get(host).is_some_and(|plan| {
            plan.legs.iter().all(|leg| {
                matches!(
                    self.legs.get(&(host.to_owned(), leg.leg)),
                    None | Some(LegState::Staged)
                )
            })
        })
    }
}

fn health_of<'p>(plan: &'p Plan, host: &str, leg: u32) -> &'p [tandem_generation::HealthCheck] {
    plan.hosts
        .get(host)
        .and_then(|host| host.legs.iter().find(|plan| plan.leg == leg))
        .map_or(&[], |leg| leg.content.health.as_slice())
}

/// Activates a leg, exactly once: whether a host heard a request whose answer
/// was lost is asked of its journal.
fn start(
    host: &mut crate::Host<'_>,
    run: &tandem_generation::RunId,
    leg: u32,
) -> Result<(), DeployError> {
    let leg = leg.to_string();
    let end = Instant::now() + AWAY;
    loop {
        match host.call(&["activate", run.as_str(), &leg], &()) {
            Err(DeployError::Remote(RemoteError::Lost { .. })) if Instant::now() < end => {}
            other => return other,
        }
        host.hang_up();
        let words = ["follow", run.as_str(), &leg, "0", "0"];
        let entries: Vec<Entry> = host.ask_patiently(&words, &(), AWAY)?;
        if LegState::of(entries.iter().map(|entry| &entry.event)) != LegState::Staged {
            return Ok(());
        }
    }
}

/// Reads a leg's journal until `verdict` finds what it waits for.
pub(crate) fn read_until<T>(
    host: &mut crate::Host<'_>,
    run: &tandem_generation::RunId,
    leg: u32,
    watch: &dyn crate::Watch,
    verdict: impl Fn(&str, &[Event]) -> Option<Result<T, DeployError>>,
) -> Result<T, DeployError> {
    let name = host.name().to_owned();
    let (run, leg) = (run.as_str(), leg.to_string());
    let mut after = 0_u64;
    let mut events: Vec<Event> = Vec::new();
    loop {
        let words = ["follow", run, &leg, &after.to_string(), "3000"];
        let entries: Vec<Entry> = host.ask_patiently(&words, &(), AWAY)?;
        for entry in entries {
            watch.progress(Progress::Journal {
                host: &name,
                entry: &entry,
            });
            after = after.max(entry.seq);
            events.push(entry.event);
        }
        if let Some(result) = verdict(&name, &events) {
            return result;
        }
    }
}

/// Waits until a leg is verified on its host, or went back.
fn follow(
    host: &mut crate::Host<'_>,
    run: &tandem_generation::RunId,
    leg: u32,
    watch: &dyn crate::Watch,
) -> Result<LegState, DeployError> {
    read_until(host, run, leg, watch, |name, events| {
        match LegState::of(events) {
            LegState::Staged | LegState::Activating | LegState::Undoing => None,
            state @ (LegState::AwaitingConfirm | LegState::Confirmed) => Some(Ok(state)),
            LegState::Undone | LegState::UndoFailed | LegState::Finished => {
                Some(Err(DeployError::LegFailed {
                    host: name.to_owned(),
                    because: why(events),
                }))
            }
        }
    })
}

/// Why a leg went back, from its journal.
pub(crate) fn why(events: &[Event]) -> String {
    let mut failed = None;
    let mut undone = None;
    for event in events {
        match event {
            Event::Failed { because } => failed = Some(because.clone()),
            Event::Undoing { because } => undone = Some(because.clone()),
            Event::UndoFailed { because } => {
                return format!(
                    "{}; and it could not go back: {because}",
                    failed.unwrap_or_else(|| "it went back".to_owned())
                );
            }
            _ => {}
        }
    }
    failed
        .or(undone)
        .unwrap_or_else(|| "it went back".to_owned())
}
