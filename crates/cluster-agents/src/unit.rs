//! systemd units as resources: jobs by their signals, states by their names.
//!
//! A unit stays where systemd puts it. While the cluster has it, a drop-in below /run
//! says `Restart=no`, so that failures are counted where decisions are made, and
//! `Before=clusterd.service`: what is before something when starting is after it when
//! stopping (systemd.unit(5)), so a shutdown leaves the unit alone until the daemon has
//! ended. The same rule would make the daemon wait for ever for a stop that it asks
//! for while it is being stopped itself; so then the drop-in is removed first.
//! A unit is never reloaded.

use crate::bus::{Bus, JobResult, UnitState, error_name};
use crate::code::OcfCode;
use crate::job::{Action, Ended, Ending};
use crate::problem::Problem;
use crate::runner::{Kill, wanted};
use crate::systemctl;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

const DAEMON: &str = "clusterd.service";
const DROP_IN: &str = "50-clusterd.conf";

/// How long a unit that was killed has to be gone.
const AFTER_KILL: Duration = Duration::from_secs(10);

/// Between two looks at whether what was killed is gone.
const LOOK: Duration = Duration::from_millis(50);

/// What is known of units beside what systemd knows.
#[derive(Debug)]
pub(crate) struct Units {
    directory: PathBuf,
    /// Counted up by each drop-in that is written or removed.
    changes: AtomicU64,
    /// Which of them systemd has read. Held while it reads.
    loaded: tokio::sync::Mutex<u64>,
}

impl Default for Units {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/run/systemd/system"),
            changes: AtomicU64::new(0),
            loaded: tokio::sync::Mutex::new(0),
        }
    }
}

impl Units {
    /// Runs one operation on a unit.
    pub(crate) async fn run(
        &self,
        bus: &Bus,
        unit: &str,
        action: &Action,
        until: Instant,
        mut kill: Kill,
    ) -> Ended {
        let done = async {
            match action {
                Action::Start => self.start(bus, unit, until).await,
                Action::Stop => self.stop(bus, unit, until).await,
                Action::Probe => self.probe(bus, unit, until).await,
                Action::Monitor { .. } => look(bus, unit, until).await,
                Action::ValidateAll => installed(bus, unit).await,
                Action::Notify { .. } => Ok(Ended::exit(OcfCode::Success)),
                Action::Promote | Action::Demote | Action::MetaData => {
                    Ok(Ended::exit(OcfCode::Unimplemented))
                }
            }
        };
        let done = async {
            match done.await {
                Ok(ended) => ended,
                Err(problem) => match without_the_bus(&problem, unit, action).await {
                    Some(ended) => ended,
                    None => refused(&problem),
                },
            }
        };
        let ended = tokio::select! {
            ended = done => ended,
            () = tokio::time::sleep_until(until) => Ended::new(Ending::TimedOut),
            () = wanted(&mut kill) => Ended::new(Ending::Killed),
        };
        let cut = matches!(ended.ending, Ending::TimedOut | Ending::Killed);
        if cut && *action == Action::Start {
            // What may not be started any more is not left half started.
            let _ = tokio::time::timeout(AFTER_KILL, abort(bus, unit)).await;
        }
        ended
    }

    /// Looks, and has the drop-in in place for later, when time counts.
    async fn probe(&self, bus: &Bus, unit: &str, until: Instant) -> Result<Ended, Problem> {
        let ended = look(bus, unit, until).await?;
        if ended.ending != Ending::Exit(OcfCode::NotInstalled) {
            self.claim(bus, unit).await?;
        }
        Ok(ended)
    }

    async fn start(&self, bus: &Bus, unit: &str, until: Instant) -> Result<Ended, Problem> {
        self.claim(bus, unit).await?;
        if !runs(&bus.state(unit).await?) {
            // Else a unit that was started often enough, failed or not, is not started at all
            // (StartLimitBurst=); how often is the cluster's decision.
            let _ = bus.reset_failed(unit).await;
        }
        let mut job = bus.start(unit).await?;
        let result = match job.wait(until).await {
            JobResult::Late => return Ok(Ended::new(Ending::TimedOut)),
            JobResult::Ended(result) => result,
            JobResult::Unknown => "unknown".to_owned(),
        };
        let Some(state) = bus.settled(unit, until).await? else {
            return Ok(Ended::new(Ending::TimedOut));
        };
        if runs(&state) {
            return Ok(Ended::exit(OcfCode::Success));
        }
        let why = explain(bus, unit, &state).await;
        Ok(Ended::because(
            OcfCode::Generic,
            format!("{unit}: the start ended as `{result}`, and it is {why}"),
        ))
    }

