//! Labs come up, stay as they are, live side by side, and leave nothing behind.

mod fixture;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fixture::{Fixture, LIMIT, pair, skipped};
use tandem_lab::{Error, HostState, Lab, Places, Progress, Viewpoint, silent};

/// Set for the processes that tests start in order to kill them.
const VICTIM: &str = "TANDEM_LAB_VICTIM";

#[test]
fn hosts_are_reached_by_ssh_with_strict_host_keys() {
    if skipped("hosts_are_reached_by_ssh_with_strict_host_keys") {
        return;
    }
    let fixture = Fixture::pair("t-ssh");
    for host in ["zipi", "zape"] {
        let output = fixture
            .lab
            .ssh(host)
            .unwrap()
            .arg("hostname; cat /proc/1/comm")
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{host}\nsystemd\n"),
            "{output:?}"
        );
    }
    // The other host's key is not accepted in its place.
    let known = fs::read_to_string(fixture.lab.known_hosts()).unwrap();
    let swapped = known
        .replace("10.77.2.11", "x")
        .replace("10.77.2.12", "10.77.2.11");
    fs::write(fixture.lab.known_hosts(), swapped).unwrap();
    let output = fixture
        .lab
        .ssh("zipi")
        .unwrap()
        .arg("true")
        .output()
        .unwrap();
    assert!(!output.status.success(), "a wrong host key was accepted");
}

#[test]
fn a_socket_opened_inside_can_be_used_outside() {
    if skipped("a_socket_opened_inside_can_be_used_outside") {
        return;
    }
    let fixture = Fixture::pair("t-inside");
    let address = fixture.lab.address("zape").unwrap();
    let mut stream = fixture
        .lab
        .inside(|| TcpStream::connect((address, 22)))
        .unwrap()
        .unwrap();
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"SSH-2.0-");
}

#[test]
fn hosts_boot_clean_with_their_addresses_and_gateways() {
    if skipped("hosts_boot_clean_with_their_addresses_and_gateways") {
        return;
    }
    let fixture = Fixture::pair("t-boot");
    assert!(fixture::eventually(|| fixture
        .exec("zipi", "systemctl is-system-running")
        .text()
        == "running\n"));
    let addresses = fixture.must("zipi", "ip -br -4 addr; ip route");
    for expected in [
        "10.77.2.11/24",
        "10.77.4.11/24",
        "default via 10.77.2.1 dev eth1",
    ] {
        assert!(
            addresses.contains(expected),
            "{expected} not in {addresses}"
        );
    }
    for address in [
        "10.77.2.1",
        "10.77.4.1",
        "10.77.2.12",
        "zape",
        "10.77.4.200",
    ] {
        assert!(fixture.reaches("zipi", address), "{address}");
    }
    // The way out is closed, and networks are not joined behind the hosts' backs.
    assert!(!fixture.exec("zipi", "ping -n -c1 -W1 192.0.2.1").success());
    let observer = |address: &str| {
        let argv = ["ping", "-n", "-c1", "-W1", address];
        fixture
            .lab
            .exec_outside(Viewpoint::Client("observer"), &argv, b"", LIMIT)
            .unwrap()
            .success()
    };
    assert!(observer("10.77.4.11"));
    assert!(
        !observer("10.77.2.11"),
        "a client reached a network that it is not in"
    );
    let listing = fixture.must("zipi", "systemctl is-enabled apache2 heartbeat ssh || true");
    assert_eq!(listing, "disabled\ndisabled\nenabled\n");
}

#[test]
fn exec_passes_input_output_and_exit_code_and_keeps_its_limit() {
    if skipped("exec_passes_input_output_and_exit_code_and_keeps_its_limit") {
        return;
    }
    let fixture = Fixture::pair("t-exec");
    let output = fixture
        .lab
        .exec("zipi", &["sh", "-c", "cat; pwd; exit 7"], b"in\n", LIMIT)
        .unwrap();
    assert_eq!((output.code, output.text().as_str()), (7, "in\n/\n"));
    let begun = Instant::now();
    let error = fixture
        .lab
        .exec("zipi", &["sleep", "47"], b"", Duration::from_millis(300))
        .unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(
        fixture::eventually(|| !fixture.exec("zipi", "pgrep -x sleep").success()),
        "the command outlived its limit"
    );
    let error = fixture.lab.exec("zapi", &["true"], b"", LIMIT).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no host named zapi; it has zipi, zape"),
        "{error}"
    );
}

