//! Brings labs up and takes them down, whatever was left by whoever was killed in between.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::base;
use crate::bmc;
use crate::board;
use crate::disk;
use crate::error::{Error, IoContext as _, Result};
use crate::fault::Fault;
use crate::kernel;
use crate::lab::Lab;
use crate::lock::Lock;
use crate::network;
use crate::place::{Places, netns_path};
use crate::power;
use crate::program;
use crate::progress::Progress;
use crate::record::Record;
use crate::seed;
use crate::topology::Topology;

impl Lab {
    /// Makes the lab of this topology, or repairs it: what is there already stays as it is, hosts that
    /// are off are switched on (a recorded power-off ends), frozen ones stay frozen, and so does what is wrong with BMCs. Returns once every
    /// host answers on ssh.
    ///
    /// # Errors
    /// [`Error::NotRoot`], [`Error::MissingPrograms`], [`Error::Topology`] and [`Error::TopologyChanged`]
    /// before anything is changed; [`Error::NotReady`] if a host did not answer within `limit`: the lab is
    /// left as it is for inspection.
    pub fn up(
        places: &Places,
        topology: &Topology,
        limit: Duration,
        progress: &dyn Fn(Progress),
    ) -> Result<Self> {
        program::check_requirements()?;
        let mistakes = topology.mistakes();
        if !mistakes.is_empty() {
            return Err(Error::Topology { mistakes });
        }
        kernel::check_inotify(topology.hosts.len())?;
        let topology = &bmc::with_network(topology);
        let lab = Self::at(places, &topology.name)?;
        let lock = lab.lock(progress)?;
        let mut record = lab.begin(places, topology, &lock, progress)?;
        let started = lab.build(&mut record, &lock, progress)?;
        for host in &topology.hosts {
            if record.bmc_trouble(&host.name).is_none() {
                lab.wait_bmc(&record, host)?;
            }
        }
        drop(lock);
        let waiting: Vec<&str> = topology
            .hosts
            .iter()
            .map(|h| h.name.as_str())
            .filter(|name| started.contains(*name) || !record.is_silenced(name))
            .collect();
        lab.wait_ready(&waiting, limit, progress)?;
        Ok(lab)
    }

    /// The record to build from: the one there is, if it fits, or a new one on cleared ground.
    fn begin(
        &self,
        places: &Places,
        topology: &Topology,
        lock: &Lock,
        progress: &dyn Fn(Progress),
    ) -> Result<Record> {
        let path = self.places.record();
        if let Some(record) = Record::read(&path)? {
            match record.topology.difference(topology) {
                None if record.base.is_dir() => {
                    if !record.complete {
                        progress(Progress::RemovingLeftovers);
                        self.stop_everything(lock, &mut |_| ())?;
                    }
                    return Ok(record);
                }
                None => {
                    return Err(Error::Record {
                        path,
                        reason: format!(
                            "the base tree {} that its hosts stand on is gone",
                            record.base.display()
                        ),
                    });
                }
                Some(difference) if record.complete => {
                    return Err(Error::TopologyChanged {
                        lab: self.name.clone(),
                        difference,
                    });
                }
                Some(_) => {}
            }
        }
        if self.has_leftovers() {
            progress(Progress::RemovingLeftovers);
            remove_file(&path)?;
            self.stop_everything(lock, &mut |_| ())?;
            self.remove_files()?;
        }
        let base = base::ensure(places, progress)?;
        let record = Record::new(topology.clone(), base);
        fs::create_dir_all(&self.places.state).on("make the directory", &self.places.state)?;
        record.write(&path)?;
        Ok(record)
    }

    fn build(
        &self,
        record: &mut Record,
        lock: &Lock,
        progress: &dyn Fn(Progress),
    ) -> Result<BTreeSet<String>> {
        let path = self.places.record();
        let intact = record.complete && network::exists(&self.name);
        if !intact {
            record.complete = false;
            record.write(&path)?;
            // What listened in a network that is gone.
            for host in &record.topology.hosts {
                board::remove(&self.groups(&host.name));
            }
            seed::make_keys(&record.topology, &self.places, lock)?;
            network::create(&record.topology, lock)?;
            let ports_down = self.places.ports_down();
            fs::create_dir_all(&ports_down).on("make the directory", &ports_down)?;
            self.enforce_faults(record, lock)?;
            progress(Progress::NetworkReady);
        }
        self.ensure_boards(record, lock)?;
        let topology = record.topology.clone();
        let mut started = BTreeSet::new();
        for host in &topology.hosts {
            // Without its keeper a host is one that somebody was about to switch off.
            if !self.groups(&host.name).keeper().is_empty() {
                continue;
            }
            progress(Progress::HostStarting {
                host: host.name.clone(),
            });
            let own = self.places.host(&host.name);
            disk::attach(host, &own, &record.base)?;
            seed::plant(&topology, host, &self.places)?;
            self.power_on(record, host, lock)?;
            record
                .faults
                .retain(|f| f.silenced_host() != Some(host.name.as_str()));
            started.insert(host.name.clone());
        }
        if !intact || !started.is_empty() {
            record.complete = true;
            record.write(&path)?;
        }
        Ok(started)
    }

