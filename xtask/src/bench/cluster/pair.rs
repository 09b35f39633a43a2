//! One contender's pair in a lab of its own: hosts, client, and what is done to them.
//! The lab goes with this value.

use super::engine::Engine;
use super::project::{Project, Site};
use crate::demo::{Client, Page, now_us};
use crate::process;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The hosts that serve.
pub(super) const HOSTS: [&str; 2] = ["zipi", "zape"];
/// Where clients find the site.
pub(super) const VIP: &str = "10.77.4.50";
/// How long a pair may take to become whole.
const WHOLE: Duration = Duration::from_secs(120);
/// How long it may take until one node has the address.
const SETTLES: Duration = Duration::from_secs(20);
/// How often it is asked whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The other host.
pub(super) fn other(host: &str) -> &'static str {
    HOSTS[usize::from(host == HOSTS[0])]
}

/// A lab that is up.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) engine: Engine,
    project: &'a Project,
    netns: PathBuf,
    identity: PathBuf,
    known_hosts: PathBuf,
    addresses: BTreeMap<String, String>,
    /// Network of the clients.
    outside: PathBuf,
    /// Where they ask, and for what.
    asked: (u16, &'static str),
    client: Option<Client>,
    /// A host that is being switched on while others are looked at.
    booting: Mutex<Option<Child>>,
}

impl<'a> Pair<'a> {
    /// Boots the hosts and starts the client.
    pub(super) fn up(project: &'a Project, engine: Engine, site: Site) -> Result<Self> {
        let name = engine.environment();
        project.quietly(&["lab", "down", "-i", &name])?;
        let mut pair = Self {
            engine,
            project,
            netns: PathBuf::new(),
            identity: PathBuf::new(),
            known_hosts: PathBuf::new(),
            addresses: BTreeMap::new(),
            outside: PathBuf::new(),
            asked: site.asked(),
            client: None,
            booting: Mutex::new(None),
        };
        project.quietly(&["lab", "up", "-i", &name])?;
        let status = process::text(&mut project.tandem(&["lab", "status", "-i", &name, "--json"]))?;
        let status: Value = serde_json::from_str(&status).context("reading the lab's status")?;
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        pair.netns = word(&status["netns"]).into();
        pair.identity = word(&status["identity"]).into();
        pair.known_hosts = word(&status["known_hosts"]).into();
        for host in status["hosts"].as_array().into_iter().flatten() {
            pair.addresses
                .insert(word(&host["name"]), word(&host["address"]));
        }
        pair.outside = status["clients"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|client| client["network"] == "ext")
            .map(|client| PathBuf::from(word(&client["netns"])))
            .context("the lab has no client in `ext`")?;
        pair.client_asks()?;
        Ok(pair)
    }

    /// Somebody outside asks for the site, from now on.
    pub(super) fn client_asks(&mut self) -> Result<()> {
        let (port, path) = self.asked;
        self.client = Some(Client::start(
            &self.outside,
            &format!("{VIP}:{port}"),
            path,
        )?);
        Ok(())
    }

    /// Somebody asks for another site.
    pub(super) fn serves(&mut self, site: Site) -> Result<()> {
        self.asked = site.asked();
        self.client_asks()
    }

    /// Nobody does any more.
    pub(super) fn client_rests(&mut self) {
        self.client = None;
    }

    /// Who asks.
    pub(super) fn client(&self) -> Result<&Client> {
        self.client.as_ref().context("the client runs")
    }

    fn ssh(&self, host: &str) -> Result<Command> {
        let address = self
            .addresses
            .get(host)
            .with_context(|| format!("the lab has no host {host}"))?;
        let mut command = process::command("nsenter");
        command
            .arg(format!("--net={}", self.netns.display()))
            .args(["--", "ssh", "-F", "none", "-i"])
            .arg(&self.identity)
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", self.known_hosts.display()))
            .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=3"])
            .args(["-o", "ServerAliveInterval=5", "-o", "LogLevel=ERROR"])
            .arg(format!("root@{address}"))
            .env_remove("SSH_AUTH_SOCK");
        Ok(command)
    }

