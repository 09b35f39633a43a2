//! The control groups of a host: which processes are its own, and the freezer.
//!
//! Every host has one group per usable hierarchy, `tandem-lab/LAB/HOST`, with a child `keeper` for the
//! supervising shell, a child `boot` for the container, and `watchdog` and `bmc` for its hardware. Works with cgroup v2 alone, and with v1 or
//! hybrid hierarchies.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::{Error, IoContext as _, Result};

const MOUNT: &str = "/sys/fs/cgroup";
const OURS: &str = "tandem-lab";

/// The hierarchies of this machine that the lab uses.
#[derive(Debug, Clone)]
pub(crate) struct Hierarchies {
    /// All that a host gets a group in.
    all: Vec<PathBuf>,
    /// The one that is asked for a host's processes.
    tracking: PathBuf,
    freezer: Freezer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freezer {
    V1,
    V2,
    /// No freezer: stop each process.
    Signals,
}

impl Hierarchies {
    pub(crate) fn find() -> Result<Self> {
        Self::find_in(Path::new(MOUNT))
    }

    fn find_in(mount: &Path) -> Result<Self> {
        if mount.join("cgroup.procs").is_file() {
            return Ok(Self {
                all: vec![mount.into()],
                tracking: mount.into(),
                freezer: Freezer::V2,
            });
        }
        let all: Vec<PathBuf> = ["systemd", "unified", "freezer", "memory", "pids"]
            .iter()
            .map(|name| mount.join(name))
            .filter(|dir| dir.join("cgroup.procs").is_file())
            .collect();
        let v1_freezer = mount.join("freezer");
        if all.contains(&v1_freezer) {
            return Ok(Self {
                all,
                tracking: v1_freezer,
                freezer: Freezer::V1,
            });
        }
        match all.first() {
            Some(first) => Ok(Self {
                tracking: first.clone(),
                freezer: Freezer::Signals,
                all,
            }),
            None => Err(Error::NoControlGroups),
        }
    }

    pub(crate) fn of_host(&self, lab: &str, host: &str) -> Groups {
        Groups {
            hierarchies: self.clone(),
            within: Path::new(OURS).join(lab).join(host),
        }
    }

    /// Hosts of a lab that have a group, whether the lab's record knows them or not.
    pub(crate) fn hosts_of(&self, lab: &str) -> Vec<String> {
        let mut hosts: Vec<String> = self
            .all
            .iter()
            .flat_map(|h| subdirectories(&h.join(OURS).join(lab)))
            .filter_map(|dir| Some(dir.file_name()?.to_str()?.to_owned()))
            .collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Removes the lab's own groups once those of its hosts are gone.
    pub(crate) fn remove_lab(&self, lab: &str) {
        for hierarchy in &self.all {
            // The outer one stays while other labs use it; both refusals are harmless.
            let _ = fs::remove_dir(hierarchy.join(OURS).join(lab));
            let _ = fs::remove_dir(hierarchy.join(OURS));
        }
    }
}

/// The control groups of one host.
#[derive(Debug, Clone)]
pub(crate) struct Groups {
    hierarchies: Hierarchies,
    within: PathBuf,
}

impl Groups {
    /// The host's directory in each hierarchy.
    pub(crate) fn directories(&self) -> Vec<PathBuf> {
        self.hierarchies
            .all
            .iter()
            .map(|h| h.join(&self.within))
            .collect()
    }

    /// Processes of the keeper.
    pub(crate) fn keeper(&self) -> Vec<Pid> {
        processes(&self.tracking().join("keeper"))
    }

    /// The process behind the host's `/dev/watchdog`.
    pub(crate) fn watchdog(&self) -> Vec<Pid> {
        processes(&self.tracking().join("watchdog"))
    }

    /// The host's BMC, and what it runs.
    pub(crate) fn bmc(&self) -> Vec<Pid> {
        processes(&self.tracking().join("bmc"))
    }

    /// The host's directory in the hierarchy that is asked for its processes.
    pub(crate) fn tracking(&self) -> PathBuf {
        self.hierarchies.tracking.join(&self.within)
    }

    /// The kind of freezer, as `board.pl` knows it.
    pub(crate) fn freezer(&self) -> &'static str {
        match self.hierarchies.freezer {
            Freezer::V1 => "v1",
            Freezer::V2 => "v2",
            Freezer::Signals => "signals",
        }
    }

    /// Whether the container stands still, or is on its way there. Whoever resets a frozen host ends that.
    pub(crate) fn is_frozen(&self) -> bool {
        let says = |file: &str| fs::read_to_string(self.boot().join(file)).unwrap_or_default();
        match self.hierarchies.freezer {
            Freezer::V1 => says("freezer.state").trim().starts_with("FR"),
            Freezer::V2 => says("cgroup.freeze").trim() == "1",
            Freezer::Signals => self.leader().is_some_and(is_stopped),
        }
    }

    /// systemd-nspawn and all processes of the container.
    pub(crate) fn container(&self) -> Vec<Pid> {
        processes(&self.boot())
    }

