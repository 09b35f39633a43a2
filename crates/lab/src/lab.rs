//! A lab that exists: what can be asked of it and run in it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::bmc;
use crate::cgroup::{Groups, Hierarchies, is_stopped};
use crate::error::{Error, IoContext as _, Result};
use crate::exec::{self, Output};
use crate::fault::{Fault, expect_host};
use crate::lock::Lock;
use crate::network::{self, Ports};
use crate::place::{LabPlaces, Places, netns_path};
use crate::power::{self, Readiness};
use crate::progress::Progress;
use crate::record::Record;
use crate::status::HostState;
use crate::topology::{Host, Topology};

/// A lab that exists. Holds nothing open: any number of processes may have one for the same lab, and
/// the lab outlives them all.
#[derive(Debug, Clone)]
pub struct Lab {
    pub(crate) name: String,
    pub(crate) places: LabPlaces,
    pub(crate) hierarchies: Hierarchies,
}

/// Where in the lab's network a command runs that belongs to no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewpoint<'a> {
    /// The namespace with an address in every network.
    Operator,
    /// A client of the topology.
    Client(&'a str),
}

impl Lab {
    /// Finds a lab that was brought up before.
    ///
    /// # Errors
    /// [`Error::NoSuchLab`] if there is none of this name.
    pub fn open(places: &Places, name: &str) -> Result<Self> {
        let lab = Self::at(places, name)?;
        lab.record()?;
        Ok(lab)
    }

    pub(crate) fn at(places: &Places, name: &str) -> Result<Self> {
        if !crate::soundness::is_lab_name(name) {
            return Err(Error::NoSuchLab {
                lab: name.to_owned(),
            });
        }
        Ok(Self {
            name: name.to_owned(),
            places: LabPlaces::new(places, name),
            hierarchies: Hierarchies::find()?,
        })
    }

