//! From files to a daemon that runs.

use super::agreement::Wanted;
use super::attributes::Kept;
use super::journal::{Journal, Level};
use super::lease::{LeaseNote, may_hold};
use super::links::Links;
use super::machine::{End, Machine, Own};
use super::{Input, agents, clock, disk, events, ping, thread};
use crate::api;
use crate::arguments::RunArguments;
use crate::configuration::{ClusterFile, FencingFile, read_keys, settings, start_of_machine};
use anyhow::{Context, Result};
use cluster_agents::{Leftover, Runner};
use cluster_core::name::Session;
use cluster_core::{Node, REACHED, Start};
use cluster_store::Origin;
use cluster_watchdog::{Choice, Watchdog};
use cluster_wire::{Identity, Wire};
use sd_notify::NotifyState;
use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::sync::watch;

/// What the service manager keeps for us while we are away.
const KEPT_WATCHDOG: &str = "watchdog";

/// Runs until this node left the cluster, or is to be renewed.
pub(crate) fn run(arguments: &RunArguments) -> Result<()> {
    let file = ClusterFile::read(&arguments.configuration)?;
    let me = match &arguments.me {
        Some(me) => me.clone(),
        None => nix::unistd::gethostname()?
            .to_string_lossy()
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    let keys = read_keys(&file.keys)?;
    let journal = Journal::open(&file.cluster);
    // What is paged out does not answer in time.
    if let Err(error) = nix::sys::mman::mlockall(
        nix::sys::mman::MlockAllFlags::MCL_CURRENT | nix::sys::mman::MlockAllFlags::MCL_FUTURE,
    ) {
        let sentence = format!(
            "memory is not locked ({error}): under memory pressure this node may look dead"
        );
        journal.say(Level::Warning, &sentence, &[]);
    }
    let watchdog = watchdog(&file)?;
    let watchdog_words = words(&file, &watchdog);
    if is_softdog(&watchdog) {
        let sentence = "the watchdog is a timer of this kernel (softdog): it resets nothing if the kernel itself hangs";
        journal.say(Level::Warning, sentence, &[]);
    }
    let settings = settings(&file, &me, waits(&file, &watchdog))?;
    let id = settings.me.0;
    let risk = super::guest::risk(&file, super::guest::is_guest());
    let risk = risk.filter(|_| settings.nodes.contains(&settings.me));
    make(&arguments.state, 0o700)?;
    make(&arguments.run, 0o755)?;
    let identity = cluster_store::Identity {
        cluster: file.cluster.clone(),
        node: id,
    };
    let (store, on_disk, origin) =
        cluster_store::open(&arguments.state.join("log.redb"), &identity)?;
    if matches!(origin, Origin::Created) {
        let sentence = "nothing is on the disk: this node begins as a new one";
        journal.say(Level::Notice, sentence, &[]);
    }
    let session = Session(random()?);
    let identity = Identity {
        cluster: file.cluster.clone(),
        me: id,
        session: session.0,
    };
    let peers = settings.peers().map(|peer| peer.0).collect();
    let wire = Wire::new(identity, keys, peers);
    let (inputs, heard) = channel();
    let links = Links::open(&file, id, &inputs)?;
    let disk = disk::begin(store, inputs.clone(), &file.cluster)?;
    let (mut agents, orders) = agents::Agents::new();
    let (changed, changes) = watch::channel(0);
    let found = serve(
        arguments,
        &file,
        &me,
        orders,
        Served {
            fencing: file.fencing.clone(),
            journal: Journal::open(&file.cluster),
            inputs: inputs.clone(),
            changes,
        },
    )?;
    let leftovers = agents.take_over(found, &on_disk);
    if !file.ping.is_empty() && settings.nodes.contains(&settings.me) {
        let (addresses, out) = (file.ping.clone(), inputs.clone());
        thread::begin("ping", move || {
            ping::watch(&addresses, |count| {
                let value = Some(count.to_string());
                let news = BTreeMap::from([(REACHED.to_owned(), value)]);
                out.send(Input::Attributes(news)).is_ok()
            });
        })?;
    }
    let out = inputs.clone();
    thread::begin("addresses", move || {
        // Whoever is not told looks, as often as monitors say.
        let _ = cluster_agents::removed_addresses(|it| out.send(Input::Noticed(it)).is_ok());
    })?;
    let boot = start_of_machine()?;
    let mut note = LeaseNote::open(&arguments.run)?;
    let lease = note.read(boot);
    let start = Start {
        boot,
        session,
        armed: may_hold(&watchdog, lease, clock::now()),
        lease,
        leftovers,
    };
    let (node, actions) = Node::new(settings, &on_disk, start, clock::now())?;
    drop(on_disk);
    let sentence = format!("{me} begins (clusterd {})", env!("CARGO_PKG_VERSION"));
    journal.say(Level::Notice, &sentence, &[]);
    let kept = Kept::read(&arguments.run, &arguments.state);
    let known = kept.all();
    if !known.is_empty() {
        let _ = inputs.send(Input::Attributes(
            known
                .into_iter()
                .map(|(name, value)| (name, Some(value)))
                .collect(),
        ));
    }
    if let Some(descriptor) = watchdog.descriptor() {
        // So that a daemon that crashes leaves it armed, and the next one can pet it.
        let _ = sd_notify::notify_with_fds(
            &[NotifyState::FdStore, NotifyState::FdName(KEPT_WATCHDOG)],
            &[descriptor],
        );
    }
    let machine = Machine {
        node,
        wire,
        links,
        disk,
        agents,
        watchdog,
        watchdog_words,
        risk,
        journal,
        path: arguments.configuration.clone(),
        wanted: Wanted::of(&file),
        file,
        boot,
        note,
        changed,
        own: Own {
            kept,
            ..Own::default()
        },
    };
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    if machine.run(&heard, actions)? == End::Left {
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
    }
    Ok(())
}

struct Served {
    fencing: Option<FencingFile>,
    journal: Journal,
    inputs: Sender<Input>,
    changes: watch::Receiver<u64>,
}

/// Begins the thread of agents and of operators' sockets; says what an earlier daemon
/// left behind.
fn serve(
    arguments: &RunArguments,
    file: &ClusterFile,
    me: &str,
    orders: tokio::sync::mpsc::UnboundedReceiver<agents::Order>,
    served: Served,
) -> Result<Vec<Leftover>> {
    let (tell, told) = channel();
    let own = std::env::current_exe().context("/proc/self/exe")?;
    let agent_settings = cluster_agents::Settings {
        run: arguments.run.clone(),
        tools: arguments.tools.clone(),
        supervisor: vec![own.into_os_string(), "supervise".into()],
        node: me.to_owned(),
        cluster: file.cluster.clone(),
    };
    let tools = super::tools::bind(&arguments.run)?;
    let sockets = api::Sockets::bind(&arguments.run)?;
    thread::begin("agents", move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .thread_stack_size(thread::STACK)
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = tell.send(Err(anyhow::Error::from(error)));
                return;
            }
        };
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let runner = match Runner::new(agent_settings).await {
                Ok(runner) => Rc::new(runner),
                Err(problem) => {
                    let _ = tell.send(Err(problem.into()));
                    return;
                }
            };
            let _ = tell.send(runner.leftovers().await.map_err(anyhow::Error::from));
            let out = served.inputs.clone();
            tokio::task::spawn_local(super::signals::watch(served.inputs.clone()));
            tokio::task::spawn_local(events::run(
                served.inputs.clone(),
                served.changes.clone(),
                Path::new(events::DIRECTORY),
                served.journal,
            ));
            if let Some(file) = served.fencing {
                tokio::task::spawn_local(super::fencing::test(file, served.inputs.clone()));
            }
            tokio::task::spawn_local(super::tools::serve(tools, served.inputs.clone()));
            tokio::task::spawn_local(api::serve(sockets, served.inputs, served.changes));
            let (eyes, told) = (Rc::clone(&runner), out.clone());
            tokio::task::spawn_local(async move {
                let tell = |noticed| {
                    let _ = told.send(Input::Noticed(noticed));
                };
                eyes.notice(tell).await;
            });
            agents::carry_out(runner, orders, out).await;
        });
    })?;
    told.recv().context("the agents' thread ended")?
}