    fn boot(&self) -> PathBuf {
        self.tracking().join("boot")
    }

    /// PID 1 of the container, as this machine numbers it.
    pub(crate) fn leader(&self) -> Option<Pid> {
        self.container()
            .into_iter()
            .find(|pid| is_namespace_init(*pid))
    }

    /// Stops all processes of the container at once, and waits until they are stopped.
    pub(crate) fn freeze(&self) -> Result<()> {
        match self.hierarchies.freezer {
            Freezer::V1 => {
                let state = self.boot().join("freezer.state");
                let deadline = Instant::now() + Duration::from_secs(5);
                loop {
                    // A process in the middle of a fork can keep the group FREEZING: ask again.
                    fs::write(&state, "FROZEN").on("write", &state)?;
                    if fs::read_to_string(&state).on("read", &state)?.trim() == "FROZEN"
                        || Instant::now() > deadline
                    {
                        return Ok(());
                    }
                    sleep(Duration::from_millis(5));
                }
            }
            Freezer::V2 => self.write_v2("1"),
            Freezer::Signals => {
                // Newly forked processes may be missed by one pass.
                for _ in 0..3 {
                    self.signal_all(Signal::SIGSTOP);
                }
                Ok(())
            }
        }
    }

    /// Lets all processes of the container run again.
    pub(crate) fn thaw(&self) -> Result<()> {
        match self.hierarchies.freezer {
            Freezer::V1 => {
                let state = self.boot().join("freezer.state");
                if !state.exists() {
                    return Ok(());
                }
                fs::write(&state, "THAWED").on("write", &state)
            }
            Freezer::V2 => self.write_v2("0"),
            Freezer::Signals => {
                self.signal_all(Signal::SIGCONT);
                Ok(())
            }
        }
    }

    fn write_v2(&self, value: &str) -> Result<()> {
        let file = self.boot().join("cgroup.freeze");
        if !file.exists() {
            return Ok(());
        }
        fs::write(&file, value).on("write", &file)?;
        let events = self.boot().join("cgroup.events");
        let deadline = Instant::now() + Duration::from_secs(5);
        while value == "1" && Instant::now() < deadline {
            if fs::read_to_string(&events)
                .on("read", &events)?
                .contains("frozen 1")
            {
                break;
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Processes of the container by the name of their program, as the kernel cuts it to 15 bytes.
    pub(crate) fn programs(&self) -> Vec<(String, Pid)> {
        let name = |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        let all = self.container().into_iter();
        all.filter_map(|pid| Some((name(&pid)?.trim_end().to_owned(), pid)))
            .collect()
    }

    /// Those of one program.
    pub(crate) fn processes_of(&self, program: &str) -> Vec<Pid> {
        let cut = &program.as_bytes()[..program.len().min(15)];
        let all = self.programs().into_iter();
        all.filter_map(|(name, pid)| (name.as_bytes() == cut).then_some(pid))
            .collect()
    }

    /// Sends a signal to every process of the container.
    pub(crate) fn signal_all(&self, signal: Signal) {
        for pid in self.container() {
            // It may have ended in the meantime.
            let _ = kill(pid, signal);
        }
    }

    /// Removes the host's groups, children first. Groups with processes stay.
    pub(crate) fn remove(&self) {
        for directory in self.directories() {
            remove_groups(&directory);
        }
    }
}

fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect()
}

fn remove_groups(dir: &Path) {
    for child in subdirectories(dir) {
        remove_groups(&child);
    }
    let _ = fs::remove_dir(dir);
}

/// All processes in a group and the groups below it.
fn processes(group: &Path) -> Vec<Pid> {
    let mut pids: Vec<Pid> = fs::read_to_string(group.join("cgroup.procs"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .map(Pid::from_raw)
        .collect();
    for child in subdirectories(group) {
        pids.extend(processes(&child));
    }
    pids
}

/// Whether a process was stopped by a signal.
pub(crate) fn is_stopped(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let state = status.lines().find_map(|l| l.strip_prefix("State:"));
    state.is_some_and(|s| s.trim_start().starts_with('T'))
}

/// Whether a process is number 1 of a pid namespace directly below ours.
fn is_namespace_init(pid: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    is_init_in(&status)
}

fn is_init_in(status: &str) -> bool {
    let field = |key: &str| status.lines().find_map(|l| l.strip_prefix(key));
    let numbers: Vec<&str> = field("NSpid:")
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let dead = field("State:").is_some_and(|s| s.trim_start().starts_with(['Z', 'X']));
    numbers.len() >= 2 && numbers.last() == Some(&"1") && !dead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_of_a_container_is_told_from_its_other_processes() {
        assert!(is_init_in(
            "Name:\tsystemd\nState:\tS (sleeping)\nNSpid:\t12210\t1\n"
        ));
        assert!(!is_init_in("State:\tS (sleeping)\nNSpid:\t12226\t17\n"));
        assert!(!is_init_in("State:\tS (sleeping)\nNSpid:\t1\n"));
        assert!(!is_init_in("State:\tZ (zombie)\nNSpid:\t12210\t1\n"));
    }
}
