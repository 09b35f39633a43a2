//! What the tests of the engines look at: a seat in the repository's own example.

use std::path::Path;
use tandem_engine::{Keys, Part, Seat, engine};
use tandem_model::{Hidden, Inventory, Project, Secret, Secrets, Source};
use tandem_render::{HostFiles, Renderer};

/// Node zipi of the example's pair.
pub(crate) struct World {
    project: Project,
    pub(crate) inventory: Inventory,
    pub(crate) files: HostFiles,
}

impl World {
    /// With what `change` makes of the inventory, once files are rendered.
    pub(crate) fn new(change: impl FnOnce(&mut Inventory)) -> Self {
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
        change(&mut inventory);
        Self {
            project,
            inventory,
            files,
        }
    }

    pub(crate) fn seat(&self) -> Seat<'_> {
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

    /// What its engine wants there.
    pub(crate) fn part(&self) -> Part {
        let keys = Keys {
            accepted: [(1, Hidden::new("tiger"))].into(),
            sign: 1,
            salt: Hidden::new("salt"),
            fence: [("pdu_community".to_owned(), Hidden::new("lion"))].into(),
        };
        let seat = self.seat();
        let part = engine(seat.choice.kind).part(&seat, &keys);
        part.expect("its part")
    }

    /// The content of one of those files.
    pub(crate) fn text(&self, path: &str) -> String {
        let part = self.part();
        let file = part
            .files
            .iter()
            .find(|file| file.owned.path == path)
            .expect("the file");
        String::from_utf8(file.content.clone()).expect("text")
    }
}
