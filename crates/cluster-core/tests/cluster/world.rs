//! A world that does what the policy says, one action after the other, and
//! judges each of them by what really runs: not by what the policy believes.

use super::build::Case;
use cluster_core::policy::decide;
use cluster_model::configuration::{Cloned, Item, Primitive};
use cluster_model::constraint::{OrderKind, OrderedAction};
use cluster_model::decision::{Action, Decision, Task};
use cluster_model::state::{Authority, Observed, Operation, Presence, Role};
use std::collections::BTreeSet;

/// Brings a case to rest. `choose` picks one of so many actions that may be
/// begun; `look_again` says whether to decide anew after an action.
pub(crate) fn settle(
    case: &Case,
    mut choose: impl FnMut(usize) -> usize,
    mut look_again: impl FnMut() -> bool,
) -> Result<Case, String> {
    let mut case = case.clone();
    for _ in 0..100 {
        let decision = decide(&case.configuration, &case.state);
        check_shape(&decision)?;
        if decision.transition.actions.is_empty() {
            return Ok(case);
        }
        let mut open = decision.transition.actions;
        let mut done: BTreeSet<u32> = BTreeSet::new();
        while !open.is_empty() {
            let ready: Vec<usize> = (0..open.len())
                .filter(|&at| open[at].after.iter().all(|id| done.contains(id)))
                .collect();
            let at = ready[choose(ready.len())];
            let action = open.remove(at);
            perform(&mut case, &action).map_err(|why| format!("{action:?}: {why}"))?;
            done.insert(action.id);
            if look_again() {
                break;
            }
        }
    }
    Err("it does not come to rest".to_owned())
}

/// What every transition is: numbered, in order, nothing twice.
fn check_shape(decision: &Decision) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (number, action) in decision.transition.actions.iter().enumerate() {
        if action.id as usize != number || action.after.iter().any(|id| *id >= action.id) {
            return Err(format!("out of order: {action:?}"));
        }
        if !seen.insert((&action.task, &action.node)) {
            return Err(format!("twice: {action:?}"));
        }
        if action.reason.is_empty() {
            return Err(format!("without a reason: {action:?}"));
        }
    }
    Ok(())
}

fn perform(case: &mut Case, action: &Action) -> Result<(), String> {
    match &action.task {
        Task::Fence => {
            if !case.configuration.options.fencing || !case.state.may_fence {
                return Err("there is no right to fence".to_owned());
            }
            let node = case.state.nodes.entry(action.node.clone()).or_default();
            node.presence = Presence::Gone;
            node.fence_because = None;
            for nodes in case.state.resources.values_mut() {
                if let Some(instance) = nodes.get_mut(&action.node) {
                    instance.observed = Observed::Stopped;
                }
            }
            Ok(())
        }
        Task::Operate {
            operation,
            resource,
        } => operate(case, *operation, resource, &action.node),
    }
}

fn operate(
    case: &mut Case,
    operation: Operation,
    resource: &str,
    node: &str,
) -> Result<(), String> {
    let presence = case.state.nodes.get(node).map(|node| node.presence);
    if presence != Some(Presence::Online) {
        return Err("the node is not there to do it".to_owned());
    }
    let before = case.instance(resource, node).observed;
    let after = match operation {
        Operation::Probe => {
            if before != Observed::Unknown {
                return Err("it was looked at already".to_owned());
            }
            Observed::Stopped
        }
        Operation::Start => {
            may_start(case, resource, node)?;
            if before != Observed::Stopped {
                return Err(format!("a start of what is {before:?}"));
            }
            Observed::Started
        }
        Operation::Promote => {
            if before != Observed::Started {
                return Err(format!("a promotion of what is {before:?}"));
            }
            Observed::Promoted
        }
        Operation::Demote => {
            if before.role() != Role::Promoted {
                return Err(format!("a demotion of what is {before:?}"));
            }
            match before {
                Observed::Failed { .. } => Observed::Failed {
                    role: Role::Started,
                },
                _ => Observed::Started,
            }
        }
        Operation::Stop => {
            may_stop(case, resource)?;
            if before.role() == Role::Stopped {
                return Err("a stop of what does not run".to_owned());
            }
            Observed::Stopped
        }
    };
    case.instance(resource, node).observed = after;
    too_many_promoted(case, resource)
}

