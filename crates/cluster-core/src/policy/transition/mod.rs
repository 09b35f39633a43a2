//! From what is to what is to be: actions, what each waits for, and why.

mod course;
mod graph;

use super::explain::Reasons;
use super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::decision::{Action, Task, Transition, Waiting};
use cluster_model::state::{Authority, Observed, Operation, Presence, Role};
use course::{Cause, Course};
use graph::{Graph, Step, StepId, What};

/// Works out the transition.
pub(super) fn transition(reasons: &Reasons) -> Transition {
    let table = reasons.placer.table;
    let mut work = Work {
        table,
        reasons,
        courses: course::courses(table, reasons.goals, reasons.needs),
        graph: Graph::default(),
    };
    work.fencing();
    for id in 0..table.resources.len() {
        work.steps(id);
    }
    for id in 0..table.resources.len() {
        work.order_alone(id);
    }
    work.order_promotions();
    work.order_needs();
    work.order_downward();
    work.wait_for_pending();
    work.finish()
}

struct Work<'r, 'p, 't, 'a> {
    table: &'t Table<'a>,
    reasons: &'r Reasons<'p, 't, 'a>,
    courses: Vec<Course>,
    graph: Graph,
}

impl Work<'_, '_, '_, '_> {
    fn node(&self, node: NodeId) -> &str {
        self.table.nodes[node].name
    }

    fn fencing(&mut self) {
        for (id, node) in self.table.nodes.iter().enumerate() {
            if let Some(why) = &node.fence {
                let step = self.graph.add(What::Fence, id, why.clone());
                if self.table.state.being_fenced.contains(node.name) {
                    self.graph
                        .withhold(step, "it is being fenced at this moment");
                }
            }
        }
    }

    /// What happens to one primitive.
    fn steps(&mut self, id: ResourceId) {
        let entry = &self.table.resources[id];
        if !matches!(entry.shape, Shape::Primitive(_)) {
            return;
        }
        let operate = |operation| What::Operate(id, operation);
        if self.table.resource_first(id) {
            for (node, at) in self.table.nodes.iter().enumerate() {
                let observed = entry.seen[node].map_or(Observed::Unknown, |seen| seen.observed);
                if observed == Observed::Unknown
                    && at.presence() == Presence::Online
                    && at.fence.is_none()
                {
                    let reason = format!("nobody looked yet whether it runs on {}", at.name);
                    self.graph.add(operate(Operation::Probe), node, reason);
                }
            }
        }
        let course = self.courses[id].clone();
        for &node in &course.demote {
            let reason = self.why_down(id, node, &course);
            self.graph.add(operate(Operation::Demote), node, reason);
        }
        for &node in &course.stop {
            let reason = self.why_down(id, node, &course);
            self.graph.add(operate(Operation::Stop), node, reason);
        }
        if let Some(node) = course.start {
            let reason = self.why_up(id, node, &course);
            let step = self.graph.add(operate(Operation::Start), node, reason);
            self.authority(step, id, node);
        }
        if let Some(node) = course.promote {
            let reason = format!("{} is the best place to promote it", self.node(node));
            let step = self.graph.add(operate(Operation::Promote), node, reason);
            self.authority(step, id, node);
        }
    }

    /// Without quorum nothing starts; with the right to keep what it has, only
    /// what is there already is started again.
    fn authority(&mut self, step: StepId, id: ResourceId, node: NodeId) {
        let here = self.table.resources[id]
            .active
            .iter()
            .any(|(at, _)| *at == node);
        match self.table.state.authority {
            Authority::Full => {}
            Authority::Keep if here => {}
            Authority::Keep => self.graph.withhold(step, "nothing new may be started"),
            Authority::None => self.graph.withhold(step, "there is no quorum"),
        }
    }

    fn why_down(&self, id: ResourceId, node: NodeId, course: &Course) -> String {
        match course.cause {
            Some(Cause::Failed) => self.why_anew(id, node),
            Some(Cause::Falling) => "it is on its way down".to_owned(),
            Some(Cause::TwoPlaces) => "it runs in more than one place".to_owned(),
            Some(Cause::Need(number)) => {
                let need = &self.reasons.needs.all[number];
                let on: Vec<&str> = need
                    .on
                    .iter()
                    .map(|&on| self.table.resources[on].name.as_str())
                    .collect();
                format!("it needs {}, which stops for a while", on.join(" or "))
            }
            Some(Cause::Place) => {
                let why = self.reasons.why_not(id, node);
                match course.start {
                    Some(to) => format!("it moves to {}, because {why}", self.node(to)),
                    None => why,
                }
            }
            None => "another instance is the better one to be promoted".to_owned(),
        }
    }

    /// Why it is stopped and started in place.
    fn why_anew(&self, id: ResourceId, node: NodeId) -> String {
        let replaced = &self.table.state.replaced;
        let nodes = replaced.get(&self.table.resources[id].name);
        if nodes.is_some_and(|nodes| nodes.contains(self.node(node))) {
            "its agent or parameters were changed, and it is started anew with them".to_owned()
        } else {
            "it failed, and is started again in place".to_owned()
        }
    }

