//! The hardware around a host, outside of its container: starts and stops its watchdog and its BMC.
//!
//! Both are processes of `board.pl` (and `ipmi_sim`, from the base tree) in control groups of the host, so
//! that they live as long as the lab. What they need to know is written beside them.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bmc::{self, BmcTrouble};
use crate::cgroup::Groups;
use crate::error::{Error, IoContext as _, Result};
use crate::fault::expect_host;
use crate::lab::Lab;
use crate::lock::Lock;
use crate::network::{self, Ports};
use crate::place::{HostPlaces, netns_path};
use crate::power;
use crate::program;
use crate::record::Record;
use crate::topology::Host;

const BOARD: &str = include_str!("../base/board.pl");

/// How long `ipmi_sim` may take until it listens.
const BMC_LIMIT: Duration = Duration::from_secs(5);

impl Lab {
    /// Starts what is missing of the hosts' hardware, before the hosts themselves.
    pub(crate) fn ensure_boards(&self, record: &Record, lock: &Lock) -> Result<()> {
        // All at once: it is mostly the start of interpreters.
        std::thread::scope(|scope| {
            let starting: Vec<_> = record
                .topology
                .hosts
                .iter()
                .map(|host| scope.spawn(|| self.ensure_board(record, host, lock)))
                .collect();
            starting.into_iter().try_for_each(|one| match one.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    }

    fn ensure_board(&self, record: &Record, host: &Host, lock: &Lock) -> Result<()> {
        let groups = self.groups(&host.name);
        let trouble = record.bmc_trouble(&host.name);
        let wants_bmc = trouble != Some(&BmcTrouble::Off) && groups.bmc().is_empty();
        let wants_watchdog = groups.watchdog().is_empty();
        if wants_watchdog || wants_bmc {
            self.write_board(record, host)?;
        }
        match (wants_watchdog, wants_bmc, trouble) {
            (true, true, None) => self.start(host, "all", lock),
            (watchdog, bmc, trouble) => {
                if watchdog {
                    self.start(host, "watchdog", lock)?;
                }
                if bmc || trouble.is_some() {
                    self.switch_bmc(record, &host.name, trouble, lock)?;
                }
                Ok(())
            }
        }
    }

    /// Puts a BMC into this state, from whatever state it is in. It forgets its sessions, and what it was
    /// told but has not done.
    pub(crate) fn switch_bmc(
        &self,
        record: &Record,
        host: &str,
        trouble: Option<&BmcTrouble>,
        lock: &Lock,
    ) -> Result<()> {
        let host = expect_host(&record.topology, host)?;
        let own = self.places.host(&host.name);
        let groups = self.groups(&host.name);
        end(&|| groups.bmc());
        for file in [own.bmc_lie(), own.bmc_slow()] {
            let _ = fs::remove_file(file);
        }
        let address = bmc_address(record, host)?;
        let powered = trouble != Some(&BmcTrouble::Off);
        network::set_bmc_address(&self.name, address, powered, lock)?;
        match trouble {
            Some(BmcTrouble::Off) => return Ok(()),
            Some(BmcTrouble::Lie) => {
                fs::write(own.bmc_lie(), "").on("write", own.bmc_lie())?;
            }
            Some(BmcTrouble::Slow { seconds }) => {
                fs::write(own.bmc_slow(), seconds.to_string()).on("write", own.bmc_slow())?;
            }
            Some(BmcTrouble::Hang) | None => {}
        }
        self.start(host, "bmc", lock)?;
        if trouble == Some(&BmcTrouble::Hang) {
            // First it must have its socket, or packets to it would be refused.
            self.wait_bmc(record, host)?;
            for pid in groups.bmc() {
                let _ = kill(pid, Signal::SIGSTOP);
            }
        }
        Ok(())
    }

    /// Waits until a BMC that should answer could do so.
    pub(crate) fn wait_bmc(&self, record: &Record, host: &Host) -> Result<()> {
        let address = bmc_address(record, host)?;
        let netns = netns_path(&network::bmc_netns(&self.name));
        let begun = Instant::now();
        loop {
            let sockets =
                network::inside(&netns, || fs::read_to_string("/proc/thread-self/net/udp"))?
                    .on("read", "/proc/thread-self/net/udp")?;
            if listens(&sockets, address) {
                return Ok(());
            }
            if begun.elapsed() > BMC_LIMIT {
                return Err(Error::Program {
                    attempted: format!("start the BMC of host {}", host.name),
                    program: "ipmi_sim".into(),
                    outcome: format!("does not listen on {address} after {BMC_LIMIT:?}"),
                    stderr: power::console_tail(&self.places.host(&host.name).bmc_log()),
                });
            }
            sleep(Duration::from_millis(5));
        }
    }

    fn start(&self, host: &Host, role: &str, lock: &Lock) -> Result<()> {
        let own = self.places.host(&host.name);
        let [program, words @ ..] = power::CLEAN_ENVIRONMENT;
        let mut command = Command::new(program);
        command
            .args(words)
            .arg("perl")
            .arg(own.board_script())
            .arg(role)
            .arg(&own.run);
        let what = if role == "all" { "hardware" } else { role };
        let attempted = format!("start the {what} of host {}", host.name);
        program::run(&attempted, &mut command, lock)
    }

    /// Writes what the host's hardware is told.
    fn write_board(&self, record: &Record, host: &Host) -> Result<()> {
        let own = self.places.host(&host.name);
        let groups = self.groups(&host.name);
        for dir in [own.run.clone(), own.bmc()] {
            fs::create_dir_all(&dir).on("make the directory", &dir)?;
        }
        let mut files = vec![(own.board_script(), BOARD.to_owned())];
        let chassis = format!(
            "/usr/bin/perl {} chassis {}",
            own.board_script().display(),
            own.run.display()
        );
        let address = bmc_address(record, host)?;
        for (name, text) in bmc::simulator_files(host, address, &chassis) {
            files.push((own.bmc().join(name), text));
        }
        let mut settings = String::new();
        let mut set = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(settings, "{key} {value}");
        };
        set("tracking", &groups.tracking().display());
        set("freezer", &groups.freezer());
        set("boots", &own.boots().display());
        set("lock", &self.places.lock.display());
        set("console", &own.console().display());
        set("bmc-log", &own.bmc_log().display());
        set("netns", &network::lab_netns(&self.name));
        for group in groups.directories() {
            set("group", &group.display());
        }
        for [port, ..] in Ports::new(&record.topology).of_host(&host.name) {
            set("port", &port);
        }
        for word in power::keeper_command(&record.topology, host, &self.places, &groups) {
            set("keeper-command", &word);
        }
        for word in self.simulator_command(&record.base, &own) {
            set("bmc-command", &word);
        }
        files.push((own.board_settings(), settings));
        for (path, text) in files {
            fs::write(&path, text).on("write", &path)?;
        }
        Ok(())
    }

    /// `ipmi_sim` of the base tree, with the libraries of the base tree: nothing to install on this machine,
    /// and the same version for everybody.
    fn simulator_command(&self, base: &Path, own: &HostPlaces) -> Vec<String> {
        let shown = |path: PathBuf| path.display().to_string();
        let netns = netns_path(&network::bmc_netns(&self.name));
        let libraries = base
            .join("usr/lib")
            .join(format!("{}-linux-gnu", std::env::consts::ARCH));
        vec![
            "nsenter".into(),
            format!("--net={}", shown(netns)),
            "--".into(),
            shown(base.join(LOADER)),
            "--library-path".into(),
            shown(libraries),
            shown(base.join("usr/bin/ipmi_sim")),
            "-c".into(),
            shown(own.bmc().join("lan.conf")),
            "-f".into(),
            shown(own.bmc().join("sim.emu")),
            "-s".into(),
            shown(own.bmc()),
            "-n".into(),
        ]
    }
}

/// The dynamic loader of the base tree.
const LOADER: &str = if cfg!(target_arch = "aarch64") {
    "lib/ld-linux-aarch64.so.1"
} else {
    "lib64/ld-linux-x86-64.so.2"
};

/// Ends a host's hardware; for whoever removes the lab.
pub(crate) fn remove(groups: &Groups) {
    end(&|| groups.bmc());
    end(&|| groups.watchdog());
}

/// Kills processes until there are none: they may just be starting others.
fn end(processes: &dyn Fn() -> Vec<Pid>) {
    let begun = Instant::now();
    loop {
        let left = processes();
        if left.is_empty() || begun.elapsed() > Duration::from_secs(5) {
            return;
        }
        for pid in left {
            let _ = kill(pid, Signal::SIGKILL);
        }
        sleep(Duration::from_millis(2));
    }
}

fn bmc_address(record: &Record, host: &Host) -> Result<Ipv4Addr> {
    bmc::address(&record.topology, &host.name).ok_or_else(|| Error::Unknown {
        lab: record.topology.name.clone(),
        kind: "BMC of the host",
        name: host.name.clone(),
        known: Vec::new(),
    })
}

/// Whether `/proc/net/udp` has a socket at the BMC's port. The kernel shows addresses as it keeps them.
fn listens(sockets: &str, address: Ipv4Addr) -> bool {
    let number = u32::from_ne_bytes(address.octets());
    let wanted = format!("{number:08X}:{:04X}", bmc::PORT);
    let mut locals = sockets.lines().filter_map(|l| l.split_whitespace().nth(1));
    locals.any(|local| local == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bmc_is_found_among_the_sockets_of_all() {
        let sockets = "  sl  local_address rem_address   st tx_queue rx_queue\n \
                       113: 0200FF0A:026F 00000000:0000 07 00000000:00000000 00:00000000 00000000 0\n";
        assert!(listens(sockets, Ipv4Addr::new(10, 255, 0, 2)));
        assert!(!listens(sockets, Ipv4Addr::new(10, 255, 0, 1)));
    }
}