fn may_start(case: &Case, resource: &str, node: &str) -> Result<(), String> {
    if case.state.authority == Authority::None {
        return Err("a start without quorum".to_owned());
    }
    let known = &case.state.nodes[node];
    if known.standby || known.maintenance {
        return Err("a start on a node that takes nothing".to_owned());
    }
    if !is_cloned(case, resource) && is_up(case, resource, None) {
        return Err("it runs elsewhere".to_owned());
    }
    if let Some(before) = before_in_group(case, resource)
        && !is_up(case, &before, Some(node))
    {
        return Err(format!("{before} does not run there yet"));
    }
    for order in &case.configuration.orders {
        let counts = order.kind == OrderKind::Mandatory
            && order.first_action == OrderedAction::Start
            && order.then_action == OrderedAction::Start;
        if !counts || primitives(case, &order.then).first().map(String::as_str) != Some(resource) {
            continue;
        }
        let first = primitives(case, &order.first);
        if first.last().is_some_and(|first| !is_up(case, first, None)) {
            return Err(format!("{} does not run yet", order.first));
        }
    }
    Ok(())
}

fn may_stop(case: &Case, resource: &str) -> Result<(), String> {
    if is_unmanaged(case, resource) {
        return Err("it is not managed".to_owned());
    }
    if let Some(after) = after_in_group(case, resource)
        && is_up(case, &after, None)
    {
        return Err(format!("{after} still runs"));
    }
    for order in &case.configuration.orders {
        let first = primitives(case, &order.first);
        if first.last().map(String::as_str) != Some(resource)
            || order.kind != OrderKind::Mandatory
            || is_cloned(case, resource)
        {
            continue;
        }
        let then = primitives(case, &order.then);
        if then.first().is_some_and(|then| is_up(case, then, None)) {
            return Err(format!("{} still runs", order.then));
        }
    }
    Ok(())
}

fn too_many_promoted(case: &Case, resource: &str) -> Result<(), String> {
    let Some(max) = case.configuration.resources.iter().find_map(|item| {
        let Item::Clone(clone) = item else {
            return None;
        };
        primitives(case, &clone.name)
            .contains(&resource.to_owned())
            .then_some(clone.promotable?.max)
    }) else {
        return Ok(());
    };
    let promoted = case.state.resources[resource]
        .iter()
        .filter(|(node, _)| !is_gone(case, node))
        .filter(|(_, instance)| instance.observed.role() == Role::Promoted)
        .count();
    if promoted > max as usize {
        return Err(format!("{promoted} are promoted"));
    }
    Ok(())
}

fn is_gone(case: &Case, node: &str) -> bool {
    let known = case.state.nodes.get(node);
    known.is_none_or(|node| node.presence == Presence::Gone)
}

/// Whether it runs, on this node or on any.
fn is_up(case: &Case, resource: &str, node: Option<&str>) -> bool {
    case.state.resources.get(resource).is_some_and(|nodes| {
        nodes.iter().any(|(at, instance)| {
            node.is_none_or(|node| node == at)
                && !is_gone(case, at)
                && instance.observed.role() > Role::Stopped
        })
    })
}

fn is_cloned(case: &Case, resource: &str) -> bool {
    case.configuration.resources.iter().any(|item| {
        matches!(item, Item::Clone(clone) if primitives(case, &clone.name).contains(&resource.to_owned()))
    })
}

fn is_unmanaged(case: &Case, resource: &str) -> bool {
    case.state.maintenance
        || case.configuration.resources.iter().any(|item| {
            case.state.unmanaged.contains(item.name())
                && primitives(case, item.name()).contains(&resource.to_owned())
        })
}

/// The primitives of an item, in start order.
fn primitives(case: &Case, item: &str) -> Vec<String> {
    let names = |members: &[Primitive]| members.iter().map(|it| it.name.clone()).collect();
    let found = case
        .configuration
        .resources
        .iter()
        .find(|it| it.name() == item);
    match found {
        Some(Item::Primitive(it)) => vec![it.name.clone()],
        Some(Item::Group(group)) => names(&group.members),
        Some(Item::Clone(clone)) => match &clone.of {
            Cloned::Primitive(it) => vec![it.name.clone()],
            Cloned::Group(group) => names(&group.members),
        },
        None => Vec::new(),
    }
}

fn neighbours(case: &Case, resource: &str) -> Option<(Vec<String>, usize)> {
    case.configuration.resources.iter().find_map(|item| {
        let members = primitives(case, item.name());
        let at = members.iter().position(|member| member == resource)?;
        (members.len() > 1).then_some((members, at))
    })
}

fn before_in_group(case: &Case, resource: &str) -> Option<String> {
    let (members, at) = neighbours(case, resource)?;
    members.get(at.checked_sub(1)?).cloned()
}

fn after_in_group(case: &Case, resource: &str) -> Option<String> {
    let (members, at) = neighbours(case, resource)?;
    members.get(at + 1).cloned()
}
