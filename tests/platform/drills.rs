//! The drills of the thesis's fifth chapter that the frontend pair has to stand: a node that
//! fails (D2), an application that fails (D3), clients that cannot be reached (D4). Each with
//! what a client of an application sees meanwhile.

use crate::frontend::{CLIENTS, STARTED, everything_answers, served};
use crate::service::{Guard, Poller};
use crate::stage::Stage;
use std::time::{Duration, Instant};

const GATEKEEPER: &str = "10.77.4.50:8081";
const SWUPGRADE: &str = "10.77.4.50:8084";
/// So many failures on a node, of whatever, and the group moves (`roles/frontend.yaml`).
const THRESHOLD: usize = 6;

fn other(node: &str) -> &'static str {
    if node == "zipi" { "zape" } else { "zipi" }
}

fn serves(stage: &Stage) -> bool {
    let script = format!("curl -s --max-time 5 http://{GATEKEEPER}/gatekeeper/health");
    let page = stage.client("ext", &script).text();
    page.starts_with("ok gatekeeper")
}

/// What the cluster says there, if that is a host that answers.
fn status(stage: &Stage, host: &str) -> (bool, String) {
    let words = ["clusterd", "status"];
    let output = stage.lab().exec(host, &words, b"", STARTED).ok();
    output.map_or_else(
        || (false, format!("{host} answers nothing")),
        |output| (output.code == 0, output.text()),
    )
}

/// Fails the test unless this node has everything and answers.
#[track_caller]
fn serves_on(stage: &Stage, node: &str) {
    let there = stage.eventually(STARTED, |stage| {
        stage.holders_of(CLIENTS) == [node] && serves(stage)
    });
    assert!(there, "{node} serves: {}", status(stage, node).1);
    // Apache comes last.
    let site = format!("curl -s --max-time 5 http://{CLIENTS}/health");
    assert!(stage.eventually(STARTED, |stage| {
        stage.client("ext", &site).text().contains("ok")
    }));
    everything_answers(stage, node);
}

#[track_caller]
fn healthy(stage: &Stage) {
    let good = stage.eventually(STARTED, |stage| {
        ["zipi", "zape"].iter().all(|host| status(stage, host).0)
    });
    assert!(good, "{}", status(stage, "zipi").1);
}

fn is_nowhere(stage: &Stage) -> bool {
    stage.holders_of(CLIENTS).is_empty() && !serves(stage)
}

/// A Tomcat dies, and what the group has behind it with it.
#[track_caller]
fn dies(stage: &Stage, node: &str, application: &str) {
    let kill = "systemctl kill --kill-whom=all --signal=KILL";
    let _ = stage.must(node, &format!("{kill} gbroker-{application}.service"));
    // It is noticed when it ends.
    std::thread::sleep(Duration::from_secs(1));
}

/// The last Tomcat of the group dies once less than the group bears, and is started again
/// where it is; then the first one dies. What failed is counted for each, and together.
#[track_caller]
fn tomcats_die(stage: &Stage, node: &str) {
    let mut longest = Duration::ZERO;
    for n in 1..THRESHOLD {
        let poller = Poller::of(stage, SWUPGRADE, "/swupgrade/health");
        dies(stage, node, "swupgrade");
        serves_on(stage, node);
        let seen = poller.stop();
        assert!(!seen.failures.is_empty(), "it died");
        longest = longest.max(seen.longest_gap);
        let words = format!("clusterd failcount swupgrade --node {node} --json");
        let count = stage.must(node, &words);
        let count: serde_json::Value = serde_json::from_str(&count).expect("JSON");
        assert_eq!(count["failures"][0]["count"], n, "{count}");
    }
    eprintln!(
        "D3: a Tomcat killed on {node}, {} times: back there after {} ms at most",
        THRESHOLD - 1,
        longest.as_millis()
    );
    dies(stage, node, "gatekeeper");
}

fn d2_the_active_node_fails(stage: &Stage, node: &str) {
    for what in ["power-off", "reboot"] {
        let active = if what == "power-off" {
            node
        } else {
            other(node)
        };
        let begun = Instant::now();
        let poller = Poller::of(stage, GATEKEEPER, "/gatekeeper/health");
        if what == "reboot" {
            let words = ["systemctl", "reboot"];
            let _ = stage.lab().exec(active, &words, b"", STARTED);
        } else {
            stage.fault(&format!("power-off {active}"));
        }
        serves_on(stage, other(active));
        eprintln!("D2: {what} of {active}: {}", poller.stop());
        if what == "power-off" {
            stage.fault(&format!("power-on {active}"));
        }
        healthy(stage);
        assert_eq!(
            stage.holders_of(CLIENTS),
            [other(active)],
            "nothing moves back"
        );
        eprintln!(
            "D2: whole again {:.1} s after {what}",
            begun.elapsed().as_secs_f64()
        );
    }
}

fn d3_an_application_fails(stage: &Stage, node: &str) {
    tomcats_die(stage, node);
    let begun = Instant::now();
    serves_on(stage, other(node));
    eprintln!(
        "D3: at the threshold all of it moves, and is served after {:.1} s",
        begun.elapsed().as_secs_f64() + 1.0
    );
    tomcats_die(stage, other(node));
    assert!(stage.eventually(STARTED, is_nowhere), "out of service");
    let (good, text) = status(stage, node);
    assert!(!good, "{text}");
    eprintln!("D3: on both nodes, out of service:\n{text}");
    let _ = stage.must(node, "clusterd cleanup frontend");
    let back = stage.eventually(STARTED, |stage| stage.holders_of(CLIENTS).len() == 1);
    assert!(back, "who has looked lets it run again");
    let holder = stage.holders_of(CLIENTS)[0].clone();
    serves_on(stage, &holder);
    healthy(stage);
}

fn d4_clients_cannot_be_reached(stage: &Stage, node: &str) {
    let poller = Poller::of(stage, GATEKEEPER, "/gatekeeper/health");
    stage.fault(&format!("nic-down {node} eth4"));
    serves_on(stage, other(node));
    eprintln!("D4: eth4 of {node} is unplugged: {}", poller.stop());
    stage.fault(&format!("nic-down {} eth4", other(node)));
    assert!(
        stage.eventually(STARTED, is_nowhere),
        "neither reaches anybody"
    );
    std::thread::sleep(Duration::from_secs(5));
    assert!(is_nowhere(stage), "it stays down");
    stage.fault(&format!("nic-up {node} eth4"));
    let begun = Instant::now();
    serves_on(stage, node);
    let took = begun.elapsed().as_secs_f64();
    eprintln!("D4: eth4 of {node} is plugged in: served after {took:.1} s, by itself");
    stage.fault(&format!("nic-up {} eth4", other(node)));
    healthy(stage);
    assert_eq!(stage.holders_of(CLIENTS), [node], "nothing moves back");
}

#[test]
fn the_frontend_pair_stands_the_drills_of_the_thesis() {
    let Some(stage) = served("drills", &[]) else {
        return;
    };
    healthy(&stage);
    let guard = Guard::start(&stage);
    let holder = || stage.wait_for_one_holder_of(CLIENTS, STARTED);
    d2_the_active_node_fails(&stage, &holder());
    d3_an_application_fails(&stage, &holder());
    d4_clients_cannot_be_reached(&stage, &holder());
    let looks = guard.never_two();
    eprintln!("never two holders in {looks} looks");
}
