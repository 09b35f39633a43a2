//! Clusters at their default times on machines that are in trouble: all processors busy,
//! a disk that others write to, memory short, one packet in twenty lost, and every so often
//! a switch away for three seconds. Nothing moves, nobody is given up, nobody is reset.

use super::setup::{WHOLE, boots, healthy, on_clusterd, report, run_instead, wait_until_healthy};
use crate::edition::is_long;
use crate::operator::Operator;
use crate::service::Poller;
use crate::stage::Stage;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a switch is there, and away.
const SWITCH_THERE: Duration = Duration::from_secs(17);
const SWITCH_AWAY: Duration = Duration::from_secs(3);
/// Percent.
const LOSS: u32 = 5;
/// What a host may have more than it has in the beginning.
const ROOM: u64 = 16 << 20;

/// Longest time between two answers.
const SLOW: Duration = Duration::from_secs(2);
/// Programs that write much and sync.
const WRITERS: usize = 4;

fn duration() -> Duration {
    Duration::from_secs(if is_long() { 30 * 60 } else { 45 })
}

/// Default times of a pair and its witness.
fn with_witness(operator: &Operator) {
    on_clusterd(operator, "      witness: yoda\n");
    operator.edit_inventory(
        "\nclusters:\n",
        "  yoda: {profile: debian12, nics: {eth1: hb/100, eth2: om/100}}\n\nclusters:\n  watch: {role: base, nodes: [yoda]}\n",
    );
}

/// Default times of a pair whose nodes switch each other off.
fn with_fencing(operator: &Operator) {
    on_clusterd(
        operator,
        "      fence:
        agent: fence_ipmilan
        parameters: {username: admin, lanplus: \"1\", cipher: \"3\", power_wait: \"0\"}
        password: bmc_password
        addresses: {zipi: zipi-bmc, zape: zape-bmc}
",
    );
}

/// Default times, and so many nodes.
fn with_nodes(operator: &Operator, count: u32) {
    let (mut hosts, mut names) = (String::new(), String::new());
    for n in 3..=count {
        let (at, outside) = (n + 10, n + 60);
        let _ = writeln!(
            hosts,
            "  n{n:02}: {{profile: debian12, nics: {{eth1: hb/{at}, eth2: om/{at}, eth4: ext/{outside}}}}}"
        );
        let _ = write!(names, ", n{n:02}");
    }
    operator.edit_inventory("\nclusters:\n", &format!("{hosts}\nclusters:\n"));
    operator.edit_inventory(
        "nodes: [zipi, zape]",
        &format!("nodes: [zipi, zape{names}]"),
    );
    on_clusterd(operator, "");
}

/// The site, and one more resource for each node.
fn resources(count: usize) -> String {
    let mut text = "  - group:
      name: web
      members:
        - name: vip
          agent: {address: {address: 10.77.4.50, prefix: 24, interface: eth4}}
          operations: {monitors: [{interval_ms: 10000}]}
        - name: apache
          agent: {systemd: {unit: apache2.service}}
          operations: {monitors: [{interval_ms: 10000}]}
"
    .to_owned();
    for n in 1..=count {
        let _ = write!(
            text,
            "  - primitive:
      name: dummy{n:02}
      agent: {{ocf: {{provider: heartbeat, kind: Dummy, parameters: {{}}}}}}
      operations: {{monitors: [{{interval_ms: 5000}}]}}
"
        );
    }
    text
}

/// What must not change.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    /// How often each member was admitted.
    admitted: BTreeMap<String, u64>,
    /// How often each host was started.
    boots: BTreeMap<String, u32>,
    /// Which resource runs where, and how often it failed there.
    places: BTreeMap<String, Vec<(String, u64)>>,
    /// Apache was not started anew.
    invocation: String,
}

