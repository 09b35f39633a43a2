//! What holds a node or a whole cluster back: resets that come again and again, an operator
//! who stops everything, data that are out of date.

use super::setup::{
    HOWEVER_OFTEN, TAKEOVER, WHOLE, healthy, report, serves, wait_until_healthy, with_fencing,
    with_witness,
};
use crate::service::Guard;
use crate::stage::{Stage, other};

fn problems(stage: &Stage, host: &str) -> String {
    report(stage, host)["problems"].to_string()
}

#[test]
fn who_is_reset_three_times_takes_nothing_until_an_operator_says_so() {
    let with_the_default = |operator: &crate::operator::Operator| {
        with_witness(operator);
        operator.edit_inventory(HOWEVER_OFTEN, "");
    };
    let Some(stage) = healthy("clusterd-resets", with_the_default) else {
        return;
    };
    let active = stage.holder();
    let weak = other(active);
    let guard = Guard::start(&stage);
    for n in 1..=3 {
        stage.fault(&format!("power-off {weak}"));
        stage.fault(&format!("power-on {weak}"));
        let is_back = |stage: &Stage| {
            let known = &report(stage, active)["members"][weak];
            let boots = known["incarnation"].as_u64().unwrap_or_default();
            boots > n && known["standing"] != "offline"
        };
        assert!(stage.eventually(WHOLE, is_back), "{weak} is back");
    }
    let said = format!("{weak} takes no resources: it was reset or fenced 3 times");
    let says = |stage: &Stage| problems(stage, active).contains(&said);
    assert!(stage.eventually(WHOLE, says), "{}", report(&stage, active));
    eprintln!("{}", stage.exec(active, "clusterd status").text());

    // It is better than nobody, and no longer.
    stage.fault(&format!("power-off {active}"));
    stage.wait_for_holder(weak, TAKEOVER);
    stage.fault(&format!("power-on {active}"));
    stage.wait_for_holder(active, WHOLE);
    assert!(stage.eventually(WHOLE, serves));
    stage.must(active, &format!("clusterd online {weak}"));
    wait_until_healthy(&stage);
    assert!(
        !problems(&stage, active).contains("takes"),
        "it is forgotten"
    );
    stage.must(active, "clusterd give");
    stage.wait_for_holder(weak, WHOLE);
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
}

/// Files that a daemon cannot go on with change nothing, and who asks is told.
fn refuses_wrong_files(stage: &Stage, host: &str) {
    let path = stage.lab().root(host).join("etc/clusterd/cluster.yaml");
    let good = std::fs::read_to_string(&path).expect("the file of a member");
    // In the middle of a line: what ends between two of them may be a file.
    let (before, _) = good.split_once("addresses: {").expect("a member");
    let cut = format!("{before}addresses: {{");
    let voters = good.replace("id: 3", "id: 7");
    let lease = good.replace("lease_ms: ", "lease_ms: 9");
    let watchdog = good.replace("watchdog: ", "watchdog: /other");
    let stopped = "change only while all daemons are stopped";
    for (text, sentence) in [
        (
            cut,
            "everything stays as it was: /etc/clusterd/cluster.yaml:",
        ),
        (voters, stopped),
        (lease, stopped),
        (watchdog, "the watchdog is armed and cannot be another one"),
    ] {
        assert_ne!(text, good, "something changes");
        std::fs::write(&path, text).expect("the file is written");
        let answer = stage.exec(host, "clusterd reload 2>&1");
        assert_eq!(answer.code, 1, "{}", answer.text());
        assert!(answer.text().contains(sentence), "{}", answer.text());
        let unit = stage.exec(host, "systemctl reload clusterd.service");
        assert_eq!(unit.code, 1, "{}", unit.text());
    }
    std::fs::write(&path, good).expect("the file is written");
    stage.must(host, "systemctl reload clusterd.service");
}

