//! Where everything should run, what to do about it, and why: a function of
//! configuration and state alone.
//!
//! Its way: names become numbers (`table`), each resource gets a score on each
//! node (`base`), resources take their nodes one after the other (`placer`,
//! `clones`, `promotion`), what lacks what it needs is held back (`goals`), the
//! difference to what is becomes actions (`transition`), and the `ledger` that
//! was kept all along becomes words (`explain`).
//!
//! Scores and placement follow Pacemaker's scheduler (2.1), and a test compares
//! them with its `crm_simulate`. Where it differs on purpose:
//!
//! - the failures of a group can be summed up, and failover domains exist;
//! - a move is an entry that ends, not a constraint that is forgotten;
//! - what needs a clone is content with any instance that stays: it is not
//!   restarted because another instance comes or goes;
//! - without fencing, what ran on a lost node starts elsewhere only once that
//!   node is known to be gone;
//! - without quorum nothing starts or moves, and what has to stop stops.

mod base;
mod clones;
mod explain;
mod failure;
mod goals;
mod ledger;
mod links;
mod options;
mod placer;
mod promotion;
mod rules;
mod table;
mod transition;

pub use explain::NOWHERE;

use cluster_model::configuration::Configuration;
use cluster_model::decision::Decision;
use cluster_model::state::{ClusterState, Observed, Role};
use explain::Reasons;
use goals::{Goals, Needs};
use ledger::Ledger;
use links::Links;
pub(crate) use options::fences_on_stop;
use placer::Placer;
use std::collections::{BTreeMap, BTreeSet};
use table::{Shape, Table};

/// Decides what should run where, and what to do next.
///
/// The same configuration and state give the same decision on every node: no
/// clock, no chance, no order of insertion takes part in it.
pub fn decide(configuration: &Configuration, state: &ClusterState) -> Decision {
    let mut table = Table::new(configuration, state);
    let links = Links::new(&mut table);
    let mut ledger = Ledger::default();
    let scores = base::scores(&mut table, &mut ledger);
    let mut placer = Placer::new(&table, &links, scores, ledger);
    placer.run();
    let needs = Needs::new(&table, &placer.chosen);
    let goals = goals::goals(&placer, &needs);
    let reasons = Reasons::new(&placer, &goals, &needs);
    Decision {
        placement: placement(&table, &goals),
        reconsider_at_ms: base::reconsider_at_ms(&table),
        transition: transition::transition(&reasons),
        explanation: reasons.explanation(),
    }
}

/// What failures, by their `on-fail`, made of resources and nodes, and what else holds
/// nodes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// What is left alone because it failed: resource and node.
    pub blocked: BTreeSet<(String, String)>,
    /// Nodes that take nothing because something failed there, and what.
    pub standby: BTreeMap<String, String>,
    /// Nodes that take nothing as long as another one can, and why.
    pub held_back: BTreeMap<String, String>,
}

/// What became of resources and nodes. [`decide`] goes by it, too.
pub fn aftermath(configuration: &Configuration, state: &ClusterState) -> Aftermath {
    let table = Table::new(configuration, state);
    let name = |node: table::NodeId| table.nodes[node].name.to_owned();
    let primitives = table.resources.iter();
    let primitives = primitives.filter(|entry| matches!(entry.shape, Shape::Primitive(_)));
    let blocked = primitives.flat_map(|entry| {
        let blocked = |seen: &&(_, Observed)| matches!(seen.1, Observed::Blocked { .. });
        let active = entry.active.iter().filter(blocked);
        active.map(|(node, _)| (entry.name.clone(), name(*node)))
    });
    let (standby, held) = (table.nodes.iter(), table.nodes.iter());
    Aftermath {
        blocked: blocked.collect(),
        standby: standby
            .filter_map(|node| Some((node.name.to_owned(), node.standby.clone()?)))
            .collect(),
        held_back: held
            .filter_map(|node| Some((node.name.to_owned(), node.held_back?.to_owned())))
            .collect(),
    }
}

/// Goals by name. What is left alone is where it is, however odd that may be.
fn placement(table: &Table, goals: &Goals) -> BTreeMap<String, BTreeMap<String, Role>> {
    let mut placement: BTreeMap<String, BTreeMap<String, Role>> = BTreeMap::new();
    for (id, entry) in table.resources.iter().enumerate() {
        if !matches!(entry.shape, Shape::Primitive(_)) {
            continue;
        }
        let places = placement.entry(entry.name.clone()).or_default();
        if table.is_left_alone(id) {
            let up = |(_, seen): &&(_, Observed)| seen.role() > Role::Stopped;
            for (node, observed) in entry.active.iter().filter(up) {
                places.insert(table.nodes[*node].name.to_owned(), observed.role());
            }
        } else if let Some((node, role)) = goals.of[id] {
            places.insert(table.nodes[node].name.to_owned(), role);
        }
    }
    placement
}
