//! Where the lab keeps things on this machine.

use std::path::{Path, PathBuf};

/// The three roots of the lab's files. The default is the system's; tests of the crate use others
/// only where nothing real is mounted.
#[derive(Debug, Clone)]
pub struct Places {
    /// Survives a reboot of the machine: disks of the hosts, keys, records (`/var/lib/tandem-lab`).
    pub state: PathBuf,
    /// May be deleted at any time while no lab is up: base trees (`/var/cache/tandem-lab`).
    pub cache: PathBuf,
    /// Gone after a reboot: mount points, locks, process ids (`/run/tandem-lab`).
    pub run: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            state: "/var/lib/tandem-lab".into(),
            cache: "/var/cache/tandem-lab".into(),
            run: "/run/tandem-lab".into(),
        }
    }
}

/// Where `ip netns` keeps its namespaces.
pub(crate) const NETNS_DIR: &str = "/run/netns";

/// The files of one lab.
#[derive(Debug, Clone)]
pub(crate) struct LabPlaces {
    pub(crate) state: PathBuf,
    pub(crate) run: PathBuf,
    pub(crate) lock: PathBuf,
}

impl LabPlaces {
    pub(crate) fn new(places: &Places, lab: &str) -> Self {
        Self {
            state: places.state.join(lab),
            run: places.run.join(lab),
            lock: places.run.join(format!("{lab}.lock")),
        }
    }

    pub(crate) fn record(&self) -> PathBuf {
        self.state.join("lab.json")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.state.join("id_ed25519")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.state.join("known_hosts")
    }

    pub(crate) fn ports_down(&self) -> PathBuf {
        self.run.join("ports-down")
    }

    pub(crate) fn host(&self, host: &str) -> HostPlaces {
        HostPlaces {
            state: self.state.join("hosts").join(host),
            run: self.run.join("hosts").join(host),
        }
    }
}

/// The files of one host of a lab.
#[derive(Debug, Clone)]
pub(crate) struct HostPlaces {
    pub(crate) state: PathBuf,
    pub(crate) run: PathBuf,
}

impl HostPlaces {
    /// Holds `upper` and `work`; a size-limited host has a file system of its own mounted here.
    pub(crate) fn disk(&self) -> PathBuf {
        self.state.join("disk")
    }

    pub(crate) fn console(&self) -> PathBuf {
        self.state.join("console.log")
    }

    /// Number of boots so far, one line, written by the keeper.
    pub(crate) fn boots(&self) -> PathBuf {
        self.state.join("boots")
    }

    pub(crate) fn host_key(&self) -> PathBuf {
        self.state.join("ssh_host_ed25519_key")
    }

    /// Where the merged tree is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.run.join("root")
    }

    pub(crate) fn keeper_script(&self) -> PathBuf {
        self.run.join("keeper.sh")
    }

    /// What watchdog and BMC of the host are: see `board.pl`.
    pub(crate) fn board_script(&self) -> PathBuf {
        self.run.join("board.pl")
    }

    pub(crate) fn board_settings(&self) -> PathBuf {
        self.run.join("board.conf")
    }

    /// Files of the BMC: what it is told and what it remembers.
    pub(crate) fn bmc(&self) -> PathBuf {
        self.state.join("bmc")
    }

    pub(crate) fn bmc_log(&self) -> PathBuf {
        self.state.join("bmc.log")
    }

    /// Exists while the BMC lies; holds what it said last.
    pub(crate) fn bmc_lie(&self) -> PathBuf {
        self.run.join("bmc-lie")
    }

    /// Exists while the BMC is slow; holds the seconds.
    pub(crate) fn bmc_slow(&self) -> PathBuf {
        self.run.join("bmc-slow")
    }

    /// Exists from when the lab cut the host's power until the next boot, whoever caused that.
    pub(crate) fn power_cut(&self) -> PathBuf {
        self.run.join("power-cut")
    }

    /// Exists while the host's NICs of the present boot are on their bridges.
    pub(crate) fn attached(&self) -> PathBuf {
        self.run.join("attached")
    }
}

/// Path of a named network namespace.
pub(crate) fn netns_path(name: &str) -> PathBuf {
    Path::new(NETNS_DIR).join(name)
}
