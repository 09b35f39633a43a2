//! Where old and new cannot talk, everything stops first.

use crate::contents::{AUTHKEYS, HEARTBEAT, Wish, site};
use crate::world::{World, assert_allowed, assert_refused, order};
use tandem_plan::RefusalKind;
use tandem_plan::desired::Hold;

fn other_engine() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(AUTHKEYS, "auth 9\n9 sha1 unknown\n");
    });
    world.cluster().hold = Some(Hold {
        because: "key 1 is in use and no longer among the secrets".to_owned(),
        units: vec![HEARTBEAT.to_owned()],
    });
    world
}

const HELD: [&str; 5] = [
    "hold zape zipi",
    "activate zape zipi",
    "confirm zape zipi",
    "release zape zipi",
    "check zape zipi",
];

#[test]
fn a_hold_is_an_outage_that_wants_consent() {
    let mut world = other_engine();
    assert_refused(
        &world.plan(),
        RefusalKind::NeedsConsent,
        "web",
        "everything must stop first",
    );
    world.options.accept_outage = true;
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(order(&plan), HELD);
    assert!(plan.impact.seconds > 0.0);
}

#[test]
fn a_hold_stops_nodes_that_do_not_change_too() {
    let mut world = other_engine();
    world.options.accept_outage = true;
    *world.leg("zape") = site();
    let plan = world.plan();
    assert_eq!(
        order(&plan),
        [
            "hold zape zipi",
            "activate zipi",
            "confirm zipi",
            "release zape zipi",
            "check zape zipi",
        ]
    );
}

#[test]
fn engines_that_hold_nothing_stop_all_the_same() {
    let mut world = other_engine();
    for status in world.view().values_mut() {
        status.held_here.clear();
    }
    let plan = world.plan();
    // Nothing is interrupted, so nobody is asked.
    assert_allowed(&plan);
    assert_eq!(order(&plan), HELD);
    assert!(plan.impact.is_none());
}

#[test]
fn where_no_engine_runs_there_is_nothing_to_hold() {
    let mut world = other_engine();
    world.break_engine("zipi");
    world.break_engine("zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zape zipi", "confirm zape zipi", "check zape zipi"]
    );
}

#[test]
fn under_a_hold_nobody_goes_through_phases() {
    let mut world = other_engine();
    world.options.accept_outage = true;
    let last = world.leg("zipi").clone();
    let mut between = site();
    between.write(AUTHKEYS, "auth 1\n1 sha1 first\n9 sha1 unknown\n");
    world.want_legs(&[between, last]);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(order(&plan), HELD);
    assert_eq!(plan.hosts["zipi"].legs.len(), 1);
}

#[test]
fn a_limit_does_not_split_a_hold() {
    let mut world = other_engine();
    world.options.accept_outage = true;
    world.options.limit = Some(["zape".to_owned()].into());
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "web",
        "split the cluster",
    );
}

#[test]
fn units_that_a_broken_run_left_held_forbid_another_run() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(AUTHKEYS, "auth 1\n1 sha1 first, again\n");
    });
    world.facts("zape").held = vec![HEARTBEAT.to_owned()];
    assert_refused(&world.plan(), RefusalKind::NotReady, "zape", "did not end");
}

#[test]
fn a_run_that_holds_the_cluster_itself_releases_what_was_left_held() {
    let mut world = other_engine();
    world.options.accept_outage = true;
    world.facts("zape").held = vec![HEARTBEAT.to_owned()];
    assert_allowed(&world.plan());
}
