//! Which clusters there are to simulate.

use crate::reaching::LISTED;
use cluster_core::Settings;
use cluster_core::arbitration::{Arbitration, FencingTerms, ReachTerms};
use cluster_core::name::NodeId;
use cluster_core::settings::Terms;
use cluster_model::configuration::{
    CloneOf, Cloned, ClusterOptions, Configuration, Group, Item, Monitor, OperationOptions,
    Operations, Primitive, Promotable, ResourceOptions,
};
use cluster_model::resource::Agent;
use cluster_model::score::Score;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// A shape of cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Two nodes and a witness, which votes and runs nothing.
    Witness,
    /// Three nodes, all of them voters.
    Three,
    /// Five nodes, all of them voters.
    Five,
    /// Two nodes and nobody else: fencing decides.
    Pair,
    /// Two nodes and nobody else: what each of them reaches decides.
    Reach,
    /// Sixteen nodes, of which the last seven vote: the others run resources under leases
    /// that these renew, and decide nothing.
    Sixteen,
}

impl Topology {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Witness,
        Self::Three,
        Self::Five,
        Self::Pair,
        Self::Reach,
        Self::Sixteen,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::Three => "three",
            Self::Five => "five",
            Self::Pair => "pair",
            Self::Reach => "reach",
            Self::Sixteen => "sixteen",
        }
    }

    /// All machines, nodes first.
    pub fn machines(self) -> usize {
        match self {
            Self::Witness | Self::Three => 3,
            Self::Five => 5,
            Self::Pair | Self::Reach => 2,
            Self::Sixteen => 16,
        }
    }

    /// How many of the machines run resources.
    pub fn nodes(self) -> usize {
        match self {
            Self::Witness | Self::Pair | Self::Reach => 2,
            Self::Three => 3,
            Self::Five => 5,
            Self::Sixteen => 16,
        }
    }

    /// The place of the first machine that votes; those before it are learners. Resources
    /// are placed where numbers are low, so learners hold what must not run twice.
    pub fn first_voter(self) -> usize {
        match self {
            Self::Witness | Self::Three | Self::Five | Self::Pair | Self::Reach => 0,
            Self::Sixteen => 9,
        }
    }

    /// What each daemon is told, with itself as `me`; `drift_ppm` is what clocks may
    /// differ by.
    pub fn settings(self, me: NodeId, drift_ppm: u32) -> Settings {
        let voters = (self.first_voter()..self.machines()).map(node_of).collect();
        let nodes = (0..self.nodes()).map(node_of).collect();
        let mut settings = settings(me, voters, nodes, drift_ppm);
        if self == Self::Pair {
            settings.arbitration = Arbitration::Fencing(FencingTerms {
                first: None,
                // The slowest good device takes 2.5 s, and late packets let the other one
                // notice up to 5 s later.
                delay: Duration::from_secs(10),
                pause: Duration::from_secs(3),
                limit: Duration::from_secs(20),
                power_on: true,
            });
        }
        if self == Self::Reach {
            settings.arbitration = Arbitration::Reach(ReachTerms {
                listed: LISTED,
                pause: Duration::from_secs(1),
                limit: Duration::from_secs(1),
                wait: Duration::from_secs(8),
            });
        }
        settings
    }

    /// Two who vote, of whom one may go on alone.
    pub fn is_of_a_lone_pair(self) -> bool {
        matches!(self, Self::Pair | Self::Reach)
    }
}

/// The number of the node at a place.
pub fn node_of(place: usize) -> NodeId {
    NodeId(u16::try_from(place + 1).unwrap_or(u16::MAX))
}

/// The place of a node.
pub fn place_of(node: NodeId) -> usize {
    usize::from(node.0).saturating_sub(1)
}

/// So often something may fail on a node, and is tried there no more.
pub const MIGRATION_THRESHOLD: u32 = 3;

/// After so long without another one, failures are forgotten.
pub const FAILURE_TIMEOUT: Duration = Duration::from_secs(40);

/// How many networks each cluster has.
pub const LINKS: u8 = 2;

