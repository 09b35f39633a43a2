//! Switches hosts on and off. Off means what it means with a plug: PID 1 gets SIGKILL, nothing is
//! flushed or stopped in order.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::cgroup::Groups;
use crate::disk;
use crate::error::{Error, IoContext as _, Result};
use crate::lock::Lock;
use crate::network::{self, Ports};
use crate::place::{LabPlaces, netns_path};
use crate::program;
use crate::topology::{Host, Topology};

const KEEPER: &str = include_str!("../base/keeper.sh");

/// How long a killed container may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// Boots a host that is off, and does not wait for it.
pub(crate) fn on(
    topology: &Topology,
    host: &Host,
    places: &LabPlaces,
    base: &Path,
    groups: &Groups,
    lock: &Lock,
) -> Result<()> {
    let own = places.host(&host.name);
    let ports = Ports::new(topology).of_host(&host.name);
    if !groups.container().is_empty() {
        // Somebody was killed while switching it off: a container that is still going would take the ports
        // of the new one with it.
        off(&topology.name, &ports, &own.attached(), groups, lock)?;
    }
    fs::create_dir_all(&own.run).on("make the directory", &own.run)?;
    disk::attach(host, &own, base)?;
    let script = own.keeper_script();
    fs::write(&script, KEEPER).on("write", &script)?;
    let _ = fs::remove_file(own.attached());
    let console_path = own.console();
    let console = File::options()
        .create(true)
        .append(true)
        .open(&console_path)
        .on("open the console log", &console_path)?;
    let also = console
        .try_clone()
        .on("open the console log", &console_path)?;
    let words = keeper_command(topology, host, places, groups);
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .current_dir("/")
        .stdin(lock.lend()?)
        .stdout(console)
        .stderr(also);
    let attempted = format!("start host {}", host.name);
    let status = command.status().map_err(|e| Error::Program {
        attempted: attempted.clone(),
        program: "setsid".into(),
        outcome: format!("could not be run ({e})"),
        stderr: String::new(),
    })?;
    if !status.success() {
        return Err(Error::Program {
            attempted,
            program: "setsid".into(),
            outcome: format!("ended with {status}"),
            stderr: console_tail(&console_path),
        });
    }
    // Whoever looks from now on must see it running, or it could be started twice.
    let begun = Instant::now();
    while groups.keeper().is_empty() && groups.leader().is_none() {
        if begun.elapsed() > START_LIMIT {
            return Err(Error::NotReady {
                host: host.name.clone(),
                waited: START_LIMIT,
                reason: format!(
                    "it did not start; its console ends: {}",
                    console_tail(&console_path)
                ),
                console: console_path,
            });
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The command that switches a host on; also the BMC's, which runs it without this program.
pub(crate) fn keeper_command(
    topology: &Topology,
    host: &Host,
    places: &LabPlaces,
    groups: &Groups,
) -> Vec<String> {
    let own = places.host(&host.name);
    let shown = |path: &Path| path.display().to_string();
    let directories: Vec<String> = groups.directories().iter().map(|d| shown(d)).collect();
    let netns = netns_path(&network::lab_netns(&topology.name));
    let mut words: Vec<String> = CLEAN_ENVIRONMENT.map(str::to_owned).to_vec();
    // setsid --fork: the keeper belongs to nobody, and whoever is PID 1 of this machine reaps it.
    words.extend(["setsid", "--fork", "nsenter"].map(str::to_owned));
    words.extend([
        format!("--net={}", shown(&netns)),
        "/bin/sh".into(),
        shown(&own.keeper_script()),
        shown(&own.run),
        shown(&own.state),
        host.name.clone(),
        machine_name(&topology.name, &host.name),
        shown(&places.ports_down()),
        directories.join(" "),
    ]);
    let ports = Ports::new(topology).of_host(&host.name);
    words.extend(ports.into_iter().flatten());
    words
}

/// What comes before a command that outlives its caller, and shall not inherit the caller's environment.
pub(crate) const CLEAN_ENVIRONMENT: [&str; 4] = [
    "env",
    "-i",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C.UTF-8",
];

/// How long it may take until the keeper of a host runs.
const START_LIMIT: Duration = Duration::from_secs(5);

/// Hosts of different labs have the same names; systemd-nspawn wants different ones.
fn machine_name(lab: &str, host: &str) -> String {
    format!("{lab}-{host}")
}

/// Cuts the power of a host. Nothing of it runs when this returns. No error if it was off. Its watchdog and
/// its BMC live on. `board.pl` has the same for the BMC's power button.
pub(crate) fn off(
    lab: &str,
    ports: &[[String; 3]],
    attached: &Path,
    groups: &Groups,
    lock: &Lock,
) -> Result<()> {
    // First the keeper, or it would take this for a reboot.
    for pid in groups.keeper() {
        let _ = kill(pid, Signal::SIGKILL);
    }
    match groups.leader() {
        // The kernel kills all processes of the pid namespace with their PID 1.
        Some(leader) => {
            let _ = kill(leader, Signal::SIGKILL);
        }
        None => groups.signal_all(Signal::SIGKILL),
    }
    network::remove_ports(lab, ports, lock);
    let begun = Instant::now();
    let mut insisted = false;
    // A frozen process takes its SIGKILL only when thawed, and none of them may run then.
    if groups.is_frozen() {
        groups.signal_all(Signal::SIGKILL);
    }
    groups.thaw()?;
    loop {
        if groups.container().is_empty() && groups.keeper().is_empty() {
            break;
        }
        if begun.elapsed() > KILL_LIMIT {
            let left = groups
                .container()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>();
            return Err(Error::Program {
                attempted: format!("cut the power of a host of lab {lab}"),
                program: "kill".into(),
                outcome: format!(
                    "left these processes after {} s: {}",
                    KILL_LIMIT.as_secs(),
                    left.join(" ")
                ),
                stderr: String::new(),
            });
        }
        if begun.elapsed() > Duration::from_secs(1) && !insisted {
            groups.signal_all(Signal::SIGKILL);
            insisted = true;
        }
        sleep(Duration::from_millis(5));
    }
    let _ = fs::remove_file(attached);
    Ok(())
}

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// Its NICs are plugged in and its sshd answers.
    Ready,
    /// It may become ready; why it is not yet.
    NotYet(String),
    /// It is off, and nobody is going to start it.
    Off,
}

/// Asks a host's sshd from inside the host, so that pulled cables do not matter.
pub(crate) fn readiness(groups: &Groups, attached: &Path) -> Readiness {
    let Some(leader) = groups.leader() else {
        if groups.keeper().is_empty() {
            return Readiness::Off;
        }
        return Readiness::NotYet("its PID 1 does not run yet".into());
    };
    if !attached.exists() {
        return Readiness::NotYet("its NICs are not plugged in".into());
    }
    let netns = PathBuf::from(format!("/proc/{leader}/ns/net"));
    match network::inside(&netns, greeting) {
        Ok(Ok(())) => Readiness::Ready,
        Ok(Err(e)) => Readiness::NotYet(format!("its sshd does not answer ({e})")),
        Err(e) => Readiness::NotYet(e.to_string()),
    }
}

fn greeting() -> std::io::Result<()> {
    let limit = Duration::from_secs(2);
    let sshd = SocketAddr::from((Ipv4Addr::LOCALHOST, 22));
    let mut stream = TcpStream::connect_timeout(&sshd, limit)?;
    stream.set_read_timeout(Some(limit))?;
    let mut first = [0; 4];
    stream.read_exact(&mut first)?;
    if &first == b"SSH-" {
        return Ok(());
    }
    Err(std::io::Error::other("something else listens on port 22"))
}

/// The end of a console log, for error messages.
pub(crate) fn console_tail(console: &Path) -> String {
    let bytes = fs::read(console).unwrap_or_default();
    let from = bytes.len().saturating_sub(2000);
    program::last_lines(&String::from_utf8_lossy(&bytes[from..]), 3)
}
