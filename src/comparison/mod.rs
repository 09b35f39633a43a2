//! How two environments differ: is one a fair rehearsal of the other?
//!
//! Both sides come from the same roles, profiles, templates and specs, so that
//! only the inventories can make a difference. Hosts correspond by cluster and
//! by their position in it; addresses by network and number, so that a network
//! in another range is one difference and not one for each address in it.
//! Secrets are known by name only: neither side's are opened.

mod files;
mod named;
mod subject;
mod text;

pub(crate) use files::{FileDifference, FileKind};
pub(crate) use subject::Subject;
pub(crate) use text::number;

use crate::environment::Environment;
use crate::failure::Problem;
use named::address;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::Edit;
use tandem_model::{Cluster, Host, Inventory, Value};
use tandem_render::RenderedFile;

/// One thing that is not the same. `None`: it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) subject: Subject,
    /// Whose, and what: `frontend deadtime`.
    pub(crate) about: String,
    pub(crate) left: Option<String>,
    pub(crate) right: Option<String>,
}

/// Hosts in the same place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pair {
    /// `None`: in no cluster; such hosts correspond by name.
    pub(crate) cluster: Option<String>,
    /// Position in the cluster, from 0.
    pub(crate) position: Option<usize>,
    pub(crate) left: Option<String>,
    pub(crate) right: Option<String>,
}

impl Pair {
    /// `zipi`, or `web1/fe1` where the names differ.
    pub(crate) fn name(&self) -> String {
        match (&self.left, &self.right) {
            (Some(left), Some(right)) if left != right => format!("{left}/{right}"),
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => String::new(),
        }
    }
}

/// The whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    pub(crate) api_version: u32,
    pub(crate) left: String,
    pub(crate) right: String,
    /// The answer in one line.
    pub(crate) verdict: String,
    /// Nothing differs at all.
    pub(crate) same: bool,
    /// Clusters, roles, profiles and packages are the same.
    pub(crate) same_release_content: bool,
    /// Which host stands for which.
    pub(crate) hosts: Vec<Pair>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) files: Vec<FileDifference>,
    /// How many of each are the same.
    pub(crate) same_counts: BTreeMap<Subject, usize>,
    pub(crate) same_files: usize,
}

/// One environment with what its hosts would get.
pub(crate) struct Side<'a> {
    environment: &'a Environment,
    hosts: BTreeMap<String, Carried>,
}

/// What one host would get.
struct Carried {
    files: Vec<RenderedFile>,
    edits: Vec<Edit>,
    packages: Vec<String>,
    base: Vec<String>,
}

impl<'a> Side<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Result<Self, Problem> {
        let mut hosts = BTreeMap::new();
        for rendered in environment.render_all()? {
            let part = environment.engine_part(&rendered)?;
            let mut base = [rendered.base, part.base].concat();
            base.sort();
            base.dedup();
            let carried = Carried {
                files: [rendered.files, part.files].concat(),
                edits: rendered.edits,
                packages: rendered.packages,
                base,
            };
            hosts.insert(rendered.host, carried);
        }
        Ok(Self { environment, hosts })
    }

    fn inventory(&self) -> &'a Inventory {
        &self.environment.inventory
    }
}

/// Counts what is the same and keeps what is not.
struct Ledger {
    differences: Vec<Difference>,
    same: BTreeMap<Subject, usize>,
}

impl Ledger {
    fn enter(
        &mut self,
        subject: Subject,
        about: impl Into<String>,
        left: Option<String>,
        right: Option<String>,
    ) {
        if left == right {
            if left.is_some() {
                *self.same.entry(subject).or_default() += 1;
            }
            return;
        }
        self.differences.push(Difference {
            subject,
            about: about.into(),
            left,
            right,
        });
    }
}

