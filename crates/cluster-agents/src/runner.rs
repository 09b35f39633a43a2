//! Runs operations: each in a scope of its own, bounded, and ended only when nothing is
//! left that must not be left.

mod leftovers;

use crate::bus::{Bus, JobResult};
use crate::code::OcfCode;
use crate::group::{Group, Groups};
use crate::job::{Action, Ended, Ending, Id, Job, Settings};
use crate::name::ScopeName;
use crate::notice::Noticed;
use crate::order::{Order, Outcome};
use crate::problem::Problem;
use crate::program::{self, Program};
use crate::unit::Units;
use crate::{address, program::code};
use cluster_model::Agent;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

/// How long processes that end anyway have for it before they count as forgotten.
const GRACE: Duration = Duration::from_millis(100);

/// Between two looks at an operation that was begun by an earlier daemon.
const LOOK: Duration = Duration::from_millis(50);

/// What an agent said is written this long before it is killed for taking too long.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Runs agents. Belongs to one tokio runtime.
#[derive(Debug)]
pub struct Runner {
    settings: Settings,
    bus: Bus,
    groups: Groups,
    units: Units,
    running: Mutex<HashMap<Id, watch::Sender<bool>>>,
    /// Scopes of resources in which something was left running.
    kept: Mutex<HashSet<String>>,
}

/// Set once somebody wants an operation to end.
pub(crate) type Kill = watch::Receiver<bool>;

/// Ends when somebody wants that.
pub(crate) async fn wanted(kill: &mut Kill) {
    if kill.wait_for(|&wanted| wanted).await.is_err() {
        // Nobody can want it any more.
        std::future::pending::<()>().await;
    }
}

impl Runner {
    /// Finds systemd's control groups and makes the directory for results. The bus is
    /// not needed for that.
    ///
    /// # Errors
    ///
    /// Without systemd, control groups, or a directory to write to.
    #[expect(clippy::unused_async, reason = "it may have to ask systemd one day")]
    pub async fn new(settings: Settings) -> Result<Self, Problem> {
        let ops = settings.run.join("ops");
        make_private(&ops).map_err(|source| Problem::File {
            what: "make",
            path: ops.clone(),
            source,
        })?;
        let groups = Groups::find(&read("/proc/self/mountinfo")?, &read("/proc/1/cgroup")?)?;
        Ok(Self {
            settings,
            bus: Bus::default(),
            groups,
            units: Units::default(),
            running: Mutex::default(),
            kept: Mutex::default(),
        })
    }

    /// Runs an operation. Ends only when nothing of it is left that must not be left,
    /// which may be later than its timeout: a process in the kernel's hands cannot be
    /// killed. To be awaited to its end; to give up on it, [`Runner::kill`] it.
    ///
    /// What a good start, promotion or demotion of an OCF agent or script left running
    /// stays until a good stop of the same resource. Everything else that an operation
    /// leaves behind is killed, and said in its output.
    pub async fn run(&self, job: Job) -> Ended {
        let begun = Instant::now();
        let until = begun + job.timeout;
        let (sender, kill) = watch::channel(false);
        // Whoever kills it waits until this is dropped, after the last cleaning up.
        let held = kill.clone();
        if self.running().contains_key(&job.id) {
            let why = format!("operation {:?} is under way already", job.id);
            return Ended::new(Ending::NotStarted(why));
        }
        self.running().insert(job.id, sender);
        let ended = match &job.agent {
            Agent::Systemd { unit } => {
                let run = self.units.run(&self.bus, unit, &job.action, until, kill);
                run.await
            }
            Agent::Address {
                address,
                prefix,
                interface,
            } => address::run(*address, *prefix, interface, &job.action),
            Agent::Ocf { .. } | Agent::Lsb { .. } => self.agent(&job, until, kill).await,
        };
        self.running().remove(&job.id);
        drop(held);
        Ended {
            took: begun.elapsed(),
            ..ended
        }
    }

    /// The connection to systemd that operations have.
    pub(crate) async fn connection(&self) -> Result<zbus::Connection, Problem> {
        self.bus.connection().await
    }

