//! The state of a cluster in which everything succeeds.

use super::{Done, Fault, Impossible, Places};
use crate::age;
use crate::configuration::members_of;
use cluster_core::policy;
use cluster_model::Model;
use cluster_model::configuration::{OnFail, Primitive};
use cluster_model::decision::{Action, Decision, Task};
use cluster_model::state::{Authority, Instance, Observed, Operation, Presence, Role};
use std::collections::BTreeSet;

/// A model that changes.
#[derive(Clone, Debug)]
pub(super) struct World {
    model: Model,
    /// Voters that are lost.
    silent: BTreeSet<String>,
}

impl World {
    pub(super) fn new(model: &Model) -> Self {
        let heard = model.votes.heard.iter();
        let silent = heard.filter(|(_, there)| !**there);
        Self {
            silent: silent.map(|(name, _)| name.clone()).collect(),
            model: model.clone(),
        }
    }

    pub(super) fn authority(&self) -> Authority {
        self.model.state.authority
    }

    pub(super) fn decide(&self) -> Decision {
        policy::decide(&self.model.configuration, &self.model.state)
    }

    /// Where everything runs, on nodes that are not known to be gone.
    pub(super) fn places(&self) -> Places {
        let state = &self.model.state;
        let gone = |node: &str| {
            let known = state.nodes.get(node);
            known.is_none_or(|known| known.presence == Presence::Gone)
        };
        let resources = state.resources.iter();
        resources
            .map(|(name, instances)| {
                let up = instances.iter().filter(|(node, instance)| {
                    !gone(node) && instance.observed.role() > Role::Stopped
                });
                let up = up.map(|(node, instance)| (node.clone(), instance.observed.role()));
                (name.clone(), up.collect())
            })
            .collect()
    }

    /// What is under way comes to its end.
    pub(super) fn finish_pending(&mut self) {
        for pending in std::mem::take(&mut self.model.state.pending) {
            self.operated(pending.operation, &pending.resource, &pending.node);
        }
    }

