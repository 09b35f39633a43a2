//! What goes wrong, and when: drawn from the seed before the run begins, so that a
//! fault can be left out without changing the others.

use crate::agents::Manners;
use crate::clock::Moment;
use crate::commands::Wish;
use crate::fences::Mood;
use crate::machine::{PersistPoint, Role};
use crate::network::Weather;
use crate::topology::Topology;
use serde::Serialize;
use std::time::Duration;

/// Whom a fault hits. Some are known only when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The machine at this place.
    Machine(usize),
    /// Whoever coordinates then.
    Coordinator,
    /// Whoever runs resources then.
    Holder,
    /// The n-th of those who run nothing then.
    Bystander(usize),
    /// Whoever plays this part then.
    Part(Role),
}

/// A kind of fault, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Kind {
    PowerCut,
    Reset,
    DaemonCrash,
    CrashAtPersist,
    Pause,
    PauseBeforeActing,
    Freeze,
    Isolation,
    Deafness,
    Dumbness,
    LinkDown,
    PairCut,
    OneWayCut,
    Split,
    BadWeather,
    SlowDisk,
    StalledDisk,
    BadAgents,
    ResourceDies,
    Command,
    Configure,
    Leave,
    PlugPulled,
    Blackout,
    BadDevice,
    Confirmation,
    DiskLost,
    HostsLost,
    CopiesApart,
}

impl Kind {
    /// All that can happen to such a cluster.
    pub fn of(topology: Topology) -> Vec<Self> {
        let special: &[Self] = match topology {
            Topology::Pair => &Self::OF_A_PAIR,
            Topology::Reach => &Self::OF_REACH,
            Topology::Witness | Topology::Three | Topology::Five | Topology::Sixteen => {
                &Self::OF_A_MAJORITY
            }
        };
        Self::ALL.iter().chain(special).copied().collect()
    }

    /// Does it hit networks or everybody, and no machine by itself?
    pub fn is_of_all(self) -> bool {
        matches!(
            self,
            Self::LinkDown
                | Self::PairCut
                | Self::OneWayCut
                | Self::Split
                | Self::BadWeather
                | Self::Command
                | Self::Configure
                | Self::Blackout
                | Self::Confirmation
                | Self::CopiesApart
        )
    }

    /// Can it hit a machine that plays this part?
    pub fn can_hit(self, role: Role) -> bool {
        // Where nothing runs, nothing ends by itself.
        let idle = matches!(role, Role::Coordinator | Role::Bystander);
        !(self.is_of_all() || self == Self::ResourceDies && idle)
    }

    /// Those that only clusters have in which a majority decides.
    pub const OF_A_MAJORITY: [Self; 2] = [Self::DiskLost, Self::CopiesApart];

    /// Those that only a pair has which fencing decides for.
    pub const OF_A_PAIR: [Self; 5] = [
        Self::PlugPulled,
        Self::Blackout,
        Self::BadDevice,
        Self::Confirmation,
        Self::CopiesApart,
    ];

    /// Those that only a pair has which what it reaches decides for.
    pub const OF_REACH: [Self; 2] = [Self::HostsLost, Self::Confirmation];

