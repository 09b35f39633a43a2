//! A host in a directory of its own, with a real rpm database, real signed
//! packages, and the real helper run as the operator runs it.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test file uses a part of it"
)]
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "a part of tests, not an interface"
)]

mod orders;
mod packages;

pub use orders::plan;
pub use packages::{Built, Key, build, lua, plain, public_key};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tandem_generation::protocol::{
    LockReply, LockRequest, Refusal, Reply, StageReply, StageRequest,
};
use tandem_generation::{
    Content, Digest, Entry, Event, FORMAT, Facts, FactsRequest, LegState, Lock, Order, OwnedFile,
    RunId, place,
};

/// What a host shall be.
#[derive(Clone, Default)]
pub struct Wish {
    pub packages: Vec<Built>,
    pub content: Content,
}

impl Wish {
    pub fn of(packages: &[&Built]) -> Self {
        let mut wish = Self {
            packages: packages.iter().map(|built| (*built).clone()).collect(),
            content: Content::default(),
        };
        wish.packages
            .sort_by(|a, b| a.package.id.name.cmp(&b.package.id.name));
        wish.content.packages = wish
            .packages
            .iter()
            .map(|built| built.package.clone())
            .collect();
        wish
    }

    pub fn file(mut self, path: &str, content: &str, secret: bool) -> Self {
        self.content.files.push(OwnedFile {
            path: path.into(),
            digest: Digest::of(content),
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            secret,
            restarts: Vec::new(),
            reloads: Vec::new(),
        });
        self
    }
}

/// An order with the bytes of all its packages.
#[derive(Clone)]
pub struct Plan {
    pub order: Order,
    pub packages: Vec<Built>,
}

pub struct World {
    pub directory: tempfile::TempDir,
    pub root: PathBuf,
    /// What the host was last told to be.
    pub now: Option<Wish>,
    pub systemctl: Option<String>,
    /// PID 1 of the container in which the helper runs as on a real host.
    pub inside: Option<String>,
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let root = directory.path().join("root");
        for below in ["etc", "var/lib/rpm", "opt"] {
            fs::create_dir_all(root.join(below)).expect("directory");
        }
        fs::write(root.join("etc/hostname"), "zipi\n").expect("write");
        Self {
            directory,
            root,
            now: None,
            systemctl: None,
            inside: None,
        }
    }

    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/tandem")
    }

    pub fn on_host(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.on_host(path)).expect(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.on_host(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("write");
    }

    /// Runs the helper as the operator does.
    pub fn ask<T: DeserializeOwned>(&self, words: &[&str], input: &[u8]) -> Result<T, Refusal> {
        let mut command = if let Some(pid) = &self.inside {
            let mut command = Command::new("nsenter");
            command.args(["-t", pid, "-a", "/usr/local/bin/tandem-host"]);
            command
        } else {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tandem-host"));
            command.env("TANDEM_ROOT", &self.root);
            command
        };
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(systemctl) = &self.systemctl {
            command.env("TANDEM_SYSTEMCTL", systemctl);
        }
        let mut child = command.spawn().expect("tandem-host");
        // A refusal may come before everything is read.
        let _ = child.stdin.take().expect("stdin").write_all(input);
        let output = child.wait_with_output().expect("tandem-host");
        let text = String::from_utf8_lossy(&output.stdout);
        let reply: Reply<T> = serde_json::from_str(&text).unwrap_or_else(|cause| {
            panic!(
                "{words:?}: {cause}\n{text}\n{}",
                String::from_utf8_lossy(&output.stderr)
            )
        });
        match reply {
            Reply::Ok(value) => {
                assert!(output.status.success());
                Ok(value)
            }
            Reply::Error(refusal) => {
                assert_eq!(output.status.code(), Some(1));
                Err(refusal)
            }
        }
    }

    pub fn ask_json<T: DeserializeOwned>(
        &self,
        words: &[&str],
        input: &impl Serialize,
    ) -> Result<T, Refusal> {
        self.ask(words, &serde_json::to_vec(input).expect("json"))
    }

    pub fn facts(&self) -> Facts {
        self.facts_with(|_| {})
    }

    pub fn facts_with(&self, more: impl FnOnce(&mut FactsRequest)) -> Facts {
        let mut request = FactsRequest {
            format: FORMAT,
            ..FactsRequest::default()
        };
        more(&mut request);
        self.ask_json(&["facts"], &request).expect("facts")
    }

    pub fn lock(&self, run: &RunId) {
        let reply: LockReply = self
            .ask_json(
                &["lock"],
                &LockRequest {
                    format: FORMAT,
                    lock: lock(run),
                    take_over: false,
                },
            )
            .expect("lock");
        assert_eq!(reply, LockReply::Taken);
    }

    pub fn receive(&self, built: &Built) {
        let digest = Digest::of(&built.bytes);
        let size = built.bytes.len().to_string();
        self.ask::<()>(&["receive", digest.as_str(), &size, "0"], &built.bytes)
            .expect("receive");
    }

    /// The order that leads from what the host is to `new`.
    pub fn plan(&self, run: &RunId, leg: u32, new: &Wish) -> Plan {
        let number = self.facts_number() + 2 * u64::from(leg - 1);
        plan(run, leg, number, self.now.as_ref(), new)
    }

    fn facts_number(&self) -> u64 {
        self.facts().next_number
    }

    pub fn stage(&self, plans: &[&Plan]) -> Result<StageReply, Refusal> {
        for built in plans.iter().flat_map(|plan| &plan.packages) {
            self.receive(built);
        }
        let request = StageRequest {
            format: FORMAT,
            orders: plans.iter().map(|plan| plan.order.clone()).collect(),
            plan: "{\"the\": \"plan\"}".into(),
            keys: vec![public_key()],
        };
        self.ask_json(&["stage"], &request)
    }

    pub fn activate(&self, run: &RunId, leg: u32) {
        self.ask::<()>(&["activate", run.as_str(), &leg.to_string()], b"")
            .expect("activate");
    }

    pub fn confirm(&self, run: &RunId, leg: u32) -> Result<(), Refusal> {
        self.ask(&["confirm", run.as_str(), &leg.to_string()], b"")
    }

    pub fn journal(&self, run: &RunId, leg: u32) -> Vec<Entry> {
        self.ask(&["follow", run.as_str(), &leg.to_string(), "0", "0"], b"")
            .expect("journal")
    }

    pub fn leg_state(&self, run: &RunId, leg: u32) -> LegState {
        LegState::of(self.journal(run, leg).iter().map(|entry| &entry.event))
    }

    /// Follows the journal until the leg is in this state.
    pub fn wait_for(&self, run: &RunId, leg: u32, state: LegState) -> Vec<Entry> {
        let start = Instant::now();
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or(0, |entry| entry.seq).to_string();
            let newer: Vec<Entry> = self
                .ask(
                    &["follow", run.as_str(), &leg.to_string(), &after, "500"],
                    b"",
                )
                .expect("follow");
            entries.extend(newer);
            if LegState::of(entries.iter().map(|entry| &entry.event)) == state {
                return entries;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "never {state:?}: {entries:#?}"
            );
        }
    }

    /// Locks, stages, activates and waits for this state.
    pub fn go(&self, plan: &Plan, state: LegState) -> Vec<Entry> {
        let run = plan.order.run.clone();
        self.lock(&run);
        self.stage(&[plan]).expect("stage");
        self.activate(&run, plan.order.leg);
        self.wait_for(&run, plan.order.leg, state)
    }

    /// A whole good run.
    pub fn apply(&mut self, name: &str, new: &Wish) -> Plan {
        let run = run(name);
        let plan = self.plan(&run, 1, new);
        self.go(&plan, LegState::AwaitingConfirm);
        self.confirm(&run, 1).expect("confirm");
        self.finish(&run, "accepted");
        self.now = Some(new.clone());
        plan
    }

    pub fn finish(&self, run: &RunId, verdict: &str) {
        self.ask::<()>(&["finish", run.as_str(), verdict], b"")
            .expect("finish");
    }

    pub fn rpm(&self, arguments: &[&str]) -> String {
        let output = Command::new("rpm")
            .args([
                "--root",
                &self.root.display().to_string(),
                "--dbpath",
                place::RPM_DATABASE,
            ])
            .args(arguments)
            .output()
            .expect("rpm");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn packages(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .rpm(&["-qa", "--qf", "%{NAME}-%{VERSION}\\n"])
            .lines()
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }

    /// Everything on the host but the databases of rpm and tandem, and what the
    /// generation package says of its number.
    pub fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        walk(&self.root, &self.root, &mut tree);
        tree
    }
}

