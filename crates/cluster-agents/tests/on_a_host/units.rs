//! systemd units and addresses as resources, against a real systemd and kernel.

use crate::host::{on_a_host, systemctl, write_unit};
use cluster_agents::{Action, Ending, OcfCode};
use cluster_model::Agent;
use std::time::Duration;

const MONITOR: Action = Action::Monitor {
    interval: Duration::from_secs(10),
    depth: 0,
    promoted: false,
};

fn exit(code: OcfCode) -> Ending {
    Ending::Exit(code)
}

#[test]
fn a_unit_is_started_looked_at_and_stopped() {
    on_a_host("unit", |host| async move {
        let unit = host.unit("[Service]\nExecStart=sleep 1000\nRestart=always\n");
        let ended = host.run(&unit, Action::Probe, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::NotRunning), "{ended:?}");
        let ended = host.run(&unit, Action::Start, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        let name = "clusterd-test-unit.service";
        assert_eq!(systemctl(&["is-active", name]), "active");
        // Whether it is started again is the cluster's decision.
        assert_eq!(systemctl(&["show", "-P", "Restart", name]), "no");
        assert!(systemctl(&["show", "-P", "Before", name]).contains("clusterd.service"));
        let ended = host.run(&unit, MONITOR, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        systemctl(&["kill", "-s", "KILL", name]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let ended = host.run(&unit, MONITOR, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::NotRunning));
        assert!(ended.reason.is_some_and(|it| it.contains("signal")));
        for _ in 0..2 {
            let ended = host.run(&unit, Action::Stop, 5000).await;
            assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        }
    });
}

#[test]
fn a_unit_that_failed_and_left_something_running_is_to_be_stopped() {
    on_a_host("left", |host| async move {
        let unit =
            host.unit("[Service]\nKillMode=process\nExecStart=sh -c 'sleep 1000 & exit 1'\n");
        let name = "clusterd-test-left.service";
        systemctl(&["start", name]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(systemctl(&["is-active", name]), "failed");
        for action in [MONITOR, Action::Probe] {
            let ended = host.run(&unit, action, 5000).await;
            assert_eq!(ended.ending, exit(OcfCode::Generic), "{ended:?}");
            assert!(ended.reason.is_some_and(|it| it.contains("still runs")));
        }
        let ended = host.run(&unit, Action::Stop, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        let ended = host.run(&unit, MONITOR, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::NotRunning), "{ended:?}");
    });
}

#[test]
fn a_unit_that_is_not_there_cannot_run_and_needs_no_stop() {
    on_a_host("none", |host| async move {
        let unit = Agent::Systemd {
            unit: "clusterd-test-no-such.service".to_owned(),
        };
        for (action, code) in [
            (Action::Probe, OcfCode::NotInstalled),
            (Action::Start, OcfCode::NotInstalled),
            (Action::Stop, OcfCode::Success),
        ] {
            let ended = host.run(&unit, action, 5000).await;
            assert_eq!(ended.ending, exit(code), "{ended:?}");
        }
    });
}

#[test]
fn a_unit_that_cannot_start_says_why() {
    on_a_host("broken", |host| async move {
        let unit = host.unit("[Service]\nType=oneshot\nExecStart=false\n");
        // More often than systemd would by itself (StartLimitBurst=5).
        for _ in 0..8 {
            let ended = host.run(&unit, Action::Start, 5000).await;
            assert_eq!(ended.ending, exit(OcfCode::Generic), "{ended:?}");
            let reason = ended.reason.unwrap_or_default();
            assert!(reason.contains("exit-code"), "{reason}");
        }
    });
}

/// What is stopped and started because something before it in its group failed has not failed
/// itself, and systemd counts its starts all the same.
#[test]
fn a_unit_is_started_as_often_as_the_cluster_wants() {
    on_a_host("often", |host| async move {
        let unit = host.unit("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=true\n");
        for _ in 0..8 {
            for action in [Action::Start, Action::Stop] {
                let ended = host.run(&unit, action, 5000).await;
                assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
            }
        }
    });
}

#[test]
fn a_start_that_takes_too_long_leaves_nothing() {
    on_a_host("slow", |host| async move {
        let unit =
            host.unit("[Service]\nType=notify\nExecStart=sh -c 'trap \"\" TERM; sleep 99'\n");
        let ended = host.run(&unit, Action::Start, 400).await;
        assert_eq!(ended.ending, Ending::TimedOut);
        assert!(ended.took < Duration::from_secs(9), "{ended:?}");
        let state = systemctl(&["is-active", "clusterd-test-slow.service"]);
        assert!(state == "failed" || state == "inactive", "{state}");
    });
}

#[test]
fn a_stop_that_takes_too_long_is_told_so() {
    on_a_host("stuck", |host| async move {
        let unit = host.unit("[Service]\nExecStart=sh -c 'trap \"\" TERM; sleep 99; sleep 99'\n");
        let ended = host.run(&unit, Action::Start, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let ended = host.run(&unit, Action::Stop, 400).await;
        assert_eq!(ended.ending, Ending::TimedOut);
        systemctl(&["kill", "-s", "KILL", "clusterd-test-stuck.service"]);
    });
}

#[test]
fn what_is_starting_is_waited_for() {
    on_a_host("starting", |host| async move {
        let unit = host.unit("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=sleep 0.6\n");
        systemctl(&["stop", "clusterd-test-starting.service"]);
        systemctl(&["start", "--no-block", "clusterd-test-starting.service"]);
        let ended = host.run(&unit, MONITOR, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        assert!(ended.took > Duration::from_millis(300), "{ended:?}");
    });
}

#[test]
fn a_daemon_that_is_being_stopped_can_still_stop_its_units() {
    on_a_host("leaving", |host| async move {
        let unit = host.unit("[Service]\nExecStart=sleep 1000\n");
        write_unit(
            "clusterd.service",
            "[Service]\nExecStart=sleep 1000\nExecStop=sleep 5\n",
        );
        systemctl(&["start", "clusterd.service"]);
        let ended = host.run(&unit, Action::Start, 5000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        systemctl(&["stop", "--no-block", "clusterd.service"]);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ended = host.run(&unit, Action::Stop, 4000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        assert!(ended.took < Duration::from_secs(2), "{ended:?}");
        systemctl(&["kill", "-s", "KILL", "clusterd.service"]);
    });
}

#[test]
fn addresses_come_and_go_and_what_stays_stays() {
    on_a_host("address", |host| async move {
        let ip = |words: &str| {
            let output = std::process::Command::new("ip")
                .args(words.split(' '))
                .output();
            String::from_utf8_lossy(&output.expect("ip").stdout).into_owned()
        };
        ip("link del ctest0");
        ip("link add ctest0 type veth peer name ctest1");
        let at = |address: &str, prefix| Agent::Address {
            address: address.parse().expect("an address"),
            prefix,
            interface: "ctest0".to_owned(),
        };
        let first = at("192.0.2.1", 24);
        let second = at("192.0.2.2", 24);
        let six = at("2001:db8::7", 64);
        let ended = host.run(&first, Action::Start, 1000).await;
        assert_eq!(
            ended.ending,
            exit(OcfCode::Generic),
            "it is down: {ended:?}"
        );
        ip("link set ctest1 up");
        ip("link set ctest0 up");
        for agent in [&first, &second, &six, &six] {
            let ended = host.run(agent, Action::Start, 1000).await;
            assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
            let ended = host.run(agent, MONITOR, 1000).await;
            assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        }
        assert!(!ip("-6 addr show dev ctest0").contains("2001:db8::7/64 scope global tentative"));
        // Without promotion of secondaries the second would go with the first.
        std::fs::write("/proc/sys/net/ipv4/conf/ctest0/promote_secondaries", "0").ok();
        let ended = host.run(&first, Action::Stop, 1000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        let ended = host.run(&first, Action::Probe, 1000).await;
        assert_eq!(ended.ending, exit(OcfCode::NotRunning));
        let ended = host.run(&second, MONITOR, 1000).await;
        assert_eq!(ended.ending, exit(OcfCode::Success), "the second stays");
        // Elsewhere than wanted: not well, and a stop finds it.
        ip("addr add 192.0.2.9/32 dev ctest1");
        let strayed = at("192.0.2.9", 24);
        let ended = host.run(&strayed, Action::Probe, 1000).await;
        assert_eq!(ended.ending, exit(OcfCode::Generic), "{ended:?}");
        for agent in [&strayed, &second, &six, &six] {
            let ended = host.run(agent, Action::Stop, 1000).await;
            assert_eq!(ended.ending, exit(OcfCode::Success), "{ended:?}");
        }
        assert!(!ip("addr").contains("192.0.2.") && !ip("addr").contains("2001:db8"));
        ip("link del ctest0");
    });
}
