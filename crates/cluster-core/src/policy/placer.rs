//! Chooses a node for each resource, one after the other, as Pacemaker's
//! scheduler does: what is followed before what follows, and each with an eye
//! on what its followers would like.

use super::base::Scores;
use super::ledger::{Follow, Ledger, Why};
use super::links::{Link, LinkId, Links};
use super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::Score;
use cluster_model::configuration::TargetRole;
use cluster_model::state::Role;
use std::cmp::Reverse;

/// Work in progress.
#[derive(Debug)]
pub(super) struct Placer<'t, 'a> {
    pub(super) table: &'t Table<'a>,
    pub(super) links: &'t Links<'a>,
    pub(super) scores: Scores,
    pub(super) ledger: Ledger<'a>,
    /// Per resource: chosen already.
    pub(super) done: Vec<bool>,
    /// Per resource: the node, once done. A clone has none.
    pub(super) chosen: Vec<Option<NodeId>>,
    /// Per resource: what it will be there.
    pub(super) role: Vec<Role>,
    /// Per resource: being chosen at this moment; colocations may run in circles.
    busy: Vec<bool>,
    /// Per resource: its wishes are being collected at this moment.
    pub(super) asking: Vec<bool>,
    /// Primitives given to each node so far.
    load: Vec<u32>,
    /// Per instance of a clone: it is bound by every colocation of its clone.
    pub(super) spread: Vec<bool>,
}

impl<'t, 'a> Placer<'t, 'a> {
    pub(super) fn new(
        table: &'t Table<'a>,
        links: &'t Links<'a>,
        scores: Scores,
        ledger: Ledger<'a>,
    ) -> Self {
        let count = table.resources.len();
        Self {
            table,
            links,
            scores,
            ledger,
            done: vec![false; count],
            chosen: vec![None; count],
            role: vec![Role::Stopped; count],
            busy: vec![false; count],
            asking: vec![false; count],
            load: vec![0; table.nodes.len()],
            spread: vec![true; count],
        }
    }

    /// Chooses for everything: higher priority first, then as configured.
    pub(super) fn run(&mut self) {
        let mut turns = self.table.top.clone();
        turns.sort_by_key(|&item| Reverse(self.table.resources[item].settled.priority));
        for item in turns {
            self.assign(item, None);
        }
    }

    /// Chooses a node for a resource. `wanted` is taken if nothing is better.
    pub(super) fn assign(&mut self, id: ResourceId, wanted: Option<NodeId>) -> Option<NodeId> {
        // A member or an instance is never chosen before its turn in its
        // group or clone.
        if let Some(parent) = self.table.resources[id].parent
            && !self.busy[parent]
            && !self.done[parent]
        {
            self.assign(parent, None);
        }
        if self.done[id] {
            return self.chosen[id];
        }
        if self.busy[id] {
            return None;
        }
        self.busy[id] = true;
        match &self.table.resources[id].shape {
            Shape::Primitive(_) => self.primitive(id, wanted),
            Shape::Group { members, .. } => {
                let mut first = None;
                for &member in members {
                    let node = self.assign(member, wanted);
                    first = first.or(node);
                }
                self.chosen[id] = first;
                self.role[id] = members.first().map_or(Role::Stopped, |&m| self.role[m]);
            }
            Shape::Clone { .. } => self.distribute(id),
        }
        self.busy[id] = false;
        self.done[id] = true;
        self.chosen[id]
    }

    fn primitive(&mut self, id: ResourceId, wanted: Option<NodeId>) {
        let spread = self.spread[id];
        for link in self.links.following_of(self.table, id, spread) {
            self.assign(self.links.all[link].primary, None);
            self.follow(id, link);
        }
        for link in self.links.followed_of(self.table, id, spread) {
            self.hear_followers(id, link, false);
        }
        let entry = &self.table.resources[id];
        if entry.settled.target == TargetRole::Stopped {
            self.rule_out(id, Why::WantedStopped);
        }
        let node = if self.is_left_alone(id) {
            self.table.current(id)
        } else {
            self.choose(id, wanted)
        };
        self.settle(id, node);
    }

