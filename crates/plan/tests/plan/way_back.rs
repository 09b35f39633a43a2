//! The way back is on the host before the way forth begins.

use crate::contents::{Wish, package};
use crate::world::{World, assert_allowed, assert_refused};
use tandem_plan::RefusalKind;

fn upgrade() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.install("web-site", "1.1.0");
    });
    world
}

#[test]
fn a_package_of_the_way_back_that_left_the_store_forbids_the_run() {
    let mut world = upgrade();
    world.facts("zape").store.clear();
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NotReady,
        "zape",
        "web-site-1.0.0-1.noarch",
    );
    assert!(plan.refusals[0].hint.contains("/var/lib/tandem/store"));
    // What stays as it is comes with the way forth.
    assert!(!plan.refusals[0].what.contains("tandem-host"));
}

#[test]
fn a_bare_host_needs_nothing_for_its_way_back() {
    assert_allowed(&World::bare().plan());
}

#[test]
fn a_host_without_space_is_named_with_the_directory() {
    let mut world = upgrade();
    world.facts("zape").space[1].free_bytes = 1 << 20;
    let plan = world.plan();
    assert_refused(
        &plan,
        RefusalKind::NotReady,
        "zape",
        "/var/lib/tandem has 1 MiB free",
    );
    assert_eq!(plan.refusals.len(), 1);
}

#[test]
fn what_the_host_has_already_needs_no_space() {
    let mut world = upgrade();
    world.want(|leg| leg.install("web-site", "1.1.0").size = 1 << 30);
    world.facts("zape").space[0].free_bytes = 1 << 30;
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "zape",
        "MiB are wanted",
    );
    let there = package("web-site", "1.1.0").file;
    world.facts("zape").store.push(there);
    assert_allowed(&world.plan());
}

#[test]
fn sizes_beyond_all_measure_are_refused_and_do_not_overflow() {
    let mut world = upgrade();
    world.want(|leg| {
        leg.install("web-site", "1.1.0").size = u64::MAX;
        leg.install("extra", "1.0.0").size = u64::MAX;
    });
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "zape",
        "MiB are wanted",
    );
}