/// What a cluster is started with: a database on a file system on a device, one alone, a server with its address,
/// something that runs everywhere, and copies of which one counts.
pub fn configuration(nodes: BTreeSet<String>) -> Configuration {
    let group = |name: &str, members: &[&str]| {
        Item::Group(Group {
            name: name.to_owned(),
            members: members.iter().map(|name| primitive(name)).collect(),
            options: ResourceOptions::default(),
            migration_threshold_sum: None,
        })
    };
    Configuration {
        nodes,
        options: ClusterOptions {
            symmetric: true,
            // A node that holds what it cannot stop is told to go down.
            fencing: true,
            ..ClusterOptions::default()
        },
        resource_defaults: ResourceOptions {
            migration_threshold: Some(MIGRATION_THRESHOLD),
            failure_timeout_ms: u64::try_from(FAILURE_TIMEOUT.as_millis()).ok(),
            stickiness: Some(Score::new(100)),
            ..ResourceOptions::default()
        },
        resources: vec![
            group("database", &["device", "files", "server"]),
            Item::Primitive(primitive("mail")),
            group("web", &["address", "pages"]),
            clone("everywhere", PING, None),
            clone(COPIES, DATA, Some(Promotable::default())),
        ],
        ..Configuration::default()
    }
}

fn clone(name: &str, of: &str, promotable: Option<Promotable>) -> Item {
    Item::Clone(CloneOf {
        name: name.to_owned(),
        of: Cloned::Primitive(primitive(of)),
        options: ResourceOptions::default(),
        max: None,
        node_max: 1,
        unique: false,
        interleave: false,
        promotable,
    })
}

/// A resource as all of them are.
pub fn primitive(name: &str) -> Primitive {
    let limit = |timeout_ms| OperationOptions {
        timeout_ms: Some(timeout_ms),
        on_fail: None,
    };
    Primitive {
        name: name.to_owned(),
        agent: Agent::Systemd {
            unit: format!("{name}.service"),
        },
        options: ResourceOptions::default(),
        operations: Operations {
            start: limit(4_000),
            stop: limit(1_900),
            probe: limit(2_000),
            promote: limit(4_000),
            demote: limit(1_900),
            monitors: vec![Monitor {
                interval_ms: 4_000,
                role: None,
                depth: 0,
                options: limit(2_000),
            }],
        },
    }
}

/// Does it run on as many nodes as there are?
pub fn runs_everywhere(resource: &str) -> bool {
    [PING, DATA].contains(&resource)
}

/// Is one of its instances promoted?
pub fn is_promotable(resource: &str) -> bool {
    resource == DATA
}

/// Items that an operator may move or stop.
pub const ITEMS: [&str; 3] = ["database", "mail", "web"];

/// Copies of data, of which one is promoted.
pub const COPIES: &str = "copies";

const PING: &str = "ping";
pub(crate) const DATA: &str = "data";

/// What a node is called.
pub fn name_of(node: NodeId) -> String {
    format!("n{}", node.0)
}

fn settings(
    me: NodeId,
    voters: BTreeSet<NodeId>,
    nodes: BTreeSet<NodeId>,
    drift_ppm: u32,
) -> Settings {
    let names = nodes.iter().map(|node| name_of(*node)).collect();
    let first = nodes.contains(&me).then(|| configuration(names));
    let everybody = voters.union(&nodes);
    let names = everybody.map(|node| (*node, name_of(*node))).collect();
    Settings {
        me,
        voters,
        nodes,
        names,
        links: LINKS,
        keepalive: Duration::from_millis(500),
        deadtime: Duration::from_secs(2),
        // Short, so that the state takes the log's place again and again.
        log_max: 30,
        terms: Terms {
            lease: Duration::from_secs(6),
            // Three stops, one after the other.
            stop: Duration::from_secs(6),
            watchdog: Duration::from_secs(5),
            drift_ppm,
            margin: Duration::from_millis(50),
        },
        arbitration: Arbitration::Quorum,
        // A witness knows of no resources, and coordinates all the same.
        first,
        bug: None,
    }
}
