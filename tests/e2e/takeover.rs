//! The active node dies: its peer serves, and never two hold the address.

use crate::edition::is_long;
use crate::service::{Guard, Poller};
use crate::stage::{Stage, other};
use std::time::{Duration, Instant};

/// Longest time without service when the active node dies: the dead time of
/// heartbeat, the takeover and Apache's start, on a machine with other work.
const OUTAGE: Duration = Duration::from_secs(12);
/// Until both nodes are members again.
const WHOLE: Duration = Duration::from_secs(60);

/// Cuts the active node's power, waits until its peer serves, gives the power
/// back, waits until the pair is whole. Returns how long the service was away.
fn cut_and_return(stage: &Stage) -> Duration {
    let active = stage.holder();
    let poller = Poller::start(stage);
    std::thread::sleep(Duration::from_millis(200));
    stage.fault(&format!("power-off {active}"));
    stage.wait_for_holder(other(active), OUTAGE);
    assert!(stage.eventually(OUTAGE, answers), "the peer serves");
    stage.fault(&format!("power-on {active}"));
    let away = whole_again(stage, poller, &format!("power-off {active}"));
    assert_eq!(
        stage.holder(),
        other(active),
        "nothing moves back by itself"
    );
    away
}

fn answers(stage: &Stage) -> bool {
    stage.get("/health").contains("ok")
}

fn whole_again(stage: &Stage, poller: Poller, what: &str) -> Duration {
    let begun = Instant::now();
    let whole = stage.eventually(WHOLE, |stage| stage.status().0.code == 0);
    assert!(whole, "{}", stage.status().0);
    let seen = poller.stop();
    assert!(seen.good > 10 && !seen.failures.is_empty(), "{seen}");
    assert!(seen.longest_gap < OUTAGE, "{seen}");
    eprintln!(
        "{what}: away {} ms; the pair is whole {:.1} s later",
        seen.longest_gap.as_millis(),
        begun.elapsed().as_secs_f64()
    );
    seen.longest_gap
}

fn repeat(name: &str, times: usize) {
    let Some(stage) = Stage::served(name) else {
        return;
    };
    let guard = Guard::start(&stage);
    let mut outages: Vec<Duration> = (0..times).map(|_| cut_and_return(&stage)).collect();
    let looks = guard.never_two();
    outages.sort();
    eprintln!(
        "{times} power cuts of the active node: away {} ms in the median, {} ms at worst; never two \
         holders in {looks} looks",
        outages[times / 2].as_millis(),
        outages[times - 1].as_millis()
    );
    stage.assert_calm();
    let _ = stage.plan().exits(0).says("no change");
}

#[test]
fn the_active_node_loses_its_power_and_returns_again_and_again() {
    repeat("takeover", if is_long() { 10 } else { 3 });
}

#[test]
#[ignore = "takes long: 20 of 50 power cuts"]
fn the_active_node_loses_its_power_and_returns_twenty_times() {
    repeat("takeover-a", 20);
}

#[test]
#[ignore = "takes long: 20 more of 50 power cuts"]
fn the_active_node_loses_its_power_and_returns_another_twenty_times() {
    repeat("takeover-b", 20);
}

/// A reset may be over before anybody takes the node for dead: then it serves
/// again itself. Either way one node does.
#[test]
fn the_active_node_is_reset() {
    let Some(stage) = Stage::served("reset") else {
        return;
    };
    let guard = Guard::start(&stage);
    for _ in 0..2 {
        let active = stage.holder();
        let poller = Poller::start(&stage);
        std::thread::sleep(Duration::from_millis(200));
        stage.fault(&format!("reset {active}"));
        assert!(
            stage.eventually(OUTAGE, |stage| stage.holders_of_vip().len() == 1
                && answers(stage)),
            "somebody serves"
        );
        whole_again(&stage, poller, &format!("reset {active}"));
        let takes_over = stage.holder() != active;
        eprintln!("its peer took over: {takes_over}");
    }
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    stage.assert_calm();
}