    fn why_up(&self, id: ResourceId, node: NodeId, course: &Course) -> String {
        match course.cause {
            Some(Cause::Failed) => self.why_anew(id, node),
            Some(Cause::Falling) => "it was on its way down, and is wanted".to_owned(),
            Some(Cause::TwoPlaces) => format!("{} is the one place for it", self.node(node)),
            Some(Cause::Need(_)) => "it goes on once what it needs is back".to_owned(),
            _ => self.reasons.why_here(id, node),
        }
    }

    /// The order of what happens to one primitive.
    fn order_alone(&mut self, id: ResourceId) {
        let course = self.courses[id].clone();
        let operate = |operation| What::Operate(id, operation);
        for &node in &course.stop {
            let demote = self.graph.find(operate(Operation::Demote), node);
            let stop = self.graph.find(operate(Operation::Stop), node);
            if let (Some(stop), Some(demote)) = (stop, demote) {
                self.graph.after(stop, demote);
            }
        }
        let start = course
            .start
            .and_then(|node| self.graph.find(operate(Operation::Start), node));
        let promote = course
            .promote
            .and_then(|node| self.graph.find(operate(Operation::Promote), node));
        if let (Some(promote), Some(start)) = (promote, start) {
            self.graph.after(promote, start);
        }
        let probes = self.probes_of(id);
        for step in start.into_iter().chain(promote) {
            for &probe in &probes {
                self.graph.after(step, probe);
            }
            let before: Vec<StepId> = self
                .graph
                .anywhere(operate(Operation::Stop))
                .chain(self.graph.anywhere(operate(Operation::Demote)))
                .collect();
            for earlier in before {
                self.graph.after(step, earlier);
            }
            for &node in &course.lost {
                self.after_loss(step, node);
            }
            self.after_unknown(step, id);
        }
    }

    /// Probes of everything of its name.
    fn probes_of(&self, id: ResourceId) -> Vec<StepId> {
        let first = self.table.first_of_name(id);
        self.graph
            .anywhere(What::Operate(first, Operation::Probe))
            .collect()
    }

    /// Waits until a node is known to run nothing.
    fn after_loss(&mut self, step: StepId, node: NodeId) {
        if let Some(fence) = self.graph.find(What::Fence, node) {
            self.graph.after(step, fence);
        } else if self.graph.steps[step].node != node {
            let why = format!(
                "{} ran it, and is not yet known to have stopped it",
                self.node(node)
            );
            self.graph.withhold(step, why);
        }
    }

    /// What may run on a node that cannot be asked must not start elsewhere.
    /// Instances of a clone need not be alone, only what is promoted must.
    fn after_unknown(&mut self, step: StepId, id: ResourceId) {
        let in_clone = self.table.is_anonymous(id);
        let starts = matches!(
            self.graph.steps[step].what,
            What::Operate(_, Operation::Start)
        );
        if in_clone && starts {
            return;
        }
        for (node, at) in self.table.nodes.iter().enumerate() {
            let seen = self.table.resources[id].seen[node];
            let unknown = seen.is_none_or(|seen| seen.observed == Observed::Unknown);
            if !unknown {
                continue;
            }
            match at.presence() {
                Presence::Unclean => self.after_loss(step, node),
                Presence::Joining => {
                    let why = format!("{} is joining, and may run it", at.name);
                    self.graph.withhold(step, why);
                }
                Presence::Online if at.fence.is_some() => self.after_loss(step, node),
                Presence::Online | Presence::Gone => {}
            }
        }
    }

    /// Nothing is promoted before what was promoted is not any more.
    fn order_promotions(&mut self) {
        for &clone in &self.table.top {
            if self.table.promotable(clone).is_none() {
                continue;
            }
            let ids = self.table.primitives(clone);
            let mut down = Vec::new();
            let mut lost = Vec::new();
            for &id in &ids {
                down.extend(self.graph.anywhere(What::Operate(id, Operation::Demote)));
                for &(node, observed) in &self.table.resources[id].active {
                    if !may_be_promoted(observed) {
                        continue;
                    }
                    if let Some(stop) = self.graph.find(What::Operate(id, Operation::Stop), node) {
                        down.push(stop);
                    }
                    let stuck = matches!(observed, Observed::StopFailed | Observed::Blocked { .. });
                    if stuck || self.courses[id].lost.contains(&node) {
                        lost.push(node);
                    }
                }
            }
            for &id in &ids {
                let promotes: Vec<StepId> = self
                    .graph
                    .anywhere(What::Operate(id, Operation::Promote))
                    .collect();
                for promote in promotes {
                    for &demote in &down {
                        self.graph.after(promote, demote);
                    }
                    for &node in &lost {
                        self.after_loss(promote, node);
                    }
                }
            }
        }
    }

