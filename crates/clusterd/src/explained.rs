//! Why resources are where they are, and what they wait for: the policy's answer to a
//! model, or the part of it that concerns one resource.

use crate::age;
use crate::configuration::members_of;
use cluster_core::policy;
use cluster_model::Model;
use cluster_model::configuration::{Cloned, Item};
use cluster_model::decision::{ResourceExplanation, Task};
use cluster_model::model::{API_VERSION, Explained};
use std::collections::{BTreeMap, BTreeSet};

/// Everything.
pub(crate) fn all(model: &Model) -> Explained {
    let mut decision = policy::decide(&model.configuration, &model.state);
    let at = decision.reconsider_at_ms;
    say_how_long(model, &mut decision.explanation.resources);
    Explained {
        api_version: API_VERSION,
        resources: decision.explanation.resources,
        actions: decision.transition.actions,
        waiting: decision.transition.waiting,
        reconsider_in_ms: at.map(|at| at.saturating_sub(model.state.now_ms)),
    }
}

/// The policy knows the time of the cluster only, which is no time for people.
fn say_how_long(model: &Model, resources: &mut BTreeMap<String, ResourceExplanation>) {
    let nodes = resources
        .values_mut()
        .flat_map(|one| one.nodes.values_mut());
    for part in nodes.flat_map(|node| &mut node.contributions) {
        for one in &model.state.moves {
            let left = one.until_ms.saturating_sub(model.state.now_ms);
            let (from, to) = (
                format!("until {} ms", one.until_ms),
                format!("for another {}", age::whole(left)),
            );
            part.why = part.why.replace(&from, &to);
        }
    }
}

/// One resource and what it is made of; nothing: there is none of this name.
pub(crate) fn one(model: &Model, name: &str) -> Option<Explained> {
    let mut explained = all(model);
    let names = within(model, name)?;
    let counts =
        |known: &str| names.contains(known) || names.iter().any(|name| is_instance(known, name));
    explained.resources.retain(|known, _| counts(known));
    explained
        .actions
        .retain(|action| concerns(&action.task, &counts));
    explained
        .waiting
        .retain(|waiting| concerns(&waiting.task, &counts));
    Some(explained)
}

/// Everything of this name and what it is made of; nothing: there is none.
fn within(model: &Model, name: &str) -> Option<BTreeSet<String>> {
    for item in &model.configuration.resources {
        let mut members: BTreeSet<String> = members_of(item).map(|one| one.name.clone()).collect();
        if item.name() == name {
            members.insert(name.to_owned());
            if let Item::Clone(clone) = item
                && let Cloned::Group(group) = &clone.of
            {
                members.insert(group.name.clone());
            }
            return Some(members);
        }
        if let Item::Clone(clone) = item
            && let Cloned::Group(group) = &clone.of
            && group.name == name
        {
            members.insert(name.to_owned());
            return Some(members);
        }
        let base = name.split(':').next().unwrap_or(name);
        if members.contains(base) {
            return Some(BTreeSet::from([name.to_owned()]));
        }
    }
    None
}

/// `NAME:NUMBER` is an instance of `NAME`.
fn is_instance(known: &str, name: &str) -> bool {
    let rest = known.strip_prefix(name);
    rest.is_some_and(|rest| rest.starts_with(':'))
}

fn concerns(task: &Task, counts: &impl Fn(&str) -> bool) -> bool {
    match task {
        Task::Operate { resource, .. } => counts(resource),
        // Fencing concerns whoever waits for it.
        Task::Fence => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::tests::pair;

    #[test]
    fn a_group_is_explained_with_its_members_and_nothing_else() {
        let model = pair();
        let explained = one(&model, "web").expect("it is there");
        let names: Vec<_> = explained.resources.keys().map(String::as_str).collect();
        assert_eq!(names, ["httpd", "vip", "web"]);
        assert!(explained.resources["web"].summary.contains("zipi"));
        assert_eq!(one(&model, "webb"), None);
    }

    #[test]
    fn what_waits_is_told_of_who_waits_only() {
        let mut model = pair();
        let zipi = model.state.nodes.get_mut("zipi").expect("a node");
        zipi.presence = cluster_model::state::Presence::Unclean;
        let explained = one(&model, "vip").expect("it is there");
        let names: Vec<_> = explained.resources.keys().map(String::as_str).collect();
        assert_eq!(names, ["vip"]);
        assert!(all(&model).waiting.len() > explained.waiting.len());
    }
}
