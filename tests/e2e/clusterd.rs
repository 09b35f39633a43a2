//! Engine `clusterd`: a pair and its witness on a host of another cluster.

use crate::edition::is_long;
use crate::operator::Operator;
use crate::service::{Guard, Poller};
use crate::stage::{HOSTS, Stage, VIP, other};
use serde_json::Value;
use std::time::Duration;

/// Lease, time to stop, watchdog, start, and a machine with other work.
const TAKEOVER: Duration = Duration::from_secs(25);
const WHOLE: Duration = Duration::from_secs(60);

/// The example on engine `clusterd`, with a third host that votes.
fn with_witness(operator: &Operator) {
    operator.edit_inventory(
        "  zape: {profile: debian12, nics: {eth1: hb/12, eth2: om/12, eth4: ext/12}}\n",
        "  zape: {profile: debian12, nics: {eth1: hb/12, eth2: om/12, eth4: ext/12}}\n  \
         yoda: {profile: debian12, nics: {eth2: om/13}}\n",
    );
    operator.edit_inventory(
        "      kind: heartbeat\n",
        "      kind: clusterd\n      witness: yoda\n      keepalive: 250ms\n      warntime: 500ms\n      deadtime: 1s\n",
    );
    operator.edit_inventory(
        "      without: [monitor]        # R1 does not look at what it runs\n",
        "",
    );
    operator.edit_inventory(
        "\nclusters:\n",
        "\nclusters:\n  watch: {role: base, nodes: [yoda]}\n",
    );
}

/// The example as a lone pair: whoever takes over has switched the other one off.
fn with_fencing(operator: &Operator) {
    operator.edit_inventory(
        "      kind: heartbeat\n",
        "      kind: clusterd\n      keepalive: 250ms\n      warntime: 500ms\n      deadtime: 1s\n      \
         fence:\n        agent: fence_ipmilan\n        first: zipi\n        limit: 5s\n        delay: 6s\n        \
         parameters: {username: admin, lanplus: \"1\", cipher: \"3\", power_wait: \"0\"}\n        \
         password: bmc_password\n        \
         addresses: {zipi: zipi-bmc, zape: zape-bmc}\n",
    );
    operator.edit_inventory(
        "      without: [monitor]        # R1 does not look at what it runs\n",
        "",
    );
}

/// The lab's BMCs have a password of their own, which an operator enters.
fn knows_the_bmcs(stage: &Stage) {
    let editor = "sed -i 's/^bmc_password:.*/bmc_password: secret/'";
    let words = ["secret", "edit", "-i", &stage.environment];
    let _ = stage.start(&words, &[("EDITOR", editor)]).finish().exits(0);
}

fn served(name: &str) -> Option<Stage> {
    let stage = Stage::with(name, &[], with_witness)?;
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    Some(stage)
}

fn report(stage: &Stage, host: &str) -> Value {
    let words = ["clusterd", "status", "--json"];
    // One that boots answers nothing.
    let output = stage.lab().exec(host, &words, b"", WHOLE).ok();
    output
        .and_then(|output| serde_json::from_slice(&output.stdout).ok())
        .unwrap_or_default()
}

fn is_healthy(stage: &Stage) -> bool {
    let good = |host: &&str| report(stage, host)["verdict"]["health"] == "healthy";
    HOSTS.iter().all(good)
}

#[track_caller]
fn wait_until_healthy(stage: &Stage) {
    let healthy = stage.eventually(WHOLE, is_healthy);
    assert!(
        healthy,
        "{}\n{}",
        report(stage, HOSTS[0])["verdict"],
        report(stage, HOSTS[1])["verdict"]
    );
}

