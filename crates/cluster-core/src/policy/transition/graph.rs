//! Actions and what each waits for, as a graph without circles.

use super::super::table::{NodeId, ResourceId};
use cluster_model::state::Operation;
use std::collections::{BTreeMap, BTreeSet};

/// Place of a step in [`Graph::steps`].
pub(super) type StepId = usize;

/// Something to do.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) what: What,
    pub(super) node: NodeId,
    pub(super) after: Vec<StepId>,
    pub(super) reason: String,
    /// It cannot be begun in this transition, and why.
    pub(super) withheld: Option<String>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Fence,
    Operate(ResourceId, Operation),
}

/// Steps, found by what they do and where.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) steps: Vec<Step>,
    by_key: BTreeMap<(What, NodeId), StepId>,
}

impl Graph {
    pub(super) fn add(&mut self, what: What, node: NodeId, reason: String) -> StepId {
        let id = self.steps.len();
        if let Some(known) = self.by_key.insert((what, node), id) {
            self.by_key.insert((what, node), known);
            return known;
        }
        self.steps.push(Step {
            what,
            node,
            after: Vec::new(),
            reason,
            withheld: None,
        });
        id
    }

    pub(super) fn find(&self, what: What, node: NodeId) -> Option<StepId> {
        self.by_key.get(&(what, node)).copied()
    }

    /// Steps that do something, on any node.
    pub(super) fn anywhere(&self, what: What) -> impl Iterator<Item = StepId> + '_ {
        self.by_key
            .range((what, 0)..=(what, NodeId::MAX))
            .map(|(_, step)| *step)
    }

    pub(super) fn after(&mut self, later: StepId, earlier: StepId) {
        if later != earlier {
            self.steps[later].after.push(earlier);
        }
    }

    pub(super) fn withhold(&mut self, step: StepId, why: impl Into<String>) {
        self.steps[step].withheld.get_or_insert(why.into());
    }

    /// Steps so that each stands behind those that it waits for. What waits in
    /// a circle, or for something withheld, is withheld.
    pub(super) fn in_order(&mut self, name: impl Fn(&Step) -> String) -> Vec<StepId> {
        let count = self.steps.len();
        let mut waits = vec![0_usize; count];
        let mut followers: Vec<Vec<StepId>> = vec![Vec::new(); count];
        for (id, step) in self.steps.iter_mut().enumerate() {
            step.after.sort_unstable();
            step.after.dedup();
            waits[id] = step.after.len();
            for &earlier in &step.after {
                followers[earlier].push(id);
            }
        }
        let mut ready: BTreeSet<StepId> = (0..count).filter(|&id| waits[id] == 0).collect();
        let mut order = Vec::with_capacity(count);
        while let Some(id) = ready.pop_first() {
            order.push(id);
            let held = self.steps[id].withheld.is_some();
            let words = held.then(|| format!("it waits: {}", name(&self.steps[id])));
            for &follower in &followers[id] {
                waits[follower] -= 1;
                if waits[follower] == 0 {
                    ready.insert(follower);
                }
                if let Some(words) = &words {
                    self.withhold(follower, words.clone());
                }
            }
        }
        for (id, &left) in waits.iter().enumerate() {
            if left > 0 {
                self.withhold(id, "order constraints make a circle here");
                order.push(id);
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(resource: ResourceId) -> What {
        What::Operate(resource, Operation::Stop)
    }

    #[test]
    fn a_step_stands_behind_what_it_waits_for() {
        let mut graph = Graph::default();
        let late = graph.add(stop(0), 0, String::new());
        let early = graph.add(stop(1), 0, String::new());
        graph.after(late, early);
        assert_eq!(graph.in_order(|_| String::new()), [early, late]);
    }

    #[test]
    fn what_waits_for_something_withheld_is_withheld() {
        let mut graph = Graph::default();
        let first = graph.add(stop(0), 0, String::new());
        let then = graph.add(stop(1), 0, String::new());
        let last = graph.add(stop(2), 0, String::new());
        let free = graph.add(stop(3), 0, String::new());
        graph.after(then, first);
        graph.after(last, then);
        graph.withhold(first, "not now");
        graph.in_order(|_| "the first".to_owned());
        assert!(graph.steps[last].withheld.is_some());
        assert!(graph.steps[free].withheld.is_none());
    }

    #[test]
    fn a_circle_is_withheld_and_nothing_else() {
        let mut graph = Graph::default();
        let one = graph.add(stop(0), 0, String::new());
        let two = graph.add(stop(1), 0, String::new());
        let free = graph.add(stop(2), 0, String::new());
        graph.after(one, two);
        graph.after(two, one);
        let order = graph.in_order(|_| String::new());
        assert_eq!(order.len(), 3);
        assert!(graph.steps[one].withheld.is_some() && graph.steps[two].withheld.is_some());
        assert!(graph.steps[free].withheld.is_none());
    }

    #[test]
    fn the_same_step_is_there_once() {
        let mut graph = Graph::default();
        let one = graph.add(stop(0), 3, String::new());
        assert_eq!(graph.add(stop(0), 3, String::new()), one);
        assert_eq!(graph.steps.len(), 1);
        assert_eq!(graph.find(stop(0), 3), Some(one));
        assert_eq!(graph.anywhere(stop(0)).collect::<Vec<_>>(), [one]);
    }
}