#[test]
fn a_second_up_changes_nothing_and_another_topology_is_refused() {
    if skipped("a_second_up_changes_nothing_and_another_topology_is_refused") {
        return;
    }
    let fixture = Fixture::pair("t-again");
    let before = fixture.lab.status().unwrap();
    let again = Lab::up(&Places::default(), &pair("t-again"), LIMIT, &|p| {
        assert!(
            matches!(p, Progress::HostReady { .. }),
            "the second up did something: {p:?}"
        );
    });
    assert_eq!(again.unwrap().status().unwrap(), before);

    let mut changed = pair("t-again");
    changed.hosts[1].nics.pop();
    let error = Lab::up(&Places::default(), &changed, LIMIT, &silent).unwrap_err();
    assert!(matches!(error, Error::TopologyChanged { .. }), "{error}");
    assert!(error.to_string().contains("host zape changed"), "{error}");
    assert_eq!(fixture.lab.status().unwrap(), before);
}

#[test]
fn an_impossible_topology_is_refused_before_anything_is_made() {
    if skipped("an_impossible_topology_is_refused_before_anything_is_made") {
        return;
    }
    let mut topology = pair("t-wrong");
    topology.hosts[0].nics[0].network = "omm".into();
    let error = Lab::up(&Places::default(), &topology, LIMIT, &silent).unwrap_err();
    assert!(
        error.to_string().contains("no network is named omm"),
        "{error}"
    );
    assert_eq!(traces("t-wrong"), Vec::<String>::new());
}

#[test]
fn labs_with_the_same_addresses_do_not_see_each_other() {
    if skipped("labs_with_the_same_addresses_do_not_see_each_other") {
        return;
    }
    let one = Fixture::pair("t-one");
    let two = Fixture::pair("t-two");
    one.must("zipi", "echo one >/root/which");
    two.must("zipi", "echo two >/root/which");
    for (fixture, expected) in [(&one, "one\n"), (&two, "two\n")] {
        let output = fixture
            .lab
            .ssh("zipi")
            .unwrap()
            .arg("cat /root/which")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
    two.fault("power-off zape");
    assert!(one.reaches("zipi", "10.77.2.12"));
    drop(two);
    assert!(
        one.reaches("zipi", "10.77.2.12"),
        "taking down one lab disturbed the other"
    );
    assert!(
        one.lab
            .status()
            .unwrap()
            .hosts
            .iter()
            .all(|h| h.state == HostState::Running)
    );
}

#[test]
fn down_leaves_nothing_even_with_faults_active_and_commands_running() {
    if skipped("down_leaves_nothing_even_with_faults_active_and_commands_running") {
        return;
    }
    let fixture = Fixture::pair("t-gone");
    fixture.fault("freeze zape");
    fixture.fault("loss zipi eth1 10");
    let mut outside = fixture
        .lab
        .command_outside(Viewpoint::Client("observer"))
        .unwrap();
    let mut left_running = outside.args(["sleep", "600"]).spawn().unwrap();
    let mut in_host = fixture
        .lab
        .command("zipi")
        .unwrap()
        .args(["sleep", "600"])
        .spawn()
        .unwrap();
    assert_ne!(
        traces("t-gone"),
        Vec::<String>::new(),
        "this test would see nothing"
    );
    assert!(Lab::down(&Places::default(), "t-gone", &silent).unwrap());
    left_running.wait().unwrap();
    in_host.wait().unwrap();
    assert_eq!(traces("t-gone"), Vec::<String>::new());
    assert!(
        !Lab::down(&Places::default(), "t-gone", &silent).unwrap(),
        "there was nothing left"
    );
    assert!(matches!(fixture.lab.status(), Err(Error::NoSuchLab { .. })));
}

#[test]
fn several_processes_may_bring_up_the_same_lab_at_once() {
    if skipped("several_processes_may_bring_up_the_same_lab_at_once") {
        return;
    }
    let topology = pair("t-race");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| Lab::up(&Places::default(), &topology, LIMIT, &silent).map(|_| ()))
            })
            .collect();
        for one in all {
            one.join().unwrap().unwrap();
        }
    });
    let fixture = Fixture::up(&topology);
    let boots: Vec<u32> = fixture
        .lab
        .status()
        .unwrap()
        .hosts
        .iter()
        .map(|h| h.boots)
        .collect();
    assert_eq!(boots, [1, 1]);
}

/// Not a test: the process that `what_a_killed_up_left_is_cleared_away` kills.
#[test]
#[ignore = "only run by another test, in a process that it kills"]
fn up_to_be_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let _ = Lab::up(&Places::default(), &pair("t-killed"), LIMIT, &silent);
    }
}

#[test]
fn what_a_killed_up_left_is_cleared_away() {
    if skipped("what_a_killed_up_left_is_cleared_away") {
        return;
    }
    let places = Places::default();
    // So that what is killed below is never the build of the base tree.
    tandem_lab::prepare_base(&places, &silent).unwrap();
    for delay_ms in [15, 40, 60, 80, 120, 250] {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "up_to_be_killed", "--ignored"])
            .env(VICTIM, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        victim.kill().unwrap();
        victim.wait().unwrap();
        // Of another shape, so that nothing of the half one can be of use.
        let mut topology = pair("t-killed");
        if Lab::open(&places, "t-killed").is_ok_and(|l| l.status().unwrap().complete) {
            Lab::down(&places, "t-killed", &silent).unwrap();
        }
        topology.hosts.pop();
        let fixture = Fixture::up(&topology);
        assert!(fixture.reaches("zipi", "10.77.2.1"), "after {delay_ms} ms");
        drop(fixture);
        assert_eq!(
            traces("t-killed"),
            Vec::<String>::new(),
            "after {delay_ms} ms"
        );
    }
}