    /// What a unit that ended means to whoever listens. The scope of an operation is its
    /// resource only as long as something was left running in it.
    pub(crate) fn whose(&self, unit: String) -> Option<Noticed> {
        match ScopeName::parse(&unit) {
            None => Some(Noticed::Unit(unit)),
            Some(name) => {
                let kept = self.kept().remove(&unit);
                kept.then_some(Noticed::Resource(name.resource))
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashSet<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, watch::Sender<bool>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn result(&self, id: Id) -> PathBuf {
        self.settings.run.join("ops").join(ScopeName::result(id))
    }

    /// An operation of an OCF agent or a script.
    async fn agent(&self, job: &Job, until: Instant, kill: Kill) -> Ended {
        let program = match program::program(job, &self.settings) {
            Ok(Some(program)) => program,
            Ok(None) => return without(job),
            Err(problem) => {
                return Ended::because(OcfCode::NotInstalled, problem.line());
            }
        };
        if !program.path.exists() {
            let why = format!("{} is not there", program.path.display());
            return Ended::because(OcfCode::NotInstalled, why);
        }
        let name = match ScopeName::new(job.id, &job.action, &job.resource) {
            Ok(name) => name,
            Err(problem) => return Ended::new(Ending::NotStarted(problem.line())),
        };
        let ended = self.scoped(job, &name, program, until, kill).await;
        self.finish(job, &name, ended).await
    }

    /// Goes on with an operation that an earlier daemon began, found among the
    /// [`Runner::leftovers`]: waits for its end, or kills it at the timeout, which counts
    /// from now. The job has to be the very one, as the daemon's disk has it. Like
    /// [`Runner::run`] otherwise.
    pub async fn adopt(&self, job: Job) -> Ended {
        let begun = Instant::now();
        let name = match ScopeName::new(job.id, &job.action, &job.resource) {
            Ok(name) => name,
            Err(problem) => return Ended::new(Ending::NotStarted(problem.line())),
        };
        let (sender, mut kill) = watch::channel(false);
        self.running().insert(job.id, sender);
        let group = self.groups.scope(&name.unit());
        let result = self.result(job.id);
        // It is nobody's child that we could wait for.
        let end = async {
            while !result.exists() && !group.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        };
        let cut = tokio::select! {
            () = end => None,
            () = tokio::time::sleep(job.timeout) => Some(Ending::TimedOut),
            () = wanted(&mut kill) => Some(Ending::Killed),
        };
        if cut.is_some() {
            group.kill().await;
        }
        let ended = self.outcome(&job, cut);
        let ended = self.finish(&job, &name, ended).await;
        self.running().remove(&job.id);
        drop(kill);
        Ended {
            took: begun.elapsed(),
            ..ended
        }
    }

    /// Leaves nothing of an operation that must not be left.
    async fn finish(&self, job: &Job, name: &ScopeName, mut ended: Ended) -> Ended {
        let good = ended.ending == Ending::Exit(OcfCode::Success);
        let group = self.groups.scope(&name.unit());
        let stays = good && Action::leaves(&name.action);
        if stays && !group.is_empty() {
            self.kept().insert(name.unit());
        }
        if !stays && !group.empties_within(GRACE).await {
            let what = format!("{} left {} running", name.action, group.names());
            clear(&group, what, &mut ended).await;
        }
        if good && job.action == Action::Stop {
            self.stopped(&job.resource, &mut ended).await;
        }
        // What stays is known to the next daemon by its result; all else was heard now.
        if !stays || group.is_empty() {
            self.forget(job.id);
        }
        ended
    }

    /// A good stop ends what was left running when it was started.
    async fn stopped(&self, resource: &str, ended: &mut Ended) {
        for unit in self.groups.all_scopes().await {
            let Some(name) = ScopeName::parse(&unit) else {
                continue;
            };
            if name.resource != resource || !Action::leaves(&name.action) {
                continue;
            }
            self.kept().remove(&unit);
            let group = self.groups.scope(&unit);
            if !group.empties_within(GRACE).await {
                let what = format!("the stop left {} running", group.names());
                clear(&group, what, ended).await;
            }
            self.forget(name.id);
        }
    }

    /// Supervisor into a scope, order to the supervisor, and then its end, the
    /// timeout, or somebody who wants it killed.
    async fn scoped(
        &self,
        job: &Job,
        name: &ScopeName,
        program: Program,
        until: Instant,
        mut kill: Kill,
    ) -> Ended {
        let unit = name.unit();
        let group = self.groups.scope(&unit);
        let order = Order {
            program: program.path,
            arguments: program.arguments,
            environment: program.environment,
            result: self.result(job.id),
            operation: unit.clone(),
            last_words_ms: 0,
        };
        let mut child = match self.supervisor() {
            Ok(child) => child,
            Err(why) => return Ended::new(Ending::NotStarted(why)),
        };
        let title = format!("{} of {}", name.action, job.resource);
        let enclosed = tokio::select! {
            enclosed = self.enclose(&unit, &title, &child, &group, until) => enclosed,
            () = wanted(&mut kill) => Err("killed before it was begun".to_owned()),
        };
        let began = match enclosed {
            Ok(()) => {
                let left = until.saturating_duration_since(Instant::now() + LAST_WORDS);
                let order = Order {
                    last_words_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
                    ..order
                };
                send(&mut child, &order).await
            }
            Err(why) => Err(why),
        };
        if let Err(why) = began {
            // It waits for its order and has begun nothing.
            let _ = child.kill().await;
            group.kill().await;
            return Ended::new(Ending::NotStarted(why));
        }
        let ending = tokio::select! {
            status = child.wait() => status.map(|_| None),
            () = tokio::time::sleep_until(until) => Ok(Some(Ending::TimedOut)),
            () = wanted(&mut kill) => Ok(Some(Ending::Killed)),
        };
        if !matches!(ending, Ok(None)) {
            group.kill().await;
            let _ = child.wait().await;
        }
        self.outcome(job, ending.unwrap_or(Some(Ending::Killed)))
    }

    /// What became of an operation whose supervisor is gone, or of one that was cut.
    fn outcome(&self, job: &Job, cut: Option<Ending>) -> Ended {
        let result = self.result(job.id);
        let outcome = Outcome::read(&result);
        let so_far = Order::so_far(&result);
        let (ending, outcome) = match (cut, outcome) {
            (Some(cut), outcome) => (cut, outcome.or_else(|| Outcome::read(&so_far))),
            // A supervisor that left no result was killed by somebody else.
            (None, None) => (Ending::Killed, Outcome::read(&so_far)),
            (None, Some(outcome)) => {
                let ending = outcome.code.map(|number| Ending::Exit(code(job, number)));
                let why = outcome.reason.clone().unwrap_or_default();
                (ending.unwrap_or(Ending::NotStarted(why)), Some(outcome))
            }
        };
        let _ = std::fs::remove_file(so_far);
        let mut ended = Ended::new(ending);
        if let Some(outcome) = outcome {
            ended.output = outcome.output;
            ended.reason = outcome.reason;
        }
        ended
    }

    fn supervisor(&self) -> Result<Child, String> {
        let (program, arguments) = self
            .settings
            .supervisor
            .split_first()
            .ok_or("no supervisor is set")?;
        Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))
    }

    async fn enclose(
        &self,
        unit: &str,
        title: &str,
        child: &Child,
        group: &Group,
        until: Instant,
    ) -> Result<(), String> {
        let pid = child.id().ok_or("the supervisor ended at once")?;
        let attempt = async {
            let mut scope = self.bus.scope(unit, title, pid).await?;
            Ok::<_, Problem>(scope.wait(until).await)
        };
        let result = tokio::time::timeout_at(until, attempt).await;
        let result = result.map_err(|_| "systemd made no scope in time".to_owned())?;
        match result {
            Ok(JobResult::Ended(result)) if result == "done" => {}
            Ok(JobResult::Ended(result)) => return Err(format!("systemd made no scope: {result}")),
            Ok(JobResult::Late) => return Err("systemd made no scope in time".to_owned()),
            // What counts is looked at below.
            Ok(JobResult::Unknown) => {}
            // A bus that is gone must not keep a resource from being stopped.
            Err(problem) => group
                .adopt(pid)
                .map_err(|error| format!("{}; nor without it: {error}", problem.line()))?,
        }
        // All killing rests on this.
        let inside = group.processes();
        if inside
            .iter()
            .any(|it| u32::try_from(it.as_raw()) == Ok(pid))
        {
            Ok(())
        } else {
            Err(format!(
                "the supervisor is not in the control group of {unit}"
            ))
        }
    }
}

async fn send(child: &mut Child, order: &Order) -> Result<(), String> {
    let mut line = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut stdin = child.stdin.take().ok_or("the supervisor has no input")?;
    let sent = stdin.write_all(&line).await;
    sent.map_err(|error| format!("the supervisor takes no order: {error}"))
}

async fn clear(group: &Group, what: String, ended: &mut Ended) {
    group.kill().await;
    ended.remark(&format!("{what}; killed"));
}

/// Actions that a script cannot have.
fn without(job: &Job) -> Ended {
    match job.action {
        Action::ValidateAll | Action::Notify { .. } => Ended::exit(OcfCode::Success),
        _ => Ended::exit(OcfCode::Unimplemented),
    }
}

fn read(path: &str) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|source| Problem::File {
        what: "read",
        path: PathBuf::from(path),
        source,
    })
}

fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}
