//! What is not in the configuration any more: the policy knows nothing of it, and it is
//! stopped all the same, in the order in which it once needed each other.

use super::{Heard, Wanted, standing};
use crate::definition::Definition;
use crate::name::{NodeId, ResourceId};
use crate::operation::OperationKind;
use crate::settings::Settings;
use crate::state::{Member, Standing, State};

/// What can be done at once about it.
pub(super) fn wanted(settings: &Settings, state: &State, heard: &Heard) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (resource, its) in state.resources.removed() {
        for (node, member) in &state.members {
            let left_alone = is_left_alone(*node, settings, state);
            if heard.there.contains(node) && !member.condemned && !left_alone {
                wanted.extend(want(*node, member, resource, its, state));
            }
        }
    }
    wanted
}

fn is_left_alone(node: NodeId, settings: &Settings, state: &State) -> bool {
    let operators = &state.operators;
    operators.all_maintenance || operators.maintenance.contains(settings.name_of(node))
}

fn want(
    node: NodeId,
    member: &Member,
    resource: ResourceId,
    its: &Definition,
    state: &State,
) -> Option<Wanted> {
    let incarnation = member.incarnation;
    let local = member.resources.get(&resource);
    if local.is_some_and(|local| local.pending.is_some()) {
        return None;
    }
    let kind = match standing(resource, member) {
        Standing::Unknown => OperationKind::Probe,
        Standing::Stopped => return None,
        Standing::StopFailed => {
            let fencing = state.resources.configuration().options.fencing;
            let goes_down = fencing && its.fences_on_stop;
            return goes_down.then_some(Wanted::Condemn { node, incarnation });
        }
        _ if needs(&its.name, member, state) => return None,
        Standing::Promoted => OperationKind::Demote,
        Standing::Running | Standing::Failed | Standing::FailedPromoted => OperationKind::Stop,
    };
    Some(Wanted::Order {
        node,
        incarnation,
        resource,
        kind,
    })
}

/// May something run there that was removed and needs this one?
pub(super) fn needs(name: &str, member: &Member, state: &State) -> bool {
    let mut removed = state.resources.removed();
    removed.any(|(id, its)| its.after.contains(name) && standing(id, member) != Standing::Stopped)
}