    /// What a command of a host says, given something to read.
    pub(super) fn feed(&self, host: &str, order: &str, input: &[u8]) -> Result<String> {
        let mut command = self.ssh(host)?;
        let mut child = command
            .arg(order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting ssh")?;
        if let Some(mut pipe) = child.stdin.take() {
            // A command that ended early says why itself.
            let _ = pipe.write_all(input);
        }
        let output = child.wait_with_output().context("waiting for ssh")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!(
                "{host} of {}: {order:.60}: {}\n{said}{}",
                self.engine.environment(),
                output.status,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        Ok(said)
    }

    /// What a script says on a host; the first command that fails ends it.
    pub(super) fn run(&self, host: &str, script: &str) -> Result<String> {
        self.feed(host, "sh -e -s", script.as_bytes())
    }

    /// A file of a host.
    pub(super) fn put(&self, host: &str, path: &str, content: &[u8]) -> Result<()> {
        self.feed(host, &format!("umask 077; cat >{path}"), content)
            .map(drop)
    }

    /// Something breaks, or is mended.
    pub(super) fn fault(&self, words: &str) -> Result<()> {
        self.booted()?;
        let name = self.engine.environment();
        let mut all = vec!["lab", "fault", "-i", &name];
        all.extend(words.split(' '));
        self.project.quietly(&all)
    }

    /// Switches a host on and does not wait for it.
    pub(super) fn power_on(&self, host: &str) -> Result<()> {
        let name = self.engine.environment();
        let child = self
            .project
            .tandem(&["lab", "fault", "-i", &name, "power-on", host])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting `tandem lab fault`")?;
        *self.pending() = Some(child);
        Ok(())
    }

    fn pending(&self) -> MutexGuard<'_, Option<Child>> {
        self.booting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what [`Pair::power_on`] began.
    fn booted(&self) -> Result<()> {
        let Some(mut child) = self.pending().take() else {
            return Ok(());
        };
        let status = child.wait().context("waiting for `tandem lab fault`")?;
        ensure!(
            status.success(),
            "a host of {} was not switched on: {status}",
            self.engine.environment()
        );
        Ok(())
    }

    /// Who has the address; a host without power has none.
    pub(super) fn holders(&self) -> Vec<&'static str> {
        HOSTS
            .into_iter()
            .filter(|host| {
                self.run(host, &format!("ip -o addr show to {VIP}"))
                    .is_ok_and(|said| said.contains(VIP))
            })
            .collect()
    }

    /// The one that has it, as soon as there is one.
    pub(super) fn active(&self) -> Result<&'static str> {
        let begun = Instant::now();
        loop {
            match self.holders()[..] {
                [host] => return Ok(host),
                ref hosts if begun.elapsed() > SETTLES => bail!(
                    "{} should have one holder of {VIP}, and has {}: {}",
                    self.engine.environment(),
                    hosts.len(),
                    hosts.join(", ")
                ),
                _ => std::thread::sleep(LOOK_EVERY),
            }
        }
    }

    fn is_whole(&self) -> bool {
        let whole = self.engine.kind().is_whole();
        HOSTS.iter().all(|host| self.run(host, whole).is_ok())
            && self.holders().len() == 1
            && self.client().is_ok_and(|client| {
                let now = now_us();
                client
                    .wait("the site", now, Duration::from_secs(1), |_| true)
                    .is_ok()
            })
    }

    /// Waits until both nodes are members, one serves, and the next fault can be survived.
    pub(super) fn wait_until_whole(&self) -> Result<()> {
        self.booted()?;
        if self.becomes_whole(WHOLE) {
            return Ok(());
        }
        bail!(
            "{} did not become whole within {} s",
            self.engine.environment(),
            WHOLE.as_secs()
        )
    }

    /// Whether it does within a time.
    pub(super) fn becomes_whole(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        loop {
            if self.is_whole() {
                return true;
            }
            if begun.elapsed() > limit {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits for a good answer of one host to a request that was begun since then.
    pub(super) fn wait_for(&self, host: &str, since_us: u64, limit: Duration) -> Result<()> {
        let wanted = |page: &Page| page.node == host;
        self.client()?
            .wait(&format!("an answer of {host}"), since_us, limit, wanted)
            .map(drop)
    }

    /// Whether a host has power.
    pub(super) fn is_up(&self, host: &str) -> bool {
        self.run(host, "true").is_ok()
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        self.client = None;
        let name = self.engine.environment();
        if let Err(error) = self.booted() {
            eprintln!("warning: {error:#}");
        }
        if let Err(error) = self.project.quietly(&["lab", "down", "-i", &name]) {
            eprintln!("warning: {error:#}");
        }
    }
}
