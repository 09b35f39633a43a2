//! Builds the table from a configuration and a state.

use super::node::by_natural_order;
use super::{Entry, NodeEntry, NodeId, ResourceId, Shape, Table};
use crate::policy::failure::{self, Meaning};
use crate::policy::options::{self, Inherited, Settled};
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, Primitive,
};
use cluster_model::state::{
    Authority, ClusterState, Instance, Observed, Operation, Presence, Role,
};
use std::collections::BTreeMap;

impl<'a> Table<'a> {
    pub(in crate::policy) fn new(
        configuration: &'a Configuration,
        state: &'a ClusterState,
    ) -> Self {
        let mut names: Vec<&str> = configuration.nodes.iter().map(String::as_str).collect();
        names.sort_by(|left, right| by_natural_order(left, right));
        let nodes: Vec<NodeEntry<'a>> = names
            .into_iter()
            .map(|name| NodeEntry {
                name,
                known: state.nodes.get(name),
                fence: None,
                standby: None,
                held_back: None,
            })
            .collect();
        let node_by_name = nodes
            .iter()
            .enumerate()
            .map(|(id, node)| (node.name, id))
            .collect();
        let mut table = Self {
            configuration,
            state,
            nodes,
            resources: Vec::new(),
            top: Vec::new(),
            by_name: BTreeMap::new(),
            pending: BTreeMap::new(),
            node_by_name,
            notes: Vec::new(),
        };
        for pending in &state.pending {
            if let Some(node) = table.node(&pending.node) {
                let known = table.pending.entry(&pending.resource).or_default();
                known.push((node, pending.operation));
            }
        }
        let defaults = Inherited::new(configuration, state);
        for item in &configuration.resources {
            let id = match item {
                Item::Primitive(primitive) => table.primitive(primitive, None, &defaults, None),
                Item::Group(group) => table.group(group, None, &defaults, None),
                Item::Clone(clone) => table.clone_of(clone, &defaults),
            };
            table.top.push(id);
        }
        table.mark_for_standby();
        table.mark_for_fencing();
        table.hold_back();
        table
    }

    fn add(&mut self, name: &'a str, entry: Entry<'a>) -> ResourceId {
        let id = self.resources.len();
        if let Some(other) = self.by_name.insert(name, id) {
            // Instances of one clone share a name: the first one stands for it.
            self.by_name.insert(name, other);
            if !self.same_clone(other, &entry) {
                self.notes
                    .push(format!("two resources are called {name}; the first counts"));
            }
        }
        self.resources.push(entry);
        id
    }

    fn same_clone(&self, other: ResourceId, entry: &Entry<'a>) -> bool {
        let clone = |id: Option<ResourceId>| id.map(|id| self.outermost(id));
        entry.parent.is_some() && clone(entry.parent) == clone(self.resources[other].parent)
    }

    /// `place`: for an instance of a clone, which part of the state is its own.
    fn primitive(
        &mut self,
        primitive: &'a Primitive,
        parent: Option<ResourceId>,
        inherited: &Inherited<'a>,
        place: Option<&Place>,
    ) -> ResourceId {
        let name = match place {
            Some(Place::Numbered(number)) => format!("{}:{number}", primitive.name),
            _ => primitive.name.clone(),
        };
        let seen: Vec<Option<&Instance>> = match self.state.resources.get(&name) {
            Some(by_node) => self
                .nodes
                .iter()
                .map(|node| by_node.get(node.name))
                .collect(),
            None => vec![None; self.nodes.len()],
        };
        let mine = |node: NodeId| match place {
            Some(Place::At(at)) => *at == Some(node),
            _ => true,
        };
        let pending: Vec<(NodeId, Operation)> = self
            .pending
            .get(name.as_str())
            .into_iter()
            .flatten()
            .copied()
            .filter(|(node, _)| mine(*node))
            .collect();
        let starts = |node: NodeId| pending.contains(&(node, Operation::Start));
        let settled = inherited.settle(&primitive.name, &primitive.options);
        let meant = self.meant(primitive, &settled, &seen);
        let observed = |node: NodeId| {
            let observed = seen[node].map(|seen| seen.observed).unwrap_or_default();
            let meaning = meant.get(node).copied().flatten();
            let blocks = meaning.is_some_and(|meaning| meaning.on_fail == OnFail::Block);
            match observed {
                Observed::Failed { role } if blocks => Observed::Blocked { role },
                observed => observed,
            }
        };
        let active = (0..self.nodes.len())
            .filter(|&node| mine(node) && self.nodes[node].presence() != Presence::Gone)
            .map(|node| (node, observed(node)))
            .filter(|(node, observed)| observed.role() > Role::Stopped || starts(*node))
            .collect();
        let entry = Entry {
            name,
            shape: Shape::Primitive(primitive),
            parent,
            settled,
            active,
            pending,
            seen,
            meant,
        };
        self.add(&primitive.name, entry)
    }