/// Compares two environments; `diff`: with the files' lines.
pub(crate) fn compare(left: &Side<'_>, right: &Side<'_>, diff: bool) -> Comparison {
    let (old, new) = (left.inventory(), right.inventory());
    let mut ledger = Ledger {
        differences: Vec::new(),
        same: Subject::ALL.map(|subject| (subject, 0)).into(),
    };
    networks(old, new, &mut ledger);
    let names: BTreeSet<&str> = [old, new]
        .iter()
        .flat_map(|inventory| &inventory.clusters)
        .map(|cluster| cluster.name.as_str())
        .collect();
    for name in names {
        let pair = (old.cluster(name), new.cluster(name));
        let there = |cluster: Option<&Cluster>| cluster.map(|_| "there".to_owned());
        ledger.enter(Subject::Cluster, name, there(pair.0), there(pair.1));
        if let (Some(one), Some(other)) = pair {
            clusters((old, one), (new, other), &mut ledger);
        }
    }
    let pairs = pairs(old, new);
    let mut files = Vec::new();
    let mut same_files = 0;
    for pair in &pairs {
        let name = pair.name();
        let there = |host: &Option<String>| host.as_ref().map(|_| "there".to_owned());
        let place = match (&pair.cluster, pair.position) {
            (Some(cluster), Some(position)) => format!("{cluster}[{position}] {name}"),
            _ => name.clone(),
        };
        ledger.enter(Subject::Host, place, there(&pair.left), there(&pair.right));
        let (Some(one), Some(other)) = (&pair.left, &pair.right) else {
            continue;
        };
        let (Some(here), Some(there)) = (old.hosts.get(one), new.hosts.get(other)) else {
            continue;
        };
        hosts(&name, (old, here), (new, there), &mut ledger);
        if let (Some(mine), Some(theirs)) = (left.hosts.get(one), right.hosts.get(other)) {
            lists(
                Subject::Package,
                &name,
                &mine.packages,
                &theirs.packages,
                &mut ledger,
            );
            lists(
                Subject::DistributionPackage,
                &name,
                &mine.base,
                &theirs.base,
                &mut ledger,
            );
            let texts = [(old, one, mine), (new, other, theirs)]
                .map(|(inventory, host, carried)| files::Texts::new(inventory, host, carried));
            same_files += files::compare(&name, &texts[0], &texts[1], diff, &mut files);
        }
    }
    ledger
        .differences
        .sort_by(|one, other| (one.subject, &one.about).cmp(&(other.subject, &other.about)));
    let same_release_content = !ledger
        .differences
        .iter()
        .any(|difference| difference.subject.is_release_content());
    Comparison {
        api_version: tandem_generation::FORMAT,
        left: old.environment.clone(),
        right: new.environment.clone(),
        verdict: text::verdict(old, new, &ledger.differences, &files),
        same: ledger.differences.is_empty() && files.is_empty(),
        same_release_content,
        hosts: pairs,
        differences: ledger.differences,
        files,
        same_counts: ledger.same,
        same_files,
    }
}

/// Hosts by cluster and position; those of no cluster by name.
fn pairs(old: &Inventory, new: &Inventory) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for cluster in old.clusters.iter().chain(&new.clusters) {
        if !names.contains(&cluster.name.as_str()) {
            names.push(&cluster.name);
        }
    }
    for name in names {
        let nodes = |inventory: &Inventory| {
            inventory
                .cluster(name)
                .map(|cluster| cluster.nodes.clone())
                .unwrap_or_default()
        };
        let (left, right) = (nodes(old), nodes(new));
        for position in 0..left.len().max(right.len()) {
            pairs.push(Pair {
                cluster: Some(name.to_owned()),
                position: Some(position),
                left: left.get(position).cloned(),
                right: right.get(position).cloned(),
            });
        }
    }
    let single = |inventory: &Inventory| -> BTreeSet<String> {
        inventory
            .hosts
            .keys()
            .filter(|host| inventory.cluster_of(host).is_none())
            .cloned()
            .collect()
    };
    let (left, right) = (single(old), single(new));
    for name in left.union(&right) {
        let on = |side: &BTreeSet<String>| side.contains(name).then(|| name.clone());
        pairs.push(Pair {
            cluster: None,
            position: None,
            left: on(&left),
            right: on(&right),
        });
    }
    pairs
}

fn networks(old: &Inventory, new: &Inventory, ledger: &mut Ledger) {
    for name in union(&old.networks, &new.networks) {
        let pair = (old.networks.get(name), new.networks.get(name));
        let range = |network: Option<&tandem_model::Network>| {
            network.map(|network| network.range.to_string())
        };
        ledger.enter(Subject::Network, name, range(pair.0), range(pair.1));
        let (Some(one), Some(other)) = pair else {
            continue;
        };
        let gateways = (one.gateway, other.gateway);
        // The same number in another range is no difference of its own.
        let numbers = (
            gateways.0.map(|address| named::numbered(old, address)),
            gateways.1.map(|address| named::numbered(new, address)),
        );
        if numbers.0 == numbers.1 {
            ledger.enter(Subject::Gateway, name, numbers.0, numbers.1);
        } else {
            let shown = |address: Option<std::net::IpAddr>| address.map(|a| a.to_string());
            ledger.enter(Subject::Gateway, name, shown(gateways.0), shown(gateways.1));
        }
    }
}

