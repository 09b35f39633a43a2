//! A lab with a project of its own, from nothing, and gone afterwards.

use crate::operator::{self, Operator, Ran};
use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tandem_lab::{FaultAction, HostState, Lab, Output, Places, silent};

/// The virtual address of the test inventory.
pub(crate) const VIP: &str = "10.77.4.50";
/// Its hosts.
pub(crate) const HOSTS: [&str; 2] = ["zipi", "zape"];

/// The other host.
pub(crate) fn other(host: &str) -> &'static str {
    HOSTS[usize::from(host == HOSTS[0])]
}

/// How long a command inside a host may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Labs take the whole machine: within one process there is one at a time.
/// (Between processes nextest's group `lab` sees to it.)
static ALONE: Mutex<()> = Mutex::new(());

/// A project in a directory of its own: the repository's role, and an inventory
/// like dev's under a name that nobody else uses.
pub(crate) struct Project {
    operator: Operator,
    /// Kept for its end: the directory goes with it.
    directory: tempfile::TempDir,
}

impl Deref for Project {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.operator
    }
}

impl Project {
    /// The small example, with keys and secrets, without a lab and without a
    /// release.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(&operator::example(), name, |_| ())
    }

    /// A copy of a project of this repository, changed before its keys and
    /// secrets are made.
    pub(crate) fn of(source: &Path, name: &str, change: impl FnOnce(&Operator)) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("tandem-e2e-")
            .tempdir()
            .expect("a directory for the project");
        let environment = format!("e2e-{name}");
        let operator = Operator::new("alice", &environment, directory.path());
        fs::create_dir_all(operator.project.join("inventories")).expect("the project is made");
        fs::create_dir_all(&operator.home).expect("the operator's home is made");
        for part in ["profiles", "roles", "templates", "specs"] {
            operator::copy(source.join(part), &operator.project.join(part));
        }
        fs::copy(
            source.join("inventories/dev.yaml"),
            operator.file(&operator.inventory()),
        )
        .expect("the inventory is copied");
        operator.edit_inventory(
            "environment: dev\n",
            &format!("environment: {environment}\n"),
        );
        change(&operator);
        let _ = operator.tandem(&["key", "init"]).exits(0);
        let _ = operator
            .tandem(&["secret", "init", "-i", &environment])
            .exits(0);
        operator.knows_the_bmcs();
        Self {
            operator,
            directory,
        }
    }

    /// The directory around project and home.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// A project and the twin of its inventory.
pub(crate) struct Stage {
    project: Project,
    lab: Option<Lab>,
    /// Names of packages that were in the base system.
    base: BTreeSet<String>,
    _alone: MutexGuard<'static, ()>,
}

impl Deref for Stage {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.project.operator
    }
}

impl Stage {
    /// A bare lab under the name `e2e-NAME`, or `None`, visibly, where this
    /// cannot be.
    pub(crate) fn new(name: &str) -> Option<Self> {
        Self::with(name, &[], |_| ())
    }

    /// The same with something changed in the project, and words for `lab up`.
    pub(crate) fn with(name: &str, up: &[&str], change: impl FnOnce(&Operator)) -> Option<Self> {
        Self::of(&operator::example(), name, up, change)
    }

