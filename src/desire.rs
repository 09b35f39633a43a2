//! What the hosts of an environment shall be, as one release and inventory say
//! it: rendered, packed, signed, kept in memory.

use crate::environment::{Environment, Keys};
use crate::failure::Problem;
use crate::workspace::{Workspace, chain};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Mutex;
use tandem_deploy::{Sealed, Supplies};
use tandem_engine::{KeyPhase, Part, Phases};
use tandem_generation::{
    Action, Command, Content, Digest, FORMAT, FactsRequest, Generation, Package, PackageId,
    Validator, place,
};
use tandem_model::{EngineKind, Fence};
use tandem_package::release::Release;
use tandem_package::{
    BuiltPackage, RenderedFile, SourceDate, config_package, daemon_package, generation_package,
    helper_package,
};
use tandem_plan::desired::Hold;
use tandem_plan::{Desired, DesiredCluster, DesiredHost, DesiredLeg, probe_name};
use tandem_render::HostFiles;

/// Makes desired states and the packages for them.
pub(crate) struct Maker<'a> {
    pub(crate) space: &'a Workspace,
    pub(crate) environment: &'a Environment,
    pub(crate) release: &'a Release,
    pub(crate) keys: &'a Keys,
    pub(crate) rendered: Vec<HostFiles>,
    /// Host and helper packages by file digest; secrets are in them, so they
    /// live in memory only.
    built: Mutex<BTreeMap<Digest, BuiltPackage>>,
    validators: Mutex<BTreeMap<(String, u32), Vec<Validator>>>,
    helper: BuiltPackage,
    /// Of releases that have it.
    daemon: Option<BuiltPackage>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(
        space: &'a Workspace,
        environment: &'a Environment,
        release: &'a Release,
        keys: &'a Keys,
    ) -> Result<Self, Problem> {
        let rendered = environment.render_all()?;
        let binary = release
            .helper()
            .map_err(|error| Problem::invalid(chain(&error)))?;
        let helper = helper_package(&binary, &release.manifest().tandem, &keys.environment)
            .map_err(|error| Problem::failed(chain(&error)))?;
        let daemon = release
            .daemon()
            .map_err(|error| Problem::invalid(chain(&error)))?
            .map(|binary| daemon_package(&binary, &release.manifest().tandem, &keys.environment))
            .transpose()
            .map_err(|error| Problem::failed(chain(&error)))?;
        Ok(Self {
            space,
            environment,
            release,
            keys,
            rendered,
            built: Mutex::new(BTreeMap::new()),
            validators: Mutex::new(BTreeMap::new()),
            helper,
            daemon,
        })
    }

    /// What to ask each host for: it depends only on what is desired last.
    pub(crate) fn requests(&self) -> Result<BTreeMap<String, FactsRequest>, Problem> {
        let mut requests = BTreeMap::new();
        for files in &self.rendered {
            let Some(cluster) = self.environment.inventory.cluster_of(&files.host) else {
                continue;
            };
            let leg = self.leg(files, self.last_phase(cluster)?.as_ref(), 1)?;
            requests.insert(files.host.clone(), request(&leg, self.base(files)?));
        }
        Ok(requests)
    }

    /// The keys that a cluster shall use in the end.
    fn last_phase(&self, cluster: &tandem_model::Cluster) -> Result<Option<KeyPhase>, Problem> {
        let Some(choice) = &cluster.engine else {
            return Ok(None);
        };
        let secret = self.secret(&choice.key.value)?;
        Ok(Some(KeyPhase {
            title: String::new(),
            accept: [secret.current()].into(),
            sign: secret.current(),
        }))
    }

    fn secret(&self, name: &str) -> Result<&tandem_model::Secret, Problem> {
        self.environment.secrets.get(name).ok_or_else(|| {
            Problem::invalid(format!("there is no secret `{name}`")).hint(format!(
                "`tandem secret edit -i {}`",
                self.environment.inventory.environment
            ))
        })
    }

    /// The desired state, in phases where the hosts' present cluster values
    /// (`now`, by host) ask for them.
    pub(crate) fn desired(
        &self,
        now: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<Desired, Problem> {
        let inventory = &self.environment.inventory;
        let mut clusters = Vec::new();
        for cluster in &inventory.clusters {
            clusters.push(self.cluster(cluster, now)?);
        }
        Ok(Desired {
            environment: inventory.environment.clone(),
            inventory: self.space.source(),
            tandem: env!("CARGO_PKG_VERSION").to_owned(),
            clusters,
        })
    }

    fn cluster(
        &self,
        cluster: &tandem_model::Cluster,
        now: &BTreeMap<String, BTreeMap<String, String>>,
    ) -> Result<DesiredCluster, Problem> {
        let present: Vec<&BTreeMap<String, String>> = cluster
            .nodes
            .iter()
            .filter_map(|node| now.get(node))
            .collect();
        let (phases, mut because) = match &cluster.engine {
            None => (vec![None], None),
            Some(choice) => match Phases::between(
                &present,
                self.secret(&choice.key.value)?,
                &self.environment.salt(),
            ) {
                Phases::Rolling(phases) => (phases.into_iter().map(Some).collect(), None),
                Phases::Hold(because, last) => (vec![Some(last)], Some(because)),
            },
        };
        let mut hosts = Vec::new();
        let mut switchover = BTreeMap::new();
        let mut held_units = Vec::new();
        let mut seconds = 0.0;
        for node in &cluster.nodes {
            let Some(files) = self.rendered.iter().find(|files| files.host == *node) else {
                continue;
            };
            let mut legs = Vec::new();
            for (index, phase) in phases.iter().enumerate() {
                let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                legs.push(self.leg(files, phase.as_ref(), number)?);
            }
            if let Some((_, seat)) = self.environment.seat(files) {
                let engine = tandem_engine::engine(seat.choice.kind);
                let give = engine
                    .give(&seat)
                    .map_err(|error| Problem::invalid(error.to_string()))?;
                switchover.insert(node.clone(), give);
                seconds = engine.switchover_seconds();
                held_units = engine
                    .held_units(&seat)
                    .map_err(|error| Problem::invalid(error.to_string()))?;
                if let (Some(before), Some(after)) = (now.get(node), legs.last()) {
                    because = because
                        .or_else(|| engine.incompatible(before, &after.content.cluster_values));
                }
            }
            hosts.push(DesiredHost {
                host: node.clone(),
                legs,
                base: self.base(files)?,
            });
        }
        let hold = because.map(|because| Hold {
            because,
            units: held_units,
        });
        Ok(DesiredCluster {
            name: cluster.name.clone(),
            engine: cluster
                .engine
                .as_ref()
                .map_or_else(|| "none".to_owned(), |choice| choice.kind.word().to_owned()),
            without: cluster
                .engine
                .iter()
                .flat_map(|choice| &choice.without)
                .map(|feature| format!("without {}: {}", feature.word(), feature.loss()))
                .collect(),
            switchover,
            switchover_seconds: seconds,
            hold,
            hosts,
        })
    }

    fn base(&self, files: &HostFiles) -> Result<Vec<String>, Problem> {
        let mut base = files.base.clone();
        if let Some((_, seat)) = self.environment.seat(files) {
            let phase = self.last_phase(seat.cluster)?;
            base.extend(self.part(&seat, phase.as_ref())?.base);
        }
        base.sort();
        base.dedup();
        Ok(base)
    }

    fn part(
        &self,
        seat: &tandem_engine::Seat<'_>,
        phase: Option<&KeyPhase>,
    ) -> Result<Part, Problem> {
        let Some(phase) = phase else {
            return Ok(Part::default());
        };
        let secret = self.secret(&seat.choice.key.value)?;
        let accepted = secret
            .values()
            .iter()
            .filter(|(number, _)| phase.accept.contains(number))
            .map(|(number, key)| (*number, key.clone()))
            .collect();
        let keys = tandem_engine::Keys {
            accepted,
            sign: phase.sign,
            salt: self.environment.salt(),
            fence: seat
                .choice
                .lease
                .fence
                .iter()
                .flat_map(Fence::secrets)
                .map(|name| {
                    Ok((
                        name.value.clone(),
                        self.secret(&name.value)?.value().clone(),
                    ))
                })
                .collect::<Result<_, Problem>>()?,
        };
        tandem_engine::engine(seat.choice.kind)
            .part(seat, &keys)
            .map_err(|error| Problem::invalid(error.to_string()))
    }

    /// What a host carries that votes in clusters which it is no node of. It accepts
    /// every key that the secrets have, and answers each node with that node's own.
    fn witness_parts(&self, host: &str) -> Result<Vec<Part>, Problem> {
        let mut parts = Vec::new();
        for cluster in self.environment.inventory.witnessed_by(host) {
            let Some(choice) = &cluster.engine else {
                continue;
            };
            let first = cluster.nodes.first();
            let node = |files: &&HostFiles| Some(&files.host) == first;
            let files = self.rendered.iter().find(node);
            let Some((_, seat)) = files.and_then(|files| self.environment.seat(files)) else {
                continue;
            };
            let secret = self.secret(&choice.key.value)?;
            let keys = tandem_engine::Keys {
                accepted: secret.values().clone(),
                sign: secret.current(),
                salt: self.environment.salt(),
                fence: BTreeMap::new(),
            };
            parts.push(tandem_engine::engine(choice.kind).witness(&seat, &keys));
        }
        Ok(parts)
    }

    /// One state of a host: the role's part and the engine's part together.
    fn leg(
        &self,
        files: &HostFiles,
        phase: Option<&KeyPhase>,
        number: u32,
    ) -> Result<DesiredLeg, Problem> {
        let (mut part, mut daemon) = match self.environment.seat(files) {
            Some((_, seat)) => (
                self.part(&seat, phase)?,
                seat.choice.kind == EngineKind::Clusterd,
            ),
            None => (Part::default(), false),
        };
        for other in self.witness_parts(&files.host)? {
            part.files.extend(other.files);
            part.units.extend(other.units);
            daemon = true;
        }
        let mut all: Vec<&tandem_render::RenderedFile> =
            files.files.iter().chain(&part.files).collect();
        all.sort_by(|left, right| left.owned.path.cmp(&right.owned.path));
        let texts = all
            .iter()
            .filter(|file| !file.owned.secret)
            .filter_map(|file| {
                let text = String::from_utf8(file.content.clone()).ok()?;
                Some((file.owned.path.clone(), text))
            })
            .collect();
        let packages = self.packages(files, &all, daemon)?;
        let mut units = files.units.clone();
        units.extend(part.units);
        self.validators
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert((files.host.clone(), number), files.validators.clone());
        Ok(DesiredLeg {
            title: phase.map(|phase| phase.title.clone()).unwrap_or_default(),
            release: self.release.reference(),
            inventory: None,
            content: Content {
                packages,
                files: all.iter().map(|file| file.owned.clone()).collect(),
                edits: files.edits.clone(),
                units,
                cluster_values: part.values,
                health: files.health.clone(),
                observe: [part.observe, files.redundancy.clone()].concat(),
                guarded_units: [part.guarded_units, files.carriers.clone()].concat(),
            },
            texts,
            initialisers: files.initialisers.clone(),
            rollback: None,
        })
    }

    fn packages(
        &self,
        files: &HostFiles,
        all: &[&tandem_render::RenderedFile],
        daemon: bool,
    ) -> Result<Vec<Package>, Problem> {
        let manifest = self.release.manifest();
        let mut packages = Vec::new();
        let mut missing = Vec::new();
        for name in &files.packages {
            match manifest.package(name) {
                Some(package) => packages.push(package.clone()),
                None => missing.push(name.as_str()),
            }
        }
        if !missing.is_empty() {
            return Err(Problem::invalid(format!(
                "release {} lacks {}, which {} needs",
                manifest.version,
                missing.join(", "),
                files.host
            ))
            .hint("build a release from a source that has the specs"));
        }
        let profile_units = |package: &mut Package| {
            // Specs name units as roles do, free of the operating system.
            if let Some(host) = self.environment.inventory.hosts.get(&files.host)
                && let Some(profile) = self.environment.project.profiles.get(&host.profile)
            {
                for unit in &mut package.restarts {
                    if let Some(real) = profile.units.get(unit) {
                        unit.clone_from(real);
                    }
                }
            }
        };
        packages.iter_mut().for_each(profile_units);
        let rendered: Vec<RenderedFile> = all
            .iter()
            .map(|file| RenderedFile {
                path: file.owned.path.clone(),
                content: file.content.clone(),
                mode: file.owned.mode,
                owner: file.owned.owner.clone(),
                group: file.owned.group.clone(),
            })
            .collect();
        let config = config_package(
            &files.host,
            &manifest.version,
            &rendered,
            &[],
            release_date(self.release)?,
            &self.keys.environment,
        )
        .map_err(|error| Problem::failed(chain(&error)))?;
        let mut built = self
            .built
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut own = vec![config, self.helper.clone()];
        if daemon {
            let Some(daemon) = &self.daemon else {
                return Err(Problem::invalid(format!(
                    "release {} has no clusterd, which {} needs",
                    manifest.version, files.host
                ))
                .hint("TANDEM_CLUSTERD_BINARY names the static program when a release is built"));
            };
            let mut daemon = daemon.clone();
            daemon.package.reloads = daemons(all);
            own.push(daemon);
        }
        for package in own {
            packages.push(package.package.clone());
            built.insert(package.package.file.clone(), package);
        }
        packages.sort_by(|left, right| left.id.name.cmp(&right.id.name));
        Ok(packages)
    }
}

