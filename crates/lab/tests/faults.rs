//! Every fault does what it says, no more, and is undone without a trace.

mod fixture;

use std::time::Duration;

use fixture::{Fixture, LIMIT, skipped};
use tandem_lab::{Error, Fault, FaultAction, HostState, Lab, Places, Viewpoint, silent};

const PEER_OM: &str = "10.77.2.12";
const PEER_EXT: &str = "10.77.4.12";

fn state(fixture: &Fixture, host: &str) -> HostState {
    let status = fixture.lab.status().unwrap();
    status.hosts.iter().find(|h| h.name == host).unwrap().state
}

#[test]
fn a_pulled_cable_takes_the_carrier_and_nothing_else() {
    if skipped("a_pulled_cable_takes_the_carrier_and_nothing_else") {
        return;
    }
    let fixture = Fixture::pair("f-nic");
    fixture.fault("nic-down zipi eth2");
    assert_eq!(
        fixture.must("zipi", "cat /sys/class/net/eth2/carrier"),
        "0\n"
    );
    assert!(
        fixture
            .must("zipi", "ip -br link show eth2")
            .contains(",UP"),
        "the guest's own setting was touched"
    );
    assert!(
        fixture
            .must("zipi", "ip -br addr show eth2")
            .contains("10.77.4.11")
    );
    assert!(fixture.misses("zipi", PEER_EXT));
    assert!(fixture.reaches("zipi", PEER_OM));
    assert_eq!(
        fixture.lab.status().unwrap().faults,
        [Fault::NicDown {
            host: "zipi".into(),
            nic: "eth2".into()
        }]
    );

    // A cable that is pulled stays pulled while the power goes and comes.
    fixture.fault("reset zipi");
    fixture.lab.wait_ready(&["zipi"], LIMIT, &silent).unwrap();
    assert!(fixture.misses("zipi", PEER_EXT));

    fixture.fault("nic-up zipi eth2");
    assert!(fixture.reaches("zipi", PEER_EXT));
    assert!(fixture.lab.status().unwrap().faults.is_empty());
}

#[test]
fn a_cut_link_parts_two_hosts_on_one_network() {
    if skipped("a_cut_link_parts_two_hosts_on_one_network") {
        return;
    }
    let fixture = Fixture::pair("f-link");
    fixture.fault("link-cut zipi zape om");
    assert!(fixture.misses("zipi", PEER_OM));
    assert!(fixture.misses("zape", "10.77.2.11"));
    assert!(fixture.reaches("zipi", "10.77.2.1") && fixture.reaches("zape", "10.77.2.1"));
    assert!(
        fixture.reaches("zipi", PEER_EXT),
        "another network was cut too"
    );
    fixture.fault("link-mend zape zipi om");
    assert!(fixture.reaches("zipi", PEER_OM));
}

#[test]
fn a_one_way_cut_loses_one_direction() {
    if skipped("a_one_way_cut_loses_one_direction") {
        return;
    }
    let fixture = Fixture::pair("f-oneway");
    assert!(fixture.reaches("zipi", PEER_OM)); // both know each other's hardware address now
    fixture.fault("link-cut zipi zape om one-way");
    let script = "exec 3<>/dev/udp/10.77.2.HERE/9; echo hello >&3";
    let arrives = |from: &str, to: &str, last: &str| {
        let host = fixture.lab.clone();
        let to = to.to_owned();
        let listener = std::thread::spawn(move || {
            let listen = "import socket; s=socket.socket(2,2); s.bind((\"\",9)); s.settimeout(2); print(s.recv(9).decode())";
            host.exec(
                &to,
                &["python3", "-c", listen],
                b"",
                Duration::from_secs(20),
            )
            .unwrap()
            .success()
        });
        std::thread::sleep(Duration::from_millis(700));
        let send = script.replace("HERE", last);
        let sent = fixture
            .lab
            .exec(from, &["bash", "-c", &send], b"", LIMIT)
            .unwrap();
        assert!(sent.success(), "{sent:?}");
        listener.join().unwrap()
    };
    assert!(!arrives("zipi", "zape", "12"), "the cut direction works");
    assert!(arrives("zape", "zipi", "11"), "the other direction is cut");
    fixture.fault("heal");
    assert!(arrives("zipi", "zape", "12"));
}

#[test]
fn a_client_can_be_cut_off_from_one_host() {
    if skipped("a_client_can_be_cut_off_from_one_host") {
        return;
    }
    let fixture = Fixture::pair("f-client");
    let sees = |address: &str| {
        let argv = ["ping", "-n", "-c1", "-W1", address];
        fixture
            .lab
            .exec_outside(Viewpoint::Client("observer"), &argv, b"", LIMIT)
            .unwrap()
            .success()
    };
    fixture.fault("link-cut observer zipi ext");
    assert!(!sees("10.77.4.11"));
    assert!(sees(PEER_EXT));
}