    /// Nobody touches it: it stays what it is.
    pub(super) fn is_left_alone(&self, id: ResourceId) -> bool {
        self.table.is_left_alone(id)
    }

    /// Notes the choice.
    fn settle(&mut self, id: ResourceId, node: Option<NodeId>) {
        self.chosen[id] = node;
        self.role[id] = if node.is_some() {
            Role::Started
        } else {
            Role::Stopped
        };
        if let Some(node) = node {
            self.load[node] += 1;
        }
    }

    /// Takes a choice back.
    pub(super) fn undo(&mut self, id: ResourceId) {
        for &child in self.table.children(id) {
            self.undo(child);
        }
        if matches!(self.table.resources[id].shape, Shape::Primitive(_))
            && let Some(node) = self.chosen[id]
        {
            self.load[node] -= 1;
        }
        self.done[id] = false;
        self.chosen[id] = None;
        self.role[id] = Role::Stopped;
    }

    /// The best node: highest score, then fewest resources, then where it runs,
    /// then by name. Among equals with a positive score it stays where it runs.
    fn choose(&self, id: ResourceId, wanted: Option<NodeId>) -> Option<NodeId> {
        let scores = self.scores.of(id);
        let current = self.table.current(id);
        let usable = |node: NodeId| self.table.nodes[node].is_available();
        let rank = |node: &NodeId| {
            let score = if usable(*node) {
                scores[*node]
            } else {
                Score::MINUS_INFINITY
            };
            (
                Reverse(score),
                self.load[*node],
                current != Some(*node),
                *node,
            )
        };
        let best = (0..scores.len()).min_by_key(rank)?;
        let fit = |node: NodeId| usable(node) && scores[node] >= Score::ZERO;
        if let Some(wanted) = wanted
            && fit(wanted)
            && scores[wanted] >= scores[best]
        {
            return Some(wanted);
        }
        if !fit(best) {
            return None;
        }
        if scores[best] > Score::ZERO
            && let Some(current) = current
            && fit(current)
            && scores[current] == scores[best]
        {
            return Some(current);
        }
        Some(best)
    }

    /// Never, on any node.
    pub(super) fn rule_out(&mut self, id: ResourceId, why: Why<'a>) {
        for node in 0..self.table.nodes.len() {
            self.rule_out_at(id, node, why);
        }
    }

    /// Never, on this node.
    pub(super) fn rule_out_at(&mut self, id: ResourceId, node: NodeId, why: Why<'a>) {
        if !self.scores.of(id)[node].is_never() {
            self.scores.of_mut(id)[node] = Score::MINUS_INFINITY;
            self.ledger.add(id, node, Score::MINUS_INFINITY, why);
        }
    }

    /// Whether any available node is left for it.
    pub(super) fn has_room(&self, scores: &[Score]) -> bool {
        scores
            .iter()
            .zip(&self.table.nodes)
            .any(|(score, node)| *score >= Score::ZERO && node.is_available())
    }

    /// Adds what followers would like.
    pub(super) fn hear_followers(&mut self, id: ResourceId, link: LinkId, only_positive: bool) {
        let Link {
            id: name,
            dependent,
            dependent_role,
            score,
            ..
        } = self.links.all[link];
        let before = self.scores.of(id).to_vec();
        self.asking[id] = true;
        let after = self.wishes(dependent, &before, factor(score), only_positive);
        self.asking[id] = false;
        let why = Why::FollowedBy(Follow {
            id: name,
            other: dependent,
            role: dependent_role,
        });
        self.note_difference(id, &before, &after, why);
        self.scores.of_mut(id).copy_from_slice(&after);
    }

    fn note_difference(&mut self, id: ResourceId, before: &[Score], after: &[Score], why: Why<'a>) {
        for (node, (old, new)) in before.iter().zip(after).enumerate() {
            if old != new {
                let score = if new.is_finite() && old.is_finite() {
                    Score::new(new.value() - old.value())
                } else {
                    *new
                };
                self.ledger.add(id, node, score, why);
            }
        }
    }

