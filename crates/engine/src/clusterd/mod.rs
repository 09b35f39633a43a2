//! The daemon of this project: its file, its keys, its unit; and what it says.
//!
//! Without a witness among other hosts a pair has an even number of voters, which the
//! daemon refuses. A witness is an instance of its own on a host of another cluster.

mod file;
mod pair;

use crate::keys::describe;
use crate::pieces::{self, command};
use crate::{Engine, Keys, Part, Problem, Seat};
use cluster_model::configuration::VOTERS_MAX;
use cluster_model::report::{Health, MemberStanding, Report, Resource};
use cluster_model::{Agent, ClusterStatus, Feature, NodeState, Redundancy};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tandem_generation::{Command, Facts, UnitPolicy, UnitRun};
use tandem_model::EngineKind;
use tandem_render::RenderedFile;

const PROGRAM: &str = "/usr/sbin/clusterd";
const UNIT: &str = "clusterd.service";
const CONFIGURATION: &str = "/etc/clusterd/cluster.yaml";
const KEYS: &str = "/etc/clusterd/keys";
const ENGINE: &str = "engine";
/// Name of the value that old and new nodes must share: who votes, where, on which terms.
const TERMS: &str = "engine.terms";
/// Name of the other one: at which addresses they hear each other.
const PLACES: &str = "engine.places";

pub(crate) struct Clusterd;

/// The unit, the file and the keys of the instance that votes for a cluster on a host of
/// another one.
fn witness_names(cluster: &str) -> (String, String, String) {
    (
        format!("clusterd-witness@{cluster}.service"),
        format!("/etc/clusterd/witness/{cluster}.yaml"),
        format!("/etc/clusterd/witness/{cluster}.keys"),
    )
}

/// A file that the daemon takes while it runs, or begins anew for; either way it leaves
/// resources alone.
fn owned(path: &str, mode: u32, content: String, secret: bool, unit: &str) -> RenderedFile {
    let mut file = pieces::file(path, mode, content, secret);
    file.owned.reloads.push(unit.to_owned());
    file
}

/// `NUMBER KEY`, and which one to send with; see clusterd-key(8).
fn keys(keys: &Keys, path: &str) -> String {
    let mut text = "# Keys of the packets between members. Owned by tandem-config.\n".to_owned();
    for (number, key) in &keys.accepted {
        let _ = writeln!(text, "{number} {}", hexadecimal(key.reveal()));
    }
    let _ = writeln!(text, "use {}", keys.sign);
    text.push_str(&tandem_render::salt_line(keys.salt.reveal(), path, "#"));
    text
}