    fn order_needs(&mut self) {
        for need in &self.reasons.needs.all {
            let (up, down) = if need.required == Role::Promoted {
                (Operation::Promote, Operation::Demote)
            } else {
                (Operation::Start, Operation::Stop)
            };
            let (own_up, own_down) = if need.level == Role::Promoted {
                (Operation::Promote, Operation::Demote)
            } else {
                (Operation::Start, Operation::Stop)
            };
            for &on in &need.on {
                self.order(What::Operate(on, up), What::Operate(need.who, own_up));
            }
            if !need.symmetrical {
                continue;
            }
            for &on in &need.outlast {
                self.order(What::Operate(need.who, own_down), What::Operate(on, down));
                // What is promoted may also be stopped outright.
                if need.required == Role::Promoted {
                    let stop = What::Operate(on, Operation::Stop);
                    self.order(What::Operate(need.who, own_down), stop);
                }
                self.outlast_the_lost(need.who, on, down);
            }
        }
    }

    /// What was lost with its node has stopped only once that is certain, and
    /// what it needs outlasts it.
    fn outlast_the_lost(&mut self, who: ResourceId, on: ResourceId, down: Operation) {
        let steps: Vec<StepId> = self.graph.anywhere(What::Operate(on, down)).collect();
        for node in self.courses[who].lost.clone() {
            for &step in &steps {
                self.after_loss(step, node);
            }
        }
    }

    /// Every step of the first kind before every step of the second.
    fn order(&mut self, first: What, then: What) {
        let firsts: Vec<StepId> = self.graph.anywhere(first).collect();
        if firsts.is_empty() {
            return;
        }
        let thens: Vec<StepId> = self.graph.anywhere(then).collect();
        for &then in &thens {
            for &first in &firsts {
                self.graph.after(then, first);
            }
        }
    }

    /// Orders that begin with a stop or a demotion.
    fn order_downward(&mut self) {
        use cluster_model::constraint::OrderedAction;
        let operation = |action| match action {
            OrderedAction::Start => Operation::Start,
            OrderedAction::Promote => Operation::Promote,
            OrderedAction::Demote => Operation::Demote,
            OrderedAction::Stop => Operation::Stop,
        };
        for (order, firsts, thens) in &self.reasons.needs.downward {
            for &first in firsts {
                for &then in thens {
                    self.order(
                        What::Operate(first, operation(order.first_action)),
                        What::Operate(then, operation(order.then_action)),
                    );
                }
            }
        }
    }

    /// An operation on its way is not ordered again, and nothing else is done
    /// to its resource until it is known how it went. Only probes of one
    /// resource may run on several nodes at once.
    fn wait_for_pending(&mut self) {
        for id in 0..self.graph.steps.len() {
            let Step { what, node, .. } = self.graph.steps[id];
            let What::Operate(resource, operation) = what else {
                continue;
            };
            let pending = self.table.pending_of(resource).iter();
            let alone = !self.table.is_anonymous(resource) && operation != Operation::Probe;
            let promotes = operation == Operation::Promote;
            let hinders = |(at, other): &&(NodeId, Operation)| {
                // While one is promoted or demoted nobody knows how many are.
                let counts = matches!(other, Operation::Promote | Operation::Demote);
                *at == node || (alone && *other != Operation::Probe) || (promotes && counts)
            };
            if let Some((at, other)) = pending.filter(hinders).min() {
                let words = format!("its {} on {} is on its way", word(*other), self.node(*at));
                self.graph.withhold(id, words);
            }
        }
    }

    fn finish(mut self) -> Transition {
        let table = self.table;
        let name = |step: &Step| {
            let node = table.nodes[step.node].name;
            match step.what {
                What::Fence => format!("{node} is not fenced yet"),
                What::Operate(id, operation) => format!(
                    "the {} of {} on {node} cannot be begun",
                    word(operation),
                    table.resources[id].name
                ),
            }
        };
        let order = self.graph.in_order(name);
        let mut transition = Transition::default();
        let mut numbers: Vec<Option<u32>> = vec![None; self.graph.steps.len()];
        for id in order {
            let step = &self.graph.steps[id];
            let task = match step.what {
                What::Fence => Task::Fence,
                What::Operate(id, operation) => Task::Operate {
                    operation,
                    resource: table.resources[id].name.clone(),
                },
            };
            let node = table.nodes[step.node].name.to_owned();
            if let Some(because) = &step.withheld {
                transition.waiting.push(Waiting {
                    task,
                    node,
                    because: because.clone(),
                });
                continue;
            }
            let number = u32::try_from(transition.actions.len()).unwrap_or(u32::MAX);
            numbers[id] = Some(number);
            let mut after: Vec<u32> = step.after.iter().filter_map(|&id| numbers[id]).collect();
            after.sort_unstable();
            transition.actions.push(Action {
                id: number,
                task,
                node,
                after,
                reason: step.reason.clone(),
            });
        }
        transition
    }
}

/// Whether it may be promoted, whatever is believed of it: a failure or a stop
/// that failed says little of what is left.
fn may_be_promoted(observed: Observed) -> bool {
    let uncertain = matches!(
        observed,
        Observed::Failed { .. } | Observed::StopFailed | Observed::Blocked { .. }
    );
    uncertain || observed.role() == Role::Promoted
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Probe => "probe",
        Operation::Start => "start",
        Operation::Stop => "stop",
        Operation::Promote => "promotion",
        Operation::Demote => "demotion",
    }
}