impl Standing {
    fn of(stage: &Stage) -> Self {
        let report = report(stage, "zipi");
        let members = report["members"].as_object().cloned().unwrap_or_default();
        let mut places = BTreeMap::new();
        for resource in report["resources"].as_array().into_iter().flatten() {
            place(resource, &mut places);
        }
        assert!(
            !members.is_empty() && !places.is_empty(),
            "a report: {report}"
        );
        Self {
            admitted: members
                .iter()
                .map(|(name, its)| (name.clone(), its["incarnation"].as_u64().unwrap_or(0)))
                .collect(),
            boots: stage
                .hosts()
                .into_iter()
                .map(|host| (host.clone(), boots(stage, &host)))
                .collect(),
            places,
            invocation: stage.must(
                stage.holder(),
                "systemctl show --property=InvocationID --value apache2.service",
            ),
        }
    }
}

fn place(resource: &Value, places: &mut BTreeMap<String, Vec<(String, u64)>>) {
    let name = resource["name"].as_str().unwrap_or_default().to_owned();
    let instances = resource["instances"].as_object();
    let running = instances.into_iter().flatten();
    let failures = |its: &Value| its["failures"].as_u64().unwrap_or(0);
    let nodes = running.map(|(node, its)| (node.clone(), failures(its)));
    places.insert(name, nodes.collect());
    for member in resource["members"].as_array().into_iter().flatten() {
        place(member, places);
    }
}

/// What makes the machine busy; it ends with this value.
struct Load {
    children: Vec<Child>,
    stop: Arc<AtomicBool>,
    syncs: Option<JoinHandle<Vec<Duration>>>,
    scratch: tempfile::TempDir,
}

impl Load {
    /// One that never rests for each processor, and [`WRITERS`].
    fn begin() -> Self {
        let scratch = tempfile::Builder::new()
            .prefix("tandem-load-")
            .tempdir_in(disk_of_the_hosts())
            .expect("a directory");
        let mut load = Self {
            children: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
            syncs: None,
            scratch,
        };
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..processors {
            load.run("while :; do :; done");
        }
        for n in 0..WRITERS {
            let file = load.scratch.path().join(n.to_string());
            let file = file.display();
            load.run(&format!(
                "while :; do dd if=/dev/zero of={file} bs=1M count=128 conv=fsync 2>/dev/null; done"
            ));
        }
        let (told, path) = (Arc::clone(&load.stop), load.scratch.path().join("probe"));
        load.syncs = Some(std::thread::spawn(move || probe(&told, &path)));
        load
    }

    fn run(&mut self, script: &str) {
        let child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .spawn()
            .expect("sh starts");
        self.children.push(child);
    }

    /// Ends it; how long a small write took to be on the disk, sorted.
    fn end(mut self) -> Vec<Duration> {
        self.stop.store(true, Ordering::SeqCst);
        let probe = self.syncs.take().expect("it is ended once");
        let mut times = probe.join().expect("the probe does not panic");
        times.sort();
        times
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Hosts of the lab, and their daemons' logs, are there.
fn disk_of_the_hosts() -> PathBuf {
    let places = tandem_lab::Places::default();
    fs::create_dir_all(&places.state).expect("the lab's directory");
    places.state
}

fn probe(stop: &AtomicBool, path: &Path) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let begun = Instant::now();
        let mut file = fs::File::create(path).expect("a file");
        file.write_all(&[0; 4096]).expect("written");
        file.sync_all().expect("on the disk");
        times.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(200));
    }
    times
}

