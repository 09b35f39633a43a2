//! Scores before resources look at each other: locations, failover domains,
//! moves, stickiness, failures.

use super::failure;
use super::ledger::{Ledger, Why};
use super::rules;
use super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::Score;
use cluster_model::configuration::OnFail;
use cluster_model::constraint::{Location, Preference};
use cluster_model::state::{Authority, Direction, Instance, Observed, Role};

/// Scores of all resources on all nodes.
#[derive(Debug)]
pub(super) struct Scores {
    width: usize,
    cells: Vec<Score>,
}

impl Scores {
    fn new(resources: usize, nodes: usize, start: Score) -> Self {
        Self {
            width: nodes,
            cells: vec![start; resources * nodes],
        }
    }

    pub(super) fn of(&self, resource: ResourceId) -> &[Score] {
        &self.cells[resource * self.width..(resource + 1) * self.width]
    }

    /// Two resources take each other's scores.
    pub(super) fn trade(&mut self, one: ResourceId, other: ResourceId) {
        for node in 0..self.width {
            self.cells
                .swap(one * self.width + node, other * self.width + node);
        }
    }

    pub(super) fn of_mut(&mut self, resource: ResourceId) -> &mut [Score] {
        &mut self.cells[resource * self.width..(resource + 1) * self.width]
    }
}

/// Computes them.
pub(super) fn scores<'a>(table: &mut Table<'a>, ledger: &mut Ledger<'a>) -> Scores {
    let mut work = Base {
        scores: Scores::new(table.resources.len(), table.nodes.len(), Score::ZERO),
        allowed: Vec::new(),
        ledger,
    };
    if !table.configuration.options.symmetric {
        work.allowed = vec![false; table.resources.len() * table.nodes.len()];
    }
    let mut notes = Vec::new();
    for location in &table.configuration.locations {
        work.location(table, location, &mut notes);
    }
    for &item in &table.top {
        work.domain(table, item, &mut notes);
    }
    work.close(table);
    for moved in &table.state.moves {
        work.moved(table, moved, &mut notes);
    }
    for (resource, newest) in &table.state.outdated {
        work.outdated(table, resource, newest);
    }
    for id in 0..table.resources.len() {
        work.keep_places(table, id);
        work.stickiness(table, id);
        work.failures(table, id);
        work.group_failures(table, id);
    }
    let scores = work.scores;
    table.notes.extend(notes);
    scores
}

struct Base<'w, 'a> {
    scores: Scores,
    /// In an asymmetric cluster: where something lets a resource run.
    allowed: Vec<bool>,
    ledger: &'w mut Ledger<'a>,
}

