//! Who changes first, what moves, what stands still.

use crate::contents::{APACHE, HEARTBEAT, HTTPD, ISSUE, MPM, Wish};
use crate::world::{World, assert_allowed, host, only, order, verbs};
use cluster_model::NodeState;
use tandem_plan::StepKind;

#[test]
fn where_nothing_serves_all_change_together() {
    let plan = World::bare().plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zape zipi", "confirm zape zipi", "check zape zipi"]
    );
    assert!(plan.impact.is_none());
    assert!(host(&plan, "zipi").from.is_none());
}

#[test]
fn a_host_that_is_as_it_should_be_has_nothing_to_do() {
    let plan = World::pair().plan();
    assert_allowed(&plan);
    assert!(plan.is_empty());
    assert_eq!(plan.unchanged, ["zipi", "zape"]);
    assert_eq!(order(&plan), [""; 0]);
}

#[test]
fn a_restart_moves_the_resources_to_the_verified_passive_node_first() {
    let mut world = World::pair();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
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
        ]
    );
    assert_eq!((plan.impact.moves, plan.impact.seconds), (1, 1.5));
    assert_eq!(only(&plan, "zipi").disturbs, [APACHE]);
    assert_eq!(
        verbs(&only(&plan, "zape").after),
        [format!("try-restart {APACHE}")]
    );
    let (give, give_back) = plan
        .steps
        .iter()
        .find_map(|step| match &step.kind {
            StepKind::Switchover {
                give, give_back, ..
            } => Some((give[0].name.clone(), give_back[0].name.clone())),
            _ => None,
        })
        .expect("a switchover");
    assert_eq!(
        (give.as_str(), give_back.as_str()),
        ("give zipi", "give zape")
    );
}

#[test]
fn what_needs_no_restart_moves_nothing() {
    for path in [HTTPD, ISSUE] {
        let mut world = World::pair();
        world.want(|leg| {
            leg.write(path, "something else\n");
        });
        let plan = world.plan();
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
            ]
        );
        assert!(plan.impact.is_none());
    }
}

#[test]
fn a_node_that_holds_nothing_changes_alone_when_only_it_differs() {
    let mut world = World::pair();
    world.leg("zape").write(MPM, "processes 8\n");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zape", "confirm zape", "check zape zipi"]
    );
    assert_eq!(plan.unchanged, ["zipi"]);
}

#[test]
fn a_broken_node_goes_first_and_the_rest_follows_if_it_heals() {
    let mut world = World::three();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    world.break_engine("zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        [
            "activate zape",
            "confirm zape",
            "check zape zipi",
            "activate alfa",
            "confirm alfa",
            "check alfa zape zipi",
            "move zipi > alfa",
            "check alfa zipi",
            "activate zipi",
            "confirm zipi",
            "check alfa zape zipi",
        ]
    );
}

#[test]
fn a_node_whose_engine_runs_unheard_is_broken_too() {
    let mut world = World::three();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    for node in ["zipi", "alfa"] {
        let status = world.view().get_mut(node).expect("a node");
        status.nodes.insert("zape".to_owned(), NodeState::Offline);
    }
    let plan = world.plan();
    assert_eq!(order(&plan)[0], "activate zape");
    assert_eq!(order(&plan)[2], "check zape zipi");
}

#[test]
fn a_blank_replacement_beside_a_living_holder_changes_alone() {
    let mut world = World::pair();
    let blank = World::bare();
    world
        .known
        .insert("zape".to_owned(), blank.known["zape"].clone());
    world.break_engine("zape");
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        ["activate zape", "confirm zape", "check zape zipi"]
    );
    assert_eq!(plan.unchanged, ["zipi"]);
}

#[test]
fn a_blank_replacement_takes_over_once_it_is_verified() {
    let mut world = World::pair();
    let blank = World::bare();
    world
        .known
        .insert("zape".to_owned(), blank.known["zape"].clone());
    world.break_engine("zape");
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
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
        ]
    );
}

#[test]
fn what_a_distribution_started_on_bare_hosts_is_nobodys_service() {
    let mut world = World::bare();
    for node in ["zipi", "zape"] {
        world.view().get_mut(node).expect("a node").held_here = vec![APACHE.to_owned()];
        for unit in &mut world.facts(node).units {
            if unit.unit == APACHE {
                "active".clone_into(&mut unit.active);
            }
        }
    }
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(order(&plan)[0], "activate zape zipi");
    assert_eq!(
        verbs(&only(&plan, "zape").before),
        [format!("stop {APACHE}")]
    );
    crate::world::assert_noted(&plan, "zape", "no cluster");
}

#[test]
fn clusters_follow_the_order_of_their_endpoints() {
    let mut world = World::pair();
    world.desired.clusters[0].name = "zz-backend".to_owned();
    let view = world.views.remove("web").expect("a view");
    world.views.insert("zz-backend".to_owned(), view);
    world.add_cluster("frontend", &["alfa", "bravo"]);
    world.settle("frontend", "bravo");
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    let plan = world.plan();
    assert_allowed(&plan);
    let clusters: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| step.cluster.as_str())
        .collect();
    assert_eq!(clusters[..8], ["zz-backend"; 8]);
    assert_eq!(clusters[8..], ["frontend"; 8]);
    assert_eq!(plan.impact.moves, 2);
    let numbers: Vec<usize> = plan.steps.iter().map(|step| step.number).collect();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
}

#[test]
fn hosts_without_an_engine_change_one_after_the_other() {
    let mut world = World::pair();
    world.cluster().switchover.clear();
    "none".clone_into(&mut world.cluster().engine);
    world.views.clear();
    world.want(|leg| {
        leg.content.units.retain(|policy| policy.unit != HEARTBEAT);
        leg.content.guarded_units.clear();
    });
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(
        order(&plan),
        [
            "activate zape",
            "confirm zape",
            "activate zipi",
            "confirm zipi",
            "check zape zipi",
        ]
    );
}

#[test]
fn bare_hosts_without_an_engine_change_together() {
    let mut world = World::bare();
    world.cluster().switchover.clear();
    world.views.clear();
    let plan = world.plan();
    assert_allowed(&plan);
    assert_eq!(order(&plan)[0], "activate zape zipi");
}

#[test]
fn a_host_without_legs_or_a_cluster_without_hosts_is_left_alone() {
    let mut world = World::pair();
    world.desired_host("zape").legs.clear();
    world.add_cluster("empty", &[]);
    let plan = world.plan();
    assert_allowed(&plan);
    assert!(plan.is_empty());
}

#[test]
fn a_node_in_standby_takes_nothing_over() {
    let mut world = World::three();
    world.want(|leg| {
        leg.write(MPM, "processes 8\n");
    });
    for status in world.view().values_mut() {
        status.nodes.insert("alfa".to_owned(), NodeState::Standby);
    }
    let plan = world.plan();
    assert_allowed(&plan);
    assert!(order(&plan).contains(&"move zipi > zape".to_owned()));
}
