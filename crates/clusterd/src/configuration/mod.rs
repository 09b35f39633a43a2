//! `/etc/clusterd/cluster.yaml`: the same text on every node and witness of a cluster.

mod arbitration;
mod check;
mod deciding;
mod fencing;
mod keys;
mod reach;
mod settings;
mod timing;

pub(crate) use arbitration::Arbitration;
pub(crate) use check::doubts;
pub(crate) use deciding::{Deciding, Outline};
pub(crate) use fencing::{DeviceFile, FencingFile};
pub(crate) use keys::{parse as parse_keys, read_keys};
pub(crate) use reach::{RISK, ReachFile};
pub(crate) use settings::{settings, start_of_machine};
pub(crate) use timing::TimingFile;

use cluster_model::configuration::{
    ClusterOptions, Configuration, Item, OperationOptions, ResourceOptions,
};
use cluster_model::constraint::{Colocation, FailoverDomain, Location, Order};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where a node looks for it.
pub(crate) const DEFAULT: &str = "/etc/clusterd/cluster.yaml";

/// The file as it is written. What says who votes, and who decides, is in [`Outline`] as well.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusterFile {
    /// The cluster's name. Packets carry it; at most 32 bytes.
    pub(crate) cluster: String,
    /// Who decides whether a silent peer may be treated as gone.
    #[serde(default)]
    pub(crate) arbitration: Arbitration,
    /// Where fencing decides: how.
    #[serde(default)]
    pub(crate) fencing: Option<FencingFile>,
    /// Where what is reached decides: how.
    #[serde(default)]
    pub(crate) reach: Option<ReachFile>,
    /// UDP port of every member.
    #[serde(default = "default_port")]
    pub(crate) port: u16,
    /// The networks between the members, by names of the operator's.
    pub(crate) links: Vec<String>,
    /// Who runs resources.
    pub(crate) nodes: BTreeMap<String, MemberFile>,
    /// Who votes and runs nothing.
    #[serde(default)]
    pub(crate) witnesses: BTreeMap<String, MemberFile>,
    /// Which nodes vote, beside the witnesses. Unless they are named: all; of more than
    /// seven members those with the lowest ids.
    #[serde(default)]
    pub(crate) voters: Option<BTreeSet<String>>,
    /// How fast it notices.
    #[serde(default)]
    pub(crate) timing: TimingFile,
    /// What resets this machine if the daemon does not say every so often that all is
    /// well: a device of `linux/watchdog.h`, or a Unix socket with a program behind it
    /// that can. Without one, what hangs is not stopped.
    #[serde(default)]
    pub(crate) watchdog: Option<PathBuf>,
    /// Where time alone decides, on virtual machines: that a paused one may go on with what
    /// was taken over meanwhile is known.
    #[serde(default)]
    pub(crate) accept_pause_risk: bool,
    /// Keys of the packets; readable for root alone.
    #[serde(default = "default_keys")]
    pub(crate) keys: PathBuf,
    /// Each node counts how many of these addresses answer, in its attribute `pingd`.
    #[serde(default)]
    pub(crate) ping: Vec<IpAddr>,
    /// Options of the whole cluster.
    #[serde(default)]
    pub(crate) options: ClusterOptions,
    /// What resources use where they say nothing themselves.
    #[serde(default)]
    pub(crate) resource_defaults: ResourceOptions,
    /// What operations use where they say nothing themselves.
    #[serde(default)]
    pub(crate) operation_defaults: OperationOptions,
    /// Resources; the order decides between equals.
    #[serde(default)]
    pub(crate) resources: Vec<Item>,
    /// Where resources may or should run.
    #[serde(default)]
    pub(crate) locations: Vec<Location>,
    /// What should run together or apart.
    #[serde(default)]
    pub(crate) colocations: Vec<Colocation>,
    /// What waits for what.
    #[serde(default)]
    pub(crate) orders: Vec<Order>,
    /// Lists of nodes that resources refer to.
    #[serde(default)]
    pub(crate) domains: Vec<FailoverDomain>,
}

/// A node or witness.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberFile {
    /// From 1; never used for another machine, nor again.
    pub(crate) id: u16,
    /// By network; a witness need not be on all of them.
    pub(crate) addresses: BTreeMap<String, IpAddr>,
}

fn default_port() -> u16 {
    5410
}

fn default_keys() -> PathBuf {
    PathBuf::from("/etc/clusterd/keys")
}

/// Why a file cannot be used; all that is wrong at once.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// It cannot be read.
    #[error("{}: {error}", .path.display())]
    Unread {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no YAML, or says something that nobody knows.
    #[error("{}:{text}", .path.display())]
    NotUnderstood {
        /// Which.
        path: PathBuf,
        /// Line, column and what is wrong.
        text: String,
    },
    /// It is understood and cannot be true.
    #[error("{}:\n  {}", .path.display(), .problems.join("\n  "))]
    Wrong {
        /// Which.
        path: PathBuf,
        /// Each of them.
        problems: Vec<String>,
    },
}

