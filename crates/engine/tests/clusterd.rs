//! The file of engine clusterd for the example's pair, and what it refuses, where the pair
//! goes by what it reaches.

use cluster_model::{Agent, Resource};
use std::path::Path;
use tandem_engine::{Keys, Seat, engine};
use tandem_model::{EngineKind, Hidden, Inventory, Project, Reach, Secret, Secrets, Source};
use tandem_render::{HostFiles, Renderer};

struct World {
    project: Project,
    inventory: Inventory,
    files: HostFiles,
}

impl World {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/web");
        let project = Project::load(&Source::work_tree(&root)).expect("the project");
        let mut inventory = project.inventory("dev").expect("the inventory");
        let mut secrets = Secrets::default();
        for name in inventory.secret_uses() {
            secrets.set(name, Secret::new(Hidden::new("for tests")));
        }
        secrets.set("salt", Secret::new(Hidden::new("salt")));
        let renderer = Renderer::new(&project).expect("templates");
        let files = renderer
            .host(&inventory, &secrets, "zipi")
            .expect("files of zipi");
        for cluster in &mut inventory.clusters {
            let choice = cluster.engine.as_mut().expect("its engine");
            choice.kind = EngineKind::Clusterd;
            choice.lease.reach = Some(Reach {
                pause_ms: None,
                wait_ms: Some(5_000),
            });
        }
        Self {
            project,
            inventory,
            files,
        }
    }

    fn seat(&self) -> Seat<'_> {
        let cluster = self.inventory.cluster_of("zipi").expect("its cluster");
        Seat {
            inventory: &self.inventory,
            cluster,
            choice: cluster.engine.as_ref().expect("its engine"),
            host: "zipi",
            profile: &self.project.profiles["debian12"],
            resources: &self.files.resources,
        }
    }

    fn problems(&self) -> Vec<String> {
        let problems = engine(EngineKind::Clusterd).problems(&self.seat());
        problems.into_iter().map(|it| it.0).collect()
    }
}

#[test]
fn a_pair_that_goes_by_what_it_reaches_says_so_in_its_file() {
    let world = World::new();
    assert_eq!(world.problems(), Vec::<String>::new());
    let keys = Keys {
        accepted: [(1, Hidden::new("tiger"))].into(),
        sign: 1,
        salt: Hidden::new("salt"),
        fence: None,
    };
    let part = engine(EngineKind::Clusterd).part(&world.seat(), &keys);
    let part = part.expect("its part");
    let mut files = part.files.iter();
    let file = files.find(|file| file.owned.path == "/etc/clusterd/cluster.yaml");
    let text = String::from_utf8(file.expect("the file").content.clone()).expect("text");
    for wanted in [
        "arbitration: reach\n",
        "reach:\n  accept_split_brain_risk: true\n  wait_ms: 5000\n",
        "ping: [10.77.4.1]\n",
    ] {
        assert!(text.contains(wanted), "`{wanted}` is in {text}");
    }
    assert!(part.values["engine.terms"].contains("zape, reach over"));
}

#[test]
fn what_such_a_pair_lacks_and_what_it_must_not_have_is_said() {
    let mut world = World::new();
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
    let problems = world.problems();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    assert!(problems[0].contains("only a pair"), "{problems:#?}");
    assert!(problems[1].contains("has none"), "{problems:#?}");
    assert!(problems[2].contains("both could write"), "{problems:#?}");
}
