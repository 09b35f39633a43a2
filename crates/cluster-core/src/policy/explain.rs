//! Turns the ledger into words: why here, why not there.

use super::goals::{Goals, Needs};
use super::ledger::{LedgerEntry, Why};
use super::placer::Placer;
use super::table::{NodeId, ResourceId, Shape};
use cluster_model::Score;
use cluster_model::configuration::TargetRole;
use cluster_model::decision::{Contribution, Explanation, NodeExplanation, ResourceExplanation};
use cluster_model::state::{Authority, Observed, Role};
use std::fmt::Write as _;

/// So the summary of a resource begins that is to run on no node; why follows.
pub const NOWHERE: &str = "runs nowhere: ";

/// Finds reasons for what was decided.
#[derive(Debug)]
pub(super) struct Reasons<'p, 't, 'a> {
    pub(super) placer: &'p Placer<'t, 'a>,
    pub(super) goals: &'p Goals,
    pub(super) needs: &'p Needs<'a>,
    /// Per resource: its entries in the ledger.
    entries: Vec<Vec<&'p LedgerEntry<'a>>>,
}

impl<'p, 't, 'a> Reasons<'p, 't, 'a> {
    pub(super) fn new(placer: &'p Placer<'t, 'a>, goals: &'p Goals, needs: &'p Needs<'a>) -> Self {
        let mut entries = vec![Vec::new(); placer.table.resources.len()];
        for entry in placer.ledger.entries() {
            entries[entry.resource].push(entry);
        }
        Self {
            placer,
            goals,
            needs,
            entries,
        }
    }

    fn name(&self, id: ResourceId) -> &str {
        &self.placer.table.resources[id].name
    }

    fn node(&self, node: NodeId) -> &str {
        self.placer.table.nodes[node].name
    }

    /// Why a resource is not on a node.
    pub(super) fn why_not(&self, id: ResourceId, node: NodeId) -> String {
        let table = self.placer.table;
        if let Some(number) = self.goals.unmet[id]
            && self.goals.of[id].is_none()
        {
            return self.unmet(number);
        }
        if table.resources[id].settled.target == TargetRole::Stopped {
            return self.why_stopped().to_owned();
        }
        if let Some(why) = table.nodes[node].unavailable() {
            return format!("{}: {why}", self.node(node));
        }
        let score = self.placer.scores.of(id)[node];
        if score.is_never() {
            return self.ban(id, node);
        }
        match self.placer.chosen[id] {
            Some(better) if better != node => format!(
                "{} is preferred: its score is {}, that of {} is {score}",
                self.node(better),
                self.placer.scores.of(id)[better],
                self.node(node)
            ),
            _ => format!(
                "its score on {} is {score}, and below 0 nothing runs",
                self.node(node)
            ),
        }
    }