impl<'a> Base<'_, 'a> {
    fn add(&mut self, id: ResourceId, node: NodeId, score: Score, why: Why<'a>) {
        if score == Score::ZERO {
            return;
        }
        let cell = &mut self.scores.of_mut(id)[node];
        *cell = cell.plus(score);
        self.ledger.add(id, node, score, why);
    }

    fn allow(&mut self, table: &Table, id: ResourceId, node: NodeId) {
        if let Some(allowed) = self.allowed.get_mut(id * table.nodes.len() + node) {
            *allowed = true;
        }
    }

    /// A preference of a resource and of what is in it. Of the members of a
    /// group only the first is asked: the others follow it.
    fn prefer(
        &mut self,
        table: &Table<'a>,
        id: ResourceId,
        node: NodeId,
        score: Score,
        why: Why<'a>,
    ) {
        self.allow(table, id, node);
        self.add(id, node, score, why);
        match &table.resources[id].shape {
            Shape::Primitive(_) => {}
            Shape::Group { members, .. } => {
                for (place, &member) in members.iter().enumerate() {
                    let score = if place == 0 { score } else { Score::ZERO };
                    self.prefer(table, member, node, score, why);
                }
            }
            Shape::Clone { instances, .. } => {
                for &instance in instances {
                    self.prefer(table, instance, node, score, why);
                }
            }
        }
    }

    fn location(&mut self, table: &Table<'a>, location: &'a Location, notes: &mut Vec<String>) {
        if location.role == Some(Role::Promoted) {
            return;
        }
        let ids = table.all_called(&location.resource);
        if ids.is_empty() {
            notes.push(format!(
                "location {} names a resource that does not exist; it counts for nothing",
                location.id
            ));
        }
        for (node, score) in preferred(table, &location.preference) {
            for &id in &ids {
                self.prefer(table, id, node, score, Why::Location(&location.id));
            }
        }
    }

    fn domain(&mut self, table: &Table<'a>, item: ResourceId, notes: &mut Vec<String>) {
        let Some(name) = domain_of(table, item) else {
            return;
        };
        let domains = &table.configuration.domains;
        let Some(domain) = domains.iter().find(|domain| domain.name == *name) else {
            notes.push(format!(
                "{}: there is no failover domain {name}",
                table.resources[item].name
            ));
            return;
        };
        let worth: Vec<Option<Score>> = table
            .nodes
            .iter()
            .map(|node| domain.worth(node.name))
            .collect();
        let is_clone = matches!(table.resources[item].shape, Shape::Clone { .. });
        let stays = (!domain.fail_back && !is_clone)
            .then(|| table.current(item))
            .flatten()
            .filter(|&node| worth[node].is_some());
        // More than the best member is worth, so that even a tie keeps it.
        let best = worth.iter().flatten().max().copied().unwrap_or_default();
        let staying = best.plus(Score::new(1));
        for (node, worth) in worth.into_iter().enumerate() {
            let (score, why) = match worth {
                Some(_) if stays == Some(node) => (staying, Why::NoFailBack(domain)),
                Some(worth) => (worth, Why::Domain(domain)),
                None if domain.restricted => (Score::MINUS_INFINITY, Why::OutsideDomain(domain)),
                None => continue,
            };
            self.prefer(table, item, node, score, why);
        }
    }

    /// In an asymmetric cluster: never, where nothing lets a resource run.
    fn close(&mut self, table: &Table<'a>) {
        let width = table.nodes.len();
        let closed: Vec<usize> = (0..self.allowed.len())
            .filter(|&cell| !self.allowed[cell])
            .collect();
        for cell in closed {
            let (id, node) = (cell / width, cell % width);
            self.add(id, node, Score::MINUS_INFINITY, Why::NothingAllows);
        }
    }

    fn moved(
        &mut self,
        table: &Table<'a>,
        moved: &'a cluster_model::state::Move,
        notes: &mut Vec<String>,
    ) {
        if moved.until_ms <= table.state.now_ms {
            return;
        }
        let (name, score) = match &moved.direction {
            Direction::To(node) => (node, Score::INFINITY),
            Direction::AwayFrom(node) => (node, Score::MINUS_INFINITY),
        };
        let ids = table.all_called(&moved.resource);
        let (Some(node), false) = (table.node(name), ids.is_empty()) else {
            notes.push(format!(
                "the move of {} names something that does not exist; it counts for nothing",
                moved.resource
            ));
            return;
        };
        for id in ids {
            let why = Why::Move(&moved.direction, moved.until_ms);
            self.prefer(table, id, node, score, why);
        }
    }

    /// Old data are as good as none. Of what can be promoted, only the promotion is
    /// at stake: the others have to run to become up to date.
    fn outdated(&mut self, table: &Table<'a>, resource: &str, newest: &'a str) {
        for id in table.all_called(resource) {
            if table.promotable(table.outermost(id)).is_some() {
                continue;
            }
            for node in 0..table.nodes.len() {
                if table.nodes[node].name != newest {
                    self.prefer(
                        table,
                        id,
                        node,
                        Score::MINUS_INFINITY,
                        Why::Outdated(newest),
                    );
                }
            }
        }
    }

    /// Without quorum nothing moves and nothing new runs; what has to stop
    /// stops all the same.
    fn keep_places(&mut self, table: &Table<'a>, id: ResourceId) {
        let entry = &table.resources[id];
        if table.state.authority == Authority::Full
            || !matches!(entry.shape, Shape::Primitive(_))
            || table.is_left_alone(id)
        {
            return;
        }
        for node in 0..table.nodes.len() {
            let score = if entry.active.iter().any(|(at, _)| *at == node) {
                Score::INFINITY
            } else {
                Score::MINUS_INFINITY
            };
            self.add(id, node, score, Why::NoQuorum);
        }
    }

    fn stickiness(&mut self, table: &Table<'a>, id: ResourceId) {
        let entry = &table.resources[id];
        let Shape::Primitive(_) = entry.shape else {
            return;
        };
        if table.is_left_alone(id) {
            // What follows it has to come to it.
            for (node, _) in &entry.active {
                self.add(id, *node, Score::INFINITY, Why::LeftAlone);
            }
            return;
        }
        // What runs in two places has no place to stick to.
        if let [(node, _)] = entry.active.as_slice() {
            self.add(id, *node, entry.settled.stickiness, Why::Stickiness);
        }
    }

    /// Where a primitive failed too often. In a clone that rules the node out
    /// for the whole clone: its instances cannot be told apart.
    fn failures(&mut self, table: &Table<'a>, id: ResourceId) {
        let entry = &table.resources[id];
        if !matches!(entry.shape, Shape::Primitive(_)) || !entry.settled.managed {
            return;
        }
        let threshold = entry.settled.migration_threshold.unwrap_or(Instance::FATAL);
        let outer = table.outermost(id);
        let barred = match &table.resources[outer].shape {
            // All instances share what was seen; once is enough.
            Shape::Clone { clone, .. } if !clone.unique => {
                if table.resource(&entry.name) != Some(id) {
                    return;
                }
                outer
            }
            _ => id,
        };
        for at in 0..table.nodes.len() {
            let meaning = entry.meant.get(at).copied().flatten();
            if let Some(meaning) = meaning.filter(|meaning| meaning.on_fail == OnFail::Stop) {
                for node in 0..table.nodes.len() {
                    let why = Why::StoppedByFailure(meaning.operation, at);
                    self.prefer(table, barred, node, Score::MINUS_INFINITY, why);
                }
            }
        }
        for node in 0..table.nodes.len() {
            let count = failures(table, id, node);
            if count >= threshold {
                let why = if count >= Instance::FATAL {
                    Why::FatalFailure
                } else {
                    Why::Failures(count, threshold)
                };
                self.prefer(table, barred, node, Score::MINUS_INFINITY, why);
            }
        }
    }

    fn group_failures(&mut self, table: &Table<'a>, id: ResourceId) {
        let entry = &table.resources[id];
        let Shape::Group { group, members } = &entry.shape else {
            return;
        };
        let Some(limit) = group.migration_threshold_sum.filter(|limit| *limit > 0) else {
            return;
        };
        if !entry.settled.managed {
            return;
        }
        for node in 0..table.nodes.len() {
            let sum = members.iter().fold(0_u32, |sum, &member| {
                sum.saturating_add(failures(table, member, node))
            });
            if sum >= limit {
                let why = Why::GroupFailures(sum, limit);
                self.add(id, node, Score::MINUS_INFINITY, why);
                for &member in members {
                    self.add(member, node, Score::MINUS_INFINITY, why);
                }
            }
        }
    }
}

