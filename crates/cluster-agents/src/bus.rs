//! systemd over D-Bus: jobs by their signals, properties, transient units.

use crate::problem::Problem;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout_at};
use zbus::export::futures_core::Stream as _;
use zbus::message::Type;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, MatchRule, Message, MessageStream};

/// systemd's name on the bus.
const DESTINATION: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(crate) const UNIT: &str = "org.freedesktop.systemd1.Unit";

/// Ends of jobs that nobody has looked at yet.
const JOBS_MAX: usize = 1024;

/// What is not an operation, such as reading a property, has this long.
const BRIEF: Duration = Duration::from_secs(10);

/// A job that ended: its path, and `done`, `failed`, `timeout`, ...
type JobEnd = (OwnedObjectPath, String);

/// A connection that is made anew when it was lost.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    link: tokio::sync::Mutex<Option<Link>>,
    slice: Mutex<bool>,
}

#[derive(Clone, Debug)]
struct Link {
    connection: Connection,
    ends: broadcast::WeakSender<JobEnd>,
}

/// A job that systemd has accepted.
#[derive(Debug)]
pub(crate) struct Job {
    path: OwnedObjectPath,
    ends: broadcast::Receiver<JobEnd>,
}

/// How waiting for a job ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JobResult {
    /// In systemd's words.
    Ended(String),
    /// Not in time.
    Late,
    /// The connection broke; the unit's state has to tell.
    Unknown,
}

impl Job {
    /// Waits for the job's signal.
    pub(crate) async fn wait(&mut self, until: Instant) -> JobResult {
        loop {
            match timeout_at(until, self.ends.recv()).await {
                Err(_) => return JobResult::Late,
                Ok(Err(_)) => return JobResult::Unknown,
                Ok(Ok((path, result))) if path == self.path => return JobResult::Ended(result),
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// A unit's state, as `systemctl show` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnitState {
    pub(crate) load: String,
    pub(crate) active: String,
    pub(crate) sub: String,
}

impl Bus {
    async fn link(&self) -> Result<Link, Problem> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref()
            && link.ends.upgrade().is_some()
        {
            return Ok(link.clone());
        }
        let fresh = connect().await.map_err(|it| refused("connect", it))?;
        *link = Some(fresh.clone());
        Ok(fresh)
    }

    /// The connection that there is, or a new one.
    pub(crate) async fn connection(&self) -> Result<Connection, Problem> {
        Ok(self.link().await?.connection)
    }

    async fn call<B, R>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<R, Problem>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        let link = self.link().await?;
        let failed = |source| refused(method, source);
        let call =
            link.connection
                .call_method(Some(DESTINATION), path, Some(interface), method, body);
        let answer = tokio::time::timeout(BRIEF, call)
            .await
            .map_err(|_| Problem::SystemdSilent(method.to_owned()))?
            .map_err(failed)?;
        answer.body().deserialize().map_err(failed)
    }

    async fn manager<B, R>(&self, method: &str, body: &B) -> Result<R, Problem>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: serde::de::DeserializeOwned + zbus::zvariant::Type,
    {
        self.call(&manager_path(), MANAGER, method, body).await
    }

    /// A method of the manager that answers with a job. Listening begins before
    /// asking, so that no end is missed.
    async fn job<B>(&self, method: &str, body: &B) -> Result<Job, Problem>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let link = self.link().await?;
        let lost = || Problem::SystemdSilent(method.to_owned());
        let ends = link.ends.upgrade().ok_or_else(lost)?.subscribe();
        let path = self.manager(method, body).await?;
        Ok(Job { path, ends })
    }

    pub(crate) async fn start(&self, unit: &str) -> Result<Job, Problem> {
        self.job("StartUnit", &(unit, "replace")).await
    }

    pub(crate) async fn stop(&self, unit: &str) -> Result<Job, Problem> {
        self.job("StopUnit", &(unit, "replace")).await
    }

    /// SIGKILL to all processes of a unit.
    pub(crate) async fn kill(&self, unit: &str) -> Result<(), Problem> {
        self.manager("KillUnit", &(unit, "all", 9_i32)).await
    }

