//! The file of engine clusterd for the example's pair, and what it refuses, where the pair
//! goes by what it reaches.

mod world;

use cluster_model::{Agent, Resource};
use tandem_engine::engine;
use tandem_model::{EngineKind, Reach};
use world::World;

fn by_reach() -> World {
    World::new(|inventory| {
        for cluster in &mut inventory.clusters {
            let choice = cluster.engine.as_mut().expect("its engine");
            choice.kind = EngineKind::Clusterd;
            choice.lease.reach = Some(Reach {
                pause_ms: None,
                wait_ms: Some(5_000),
            });
        }
    })
}

fn problems(world: &World) -> Vec<String> {
    let problems = engine(EngineKind::Clusterd).problems(&world.seat());
    problems.into_iter().map(|it| it.0).collect()
}

#[test]
fn a_pair_that_goes_by_what_it_reaches_says_so_in_its_file() {
    let world = by_reach();
    assert_eq!(problems(&world), Vec::<String>::new());
    let text = world.text("/etc/clusterd/cluster.yaml");
    for wanted in [
        "arbitration: reach\n",
        "reach:\n  accept_split_brain_risk: true\n  wait_ms: 5000\n",
        "ping: [10.77.4.1]\n",
    ] {
        assert!(text.contains(wanted), "`{wanted}` is in {text}");
    }
    assert!(world.part().values["engine.terms"].contains("zape, reach over"));
}

#[test]
fn what_such_a_pair_lacks_and_what_it_must_not_have_is_said() {
    let mut world = by_reach();
    world.files.resources.ping.clear();
    let first = world.files.resources.resources.first_mut();
    match first.expect("a resource") {
        Resource::Primitive(member) => &mut member.agent,
        Resource::Group { members, .. } => &mut members[0].agent,
    }
    .clone_from(&Agent::Ocf {
        provider: "linbit".to_owned(),
        kind: "drbd".to_owned(),
        parameters: std::collections::BTreeMap::new(),
    });
    world.inventory.clusters[0].nodes.pop();
    let problems = problems(&world);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("only a pair"), "{problems:#?}");
    assert!(problems[1].contains("has none"), "{problems:#?}");
    assert!(problems[2].contains("both could write"), "{problems:#?}");
}