    /// Scores of `base` with those of a follower, and of who follows it in turn,
    /// each times the strength of its colocation. If that left no node, the
    /// follower is not heard.
    pub(super) fn wishes(
        &mut self,
        follower: ResourceId,
        base: &[Score],
        factor: f64,
        only_positive: bool,
    ) -> Vec<Score> {
        if self.asking[follower] {
            return base.to_vec();
        }
        self.asking[follower] = true;
        let heard = if let Shape::Group { members, .. } = &self.table.resources[follower].shape {
            // Its first member hears the others, and through the last one those
            // that follow the group as a whole.
            let first = members.first().copied();
            first.map_or_else(
                || base.to_vec(),
                |first| self.wishes(first, base, factor, only_positive),
            )
        } else {
            let work = self.blend(follower, base, factor, only_positive);
            if self.has_room(&work) {
                self.wishes_of_followers(follower, work, factor, only_positive)
            } else {
                base.to_vec()
            }
        };
        self.asking[follower] = false;
        heard
    }

    /// Those count with the strength of their own colocation, however weak the
    /// one in between; only its direction is passed on.
    fn wishes_of_followers(
        &mut self,
        id: ResourceId,
        mut work: Vec<Score>,
        passed: f64,
        only_positive: bool,
    ) -> Vec<Score> {
        let links: &'t Links<'a> = self.links;
        // Who follows a group or clone as a whole is heard through its parts only
        // once the turn of that group or clone has come: Pacemaker's way.
        let parent = self.table.resources[id].parent;
        let followers = match parent {
            Some(parent) if self.busy[parent] || self.done[parent] => {
                links.followed_of(self.table, id, false)
            }
            _ => links.followed[id].clone(),
        };
        for next in followers {
            let Link {
                dependent, score, ..
            } = links.all[next];
            let strength = factor(score).copysign(passed * factor(score));
            work = self.wishes(dependent, &work, strength, only_positive);
        }
        work
    }

    /// Scores of `base` plus those of a resource, times a factor.
    pub(super) fn blend(
        &self,
        id: ResourceId,
        base: &[Score],
        factor: f64,
        only_positive: bool,
    ) -> Vec<Score> {
        let own = self.scores.of(id);
        base.iter()
            .zip(own)
            .map(|(&base, &own)| {
                // Not liking a node is no wish that others be there.
                if factor < 0.0 && own < Score::ZERO {
                    return base;
                }
                let sum = base.plus(scaled(own, factor));
                if only_positive && sum < Score::ZERO {
                    return if base > Score::ZERO {
                        Score::new(1)
                    } else {
                        base
                    };
                }
                sum
            })
            .collect()
    }

    /// Applies a colocation to who follows, once who is followed has its place.
    pub(super) fn follow(&mut self, id: ResourceId, link: LinkId) {
        let links: &'t Links<'a> = self.links;
        let link = &links.all[link];
        if link.dependent_role == Some(Role::Promoted) {
            // It is about where to promote, not about where to run.
            return;
        }
        let table: &'t Table<'a> = self.table;
        match &table.resources[link.primary].shape {
            Shape::Primitive(_) => self.follow_one(id, link, link.primary),
            Shape::Group { members, .. } => {
                // "Always" waits for all of it, less is content with a part.
                let end = if link.score.is_always() {
                    members.last()
                } else {
                    members.first()
                };
                if let Some(&end) = end {
                    self.follow_one(id, link, end);
                }
            }
            Shape::Clone { instances, .. } => self.follow_clone(id, link, instances),
        }
    }