#[test]
fn a_gateway_goes_away_and_comes_back() {
    if skipped("a_gateway_goes_away_and_comes_back") {
        return;
    }
    let fixture = Fixture::pair("f-gw");
    fixture.fault("gateway-down om");
    assert!(fixture.misses("zipi", "10.77.2.1"));
    assert!(fixture.reaches("zipi", "10.77.4.1") && fixture.reaches("zipi", PEER_OM));
    assert!(
        fixture
            .lab
            .ssh("zipi")
            .unwrap()
            .arg("true")
            .status()
            .unwrap()
            .success(),
        "the operator lost his way"
    );
    fixture.fault("gateway-up om");
    assert!(fixture.reaches("zipi", "10.77.2.1"));
}

#[test]
fn a_share_of_packets_is_lost() {
    if skipped("a_share_of_packets_is_lost") {
        return;
    }
    let fixture = Fixture::pair("f-loss");
    fixture.fault("loss zipi eth1 100");
    assert!(fixture.misses("zipi", PEER_OM));
    assert!(fixture.reaches("zipi", PEER_EXT));
    fixture.fault("loss zipi eth1 30");
    let faults = fixture.lab.status().unwrap().faults;
    assert_eq!(
        faults.len(),
        1,
        "the second loss replaces the first: {faults:?}"
    );
    assert!(fixture.reaches("zipi", PEER_OM));
    // 0.7 each way: half of a hundred come back; 15 to 85 is five standard deviations around it.
    let back: usize = (0..10).map(|_| fixture.answers("zipi", PEER_OM)).sum();
    assert!((15..=85).contains(&back), "{back} of 100 came back");
    fixture.fault("loss zipi eth1 0");
    assert_eq!(fixture.answers("zipi", PEER_OM), 10);
}

#[test]
fn a_frozen_host_stands_still_and_goes_on() {
    if skipped("a_frozen_host_stands_still_and_goes_on") {
        return;
    }
    let fixture = Fixture::pair("f-freeze");
    fixture.must("zape", "systemd-run --quiet --unit=tick sh -c 'while :; do date +%s%N >/run/tick; sleep 0.02; done'");
    let root = format!(
        "/proc/{}/root/run/tick",
        fixture.lab.status().unwrap().hosts[1].pid.unwrap()
    );
    let read = || std::fs::read_to_string(&root).unwrap_or_default();
    let moves = || {
        let before = read();
        std::thread::sleep(Duration::from_millis(400));
        read() != before
    };
    assert!(fixture::eventually(moves));
    fixture.fault("freeze zape");
    assert!(!moves(), "it still works");
    assert_eq!(state(&fixture, "zape"), HostState::Frozen);
    let error = fixture.lab.exec("zape", &["true"], b"", LIMIT).unwrap_err();
    assert!(matches!(error, Error::WrongState { .. }), "{error}");
    assert!(error.to_string().contains("thaw it"), "{error}");
    fixture.fault("thaw zape");
    assert!(moves(), "it does not go on");
    assert_eq!(state(&fixture, "zape"), HostState::Running);
}

#[test]
fn one_program_stands_still_alone() {
    if skipped("one_program_stands_still_alone") {
        return;
    }
    let fixture = Fixture::pair("f-stall");
    let states = "ps -C sleep -o state= | sort | uniq -c";
    fixture.must(
        "zape",
        "systemd-run -q sleep 600; systemd-run -q sleep 601; systemd-run -q tail -f /dev/null",
    );
    fixture.fault("stall zape sleep");
    assert_eq!(fixture.must("zape", states).trim(), "2 T");
    assert_eq!(fixture.must("zape", "ps -C tail -o state=").trim(), "S");
    assert_eq!(fixture.lab.status().unwrap().faults.len(), 1);
    fixture.fault("unstall zape sleep");
    assert_eq!(fixture.must("zape", states).trim(), "2 S");

    // It ends with the host that it was in.
    fixture.fault("stall zape sleep");
    fixture.fault("reset zape");
    assert!(fixture.lab.status().unwrap().faults.is_empty());
    let nothing = FaultAction::parse(&["stall", "zape", "nothing"]).unwrap();
    let error = fixture.lab.fault(&nothing, &silent).unwrap_err();
    assert!(error.to_string().contains("zape:nothing"), "{error}");
    assert!(fixture.lab.status().unwrap().faults.is_empty());
}