impl ClusterFile {
    /// Reads and checks it.
    pub(crate) fn read(path: &Path) -> Result<Self, Unusable> {
        let text = std::fs::read_to_string(path).map_err(|error| Unusable::Unread {
            path: path.to_owned(),
            error,
        })?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Unusable> {
        let file: Self = serde_saphyr::from_str(text).map_err(|error| Unusable::NotUnderstood {
            path: path.to_owned(),
            text: located(&error),
        })?;
        let problems = file.problems();
        if problems.is_empty() {
            Ok(file)
        } else {
            Err(Unusable::Wrong {
                path: path.to_owned(),
                problems,
            })
        }
    }

    /// Nodes and witnesses by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &MemberFile)> {
        self.nodes.iter().chain(&self.witnesses)
    }

    /// The one with this name.
    pub(crate) fn member(&self, name: &str) -> Option<&MemberFile> {
        self.nodes.get(name).or_else(|| self.witnesses.get(name))
    }

    /// What everybody listens on, by number and network.
    pub(crate) fn sockets(&self) -> BTreeMap<(u16, u8), SocketAddr> {
        let mut sockets = BTreeMap::new();
        for (_, member) in self.members() {
            for (link, name) in (0_u8..).zip(&self.links) {
                if let Some(address) = member.addresses.get(name) {
                    sockets.insert((member.id, link), SocketAddr::new(*address, self.port));
                }
            }
        }
        sockets
    }

    /// What there is to run, and where.
    pub(crate) fn configuration(&self) -> Configuration {
        Configuration {
            nodes: self.nodes.keys().cloned().collect(),
            options: self.options.clone(),
            resource_defaults: self.resource_defaults.clone(),
            operation_defaults: self.operation_defaults.clone(),
            resources: self.resources.clone(),
            locations: self.locations.clone(),
            colocations: self.colocations.clone(),
            orders: self.orders.clone(),
            domains: self.domains.clone(),
        }
    }

    /// Do they differ in nothing but in what there is to run?
    pub(crate) fn has_the_same_members(&self, other: &Self) -> bool {
        let other = Self {
            options: self.options.clone(),
            resource_defaults: self.resource_defaults.clone(),
            operation_defaults: self.operation_defaults.clone(),
            resources: self.resources.clone(),
            locations: self.locations.clone(),
            colocations: self.colocations.clone(),
            orders: self.orders.clone(),
            domains: self.domains.clone(),
            ..other.clone()
        };
        *self == other
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.cluster.is_empty() || self.cluster.len() > 32 {
            problems.push(format!(
                "cluster: `{}` must have 1 to 32 bytes: packets carry it",
                self.cluster
            ));
        }
        self.arbitrated(&mut problems);
        if self.accept_pause_risk && self.arbitration != Arbitration::Quorum {
            problems.push("accept_pause_risk: only where a majority decides by time".to_owned());
        }
        if self.links.is_empty() || self.links.len() > 8 {
            problems.push("links: 1 to 8 networks between the members".to_owned());
        }
        let mut ids = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (name, member) in self.members() {
            if self.nodes.contains_key(name) && self.witnesses.contains_key(name) {
                problems.push(format!("witnesses: {name} is a node already"));
            }
            if member.id == 0 {
                problems.push(format!("{name}: id: 0 is nobody's; begin with 1"));
            }
            if let Some(other) = ids.insert(member.id, name) {
                problems.push(format!("{name}: id: {} is that of {other}", member.id));
            }
            for (link, address) in &member.addresses {
                if !self.links.contains(link) {
                    problems.push(format!("{name}: addresses: {link} is none of the links"));
                }
                if let Some(other) = addresses.insert(*address, name) {
                    problems.push(format!("{name}: addresses: {address} is that of {other}"));
                }
            }
            for (other, its) in self.members().filter(|(other, _)| *other > name) {
                let mut shared = member.addresses.keys();
                if !shared.any(|link| its.addresses.contains_key(link)) {
                    problems.push(format!("{name} and {other} share none of the links"));
                }
            }
        }
        self.timing.problems(&mut problems);
        self.names(&mut problems);
        problems.extend(check::problems(&self.configuration()));
        problems
    }

