//! A host in a directory of its own, with a real rpm database, real signed
//! packages, and the real helper run as the operator runs it.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "a part of tests, not an interface"
)]

use jiff::Timestamp;
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tandem_generation::manifest::{ReleaseRef, Source};
use tandem_generation::protocol::{
    LockReply, LockRequest, Refusal, Reply, StageReply, StageRequest,
};
use tandem_generation::{
    Cause, Content, Digest, Entry, Event, FORMAT, Facts, FactsRequest, Generation, LegState, Lock,
    Order, OwnedFile, Package, PackageId, RunId, Transaction, place,
};

/// A package of ours, built and signed.
#[derive(Clone)]
pub struct Built {
    pub package: Package,
    pub bytes: Vec<u8>,
}

/// Who signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Ours,
    Strangers,
    None,
}

struct Keys {
    ours: (String, String),
    strangers: (String, String),
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        ours: generate("ours"),
        strangers: generate("strangers"),
    })
}

fn generate(name: &str) -> (String, String) {
    let home = tempfile::tempdir().expect("temporary directory");
    let gpg = |arguments: &[&str]| {
        let output = Command::new("gpg")
            .args([
                "--homedir",
                &home.path().display().to_string(),
                "--batch",
                "--quiet",
            ])
            .args([
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
                "--faked-system-time",
                "20250101T000000",
            ])
            .args(arguments)
            .output()
            .expect("gpg");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    gpg(&[
        "--quick-gen-key",
        &format!("{name} <{name}@test>"),
        "ed25519",
        "sign",
        "never",
    ]);
    let keys = (
        gpg(&["--armor", "--export-secret-keys"]),
        gpg(&["--armor", "--export"]),
    );
    let _ = Command::new("gpgconf")
        .env("GNUPGHOME", home.path())
        .args(["--kill", "all"])
        .status();
    keys
}

pub fn public_key() -> String {
    keys().ours.1.clone()
}

/// Builds a package; `more` adds what is special about it.
pub fn build(
    name: &str,
    version: &str,
    files: &[(&str, &str)],
    key: Key,
    more: impl FnOnce(&mut PackageBuilder),
) -> Built {
    let mut builder = PackageBuilder::new(name, version, "MIT", "noarch", "test");
    builder
        .using_config(
            BuildConfig::v4()
                .source_date(1_760_000_000_u32)
                .compression(CompressionWithLevel::Gzip(1)),
        )
        .release("1");
    for (path, content) in files {
        builder
            .with_file_contents(*content, FileOptions::new(*path).permissions(0o644))
            .expect("file");
    }
    more(&mut builder);
    let signer = |text: &str| rpm::signature::pgp::Signer::from_asc(text).expect("key");
    let package = match key {
        Key::Ours => builder.build_and_sign(signer(&keys().ours.0)),
        Key::Strangers => builder.build_and_sign(signer(&keys().strangers.0)),
        Key::None => builder.build(),
    }
    .expect("package");
    let mut bytes = Vec::new();
    package.write(&mut bytes).expect("bytes");
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("p.rpm");
    fs::write(&path, &bytes).expect("write");
    let header = Command::new("rpm")
        .args(["-qp", "--nosignature", "--qf", "%{SHA256HEADER}"])
        .arg(&path)
        .output()
        .expect("rpm");
    Built {
        package: Package {
            id: PackageId {
                name: name.into(),
                version: version.into(),
                release: "1".into(),
                arch: "noarch".into(),
            },
            header: String::from_utf8_lossy(&header.stdout)
                .parse()
                .expect("header"),
            file: Digest::of(&bytes),
            size: bytes.len() as u64,
            restarts: Vec::new(),
        },
        bytes,
    }
}

/// A package with nothing special about it.
pub fn plain(name: &str, version: &str, files: &[(&str, &str)]) -> Built {
    build(name, version, files, Key::Ours, |_| {})
}

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

/// The order from `old` to `new` with generation `number`, its undo `number+1`.
pub fn plan(run: &RunId, leg: u32, number: u64, old: Option<&Wish>, new: &Wish) -> Plan {
    let nothing = Wish::default();
    let before = old.unwrap_or(&nothing);
    let forward_package = generation_package(number, &gone(before, new));
    let back_package = generation_package(number + 1, &gone(new, before));
    let mut packages: Vec<Built> = new.packages.clone();
    packages.extend(before.packages.iter().cloned());
    packages.push(forward_package.clone());
    packages.push(back_package.clone());
    let forward = Transaction {
        target: Some(generation(number, new, Cause::Applied)),
        generation_package: Some(forward_package.package),
        install: changed(before, new),
        erase: gone(before, new),
        unedit: Vec::new(),
        release_units: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    };
    let cause = Cause::RolledBack {
        of: number,
        content: new.content.identity(),
        because: "staged".into(),
    };
    let undo = Transaction {
        target: old.map(|old| generation(number + 1, old, cause)),
        generation_package: old.map(|_| back_package.package),
        install: old.map_or_else(Vec::new, |old| changed(new, old)),
        erase: gone(new, before),
        unedit: Vec::new(),
        release_units: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
    };
    Plan {
        order: Order {
            format: FORMAT,
            run: run.clone(),
            leg,
            host: "zipi".into(),
            operator: "alice@desk".into(),
            plan: Digest::of("plan"),
            created: Timestamp::UNIX_EPOCH,
            forward,
            undo,
            confirm_within_s: 30,
            validators: Vec::new(),
            irreversible: Vec::new(),
        },
        packages,
    }
}

fn changed(old: &Wish, new: &Wish) -> Vec<Package> {
    let there = &old.content.packages;
    let wanted = new.content.packages.iter();
    wanted
        .filter(|package| !there.contains(package))
        .cloned()
        .collect()
}

fn gone(old: &Wish, new: &Wish) -> Vec<PackageId> {
    let stays = |id: &PackageId| new.content.package(&id.name).is_some();
    let there = old
        .content
        .packages
        .iter()
        .map(|package| package.id.clone());
    there.filter(|id| !stays(id)).collect()
}

fn generation_package(number: u64, erased: &[PackageId]) -> Built {
    let text = format!("{{\"number\": {number}}}\n");
    build(
        place::GENERATION_PACKAGE,
        &number.to_string(),
        &[(place::GENERATION_FILE, &text)],
        Key::Ours,
        |builder| {
            for id in erased {
                builder.obsoletes(Dependency::less_eq(
                    &id.name,
                    format!("{}-{}", id.version, id.release),
                ));
            }
        },
    )
}

fn generation(number: u64, wish: &Wish, cause: Cause) -> Generation {
    Generation {
        format: FORMAT,
        number,
        environment: "test".into(),
        host: "zipi".into(),
        cluster: None,
        members: Vec::new(),
        release: ReleaseRef {
            version: "1.0.0".into(),
            digest: Digest::of("release"),
        },
        inventory: Source::default(),
        tandem: "0.1.0".into(),
        cause,
        content: wish.content.clone(),
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

/// A scriptlet that needs no program on the host: rpm has Lua built in.
pub fn lua(builder: &mut PackageBuilder, script: &str) -> rpm::Scriptlet {
    builder.provides(Dependency::any("<lua>"));
    rpm::Scriptlet::new(script).prog(vec!["<lua>"])
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