fn walk(root: &Path, directory: &Path, tree: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("list") {
        let path = entry.expect("entry").path();
        let name = format!("/{}", path.strip_prefix(root).expect("inside").display());
        let ours = [
            "/var/lib/rpm",
            "/var/lib/tandem",
            "/etc/systemd",
            place::GENERATION_FILE,
        ];
        if ours.contains(&name.as_str()) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let mode = metadata.mode();
        if metadata.is_dir() {
            tree.insert(name, format!("{mode:o}"));
            walk(root, &path, tree);
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).expect("link");
            tree.insert(name, target.display().to_string());
        } else {
            let digest = Digest::of(fs::read(&path).expect("read"));
            tree.insert(
                name,
                format!("{mode:o} {}:{} {digest}", metadata.uid(), metadata.gid()),
            );
        }
    }
}

pub fn run(name: &str) -> RunId {
    name.parse().expect("run")
}

pub fn lock(run: &RunId) -> Lock {
    Lock {
        owner: "alice@desk".into(),
        run: run.clone(),
        plan: Digest::of("plan"),
        since: Timestamp::UNIX_EPOCH,
    }
}

/// The reason that the journal gives for a failure.
pub fn failure(entries: &[Entry]) -> String {
    entries
        .iter()
        .find_map(|entry| match &entry.event {
            Event::Failed { because } => Some(because.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// Panics with the differences of two trees.
#[track_caller]
pub fn assert_same(now: &BTreeMap<String, String>, before: &BTreeMap<String, String>, when: &str) {
    let paths = now.keys().chain(before.keys());
    let differences: std::collections::BTreeSet<String> = paths
        .filter(|path| now.get(*path) != before.get(*path))
        .map(|path| format!("{path}: {:?}, was {:?}", now.get(path), before.get(path)))
        .collect();
    assert!(
        differences.is_empty(),
        "{when}: {} differences, such as {:#?}",
        differences.len(),
        differences.iter().take(5).collect::<Vec<_>>()
    );
}
