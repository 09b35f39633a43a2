//! Names turned into numbers once: nodes and resources of a configuration, with
//! what the state says of them.

mod build;
mod node;

pub(super) use node::NodeEntry;

use super::failure::Meaning;
use super::options::Settled;
use cluster_model::configuration::{CloneOf, Configuration, Group, Primitive, Promotable};
use cluster_model::state::{ClusterState, Instance, Observed, Operation, Presence};
use std::collections::BTreeMap;

/// Place of a node in [`Table::nodes`].
pub(super) type NodeId = usize;
/// Place of a resource in [`Table::resources`].
pub(super) type ResourceId = usize;

/// A configuration and a state, with numbers for names.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) configuration: &'a Configuration,
    pub(super) state: &'a ClusterState,
    /// In the order that decides between equals.
    pub(super) nodes: Vec<NodeEntry<'a>>,
    pub(super) resources: Vec<Entry<'a>>,
    /// Items that stand by themselves, in the order of the configuration.
    pub(super) top: Vec<ResourceId>,
    by_name: BTreeMap<&'a str, ResourceId>,
    pending: BTreeMap<&'a str, Vec<(NodeId, Operation)>>,
    node_by_name: BTreeMap<&'a str, NodeId>,
    /// What is odd, in words.
    pub(super) notes: Vec<String>,
}

/// A resource: an item, a member of a group, or an instance of a clone.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The name in the state and in decisions; instances of anonymous clones
    /// share it.
    pub(super) name: String,
    pub(super) shape: Shape<'a>,
    pub(super) parent: Option<ResourceId>,
    pub(super) settled: Settled,
    /// Where it has to be taken for running, in the order of nodes. Where it is
    /// being started it is there with what was last seen.
    pub(super) active: Vec<(NodeId, Observed)>,
    /// Operations on their way.
    pub(super) pending: Vec<(NodeId, Operation)>,
    /// What the state knows, by node; empty for what is no primitive.
    pub(super) seen: Vec<Option<&'a Instance>>,
    /// What its failures mean, by node; empty for what is no primitive or left alone.
    pub(super) meant: Vec<Option<Meaning>>,
}

/// What a resource is made of.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    Primitive(&'a Primitive),
    Group {
        group: &'a Group,
        members: Vec<ResourceId>,
    },
    Clone {
        clone: &'a CloneOf,
        /// So many may be active; there can be more instances while too many are.
        max: usize,
        instances: Vec<ResourceId>,
    },
}

impl Table<'_> {
    pub(super) fn resource(&self, name: &str) -> Option<ResourceId> {
        self.by_name.get(name).copied()
    }

    /// Everything of that name: all instances, where a clone multiplies it.
    pub(super) fn all_called(&self, name: &str) -> Vec<ResourceId> {
        let Some(first) = self.resource(name) else {
            return Vec::new();
        };
        let outer = self.outermost(first);
        if outer == first {
            return vec![first];
        }
        // Something inside of a clone: the same place in every instance.
        let instances = match &self.resources[outer].shape {
            Shape::Clone { instances, .. } => instances.as_slice(),
            _ => return vec![first],
        };
        let at = |instance: ResourceId| match self.children(instance) {
            [] => vec![instance],
            members => std::iter::once(instance)
                .chain(members.iter().copied())
                .collect(),
        };
        let place = instances
            .first()
            .and_then(|&instance| at(instance).iter().position(|&id| id == first));
        match place {
            Some(place) => instances
                .iter()
                .filter_map(|&instance| at(instance).get(place).copied())
                .collect(),
            None => vec![first],
        }
    }

    /// The item of that name, or the clone that has it in it.
    pub(super) fn item_called(&self, name: &str) -> Option<ResourceId> {
        let id = self.resource(name)?;
        let outer = self.outermost(id);
        match self.resources[outer].shape {
            Shape::Clone { .. } => Some(outer),
            _ => Some(id),
        }
    }

    /// Whether it is, or is in, an instance that cannot be told apart from
    /// others.
    pub(super) fn is_anonymous(&self, id: ResourceId) -> bool {
        let outer = self.outermost(id);
        matches!(&self.resources[outer].shape, Shape::Clone { clone, .. } if !clone.unique)
    }

    /// Operations on their way on everything of its name.
    pub(super) fn pending_of(&self, id: ResourceId) -> &[(NodeId, Operation)] {
        let name: &str = &self.resources[id].name;
        self.pending.get(name).map_or(&[], Vec::as_slice)
    }

    /// Of the instances that share its name: the first.
    pub(super) fn first_of_name(&self, id: ResourceId) -> ResourceId {
        if self.is_anonymous(id) {
            let name: &str = &self.resources[id].name;
            self.resource(name).unwrap_or(id)
        } else {
            id
        }
    }

    /// Whether it is that first one.
    pub(super) fn resource_first(&self, id: ResourceId) -> bool {
        self.first_of_name(id) == id
    }

    pub(super) fn node(&self, name: &str) -> Option<NodeId> {
        self.node_by_name.get(name).copied()
    }

    /// Members of a group, instances of a clone.
    pub(super) fn children(&self, id: ResourceId) -> &[ResourceId] {
        match &self.resources[id].shape {
            Shape::Primitive(_) => &[],
            Shape::Group { members, .. } => members,
            Shape::Clone { instances, .. } => instances,
        }
    }

    /// The item that stands by itself and has this resource in it.
    pub(super) fn outermost(&self, mut id: ResourceId) -> ResourceId {
        while let Some(parent) = self.resources[id].parent {
            id = parent;
        }
        id
    }

    /// The primitives in it, in start order.
    pub(super) fn primitives(&self, id: ResourceId) -> Vec<ResourceId> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if matches!(self.resources[id].shape, Shape::Primitive(_)) {
                found.push(id);
            }
            open.extend(self.children(id).iter().rev());
        }
        found
    }

    pub(super) fn promotable(&self, id: ResourceId) -> Option<Promotable> {
        match &self.resources[id].shape {
            Shape::Clone { clone, .. } => clone.promotable,
            _ => None,
        }
    }

    /// Nobody touches it: it stays what it is.
    pub(super) fn is_left_alone(&self, id: ResourceId) -> bool {
        let entry = &self.resources[id];
        if !entry.settled.managed {
            return true;
        }
        entry.active.iter().any(|(node, observed)| {
            let node = &self.nodes[*node];
            // A stop that failed is mended by fencing; without it, by people.
            let stuck = matches!(observed, Observed::StopFailed | Observed::Blocked { .. })
                && node.fence.is_none()
                && node.presence() != Presence::Unclean;
            stuck || node.known.is_some_and(|known| known.maintenance)
        })
    }

    /// It failed, or something in it, and is left alone for that.
    pub(super) fn is_blocked(&self, id: ResourceId) -> bool {
        self.primitives(id).into_iter().any(|id| {
            let mut active = self.resources[id].active.iter();
            active.any(|(_, observed)| matches!(observed, Observed::Blocked { .. }))
        })
    }

    /// Whether two are active on one node.
    pub(super) fn share_a_node(&self, one: ResourceId, other: ResourceId) -> bool {
        let others = &self.resources[other].active;
        let mut ones = self.resources[one].active.iter();
        ones.any(|(node, _)| others.iter().any(|(at, _)| at == node))
    }

    /// The first node where it is active.
    pub(super) fn current(&self, id: ResourceId) -> Option<NodeId> {
        self.resources[id].active.first().map(|(node, _)| *node)
    }
}