    pub(super) fn suppose(&mut self, fault: &Fault) -> Result<(), Impossible> {
        match fault {
            Fault::Lose(name) => {
                let votes = self.model.votes.heard.contains_key(name);
                let node = self.model.configuration.nodes.contains(name);
                if !votes && !node {
                    return Err(Impossible::NoSuchNode(name.clone()));
                }
                if votes {
                    self.silent.insert(name.clone());
                }
                if let Some(node) = self.model.state.nodes.get_mut(name)
                    && node.presence != Presence::Gone
                {
                    node.presence = Presence::Unclean;
                }
            }
            Fault::Fail { resource, node } => self.fail(resource, node.as_deref())?,
            Fault::Standby(name) => self.node(name)?.standby = true,
            Fault::Online(name) => self.node(name)?.standby = false,
            Fault::MaintenanceEnd => {
                self.model.state.maintenance = false;
                for node in self.model.state.nodes.values_mut() {
                    node.maintenance = false;
                }
            }
            Fault::Attribute { node, name, value } => {
                let attributes = &mut self.node(node)?.attributes;
                attributes.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn node(&mut self, name: &str) -> Result<&mut cluster_model::state::Node, Impossible> {
        if !self.model.configuration.nodes.contains(name) {
            return Err(Impossible::NoSuchNode(name.to_owned()));
        }
        Ok(self.model.state.nodes.entry(name.to_owned()).or_default())
    }

    /// A failure is recorded, unless its operation says that it is none.
    fn fail(&mut self, resource: &str, node: Option<&str>) -> Result<(), Impossible> {
        let Some(primitive) = self.primitive(resource) else {
            return Err(Impossible::NoSuchResource(resource.to_owned()));
        };
        let mut monitors = primitive.operations.monitors.iter();
        let own = monitors.find_map(|one| one.options.on_fail);
        let on_fail = own.or(self.model.configuration.operation_defaults.on_fail);
        let now = self.model.state.now_ms;
        let mut hit = false;
        if let Some(instances) = self.model.state.resources.get_mut(resource) {
            for (at, instance) in instances {
                let here = node.is_none_or(|node| node == at);
                let role = instance.observed.role();
                if !here || role == Role::Stopped {
                    continue;
                }
                hit = true;
                if on_fail == Some(OnFail::Ignore) {
                    continue;
                }
                instance.fail_count = instance.fail_count.saturating_add(1);
                instance.last_failure_ms = now;
                instance.observed = Observed::Failed { role };
                instance.failed.monitor = true;
            }
        }
        if !hit {
            let place = node.map_or_else(|| "anywhere".to_owned(), |node| format!("on {node}"));
            return Err(Impossible::NotRunning(resource.to_owned(), place));
        }
        Ok(())
    }

    /// The primitive of this name; `NAME:NUMBER` is an instance of it.
    fn primitive(&self, name: &str) -> Option<&Primitive> {
        let base = name.split(':').next().unwrap_or(name);
        let mut all = self.model.configuration.resources.iter();
        all.find_map(|item| members_of(item).find(|one| one.name == base))
    }

    /// Too few voters are left, in words; nothing is started from now on.
    pub(super) fn no_majority(&mut self) -> Option<String> {
        let votes = &self.model.votes;
        if votes.heard.is_empty() {
            return None;
        }
        let left = votes.heard.len() - self.silent.len();
        if left >= votes.needed as usize {
            return None;
        }
        self.model.state.authority = Authority::None;
        self.model.state.may_fence = false;
        Some(format!(
            "{left} of {} voters are left and {} are needed: no lease is renewed",
            votes.heard.len(),
            votes.needed
        ))
    }

    /// At the end of its lease a node stops what it has. Returns what is stopped.
    pub(super) fn everything_stops(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        // Lost nodes do so too, or are stopped by their watchdogs.
        for node in self.model.state.nodes.values_mut() {
            if node.presence == Presence::Unclean {
                node.presence = Presence::Gone;
            }
        }
        for (name, places) in self.places() {
            for node in places.into_keys() {
                let task = Task::Operate {
                    operation: Operation::Stop,
                    resource: name.clone(),
                };
                self.operated(Operation::Stop, &name, &node);
                let reason = format!("the lease of {node} ends");
                done.push(Done { task, node, reason });
            }
        }
        done
    }

    /// Nodes that are lost are known to run nothing, in words; nothing: none is.
    pub(super) fn promises_end(&mut self) -> Option<String> {
        if self.authority() == Authority::None {
            return None;
        }
        let nodes = self.model.state.nodes.iter();
        let lost = nodes.filter(|(_, node)| node.presence == Presence::Unclean);
        let lost: Vec<_> = lost.map(|(name, _)| name.clone()).collect();
        if lost.is_empty() {
            return None;
        }
        for name in &lost {
            self.gone(name);
        }
        let names = lost.join(" and ");
        if self.model.votes.by_reach {
            return Some(format!(
                "{names} is taken for gone, whether it has stopped or not"
            ));
        }
        let within = self.model.votes.promise_ms.map_or_else(String::new, |ms| {
            format!(", at most {} after its last word", age::span(ms))
        });
        Some(format!("{names} is known to have stopped{within}"))
    }

    fn gone(&mut self, name: &str) {
        let state = &mut self.model.state;
        if let Some(node) = state.nodes.get_mut(name) {
            node.presence = Presence::Gone;
            node.fence_because = None;
        }
        state.being_fenced.remove(name);
        for instances in state.resources.values_mut() {
            instances.remove(name);
        }
    }

    /// An action has succeeded.
    pub(super) fn succeed(&mut self, action: &Action) {
        match &action.task {
            Task::Fence => self.gone(&action.node),
            Task::Operate {
                operation,
                resource,
            } => self.operated(*operation, resource, &action.node),
        }
    }

    fn operated(&mut self, operation: Operation, resource: &str, node: &str) {
        let instances = self.model.state.resources.entry(resource.to_owned());
        let instances = instances.or_default();
        let instance: &mut Instance = instances.entry(node.to_owned()).or_default();
        instance.observed = match (operation, instance.observed) {
            // Nothing is known of it: the likely answer.
            (Operation::Probe, Observed::Unknown) | (Operation::Stop, _) => Observed::Stopped,
            (Operation::Probe, seen) => seen,
            (Operation::Promote, _) => Observed::Promoted,
            (Operation::Demote, Observed::Failed { .. }) => Observed::Failed {
                role: Role::Started,
            },
            (Operation::Start | Operation::Demote, _) => Observed::Started,
        };
    }
}