    /// All others.
    pub const ALL: [Self; 22] = [
        Self::PowerCut,
        Self::Reset,
        Self::DaemonCrash,
        Self::CrashAtPersist,
        Self::Pause,
        Self::PauseBeforeActing,
        Self::Freeze,
        Self::Isolation,
        Self::Deafness,
        Self::Dumbness,
        Self::LinkDown,
        Self::PairCut,
        Self::OneWayCut,
        Self::Split,
        Self::BadWeather,
        Self::SlowDisk,
        Self::StalledDisk,
        Self::BadAgents,
        Self::ResourceDies,
        Self::Command,
        Self::Configure,
        Self::Leave,
    ];
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Power off, and on again when the fault is over.
    PowerCut(Target),
    /// Reset, and boot.
    Reset(Target),
    /// The daemon dies and is started again by init.
    DaemonCrash(Target),
    /// The daemon, or its machine, dies between a write being asked and done, and
    /// after so many more actions of the same step.
    CrashAtPersist {
        /// Whose.
        target: Target,
        /// At which write.
        point: PersistPoint,
        /// How many more actions.
        actions: u32,
        /// The whole machine.
        machine: bool,
    },
    /// The daemon is stopped for a while; everything else goes on.
    Pause {
        /// Whose.
        target: Target,
        /// Between deciding and doing.
        before_acting: bool,
    },
    /// The whole machine stands still for a while, its watchdog does not. Longer than
    /// the watchdog's time, and it is reset.
    Freeze {
        /// Which.
        target: Target,
        /// Its clock is right afterwards. A clock that stood still breaks what leases
        /// are built on: only for runs that ask for it.
        clock_runs_on: bool,
    },
    /// Nothing gets to it or away from it.
    Isolation(Target),
    /// Nothing gets to it.
    Deafness(Target),
    /// Nothing gets away from it.
    Dumbness(Target),
    /// A network carries nothing.
    LinkDown(usize),
    /// Two machines do not reach each other.
    PairCut(usize, usize),
    /// The first does not reach the second.
    OneWayCut(usize, usize),
    /// Those in the mask do not reach the others.
    Split(u32),
    /// A network, or all of them, loses, repeats, delays.
    BadWeather {
        /// Which; none: all.
        link: Option<usize>,
        /// How bad.
        weather: Weather,
    },
    /// A disk takes long.
    SlowDisk {
        /// Whose.
        target: Target,
        /// The longest sync.
        slowest: Duration,
    },
    /// A disk does nothing.
    StalledDisk(Target),
    /// A machine goes off and comes back with an empty disk. Has no effect where that would
    /// be more than a majority survives.
    DiskLost(Target),
    /// A resource ends by itself: the n-th that runs there.
    ResourceDies(Target, usize),
    /// An operator wants something, and takes it back later.
    Command(Wish),
    /// Its daemon is told to stop in order, as init does before it halts the machine, and
    /// is started again later. One that does not come to an end is killed then.
    Leave {
        /// Whose.
        target: Target,
        /// The machine is started anew, too.
        reboots: bool,
    },
    /// No mains, for the machine and for its fencing device.
    PlugPulled(Target),
    /// The same for all.
    Blackout,
    /// A fencing device misbehaves.
    BadDevice {
        /// Whose machine's.
        target: Target,
        /// How.
        mood: Mood,
    },
    /// An operator tells whoever is awake that the other one is off, if it is.
    Confirmation,
    /// Some of the listed hosts do not answer a machine.
    HostsLost {
        /// Which machine.
        target: Target,
        /// Which of them.
        mask: u32,
    },
    /// Copies of data do not hear each other, whatever the daemons do.
    CopiesApart,
    /// Agents misbehave on one machine, or on all.
    BadAgents {
        /// Whose; none: all.
        target: Option<Target>,
        /// How badly.
        manners: Manners,
    },
}

impl Trouble {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::PowerCut(_) => Kind::PowerCut,
            Self::Reset(_) => Kind::Reset,
            Self::DaemonCrash(_) => Kind::DaemonCrash,
            Self::CrashAtPersist { .. } => Kind::CrashAtPersist,
            Self::Pause {
                before_acting: true,
                ..
            } => Kind::PauseBeforeActing,
            Self::Pause { .. } => Kind::Pause,
            Self::Freeze { .. } => Kind::Freeze,
            Self::Isolation(_) => Kind::Isolation,
            Self::Deafness(_) => Kind::Deafness,
            Self::Dumbness(_) => Kind::Dumbness,
            Self::LinkDown(_) => Kind::LinkDown,
            Self::PairCut(..) => Kind::PairCut,
            Self::OneWayCut(..) => Kind::OneWayCut,
            Self::Split(_) => Kind::Split,
            Self::BadWeather { .. } => Kind::BadWeather,
            Self::SlowDisk { .. } => Kind::SlowDisk,
            Self::StalledDisk(_) => Kind::StalledDisk,
            Self::DiskLost(_) => Kind::DiskLost,
            Self::BadAgents { .. } => Kind::BadAgents,
            Self::ResourceDies(..) => Kind::ResourceDies,
            Self::Command(Wish::Configure(_)) => Kind::Configure,
            Self::Command(_) => Kind::Command,
            Self::Leave { .. } => Kind::Leave,
            Self::PlugPulled(_) => Kind::PlugPulled,
            Self::Blackout => Kind::Blackout,
            Self::BadDevice { .. } => Kind::BadDevice,
            Self::Confirmation => Kind::Confirmation,
            Self::HostsLost { .. } => Kind::HostsLost,
            Self::CopiesApart => Kind::CopiesApart,
        }
    }
}

/// A fault of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// When it begins.
    pub at: Moment,
    /// How long it lasts.
    pub lasts: Duration,
    /// What.
    pub trouble: Trouble,
}

/// The faults of a run, in the order of time.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The faults.
    pub faults: Vec<Fault>,
    /// When the last of them is over and the liveness phase begins.
    pub heal: Moment,
}
