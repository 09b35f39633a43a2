//! Who holds what before a change, and which nodes could take it over.

use crate::desired::{DesiredCluster, View};
use cluster_model::{NodeState, Redundancy};
use std::collections::BTreeSet;

/// A cluster's nodes before the change.
pub(crate) struct Standing<'a> {
    view: &'a View,
    /// Node that holds resources, as seen on the node itself.
    pub(crate) holder: Option<String>,
    /// A member that does not answer but is heard by one that does, where
    /// nobody who answers holds anything: it is the one that serves.
    pub(crate) out_of_reach: Option<String>,
    /// All nodes that hold resources, where there are several.
    pub(crate) doubled: Vec<String>,
    /// Nodes on which resources are on the move.
    pub(crate) moving: Vec<String>,
    /// Bare nodes that run what the cluster will run, outside of it.
    pub(crate) strays: Vec<String>,
}

/// Why redundancy is not real.
pub(crate) struct Losses {
    /// For no reason that this run mends.
    pub(crate) real: Vec<String>,
    /// Because of nodes that the operator knows to be down.
    pub(crate) known: Vec<String>,
}

impl<'a> Standing<'a> {
    /// Reads a view. What runs on a `bare` node without the engine is not the
    /// cluster's: a distribution may have started it.
    pub(crate) fn of(cluster: &DesiredCluster, view: &'a View, bare: &BTreeSet<&str>) -> Self {
        let having = |wanted: &dyn Fn(&cluster_model::ClusterStatus) -> bool| -> Vec<String> {
            view.iter()
                .filter(|(_, status)| wanted(status))
                .map(|(node, _)| node.clone())
                .collect()
        };
        let (strays, holders): (Vec<String>, Vec<String>) =
            having(&|status| !status.held_here.is_empty())
                .into_iter()
                .partition(|node| {
                    bare.contains(node.as_str())
                        && matches!(view[node].redundancy, Redundancy::NoCluster)
                });
        let heard = |node: &str| {
            view.values().any(|status| {
                matches!(
                    status.nodes.get(node),
                    Some(NodeState::Online | NodeState::Standby)
                )
            })
        };
        let out_of_reach = cluster
            .hosts
            .iter()
            .map(|host| &host.host)
            .find(|host| holders.is_empty() && !view.contains_key(*host) && heard(host))
            .cloned();
        Self {
            view,
            holder: holders.first().cloned(),
            out_of_reach,
            doubled: if holders.len() > 1 {
                holders
            } else {
                Vec::new()
            },
            moving: having(&|status| status.in_transition),
            strays,
        }
    }

    /// True when the cluster's engine runs on a node.
    pub(crate) fn runs(&self, node: &str) -> bool {
        self.view
            .get(node)
            .is_some_and(|status| !matches!(status.redundancy, Redundancy::NoCluster))
    }

    /// True when it runs on any.
    pub(crate) fn runs_somewhere(&self) -> bool {
        self.view.keys().any(|node| self.runs(node))
    }

    /// Nodes that told how the cluster is.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &'a String> {
        self.view.keys()
    }

    /// True for a member in good standing: the engine runs there, and the
    /// holder hears it.
    pub(crate) fn is_sound(&self, node: &str) -> bool {
        let told = self
            .holder
            .as_ref()
            .filter(|holder| *holder != node)
            .and_then(|holder| self.view.get(holder)?.nodes.get(node));
        self.runs(node)
            && told.is_none_or(|state| matches!(state, NodeState::Online | NodeState::Standby))
    }

    /// True for a node that takes no resources, whatever happens.
    pub(crate) fn stands_by(&self, node: &str) -> bool {
        self.view
            .values()
            .any(|status| status.nodes.get(node) == Some(&NodeState::Standby))
    }

    /// Why the next failure might not be survived, when `healing` nodes are
    /// put right by this run and the operator goes on `without` others.
    pub(crate) fn losses(&self, healing: &BTreeSet<&str>, without: &BTreeSet<String>) -> Losses {
        let mut losses = Losses {
            real: Vec::new(),
            known: Vec::new(),
        };
        for (node, status) in self.view {
            if healing.contains(node.as_str()) {
                continue;
            }
            match &status.redundancy {
                Redundancy::Real => {}
                Redundancy::NoCluster => {
                    let text = format!("{node}: the cluster does not run there");
                    if without.contains(node) {
                        losses.known.push(text);
                    } else {
                        losses.real.push(text);
                    }
                }
                Redundancy::Lost { because } => {
                    let text = format!("{node}: {because}");
                    let mut unheard: Vec<&str> = status
                        .nodes
                        .iter()
                        .filter(|(peer, state)| {
                            *peer != node
                                && matches!(state, NodeState::Offline | NodeState::Unknown)
                        })
                        .map(|(peer, _)| peer.as_str())
                        .collect();
                    // A loss although everybody is heard has another cause: a
                    // replica out of step, a dead link.
                    let explained = !unheard.is_empty();
                    unheard.retain(|peer| !healing.contains(peer));
                    match (
                        explained,
                        unheard.iter().all(|peer| without.contains(*peer)),
                    ) {
                        (true, true) if unheard.is_empty() => {}
                        (true, true) => losses.known.push(text),
                        _ => losses.real.push(text),
                    }
                }
            }
        }
        losses
    }
}