/// Units of clusterd on a host: those that read its files again. They take another program
/// over in the same way, and what they run does not notice.
fn daemons(all: &[&tandem_render::RenderedFile]) -> Vec<String> {
    let its = all
        .iter()
        .filter(|file| file.owned.path.starts_with("/etc/clusterd/"));
    let units: std::collections::BTreeSet<_> = its.flat_map(|file| &file.owned.reloads).collect();
    units.into_iter().cloned().collect()
}

fn release_date(release: &Release) -> Result<SourceDate, Problem> {
    SourceDate::new(i64::from(release.manifest().source_date))
        .map_err(|error| Problem::invalid(error.to_string()))
}

fn request(leg: &DesiredLeg, base: Vec<String>) -> FactsRequest {
    let content = &leg.content;
    let probes = leg.initialisers.iter().filter_map(|action| match action {
        Action::Initialise { name, probe, .. } => Some(Command {
            name: probe_name(name),
            ..probe.clone()
        }),
        _ => None,
    });
    FactsRequest {
        format: FORMAT,
        files: content
            .files
            .iter()
            .map(|file| (file.path.clone(), file.digest.clone()))
            .collect(),
        contents: content.edits.iter().map(|edit| edit.path.clone()).collect(),
        packages: content
            .packages
            .iter()
            .map(|package| package.id.name.clone())
            .chain([place::GENERATION_PACKAGE.to_owned()])
            .collect(),
        base,
        units: content
            .units
            .iter()
            .map(|unit| unit.unit.clone())
            .chain(content.guarded_units.iter().cloned())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        observe: content.observe.iter().cloned().chain(probes).collect(),
    }
}

