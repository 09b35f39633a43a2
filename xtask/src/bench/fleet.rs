//! Hosts for the contenders: a lab of real systemd, sshd and rpm, made anew for
//! every first apply, and removed when this value goes.

use super::place::{ENVIRONMENT, Place};
use super::relay::{self, Relay};
use super::work;
use crate::process::{self, quietly};
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Each host of a lab waits for files with several inotify instances, and a
/// machine allows 128: too few for 64 hosts.
const INOTIFY: &str = "/proc/sys/fs/inotify/max_user_instances";
const INSTANCES: u32 = 4096;

/// How many hosts, and how far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    pub(super) hosts: usize,
    /// Milliseconds of a round trip that are added.
    pub(super) round_trip_ms: u64,
}

impl Field {
    pub(super) fn title(self) -> String {
        if self.round_trip_ms == 0 {
            format!("{} hosts", self.hosts)
        } else {
            format!("{} hosts, {} ms away", self.hosts, self.round_trip_ms)
        }
    }
}

/// A host as contenders reach it.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) port: u16,
}

/// The lab, up.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    place: &'a Place,
    pub(super) hosts: Vec<Host>,
    pub(super) netns: PathBuf,
    pub(super) identity: PathBuf,
    pub(super) known_hosts: PathBuf,
    /// Until the hosts are gone.
    _instances: Instances,
    relay: Option<Relay>,
}

impl<'a> Fleet<'a> {
    /// Boots the hosts and waits until each is done with booting.
    pub(super) fn up(place: &'a Place, field: Field) -> Result<Self> {
        let names: Vec<String> = (1..=field.hosts)
            .map(|number| format!("h{number:02}"))
            .collect();
        let far = field.round_trip_ms > 0;
        work::write(
            &place.inventory(),
            inventory(ENVIRONMENT, &names, far).as_bytes(),
        )?;
        let mut fleet = Self {
            place,
            hosts: Vec::new(),
            netns: PathBuf::new(),
            identity: PathBuf::new(),
            known_hosts: place.known_hosts(),
            _instances: Instances::allow()?,
            relay: None,
        };
        quietly(&mut place.tandem(&["lab", "down", "-i", ENVIRONMENT]))?;
        quietly(&mut place.tandem(&["lab", "up", "-i", ENVIRONMENT]))?;
        let status =
            process::text(&mut place.tandem(&["lab", "status", "-i", ENVIRONMENT, "--json"]))?;
        let status: Value = serde_json::from_str(&status).context("reading the lab's status")?;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        fleet.netns = word(&status["netns"]).into();
        fleet.identity = word(&status["identity"]).into();
        let known = std::fs::read_to_string(word(&status["known_hosts"]))
            .context("reading the lab's known_hosts")?;
        let mut addresses = Vec::new();
        for host in status["hosts"].as_array().into_iter().flatten() {
            addresses.push((word(&host["name"]), word(&host["address"])));
        }
        ensure!(addresses.len() == field.hosts, "the lab has another size");
        fleet.hosts = seats(&addresses, far);
        work::write(
            &fleet.known_hosts,
            known_hosts(&known, &fleet.hosts).as_bytes(),
        )?;
        if far {
            fleet.relay = Some(Relay::start(
                &fleet.netns,
                field.round_trip_ms,
                addresses.iter().map(|(_, address)| address.as_str()),
            )?);
        }
        work::write(&place.ssh_config(), fleet.ssh_config().as_bytes())?;
        fleet.prepare()?;
        Ok(fleet)
    }

    /// A command in the network of the hosts.
    pub(super) fn inside(&self, program: &str) -> Command {
        let mut command = process::command("nsenter");
        command
            .arg(format!("--net={}", self.netns.display()))
            .arg("--")
            .arg(program)
            .current_dir(self.place.project())
            .env("HOME", self.place.home())
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    fn ssh_config(&self) -> String {
        let mut text = format!(
            "Host *\n  User root\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n  \
             BatchMode yes\n  LogLevel ERROR\n",
            self.identity.display(),
            self.known_hosts.display()
        );
        for host in &self.hosts {
            let _ = write!(
                text,
                "Host {}\n  HostName {}\n  Port {}\n",
                host.name, host.address, host.port
            );
        }
        text
    }

    /// One `ssh` process per host, all at once, from one shell; each gets its
    /// own file on standard input and leaves its output in a file.
    pub(super) fn everywhere(&self, order: &str, input: &dyn Fn(&Host) -> PathBuf) -> String {
        let mut script = String::new();
        for (number, host) in self.hosts.iter().enumerate() {
            let _ = writeln!(
                script,
                "ssh -F {config} {name} '{order}' <{input} >{output} 2>&1 & p{number}=$!",
                config = self.place.ssh_config().display(),
                name = host.name,
                input = input(host).display(),
                output = self.place.output(&host.name).display(),
            );
        }
        script.push_str("bad=0\n");
        for (number, host) in self.hosts.iter().enumerate() {
            let _ = writeln!(script, "wait $p{number} || bad={}", host.name);
        }
        script.push_str("[ $bad = 0 ] || { echo \"$bad failed\" >&2; exit 1; }\n");
        script
    }

    /// What each host answers to a script.
    pub(super) fn ask(&self, script: &str) -> Result<BTreeMap<String, String>> {
        let question = self.place.scratch("question.sh");
        work::write(&question, script.as_bytes())?;
        let all = self.place.scratch("ask.sh");
        work::write(
            &all,
            self.everywhere("sh -s", &|_| question.clone()).as_bytes(),
        )?;
        let done = process::caught(self.inside("sh").arg(&all))?;
        let mut answers = BTreeMap::new();
        for host in &self.hosts {
            let text = std::fs::read_to_string(self.place.output(&host.name)).unwrap_or_default();
            answers.insert(host.name.clone(), text);
        }
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            let host = said.split_whitespace().next().unwrap_or_default();
            bail!(
                "{}{}",
                said,
                answers.get(host).map_or("", |text| text.as_str())
            );
        }
        Ok(answers)
    }