    /// Removes a lab: its processes, mounts, namespaces, faults and files. Returns whether there was
    /// anything to remove; a lab that does not exist is no error, and neither is half of one.
    ///
    /// # Errors
    /// Whatever could not be removed; calling again goes on.
    pub fn down(places: &Places, name: &str, progress: &dyn Fn(Progress)) -> Result<bool> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Error::NotRoot);
        }
        let lab = Self::at(places, name)?;
        let lock = lab.lock(progress)?;
        let was_there = lab.has_leftovers();
        // The record first: without it, whatever is left is rubbish to whoever comes next.
        remove_file(&lab.places.record())?;
        lab.stop_everything(&lock, &mut |host| {
            progress(Progress::HostStopped {
                host: host.to_owned(),
            });
        })?;
        lab.remove_files()?;
        lock.remove();
        Ok(was_there)
    }

    /// Waits until nobody else changes this lab.
    pub(crate) fn lock(&self, progress: &dyn Fn(Progress)) -> Result<Lock> {
        let other = format!("another process that works on lab {}", self.name);
        Lock::take(&self.places.lock, &other, progress)
    }

    fn has_leftovers(&self) -> bool {
        self.places.state.exists()
            || self.places.run.exists()
            || !network::namespaces(&self.name).is_empty()
            || !self.hosts_with_groups().is_empty()
    }

    /// Ends everything of the lab that runs or is mounted; its files stay.
    fn stop_everything(&self, lock: &Lock, stopped: &mut dyn FnMut(&str)) -> Result<()> {
        for host in self.hosts_with_groups() {
            let groups = self.groups(&host);
            power::off(
                &self.name,
                &[],
                &self.places.host(&host).attached(),
                &groups,
                lock,
            )?;
            board::remove(&groups);
            groups.remove();
            stopped(&host);
        }
        self.hierarchies.remove_lab(&self.name);
        for namespace in network::namespaces(&self.name) {
            end_processes_in(&netns_path(&namespace));
            network::remove_namespace(&namespace, lock)?;
        }
        disk::detach_all(&[&self.places.run, &self.places.state])
    }

    fn remove_files(&self) -> Result<()> {
        for dir in [&self.places.run, &self.places.state] {
            match fs::remove_dir_all(dir) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e).on("remove", dir),
                _ => {}
            }
        }
        Ok(())
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e).on("remove", path),
        _ => Ok(()),
    }
}

/// Removes the cached base trees.
///
/// # Errors
/// [`Error::WrongState`] while any lab exists: its hosts stand on them.
pub fn purge(places: &Places) -> Result<()> {
    // Also what a killed `down` left may still run on them.
    let left = fs::read_dir(&places.state)
        .into_iter()
        .flatten()
        .flatten()
        .next();
    if let Some(lab) = left {
        let lab = lab.file_name().to_string_lossy().into_owned();
        return Err(Error::InUse { lab });
    }
    base::purge(places)
}

/// Makes sure the base tree is cached, building it if need be; returns where it is. `up` does this too.
///
/// # Errors
/// As [`Lab::up`], as far as they concern this machine and the base tree.
pub fn prepare_base(places: &Places, progress: &dyn Fn(Progress)) -> Result<std::path::PathBuf> {
    program::check_requirements()?;
    base::ensure(places, progress)
}

/// Kills what still runs in a network namespace, except this process and those it was started by.
fn end_processes_in(netns: &Path) {
    let Ok(wanted) = fs::metadata(netns).map(|m| (m.dev(), m.ino())) else {
        return;
    };
    let spared = ancestors();
    for _ in 0..50 {
        let mut found = false;
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|n| n.parse::<i32>().ok())
            else {
                continue;
            };
            let here = fs::metadata(entry.path().join("ns/net"))
                .is_ok_and(|m| (m.dev(), m.ino()) == wanted);
            if here && !spared.contains(&pid) {
                found = true;
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if !found {
            return;
        }
        sleep(Duration::from_millis(10));
    }
}

fn ancestors() -> BTreeSet<i32> {
    let mut known = BTreeSet::new();
    let mut pid = nix::unistd::getpid().as_raw();
    while pid > 0 && known.insert(pid) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        pid = status
            .lines()
            .find_map(|l| l.strip_prefix("PPid:"))
            .and_then(|p| p.trim().parse().ok())
            .unwrap_or(0);
    }
    known
}

impl Lab {
    /// Puts exactly the recorded faults of the network into force.
    pub(crate) fn enforce_faults(&self, record: &Record, lock: &Lock) -> Result<()> {
        let ports = network::Ports::new(&record.topology);
        let mut down = BTreeSet::new();
        for fault in &record.faults {
            match fault {
                Fault::NicDown { host, nic } => down.extend(ports.of_nic(host, nic)),
                Fault::GatewayDown { network } => down.extend(ports.gateway(network)),
                _ => {}
            }
        }
        let all = record
            .topology
            .hosts
            .iter()
            .flat_map(|h| ports.of_host(&h.name).into_iter().map(|[port, ..]| port))
            .chain(
                record
                    .topology
                    .networks
                    .iter()
                    .filter_map(|n| ports.gateway(&n.name)),
            );
        let mut states = Vec::new();
        for port in all {
            let up = !down.contains(&port);
            // First the mark: a keeper that plugs in a NIC right now looks at it after switching.
            let mark = self.places.ports_down().join(&port);
            if up {
                let _ = fs::remove_file(&mark);
            } else {
                fs::write(&mark, "").on("write", &mark)?;
            }
            states.push((port, up));
        }
        network::set_ports(&self.name, &states, lock)?;
        network::apply_rules(
            &self.name,
            &crate::filter::rules(&record.faults, ports),
            lock,
        )
    }
}