/// Nodes that a preference speaks of, and how much.
pub(super) fn preferred(table: &Table, preference: &Preference) -> Vec<(NodeId, Score)> {
    match preference {
        Preference::Node { node, score } => table
            .node(node)
            .map(|node| (node, *score))
            .into_iter()
            .collect(),
        Preference::Rule { rule, score } => table
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| rules::holds(rule, node))
            .map(|(id, node)| (id, rules::score(score, node)))
            .collect(),
    }
}

/// Failures that still count.
pub(super) fn failures(table: &Table, id: ResourceId, node: NodeId) -> u32 {
    let entry = &table.resources[id];
    let Some(instance) = entry.seen[node] else {
        return 0;
    };
    // What is blocked stays so until somebody cleans up, and so do its failures.
    let meaning = entry.meant.get(node).copied().flatten();
    let held = matches!(
        instance.observed,
        Observed::StopFailed | Observed::Blocked { .. }
    ) || meaning.is_some_and(|meaning| meaning.on_fail == OnFail::Block);
    let timeout = entry.settled.failure_timeout_ms;
    let forgotten = failure::is_forgotten(instance, timeout, table.state.now_ms);
    if forgotten && !held {
        0
    } else {
        instance.fail_count
    }
}

/// The next moment at which time alone changes a score.
pub(super) fn reconsider_at_ms(table: &Table) -> Option<u64> {
    let now = table.state.now_ms;
    let moves = table.state.moves.iter().map(|moved| moved.until_ms);
    let failures = table.resources.iter().flat_map(|entry| {
        let timeout = entry.settled.failure_timeout_ms;
        let seen = entry.seen.iter().flatten();
        seen.filter(|instance| instance.fail_count > 0)
            .filter_map(move |instance| {
                let end = instance.last_failure_ms.saturating_add(timeout?);
                Some(end.saturating_add(1))
            })
    });
    moves.chain(failures).filter(|moment| *moment > now).min()
}

/// The failover domain of an item.
fn domain_of<'a>(table: &Table<'a>, item: ResourceId) -> Option<&'a String> {
    let options = match &table.resources[item].shape {
        Shape::Primitive(primitive) => &primitive.options,
        Shape::Group { group, .. } => &group.options,
        Shape::Clone { clone, .. } => &clone.options,
    };
    let default = &table.configuration.resource_defaults;
    options.domain.as_ref().or(default.domain.as_ref())
}
