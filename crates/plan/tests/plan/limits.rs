//! `--limit`, `--without`, and hosts that do not answer.

use crate::contents::{HTTPD, MPM, Wish};
use crate::world::{World, assert_allowed, assert_noted, assert_refused, order};
use tandem_plan::RefusalKind;

fn reload() -> World {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
    });
    world
}

fn limit(world: &mut World, host: &str) {
    world.options.limit = Some([host.to_owned()].into());
}

#[test]
fn a_host_that_does_not_answer_stops_everything() {
    let mut world = reload();
    world.silence("zape", false);
    assert_refused(
        &world.plan(),
        RefusalKind::Unreachable,
        "zape",
        "no route to host",
    );
    world.known.remove("zape");
    assert_refused(&world.plan(), RefusalKind::Unreachable, "zape", "not asked");
}

#[test]
fn without_goes_on_and_says_who_will_be_behind() {
    let mut world = reload();
    world.silence("zape", false);
    world.options.without = ["zape".to_owned()].into();
    let plan = world.plan();
    assert_allowed(&plan);
    assert_noted(&plan, "zape", "it will be behind");
    assert_noted(&plan, "web", "not redundant");
    assert_eq!(
        order(&plan),
        ["activate zipi", "confirm zipi", "check zipi"]
    );
}

#[test]
fn without_a_node_of_another_cluster_excuses_nothing_here() {
    let mut world = reload();
    world.add_cluster("db", &["alfa", "bravo"]);
    world.settle("db", "alfa");
    world.options.without = ["bravo".to_owned()].into();
    world.break_engine("zape");
    limit(&mut world, "zipi");
    assert_refused(
        &world.plan(),
        RefusalKind::NotRedundant,
        "web",
        "zape is not heard",
    );
}

#[test]
fn without_leaves_a_host_out_though_it_answers() {
    let mut world = reload();
    world.options.without = ["zape".to_owned()].into();
    let plan = world.plan();
    assert_noted(&plan, "zape", "left out by --without");
    assert!(!plan.hosts.contains_key("zape"));
}

#[test]
fn limit_changes_only_what_it_names_and_tells_what_it_leaves_out() {
    let mut world = reload();
    limit(&mut world, "zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_noted(&plan, "zipi", "left out by --limit");
    assert_eq!(
        order(&plan),
        ["activate zape", "confirm zape", "check zape zipi"]
    );
}

#[test]
fn a_limit_to_the_holder_moves_its_resources_to_the_peer_as_it_is() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    limit(&mut world, "zipi");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        [
            "check zape zipi",
            "move zipi > zape",
            "check zape zipi",
            "activate zipi",
            "confirm zipi",
            "check zape zipi",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_host_that_is_left_out_does_not_matter() {
    let mut world = reload();
    limit(&mut world, "zape");
    world.facts("zipi").store.clear();
    world.facts("zipi").recovery_failed = Some("no space".to_owned());
    world.facts("zipi").base.clear();
    assert_allowed(&world.plan());
}

#[test]
fn a_host_that_is_left_out_need_not_answer() {
    let mut world = reload();
    world.silence("zipi", true);
    limit(&mut world, "zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_noted(&plan, "zipi", "does not answer");
    assert_noted(&plan, "zipi", "taken for the one that serves");
    // Who holds the resources cannot be asked, so there is no check to fail.
    assert_eq!(order(&plan), ["activate zape", "confirm zape"]);
}

#[test]
fn a_limit_that_names_no_host_of_a_cluster_leaves_the_cluster_alone() {
    let mut world = reload();
    limit(&mut world, "somebody-else");
    let plan = world.plan();
    assert!(plan.is_empty());
    assert_eq!(order(&plan), [""; 0]);
}