    fn why_stopped(&self) -> &'static str {
        if self.placer.table.state.halted {
            "the cluster is stopped"
        } else {
            "it is wanted stopped"
        }
    }

    /// What rules a node out.
    fn ban(&self, id: ResourceId, node: NodeId) -> String {
        let table = self.placer.table;
        let mut at = Some(id);
        while let Some(resource) = at {
            let entry = self.entries[resource]
                .iter()
                .find(|entry| entry.node == node && entry.score.is_never());
            if let Some(entry) = entry {
                // A member that only follows its group moves for the reason of
                // who it follows.
                if let Why::With(follow) = entry.why
                    && follow.id.is_none()
                    && self.placer.chosen[follow.other] != Some(node)
                {
                    return format!(
                        "{}; {}: {}",
                        entry.why.words(table),
                        self.name(follow.other),
                        self.why_not(follow.other, node)
                    );
                }
                let words = entry.why.words(table);
                return match entry.why {
                    Why::StoppedByFailure(..) => words,
                    _ => format!("{}: {words}", self.node(node)),
                };
            }
            at = table.resources[resource].parent;
        }
        format!("{} is ruled out", self.node(node))
    }

    /// A need that is not met, in words.
    pub(super) fn unmet(&self, number: usize) -> String {
        let need = &self.needs.all[number];
        let on: Vec<&str> = need.on.iter().map(|&on| self.name(on)).collect();
        let mut on = on;
        on.dedup();
        let state = if need.required == Role::Promoted {
            "promoted"
        } else {
            "running"
        };
        let by = need
            .id
            .map_or_else(|| "same group".to_owned(), |id| format!("order {id}"));
        if on.is_empty() {
            return format!("what it needs is not {state} on its node ({by})");
        }
        format!(
            "it needs {}, which will not be {state} ({by})",
            on.join(" or ")
        )
    }

    /// Why a resource comes to a node.
    pub(super) fn why_here(&self, id: ResourceId, node: NodeId) -> String {
        let score = self.placer.scores.of(id)[node];
        let elsewhere = self.placer.table.resources[id]
            .active
            .iter()
            .find(|(at, _)| *at != node);
        match elsewhere {
            Some((old, _)) => format!(
                "it moves from {} to {}, because {}",
                self.node(*old),
                self.node(node),
                self.why_not(id, *old)
            ),
            None => format!(
                "{} is the best place for it (score {score})",
                self.node(node)
            ),
        }
    }

    /// Everything, for every resource and node.
    pub(super) fn explanation(&self) -> Explanation {
        let table = self.placer.table;
        let mut explanation = Explanation {
            notes: table.notes.clone(),
            ..Explanation::default()
        };
        explanation.notes.extend(self.needs.notes.iter().cloned());
        for id in 0..table.resources.len() {
            let known = explanation
                .resources
                .entry(self.name(id).to_owned())
                .or_default();
            self.add(id, known);
        }
        explanation
    }

    fn add(&self, id: ResourceId, into: &mut ResourceExplanation) {
        let table = self.placer.table;
        let summary = self.summary(id);
        let nowhere = |text: &str| text.starts_with(NOWHERE);
        if into.summary.is_empty() || (nowhere(&into.summary) && !nowhere(&summary)) {
            into.summary = summary;
        } else if !nowhere(&summary) {
            // Instances that run nowhere are no news where others run.
            let _ = write!(into.summary, "; {summary}");
        }
        for (node, entry) in table.nodes.iter().enumerate() {
            let score = self.placer.scores.of(id)[node];
            let known = into.nodes.entry(entry.name.to_owned());
            // Instances of a clone share a name; what counts is the instance
            // that is there.
            let first = matches!(known, std::collections::btree_map::Entry::Vacant(_));
            if first || self.placer.chosen[id] == Some(node) {
                *known.or_default() = NodeExplanation {
                    score,
                    contributions: self.contributions(id, node),
                    exclusions: self.exclusions(id, node),
                };
            }
        }
    }

    fn contributions(&self, id: ResourceId, node: NodeId) -> Vec<Contribution> {
        self.entries[id]
            .iter()
            .filter(|entry| entry.node == node)
            .map(|entry| Contribution {
                score: entry.score,
                why: entry.why.words(self.placer.table),
            })
            .collect()
    }

    fn exclusions(&self, id: ResourceId, node: NodeId) -> Vec<String> {
        let table = self.placer.table;
        let mut found: Vec<String> = table.nodes[node]
            .unavailable()
            .map(str::to_owned)
            .into_iter()
            .collect();
        found.extend(
            self.entries[id]
                .iter()
                .filter(|entry| entry.node == node && entry.score.is_never())
                .map(|entry| entry.why.words(table)),
        );
        if found.is_empty() && self.placer.scores.of(id)[node] < Score::ZERO {
            found.push("its score is below 0".to_owned());
        }
        found
    }

    fn summary(&self, id: ResourceId) -> String {
        let table = self.placer.table;
        let entry = &table.resources[id];
        if !matches!(entry.shape, Shape::Primitive(_)) {
            return self.summary_of_many(id);
        }
        if table.is_left_alone(id) {
            let why = if entry
                .active
                .iter()
                .any(|(_, observed)| *observed == Observed::StopFailed)
            {
                "its stop failed, and without fencing nobody may take it over"
            } else if table.state.maintenance {
                "the cluster is in maintenance"
            } else if !entry.settled.managed {
                "it is not managed"
            } else if table.is_blocked(id) {
                "it failed, and stays as it is until somebody cleans up (on-fail: block)"
            } else {
                "its node is in maintenance"
            };
            return match entry.active.first() {
                Some((node, _)) => format!("left alone on {}: {why}", self.node(*node)),
                None => format!("left alone, stopped: {why}"),
            };
        }
        if let Some(number) = self.goals.pinned[id] {
            let who = self.name(self.needs.all[number].who);
            return format!("stays as it is: {who} needs it, runs, and is left alone");
        }
        match self.goals.of[id] {
            Some((node, role)) => {
                let there = self.is_there(id, node, role);
                let what = match (role == Role::Promoted, there) {
                    (true, true) => "promoted",
                    (true, false) => "is to be promoted",
                    (false, true) => "runs",
                    (false, false) => "is to run",
                };
                format!(
                    "{what} on {}: score {}",
                    self.node(node),
                    self.placer.scores.of(id)[node]
                )
            }
            None => format!("{NOWHERE}{}", self.why_nowhere(id)),
        }
    }

    /// It is what it is to be, and well.
    fn is_there(&self, id: ResourceId, node: NodeId, role: Role) -> bool {
        let mut active = self.placer.table.resources[id].active.iter();
        active.any(|(at, observed)| match observed {
            Observed::Started | Observed::Promoted => *at == node && observed.role() >= role,
            _ => false,
        })
    }

    fn why_nowhere(&self, id: ResourceId) -> String {
        let table = self.placer.table;
        if let Some(number) = self.goals.unmet[id] {
            return self.unmet(number);
        }
        if table.resources[id].settled.target == TargetRole::Stopped {
            return self.why_stopped().to_owned();
        }
        if table.state.authority != Authority::Full && table.resources[id].active.is_empty() {
            return "without quorum nothing new is started".to_owned();
        }
        let reasons: Vec<String> = (0..table.nodes.len())
            .map(|node| self.why_not(id, node))
            .collect();
        let Some(first) = reasons.first() else {
            return "there are no nodes".to_owned();
        };
        // What only follows something else says so once, and no more.
        let begin = first.split("; ").next().unwrap_or(first);
        if begin.starts_with("follows ") && reasons.iter().all(|one| one.starts_with(begin)) {
            return format!("it {begin}, which runs nowhere");
        }
        reasons.join("; ")
    }

    fn summary_of_many(&self, id: ResourceId) -> String {
        let table = self.placer.table;
        let mut places: Vec<&str> = table
            .primitives(id)
            .into_iter()
            .filter_map(|id| self.goals.of[id])
            .map(|(node, _)| self.node(node))
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            "runs nowhere".to_owned()
        } else {
            format!("runs on {}", places.join(", "))
        }
    }
}
