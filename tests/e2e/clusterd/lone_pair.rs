//! A lone pair with devices that switch its nodes off: what is cut, what is dead, and
//! what is done by hand.

use super::pdu::{AGENT, Strip};
use super::setup::{
    TAKEOVER, WHOLE, figures, give_to, healthy, report, serves, wait_until_healthy, with_fencing,
};
use super::survivors::Survivors;
use crate::edition::is_long;
use crate::operator::Operator;
use crate::service::{Guard, Poller};
use crate::stage::{HOSTS, Stage, other};
use std::time::Duration;

/// The pair, healthy and serving.
pub(super) fn with_pair(name: &str) -> Option<Stage> {
    let stage = healthy(name, with_fencing)?;
    stage.assert_site("/health", "ok");
    Some(stage)
}

/// How all links can be cut.
const WAYS: [&[&str]; 3] = [
    &["nic-down zipi eth1", "nic-down zipi eth2"],
    &["nic-down zape eth1", "nic-down zape eth2"],
    // Neither of them sees a carrier go.
    &["link-cut zipi zape hb", "link-cut zipi zape om"],
];

fn mended(cut: &str) -> String {
    cut.replace("nic-down", "nic-up")
        .replace("link-cut", "link-mend")
}

/// Until its peer has seen that it is off. One that got its power back before would
/// rightly be switched off once more.
#[track_caller]
fn wait_until_given_up(stage: &Stage, host: &str) {
    let standing =
        |stage: &Stage| report(stage, other(host))["members"][host]["standing"] == "offline";
    assert!(
        stage.eventually(WHOLE, standing),
        "{host} is off, and its peer knows it: {}",
        report(stage, other(host))
    );
}

/// Cuts all that they hear each other by, waits until one of them is off and the other
/// one serves, mends it all, and waits until they are a pair again. Returns how long
/// clients were without service.
#[track_caller]
pub(super) fn cut_all_links(stage: &Stage, n: usize) -> Duration {
    let holder = HOSTS[n % 2];
    wait_until_healthy(stage);
    give_to(stage, holder);
    let way = WAYS[n / 2 % WAYS.len()];
    let poller = Poller::start(stage);
    std::thread::sleep(Duration::from_millis(200));
    for cut in way {
        stage.fault(cut);
    }
    let one = |stage: &Stage| HOSTS.iter().filter(|host| stage.is_up(host)).count() == 1;
    assert!(
        stage.eventually(TAKEOVER, one),
        "one of them is switched off"
    );
    assert!(stage.eventually(TAKEOVER, serves), "the other one serves");
    let survivor = stage.holder();
    wait_until_given_up(stage, other(survivor));
    for cut in way {
        stage.fault(&mended(cut));
    }
    stage.fault(&format!("power-on {}", other(survivor)));
    wait_until_healthy(stage);
    assert_eq!(stage.holder(), survivor, "nothing moves back by itself");
    let seen = poller.stop();
    eprintln!("{way:?}, served by {holder}: {survivor} survives; {seen}");
    seen.longest_gap
}

fn repeat(name: &str, times: usize) {
    let Some(stage) = with_pair(name) else {
        return;
    };
    let guard = Guard::start(&stage);
    let survivors = Survivors::start(&stage);
    let outages = (0..times).map(|n| cut_all_links(&stage, n)).collect();
    survivors.always_one();
    let looks = guard.never_two();
    eprintln!(
        "all links cut, {}; never two holders in {looks} looks",
        figures(outages)
    );
    let _ = stage.plan().exits(0).says("no change");
}

#[test]
fn of_a_pair_that_is_cut_in_two_one_survives_and_the_other_one_comes_back() {
    repeat("clusterd-cut", if is_long() { 10 } else { 2 });
}

#[test]
#[ignore = "takes long: 20 of 50 pairs that are cut in two"]
fn of_a_pair_that_is_cut_in_two_twenty_times_one_survives() {
    repeat("clusterd-cut-a", 20);
}

#[test]
#[ignore = "takes long: 20 more of 50 pairs that are cut in two"]
fn of_a_pair_that_is_cut_in_two_another_twenty_times_one_survives() {
    repeat("clusterd-cut-b", 20);
}

