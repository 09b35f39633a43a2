//! What cannot be stopped: its node goes down, and only then somebody else has it.

use super::setup::{
    TAKEOVER, WHOLE, boots, change_file, healthy, report, serves, wait_until_healthy, with_fencing,
    with_reach, with_witness,
};
use crate::operator::Operator;
use crate::service::Guard;
use crate::stage::{Stage, other};

/// How long a stop may take that the role says nothing about, and here.
const LIMITS: [&str; 2] = ["stop: {timeout_ms: 60000}", "stop: {timeout_ms: 5000}"];

/// Until the next boot, Apache's unit stops for ever.
const HANGS: &str = "d=/run/systemd/system/apache2.service.d; mkdir -p $d; \
    printf '[Service]\\nExecStop=\\nExecStop=/bin/sleep infinity\\nTimeoutStopSec=infinity\\n' > $d/hangs.conf; \
    systemctl daemon-reload";

fn a_stop_that_hangs(name: &str, with: fn(&Operator)) {
    let Some(stage) = healthy(name, with) else {
        return;
    };
    change_file(&stage, |was| was.replace(LIMITS[0], LIMITS[1]));
    wait_until_healthy(&stage);
    let active = stage.holder();
    let before = boots(&stage, active);
    let guard = Guard::start(&stage);
    stage.must(active, HANGS);
    let given = stage.exec(active, "timeout 5 clusterd give 2>&1");
    let is_reset = |stage: &Stage| boots(stage, active) > before;
    assert!(
        stage.eventually(TAKEOVER, is_reset),
        "{}\n{}",
        given.text(),
        report(&stage, other(active))
    );
    stage.wait_for_holder(other(active), WHOLE);
    // Who gave it away was cut off, and what it asked for lasts for a while.
    stage.must(other(active), "clusterd move web --clear");
    wait_until_healthy(&stage);
    assert!(serves(&stage));
    let looks = guard.never_two();
    eprintln!("{name}: never two holders in {looks} looks");
}

#[test]
fn with_a_witness_a_node_that_cannot_stop_something_resets_itself() {
    a_stop_that_hangs("clusterd-stuck", with_witness);
}

#[test]
fn in_a_lone_pair_a_node_that_cannot_stop_something_resets_itself() {
    a_stop_that_hangs("clusterd-stuck-pair", with_fencing);
}

#[test]
fn of_a_pair_by_reach_a_node_that_cannot_stop_something_resets_itself() {
    a_stop_that_hangs("clusterd-stuck-reach", with_reach);
}