    /// Names of all labs of this machine, sorted.
    pub fn names(places: &Places) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&places.state)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|e| e.path().join("lab.json").is_file())
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Private key with which the operator logs in as root on every host (OpenSSH format, no passphrase).
    pub fn identity(&self) -> PathBuf {
        self.places.identity()
    }

    /// Keys of all hosts, by name and by each of their addresses, for strict checking.
    pub fn known_hosts(&self) -> PathBuf {
        self.places.known_hosts()
    }

    /// Network namespace with the bridges and an address of the operator in every network.
    pub fn netns(&self) -> PathBuf {
        netns_path(&network::lab_netns(&self.name))
    }

    /// Log of a host's console, from its first boot on.
    pub fn console(&self, host: &str) -> PathBuf {
        self.places.host(host).console()
    }

    /// The merged root directory of a host, as seen from this machine. For looking, and for changes
    /// while the host is off.
    pub fn root(&self, host: &str) -> PathBuf {
        self.places.host(host).root()
    }

    /// What it was made from.
    ///
    /// # Errors
    /// [`Error::NoSuchLab`] after `down`.
    pub fn topology(&self) -> Result<Topology> {
        Ok(bmc::without_network(self.record()?.topology))
    }

    /// The address by which a host is managed.
    ///
    /// # Errors
    /// [`Error::Unknown`] if the host does not exist or has no NIC.
    pub fn address(&self, host: &str) -> Result<IpAddr> {
        let topology = self.topology()?;
        let host = expect_host(&topology, host)?;
        match topology.management_nic(host) {
            Some(nic) => Ok(nic.address),
            None => Err(Error::Unknown {
                lab: self.name.clone(),
                kind: "NIC of the host",
                name: host.name.clone(),
                known: Vec::new(),
            }),
        }
    }

    /// Runs `work` on a thread of its own inside the operator's network namespace. A socket opened there
    /// keeps belonging to the lab, so that a connection made in `work` can be returned and used anywhere.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::System`] if the namespace cannot be entered.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        network::inside(&self.netns(), work)
    }

    /// Runs a command as root inside a host, in all its namespaces, with a clean environment.
    ///
    /// # Errors
    /// [`Error::WrongState`] if the host is off or frozen, [`Error::TimedOut`] if the command was killed
    /// at the limit. A failing command is no error: see [`Output::code`].
    pub fn exec(
        &self,
        host: &str,
        argv: &[impl AsRef<OsStr>],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output> {
        let mut command = self.command(host)?;
        command.args(argv);
        exec::run(&mut command, argv, input, limit)
    }

    /// As [`Lab::exec`], but only the start of it: `nsenter ... --`, to which the caller adds the command
    /// and its standard streams.
    ///
    /// # Errors
    /// [`Error::WrongState`] if the host is off or frozen.
    pub fn command(&self, host: &str) -> Result<Command> {
        self.running(host).map(exec::in_container)
    }

    /// Does a host have this address on an interface right now? Asked of the kernel without a command in
    /// the host: it may be asked very often.
    ///
    /// # Errors
    /// [`Error::WrongState`] if the host is off or frozen, [`Error::Io`] if its routes cannot be read.
    pub fn has_address(&self, host: &str, address: Ipv4Addr) -> Result<bool> {
        let path = PathBuf::from(format!("/proc/{}/net/fib_trie", self.running(host)?));
        let trie = fs::read_to_string(&path).on("read", &path)?;
        Ok(is_local(&trie, address))
    }

    /// The first process of a host that runs.
    fn running(&self, host: &str) -> Result<Pid> {
        let record = self.record()?;
        let host = &expect_host(&record.topology, host)?.name;
        let state = self.host_state(&record, host);
        match self.groups(host).leader() {
            Some(leader) if state == HostState::Running => Ok(leader),
            _ => Err(Error::WrongState {
                attempted: "run a command".into(),
                host: host.clone(),
                state: if state == HostState::Running {
                    "still booting".into()
                } else {
                    state.to_string()
                },
                way_out: if state == HostState::Frozen {
                    "thaw it"
                } else {
                    "power it on"
                }
                .into(),
            }),
        }
    }

    /// An interactive login shell in a host, to be run with the caller's terminal.
    ///
    /// # Errors
    /// [`Error::WrongState`] if the host is off or frozen.
    pub fn shell(&self, host: &str) -> Result<Command> {
        let mut command = self.command(host)?;
        command.args(["/bin/bash", "--login"]);
        Ok(command)
    }

    /// Runs a command of *this machine* in the lab's network: from the operator or from a client, for
    /// example `curl` from the external network.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such client, [`Error::TimedOut`] at the limit.
    pub fn exec_outside(
        &self,
        from: Viewpoint<'_>,
        argv: &[impl AsRef<OsStr>],
        input: &[u8],
        limit: Duration,
    ) -> Result<Output> {
        let mut command = self.command_outside(from)?;
        command.args(argv);
        exec::run(&mut command, argv, input, limit)
    }

    /// The start of a command for [`Lab::exec_outside`], to which the caller adds program and streams.
    ///
    /// # Errors
    /// [`Error::Unknown`] if there is no such client.
    pub fn command_outside(&self, from: Viewpoint<'_>) -> Result<Command> {
        let record = self.record()?;
        let netns = match from {
            Viewpoint::Operator => self.netns(),
            Viewpoint::Client(name) => {
                let clients = &record.topology.clients;
                if !clients.iter().any(|c| c.name == name) {
                    return Err(Error::Unknown {
                        lab: self.name.clone(),
                        kind: "client",
                        name: name.to_owned(),
                        known: clients.iter().map(|c| c.name.clone()).collect(),
                    });
                }
                netns_path(&network::client_netns(&self.name, name))
            }
        };
        Ok(exec::in_netns(&netns))
    }

    /// `ssh` as the operator to a host, with its key and strict checking; the caller adds the command.
    ///
    /// # Errors
    /// [`Error::Unknown`] if the host does not exist or has no NIC.
    pub fn ssh(&self, host: &str) -> Result<Command> {
        let address = self.address(host)?;
        let mut command = exec::in_netns(&self.netns());
        command
            .args([
                "ssh",
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "IdentitiesOnly=yes",
            ])
            .args([
                "-o",
                "StrictHostKeyChecking=yes",
                "-o",
                "GlobalKnownHostsFile=none",
                "-o",
                "LogLevel=ERROR",
            ])
            .arg("-o")
            .arg(format!(
                "UserKnownHostsFile={}",
                self.known_hosts().display()
            ))
            .arg("-i")
            .arg(self.identity())
            .arg(format!("root@{address}"));
        Ok(command)
    }

    /// Waits until each of these hosts answers on ssh, whatever faults its NICs have.
    ///
    /// # Errors
    /// [`Error::NotReady`] at once if one of them is off, else at the limit.
    pub fn wait_ready(
        &self,
        hosts: &[&str],
        limit: Duration,
        progress: &dyn Fn(Progress),
    ) -> Result<()> {
        let begun = Instant::now();
        let mut waiting: Vec<&str> = hosts.to_vec();
        loop {
            let mut failed = None;
            let late = begun.elapsed() >= limit;
            waiting.retain(|host| {
                match power::readiness(&self.groups(host), &self.places.host(host).attached()) {
                    Readiness::Ready => {
                        progress(Progress::HostReady {
                            host: (*host).to_owned(),
                            after: begun.elapsed(),
                        });
                        return false;
                    }
                    Readiness::Off => failed = Some(((*host).to_owned(), "it is off".to_owned())),
                    Readiness::NotYet(why) if late => failed = Some(((*host).to_owned(), why)),
                    Readiness::NotYet(_) => {}
                }
                true
            });
            if let Some((host, reason)) = failed {
                let console = self.console(&host);
                let tail = power::console_tail(&console);
                return Err(Error::NotReady {
                    host,
                    waited: begun.elapsed(),
                    reason: format!("{reason}; its console ends: {tail}"),
                    console,
                });
            }
            if waiting.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// A host is running from the moment its power is on, also before its PID 1 is there.
    pub(crate) fn host_state(&self, record: &Record, host: &str) -> HostState {
        let groups = self.groups(host);
        if groups.leader().is_none() && groups.keeper().is_empty() {
            return HostState::PoweredOff;
        }
        let frozen = |f: &Fault| matches!(f, Fault::Frozen { host: h } if h == host);
        if record.faults.iter().any(frozen) {
            HostState::Frozen
        } else {
            HostState::Running
        }
    }

    pub(crate) fn groups(&self, host: &str) -> Groups {
        self.hierarchies.of_host(&self.name, host)
    }

    /// What is recorded, without faults of hosts that their own hardware ended: a BMC switches on whoever is
    /// off, a watchdog resets whoever is frozen, and what was stopped may have been killed.
    pub(crate) fn record(&self) -> Result<Record> {
        let mut record = Record::read(&self.places.record())?.ok_or_else(|| Error::NoSuchLab {
            lab: self.name.clone(),
        })?;
        record.faults.retain(|fault| match fault {
            Fault::PowerOff { host } => self.places.host(host).power_cut().exists(),
            Fault::Frozen { host } => self.groups(host).is_frozen(),
            Fault::Stalled { host, program } => {
                let processes = self.groups(host).processes_of(program);
                processes.into_iter().any(is_stopped)
            }
            _ => true,
        });
        Ok(record)
    }

    pub(crate) fn power_on(&self, record: &Record, host: &Host, lock: &Lock) -> Result<()> {
        power::on(
            &record.topology,
            host,
            &self.places,
            &record.base,
            &self.groups(&host.name),
            lock,
        )
    }

    pub(crate) fn power_off(&self, record: &Record, host: &str, lock: &Lock) -> Result<()> {
        let ports = Ports::new(&record.topology).of_host(host);
        power::off(
            &self.name,
            &ports,
            &self.places.host(host).attached(),
            &self.groups(host),
            lock,
        )
    }

    /// Hosts that have processes, or groups left from them, whether the record knows them or not.
    pub(crate) fn hosts_with_groups(&self) -> BTreeSet<String> {
        self.hierarchies.hosts_of(&self.name).into_iter().collect()
    }
}

/// Is this one of the host's own addresses? A leaf of the kernel's trie is a line with the address, and
/// below it a line for each of its routes.
fn is_local(trie: &str, address: Ipv4Addr) -> bool {
    let leaf = format!("|-- {address}");
    let mut inside = false;
    trie.lines().map(str::trim).any(|line| {
        if line.starts_with("|--") || line.starts_with("+--") {
            inside = line == leaf;
        }
        inside && line == "/32 host LOCAL"
    })
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_own_addresses_are_local() {
        let trie = "Main:\n  +-- 10.77.4.0/24 2 0 2\n     |-- 10.77.4.0\n        /24 link UNICAST\n     |-- 10.77.4.5\n        \
                    /32 host LOCAL\n     |-- 10.77.4.255\n        /32 link BROADCAST\n";
        let local = |text: &str| is_local(trie, text.parse().expect("an address"));
        assert!(local("10.77.4.5"));
        assert!(!local("10.77.4.50"));
        assert!(!local("10.77.4.0") && !local("10.77.4.255"));
    }
}