    /// The service that is there before anybody comes.
    fn prepare(&self) -> Result<()> {
        let unit = work::SERVICE;
        self.ask(&format!(
            "set -e\ncat >/etc/systemd/system/bench-app.service <<'END'\n{unit}END\n\
             systemctl is-system-running --wait >/dev/null || true\n\
             systemctl daemon-reload\nsystemctl --quiet enable --now bench-app.service\n"
        ))?;
        Ok(())
    }

    /// Which start of the service each host is at.
    pub(super) fn starts(&self) -> Result<BTreeMap<String, String>> {
        self.ask("systemctl show --property=InvocationID --value bench-app.service\n")
    }

    /// Every host is what it shall be, whoever did it: package, files, service.
    pub(super) fn must_be_done(&self, package: &work::Package) -> Result<()> {
        let sums = work::package_sums(&self.place.project())?;
        let answers = self.ask(
            "rpm -q --queryformat '%{SHA256HEADER}\\n' bench-data\n\
             sha256sum /etc/bench/* /opt/bench/*\n\
             systemctl is-enabled bench-app.service\nsystemctl is-active bench-app.service\n",
        )?;
        for (host, answer) in answers {
            let files = work::expected_sums(&self.place.scratch("expected"), &host)?;
            let wanted = format!("{}\n{files}{sums}enabled\nactive\n", package.digest);
            if answer != wanted {
                let differs = answer
                    .lines()
                    .zip(wanted.lines())
                    .find(|(is, shall)| is != shall);
                bail!("{host} is not what it shall be: (is, shall) = {differs:?}");
            }
        }
        Ok(())
    }
}

impl Drop for Fleet<'_> {
    fn drop(&mut self) {
        drop(self.relay.take());
        if let Err(error) = quietly(&mut self.place.tandem(&["lab", "down", "-i", ENVIRONMENT])) {
            eprintln!("warning: {error:#}");
        }
    }
}

/// The machine's limit, raised where it was lower, and put back with this value.
#[derive(Debug)]
pub(super) struct Instances {
    before: Option<String>,
}

impl Instances {
    pub(super) fn allow() -> Result<Self> {
        let before =
            std::fs::read_to_string(INOTIFY).with_context(|| format!("reading {INOTIFY}"))?;
        if before
            .trim()
            .parse::<u32>()
            .is_ok_and(|limit| limit >= INSTANCES)
        {
            return Ok(Self { before: None });
        }
        std::fs::write(INOTIFY, INSTANCES.to_string())
            .with_context(|| format!("raising {INOTIFY}"))?;
        Ok(Self {
            before: Some(before),
        })
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = std::fs::write(INOTIFY, before);
        }
    }
}

/// One host, for what needs an inventory and no hosts.
pub(super) fn smallest(environment: &str) -> String {
    inventory(environment, &["h01".to_owned()], false)
}

fn inventory(environment: &str, names: &[String], far: bool) -> String {
    let mut text = format!(
        "environment: {environment}\nnetworks:\n  om: 10.78.2.0/24\nssh: {{network: om}}\nhosts:\n"
    );
    for (number, name) in names.iter().enumerate() {
        let ssh = if far {
            let port = relay::port(number);
            format!(", ssh: {{address: {}, port: {port}}}", relay::ADDRESS)
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "  {name}: {{profile: debian12, nics: {{eth0: om/{}}}{ssh}}}",
            number + 11
        );
    }
    let _ = writeln!(
        text,
        "clusters:\n  app:\n    role: bench\n    nodes: [{}]\n    set: {{greeting: {}}}",
        names.join(", "),
        work::GREETING
    );
    text
}

/// Directly, or by way of the relay.
fn seats(addresses: &[(String, String)], far: bool) -> Vec<Host> {
    addresses
        .iter()
        .enumerate()
        .map(|(number, (name, address))| Host {
            name: name.clone(),
            address: if far {
                relay::ADDRESS.to_owned()
            } else {
                address.clone()
            },
            port: if far { relay::port(number) } else { 22 },
        })
        .collect()
}

/// The lab's host keys under the addresses that contenders use.
fn known_hosts(lab: &str, hosts: &[Host]) -> String {
    let mut text = String::new();
    for line in lab.lines() {
        let Some((names, key)) = line.split_once(' ') else {
            continue;
        };
        let found = hosts
            .iter()
            .find(|host| names.split(',').any(|name| name == host.name));
        if let Some(host) = found {
            let address = if host.port == 22 {
                host.address.clone()
            } else {
                format!("[{}]:{}", host.address, host.port)
            };
            let _ = writeln!(text, "{address} {key}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_are_known_under_the_address_that_is_called() {
        let lab = "h01,10.78.2.11 ssh-ed25519 AAA\nh02,10.78.2.12 ssh-ed25519 BBB\n";
        let addresses = [("h01", "10.78.2.11"), ("h02", "10.78.2.12")]
            .map(|(name, address)| (name.to_owned(), address.to_owned()));
        assert_eq!(
            known_hosts(lab, &seats(&addresses, false)),
            "10.78.2.11 ssh-ed25519 AAA\n10.78.2.12 ssh-ed25519 BBB\n"
        );
        let far = known_hosts(lab, &seats(&addresses, true));
        assert!(far.contains(&format!("[127.0.0.1]:{} ssh-ed25519 BBB", relay::port(1))));
    }
}
