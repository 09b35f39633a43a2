//! Chooses which instances of a promotable clone are promoted.

use super::base::preferred;
use super::ledger::{Ledger, Why};
use super::placer::{Placer, factor};
use super::table::{NodeId, ResourceId};
use cluster_model::Score;
use cluster_model::configuration::TargetRole;
use cluster_model::state::{Authority, Observed, Role};
use std::cmp::Reverse;

/// What an instance is worth of which no agent says anything: not to be
/// promoted, unless a location asks for it.
const UNKNOWN: Score = Score::new(-1);

impl Placer<'_, '_> {
    /// Instances go rather where they can be promoted.
    pub(super) fn prefer_where_promotable(&mut self, clone: ResourceId) {
        if self.table.promotable(clone).is_none() {
            return;
        }
        let instances = self.table.children(clone).to_vec();
        for node in 0..self.table.nodes.len() {
            let Some(score) = self.agent_score(clone, node).filter(|s| *s > Score::ZERO) else {
                continue;
            };
            for &instance in &instances {
                let first = self.first_of(instance);
                let cell = &mut self.scores.of_mut(first)[node];
                *cell = cell.plus(score);
                self.ledger.add(first, node, score, Why::PromotionScore);
            }
        }
    }

    /// Promotes the best instances, at most as many as are wanted.
    pub(super) fn promote(&mut self, clone: ResourceId) {
        let Some(promotable) = self.table.promotable(clone) else {
            return;
        };
        let followers = self.wishes_of_promoted(clone);
        let mut ranked: Vec<(Score, bool, NodeId, ResourceId)> = Vec::new();
        for &instance in self.table.children(clone) {
            let Some(node) = self.chosen[instance] else {
                continue;
            };
            let was = self.was_promoted(instance, node);
            let score = if self.is_left_alone(self.first_of(instance)) {
                // Nobody demotes it, and nobody promotes it.
                if was {
                    Score::INFINITY
                } else {
                    Score::MINUS_INFINITY
                }
            } else {
                let score = self.promotion_score(clone, instance, node);
                // Wishes choose among those that can be promoted; they do not
                // make one of them that its agent says nothing of.
                let score = if score < Score::ZERO {
                    score
                } else {
                    let gladly = self.scores.of(clone)[node];
                    score.plus(gladly).plus(followers[node])
                };
                match (self.table.state.authority, was) {
                    (Authority::Full, _) => score,
                    (_, true) => score.plus(Score::INFINITY),
                    (_, false) => Score::MINUS_INFINITY,
                }
            };
            ranked.push((score, was, node, instance));
        }
        ranked.sort_by_key(|&(score, was, node, instance)| {
            (
                Reverse(score),
                Reverse(was),
                self.table.current(instance) != Some(node),
                self.load(node),
                node,
                instance,
            )
        });
        let mut on_node = vec![0_u32; self.table.nodes.len()];
        let mut promoted = 0;
        for (score, _, node, instance) in ranked {
            let first = self.first_of(instance);
            let wanted = self.table.resources[first].settled.target == TargetRole::Started
                || self.is_left_alone(first);
            if wanted
                && score >= Score::ZERO
                && promoted < promotable.max
                && on_node[node] < promotable.node_max
            {
                promoted += 1;
                on_node[node] += 1;
                for id in self.table.primitives(instance) {
                    self.role[id] = Role::Promoted;
                }
                self.role[instance] = Role::Promoted;
            }
        }
    }

    fn was_promoted(&self, instance: ResourceId, node: NodeId) -> bool {
        let entry = &self.table.resources[self.first_of(instance)];
        entry
            .active
            .iter()
            .any(|(at, observed)| *at == node && observed.role() == Role::Promoted)
    }

    /// What the agents say of promotion on a node; `None`: nothing.
    fn agent_score(&self, clone: ResourceId, node: NodeId) -> Option<Score> {
        let instance = *self.table.children(clone).first()?;
        let mut sum: Option<Score> = None;
        for id in self.table.primitives(instance) {
            let seen = self.table.resources[id].seen[node]?;
            if seen.observed == Observed::Unknown {
                return None;
            }
            if let Some(score) = seen.promotion_score {
                sum = Some(sum.unwrap_or_default().plus(Score::new(score)));
            }
        }
        sum
    }

    fn promotion_score(&mut self, clone: ResourceId, instance: ResourceId, node: NodeId) -> Score {
        let mut score = self.agent_score(clone, node).unwrap_or(UNKNOWN);
        let table = self.table;
        let inner = &table.resources[self.first_of(instance)].name;
        let names = [&table.resources[clone].name, inner];
        for location in &table.configuration.locations {
            if location.role != Some(Role::Promoted) || !names.contains(&&location.resource) {
                continue;
            }
            for (at, preference) in preferred(table, &location.preference) {
                if at == node {
                    score = score.plus(preference);
                    note(&mut self.ledger, clone, node, preference, &location.id);
                }
            }
        }
        for (resource, newest) in &table.state.outdated {
            let mut called = table.all_called(resource).into_iter();
            if called.any(|id| table.outermost(id) == clone) && table.nodes[node].name != newest {
                score = Score::MINUS_INFINITY;
                let why = Why::Outdated(newest);
                self.ledger.add(clone, node, Score::MINUS_INFINITY, why);
            }
        }
        for &link in &self.links.following[clone] {
            let link = &self.links.all[link];
            if link.dependent_role != Some(Role::Promoted) {
                continue;
            }
            let there = self.table.primitives(link.primary).into_iter().any(|id| {
                self.chosen[id] == Some(node)
                    && link.primary_role.is_none_or(|role| self.role[id] == role)
            });
            if there {
                score = score.plus(link.score);
            } else if link.score.is_always() {
                score = Score::MINUS_INFINITY;
            }
        }
        score
    }

    /// What those would like who follow the promoted instance.
    fn wishes_of_promoted(&mut self, clone: ResourceId) -> Vec<Score> {
        let mut work = vec![Score::ZERO; self.table.nodes.len()];
        for link in self.links.followed[clone].clone() {
            let link = &self.links.all[link];
            if link.primary_role == Some(Role::Promoted) {
                let (dependent, strength) = (link.dependent, factor(link.score));
                self.asking[clone] = true;
                work = self.wishes(dependent, &work, strength, true);
                self.asking[clone] = false;
            }
        }
        work
    }
}

fn note<'a>(ledger: &mut Ledger<'a>, clone: ResourceId, node: NodeId, score: Score, id: &'a str) {
    ledger.add(clone, node, score, Why::PromotedLocation(id));
}