    async fn stop(&self, bus: &Bus, unit: &str, until: Instant) -> Result<Ended, Problem> {
        if bus.has_job(DAEMON).await.unwrap_or(false) {
            self.release(bus, unit).await?;
        }
        let mut job = match bus.stop(unit).await {
            Ok(job) => job,
            // There is nothing to stop.
            Err(problem) if error_name(&problem).ends_with(".NoSuchUnit") => {
                return Ok(Ended::exit(OcfCode::Success));
            }
            Err(problem) => return Err(problem),
        };
        // The daemon's own stop may have begun meanwhile; see the drop-in.
        let mut result = JobResult::Late;
        while result == JobResult::Late && Instant::now() < until {
            result = job
                .wait(until.min(Instant::now() + Duration::from_secs(1)))
                .await;
            if result == JobResult::Late && bus.has_job(DAEMON).await.unwrap_or(false) {
                self.release(bus, unit).await?;
            }
        }
        let Some(state) = bus.settled(unit, until).await? else {
            return Ok(Ended::new(Ending::TimedOut));
        };
        if runs(&state) {
            let why = format!("{unit} is {} after its stop ({result:?})", state.active);
            return Ok(Ended::because(OcfCode::Generic, why));
        }
        if left(bus, unit, &state).await? > 0 && !clear(bus, unit, &state, until).await? {
            let why = format!("{unit} failed to stop, and something of it still runs");
            return Ok(Ended::because(OcfCode::Generic, why));
        }
        Ok(Ended::exit(OcfCode::Success))
    }

    /// Puts the drop-in in place. systemd reads it once for all that were written
    /// before it began to.
    async fn claim(&self, bus: &Bus, unit: &str) -> Result<(), Problem> {
        let path = self.drop_in(unit);
        let text = drop_in(unit);
        if std::fs::read_to_string(&path).is_ok_and(|found| found == text) {
            return self.reload(bus, self.changes.load(Ordering::SeqCst)).await;
        }
        write(&path, &text).map_err(|source| Problem::File {
            what: "write",
            path,
            source,
        })?;
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.reload(bus, change).await
    }

    async fn release(&self, bus: &Bus, unit: &str) -> Result<(), Problem> {
        if std::fs::remove_file(self.drop_in(unit)).is_err() {
            return Ok(());
        }
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.reload(bus, change).await
    }

    async fn reload(&self, bus: &Bus, change: u64) -> Result<(), Problem> {
        let mut loaded = self.loaded.lock().await;
        if *loaded >= change {
            return Ok(());
        }
        let including = self.changes.load(Ordering::SeqCst);
        bus.reload().await?;
        *loaded = including;
        Ok(())
    }

    fn drop_in(&self, unit: &str) -> PathBuf {
        self.directory.join(format!("{unit}.d")).join(DROP_IN)
    }
}

/// The text of the drop-in.
fn drop_in(unit: &str) -> String {
    let mut text = format!("# While clusterd runs {unit}.\n[Unit]\nBefore={DAEMON}\n");
    if Path::new(unit)
        .extension()
        .is_some_and(|it| it == "service")
    {
        text.push_str("\n[Service]\nRestart=no\n");
    }
    text
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, text)
}

fn runs(state: &UnitState) -> bool {
    matches!(state.active.as_str(), "active" | "reloading" | "refreshing")
}

/// Does it run? What is on its way is waited for: `activating` is neither.
async fn look(bus: &Bus, unit: &str, until: Instant) -> Result<Ended, Problem> {
    let Some(state) = bus.settled(unit, until).await? else {
        return Ok(Ended::new(Ending::TimedOut));
    };
    let left = left(bus, unit, &state).await?;
    let code = seen(&state, left);
    Ok(if code == OcfCode::NotInstalled {
        Ended::because(code, format!("there is no {unit}"))
    } else if state.active == "failed" {
        let mut why = format!("{unit} is {}", explain(bus, unit, &state).await);
        if left > 0 {
            why.push_str(", and something of it still runs");
        }
        Ended::because(code, why)
    } else {
        Ended::exit(code)
    })
}

/// What a unit's state says, and how many processes are left of one that failed: those may
/// hold what the next one needs, and it has to be stopped before it is started anywhere.
fn seen(state: &UnitState, left: usize) -> OcfCode {
    if runs(state) {
        OcfCode::Success
    } else if left > 0 {
        OcfCode::Generic
    } else if state.load == "not-found" {
        OcfCode::NotInstalled
    } else {
        OcfCode::NotRunning
    }
}

