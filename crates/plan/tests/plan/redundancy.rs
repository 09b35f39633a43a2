//! A change never costs the service for want of a second node, unless the
//! operator says so.

use crate::contents::{APACHE, HTTPD, MPM, Wish};
use crate::world::{World, assert_allowed, assert_noted, assert_refused, order};
use cluster_model::Redundancy;
use tandem_plan::RefusalKind;

fn restart() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    world
}

fn out_of_step(world: &mut World) {
    let status = world.view().get_mut("zipi").expect("a node");
    status.redundancy = Redundancy::Lost {
        because: "the replica is 3 minutes behind".to_owned(),
    };
}

#[test]
fn a_cluster_that_is_not_redundant_is_not_touched() {
    let mut world = restart();
    out_of_step(&mut world);
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "3 minutes behind",
    );
}

#[test]
fn a_loss_is_accepted_where_the_run_itself_heals_it() {
    let mut world = restart();
    world.break_engine("zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan)[..3],
        ["activate zape", "confirm zape", "check zape zipi"]
    );
}

#[test]
fn a_broken_node_that_does_not_change_heals_nothing() {
    let mut world = restart();
    world.break_engine("zape");
    // Whatever ails it, it is not in what this run changes.
    world.options.limit = Some(["zipi".to_owned()].into());
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "zape is not heard",
    );
}

#[test]
fn healing_one_node_does_not_excuse_what_ails_another() {
    let mut world = World::three();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    world.break_engine("zape");
    let status = world.view().get_mut("alfa").expect("a node");
    status.redundancy = Redundancy::Lost {
        because: "the disk is failing".to_owned(),
    };
    // As an engine would say it that hears everybody.
    status
        .nodes
        .insert("zape".to_owned(), cluster_model::NodeState::Online);
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "disk is failing",
    );
}

#[test]
fn a_node_that_holds_nothing_may_always_change() {
    let mut world = World::pair();
    world.leg("zape").write(HTTPD, "KeepAliveTimeout 7\n");
    out_of_step(&mut world);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_noted(&plan, "web", "3 minutes behind");
}

#[test]
fn two_holders_are_no_state_to_deploy_onto() {
    let mut world = restart();
    world.view().get_mut("zape").expect("a node").held_here = vec!["vip".to_owned()];
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NotRedundant,
        "web",
        "zape and zipi both hold",
    );
    assert!(plan.steps.is_empty());
}

#[test]
fn nothing_begins_while_resources_move() {
    let mut world = restart();
    for status in world.view().values_mut() {
        status.held_here.clear();
        status.in_transition = true;
    }
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "on the move",
    );
}

#[test]
fn without_a_node_that_can_take_over_a_restart_wants_consent() {
    let mut world = restart();
    world.silence("zape", false);
    world.options.without = ["zape".to_owned()].into();
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "no other node can take over",
    );
    world.options.accept_outage = true;
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zipi", "confirm zipi", "check zipi"]
    );
    assert_eq!(plan.impact.restarts, [APACHE]);
    assert_eq!((plan.impact.moves, plan.impact.seconds), (0, 1.5));
}

#[test]
fn a_node_without_an_engine_cannot_hand_over_in_good_order() {
    let mut world = restart();
    let held = world.view()["zipi"].held_here.clone();
    world.break_engine("zipi");
    world.view().get_mut("zipi").expect("a node").held_here = held;
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NotRedundant,
        "web",
        "does not run there",
    );
    assert!(!order(&plan).iter().any(|step| step.starts_with("move")));
}

#[test]
fn accept_outage_goes_on_and_still_moves_what_can_move() {
    let mut world = restart();
    out_of_step(&mut world);
    world.options.accept_outage = true;
    let plan = world.plan();
    assert_allowed(&plan);
    assert!(order(&plan).contains(&"move zipi > zape".to_owned()));
    assert_noted(&plan, "web", "not redundant");
}

#[test]
fn accept_outage_does_not_wait_for_a_node_that_nobody_changes() {
    let mut world = restart();
    world.break_engine("zape");
    world.options.limit = Some(["zipi".to_owned()].into());
    world.options.accept_outage = true;
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zipi", "confirm zipi", "check zipi"]
    );
}