    /// What the failures of a primitive mean, by node. Nothing, if nobody may touch it, or
    /// if the node is gone: its failures went with it.
    fn meant(
        &self,
        primitive: &Primitive,
        settled: &Settled,
        seen: &[Option<&Instance>],
    ) -> Vec<Option<Meaning>> {
        if !settled.managed {
            return Vec::new();
        }
        let now_ms = self.state.now_ms;
        let of = |instance: &&Instance| {
            let forgotten = failure::is_forgotten(instance, settled.failure_timeout_ms, now_ms);
            failure::meaning(self.configuration, primitive, instance, forgotten)
        };
        let there = |node: &NodeEntry| node.presence() != Presence::Gone;
        let all = self.nodes.iter().zip(seen);
        all.map(|(node, seen)| seen.as_ref().filter(|_| there(node)).and_then(of))
            .collect()
    }

    fn group(
        &mut self,
        group: &'a Group,
        parent: Option<ResourceId>,
        inherited: &Inherited<'a>,
        place: Option<&Place>,
    ) -> ResourceId {
        let name = match place {
            Some(Place::Numbered(number)) => format!("{}:{number}", group.name),
            _ => group.name.clone(),
        };
        let id = self.add(
            &group.name,
            Entry {
                name,
                shape: Shape::Group {
                    group,
                    members: Vec::new(),
                },
                parent,
                settled: inherited.settle(&group.name, &group.options),
                active: Vec::new(),
                pending: Vec::new(),
                seen: Vec::new(),
                meant: Vec::new(),
            },
        );
        let inherited = inherited.under(&group.name, &group.options);
        let ids: Vec<ResourceId> = group
            .members
            .iter()
            .map(|member| self.primitive(member, Some(id), &inherited, place))
            .collect();
        self.resources[id].active = self.active_together(&ids);
        if let Shape::Group { members, .. } = &mut self.resources[id].shape {
            *members = ids;
        }
        id
    }

    fn clone_of(&mut self, clone: &'a CloneOf, inherited: &Inherited<'a>) -> ResourceId {
        let max = clone.max.map_or(self.nodes.len(), |max| max as usize);
        let id = self.add(
            &clone.name,
            Entry {
                name: clone.name.clone(),
                shape: Shape::Clone {
                    clone,
                    max,
                    instances: Vec::new(),
                },
                parent: None,
                settled: inherited.settle(&clone.name, &clone.options),
                active: Vec::new(),
                pending: Vec::new(),
                seen: Vec::new(),
                meant: Vec::new(),
            },
        );
        let inherited = inherited.in_clone().under(&clone.name, &clone.options);
        if clone.node_max > 1 && !clone.unique {
            self.notes.push(format!(
                "{}: more than one instance on a node needs instances that can be told apart; one is kept",
                clone.name
            ));
        }
        let places: Vec<Place> = if clone.unique {
            (0..max).map(Place::Numbered).collect()
        } else {
            let mut places: Vec<Place> = self
                .nodes_with(&clone.of)
                .into_iter()
                .map(|node| Place::At(Some(node)))
                .collect();
            while places.len() < max {
                places.push(Place::At(None));
            }
            places
        };
        let ids: Vec<ResourceId> = places
            .iter()
            .map(|place| match &clone.of {
                Cloned::Primitive(primitive) => {
                    self.primitive(primitive, Some(id), &inherited, Some(place))
                }
                Cloned::Group(group) => self.group(group, Some(id), &inherited, Some(place)),
            })
            .collect();
        self.resources[id].active = self.active_together(&ids);
        if let Shape::Clone { instances, .. } = &mut self.resources[id].shape {
            *instances = ids;
        }
        id
    }

