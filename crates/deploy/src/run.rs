//! A run from lock to verdict: apply, resume, abort.

use crate::cluster::Look;
use crate::staging::{self, Supplies};
use crate::{DeployError, Failure, Fleet, Progress, RunState, Watch, find_run, lock_all};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tandem_generation::protocol::{Evidence, StageReply};
use tandem_generation::{Digest, LegState, Lock, RunId};
use tandem_plan::{Plan, Step, StepKind};

/// Who runs what, and when.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// `user@machine`.
    pub operator: String,
    /// When it began.
    pub created: Timestamp,
}

/// What a run did.
#[derive(Default)]
pub struct Report {
    /// Steps done, in order.
    pub steps: Vec<StepReport>,
    /// What each host proved before anything changed.
    pub staged: BTreeMap<String, StageReply>,
    /// What was collected on each host before it went back.
    pub evidence: BTreeMap<String, Evidence>,
}

/// A step that was done.
pub struct StepReport {
    /// The step.
    pub step: Step,
    /// Milliseconds.
    pub took_ms: u64,
    /// What was seen, for people.
    pub seen: String,
}

/// How a run ended. Always the truth.
pub enum Outcome {
    /// Every host is what the plan says, confirmed and checked.
    Accepted(Report),
    /// The same, but these could not be told that the run is over.
    NotClosed {
        /// What was done.
        report: Report,
        /// Hosts that still know an open run, and why.
        left: Failure,
    },
    /// Everything is staged and waits for `resume`.
    Staged(Report),
    /// Nothing was changed on any host.
    NotActivated(Failure),
    /// It failed, and every host is what it was.
    RolledBack {
        /// Why it failed.
        failure: Failure,
        /// What was done before, and the evidence.
        report: Report,
    },
    /// It failed, and some hosts could not be brought back or asked.
    RollbackFailed {
        /// Why it failed.
        failure: Failure,
        /// What is not known to be back.
        left: Failure,
        /// What was done before, and the evidence.
        report: Report,
    },
}

/// A run under way.
pub(crate) struct Walk<'r, 'h> {
    pub(crate) fleet: &'r Fleet<'h>,
    pub(crate) plan: &'r Plan,
    pub(crate) run: &'r Run,
    pub(crate) look: &'r dyn Look,
    pub(crate) watch: &'r dyn Watch,
    pub(crate) legs: BTreeMap<(String, u32), LegState>,
    pub(crate) report: Report,
}

/// Applies a plan: lock, push, stage, walk, verdict. `recheck` takes the facts
/// again under the lock and returns their fingerprint.
pub fn apply(
    fleet: &Fleet<'_>,
    plan: &Plan,
    run: &Run,
    supplies: &dyn Supplies,
    look: &dyn Look,
    recheck: &dyn Fn() -> Result<Digest, Failure>,
    watch: &dyn Watch,
) -> Outcome {
    let mut walk = match prepare(fleet, plan, run, supplies, look, recheck, watch) {
        Ok(walk) => walk,
        Err(failure) => return Outcome::NotActivated(failure),
    };
    let result = walk.forth();
    conclude(walk, result)
}

/// Locks, pushes and stages, and leaves it at that.
pub fn stage_only(
    fleet: &Fleet<'_>,
    plan: &Plan,
    run: &Run,
    supplies: &dyn Supplies,
    look: &dyn Look,
    recheck: &dyn Fn() -> Result<Digest, Failure>,
    watch: &dyn Watch,
) -> Outcome {
    match prepare(fleet, plan, run, supplies, look, recheck, watch) {
        Ok(walk) => Outcome::Staged(walk.report),
        Err(failure) => Outcome::NotActivated(failure),
    }
}

fn lock_of(run: &Run, plan: &Plan) -> Lock {
    Lock {
        owner: run.operator.clone(),
        run: run.id.clone(),
        plan: plan.digest(),
        since: run.created,
    }
}

