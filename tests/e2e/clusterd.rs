//! Engine `clusterd`: a pair and its witness on a host of another cluster.

#[path = "clusterd/agents.rs"]
mod agents;
#[path = "clusterd/endurance.rs"]
mod endurance;
#[path = "clusterd/killed.rs"]
mod killed;
#[path = "clusterd/lone_pair.rs"]
mod lone_pair;
#[path = "clusterd/pdu.rs"]
mod pdu;
#[path = "clusterd/reach.rs"]
mod reach;
#[path = "clusterd/setup.rs"]
mod setup;
#[path = "clusterd/stalled.rs"]
mod stalled;
#[path = "clusterd/stuck.rs"]
mod stuck;
#[path = "clusterd/survivors.rs"]
mod survivors;
#[path = "clusterd/upgraded.rs"]
mod upgraded;
#[path = "clusterd/wishes.rs"]
mod wishes;
#[path = "clusterd/writer.rs"]
mod writer;

use crate::edition::is_long;
use crate::service::{Guard, Poller};
use crate::stage::{VIP, other};
use setup::{TAKEOVER, WHOLE, served, wait_until_healthy};
use std::time::Duration;

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

    // Apache dies. Its monitor comes every ten seconds; its unit tells at once.
    wait_until_healthy(&stage);
    for _ in 0..3 {
        let active = stage.holder();
        let poller = Poller::start(&stage);
        let kill = "systemctl kill --kill-whom=all --signal=KILL apache2.service";
        stage.must(active, kill);
        std::thread::sleep(Duration::from_millis(500));
        assert!(stage.eventually(TAKEOVER, setup::serves));
        let seen = poller.stop();
        eprintln!("Apache killed: {seen}");
        assert!(seen.longest_gap < Duration::from_secs(3), "{seen}");
        assert!(!seen.failures.is_empty(), "it died");
        stage.must(active, "clusterd cleanup web");
    }

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
    let Some(stage) = lone_pair::with_pair("clusterd-pair") else {
        return;
    };
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
    let away = lone_pair::cut_all_links(&stage, 0);
    eprintln!("all links cut: {} ms", away.as_millis());
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    let _ = stage.plan().exits(0).says("no change");
}
