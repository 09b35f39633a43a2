//! A machine: power, clock, disk, watchdog, what its daemon left running, and the
//! daemon.

use crate::agents::Agents;
use crate::clock::{Clock, Moment};
use crate::fences::Device;
use crate::queue::Coming;
use crate::random::Random;
use crate::reaching::Around;
use crate::storage::Storage;
use crate::topology::Topology;
use cluster_core::action::Action;
use cluster_core::disk::Write;
use cluster_core::event::Event;
use cluster_core::name::{BootId, NodeId, ResourceId, Session};
use cluster_core::resources::Resources;
use cluster_core::state::Standing;
use cluster_core::{Definition, Disk, Node, Settings, Time};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// What the simulator drives: the daemon's core, or a toy in tests of the world itself.
pub trait Daemon: Sized {
    /// Begins with what is on the disk.
    fn begin(
        settings: Settings,
        disk: &Disk,
        start: cluster_core::Start,
        now: Time,
    ) -> (Self, Vec<Action>);
    /// Something happened.
    fn step(&mut self, event: Event, now: Time) -> Vec<Action>;
    /// When it wants to be woken.
    fn deadline(&self) -> Time;
    /// What it has applied.
    fn state(&self) -> &cluster_core::state::State;
    /// What a number of a resource stands for.
    fn definition(&self, resource: ResourceId) -> Option<&Definition> {
        self.state().resources.get(resource)
    }
    /// Does it coordinate?
    fn is_coordinator(&self) -> bool;
    /// When its lease ends, for the next daemon of this start of the machine.
    fn lease_end(&self) -> Option<Time> {
        None
    }
    /// May it end for good, as far as the cluster is concerned?
    fn may_leave(&self, now: Time) -> bool {
        let _ = now;
        true
    }
    /// Does it know all that it ever said?
    fn takes_part(&self) -> bool {
        true
    }
}

impl Daemon for Node {
    fn begin(
        settings: Settings,
        disk: &Disk,
        start: cluster_core::Start,
        now: Time,
    ) -> (Self, Vec<Action>) {
        // A panic is a violation: what a node wrote, it can read.
        Self::new(settings, disk, start, now).expect("a disk that the node itself wrote")
    }

    fn step(&mut self, event: Event, now: Time) -> Vec<Action> {
        Self::step(self, event, now)
    }

    fn deadline(&self) -> Time {
        Self::deadline(self)
    }

    fn state(&self) -> &cluster_core::state::State {
        Self::state(self)
    }

    fn definition(&self, resource: ResourceId) -> Option<&Definition> {
        Self::definition(self, resource)
    }

    fn is_coordinator(&self) -> bool {
        Self::is_coordinator(self)
    }

    fn lease_end(&self) -> Option<Time> {
        Self::lease_end(self)
    }

    fn may_leave(&self, now: Time) -> bool {
        Self::may_leave(self, now)
    }

    fn takes_part(&self) -> bool {
        Self::takes_part(self)
    }
}

/// Is it on?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// No.
    Off,
    /// Not yet.
    Booting,
    /// Yes.
    On,
}

/// A watchdog device: hardware, it runs on while the machine is frozen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watchdog {
    /// It resets the machine unless it is petted.
    pub armed: bool,
    /// When.
    pub due: Moment,
    /// Counts arming, disarming and resets.
    pub setting: u64,
}

/// A running daemon.
#[derive(Debug)]
pub struct Process<D> {
    /// The daemon itself.
    pub daemon: D,
    /// Counts starts of daemons on this machine.
    pub life: u64,
    /// Its own name for that.
    pub session: Session,
    /// When it was started.
    pub since: Moment,
    /// It was told to stop in order.
    pub leaving: bool,
    /// `SIGSTOP`: what happens waits.
    pub paused: bool,
    /// `SIGSTOP` as soon as it has decided on something, before that is done.
    pub pause_before_acting: bool,
    /// What happened while it was paused.
    pub inbox: Vec<Event>,
    /// Decided on and not done.
    pub undone: Vec<Action>,
    /// The earliest wake-up that is on its way.
    pub wake: Option<Moment>,
}

/// A kind of content of a write: each is a point at which a crash hurts differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersistPoint {
    /// Log entries.
    Entries,
    /// Term, vote, commit index.
    Hard,
    /// Agreements to takeovers.
    Agreed,
    /// Operations about to begin.
    Running,
    /// A state that takes the place of a log.
    Snapshot,
}

impl PersistPoint {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Entries,
        Self::Hard,
        Self::Agreed,
        Self::Running,
        Self::Snapshot,
    ];

    /// Those of such a cluster: in a lone pair nobody agrees to anything.
    pub fn of(topology: Topology) -> Vec<Self> {
        let mut points = Self::ALL.to_vec();
        points.retain(|point| !topology.is_of_a_lone_pair() || *point != Self::Agreed);
        points
    }

    /// Is this write at this point?
    pub fn is_in(self, write: &Write) -> bool {
        match self {
            Self::Entries => !write.entries.is_empty(),
            Self::Hard => write.hard.is_some(),
            Self::Agreed => write.agreed.is_some(),
            Self::Running => write.running.is_some(),
            Self::Snapshot => write.snapshot.is_some(),
        }
    }
}

/// A crash that waits for a write.
#[derive(Clone, Copy, Debug)]
pub struct Trap {
    /// For which.
    pub point: PersistPoint,
    /// After so many more actions of the same step.
    pub actions: u32,
    /// The whole machine, not only the daemon.
    pub machine: bool,
    /// It was asked for: only those actions are left.
    pub sprung: bool,
}