    /// Nodes where something of an anonymous clone is active.
    fn nodes_with(&self, of: &Cloned) -> Vec<NodeId> {
        let names: Vec<&str> = match of {
            Cloned::Primitive(primitive) => vec![&primitive.name],
            Cloned::Group(group) => group.members.iter().map(|m| m.name.as_str()).collect(),
        };
        let active_on = |name: &str, node: NodeId| {
            let by_node = self.state.resources.get(name);
            let instance = by_node.and_then(|by_node| by_node.get(self.nodes[node].name));
            let pending = self.pending.get(name);
            instance.is_some_and(|instance| instance.observed.role() > Role::Stopped)
                || pending.is_some_and(|pending| pending.contains(&(node, Operation::Start)))
        };
        (0..self.nodes.len())
            .filter(|&node| self.nodes[node].presence() != Presence::Gone)
            .filter(|&node| names.iter().any(|name| active_on(name, node)))
            .collect()
    }

    /// Where any of these is active.
    fn active_together(&self, ids: &[ResourceId]) -> Vec<(NodeId, Observed)> {
        let mut found: BTreeMap<NodeId, Observed> = BTreeMap::new();
        for id in ids {
            for (node, observed) in &self.resources[*id].active {
                found.entry(*node).or_insert(*observed);
            }
        }
        found.into_iter().collect()
    }

    /// What failed where and means this, in words.
    fn failures_that_mean(&self, on_fail: OnFail) -> Vec<(NodeId, String)> {
        let all = self.resources.iter().flat_map(|entry| {
            let meant = entry.meant.iter().enumerate();
            let those = meant.filter_map(move |(node, meaning)| {
                let meaning = meaning.filter(|meaning| meaning.on_fail == on_fail)?;
                let (what, name) = (meaning.operation, &entry.name);
                let word = on_fail.word();
                let words = format!("the {what} of {name} failed there (on-fail: {word})");
                Some((node, words))
            });
            those.collect::<Vec<_>>()
        });
        all.collect()
    }

    /// Nodes that a failure put into standby.
    fn mark_for_standby(&mut self) {
        for (node, why) in self.failures_that_mean(OnFail::Standby) {
            self.nodes[node].standby.get_or_insert(why);
        }
    }

    /// Nodes that were reset too often, or that reach less than another one, take nothing,
    /// unless nobody else could.
    fn hold_back(&mut self) {
        let why = |node: &NodeEntry| {
            let known = node.known?;
            if known.held_back {
                Some("it was reset too often")
            } else {
                known
                    .outreached
                    .then_some("another node reaches more of what is listed")
            }
        };
        let mut all = self.nodes.iter();
        if all.any(|node| node.is_available() && why(node).is_none()) {
            for node in &mut self.nodes {
                node.held_back = why(node);
            }
        }
    }

    /// Nodes that must be fenced: lost ones, and those where a stop failed, or something
    /// whose failure means that.
    fn mark_for_fencing(&mut self) {
        if !self.configuration.options.fencing || !self.state.may_fence {
            return;
        }
        if self.state.authority == Authority::None {
            return;
        }
        for node in &mut self.nodes {
            let asked = node.known.and_then(|known| known.fence_because.clone());
            node.fence = match node.presence() {
                Presence::Gone => None,
                Presence::Unclean if self.state.lost_go_by_time => None,
                Presence::Unclean => Some("it is lost and has to be fenced".to_owned()),
                Presence::Online | Presence::Joining => asked,
            };
        }
        for (node, why) in self.failures_that_mean(OnFail::Fence) {
            let entry = &mut self.nodes[node];
            let left_alone = entry.known.is_some_and(|known| known.maintenance);
            let is_there = matches!(entry.presence(), Presence::Online | Presence::Joining);
            if is_there && !left_alone {
                let words = format!("{why}, so it has to be fenced");
                entry.fence.get_or_insert(words);
            }
        }
        for resource in &self.resources {
            let Shape::Primitive(primitive) = &resource.shape else {
                continue;
            };
            if !resource.settled.managed || !options::fences_on_stop(self.configuration, primitive)
            {
                continue;
            }
            for (node, observed) in &resource.active {
                let entry = &mut self.nodes[*node];
                let left_alone = entry.known.is_some_and(|known| known.maintenance);
                if *observed == Observed::StopFailed && entry.fence.is_none() && !left_alone {
                    entry.fence = Some(format!(
                        "{} could not be stopped there, so it has to be fenced",
                        resource.name
                    ));
                }
            }
        }
    }
}

/// Which part of the state belongs to an instance of a clone.
#[derive(Debug)]
enum Place {
    /// That of this node; `None`: of no node yet.
    At(Option<NodeId>),
    /// That under its own numbered name.
    Numbered(usize),
}