    /// The same of another project than the small example: the repository's
    /// own is the platform.
    pub(crate) fn of(
        source: &Path,
        name: &str,
        up: &[&str],
        change: impl FnOnce(&Operator),
    ) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("SKIPPED {name}: labs need root");
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let project = Project::of(source, name, change);
        let mut stage = Self {
            project,
            lab: None,
            base: BTreeSet::new(),
            _alone: alone,
        };
        let environment = stage.environment.clone();
        // What an earlier test that was killed left behind.
        let _ = Lab::down(&Places::default(), &environment, &silent);
        let mut words = vec!["lab", "up", "-i", &environment];
        words.extend(up);
        let _ = stage.tandem(&words).exits(0);
        stage.lab = Some(Lab::open(&Places::default(), &environment).expect("the lab is there"));
        let host = stage.hosts().into_iter().next().expect("a host");
        stage.base = stage.package_names(&host);
        Some(stage)
    }

    /// The same with release 1.0.0 built and applied.
    pub(crate) fn served(name: &str) -> Option<Self> {
        let stage = Self::new(name)?;
        stage.build("1.0.0");
        let _ = stage.apply().exits(0);
        Some(stage)
    }

    /// Names of the lab's hosts, sorted.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let status = self.lab().status().expect("the lab says how it is");
        let mut names: Vec<String> = status.hosts.into_iter().map(|host| host.name).collect();
        names.sort();
        names
    }

    /// The lab.
    pub(crate) fn lab(&self) -> &Lab {
        self.lab.as_ref().expect("the lab is up")
    }

    /// Runs a script on a host.
    pub(crate) fn exec(&self, host: &str, script: &str) -> Output {
        self.lab()
            .exec(host, &["sh", "-c", script], b"", PATIENCE)
            .unwrap_or_else(|error| panic!("`{script}` on {host}: {error}"))
    }

    /// Runs a script on a host that must succeed, and returns what it wrote.
    #[track_caller]
    pub(crate) fn must(&self, host: &str, script: &str) -> String {
        let output = self.exec(host, script);
        assert!(
            output.success(),
            "`{script}` on {host} (exit {}): {}{}",
            output.code,
            output.text(),
            output.error_text()
        );
        output.text()
    }

    /// Breaks something, or mends it: `power-off zape`.
    #[track_caller]
    pub(crate) fn fault(&self, words: &str) {
        let list: Vec<&str> = words.split(' ').collect();
        let action = FaultAction::parse(&list).expect("known words");
        self.lab()
            .fault(&action, &silent)
            .unwrap_or_else(|error| panic!("{words}: {error}"));
    }

    /// True when the host is up.
    pub(crate) fn is_up(&self, host: &str) -> bool {
        let status = self.lab().status().expect("the lab says how it is");
        status
            .hosts
            .iter()
            .any(|one| one.name == host && one.state == HostState::Running)
    }

    /// Hosts that have the virtual address on an interface right now.
    pub(crate) fn holders_of_vip(&self) -> Vec<&'static str> {
        HOSTS
            .into_iter()
            .filter(|host| self.has_vip(host))
            .collect()
    }

    /// True when this host has the virtual address. One without power has none.
    pub(crate) fn has_vip(&self, host: &str) -> bool {
        let vip = VIP.parse().expect("an address");
        self.lab().has_address(host, vip).unwrap_or(false)
    }

    /// Hosts of the lab that have this address on an interface right now.
    pub(crate) fn holders_of(&self, address: &str) -> Vec<String> {
        let address = address.parse().expect("an address");
        let has = |host: &String| self.lab().has_address(host, address).unwrap_or(false);
        self.hosts().into_iter().filter(has).collect()
    }

    /// Waits until exactly one host has this address, and names it.
    #[track_caller]
    pub(crate) fn wait_for_one_holder_of(&self, address: &str, limit: Duration) -> String {
        let found = self.eventually(limit, |stage| stage.holders_of(address).len() == 1);
        let holders = self.holders_of(address);
        assert!(
            found,
            "one host holds {address} within {limit:?}; now: {holders:?}"
        );
        holders.into_iter().next().expect("one")
    }

    /// Runs a program where the clients of a network are, `client-ext`.
    pub(crate) fn client(&self, network: &str, script: &str) -> Output {
        let name = format!("client-{network}");
        let viewpoint = tandem_lab::Viewpoint::Client(&name);
        self.lab()
            .exec_outside(viewpoint, &["sh", "-c", script], b"", PATIENCE)
            .unwrap_or_else(|error| panic!("`{script}` at {name}: {error}"))
    }

    /// The one host that has the virtual address.
    #[track_caller]
    pub(crate) fn holder(&self) -> &'static str {
        let holders = self.holders_of_vip();
        assert_eq!(holders.len(), 1, "one host holds {VIP}: {holders:?}");
        holders[0]
    }

    /// Waits until something holds; false if it did not in time.
    pub(crate) fn eventually(&self, limit: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        loop {
            if holds(self) {
                return true;
            }
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until exactly this host holds the address.
    #[track_caller]
    pub(crate) fn wait_for_holder(&self, host: &str, limit: Duration) {
        let found = self.eventually(limit, |stage| stage.holders_of_vip() == [host]);
        assert!(
            found,
            "{host} holds {VIP} within {limit:?}; now: {:?}",
            self.holders_of_vip()
        );
    }

    /// What a client gets from the site: status line, headers and body; empty
    /// when there is no answer.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("http://{VIP}{path}");
        let words = ["curl", "-si", "--max-time", "3", &url];
        let output = self
            .lab()
            .exec_outside(
                tandem_lab::Viewpoint::Client("client-ext"),
                &words,
                b"",
                PATIENCE,
            )
            .expect("the client runs curl");
        output.text()
    }

    /// Fails the test unless a client gets a page with these words.
    #[track_caller]
    pub(crate) fn assert_site(&self, path: &str, words: &str) {
        let answer = self.get(path);
        assert!(
            answer.contains(words),
            "{path} says `{words}`; the answer was `{answer}`, {VIP} is on {:?}",
            self.holders_of_vip()
        );
    }

    /// Number of the generation that a host carries; `None` on a bare one.
    pub(crate) fn generation(&self, host: &str) -> Option<u64> {
        let script =
            "rpm --dbpath /var/lib/rpm -q --qf '%{VERSION}\\n' tandem-generation 2>/dev/null";
        let output = self.exec(host, script);
        output
            .success()
            .then(|| output.text().trim().parse().expect("a number"))
    }

    pub(crate) fn package_names(&self, host: &str) -> BTreeSet<String> {
        self.must(host, "rpm --dbpath /var/lib/rpm -qa --qf '%{NAME}\\n'")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Names of packages that the base system had.
    pub(crate) fn base(&self) -> &BTreeSet<String> {
        &self.base
    }

    /// `tandem status --json`.
    pub(crate) fn status(&self) -> (Ran, serde_json::Value) {
        let ran = self.at(&["status", "--json"]);
        let document = ran.json();
        (ran, document)
    }

    /// Waits until every node hears the others and nothing is on the move,
    /// whatever else is to be said about the hosts.
    #[track_caller]
    pub(crate) fn wait_until_whole(&self) {
        let whole = self.eventually(Duration::from_secs(60), |stage| {
            let cluster = &stage.status().1["clusters"]["web"];
            let rests = |host: &&str| cluster["nodes"][*host]["in_transition"] == false;
            cluster["redundant"] == true && HOSTS.iter().all(rests)
        });
        assert!(whole, "the cluster is whole: {}", self.status().0);
    }

    /// Fails the test unless the environment is as an operator wants to find
    /// it: one holder, both nodes in, no drift, no lock, no open run, nothing to
    /// do, and no leftovers on any host.
    #[track_caller]
    pub(crate) fn assert_calm(&self) {
        let calm = self.eventually(Duration::from_secs(60), |stage| stage.status().0.code == 0);
        let (ran, document) = self.status();
        assert!(calm, "{ran}");
        for host in HOSTS {
            let own = &document["hosts"][host];
            assert_eq!(own["lock"], serde_json::Value::Null, "{ran}");
            assert_eq!(own["open_runs"], serde_json::json!([]), "{ran}");
            let leftovers = self.leftovers(host);
            assert!(leftovers.is_empty(), "{host} has leftovers: {leftovers:?}");
        }
        assert_eq!(self.holders_of_vip().len(), 1, "one holder");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::env::var_os("TANDEM_E2E_KEEP").is_some() && std::thread::panicking() {
            self.project.directory.disable_cleanup(true);
            let kept = self.project.directory().display();
            eprintln!(
                "lab {} is kept; project and home are in {kept}",
                self.environment
            );
            return;
        }
        if let Err(error) = Lab::down(&Places::default(), &self.environment, &silent) {
            eprintln!("lab {} is not down: {error}", self.environment);
        }
    }
}

/// A lab beside the stage's own, gone at the end of the test.
pub(crate) struct Twin(pub(crate) String);

impl Drop for Twin {
    fn drop(&mut self) {
        let _ = Lab::down(&Places::default(), &self.0, &silent);
    }
}
