//! From what the cluster knows to what it orders: the policy, asked and obeyed.

use crate::name::{Incarnation, NodeId, ResourceId};
use crate::operation::OperationKind;
use crate::planted::Bug;
use crate::policy;
use crate::resources::ResourceSettings;
use crate::settings::Settings;
use crate::state::{Local, Member, Standing, State};
use cluster_model::decision::{Action, Decision, Task};
use cluster_model::state::{
    Authority, ClusterState, Instance, Node, Observed, Operation, PendingOperation, Presence, Role,
};
use std::collections::{BTreeMap, BTreeSet};

/// The attribute of a node that goes down in order: it takes nothing and gives away what
/// it has. It is over with the daemon that set it.
pub const LEAVING: &str = "#leaving";

/// Who is there, as the coordinator sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Admitted, and heard in the session that was admitted.
    pub(crate) there: BTreeSet<NodeId>,
    /// Of these, who has a lease, going by its own word: nobody else may start anything.
    pub(crate) leased: BTreeSet<NodeId>,
}

/// Something to be put into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A node shall do something.
    Order {
        node: NodeId,
        incarnation: Incarnation,
        resource: ResourceId,
        kind: OperationKind,
        alone: bool,
    },
    /// A node shall go down: it holds what it cannot stop.
    Condemn {
        node: NodeId,
        incarnation: Incarnation,
    },
}

/// What the policy says about this.
pub(crate) fn decide(settings: &Settings, state: &State, heard: &Heard, now_ms: u64) -> Decision {
    let asked = question(settings, state, heard, now_ms);
    policy::decide(&settings.configuration, &asked)
}

/// What of it can be done at once. The rest follows when this is done.
pub(crate) fn wanted(
    settings: &Settings,
    state: &State,
    heard: &Heard,
    decision: &Decision,
) -> Vec<Wanted> {
    let begin = decision
        .transition
        .actions
        .iter()
        .filter(|action| action.after.is_empty() || settings.has(Bug::OrderIgnored));
    begin
        .filter_map(|action| want(settings, state, heard, action))
        .collect()
}

fn want(settings: &Settings, state: &State, heard: &Heard, action: &Action) -> Option<Wanted> {
    let node = settings.node_named(&action.node)?;
    let incarnation = state.members.get(&node)?.incarnation;
    let (operation, name) = match &action.task {
        Task::Operate {
            operation,
            resource,
        } => (*operation, resource),
        // Who is not heard is on its way to be given up by its voters; whoever is heard
        // and holds what it must not is told to go down.
        Task::Fence => {
            let there = heard.there.contains(&node);
            return there.then_some(Wanted::Condemn { node, incarnation });
        }
    };
    let kind = match operation {
        Operation::Probe => OperationKind::Probe,
        Operation::Start => OperationKind::Start,
        Operation::Stop => OperationKind::Stop,
        Operation::Promote => OperationKind::Promote,
        Operation::Demote => OperationKind::Demote,
    };
    // Before everything there was looked at, nobody knows what depends on what.
    let member = state.members.get(&node)?;
    if kind != OperationKind::Probe && !is_known(member, settings) {
        return None;
    }
    // It would refuse.
    if kind.goes_up() && !heard.leased.contains(&node) {
        return None;
    }
    let mut resources = settings.resources.iter();
    let (resource, its) = resources.find(|(_, its)| its.name == *name)?;
    let alone = its.is_alone(kind);
    // It would be void.
    if alone && !state.is_free(node, *resource, kind) {
        return None;
    }
    Some(Wanted::Order {
        node,
        incarnation,
        resource: *resource,
        kind,
        alone,
    })
}

/// The cluster in the policy's words.
pub(crate) fn question(
    settings: &Settings,
    state: &State,
    heard: &Heard,
    now_ms: u64,
) -> ClusterState {
    let mut asked = ClusterState {
        now_ms,
        authority: Authority::Full,
        may_fence: true,
        maintenance: state.operators.all_maintenance,
        moves: state.operators.moves.clone(),
        target_roles: state.operators.targets.clone(),
        unmanaged: state.operators.unmanaged.clone(),
        ..ClusterState::default()
    };
    let members = state.members.iter();
    let members = members.filter(|(id, member)| settings.nodes.contains(*id) && !member.lost);
    for (id, member) in members {
        let name = settings.name_of(*id).to_owned();
        let presence = presence(*id, member, heard, settings);
        if presence == Presence::Unclean || member.condemned {
            asked.being_fenced.insert(name.clone());
        }
        let node = Node {
            presence,
            standby: state.operators.standby.contains(&name)
                || member.attributes.contains_key(LEAVING),
            maintenance: state.operators.maintenance.contains(&name),
            attributes: member.attributes.clone(),
            fence_because: None,
        };
        asked.nodes.insert(name.clone(), node);
        for (resource, its) in &settings.resources {
            let local = member.resources.get(resource).copied().unwrap_or_default();
            if let Some((_, kind)) = local.pending {
                asked.pending.push(PendingOperation {
                    resource: its.name.clone(),
                    node: name.clone(),
                    operation: operation(kind),
                });
            }
            let instances: &mut BTreeMap<_, _> =
                asked.resources.entry(its.name.clone()).or_default();
            instances.insert(name.clone(), instance(local, its, member, settings));
        }
    }
    asked.pending.sort();
    asked
}

fn presence(id: NodeId, member: &Member, heard: &Heard, settings: &Settings) -> Presence {
    if !heard.there.contains(&id) {
        return Presence::Unclean;
    }
    // Without a lease it can start nothing. What it has, or may have, is dealt with all
    // the same.
    let idle = settings.resources.keys().all(|resource| {
        let local = member.resources.get(resource);
        local.is_some_and(|local| local.standing == Standing::Stopped)
    });
    if heard.leased.contains(&id) || !idle {
        Presence::Online
    } else {
        Presence::Joining
    }
}

fn is_known(member: &Member, settings: &Settings) -> bool {
    let mut resources = settings.resources.keys();
    let known = resources.all(|resource| {
        let local = member.resources.get(resource);
        local.is_some_and(|local| local.standing != Standing::Unknown)
    });
    known || settings.has(Bug::ProbeSkipped) || settings.has(Bug::OrderIgnored)
}

fn instance(
    local: Local,
    its: &ResourceSettings,
    member: &Member,
    settings: &Settings,
) -> Instance {
    // What an agent says with `crm_master` is an attribute of this name.
    let score = member.attributes.get(&format!("master-{}", its.name));
    let observed = match local.standing {
        Standing::Unknown if settings.has(Bug::ProbeSkipped) => Observed::Stopped,
        Standing::Unknown => Observed::Unknown,
        Standing::Stopped => Observed::Stopped,
        Standing::Running => Observed::Started,
        Standing::Promoted => Observed::Promoted,
        Standing::Failed => Observed::Failed {
            role: Role::Started,
        },
        Standing::FailedPromoted => Observed::Failed {
            role: Role::Promoted,
        },
        Standing::StopFailed => Observed::StopFailed,
    };
    Instance {
        observed,
        fail_count: local.failures,
        last_failure_ms: local.failed_ms,
        promotion_score: score.and_then(|score| score.parse().ok()),
    }
}

fn operation(kind: OperationKind) -> Operation {
    match kind {
        OperationKind::Probe => Operation::Probe,
        OperationKind::Start => Operation::Start,
        OperationKind::Stop => Operation::Stop,
        OperationKind::Promote => Operation::Promote,
        OperationKind::Demote => Operation::Demote,
    }
}