/// Makes memory of a host short: its control group may have little more than it has, and a
/// program reads more than that again and again. False where the kernel cannot.
fn short_of_memory(stage: &Stage, host: &str) -> bool {
    let group = format!("tandem-lab/{}/{host}", stage.environment);
    let files = [
        (
            "/sys/fs/cgroup/memory",
            "memory.usage_in_bytes",
            "memory.limit_in_bytes",
        ),
        ("/sys/fs/cgroup", "memory.current", "memory.max"),
    ];
    for (mount, usage, limit) in files {
        let directory = Path::new(mount).join(&group);
        let Ok(text) = fs::read_to_string(directory.join(usage)) else {
            continue;
        };
        let used: u64 = text.trim().parse().expect("a number");
        fs::write(directory.join(limit), (used + ROOM).to_string()).expect("a limit is set");
        stage.must(
            host,
            "dd if=/dev/urandom of=/var/tmp/much bs=1M count=96 2>/dev/null
             systemd-run --quiet --unit=much sh -c 'while :; do cat /var/tmp/much >/dev/null; sleep 0.1; done'",
        );
        return true;
    }
    false
}

/// Lets it all happen for [`duration`] and sees that nothing comes of it.
fn endure(stage: &Stage) {
    let before = Standing::of(stage);
    let hosts = stage.hosts();
    let mut notes = Vec::new();
    let short = hosts
        .iter()
        .filter(|host| short_of_memory(stage, host))
        .count();
    notes.push(format!("memory short on {short} of {} hosts", hosts.len()));
    if short < hosts.len() {
        eprintln!("SKIPPED memory pressure: there is no control group of memory for each host");
    }
    for host in &hosts {
        for nic in ["eth1", "eth2"] {
            stage.fault(&format!("loss {host} {nic} {LOSS}"));
        }
    }
    let load = Load::begin();
    let poller = Poller::start(stage);
    let begun = Instant::now();
    let mut outages = 0;
    while begun.elapsed() < duration() {
        std::thread::sleep(SWITCH_THERE);
        let nic = ["eth1", "eth2"][outages % 2];
        for word in ["nic-down", "nic-up"] {
            for host in &hosts {
                stage.fault(&format!("{word} {host} {nic}"));
            }
            if word == "nic-down" {
                std::thread::sleep(SWITCH_AWAY);
            }
        }
        outages += 1;
        let now = Standing::of(stage);
        assert_eq!(
            before,
            now,
            "after {:?} and {outages} outages",
            begun.elapsed()
        );
    }
    let seen = poller.stop();
    let syncs = load.end();
    let at = |share: usize| syncs[(syncs.len() - 1) * share / 100].as_millis();
    notes.push(format!(
        "a write of 4 KiB was on the disk after {} ms in the median, {} ms at worst",
        at(50),
        at(100)
    ));
    notes.push(format!("{outages} outages of a switch"));
    eprintln!(
        "{:?}, {} hosts: {}; clients: {seen}",
        begun.elapsed(),
        hosts.len(),
        notes.join(", ")
    );
    for host in &hosts {
        for nic in ["eth1", "eth2"] {
            stage.fault(&format!("loss {host} {nic} 0"));
        }
    }
    wait_until_healthy(stage);
    assert_eq!(before, Standing::of(stage), "when it is over");
    // A machine in trouble is slow; a service that was stopped and started would be slower.
    assert!(seen.longest_gap < SLOW, "{seen}");
}

#[test]
fn a_busy_pair_moves_nothing() {
    if let Some(stage) = healthy("clusterd-busy", with_witness) {
        endure(&stage);
    }
}

#[test]
#[ignore = "takes long: half an hour"]
fn a_busy_lone_pair_fences_nobody() {
    if let Some(stage) = healthy("clusterd-busy-lone", with_fencing) {
        endure(&stage);
    }
}

#[test]
#[ignore = "takes long: half an hour, sixteen hosts"]
fn sixteen_busy_nodes_move_nothing() {
    let Some(stage) = healthy("clusterd-sixteen", |operator| with_nodes(operator, 16)) else {
        return;
    };
    run_instead(&stage, &resources(16));
    let settled = stage.eventually(WHOLE, |stage| {
        let report = report(stage, "zipi");
        report["verdict"]["health"] == "healthy"
            && report["resources"]
                .as_array()
                .is_some_and(|all| all.len() == 17)
    });
    assert!(settled, "{}", report(&stage, "zipi"));
    endure(&stage);
}
