//! A key changes in phases that keep both sides talking: accept both, switch,
//! drop the old one.

use crate::contents::{AUTHKEYS, HEARTBEAT, MPM, Wish, site};
use crate::world::{World, assert_allowed, assert_noted, assert_refused, order};
use tandem_plan::draft::drafts;
use tandem_plan::{DesiredLeg, Plan, RefusalKind};

fn phase(title: &str, keys: &str) -> DesiredLeg {
    let mut leg = site();
    title.clone_into(&mut leg.title);
    leg.write(AUTHKEYS, keys);
    leg.texts.remove(AUTHKEYS);
    let values = &mut leg.content.cluster_values;
    values.insert("engine.keys".to_owned(), keys.to_owned());
    leg
}

fn phases() -> [DesiredLeg; 3] {
    [
        phase("accept both", "auth 1\n1 sha1 first\n2 sha1 second\n"),
        phase("send with key 2", "auth 2\n1 sha1 first\n2 sha1 second\n"),
        phase("drop the old key", "auth 2\n2 sha1 second\n"),
    ]
}

fn rotation() -> World {
    let mut world = World::pair();
    world.want_legs(&phases());
    world
}

fn legs_of(plan: &Plan, host: &str) -> Vec<u32> {
    plan.hosts[host].legs.iter().map(|leg| leg.leg).collect()
}

#[test]
fn all_nodes_do_a_phase_before_any_does_the_next() {
    let plan = rotation().plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        [
            "activate zape",
            "confirm zape",
            "check zape zipi",
            "activate zipi",
            "confirm zipi",
            "check zape zipi",
            "activate zape #2",
            "confirm zape #2",
            "check zape zipi",
            "activate zipi #2",
            "confirm zipi #2",
            "check zape zipi",
            "activate zape #3",
            "confirm zape #3",
            "check zape zipi",
            "activate zipi #3",
            "confirm zipi #3",
            "check zape zipi",
        ]
    );
}

#[test]
fn every_phase_has_numbers_of_its_own_for_forth_and_back() {
    let plan = rotation().plan();
    let numbers: Vec<(u64, u64)> = plan.hosts["zipi"]
        .legs
        .iter()
        .map(|leg| (leg.generation, leg.undo_generation))
        .collect();
    assert_eq!(numbers, [(3, 4), (5, 6), (7, 8)]);
    let drafts = drafts(&plan, &plan.hosts["zipi"]);
    let undone: Vec<_> = drafts
        .iter()
        .map(|draft| {
            let target = draft.undo.target.as_ref().expect("a way back");
            (target.number, target.content.identity())
        })
        .collect();
    // The undo of each phase makes what the phase before was.
    assert_eq!(undone[0].1, site().content.identity());
    assert_eq!(undone[1].1, phases()[0].content.identity());
    assert_eq!(undone[2].1, phases()[1].content.identity());
}

#[test]
fn a_phase_that_changes_nothing_is_skipped() {
    let mut world = rotation();
    let [first, second, _] = phases();
    for host in ["zipi", "zape"] {
        *world.leg(host) = first.clone();
        world.settle_host("web", host, 5);
    }
    let [_, _, third] = phases();
    world.want_legs(&[first, second, third]);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(legs_of(&plan, "zipi"), [1, 2]);
    let titles: Vec<&str> = plan.hosts["zipi"]
        .legs
        .iter()
        .map(|leg| leg.title.as_str())
        .collect();
    assert_eq!(titles, ["send with key 2", "drop the old key"]);
}

#[test]
fn a_node_that_is_ahead_waits_for_the_others_phase() {
    // An interrupted rotation: zape accepts both keys already, zipi does not.
    let mut world = rotation();
    *world.leg("zape") = phases()[0].clone();
    world.settle_host("web", "zape", 5);
    world.want_legs(&phases());
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(legs_of(&plan, "zape"), [2, 3]);
    assert_eq!(legs_of(&plan, "zipi"), [1, 2, 3]);
    let order = order(&plan);
    let at = |step: &str| order.iter().position(|other| other == step);
    // Nobody sends with the new key before everybody accepts it.
    assert!(at("confirm zipi") < at("activate zape #2"), "{order:#?}");
    assert!(at("confirm zipi #2") < at("activate zape #3"), "{order:#?}");
}

#[test]
fn a_way_that_differs_between_hosts_ends_together() {
    // A rollback knows other stages on each host; the last one is the same.
    let mut world = rotation();
    let [first, second, third] = phases();
    world.desired_host("zape").legs = vec![second, third];
    let plan = world.plan();
    assert_eq!(legs_of(&plan, "zape"), [2, 3]);
    assert_eq!(plan.hosts["zipi"].legs[0].content, first.content);
    assert_eq!(legs_of(&plan, "zipi"), [1, 2, 3]);
}

#[test]
fn who_holds_the_resources_after_a_phase_changes_last_in_the_next() {
    let mut world = World::pair();
    let states: Vec<DesiredLeg> = ["8", "9"]
        .iter()
        .map(|count| {
            let mut leg = site();
            leg.write(MPM, &format!("processes {count}\n"));
            leg
        })
        .collect();
    world.want_legs(&states);
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        [
            "activate zape",
            "confirm zape",
            "check zape zipi",
            "move zipi > zape",
            "check zape zipi",
            "activate zipi",
            "confirm zipi",
            "check zape zipi",
            "activate zipi #2",
            "confirm zipi #2",
            "check zape zipi",
            "move zape > zipi",
            "check zape zipi",
            "activate zape #2",
            "confirm zape #2",
            "check zape zipi",
        ]
    );
    assert_eq!(plan.impact.moves, 2);
}

#[test]
fn a_limit_does_not_split_a_phase() {
    let mut world = rotation();
    world.options.limit = Some(["zape".to_owned()].into());
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "web",
        "--limit would split",
    );
    world.options.limit = Some(["zape".to_owned(), "zipi".to_owned()].into());
    assert_allowed(&world.plan());
}

#[test]
fn a_key_does_not_change_behind_the_back_of_a_node_that_is_down() {
    let mut world = rotation();
    world.silence("zape", false);
    world.options.without = ["zape".to_owned()].into();
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "web",
        "would come back without it",
    );
    world.options.accept_outage = true;
    let plan = world.plan();
    assert_allowed(&plan);
    assert_noted(&plan, "web", "will not hear each other");
}

#[test]
fn a_rotation_reloads_the_engine_and_interrupts_nothing() {
    let plan = rotation().plan();
    assert!(plan.impact.is_none());
    for leg in &plan.hosts["zipi"].legs {
        assert_eq!(
            crate::world::verbs(&leg.after),
            [format!("try-reload-or-restart {HEARTBEAT}")]
        );
        let keys = leg.files.iter().find(|file| file.path == AUTHKEYS);
        let keys = keys.expect("the keys change");
        assert!(keys.secret && keys.diff.is_none());
    }
}