#[test]
fn a_cluster_that_is_stopped_stays_so_until_it_is_started() {
    let Some(stage) = super::served("clusterd-halt") else {
        return;
    };
    wait_until_healthy(&stage);
    refuses_wrong_files(&stage, stage.holder());
    wait_until_healthy(&stage);
    let active = stage.holder();
    stage.must(other(active), "clusterd stop --cluster");
    assert_eq!(stage.holders_of_vip(), Vec::<&str>::new());
    let status = stage.exec(active, "clusterd status").text();
    let said = format!("the cluster is stopped, as was asked at {}", other(active));
    assert!(status.contains(&said), "{status}");

    // Whatever is started anew.
    stage.must(active, "systemctl restart clusterd.service");
    stage.fault(&format!("power-off {}", other(active)));
    stage.fault(&format!("power-on {}", other(active)));
    let there =
        |stage: &Stage| report(stage, active)["members"][other(active)]["standing"] == "online";
    assert!(stage.eventually(WHOLE, there), "{}", report(&stage, active));
    assert_eq!(stage.holders_of_vip(), Vec::<&str>::new());

    stage.must(active, "clusterd start --cluster");
    wait_until_healthy(&stage);
    assert!(serves(&stage));
}

/// The lab's containers have no DRBD: its handlers are called here as DRBD would call them.
#[test]
fn nobody_goes_on_with_data_that_drbd_called_outdated() {
    let Some(stage) = healthy("clusterd-outdated", with_fencing) else {
        return;
    };
    let active = stage.holder();
    let passive = other(active);
    let guard = Guard::start(&stage);
    let handler = |host: &str, words: &str| {
        let script = format!("clusterd {words} 2>&1; echo exit $?");
        stage.exec(host, &script).text()
    };
    let exits = |text: &str, code: u8| text.ends_with(&format!("exit {code}\n"));
    let said = handler(active, "fence-peer web");
    assert!(exits(&said, 4), "the peer is outdated: {said}");
    let said = handler(passive, "fence-peer web");
    assert!(exits(&said, 6), "the other one was first: {said}");
    let said = handler(active, "fence-peer wbe --timeout 20");
    assert!(exits(&said, 1) && said.contains("web"), "{said}");

    // Whoever has old data does not take over, and says why and what to do.
    stage.fault(&format!("power-off {active}"));
    let off = |stage: &Stage| report(stage, passive)["members"][active]["standing"] == "offline";
    assert!(
        stage.eventually(TAKEOVER, off),
        "{}",
        report(&stage, passive)
    );
    let idle = |stage: &Stage| report(stage, passive)["in_transition"] == false;
    assert!(stage.eventually(TAKEOVER, idle));
    assert_eq!(stage.holders_of_vip(), Vec::<&str>::new());
    let status = stage.exec(passive, "clusterd status").text();
    let newest = format!("{active} alone has the newest data of web");
    assert!(status.contains(&newest), "{status}");
    assert!(status.contains("`clusterd unfence-peer web`"), "{status}");
    let why = stage.exec(passive, "clusterd explain web").text();
    let newest = format!("{active} has the newest one (fence-peer)");
    assert!(why.contains(&newest), "{why}");
    eprintln!("{status}\n{why}");

    stage.fault(&format!("power-on {active}"));
    stage.wait_for_holder(active, WHOLE);
    assert!(stage.eventually(WHOLE, serves));
    let said = handler(passive, "unfence-peer web");
    assert!(exits(&said, 0), "{said}");
    wait_until_healthy(&stage);
    stage.must(active, "clusterd give");
    stage.wait_for_holder(passive, WHOLE);
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
}

#[test]
fn drbd_is_not_told_that_its_peer_is_outdated_before_it_is_agreed() {
    let Some(stage) = super::served("clusterd-unagreed") else {
        return;
    };
    wait_until_healthy(&stage);
    let active = stage.holder();
    stage.fault(&format!("nic-down {active} eth1"));
    stage.fault(&format!("nic-down {active} eth2"));
    let script = "clusterd fence-peer web --timeout 2 2>&1; echo exit $?";
    let said = stage.exec(active, script).text();
    assert!(said.ends_with("exit 1\n"), "{said}");
    stage.fault(&format!("nic-up {active} eth1"));
    stage.fault(&format!("nic-up {active} eth2"));
    assert!(stage.eventually(WHOLE, serves));
    // Agreed or not until then: it is now, by whoever serves.
    let agreed = |stage: &Stage| {
        let holders = stage.holders_of_vip();
        matches!(holders[..], [one] if stage.exec(one, script).text().ends_with("exit 4\n"))
    };
    assert!(
        stage.eventually(WHOLE, agreed),
        "{}",
        report(&stage, active)
    );
    stage.must(other(stage.holder()), "clusterd unfence-peer web");
    wait_until_healthy(&stage);
}