/// The BMC has no other power than its machine: it can confirm nothing, and so nobody
/// knows whether the machine is off.
#[test]
fn where_the_device_dies_with_its_node_somebody_has_to_say_that_it_is_off() {
    let Some(stage) = with_pair("clusterd-mains") else {
        return;
    };
    let guard = Guard::start(&stage);
    let active = stage.holder();
    let survivor = other(active);
    stage.fault(&format!("bmc-off {active} with-power"));
    let says = |stage: &Stage, words: &str| {
        let output = stage.exec(survivor, "clusterd status");
        output.text().contains(words)
    };
    let hint = format!("clusterd fence --confirm-off {active}");
    assert!(
        stage.eventually(TAKEOVER, |stage| says(stage, &hint)),
        "status names the way out: {}",
        stage.exec(survivor, "clusterd status").text()
    );
    // Several attempts to fence it have failed by then.
    std::thread::sleep(Duration::from_secs(20));
    assert!(stage.holders_of_vip().is_empty(), "nobody takes over");
    eprintln!("{}", stage.exec(survivor, "clusterd status").text());
    // A word about somebody who is there is none.
    let wrong = stage.exec(
        survivor,
        &format!("clusterd fence --confirm-off {survivor}"),
    );
    assert!(!wrong.success(), "{}", wrong.text());
    assert!(stage.holders_of_vip().is_empty(), "nobody takes over");

    stage.must(survivor, &hint);
    stage.wait_for_holder(survivor, TAKEOVER);
    assert!(stage.eventually(TAKEOVER, serves));
    stage.fault(&format!("bmc-on {active} with-power"));
    wait_until_healthy(&stage);
    assert_eq!(stage.holder(), survivor, "nothing moves back by itself");
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    let _ = stage.plan().exits(0).says("no change");
}

/// A BMC that does not answer leaves time for the next device. With the power strip a
/// node that lost its mains is known to be off, and a node that runs is switched off.
#[test]
fn where_the_first_device_is_dead_the_second_one_is_asked() {
    let with_two_levels = |operator: &Operator| {
        with_fencing(operator);
        // A BMC that is dead takes half of it.
        operator.edit_inventory(
            "limit: 5s\n        delay: 6s\n",
            "limit: 8s\n        delay: 9s\n",
        );
        let password = "        password: bmc_password\n";
        operator.edit_inventory(
            password,
            &format!(
                "{password}        next:\n          - agent: {AGENT}\n            plugs: {{zipi: zipi, zape: zape}}\n"
            ),
        );
    };
    let Some(stage) = Stage::with("clusterd-levels", &[], with_two_levels) else {
        return;
    };
    let strip = Strip::install(&stage);
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    wait_until_healthy(&stage);
    let guard = Guard::start(&stage);
    let survivors = Survivors::start(&stage);

    // It loses its mains, and its BMC with it.
    let active = stage.holder();
    let poller = Poller::start(&stage);
    stage.fault(&format!("bmc-off {active} with-power"));
    stage.wait_for_holder(other(active), TAKEOVER * 2);
    assert!(stage.eventually(TAKEOVER, serves));
    stage.fault(&format!("bmc-on {active} with-power"));
    wait_until_healthy(&stage);
    eprintln!("mains cut: {}", poller.stop());

    // Its BMC alone is dead, and nobody hears it: it runs, until the strip cuts it off.
    let active = stage.holder();
    let poller = Poller::start(&stage);
    for host in HOSTS {
        stage.fault(&format!("bmc-off {host}"));
    }
    for cut in WAYS[2] {
        stage.fault(cut);
    }
    let one = |stage: &Stage| HOSTS.iter().filter(|host| stage.is_up(host)).count() == 1;
    assert!(
        stage.eventually(TAKEOVER * 2, one),
        "one of them is switched off"
    );
    assert!(stage.eventually(TAKEOVER, serves), "the other one serves");
    let survivor = stage.holder();
    wait_until_given_up(&stage, other(survivor));
    for cut in WAYS[2] {
        stage.fault(&mended(cut));
    }
    for host in HOSTS {
        stage.fault(&format!("bmc-on {host}"));
    }
    stage.fault(&format!("power-on {}", other(survivor)));
    wait_until_healthy(&stage);
    eprintln!(
        "links cut without BMCs, served by {active}: {survivor} survives; {}",
        poller.stop()
    );
    survivors.always_one();
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
    let done = strip.stop();
    let offs: Vec<_> = done.iter().filter(|it| it.starts_with("off ")).collect();
    assert!(offs.len() >= 2, "the strip was asked: {done:?}");
}