/// Of whatever text the secret is, 32 bytes.
fn hexadecimal(secret: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::new()
        .chain_update(b"tandem: key of clusterd\0")
        .chain_update(secret.as_bytes())
        .finalize();
    let mut text = String::with_capacity(64);
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unit(unit: &str) -> UnitPolicy {
    UnitPolicy {
        unit: unit.to_owned(),
        enabled: Some(true),
        run: UnitRun::Started,
        restart: None,
    }
}

impl Engine for Clusterd {
    fn name(&self) -> &'static str {
        EngineKind::Clusterd.word()
    }

    fn features(&self) -> &'static [Feature] {
        &[
            Feature::Monitor,
            Feature::MigrationThreshold,
            Feature::Connectivity,
            Feature::ManyNodes,
            Feature::Fencing,
        ]
    }

    fn problems(&self, seat: &Seat<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |text: String| problems.push(Problem(text));
        let nodes = &seat.cluster.nodes;
        let lease = &seat.choice.lease;
        let witness = lease.witness.as_ref().map(|name| &name.value);
        let voting = match &lease.voters {
            Some(named) => {
                let names: BTreeSet<_> = named.iter().map(|name| &name.value).collect();
                names.len()
            }
            None => nodes.len().min(VOTERS_MAX - usize::from(witness.is_some())),
        };
        let voters = voting + usize::from(witness.is_some());
        let lone = lease.fence.is_some() || lease.reach.is_some();
        if let Some(fence) = &lease.fence {
            pair::fenced(seat, fence, &mut say);
        }
        if lease.reach.is_some() {
            pair::by_reach(seat, &mut say);
        }
        if !lone && voters.is_multiple_of(2) {
            say(format!(
                "cluster {} has {voters} voters: half of them would stand against the other \
                 half; `engine.witness: HOST` names a host of another cluster that votes, too, \
                 `engine.voters` which nodes vote, `engine.fence` what switches a node off, and `engine.reach` makes each node go \
                 by what it reaches",
                seat.cluster.name
            ));
        }
        if voters > VOTERS_MAX {
            say(format!(
                "cluster {} has {voters} voters, and {VOTERS_MAX} are the most",
                seat.cluster.name
            ));
        }
        let mut named = BTreeSet::new();
        for name in lease.voters.iter().flatten() {
            if !named.insert(&name.value) {
                say(format!("{} is among the voters twice", name.value));
            }
            if !nodes.contains(&name.value) {
                say(format!(
                    "{} is to vote, and is no node of cluster {}",
                    name.value, seat.cluster.name
                ));
            }
        }
        if lone && lease.voters.is_some() {
            say(format!(
                "cluster {} is a lone pair: nobody is chosen to vote there",
                seat.cluster.name
            ));
        }
        if lone && lease.accept_pause_risk {
            say("`engine.accept_pause_risk` is for clusters where time decides, with a witness or three voters".to_owned());
        }
        let port = file::port(seat.inventory, seat.cluster);
        for other in &seat.inventory.clusters {
            let engine = other.engine.as_ref().map(|choice| choice.kind);
            let clashes = engine == Some(EngineKind::Clusterd)
                && other.name != seat.cluster.name
                && file::port(seat.inventory, other) == port;
            if clashes {
                say(format!(
                    "clusters {} and {} have port {port}; `engine.port` is of one of them",
                    seat.cluster.name, other.name
                ));
            }
        }
        if let Some(witness) = witness {
            if nodes.contains(witness) {
                say(format!("witness {witness} is a node of the cluster"));
            } else if !seat.inventory.hosts.contains_key(witness) {
                say(format!("there is no host {witness} to be the witness"));
            } else if seat.inventory.cluster_of(witness).is_none() {
                say(format!(
                    "witness {witness} is in no cluster: nothing is ever applied to it"
                ));
            } else {
                let links = &seat.cluster.links;
                let shared = links
                    .iter()
                    .any(|link| seat.inventory.nic(witness, link).is_some());
                if !shared {
                    say(format!(
                        "witness {witness} is in none of the cluster's links ({})",
                        links.join(", ")
                    ));
                }
            }
        }
        problems
    }

    fn part(&self, seat: &Seat<'_>, keyring: &Keys) -> Result<Part, Problem> {
        let mut values = BTreeMap::new();
        describe(&mut values, &keyring.accepted, keyring.sign, &keyring.salt);
        values.insert(ENGINE.to_owned(), self.name().to_owned());
        values.insert(TERMS.to_owned(), file::terms(seat));
        values.insert(PLACES.to_owned(), file::places(seat));
        let mut guarded_units = vec![UNIT.to_owned()];
        for member in seat.resources.members() {
            if let Agent::Systemd { unit } = &member.agent {
                guarded_units.push(unit.clone());
            }
        }
        let mut files = vec![
            owned(KEYS, 0o600, keys(keyring, KEYS), true, UNIT),
            owned(CONFIGURATION, 0o644, file::node(seat, KEYS), false, UNIT),
        ];
        let levels = seat
            .choice
            .lease
            .fence
            .iter()
            .flat_map(|fence| &fence.levels);
        for (number, level) in levels.enumerate() {
            for (parameter, name) in &level.secrets {
                let Some(secret) = keyring.fence.get(&name.value) else {
                    continue;
                };
                let path = file::fence_secret(number, parameter);
                let salt = tandem_render::salt_line(keyring.salt.reveal(), &path, "#");
                let text = format!("{}\n{salt}", secret.reveal());
                files.push(owned(&path, 0o600, text, true, UNIT));
            }
        }
        Ok(Part {
            files,
            units: vec![unit(UNIT)],
            base: Vec::new(),
            values,
            guarded_units,
            observe: vec![command("clusterd", &[PROGRAM, "status", "--json"], 10_000)],
        })
    }

    fn witness(&self, seat: &Seat<'_>, keyring: &Keys) -> Part {
        let (service, configuration, key_file) = witness_names(&seat.cluster.name);
        let text = file::witness(seat, &key_file);
        Part {
            files: vec![
                owned(&key_file, 0o600, keys(keyring, &key_file), true, &service),
                owned(&configuration, 0o644, text, false, &service),
            ],
            units: vec![unit(&service)],
            ..Part::default()
        }
    }

    fn incompatible(
        &self,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Option<String> {
        if before.get(ENGINE)? != after.get(ENGINE)? {
            return Some(format!("the engine changes from {}", before[ENGINE]));
        }
        let change = |name, what| {
            let (old, new) = (before.get(name)?, after.get(name)?);
            (old != new).then(|| format!("{what} change: {old} becomes {new}"))
        };
        change(TERMS, "voters, networks or times")
            .or_else(|| change(PLACES, "addresses or the port"))
    }

    fn read(&self, seat: &Seat<'_>, facts: &Facts) -> ClusterStatus {
        let mut answers = facts.observed.iter();
        let answer = answers.find(|result| result.name == "clusterd");
        let report = answer.and_then(|result| serde_json::from_str::<Report>(&result.stdout).ok());
        let Some(report) = report else {
            let nodes = [(seat.host.to_owned(), NodeState::Offline)].into();
            return ClusterStatus {
                nodes,
                ..ClusterStatus::default()
            };
        };
        let state = |standing: MemberStanding| match standing {
            MemberStanding::Online => NodeState::Online,
            MemberStanding::Standby | MemberStanding::Maintenance => NodeState::Standby,
            MemberStanding::Offline => NodeState::Offline,
            MemberStanding::Joining | MemberStanding::Condemned | MemberStanding::Unclean => {
                NodeState::Unknown
            }
        };
        let nodes = report.members.iter().filter(|(_, member)| !member.witness);
        let mut held_here = Vec::new();
        for resource in &report.resources {
            held(resource, seat.host, &mut held_here);
        }
        let mut links = BTreeMap::new();
        for (name, member) in &report.members {
            for link in &member.links {
                links.insert(format!("{} to {name}", link.name), link.up);
            }
        }
        ClusterStatus {
            nodes: nodes
                .map(|(name, member)| (name.clone(), state(member.standing)))
                .collect(),
            held_here,
            links,
            redundancy: match report.verdict.health {
                Health::Healthy => Redundancy::Real,
                Health::Degraded | Health::Failed | Health::Unknown => Redundancy::Lost {
                    because: report.verdict.because.clone(),
                },
            },
            in_transition: report.in_transition,
        }
    }

    fn give(&self, _seat: &Seat<'_>) -> Result<Vec<Command>, Problem> {
        Ok(vec![command("give", &[PROGRAM, "give"], 120_000)])
    }

    fn held_units(&self, _seat: &Seat<'_>) -> Result<Vec<String>, Problem> {
        Ok(vec![UNIT.to_owned()])
    }

    fn switchover_seconds(&self) -> f64 {
        1.0
    }
}

/// What runs on a node, by the names of the role.
fn held(resource: &Resource, node: &str, into: &mut Vec<String>) {
    let runs = resource
        .instances
        .get(node)
        .is_some_and(|instance| instance.observed.role() > cluster_model::state::Role::Stopped);
    if runs {
        into.push(resource.name.clone());
    }
    for member in &resource.members {
        held(member, node, into);
    }
}