    fn follow_one(&mut self, id: ResourceId, link: &Link<'a>, primary: ResourceId) {
        if !self.role_fits(link, primary) {
            return;
        }
        let place = self.chosen[primary];
        if place.is_none() && link.score < Score::ZERO {
            return;
        }
        let before = self.scores.of(id).to_vec();
        let mut after = before.clone();
        for (node, score) in after.iter_mut().enumerate() {
            let change = match place {
                None => link.score.opposite(),
                // "Always" rules out the other nodes and adds nothing here.
                Some(place) if place == node && link.score.is_always() => Score::ZERO,
                Some(place) if place == node => link.score,
                Some(_) if link.score.is_always() => Score::MINUS_INFINITY,
                Some(_) => Score::ZERO,
            };
            *score = score.plus(change);
        }
        if self.has_room(&after) || !link.score.is_finite() {
            self.note_difference(id, &before, &after, why_with(link, link.primary));
            self.scores.of_mut(id).copy_from_slice(&after);
        }
    }

    fn follow_clone(&mut self, id: ResourceId, link: &Link<'a>, instances: &[ResourceId]) {
        let fitting: Vec<ResourceId> = instances
            .iter()
            .copied()
            .filter(|&instance| link.primary_role.is_none() || self.role_fits(link, instance))
            .collect();
        // An instance that failed and is blocked is no company.
        let table = self.table;
        let well: Vec<ResourceId> = fitting
            .iter()
            .copied()
            .filter(|&instance| !table.is_blocked(instance))
            .collect();
        if self.is_interleaved(id) && link.primary_role.is_none() {
            if let Some(partner) = self.partner(id, &well) {
                self.follow_one(id, link, partner);
            } else if link.score.is_always() {
                self.rule_out(id, why_with(link, link.primary));
            }
            return;
        }
        if link.score.is_always() {
            let places: Vec<Option<NodeId>> = well.iter().map(|&one| self.chosen[one]).collect();
            for node in 0..self.table.nodes.len() {
                if !places.contains(&Some(node)) {
                    self.rule_out_at(id, node, why_with(link, link.primary));
                }
            }
            return;
        }
        for instance in fitting {
            self.follow_one(id, link, instance);
        }
    }

    /// Whether it is an instance of a clone whose instances keep to their node.
    fn is_interleaved(&self, id: ResourceId) -> bool {
        let outer = self.table.outermost(id);
        matches!(&self.table.resources[outer].shape, Shape::Clone { clone, .. } if clone.interleave)
    }

    /// The instance on the best node that has one.
    fn partner(&self, id: ResourceId, instances: &[ResourceId]) -> Option<ResourceId> {
        let scores = self.scores.of(id);
        let mut nodes: Vec<NodeId> = (0..scores.len())
            .filter(|&node| self.table.nodes[node].is_available())
            .collect();
        nodes.sort_by_key(|&node| (Reverse(scores[node]), self.load[node], node));
        nodes.into_iter().find_map(|node| {
            instances
                .iter()
                .copied()
                .find(|&instance| self.chosen[instance] == Some(node))
        })
    }

    /// Whether who is followed has the role that the colocation speaks of.
    fn role_fits(&self, link: &Link<'a>, primary: ResourceId) -> bool {
        match link.primary_role {
            None => true,
            Some(role) => self.role[primary] == role,
        }
    }

    pub(super) fn load(&self, node: NodeId) -> u32 {
        self.load[node]
    }
}

fn why_with<'a>(link: &Link<'a>, other: ResourceId) -> Why<'a> {
    Why::With(Follow {
        id: link.id,
        other,
        role: link.primary_role,
    })
}

/// How strong a colocation is, from -1 to 1.
pub(super) fn factor(score: Score) -> f64 {
    f64::from(score.value()) / f64::from(Score::INFINITY.value())
}

/// A score times a factor, rounded, but never to nothing.
fn scaled(score: Score, factor: f64) -> Score {
    let product = (f64::from(score.value()) * factor).round();
    #[allow(clippy::cast_possible_truncation)] // At most a million.
    let rounded = product as i32;
    if rounded == 0 && score != Score::ZERO && factor != 0.0 {
        return Score::new(if (score > Score::ZERO) == (factor > 0.0) {
            1
        } else {
            -1
        });
    }
    Score::new(rounded)
}
