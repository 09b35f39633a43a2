//! One environment with everything that is needed to decide what its hosts
//! shall be: project, inventory, secrets, release, keys.

use crate::failure::{Exit, Problem};
use crate::workspace::{Workspace, chain};
use std::path::{Path, PathBuf};
use tandem_engine::{Part, Seat};
use tandem_model::secrets::{Identities, SALT};
use tandem_model::{Cluster, Fence, Hidden, Inventory, Mistakes, Project, Secret, Secrets, Source};
use tandem_package::release::Release;
use tandem_package::{KeyRole, PublicKey, SigningKey};
use tandem_render::{HostFiles, Renderer};

/// An inventory and the parts that it names, from the work tree or a release.
pub(crate) struct Environment {
    pub(crate) project: Project,
    pub(crate) inventory: Inventory,
    pub(crate) secrets: Secrets,
}

impl Environment {
    /// From the work tree alone.
    pub(crate) fn of_work_tree(space: &Workspace, name: &str) -> Result<Self, Problem> {
        Self::load(space, &Source::work_tree(&space.root), name)
    }

    /// From the work tree, with a mask in the place of every secret: for
    /// looking, by somebody who may not be able to open them.
    pub(crate) fn without_secrets(space: &Workspace, name: &str) -> Result<Self, Problem> {
        let project = Project::load(&Source::work_tree(&space.root))?;
        let inventory = project.inventory(&name_or_path(name))?;
        let mut secrets = Secrets::default();
        let uses = inventory.secret_uses();
        for name in uses.iter().map(|name| name.value.as_str()).chain([SALT]) {
            secrets.set(name, Secret::new(Hidden::new(masked(name))));
        }
        Ok(Self {
            project,
            inventory,
            secrets,
        })
    }

    /// Roles, profiles and templates from a release.
    pub(crate) fn of_release(
        space: &Workspace,
        release: &Release,
        name: &str,
    ) -> Result<Self, Problem> {
        Self::load(
            space,
            &Source::release(release.directory(), &space.root),
            name,
        )
    }

    fn load(space: &Workspace, source: &Source, name: &str) -> Result<Self, Problem> {
        let project = Project::load(source)?;
        let inventory = project.inventory(&name_or_path(name))?;
        let secrets = Identities::load(&space.identity())
            .and_then(|identities| Secrets::load(&inventory.secrets, &identities))
            .map_err(|error| Problem::invalid(chain(&error)).hint(error.hint()))?;
        inventory.check_secrets(&secrets)?;
        Ok(Self {
            project,
            inventory,
            secrets,
        })
    }

    /// What every host would get, or every mistake in it; the engines'
    /// objections are among them.
    pub(crate) fn render_all(&self) -> Result<Vec<HostFiles>, Problem> {
        let renderer = Renderer::new(&self.project)?;
        let mut mistakes = Mistakes::default();
        let mut rendered = Vec::new();
        for host in self.inventory.hosts.keys() {
            match renderer.host(&self.inventory, &self.secrets, host) {
                Ok(files) => rendered.push(files),
                Err(found) => mistakes.extend(found),
            }
        }
        for files in &rendered {
            let Some((cluster, seat)) = self.seat(files) else {
                continue;
            };
            if let Some(choice) = &cluster.engine {
                for problem in tandem_engine::check(&seat) {
                    mistakes.push(tandem_model::Mistake::new(&choice.at, problem.to_string()));
                }
            }
        }
        mistakes.result()?;
        Ok(rendered)
    }

    /// What keeps digests of secret files from telling anything about them. It
    /// is made with the first secret.
    pub(crate) fn salt(&self) -> Hidden {
        self.secrets
            .get(SALT)
            .map_or_else(|| Hidden::new(""), |salt| salt.value().clone())
    }

