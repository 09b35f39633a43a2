//! Turns roles and templates into what one host shall be. Pure: the same input
//! gives the same bytes, and everything comes out sorted.
//!
//! [`Renderer::new`] compiles a project's templates once;
//! [`Renderer::host`] renders one host. [`render_host`] does both.

mod context;
mod host;
mod output;
mod password;
mod salt;
mod scan;
mod templates;

pub use output::{HostFiles, RenderedFile, redundancy_name};
pub use salt::line as salt_line;

use host::Rendering;
use tandem_generation::Digest;
use tandem_model::{Inventory, Mistake, Mistakes, Position, Project, Secrets, SourceFile};
use templates::Templates;

/// A project whose templates are compiled.
pub struct Renderer<'a> {
    project: &'a Project,
    templates: Templates,
}

impl<'a> Renderer<'a> {
    /// Compiles all templates; mistakes of all of them at once.
    pub fn new(project: &'a Project) -> Result<Self, Mistakes> {
        Ok(Self {
            project,
            templates: Templates::compile(project)?,
        })
    }

    /// Renders a host. One that is in no cluster carries nothing.
    pub fn host(
        &self,
        inventory: &Inventory,
        secrets: &Secrets,
        host: &str,
    ) -> Result<HostFiles, Mistakes> {
        let Some(machine) = inventory.hosts.get(host) else {
            let file = SourceFile::new(&inventory.path, "");
            return Err(
                Mistake::new(&Position::start_of(&file), "there is no such host")
                    .found(format!("`{host}`"))
                    .among(host, inventory.hosts.keys().map(String::as_str))
                    .into(),
            );
        };
        let Some(cluster) = inventory.cluster_of(host) else {
            return Ok(HostFiles {
                host: host.to_owned(),
                cluster: None,
                files: Vec::new(),
                edits: Vec::new(),
                units: Vec::new(),
                resources: cluster_model::ResourceSet::default(),
                health: Vec::new(),
                validators: Vec::new(),
                redundancy: Vec::new(),
                carriers: Vec::new(),
                initialisers: Vec::new(),
                base: Vec::new(),
                packages: Vec::new(),
                params: Digest::of(""),
            });
        };
        let (Some(role), Some(profile)) = (
            self.project.roles.get(&cluster.role),
            self.project.profiles.get(&machine.profile),
        ) else {
            return Err(
                Mistake::new(&cluster.at, "the inventory was read with another project")
                    .found(format!(
                        "role `{}`, profile `{}`",
                        cluster.role, machine.profile
                    ))
                    .into(),
            );
        };
        let mut mistakes = Mistakes::default();
        let names = context::names(inventory, cluster, machine, profile, secrets, &mut mistakes);
        Rendering {
            templates: &self.templates,
            inventory,
            secrets,
            cluster,
            host: machine,
            role,
            profile,
            names,
            values: cluster
                .values
                .iter()
                .chain(&machine.values)
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
            mistakes,
        }
        .run()
    }
}

/// Renders one host of an inventory.
pub fn render_host(
    project: &Project,
    inventory: &Inventory,
    secrets: &Secrets,
    host: &str,
) -> Result<HostFiles, Mistakes> {
    Renderer::new(project)?.host(inventory, secrets, host)
}