fn prepare<'r, 'h>(
    fleet: &'r Fleet<'h>,
    plan: &'r Plan,
    run: &'r Run,
    supplies: &dyn Supplies,
    look: &'r dyn Look,
    recheck: &dyn Fn() -> Result<Digest, Failure>,
    watch: &'r dyn Watch,
) -> Result<Walk<'r, 'h>, Failure> {
    let hosts = concerned(plan);
    lock_all(fleet, &hosts, &lock_of(run, plan), false, watch)?;
    watch.progress(Progress::Locked);
    let staged = recheck()
        .and_then(|fingerprint| {
            if fingerprint == plan.fingerprint {
                Ok(())
            } else {
                Err(Failure::one("plan", DeployError::Stale))
            }
        })
        .and_then(|()| staging::stage(fleet, plan, run, supplies, watch));
    match staged {
        Ok(staged) => Ok(Walk {
            fleet,
            plan,
            run,
            look,
            watch,
            legs: BTreeMap::new(),
            report: Report {
                staged,
                ..Report::default()
            },
        }),
        Err(failure) => {
            // Nothing was changed; a host that cannot be told now says so at
            // the next plan, with the run's name.
            finish(fleet, &hosts, &run.id, "not-activated");
            Err(failure)
        }
    }
}

/// Every host that a plan changes, asks or moves resources to: nobody else may
/// work on any of them meanwhile.
fn concerned(plan: &Plan) -> Vec<String> {
    let mut hosts: BTreeSet<String> = plan.hosts.keys().cloned().collect();
    for step in &plan.steps {
        match &step.kind {
            StepKind::Activate { hosts: named, .. }
            | StepKind::Confirm { hosts: named, .. }
            | StepKind::Hold { hosts: named, .. }
            | StepKind::Release { hosts: named, .. }
            | StepKind::CheckCluster { hosts: named } => hosts.extend(named.iter().cloned()),
            StepKind::Switchover { from, to, .. } => {
                hosts.extend([from.clone(), to.clone()]);
            }
        }
    }
    hosts.into_iter().collect()
}

/// Closes a run on its hosts; returns those that could not be told.
fn finish(fleet: &Fleet<'_>, hosts: &[String], run: &RunId, verdict: &str) -> Failure {
    let mut failure = Failure::default();
    let results = fleet.each(hosts, |host| {
        host.ask_patiently::<_, ()>(
            &["finish", run.as_str(), verdict],
            &(),
            Duration::from_secs(20),
        )
    });
    for (host, result) in results {
        if let Err(error) = result {
            failure.errors.insert(host, error);
        }
    }
    failure
}

fn conclude(mut walk: Walk<'_, '_>, result: Result<(), Failure>) -> Outcome {
    let hosts = concerned(walk.plan);
    let Err(failure) = result else {
        let left = finish(walk.fleet, &hosts, &walk.run.id, "accepted");
        walk.watch.boundary("finished");
        let report = walk.report;
        return if left.errors.is_empty() {
            Outcome::Accepted(report)
        } else {
            Outcome::NotClosed { report, left }
        };
    };
    let because = failure.because();
    walk.watch
        .progress(Progress::WalkingBack { because: &because });
    walk.collect_evidence();
    go_back(walk, &because, failure)
}

fn go_back(mut walk: Walk<'_, '_>, because: &str, failure: Failure) -> Outcome {
    let hosts = concerned(walk.plan);
    let undone = walk.back(because);
    let mut left = undone.err().unwrap_or_default();
    let clean: Vec<String> = hosts
        .into_iter()
        .filter(|host| !left.errors.contains_key(host))
        .collect();
    left.errors
        .extend(finish(walk.fleet, &clean, &walk.run.id, "rolled-back").errors);
    walk.watch.boundary("finished");
    if left.errors.is_empty() {
        Outcome::RolledBack {
            failure,
            report: walk.report,
        }
    } else {
        Outcome::RollbackFailed {
            failure,
            left,
            report: walk.report,
        }
    }
}