    /// Forgets that a unit failed, and how often it was started lately.
    pub(crate) async fn reset_failed(&self, unit: &str) -> Result<(), Problem> {
        self.manager("ResetFailedUnit", &(unit,)).await
    }

    /// `systemctl daemon-reload`.
    pub(crate) async fn reload(&self) -> Result<(), Problem> {
        self.manager("Reload", &()).await
    }

    /// A scope with one process in it, below our slice.
    ///
    /// `DefaultDependencies=no` on both: else a shutdown would kill resources before
    /// the daemon had stopped them in order, and no scope could be made for a stop
    /// while the machine goes down (systemd.scope(5), systemd.slice(5)).
    pub(crate) async fn scope(&self, unit: &str, title: &str, pid: u32) -> Result<Job, Problem> {
        let slice = crate::group::SLICE;
        if !*self.slice.lock().unwrap_or_else(PoisonError::into_inner) {
            self.slice(slice).await?;
            *self.slice.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        let properties: Vec<(&str, Value<'_>)> = vec![
            ("Description", title.into()),
            ("Slice", slice.into()),
            ("PIDs", vec![pid].into()),
            ("DefaultDependencies", false.into()),
            ("CollectMode", "inactive-or-failed".into()),
            ("KillMode", "control-group".into()),
            ("TimeoutStopUSec", 2_000_000_u64.into()),
        ];
        let others: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
        self.job("StartTransientUnit", &(unit, "fail", properties, others))
            .await
    }

    async fn slice(&self, slice: &str) -> Result<(), Problem> {
        if self.state(slice).await?.active == "active" {
            return Ok(());
        }
        let properties: Vec<(&str, Value<'_>)> = vec![
            ("Description", "Resources that clusterd runs".into()),
            ("DefaultDependencies", false.into()),
        ];
        let others: Vec<(&str, Vec<(&str, Value<'_>)>)> = Vec::new();
        let mut job = self
            .job(
                "StartTransientUnit",
                &(slice, "replace", properties, others),
            )
            .await?;
        job.wait(Instant::now() + BRIEF).await;
        Ok(())
    }

    /// A unit's state; of one that is not there too.
    pub(crate) async fn state(&self, unit: &str) -> Result<UnitState, Problem> {
        let path = self.load(unit).await?;
        let path = path.as_ref();
        Ok(UnitState {
            load: self.property(&path, UNIT, "LoadState").await?,
            active: self.property(&path, UNIT, "ActiveState").await?,
            sub: self.property(&path, UNIT, "SubState").await?,
        })
    }

    /// A property of the unit's own kind, such as `Result` of a service; `None`: it
    /// has no such.
    pub(crate) async fn detail(&self, unit: &str, name: &str) -> Option<String> {
        let kind = unit.rsplit_once('.')?.1;
        let mut letters = kind.chars();
        let first = letters.next()?.to_ascii_uppercase();
        let interface = format!("org.freedesktop.systemd1.{first}{}", letters.as_str());
        let path = self.load(unit).await.ok()?;
        self.property(&path.as_ref(), &interface, name).await.ok()
    }

    /// How many processes a unit has.
    pub(crate) async fn processes(&self, unit: &str) -> Result<usize, Problem> {
        let found: Vec<(String, u32, String)> = self.manager("GetUnitProcesses", &(unit,)).await?;
        Ok(found.len())
    }

    /// Is a job of this unit under way or waiting?
    pub(crate) async fn has_job(&self, unit: &str) -> Result<bool, Problem> {
        let path = self.load(unit).await?;
        let (number, _): (u32, OwnedObjectPath) =
            self.structure(&path.as_ref(), UNIT, "Job").await?;
        Ok(number != 0)
    }

    async fn load(&self, unit: &str) -> Result<OwnedObjectPath, Problem> {
        self.manager("LoadUnit", &(unit,)).await
    }

    async fn get(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<OwnedValue, Problem> {
        self.call(
            path,
            "org.freedesktop.DBus.Properties",
            "Get",
            &(interface, name),
        )
        .await
    }

    async fn property(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<String, Problem> {
        let value = self.get(path, interface, name).await?;
        String::try_from(value).map_err(|it| refused(&format!("read {name}"), it.into()))
    }

    async fn structure<T>(
        &self,
        path: &ObjectPath<'_>,
        interface: &str,
        name: &str,
    ) -> Result<T, Problem>
    where
        T: TryFrom<OwnedValue, Error = zbus::zvariant::Error>,
    {
        let value = self.get(path, interface, name).await?;
        T::try_from(value).map_err(|it| refused(&format!("read {name}"), it.into()))
    }

    /// Waits until a unit is in none of the states that are on the way to another
    /// one; by its signals, not by asking. `None`: it is not decided in time.
    pub(crate) async fn settled(
        &self,
        unit: &str,
        until: Instant,
    ) -> Result<Option<UnitState>, Problem> {
        let link = self.link().await?;
        let path = self.load(unit).await?;
        let failed = |source| refused(&format!("listen to {unit}"), source);
        let rule = properties_changed()
            .and_then(|rule| rule.path(path.as_ref()))
            .map_err(failed)?
            .build();
        let mut changes = None;
        loop {
            let state = self.state(unit).await?;
            if !matches!(state.active.as_str(), "activating" | "deactivating") {
                return Ok(Some(state));
            }
            if changes.is_none() {
                let stream =
                    MessageStream::for_match_rule(rule.clone(), &link.connection, Some(64));
                // Once more around: it may have changed before we listened.
                changes = Some(stream.await.map_err(failed)?);
                continue;
            }
            if let Some(stream) = &mut changes {
                match timeout_at(until, next(stream)).await {
                    Err(_) => return Ok(None),
                    Ok(None) => return Err(Problem::SystemdSilent(format!("{unit}'s state"))),
                    Ok(Some(_)) => {}
                }
            }
        }
    }
}

fn manager_path() -> ObjectPath<'static> {
    ObjectPath::from_static_str_unchecked(PATH)
}

/// Signals of systemd that a property changed; the bus sees to it that nobody else is heard.
pub(crate) fn properties_changed<'a>() -> zbus::Result<zbus::match_rule::Builder<'a>> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(DESTINATION)?
        .interface("org.freedesktop.DBus.Properties")?
        .member("PropertiesChanged")
}

/// The next message of a stream; nothing once the connection is gone.
pub(crate) async fn next(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

async fn connect() -> zbus::Result<Link> {
    // Not systemctl's own way, /run/systemd/private: what comes from there has fields
    // that zbus takes for impossible.
    let connection = tokio::time::timeout(BRIEF, Connection::system())
        .await
        .map_err(|_| zbus::Error::Failure("the bus does not answer".to_owned()))??;
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(DESTINATION)?
        .interface(MANAGER)?
        .member("JobRemoved")?
        .path(PATH)?
        .build();
    let mut stream = MessageStream::for_match_rule(rule, &connection, Some(JOBS_MAX)).await?;
    connection
        .call_method(Some(DESTINATION), PATH, Some(MANAGER), "Subscribe", &())
        .await?;
    let (sender, _) = broadcast::channel(JOBS_MAX);
    let ends = sender.downgrade();
    // Holds the only sender: when the connection ends, all who wait know.
    tokio::spawn(async move {
        loop {
            let Some(Ok(message)) = next(&mut stream).await else {
                break;
            };
            let body: Result<(u32, OwnedObjectPath, String, String), _> =
                message.body().deserialize();
            if let Ok((_, path, _, result)) = body {
                // Nobody waits: fine.
                let _ = sender.send((path, result));
            }
        }
    });
    Ok(Link { connection, ends })
}

fn refused(what: &str, source: zbus::Error) -> Problem {
    Problem::Systemd {
        what: what.to_owned(),
        source: Box::new(source),
    }
}

/// Names of D-Bus errors, to tell what systemd meant.
pub(crate) fn error_name(problem: &Problem) -> &str {
    if let Problem::Systemd { source, .. } = problem
        && let zbus::Error::MethodError(name, _, _) = &**source
    {
        return name.as_str();
    }
    ""
}