/// Not a test: the process that `a_killed_down_is_made_good_by_the_next_up` kills.
#[test]
#[ignore = "only run by another test, in a process that it kills"]
fn down_to_be_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let _ = Lab::down(&Places::default(), "t-halfdown", &silent);
    }
}

#[test]
fn a_killed_down_is_made_good_by_the_next_up() {
    if skipped("a_killed_down_is_made_good_by_the_next_up") {
        return;
    }
    for delay_ms in [5, 15, 30, 60, 100, 150] {
        let fixture = Fixture::pair("t-halfdown");
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "down_to_be_killed", "--ignored"])
            .env(VICTIM, "1")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        victim.kill().unwrap();
        victim.wait().unwrap();
        Lab::up(&Places::default(), &pair("t-halfdown"), LIMIT, &silent).unwrap();
        for host in ["zipi", "zape"] {
            let done = fixture.lab.ssh(host).unwrap().arg("true").status().unwrap();
            assert!(done.success(), "{host} after {delay_ms} ms");
        }
    }
    Lab::down(&Places::default(), "t-halfdown", &silent).unwrap();
    assert_eq!(traces("t-halfdown"), Vec::<String>::new());
}

/// What a reboot does to a lab: processes, mounts, namespaces and /run are gone, the disks are not.
#[test]
fn a_lab_outlives_a_reboot_of_the_machine() {
    if skipped("a_lab_outlives_a_reboot_of_the_machine") {
        return;
    }
    let fixture = Fixture::pair("t-reboot");
    fixture.must("zipi", "echo kept >/root/data");
    fixture.fault("nic-down zipi eth2");
    let sh = |script: &str| {
        let status = Command::new("sh").args(["-c", script]).status().unwrap();
        assert!(status.success(), "{script}");
    };
    sh("for kind in keeper boot; do
            for host in zipi zape; do
                for group in /sys/fs/cgroup/*/tandem-lab/t-reboot/$host/$kind /sys/fs/cgroup/tandem-lab/t-reboot/$host/$kind; do
                    [ ! -d $group ] || find $group -name cgroup.procs -exec cat {} + | xargs -r kill -9 2>/dev/null
                done
            done
        done; true");
    assert!(fixture::eventually(|| {
        fixture
            .lab
            .status()
            .unwrap()
            .hosts
            .iter()
            .all(|h| h.state == HostState::PoweredOff)
    }));
    sh("umount /run/tandem-lab/t-reboot/hosts/*/root && rm -r /run/tandem-lab/t-reboot");
    sh(
        "for n in /run/netns/tandem-t-reboot /run/netns/tandem-t-reboot.*; do ip netns delete ${n##*/}; done",
    );
    assert!(!fixture.lab.status().unwrap().complete);

    Lab::up(&Places::default(), &pair("t-reboot"), LIMIT, &silent).unwrap();
    assert_eq!(fixture.must("zipi", "cat /root/data"), "kept\n");
    assert!(fixture.reaches("zipi", "10.77.2.12"));
    assert!(
        fixture.misses("zipi", "10.77.4.12"),
        "a recorded fault was forgotten"
    );
    assert!(
        fixture
            .lab
            .ssh("zipi")
            .unwrap()
            .arg("true")
            .status()
            .unwrap()
            .success()
    );
}

/// Everything on this machine that belongs to a lab.
fn traces(lab: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mount in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        if mount.contains(&format!("/tandem-lab/{lab}/")) {
            found.push(format!("mount {mount}"));
        }
    }
    for dir in [
        format!("/run/tandem-lab/{lab}"),
        format!("/run/tandem-lab/{lab}.lock"),
        format!("/var/lib/tandem-lab/{lab}"),
    ] {
        if fs::exists(&dir).unwrap() {
            found.push(dir);
        }
    }
    let mut namespaces = BTreeSet::new();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name == format!("tandem-{lab}") || name.starts_with(&format!("tandem-{lab}.")) {
            namespaces.insert(fs::metadata(entry.path()).unwrap().ino());
            found.push(format!("namespace {name}"));
        }
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(arguments) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        let netns = fs::metadata(entry.path().join("ns/net")).map(|m| m.ino());
        if arguments.contains(&format!("/tandem-lab/{lab}/"))
            || netns.is_ok_and(|n| namespaces.contains(&n))
        {
            found.push(format!("process {arguments}"));
        }
    }
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        let group = hierarchy.path().join("tandem-lab").join(lab);
        if group.exists() {
            found.push(format!("group {}", group.display()));
        }
    }
    found
}