/// A unit may be "failed" with something left that could not be killed, or that systemd
/// was told to leave alone (`KillMode=`). What an "inactive" one left is its own way.
async fn left(bus: &Bus, unit: &str, state: &UnitState) -> Result<usize, Problem> {
    if state.active != "failed" {
        return Ok(0);
    }
    match bus.processes(unit).await {
        // systemd has forgotten it meanwhile.
        Err(problem) if error_name(&problem).ends_with(".NoSuchUnit") => Ok(0),
        counted => counted,
    }
}

async fn installed(bus: &Bus, unit: &str) -> Result<Ended, Problem> {
    let load = bus.state(unit).await?.load;
    Ok(if load == "loaded" {
        Ended::exit(OcfCode::Success)
    } else {
        Ended::because(OcfCode::NotInstalled, format!("{unit} is {load}"))
    })
}

async fn explain(bus: &Bus, unit: &str, state: &UnitState) -> String {
    let result = bus.detail(unit, "Result").await;
    match result.filter(|result| result != "success") {
        Some(result) => format!("{} ({}: {result})", state.active, state.sub),
        None => format!("{} ({})", state.active, state.sub),
    }
}

/// What can be done all the same when it is the bus that failed, and not systemd.
async fn without_the_bus(problem: &Problem, unit: &str, action: &Action) -> Option<Ended> {
    let is_systemd = match error_name(problem).rsplit('.').next() {
        None | Some("") => false,
        Some(name) => ![
            "NoReply",
            "Disconnected",
            "ServiceUnknown",
            "NameHasNoOwner",
        ]
        .contains(&name),
    };
    if is_systemd {
        return None;
    }
    let mut ended = systemctl::run(unit, action).await?;
    ended.remark(&format!("{}; done through systemctl", problem.line()));
    Some(ended)
}

/// Cancels a start and kills what it began.
async fn abort(bus: &Bus, unit: &str) {
    let _ = bus.kill(unit).await;
    if let Ok(mut job) = bus.stop(unit).await {
        let _ = bus.kill(unit).await;
        job.wait(Instant::now() + AFTER_KILL).await;
    }
}

/// Kills what a unit that failed has left, which systemd does not do once more when asked
/// to stop it; whether nothing is left.
async fn clear(bus: &Bus, unit: &str, state: &UnitState, until: Instant) -> Result<bool, Problem> {
    let until = until.min(Instant::now() + AFTER_KILL);
    loop {
        let _ = bus.kill(unit).await;
        tokio::time::sleep(LOOK).await;
        if left(bus, unit, state).await? == 0 {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
    }
}

fn refused(problem: &Problem) -> Ended {
    let code = match error_name(problem).rsplit('.').next() {
        Some("NoSuchUnit" | "UnitMasked") => OcfCode::NotInstalled,
        Some("BadUnitSetting" | "LoadFailed" | "InvalidArgs") => OcfCode::NotConfigured,
        _ => return Ended::new(Ending::NotStarted(problem.line())),
    };
    Ended::because(code, problem.line())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_have_restart() {
        assert!(drop_in("apache2.service").contains("Restart=no"));
        assert!(!drop_in("data.mount").contains("Restart"));
        assert!(drop_in("data.mount").contains("\nBefore=clusterd.service\n"));
    }

    #[test]
    fn a_unit_that_reloads_runs() {
        let state = |active: &str| UnitState {
            active: active.to_owned(),
            ..UnitState::default()
        };
        assert!(runs(&state("reloading")));
        assert!(!runs(&state("activating")));
        assert!(!runs(&state("failed")));
    }

    #[test]
    fn a_unit_that_failed_and_left_something_running_is_not_taken_for_stopped() {
        let state = |active: &str, load: &str| UnitState {
            active: active.to_owned(),
            load: load.to_owned(),
            ..UnitState::default()
        };
        assert_eq!(seen(&state("failed", "loaded"), 2), OcfCode::Generic);
        // Whoever removed its file did not stop it.
        assert_eq!(seen(&state("failed", "not-found"), 2), OcfCode::Generic);
        assert_eq!(seen(&state("failed", "loaded"), 0), OcfCode::NotRunning);
        assert_eq!(seen(&state("inactive", "loaded"), 0), OcfCode::NotRunning);
        assert_eq!(
            seen(&state("inactive", "not-found"), 0),
            OcfCode::NotInstalled
        );
        assert_eq!(seen(&state("active", "loaded"), 0), OcfCode::Success);
    }
}