    /// What the engine of its cluster adds to a rendered host.
    pub(crate) fn engine_part(&self, files: &HostFiles) -> Result<Part, Problem> {
        let Some((_, seat)) = self.seat(files) else {
            return Ok(Part::default());
        };
        let name = &seat.choice.key.value;
        let secret = self
            .secrets
            .get(name)
            .ok_or_else(|| Problem::invalid(format!("there is no secret `{name}`")))?;
        let keys = tandem_engine::Keys {
            accepted: [(secret.current(), secret.value().clone())].into(),
            sign: secret.current(),
            salt: self.salt(),
            fence: seat
                .choice
                .lease
                .fence
                .iter()
                .flat_map(Fence::secrets)
                .filter_map(|name| {
                    let secret = self.secrets.get(&name.value)?;
                    Some((name.value.clone(), secret.value().clone()))
                })
                .collect(),
        };
        tandem_engine::engine(seat.choice.kind)
            .part(&seat, &keys)
            .map_err(|error| Problem::invalid(error.to_string()))
    }

    /// The seat of a rendered host in its cluster's engine.
    pub(crate) fn seat<'a>(&'a self, files: &'a HostFiles) -> Option<(&'a Cluster, Seat<'a>)> {
        let cluster = self.inventory.cluster_of(&files.host)?;
        let choice = cluster.engine.as_ref()?;
        let host = self.inventory.hosts.get(&files.host)?;
        let profile = self.project.profiles.get(&host.profile)?;
        Some((
            cluster,
            Seat {
                inventory: &self.inventory,
                cluster,
                choice,
                host: &files.host,
                profile,
                resources: &files.resources,
            },
        ))
    }
}

/// What stands for a secret where its value is not known.
pub(crate) fn masked(name: &str) -> String {
    format!("••••{name}")
}

/// `dev` stays a name; anything with a slash or `.yaml` is a file.
pub(crate) fn name_or_path(name: &str) -> String {
    if Path::new(name).extension().is_some() || name.contains('/') {
        std::path::absolute(name)
            .map_or_else(|_| name.to_owned(), |path| path.display().to_string())
    } else {
        name.to_owned()
    }
}

/// Releases by version, highest last. Versions are compared piece by piece,
/// numbers as numbers.
pub(crate) fn releases(dist: &Path) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = std::fs::read_dir(dist)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("manifest.json").is_file())
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(version, _)| !version.starts_with('.'))
        .collect();
    found.sort_by_key(|(version, _)| pieces(version));
    found
}

fn pieces(version: &str) -> Vec<(u64, String)> {
    version
        .split(['.', '-', '~'])
        .map(|piece| {
            let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
            (
                digits.parse().unwrap_or(0),
                piece[digits.len()..].to_owned(),
            )
        })
        .collect()
}

/// Opens a release: the named one, or the highest there is.
pub(crate) fn open_release(space: &Workspace, version: Option<&str>) -> Result<Release, Problem> {
    let dist = space.dist();
    let all = releases(&dist);
    let directory = match version {
        Some(version) => all
            .iter()
            .find(|(name, _)| name == version)
            .map(|(_, path)| path.clone()),
        None => all.last().map(|(_, path)| path.clone()),
    };
    let Some(directory) = directory else {
        let known: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let problem = match version {
            Some(version) => Problem::invalid(format!(
                "there is no release {version} in {}",
                dist.display()
            )),
            None => Problem::invalid(format!("there is no release in {}", dist.display())),
        };
        return Err(problem.hint(if known.is_empty() {
            "`tandem build --release 1.0.0` makes one".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        }));
    };
    let trusted = space.public_key(&KeyRole::Release)?;
    Release::open(&directory, &[trusted]).map_err(|error| Problem::invalid(chain(&error)))
}

/// The keys of an environment: the one that signs, and all that may have signed.
pub(crate) struct Keys {
    pub(crate) environment: SigningKey,
    pub(crate) trusted: Vec<PublicKey>,
}

impl Keys {
    pub(crate) fn load(space: &Workspace, environment: &str) -> Result<Self, Problem> {
        let role = KeyRole::environment(environment)
            .map_err(|error| Problem::new(Exit::Invalid, error.to_string()))?;
        Ok(Self {
            environment: space.signing_key(&role)?,
            trusted: vec![
                space.public_key(&KeyRole::Release)?,
                space.public_key(&role)?,
            ],
        })
    }
}
