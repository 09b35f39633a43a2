//! What holds a whole node or a whole cluster back: resets that come again and again, and
//! an operator who stops everything.

use super::setup::{
    HOWEVER_OFTEN, TAKEOVER, WHOLE, healthy, report, serves, wait_until_healthy, with_witness,
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

#[test]
fn a_cluster_that_is_stopped_stays_so_until_it_is_started() {
    let Some(stage) = super::served("clusterd-halt") else {
        return;
    };
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