#[test]
fn a_pair_with_a_witness_serves_moves_and_takes_over() {
    let Some(stage) = served("clusterd") else {
        return;
    };
    wait_until_healthy(&stage);
    stage.assert_site("/health", "ok");
    let _ = stage.at(&["status"]).exits(0).says("good");
    let guard = Guard::start(&stage);

    // A planned move.
    let first = stage.holder();
    let poller = Poller::start(&stage);
    stage.must(first, "clusterd give");
    stage.wait_for_holder(other(first), WHOLE);
    let seen = poller.stop();
    eprintln!("given away: {seen}");
    assert!(seen.longest_gap < Duration::from_secs(5), "{seen}");

    // The active node loses its power.
    let times = if is_long() { 10 } else { 2 };
    let mut outages = Vec::new();
    for _ in 0..times {
        wait_until_healthy(&stage);
        let active = stage.holder();
        let poller = Poller::start(&stage);
        stage.fault(&format!("power-off {active}"));
        stage.wait_for_holder(other(active), TAKEOVER);
        assert!(stage.eventually(TAKEOVER, |stage| stage.get("/health").contains("ok")));
        stage.fault(&format!("power-on {active}"));
        wait_until_healthy(&stage);
        assert_eq!(
            stage.holder(),
            other(active),
            "nothing moves back by itself"
        );
        outages.push(poller.stop().longest_gap);
    }
    outages.sort();
    eprintln!("{times} power cuts: away {outages:?}");

    // What dies is started again where it is.
    let active = stage.holder();
    stage.must(active, "systemctl kill --signal=KILL apache2.service");
    assert!(stage.eventually(WHOLE, |stage| { stage.get("/health").contains("ok") }));
    assert_eq!(stage.holder(), active);

    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    let _ = stage.plan().exits(0).says("no change");
}

#[test]
fn the_daemon_dies_and_is_renewed_and_its_resources_do_not_notice() {
    let Some(stage) = served("clusterd-renew") else {
        return;
    };
    wait_until_healthy(&stage);
    let active = stage.holder();
    let poller = Poller::start(&stage);
    for host in [active, other(active), "yoda"] {
        let unit = if host == "yoda" {
            "clusterd-witness@web.service"
        } else {
            "clusterd.service"
        };
        stage.must(host, &format!("systemctl kill --signal=KILL {unit}"));
        std::thread::sleep(Duration::from_secs(1));
        wait_until_healthy(&stage);
        stage.must(host, &format!("systemctl reload {unit}"));
        if host != "yoda" {
            stage.must(host, "clusterd renew");
        }
        std::thread::sleep(Duration::from_secs(1));
        wait_until_healthy(&stage);
    }
    let seen = poller.stop();
    eprintln!("{seen}");
    assert!(seen.failures.is_empty(), "{seen}");
    assert_eq!(stage.holder(), active, "{VIP} stayed");
}

#[test]
fn a_lone_pair_switches_the_other_node_off_before_it_takes_over() {
    let Some(stage) = Stage::with("clusterd-pair", &[], with_fencing) else {
        return;
    };
    knows_the_bmcs(&stage);
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    wait_until_healthy(&stage);
    stage.assert_site("/health", "ok");
    let guard = Guard::start(&stage);

    // The active node loses its power: its peer asks the BMC, and has everything.
    let active = stage.holder();
    let poller = Poller::start(&stage);
    stage.fault(&format!("power-off {active}"));
    stage.wait_for_holder(other(active), TAKEOVER);
    assert!(stage.eventually(TAKEOVER, |stage| stage.get("/health").contains("ok")));
    stage.fault(&format!("power-on {active}"));
    wait_until_healthy(&stage);
    eprintln!("power cut: {}", poller.stop());

    // One goes in order: nobody is switched off for that.
    let before = stage.holder();
    let poller = Poller::start(&stage);
    stage.must(before, "systemctl stop clusterd.service");
    assert_eq!(stage.holder(), other(before));
    assert!(stage.is_up(before));
    stage.must(before, "systemctl start clusterd.service");
    wait_until_healthy(&stage);
    eprintln!("gone in order and back: {}", poller.stop());

    // All that they hear each other by is cut: one of them survives.
    let before = stage.holder();
    let poller = Poller::start(&stage);
    for nic in ["eth1", "eth2"] {
        stage.fault(&format!("nic-down {before} {nic}"));
    }
    let one = |stage: &Stage| HOSTS.iter().filter(|host| stage.is_up(host)).count() == 1;
    assert!(
        stage.eventually(TAKEOVER, one),
        "one of them is switched off"
    );
    assert!(stage.eventually(TAKEOVER, |stage| {
        stage.holders_of_vip().len() == 1 && stage.get("/health").contains("ok")
    }));
    for nic in ["eth1", "eth2"] {
        stage.fault(&format!("nic-up {before} {nic}"));
    }
    let off = HOSTS
        .into_iter()
        .find(|host| !stage.is_up(host))
        .expect("one");
    stage.fault(&format!("power-on {off}"));
    wait_until_healthy(&stage);
    eprintln!("all links cut: {}", poller.stop());
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    let _ = stage.plan().exits(0).says("no change");
}
