//! Spreads the instances of a clone over nodes.

use super::ledger::Why;
use super::placer::Placer;
use super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::Score;
use cluster_model::state::Role;
use std::cmp::Reverse;

impl<'a> Placer<'_, 'a> {
    /// Instances stay where they run as long as they may; the others go where
    /// room is.
    pub(super) fn distribute(&mut self, id: ResourceId) {
        let table: &Table<'a> = self.table;
        let Shape::Clone {
            clone,
            max,
            instances,
        } = &table.resources[id].shape
        else {
            return;
        };
        for link in self.links.following[id].clone() {
            self.assign(self.links.all[link].primary, None);
        }
        for link in self.links.followed[id].clone() {
            self.hear_followers(id, link, true);
        }
        self.prefer_where_promotable(id);
        let usable = table
            .nodes
            .iter()
            .filter(|node| node.is_available())
            .count();
        let limit = if clone.unique {
            clone.node_max.max(1)
        } else {
            1
        };
        // With room for every node, "would like to be with" must not leave one
        // empty; with less, it says which.
        let spread = *max >= usable;
        // As many as fit everywhere stay put; more on one node than that wait.
        let even = u32::try_from((*max / usable.max(1)).max(1)).unwrap_or(limit);
        let mut work = Spread {
            clone: id,
            limit,
            counts: vec![0; table.nodes.len()],
        };
        for &instance in instances {
            self.set_spread(instance, spread);
        }
        let order = self.instance_order(id, instances);
        let mut placed = 0;
        for &instance in &order {
            let Some(node) = table.current(instance) else {
                continue;
            };
            let fits = placed < *max
                && table.nodes[node].is_available()
                && self.scores.of(id)[node] >= Score::ZERO
                && work.counts[node] < even.min(limit);
            if fits && self.keep(&mut work, instance, node) {
                placed += 1;
            }
        }
        for &instance in &order {
            if self.done[instance] {
                continue;
            }
            if placed >= *max {
                let max = u32::try_from(*max).unwrap_or(u32::MAX);
                self.rule_out_all(instance, Why::InstancesEnough(max));
                self.assign(instance, None);
            } else if self.give(&mut work, instance, None).is_some() {
                placed += 1;
            }
        }
        if !clone.unique {
            self.keep_identities(instances);
        }
        self.role[id] = if placed > 0 {
            Role::Started
        } else {
            Role::Stopped
        };
        self.promote(id);
    }

    /// Tries to leave an instance where it is.
    fn keep(&mut self, work: &mut Spread, instance: ResourceId, node: NodeId) -> bool {
        let first = self.first_of(instance);
        if self.scores.of(first)[node] < Score::ZERO {
            return false;
        }
        let saved: Vec<(ResourceId, Vec<Score>)> = self
            .table
            .primitives(instance)
            .into_iter()
            .map(|id| (id, self.scores.of(id).to_vec()))
            .collect();
        let mark = self.ledger.mark();
        match self.give(work, instance, Some(node)) {
            Some(found) if found == node => true,
            found => {
                if let Some(found) = found {
                    work.counts[found] -= 1;
                }
                self.undo(instance);
                self.ledger.back_to(mark);
                for (id, scores) in saved {
                    self.scores.of_mut(id).copy_from_slice(&scores);
                }
                false
            }
        }
    }

    /// Chooses a node that has room.
    fn give(
        &mut self,
        work: &mut Spread,
        instance: ResourceId,
        wanted: Option<NodeId>,
    ) -> Option<NodeId> {
        for node in 0..self.table.nodes.len() {
            if work.counts[node] >= work.limit {
                let why = Why::InstancesThere(work.limit);
                for id in self.table.primitives(instance) {
                    self.rule_out_at(id, node, why);
                }
            } else if self.scores.of(work.clone)[node] < Score::ZERO {
                // What bars the clone bars its instances; the clone's own entry says why.
                for id in self.table.primitives(instance) {
                    self.scores.of_mut(id)[node] = Score::MINUS_INFINITY;
                }
            }
        }
        let node = self.assign(instance, wanted)?;
        work.counts[node] += 1;
        Some(node)
    }

    /// Instances that cannot be told apart may trade places: who runs on a node
    /// that was given to another one stays, and the other goes elsewhere.
    fn keep_identities(&mut self, instances: &[ResourceId]) {
        for &instance in instances {
            let Some(current) = self.table.current(instance) else {
                continue;
            };
            if self.chosen[instance] == Some(current) {
                continue;
            }
            let taken = instances
                .iter()
                .find(|&&other| self.chosen[other] == Some(current));
            if let Some(&other) = taken {
                self.trade(instance, other);
            }
        }
    }

    fn trade(&mut self, one: ResourceId, other: ResourceId) {
        self.chosen.swap(one, other);
        self.role.swap(one, other);
        self.scores.trade(one, other);
        self.ledger.trade(one, other);
        let ones = self.table.children(one);
        for (&one, &other) in ones.iter().zip(self.table.children(other)) {
            self.trade(one, other);
        }
    }

    fn rule_out_all(&mut self, instance: ResourceId, why: Why<'a>) {
        for id in self.table.primitives(instance) {
            self.rule_out(id, why);
        }
    }

    fn set_spread(&mut self, instance: ResourceId, spread: bool) {
        for id in self.table.primitives(instance) {
            self.spread[id] = spread;
        }
    }

    pub(super) fn first_of(&self, id: ResourceId) -> ResourceId {
        self.table.children(id).first().copied().unwrap_or(id)
    }

    /// Who runs, best place first; then the others by number.
    fn instance_order(&self, clone: ResourceId, instances: &[ResourceId]) -> Vec<ResourceId> {
        let mut order = instances.to_vec();
        order.sort_by_key(|&instance| {
            let current = self.table.current(instance);
            let usable = current.is_some_and(|node| self.table.nodes[node].is_available());
            let score = current.map_or(Score::MINUS_INFINITY, |node| {
                self.scores.of(clone)[node].plus(self.scores.of(self.first_of(instance))[node])
            });
            (
                Reverse(current.is_some()),
                Reverse(usable),
                Reverse(score),
                current,
                instance,
            )
        });
        order
    }
}

/// Instances given out so far.
#[derive(Debug)]
struct Spread {
    clone: ResourceId,
    /// On one node.
    limit: u32,
    counts: Vec<u32>,
}