impl Supplies for Maker<'_> {
    fn open(&self, file: &Digest) -> Option<Box<dyn Read>> {
        let built = self
            .built
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(package) = built.get(file) {
            return Some(Box::new(std::io::Cursor::new(package.bytes.clone())));
        }
        let package = self
            .release
            .manifest()
            .packages
            .iter()
            .find(|package| package.file == *file)?;
        Some(Box::new(
            std::fs::File::open(self.release.package_path(package)).ok()?,
        ))
    }

    fn seal(&self, generation: &Generation, obsoletes: &[PackageId]) -> Result<Sealed, String> {
        seal(
            generation,
            obsoletes,
            release_date(self.release).map_err(|p| p.lines.join("; "))?,
            self.keys,
        )
    }

    fn validators(&self, host: &str, leg: u32) -> Vec<Validator> {
        let all = self
            .validators
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        all.get(&(host.to_owned(), leg))
            .cloned()
            .unwrap_or_default()
    }

    fn keys(&self) -> Vec<String> {
        self.keys
            .trusted
            .iter()
            .map(|key| key.armoured().to_owned())
            .collect()
    }
}

/// Makes and signs a generation package.
pub(crate) fn seal(
    generation: &Generation,
    obsoletes: &[PackageId],
    date: SourceDate,
    keys: &Keys,
) -> Result<Sealed, String> {
    let built = generation_package(generation, obsoletes, date, &keys.environment)
        .map_err(|error| chain(&error))?;
    Ok(Sealed {
        package: built.package,
        bytes: built.bytes,
    })
}