#[test]
fn power_that_is_cut_stops_all_at_once_and_keeps_the_disk() {
    if skipped("power_that_is_cut_stops_all_at_once_and_keeps_the_disk") {
        return;
    }
    let fixture = Fixture::pair("f-power");
    fixture.must(
        "zape",
        "echo kept >/root/data; echo lost >/run/memory; ip addr add 10.77.4.50/24 dev eth2",
    );
    // Would tell of an orderly shutdown.
    fixture.must(
        "zape",
        "systemd-run --quiet --unit=witness -p ExecStop='/bin/touch /root/was-stopped' sleep 600",
    );
    let machine = fixture.must("zape", "cat /etc/machine-id");
    let boot = fixture.must("zape", "stat -c %i /proc/1/ns/pid");
    fixture.fault("power-off zape");
    assert_eq!(state(&fixture, "zape"), HostState::PoweredOff);
    assert!(fixture.misses("zipi", PEER_OM));
    assert!(
        fixture.misses("zipi", "10.77.4.50"),
        "an address outlived its host"
    );
    let error = fixture.lab.exec("zape", &["true"], b"", LIMIT).unwrap_err();
    assert!(
        error.to_string().contains("powered off; power it on"),
        "{error}"
    );
    assert!(
        fixture.lab.wait_ready(&["zape"], LIMIT, &silent).is_err(),
        "nobody switches it on"
    );

    fixture.fault("power-on zape");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert_eq!(fixture.must("zape", "cat /root/data"), "kept\n");
    assert_eq!(fixture.must("zape", "cat /etc/machine-id"), machine);
    assert_ne!(fixture.must("zape", "stat -c %i /proc/1/ns/pid"), boot);
    assert!(!fixture.exec("zape", "test -e /run/memory").success());
    assert!(
        !fixture.exec("zape", "test -e /root/was-stopped").success(),
        "it was shut down in order"
    );
    assert!(!fixture.must("zape", "ip -br addr").contains("10.77.4.50"));
    assert!(
        fixture
            .lab
            .ssh("zape")
            .unwrap()
            .arg("true")
            .status()
            .unwrap()
            .success(),
        "its host key changed"
    );
    assert_eq!(fixture.lab.status().unwrap().hosts[1].boots, 2);
}

#[test]
fn a_frozen_host_loses_power_like_any_other() {
    if skipped("a_frozen_host_loses_power_like_any_other") {
        return;
    }
    let fixture = Fixture::pair("f-frozenoff");
    fixture.fault("freeze zape");
    fixture.fault("power-off zape");
    assert_eq!(state(&fixture, "zape"), HostState::PoweredOff);
    assert_eq!(
        fixture.lab.status().unwrap().faults,
        [Fault::PowerOff {
            host: "zape".into()
        }]
    );
    fixture.fault("heal");
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert_eq!(state(&fixture, "zape"), HostState::Running);
}

#[test]
fn a_host_that_reboots_by_itself_is_plugged_in_again() {
    if skipped("a_host_that_reboots_by_itself_is_plugged_in_again") {
        return;
    }
    let fixture = Fixture::pair("f-reboot");
    let _ = fixture
        .lab
        .exec("zape", &["systemctl", "reboot"], b"", LIMIT);
    let booted_twice = || fixture.lab.status().unwrap().hosts[1].boots == 2;
    assert!(fixture::eventually(booted_twice));
    fixture.lab.wait_ready(&["zape"], LIMIT, &silent).unwrap();
    assert!(fixture.reaches("zipi", PEER_OM));

    let _ = fixture
        .lab
        .exec("zape", &["systemctl", "poweroff"], b"", LIMIT);
    assert!(fixture::eventually(
        || state(&fixture, "zape") == HostState::PoweredOff
    ));
    // It is off, but nobody cut its power: no fault. `up` switches it on.
    assert!(fixture.lab.status().unwrap().faults.is_empty());
    Lab::up(
        &Places::default(),
        &fixture::pair("f-reboot"),
        LIMIT,
        &silent,
    )
    .unwrap();
    assert_eq!(state(&fixture, "zape"), HostState::Running);
}

#[test]
fn heal_undoes_everything_and_unknown_names_change_nothing() {
    if skipped("heal_undoes_everything_and_unknown_names_change_nothing") {
        return;
    }
    let fixture = Fixture::pair("f-heal");
    for wrong in [
        "nic-down zipi eth9",
        "nic-down zipo eth1",
        "link-cut zipi observer om",
        "gateway-down hb",
    ] {
        let words: Vec<&str> = wrong.split(' ').collect();
        let error = fixture
            .lab
            .fault(&FaultAction::parse(&words).unwrap(), &silent)
            .unwrap_err();
        assert!(matches!(error, Error::Unknown { .. }), "{wrong}: {error}");
    }
    assert!(fixture.lab.status().unwrap().faults.is_empty());
    for words in [
        "nic-down zipi eth1",
        "link-cut zipi zape ext",
        "gateway-down ext",
        "loss zape eth1 90",
        "power-off zape",
    ] {
        fixture.fault(words);
    }
    assert_eq!(fixture.lab.status().unwrap().faults.len(), 5);
    fixture.fault("heal");
    assert!(fixture.lab.status().unwrap().faults.is_empty());
    fixture
        .lab
        .wait_ready(&["zipi", "zape"], LIMIT, &silent)
        .unwrap();
    for address in ["10.77.2.1", "10.77.4.1", PEER_OM, PEER_EXT] {
        assert!(fixture.reaches("zipi", address), "{address}");
        assert!(
            fixture::eventually(|| fixture.answers("zipi", address) == 10),
            "{address}"
        );
    }
}