fn watchdog(file: &ClusterFile) -> Result<Watchdog> {
    let timeout = file.timing.watchdog();
    let choice = match &file.watchdog {
        None => Choice::None,
        Some(path) if is_socket(path) => Choice::Socket {
            path: path.clone(),
            timeout,
        },
        Some(path) => Choice::Device {
            path: path.clone(),
            timeout,
        },
    };
    let kept = cluster_watchdog::kept_descriptors()
        .into_iter()
        .find(|(name, _)| name == KEPT_WATCHDOG)
        .map(|(_, descriptor)| descriptor);
    Ok(Watchdog::open(choice, kept)?)
}

/// How long the watchdog waits, as it says itself. Without one, as long as one would:
/// whoever hangs for that time is at least not taken over from at once.
fn waits(file: &ClusterFile, watchdog: &Watchdog) -> Duration {
    if file.watchdog.is_some() {
        watchdog.timeout()
    } else {
        file.timing.watchdog()
    }
}

/// By its own name: that no parent of a device is known says little.
fn is_softdog(watchdog: &Watchdog) -> bool {
    watchdog.identity() == Some(cluster_watchdog::SOFTDOG)
}

fn words(file: &ClusterFile, watchdog: &Watchdog) -> Option<String> {
    let seconds = waits(file, watchdog).as_secs_f64();
    let path = file.watchdog.as_ref()?;
    let soft = if is_softdog(watchdog) {
        " (softdog)"
    } else {
        ""
    };
    Some(format!("{}, {seconds} s{soft}", path.display()))
}

pub(super) fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

fn make(directory: &Path, mode: u32) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder
        .recursive(true)
        .mode(mode)
        .create(directory)
        .with_context(|| directory.display().to_string())
}

fn random() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(u64::from_le_bytes(bytes))
}
