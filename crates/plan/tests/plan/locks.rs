//! What somebody else began must be brought to its end first.

use crate::contents::{HTTPD, Wish};
use crate::world::{World, assert_allowed, assert_refused};
use jiff::Timestamp;
use tandem_generation::facts::OpenLeg;
use tandem_generation::{Digest, LegState, Lock, RunId};
use tandem_plan::RefusalKind;

fn run() -> RunId {
    "20261120T104950Z-bob-0001".parse().expect("a run")
}

fn changed() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
    });
    world
}

fn lock(world: &mut World, host: &str) {
    world.facts(host).lock = Some(Lock {
        owner: "bob@desk".to_owned(),
        run: run(),
        plan: Digest::of("plan"),
        since: Timestamp::UNIX_EPOCH,
    });
}

fn open(world: &mut World, host: &str, state: LegState) {
    world.facts(host).open = vec![OpenLeg {
        run: run(),
        leg: 1,
        state,
        operator: "bob@desk".to_owned(),
        because: None,
    }];
}

#[test]
fn a_locked_host_is_left_to_whom_it_is_locked_by() {
    let mut world = changed();
    lock(&mut world, "zape");
    let plan = world.plan();
    assert_refused(&plan, RefusalKind::Locked, "zape", "bob@desk");
    assert!(plan.refusals[0].hint.contains(run().as_str()));
}

#[test]
fn an_open_run_must_be_resumed_or_aborted_in_every_state() {
    for (state, words) in [
        (LegState::Staged, "not activated"),
        (LegState::Activating, "interrupted"),
        (LegState::AwaitingConfirm, "waits to be confirmed"),
        (LegState::Confirmed, "not finished"),
        (LegState::Undoing, "going back"),
        (LegState::UndoFailed, "could not go back"),
    ] {
        let mut world = changed();
        open(&mut world, "zape", state);
        assert_refused(&world.plan(), RefusalKind::Locked, "zape", words);
    }
}

#[test]
fn a_leg_that_went_back_by_itself_is_at_rest() {
    let mut world = changed();
    open(&mut world, "zape", LegState::Undone);
    assert_allowed(&world.plan());
}

#[test]
fn a_run_on_a_node_that_the_limit_leaves_out_concerns_its_peer() {
    let mut world = changed();
    world.options.limit = Some(["zipi".to_owned()].into());
    lock(&mut world, "zape");
    assert_refused(&world.plan(), RefusalKind::Locked, "zape", "locked by");
}

#[test]
fn a_recovery_that_failed_comes_before_any_change() {
    let mut world = changed();
    world.facts("zape").recovery_failed = Some("the store is damaged".to_owned());
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "zape",
        "the store is damaged",
    );
}

#[test]
fn distribution_packages_that_are_missing_are_named() {
    let mut world = changed();
    world.desired_host("zape").base = vec!["apache2".to_owned(), "heartbeat".to_owned()];
    world
        .facts("zape")
        .base
        .insert("heartbeat".to_owned(), None);
    let plan = world.plan();
    assert_refused(&plan, RefusalKind::NotReady, "zape", "missing: heartbeat");
    assert!(plan.refusals[0].hint.contains("tandem prepare"));
}
