//! Rolled back, and rolling back.

use crate::contents::{HTTPD, Wish, site};
use crate::world::{
    World, assert_allowed, assert_noted, assert_refused, generation, host, record, source,
};
use tandem_generation::{Cause, Content};
use tandem_plan::draft::drafts;
use tandem_plan::{DesiredLeg, Plan, RefusalKind};

fn better() -> DesiredLeg {
    let mut leg = site();
    leg.write(HTTPD, "KeepAliveTimeout 7\n");
    leg
}

/// `zape` went back from `left`, and the same is desired again.
fn went_back(left: &Content) -> World {
    let mut world = World::pair();
    world.want(|leg| *leg = better());
    let now = world
        .facts("zape")
        .generation
        .as_mut()
        .expect("a generation");
    now.number = 7;
    now.cause = Cause::RolledBack {
        of: 6,
        content: left.identity(),
        because: "health check site: 500".to_owned(),
    };
    world
}

#[test]
fn a_plan_says_what_was_rolled_back_and_why() {
    let world = went_back(&better().content);
    let plan = world.plan();
    assert_noted(
        &plan,
        "zape",
        "rolled back in generation 7, from generation 6, because health check site: 500",
    );
    assert!(!plan.notes.iter().any(|note| note.about == "zipi"));
}

#[test]
fn the_same_again_wants_to_be_said() {
    let mut world = went_back(&better().content);
    let plan = world.plan();
    assert_refused(&plan, RefusalKind::NeedsConsent, "zape", "generation 6");
    // The host that was never changed has nothing to be asked about.
    assert_eq!(plan.refusals.len(), 1);
    world.options.again = true;
    assert_allowed(&world.plan());
}

#[test]
fn something_else_needs_no_word() {
    let mut world = went_back(&better().content);
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 6\n");
    });
    assert_allowed(&world.plan());
}

#[test]
fn a_run_of_several_phases_is_remembered_by_its_first() {
    let mut first = better();
    first
        .content
        .cluster_values
        .insert("phase".to_owned(), "1".to_owned());
    let mut world = went_back(&first.content);
    world.want_legs(&[first, better()]);
    assert_refused(
        &world.plan(),
        RefusalKind::NeedsConsent,
        "zape",
        "generation 6",
    );
}

/// Both nodes are in generation 3 and shall go back to 1, by these states.
fn going_back(states: &[DesiredLeg]) -> World {
    let mut world = World::pair();
    world.want(|leg| *leg = better());
    for name in ["zipi", "zape"] {
        world.settle_host("web", name, 3);
        let old = generation(name, 1, site().content);
        let facts = world.facts(name);
        facts.records.insert(0, record(old));
        let kept = site().content.packages.into_iter();
        facts.store.extend(kept.map(|package| package.file));
    }
    let legs: Vec<DesiredLeg> = states
        .iter()
        .map(|leg| DesiredLeg {
            rollback: Some("visitors complain".to_owned()),
            inventory: Some(source("then")),
            texts: std::collections::BTreeMap::new(),
            ..leg.clone()
        })
        .collect();
    world.want_legs(&legs);
    world
}

fn causes(plan: &Plan) -> Vec<(u64, Cause)> {
    drafts(plan, host(plan, "zape"))
        .into_iter()
        .map(|draft| {
            let target = draft.forward.target.expect("a target");
            (target.number, target.cause)
        })
        .collect()
}

#[test]
fn a_rollback_makes_a_new_generation_that_says_what_it_left_and_why() {
    let plan = going_back(&[site()]).plan();
    assert_allowed(&plan);
    let left = Cause::RolledBack {
        of: 3,
        content: better().content.identity(),
        because: "visitors complain".to_owned(),
    };
    assert_eq!(causes(&plan), [(5, left)]);
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    let target = draft.forward.target.as_ref().expect("a target");
    assert_eq!(target.inventory, source("then"));
    assert_eq!(target.content.identity(), site().content.identity());
}

#[test]
fn a_rollback_by_stages_leaves_what_was_there_before_all_of_them() {
    let mut between = site();
    between
        .content
        .cluster_values
        .insert("phase".to_owned(), "2".to_owned());
    let plan = going_back(&[between, site()]).plan();
    for (_, cause) in causes(&plan) {
        assert!(
            matches!(&cause, Cause::RolledBack { of: 3, content, .. }
                if *content == better().content.identity()),
            "{cause:?}"
        );
    }
}

#[test]
fn a_rollback_does_not_ask_twice_whether_it_is_meant() {
    let mut world = going_back(&[site()]);
    let now = world
        .facts("zape")
        .generation
        .as_mut()
        .expect("a generation");
    now.cause = Cause::RolledBack {
        of: 1,
        content: site().content.identity(),
        because: "a mistake".to_owned(),
    };
    assert_allowed(&world.plan());
}

#[test]
fn a_rollback_takes_everything_from_the_hosts_store() {
    let mut world = going_back(&[site()]);
    let config = site().content.package("tandem-config").cloned();
    let config = config.expect("the host package").file;
    world.facts("zape").store.retain(|file| *file != config);
    assert_refused(
        &world.plan(),
        RefusalKind::NotReady,
        "zape",
        "tandem-config",
    );
}

#[test]
fn a_host_that_could_not_be_asked_for_its_way_back_is_refused() {
    let mut world = going_back(&[site()]);
    world.silence("zape", false);
    world.desired_host("zape").legs.clear();
    assert_refused(&world.plan(), RefusalKind::Unreachable, "zape", "no route");
}