/// A machine.
#[derive(Debug)]
pub struct Machine<D> {
    /// Who it is in the cluster.
    pub node: NodeId,
    /// What its daemon is told.
    pub settings: Settings,
    /// Its clock.
    pub clock: Clock,
    /// Is it on?
    pub power: Power,
    /// Counts resets.
    pub cycle: u64,
    /// This start of it.
    pub boot: BootId,
    /// What its daemon noted where a boot clears it away: in which boot, and until when it
    /// had a lease.
    pub noted: Option<(BootId, Time)>,
    /// Nothing happens here but the watchdog; what would have, waits.
    pub frozen: Option<Vec<Coming>>,
    /// The daemon.
    pub process: Option<Process<D>>,
    /// Counts starts of daemons.
    pub lives: u64,
    /// Its disk.
    pub storage: Storage,
    /// What runs here.
    pub agents: Agents,
    /// Its watchdog.
    pub watchdog: Watchdog,
    /// How much faster the watchdog's own clock goes, in millionths.
    pub watchdog_ppm: i32,
    /// A crash that waits for a write.
    pub trap: Option<Trap>,
    /// What can power it off.
    pub device: Device,
    /// What it reaches besides the other machines.
    pub around: Around,
    /// What there was to run before its daemon's latest step.
    pub before: Arc<Resources>,
}

impl<D: Daemon> Machine<D> {
    /// A machine that is off.
    pub fn new(node: NodeId, settings: Settings, random: &mut Random, seed: u64) -> Self {
        let half = u64::from(settings.terms.drift_ppm / 2);
        let mut drift = || {
            // The extremes are where mistakes show.
            let ppm = match random.below(4) {
                0 => 0,
                1 => half * 2,
                _ => random.below(half * 2 + 1),
            };
            i32::try_from(ppm).unwrap_or(0) - i32::try_from(half).unwrap_or(0)
        };
        let clock_ppm = drift();
        let watchdog_ppm = drift();
        let stream = u64::from(node.0) * 16;
        Self {
            node,
            clock: Clock::new(Moment(0), Duration::ZERO, clock_ppm),
            power: Power::Off,
            cycle: 0,
            boot: BootId(0),
            noted: None,
            frozen: None,
            process: None,
            lives: 0,
            storage: Storage::new(Random::new(seed, stream + 1)),
            agents: Agents::new(Random::new(seed, stream + 2)),
            watchdog: Watchdog::default(),
            watchdog_ppm,
            trap: None,
            device: Device::default(),
            around: Around::default(),
            before: Arc::default(),
            settings,
        }
    }

    /// How long the watchdog waits, in real time.
    pub fn watchdog_time(&self) -> Duration {
        let nominal = self.settings.terms.watchdog.as_nanos() * 1_000_000;
        let rate = 1_000_000_i128 + i128::from(self.watchdog_ppm);
        let real = nominal / u128::try_from(rate).unwrap_or(1_000_000);
        Duration::from_nanos(u64::try_from(real).unwrap_or(u64::MAX))
    }

    /// Does anybody who looks around see what it has?
    pub(crate) fn is_seen(&self) -> bool {
        self.power == Power::On && self.frozen.is_none() && !self.around.is_cut()
    }

    /// Does its daemon run, and is it able to do anything?
    pub fn is_awake(&self) -> bool {
        self.power == Power::On
            && self.frozen.is_none()
            && self.process.as_ref().is_some_and(|process| !process.paused)
    }

    /// Does its daemon coordinate the cluster, as far as it knows?
    pub fn is_coordinator(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| process.daemon.is_coordinator())
    }

    /// Does fencing decide, and not a majority?
    pub fn fences(&self) -> bool {
        self.settings.arbitration.fencing().is_some()
    }

    /// Does what is reached decide?
    pub fn goes_by_reach(&self) -> bool {
        self.settings.arbitration.reach().is_some()
    }

    /// Does it hold what it has without a lease that could end?
    pub fn is_of_a_lone_pair(&self) -> bool {
        self.settings.arbitration.is_of_a_lone_pair()
    }

    /// Does its daemon show the operator that a stop failed on this node?
    pub fn believes_in_a_failed_stop_of(&self, node: NodeId) -> bool {
        let state = self.process.as_ref().map(|process| process.daemon.state());
        let member = state.and_then(|state| state.members.get(&node));
        member.is_some_and(|member| {
            let mut resources = member.resources.values();
            !member.lost && resources.any(|local| local.standing == Standing::StopFailed)
        })
    }

    /// What there is to run, as its daemon knows it.
    pub fn resources(&self) -> Option<&Resources> {
        let process = self.process.as_ref()?;
        Some(&process.daemon.state().resources)
    }

    /// What part it plays at this moment.
    pub fn role(&self) -> Role {
        match (self.is_coordinator(), self.agents.holds_anything()) {
            (true, true) => Role::CoordinatingHolder,
            (true, false) => Role::Coordinator,
            (false, true) => Role::Holder,
            (false, false) => Role::Bystander,
        }
    }
}

/// The part that a machine plays when a fault hits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Coordinates, and runs resources.
    CoordinatingHolder,
    /// Coordinates, and runs nothing.
    Coordinator,
    /// Runs resources.
    Holder,
    /// Neither.
    Bystander,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::CoordinatingHolder,
        Self::Coordinator,
        Self::Holder,
        Self::Bystander,
    ];
}
