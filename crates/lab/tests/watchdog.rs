//! Every host finds a watchdog at `/dev/watchdog` that resets it as hardware would, whatever state it is in.

mod fixture;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fixture::{Fixture, LIMIT, eventually, skipped};
use tandem_lab::HostState;

/// What is said from inside of the host, line by line.
fn says(fixture: &Fixture, host: &str, lines: &[&str]) -> Vec<String> {
    const SPEAK: &str = "import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect('/dev/watchdog'); f = s.makefile('rw')
for line in sys.argv[1:]:
    f.write(line + '\\n'); f.flush(); print(f.readline().strip())";
    let argv = [&["python3", "-c", SPEAK], lines].concat();
    let output = fixture.lab.exec(host, &argv, b"", LIMIT).unwrap();
    assert!(output.success(), "{output:?}");
    output.text().lines().map(str::to_owned).collect()
}

/// The host's end of its watchdog, used from outside, where a frozen host or a loaded machine changes nothing
/// about when it is asked.
struct Dog(BufReader<UnixStream>);

impl Dog {
    fn of(fixture: &Fixture, host: &str) -> Self {
        let pid = fixture.pid(host).expect("the host runs");
        let path = format!("/proc/{pid}/root/dev/watchdog");
        Self(BufReader::new(UnixStream::connect(path).unwrap()))
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.0.get_mut(), "{line}").unwrap();
        let mut reply = String::new();
        self.0.read_line(&mut reply).unwrap();
        reply.trim_end().to_owned()
    }
}

/// Waits for the end of a process; how long it took.
fn lives_for(pid: i32, from: Instant) -> Duration {
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
        after.and_then(|rest| rest.chars().next())
    };
    while !matches!(state(), None | Some('Z' | 'X')) {
        assert!(from.elapsed() < Duration::from_secs(20), "{pid} lives on");
        std::thread::sleep(Duration::from_millis(2));
    }
    from.elapsed()
}

/// Not early, and late only as far as a machine under load of other tests is.
fn assert_about(took: Duration, wanted_ms: u64) {
    let wanted = Duration::from_millis(wanted_ms);
    assert!(
        took >= wanted && took < wanted + Duration::from_millis(500),
        "{took:?} instead of {wanted:?}"
    );
    eprintln!("late by {:?}", took.saturating_sub(wanted));
}

#[test]
fn the_watchdog_speaks_lines() {
    if skipped("the_watchdog_speaks_lines") {
        return;
    }
    let fixture = Fixture::pair("wd-lines");
    let said = says(
        &fixture,
        "zipi",
        &[
            "hello",
            "pet",
            "arm 60000",
            "pet",
            "hello",
            "arm 0",
            "arm many",
            "bark",
        ],
    );
    assert_eq!(
        said[..5],
        [
            "ok disarmed",
            "error not armed",
            "ok armed 60000",
            "ok armed 60000",
            "ok armed 60000"
        ]
    );
    assert!(
        said[5..].iter().all(|s| s.starts_with("error ")),
        "{said:?}"
    );
    // A closed connection disarmed nothing, an error neither; each host has its own.
    assert_eq!(says(&fixture, "zipi", &["hello"]), ["ok armed 60000"]);
    assert_eq!(says(&fixture, "zape", &["hello"]), ["ok disarmed"]);
    assert_eq!(
        says(&fixture, "zipi", &["disarm", "hello"]),
        ["ok disarmed", "ok disarmed"]
    );
}

#[test]
fn an_armed_watchdog_resets_the_host_at_once_and_only_then() {
    if skipped("an_armed_watchdog_resets_the_host_at_once_and_only_then") {
        return;
    }
    let fixture = Fixture::pair("wd-reset");
    // Would tell of an orderly shutdown.
    fixture.must(
        "zape",
        "systemd-run --quiet --unit=witness -p ExecStop='/bin/touch /root/was-stopped' sleep 600",
    );
    let pid = fixture.pid("zape").unwrap();
    let mut dog = Dog::of(&fixture, "zape");
    dog.ask("arm 600");
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(dog.ask("pet"), "ok armed 600");
    }
    assert_eq!(fixture.pid("zape"), Some(pid), "it was petted");
    dog.ask("pet");
    let from = Instant::now();
    drop(dog);
    assert_about(lives_for(pid, from), 600);
    let log = "/run/tandem-lab/wd-reset/hosts/zape/watchdog.log";
    let log = std::fs::read_to_string(log).unwrap();
    let late = log
        .split_once("killed ")
        .and_then(|(_, rest)| rest.split_once(' '));
    let late: f64 = late.expect("it tells of the reset").0.parse().unwrap();
    assert!(late < 50.0, "{log}");

    assert!(eventually(|| fixture.boots("zape") == 2));
    fixture
        .lab
        .wait_ready(&["zape"], LIMIT, &tandem_lab::silent)
        .unwrap();
    assert_eq!(says(&fixture, "zape", &["hello"]), ["ok disarmed"]);
    assert!(!fixture.exec("zape", "test -e /root/was-stopped").success());
    assert!(fixture.reaches("zipi", "10.77.2.12"));
    assert_eq!(fixture.boots("zipi"), 1, "the other host was reset too");
}

#[test]
fn a_frozen_host_is_reset_by_its_watchdog() {
    if skipped("a_frozen_host_is_reset_by_its_watchdog") {
        return;
    }
    let fixture = Fixture::pair("wd-freeze");
    let pid = fixture.pid("zape").unwrap();
    let mut dog = Dog::of(&fixture, "zape");
    dog.ask("arm 2000");
    let from = Instant::now();
    fixture.fault("freeze zape");
    assert_eq!(fixture.state("zape"), HostState::Frozen);
    assert_about(lives_for(pid, from), 2000);
    assert!(eventually(|| fixture.boots("zape") == 2));
    fixture
        .lab
        .wait_ready(&["zape"], LIMIT, &tandem_lab::silent)
        .unwrap();
    assert_eq!(fixture.state("zape"), HostState::Running);
    let faults = fixture.lab.status().unwrap().faults;
    assert!(faults.is_empty(), "nothing is frozen any more: {faults:?}");
}

#[test]
fn a_watchdog_is_there_after_every_boot_and_never_switches_on() {
    if skipped("a_watchdog_is_there_after_every_boot_and_never_switches_on") {
        return;
    }
    let fixture = Fixture::pair("wd-boots");
    let ready = |boots| {
        assert!(eventually(|| fixture.boots("zape") == boots));
        fixture
            .lab
            .wait_ready(&["zape"], LIMIT, &tandem_lab::silent)
            .unwrap();
        assert_eq!(says(&fixture, "zape", &["hello"]), ["ok disarmed"]);
    };
    says(&fixture, "zape", &["arm 60000"]);
    let _ = fixture
        .lab
        .exec("zape", &["systemctl", "reboot"], b"", LIMIT);
    ready(2);
    says(&fixture, "zape", &["arm 60000"]);
    fixture.fault("reset zape");
    ready(3);

    // Power that was cut stays cut, and what was armed before does not reset the boot after.
    says(&fixture, "zape", &["arm 1500"]);
    fixture.fault("power-off zape");
    std::thread::sleep(Duration::from_millis(1800));
    assert_eq!(fixture.state("zape"), HostState::PoweredOff);
    fixture.fault("power-on zape");
    ready(4);
    says(&fixture, "zape", &["arm 1500"]);
    fixture.fault("power-off zape");
    fixture.fault("power-on zape");
    ready(5);
    std::thread::sleep(Duration::from_millis(1800));
    assert_eq!(fixture.boots("zape"), 5);
}