    /// Resources are named once.
    fn names(&self, problems: &mut Vec<String>) {
        let mut names = BTreeSet::new();
        for item in &self.resources {
            let mut all = vec![item.name().to_owned()];
            all.extend(
                members_of(item)
                    .map(|member| member.name.clone())
                    .filter(|name| name != item.name()),
            );
            for name in all {
                if name.is_empty()
                    || name.contains([':', '/'])
                    || name.contains(char::is_whitespace)
                {
                    problems.push(format!("resources: `{name}` is no name"));
                }
                if !names.insert(name.clone()) {
                    problems.push(format!("resources: {name} is there twice"));
                }
            }
        }
    }
}

/// The primitives that an item is made of.
pub(crate) fn members_of(
    item: &Item,
) -> impl Iterator<Item = &cluster_model::configuration::Primitive> {
    use cluster_model::configuration::Cloned;
    match item {
        Item::Primitive(primitive) => std::slice::from_ref(primitive),
        Item::Group(group) => group.members.as_slice(),
        Item::Clone(clone) => match &clone.of {
            Cloned::Primitive(primitive) => std::slice::from_ref(primitive),
            Cloned::Group(group) => group.members.as_slice(),
        },
    }
    .iter()
}

/// `LINE:COLUMN: what is wrong`.
fn located(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    match error.location() {
        Some(place) => format!("{}:{}: {text}", place.line(), place.column()),
        None => format!(" {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "
cluster: web
links: [hb, om]
nodes:
  zipi: {id: 1, addresses: {hb: 10.0.0.1, om: 10.1.0.1}}
  zape: {id: 2, addresses: {hb: 10.0.0.2, om: 10.1.0.2}}
witnesses:
  yoda: {id: 3, addresses: {om: 10.1.0.3}}
resources:
  - group:
      name: web
      members:
        - name: vip
          agent: {address: {address: 10.0.0.9, prefix: 24, interface: eth0}}
        - name: apache
          agent: {systemd: {unit: httpd.service}}
";

    #[test]
    fn a_pair_and_its_witness_are_understood() {
        let file = ClusterFile::parse(PAIR, Path::new("x")).expect("right");
        assert_eq!(file.sockets().len(), 5);
        assert_eq!(file.configuration().resources.len(), 1);
        assert_eq!(file.port, 5410);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let text = PAIR
            .replace("id: 2", "id: 1")
            .replace("om: 10.1.0.3", "om: 10.0.0.1")
            .replace("name: apache", "name: vip");
        let error = ClusterFile::parse(&text, Path::new("x")).expect_err("wrong");
        let Unusable::Wrong { problems, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn an_even_number_of_voters_is_refused() {
        let text = PAIR.replace("  yoda: {id: 3, addresses: {om: 10.1.0.3}}\n", "  {}\n");
        let error = ClusterFile::parse(&text, Path::new("x")).expect_err("wrong");
        assert!(error.to_string().contains("2 voters"), "{error}");
    }

    /// A cluster of so many nodes, and what else is written about it.
    fn of_nodes(count: u16, more: &str) -> Result<ClusterFile, Unusable> {
        let nodes: Vec<String> = (1..=count)
            .map(|id| format!("  n{id:02}: {{id: {id}, addresses: {{hb: 10.0.0.{id}}}}}\n"))
            .collect();
        let nodes = nodes.concat();
        let text = format!("cluster: web\nlinks: [hb]\nnodes:\n{nodes}{more}");
        ClusterFile::parse(&text, Path::new("x"))
    }

    #[test]
    fn of_many_members_seven_vote() {
        assert_eq!(of_nodes(5, "").expect("right").voting(), [1, 2, 3, 4, 5]);
        assert_eq!(
            of_nodes(16, "").expect("right").voting(),
            [1, 2, 3, 4, 5, 6, 7]
        );
        let witness = "witnesses:\n  yoda: {id: 40, addresses: {hb: 10.0.0.40}}\n";
        assert_eq!(
            of_nodes(16, witness).expect("right").voting(),
            [1, 2, 3, 4, 5, 6, 40]
        );
        assert_eq!(
            of_nodes(4, "voters: [n01, n02, n04]\n")
                .expect("right")
                .voting(),
            [1, 2, 4]
        );
    }

    #[test]
    fn voters_that_are_named_are_nodes_and_an_odd_number() {
        for (more, wrong) in [
            ("", "4 voters"),
            ("voters: [n01, n02]\n", "2 voters"),
            ("voters: []\n", "0 voters"),
            ("voters: [n01, n02, n09]\n", "voters: n09 is no node"),
        ] {
            let error = of_nodes(4, more).expect_err(more);
            assert!(error.to_string().contains(wrong), "{more}: {error}");
        }
    }

    #[test]
    fn what_nobody_knows_has_its_place() {
        let text = PAIR.replace("unit: httpd.service", "unti: httpd.service");
        let error = ClusterFile::parse(&text, Path::new("x.yaml")).expect_err("wrong");
        assert!(error.to_string().starts_with("x.yaml:16:"), "{error}");
    }
}