impl Walk<'_, '_> {
    fn collect_evidence(&mut self) {
        let run = self.run.id.clone();
        for ((host, leg), state) in self.legs.clone() {
            if state == LegState::Staged {
                continue;
            }
            let leg = leg.to_string();
            let words = ["evidence", run.as_str(), &leg];
            let evidence: Result<Evidence, DeployError> =
                self.fleet.on(&host, |host| host.ask(&words, &()));
            if let Ok(evidence) = evidence {
                self.report.evidence.insert(host, evidence);
            }
        }
    }
}

/// Goes on with a run, from this machine or another: forth when nothing went
/// wrong so far, back when a host went back.
pub fn resume(
    fleet: &Fleet<'_>,
    run: &Run,
    look: &dyn Look,
    watch: &dyn Watch,
) -> Result<Outcome, Failure> {
    let state = find_run(fleet, &run.id)?;
    let Some(plan) = complete_plan(&state) else {
        let left = finish(fleet, &state.locked, &run.id, "not-activated");
        if !left.errors.is_empty() {
            // A host that cannot tell what it did may have been changed.
            let because = "not every host can tell how far it came".to_owned();
            return Ok(Outcome::RollbackFailed {
                failure: Failure::one(run.id.as_str(), DeployError::Local(because)),
                left,
                report: Report::default(),
            });
        }
        return Ok(Outcome::NotActivated(Failure::one(
            run.id.as_str(),
            DeployError::Local(
                "the run had not staged everything; nothing was changed, and its locks are \
                 given back: apply again"
                    .to_owned(),
            ),
        )));
    };
    let hosts = concerned(&plan);
    lock_all(fleet, &hosts, &lock_of(run, &plan), true, watch)?;
    let went_back = state.went_back();
    let because: Vec<String> = state
        .because
        .iter()
        .map(|(host, because)| format!("{host}: {because}"))
        .collect();
    let mut walk = Walk {
        fleet,
        plan: &plan,
        run,
        look,
        watch,
        legs: state.legs,
        report: Report::default(),
    };
    if went_back {
        let because = because.join("; ");
        watch.progress(Progress::WalkingBack { because: &because });
        let failure = Failure::one(run.id.as_str(), DeployError::Local(because.clone()));
        return Ok(go_back(walk, &because, failure));
    }
    let result = walk.forth();
    Ok(conclude(walk, result))
}

/// Undoes a run, from this machine or another.
pub fn abort(
    fleet: &Fleet<'_>,
    run: &Run,
    look: &dyn Look,
    watch: &dyn Watch,
) -> Result<Outcome, Failure> {
    let state = find_run(fleet, &run.id)?;
    let because = format!("aborted by {}", run.operator);
    let failure = Failure::one(run.id.as_str(), DeployError::Local(because.clone()));
    let plan = match &state.plan {
        Some(plan) if !state.is_untouched() => plan.clone(),
        _ => {
            let mut hosts = state.locked.clone();
            hosts.extend(state.legs.keys().map(|(host, _)| host.clone()));
            hosts.sort();
            hosts.dedup();
            let left = finish(fleet, &hosts, &run.id, "not-activated");
            return Ok(if left.errors.is_empty() {
                Outcome::RolledBack {
                    failure,
                    report: Report::default(),
                }
            } else {
                Outcome::RollbackFailed {
                    failure,
                    left,
                    report: Report::default(),
                }
            });
        }
    };
    let hosts = concerned(&plan);
    lock_all(fleet, &hosts, &lock_of(run, &plan), true, watch)?;
    let walk = Walk {
        fleet,
        plan: &plan,
        run,
        look,
        watch,
        legs: state.legs,
        report: Report::default(),
    };
    Ok(go_back(walk, &because, failure))
}

/// The plan, where every host of it has its legs staged; `None` while the run
/// died before that.
fn complete_plan(state: &RunState) -> Option<Plan> {
    let plan = state.plan.clone()?;
    let complete = plan.hosts.values().all(|host| {
        state.silent.contains_key(&host.host)
            || host
                .legs
                .iter()
                .all(|leg| state.leg(&host.host, leg.leg).is_some())
    });
    (complete || !state.is_untouched()).then_some(plan)
}
