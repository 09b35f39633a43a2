//! The file of engine clusterd for the example's pair, and what it refuses, where the pair
//! goes by what it reaches.

mod world;

use cluster_model::{Agent, Resource};
use std::collections::BTreeMap;
use tandem_engine::engine;
use tandem_model::{EngineKind, Fence, FenceLevel, Reach, Spanned};
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

/// So many nodes, of which these vote, if any are named.
fn of_nodes(count: usize, voters: Option<&[&str]>) -> World {
    World::new(|inventory| {
        let cluster = &mut inventory.clusters[0];
        cluster.nodes.truncate(2);
        cluster.nodes.extend((2..count).map(|n| format!("n{n}")));
        let at = cluster.engine.as_ref().expect("its engine").at.clone();
        let choice = cluster.engine.as_mut().expect("its engine");
        choice.kind = EngineKind::Clusterd;
        choice.lease.voters = voters.map(|names| {
            let names = names.iter();
            names
                .map(|name| Spanned::new((*name).to_owned(), at.clone()))
                .collect()
        });
    })
}

#[test]
fn of_many_nodes_an_odd_number_votes() {
    for count in [3, 7, 8, 16] {
        assert_eq!(problems(&of_nodes(count, None)), Vec::<String>::new());
    }
    for (count, voters, wrong) in [
        (4, None, "4 voters"),
        (4, Some(&["zipi", "zape"][..]), "2 voters"),
        (16, Some(&["zipi", "zape", "yoda"][..]), "yoda is to vote"),
    ] {
        let problems = problems(&of_nodes(count, voters));
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].contains(wrong), "{problems:#?}");
    }
    let three = of_nodes(4, Some(&["zipi", "zape", "n3"]));
    assert_eq!(problems(&three), Vec::<String>::new());
}

#[test]
fn who_votes_is_in_the_file_and_in_the_terms() {
    let world = of_nodes(2, Some(&["zape"]));
    assert!(
        world
            .text("/etc/clusterd/cluster.yaml")
            .contains("voters: [zape]\n")
    );
    assert!(world.part().values["engine.terms"].contains("voters zape"));
}

#[test]
fn who_would_not_hear_the_others_any_more_is_incompatible() {
    let values = |world: &World| world.part().values.clone();
    let says = |after: &World| {
        let before = values(&of_nodes(2, None));
        engine(EngineKind::Clusterd).incompatible(&before, &values(after))
    };
    assert_eq!(says(&of_nodes(2, None)), None);
    let mut moved = of_nodes(2, None);
    let choice = moved.inventory.clusters[0].engine.as_mut();
    choice.expect("its engine").lease.port = Some(5999);
    let said = says(&moved).expect("a port that moves is said");
    assert!(said.contains("port 5410 becomes zipi"), "{said}");
    assert!(said.ends_with("port 5999"), "{said}");

    // A cluster that no daemon hears takes no port, wherever its name stands.
    let mut grown = of_nodes(2, None);
    let mut archive = grown.inventory.clusters[0].clone();
    archive.name = "archive".to_owned();
    archive.engine = None;
    grown.inventory.clusters.push(archive);
    assert_eq!(says(&grown), None);
}

#[test]
fn what_is_known_of_virtual_machines_is_in_the_file_where_time_decides() {
    let known = |mut world: World| {
        let choice = world.inventory.clusters[0].engine.as_mut();
        choice.expect("its engine").lease.accept_pause_risk = true;
        world
    };
    let by_time = known(of_nodes(3, None));
    assert_eq!(problems(&by_time), Vec::<String>::new());
    let text = by_time.text("/etc/clusterd/cluster.yaml");
    assert!(text.contains("accept_pause_risk: true\n"), "{text}");
    let problems = problems(&known(by_reach()));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("where time decides"), "{problems:#?}");
}

#[test]
fn what_cannot_be_stopped_makes_its_node_go_down_in_each_mode() {
    for world in [of_nodes(2, None), by_reach(), fenced()] {
        let text = world.text("/etc/clusterd/cluster.yaml");
        assert!(text.contains("  fencing: true\n"), "{text}");
    }
}

