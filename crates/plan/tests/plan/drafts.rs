//! From a plan to orders: forth, and complete beside it the way back.

use crate::contents::{HTTPD, MPM, Wish, site};
use crate::world::{World, host, only, verbs};
use jiff::Timestamp;
use tandem_generation::Cause;
use tandem_plan::Plan;
use tandem_plan::draft::{Circumstances, drafts};

#[test]
fn the_undo_of_a_first_install_leaves_nothing_of_ours() {
    let plan = World::bare().plan();
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    assert!(draft.undo.target.is_none());
    assert!(draft.undo.obsoletes.is_empty());
    let target = draft.forward.target.as_ref().expect("a target");
    assert_eq!((target.number, &target.cause), (1, &Cause::Applied));
    assert_eq!(target.members, ["zape", "zipi"]);
    assert_eq!(target.cluster.as_deref(), Some("web"));
    assert_eq!(target.inventory.commit.as_deref(), Some("now"));
}

#[test]
fn the_undo_says_what_it_undid_and_is_otherwise_what_was_there() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(HTTPD, "KeepAliveTimeout 7\n");
    });
    let plan = world.plan();
    let draft = &drafts(&plan, host(&plan, "zape"))[0];
    let (forth, back) = (
        draft.forward.target.as_ref().expect("a target"),
        draft.undo.target.as_ref().expect("a way back"),
    );
    assert_eq!((forth.number, back.number), (3, 4));
    assert!(
        matches!(&back.cause, Cause::RolledBack { of: 3, content, .. }
        if *content == forth.content.identity())
    );
    assert_eq!(back.content, site().content);
    assert_eq!(back.inventory.commit.as_deref(), Some("then"));
}

#[test]
fn orders_carry_the_plans_digest_and_the_dead_mans_time() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    let plan = world.plan();
    let circumstances = Circumstances {
        run: "20261120T104950Z-alice-3f2a".parse().expect("a run"),
        operator: "alice@desk".to_owned(),
        created: Timestamp::UNIX_EPOCH,
    };
    for draft in drafts(&plan, host(&plan, "zape")) {
        let leg = only(&plan, "zape");
        let order = draft.order(&plan, &circumstances, None, None, Vec::new());
        assert_eq!(order.plan, plan.digest());
        assert_eq!((order.leg, order.confirm_within_s), (1, 120));
        assert_eq!(order.forward.install, leg.install);
        assert_eq!(verbs(&order.undo.after), verbs(&leg.undo_after));
    }
}

#[test]
fn a_plan_that_was_saved_is_the_plan_that_was_made() {
    let mut world = World::three();
    world.add_cluster("db", &["bravo", "charlie"]);
    world.settle("db", "bravo");
    for (cluster, seconds) in world.desired.clusters.iter_mut().zip([0.1, 0.2]) {
        cluster.switchover_seconds = seconds;
    }
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    world.silence("alfa", false);
    let plan = world.plan();
    assert!(!plan.steps.is_empty() && !plan.refusals.is_empty());
    // Not 0.30000000000000004, which nobody reads back for certain.
    assert_eq!(plan.impact.seconds.to_string(), "0.3");
    let text = serde_json::to_string(&plan).expect("plans can be written");
    let back: Plan = serde_json::from_str(&text).expect("and read");
    assert_eq!(back, plan);
    assert_eq!(back.digest(), plan.digest());
}
