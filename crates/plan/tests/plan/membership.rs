//! Generations name the members of their cluster.

use crate::contents::{HTTPD, Wish};
use crate::world::{World, assert_allowed, assert_refused, host, only};
use tandem_plan::RefusalKind;
use tandem_plan::draft::drafts;

#[test]
fn other_members_are_a_change_though_the_content_is_the_same() {
    let mut world = World::pair();
    let now = world
        .facts("zipi")
        .generation
        .as_mut()
        .expect("a generation");
    now.members = vec!["zipi".to_owned()];
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zipi");
    assert!(leg.packages.is_empty() && leg.install.is_empty() && leg.files.is_empty());
    assert_eq!(leg.generation, 3);
    assert_eq!(plan.unchanged, ["zape"]);
    let draft = &drafts(&plan, host(&plan, "zipi"))[0];
    let target = draft.forward.target.as_ref().expect("a target");
    assert_eq!(target.members, ["zape", "zipi"]);
    let back = draft.undo.target.as_ref().expect("a way back");
    assert_eq!(back.members, ["zipi"]);
}

#[test]
fn the_order_in_which_an_inventory_lists_its_nodes_does_not_matter() {
    let mut world = World::pair();
    world.cluster().hosts.reverse();
    assert!(world.plan().is_empty());
    for name in ["zipi", "zape"] {
        let now = world.facts(name).generation.as_mut().expect("a generation");
        now.members.reverse();
    }
    assert!(world.plan().is_empty());
}

#[test]
fn a_host_that_vanished_from_the_inventory_is_orphaned_until_it_is_retired() {
    let mut world = World::three();
    world.cluster().hosts.retain(|host| host.host != "alfa");
    world.view().remove("alfa");
    let plan = world.plan();
    assert_refused(&plan, RefusalKind::NotReady, "zipi", "alfa was a member");
    assert!(plan.refusals[0].hint.contains("tandem retire alfa"));
    for name in ["zipi", "zape"] {
        world.facts(name).retired = vec!["alfa".to_owned()];
    }
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(host(&plan, "zipi").members, ["zape", "zipi"]);
}

#[test]
fn words_that_change_nothing_on_the_disk_make_a_generation_without_packages() {
    let mut world = World::pair();
    world.want(|leg| {
        let values = &mut leg.content.cluster_values;
        values.insert("engine.wire".to_owned(), "694 over hb".to_owned());
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let leg = only(&plan, "zape");
    assert!(leg.install.is_empty() && leg.erase.is_empty());
    assert!(leg.before.is_empty() && leg.after.is_empty() && leg.disturbs.is_empty());
}

#[test]
fn checks_and_observations_alone_change_nothing() {
    let mut world = World::pair();
    world.want(|leg| leg.content.observe.push(crate::world::command("rscstatus")));
    assert!(world.plan().is_empty());
}

#[test]
fn numbers_go_on_after_everything_that_was_ever_seen() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
    });
    world.facts("zape").next_number = 40;
    // A host that lost count: its own records know better.
    world.facts("zipi").next_number = 1;
    let plan = world.plan();
    let numbers = |name: &str| {
        let leg = only(&plan, name);
        (leg.generation, leg.undo_generation)
    };
    assert_eq!(numbers("zape"), (40, 41));
    assert_eq!(numbers("zipi"), (2, 3));
    world.facts("zape").next_number = u64::MAX;
    let plan = world.plan();
    assert_refused(&plan, RefusalKind::NotReady, "zape", "no number after");
}