fn clusters(
    (old, one): (&Inventory, &Cluster),
    (new, other): (&Inventory, &Cluster),
    ledger: &mut Ledger,
) {
    let name = &one.name;
    let both = |subject, what: &str, left: String, right: String, ledger: &mut Ledger| {
        let kept = |text: String| Some(text).filter(|text| !text.is_empty());
        let about = format!("{name} {what}");
        ledger.enter(subject, about.trim_end(), kept(left), kept(right));
    };
    let (left, right) = (one.role.clone(), other.role.clone());
    both(Subject::Role, "", left, right, ledger);
    let engines = (one.engine.as_ref(), other.engine.as_ref());
    let word = |engine: Option<&tandem_model::EngineChoice>| {
        engine.map_or_else(|| "none".to_owned(), |choice| choice.kind.word().to_owned())
    };
    let (left, right) = (word(engines.0), word(engines.1));
    both(Subject::Engine, "kind", left, right, ledger);
    let without = |engine: Option<&tandem_model::EngineChoice>| {
        let words = engine.into_iter().flat_map(|choice| &choice.without);
        join(words.map(|feature| feature.word().to_owned()))
    };
    let (left, right) = (without(engines.0), without(engines.1));
    both(Subject::Engine, "without", left, right, ledger);
    let key = |engine: Option<&tandem_model::EngineChoice>| {
        engine.map_or_else(String::new, |choice| format!("secret {}", choice.key.value))
    };
    let (left, right) = (key(engines.0), key(engines.1));
    both(Subject::Engine, "key", left, right, ledger);
    for (word, milliseconds) in named::TIMINGS {
        let time = |engine: Option<&tandem_model::EngineChoice>| {
            engine.map_or_else(String::new, |choice| {
                named::span(milliseconds(&choice.timing))
            })
        };
        let (left, right) = (time(engines.0), time(engines.1));
        both(Subject::Timing, word, left, right, ledger);
    }
    both(
        Subject::Link,
        "",
        join(one.links.iter().cloned()),
        join(other.links.iter().cloned()),
        ledger,
    );
    let ping = |inventory: &Inventory, cluster: &Cluster| {
        join(cluster.ping.iter().map(|node| address(inventory, *node)))
    };
    let (left, right) = (ping(old, one), ping(new, other));
    both(Subject::Ping, "", left, right, ledger);
    values(name, (old, &one.values), (new, &other.values), ledger);
}

fn hosts(
    name: &str,
    (old, one): (&Inventory, &Host),
    (new, other): (&Inventory, &Host),
    ledger: &mut Ledger,
) {
    let profiles = (Some(one.profile.clone()), Some(other.profile.clone()));
    ledger.enter(Subject::Profile, name, profiles.0, profiles.1);
    let nics = |inventory: &Inventory, host: &Host| -> BTreeMap<String, String> {
        let place = |nic: &tandem_model::Nic| named::numbered(inventory, nic.address);
        host.nics
            .iter()
            .map(|nic| (nic.name.clone(), place(nic)))
            .collect()
    };
    let (left, right) = (nics(old, one), nics(new, other));
    for nic in union(&left, &right) {
        let pair = (left.get(nic).cloned(), right.get(nic).cloned());
        ledger.enter(Subject::Nic, format!("{name} {nic}"), pair.0, pair.1);
    }
    // Where it is reached is a matter of its NICs; as whom and at which port is not.
    let ssh = |inventory: &Inventory, host: &Host| {
        let target = &host.ssh;
        let network = named::network_of(inventory, target.address).unwrap_or("another network");
        Some(format!(
            "{} over {network}, port {}",
            target.user, target.port
        ))
    };
    ledger.enter(Subject::Ssh, name, ssh(old, one), ssh(new, other));
    values(name, (old, &one.values), (new, &other.values), ledger);
}

fn values(
    owner: &str,
    (old, left): (&Inventory, &BTreeMap<String, Value>),
    (new, right): (&Inventory, &BTreeMap<String, Value>),
    ledger: &mut Ledger,
) {
    for name in union(left, right) {
        let shown = |inventory: &Inventory, values: &BTreeMap<String, Value>| {
            values.get(name).map(|value| named::value(inventory, value))
        };
        let pair = (shown(old, left), shown(new, right));
        ledger.enter(
            Subject::Parameter,
            format!("{owner} {name}"),
            pair.0,
            pair.1,
        );
    }
}

fn lists(subject: Subject, host: &str, left: &[String], right: &[String], ledger: &mut Ledger) {
    let all: BTreeSet<&String> = left.iter().chain(right).collect();
    for item in all {
        let there = |list: &[String]| list.contains(item).then(|| "there".to_owned());
        ledger.enter(subject, format!("{host} {item}"), there(left), there(right));
    }
}

fn union<'a, V>(
    left: &'a BTreeMap<String, V>,
    right: &'a BTreeMap<String, V>,
) -> BTreeSet<&'a String> {
    left.keys().chain(right.keys()).collect()
}

fn join(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