/// Each node has a BMC, and an outlet of one power strip.
fn fenced() -> World {
    World::new(|inventory| {
        let cluster = &mut inventory.clusters[0];
        let nodes = cluster.nodes.clone();
        let by_node = |suffix: &str| -> BTreeMap<String, String> {
            let nodes = nodes.iter();
            nodes
                .map(|node| (node.clone(), format!("{node}{suffix}")))
                .collect()
        };
        let choice = cluster.engine.as_mut().expect("its engine");
        choice.kind = EngineKind::Clusterd;
        let level = |agent: &str| FenceLevel {
            agent: agent.to_owned(),
            parameters: BTreeMap::new(),
            addresses: BTreeMap::new(),
            plugs: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        choice.lease.fence = Some(Fence {
            levels: vec![
                FenceLevel {
                    addresses: by_node("-bmc"),
                    ..level("fence_ipmilan")
                },
                FenceLevel {
                    parameters: [("ip".to_owned(), "10.1.0.9".to_owned())].into(),
                    plugs: by_node("-outlet"),
                    secrets: [(
                        "community".to_owned(),
                        Spanned::new("pdu_community".to_owned(), choice.at.clone()),
                    )]
                    .into(),
                    ..level("fence_apc_snmp")
                },
            ],
            first: Some("zape".to_owned()),
            limit_ms: 8_000,
            delay_ms: 9_000,
            power_on: true,
        });
    })
}

#[test]
fn each_node_has_its_device_of_each_level_in_their_order() {
    let world = fenced();
    assert_eq!(problems(&world), Vec::<String>::new());
    let text = world.text("/etc/clusterd/cluster.yaml");
    let wanted = "\
fencing:
  first: zape
  delay_ms: 9000
  limit_ms: 8000
  power_on: true
  devices:
    zape:
      - agent: fence_ipmilan
        parameters: {\"ip\":\"zape-bmc\"}
      - agent: fence_apc_snmp
        parameters: {\"ip\":\"10.1.0.9\",\"plug\":\"zape-outlet\"}
        secrets: {community: /etc/clusterd/fence-2.community}
    zipi:
";
    assert!(text.contains(wanted), "{text}");
    let secret = world.text("/etc/clusterd/fence-2.community");
    assert_eq!(secret.lines().next(), Some("lion"));
}

/// How it fences.
fn fence(world: &mut World) -> &mut Fence {
    let choice = world.inventory.clusters[0].engine.as_mut();
    let fence = choice.expect("its engine").lease.fence.as_mut();
    fence.expect("it fences")
}

#[test]
fn what_a_level_lacks_or_says_twice_is_said() {
    let mut world = fenced();
    let levels = &mut fence(&mut world).levels;
    let (name, address) = ("ip".to_owned(), "10.1.0.7".to_owned());
    levels[0].parameters.insert(name, address);
    levels[1].plugs.remove("zipi");
    levels[1].plugs.insert("zopo".to_owned(), "7".to_owned());
    let problems = problems(&world);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("`ip` for all nodes"), "{problems:#?}");
    let lacks = "fence_apc_snmp has neither an address nor a plug for zipi";
    assert!(problems[1].contains(lacks), "{problems:#?}");
    assert!(problems[2].contains("zopo is no node"), "{problems:#?}");
}

#[test]
fn a_device_that_knows_nodes_by_their_names_needs_no_plugs() {
    let mut world = fenced();
    fence(&mut world).levels[1].plugs.clear();
    assert_eq!(problems(&world), Vec::<String>::new());
    let text = world.text("/etc/clusterd/cluster.yaml");
    assert!(!text.contains("plug"), "{text}");
}

#[test]
fn failures_of_a_group_are_counted_together() {
    let mut world = of_nodes(2, None);
    for resource in &mut world.files.resources.resources {
        if let Resource::Group {
            migration_threshold,
            ..
        } = resource
        {
            *migration_threshold = Some(6);
        }
    }
    let text = world.text("/etc/clusterd/cluster.yaml");
    let wanted = "  - group:\n      name: web\n      migration_threshold_sum: 6\n      members:\n";
    assert!(text.contains(wanted), "{text}");
    let features = world.files.resources.features();
    assert!(features.contains(&cluster_model::Feature::MigrationThreshold));
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
        parameters: BTreeMap::new(),
    });
    world.inventory.clusters[0].nodes.pop();
    let problems = problems(&world);
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("only a pair"), "{problems:#?}");
    assert!(problems[1].contains("has none"), "{problems:#?}");
    assert!(problems[2].contains("both could write"), "{problems:#?}");
}
