//! From what the cluster knows to what it orders: the policy, asked and obeyed.

mod removed;

use crate::name::{Incarnation, NodeId, ResourceId};
use crate::operation::OperationKind;
use crate::planted::Bug;
use crate::policy;
use crate::settings::Settings;
use crate::state::{Member, Standing, State};
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
    /// Where what is reached decides: who reaches less of it than another one, for a while.
    pub(crate) outreached: BTreeSet<NodeId>,
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
    policy::decide(state.resources.configuration(), &asked)
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
        .chain(removed::wanted(settings, state, heard))
        .filter(|wanted| match wanted {
            Wanted::Condemn { node, .. } => comes_back(*node, settings, heard),
            Wanted::Order { .. } => true,
        })
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
    if kind != OperationKind::Probe && !is_known(member, state, settings) {
        return None;
    }
    // It would refuse.
    if kind.goes_up() && !heard.leased.contains(&node) {
        return None;
    }
    let resource = stands_for(name, member, state)?;
    // It would be void.
    if !state.may(node, resource, kind) {
        return None;
    }
    // It would be refused: something that was removed needs it, and goes first.
    let stops = kind == OperationKind::Stop;
    if stops && removed::needs(name, member, state) && !settings.has(Bug::OrderIgnored) {
        return None;
    }
    Some(Wanted::Order {
        node,
        incarnation,
        resource,
        kind,
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
        lost_go_by_time: settings.arbitration.fencing().is_none(),
        maintenance: state.operators.all_maintenance,
        halted: state.operators.halted.is_some(),
        moves: state.operators.moves.clone(),
        target_roles: state.operators.targets.clone(),
        unmanaged: state.operators.unmanaged.clone(),
        outdated: if settings.has(Bug::OutdatedIgnored) {
            BTreeMap::new()
        } else {
            state.operators.newest()
        },
        ..ClusterState::default()
    };
    let members = state.members.iter();
    let members = members.filter(|(id, member)| settings.nodes.contains(*id) && !member.lost);
    for (id, member) in members {
        let name = settings.name_of(*id).to_owned();
        let presence = presence(*id, member, heard, state);
        if presence == Presence::Unclean || member.condemned {
            asked.being_fenced.insert(name.clone());
        }
        let node = Node {
            presence,
            standby: state.operators.standby.contains(&name) && !settings.has(Bug::StandbyIgnored)
                || member.attributes.contains_key(LEAVING),
            held_back: member.resets.hold_back(),
            outreached: heard.outreached.contains(id),
            maintenance: state.operators.maintenance.contains(&name),
            attributes: member.attributes.clone(),
            fence_because: None,
        };
        asked.nodes.insert(name.clone(), node);
        for (called, resource) in state.resources.current() {
            let before = state.resources.predecessors(called);
            for id in before.chain([resource]) {
                let local = member.resources.get(&id);
                if let Some((_, kind)) = local.and_then(|local| local.pending) {
                    asked.pending.push(PendingOperation {
                        resource: called.to_owned(),
                        node: name.clone(),
                        operation: operation(kind),
                    });
                }
            }
            let stands = stands_for(called, member, state);
            let runs = |id| matches!(standing(id, member), Standing::Running | Standing::Promoted);
            if stands.is_some_and(|earlier| earlier != resource && runs(earlier)) {
                let replaced = asked.replaced.entry(called.to_owned()).or_default();
                replaced.insert(name.clone());
            }
            let instances: &mut BTreeMap<_, _> =
                asked.resources.entry(called.to_owned()).or_default();
            let instance = instance(called, resource, member, state, settings);
            instances.insert(name.clone(), instance);
        }
    }
    asked.pending.sort();
    asked
}

/// Would it have anything again by itself, if it went down? Who is left of a lone pair and
/// starts anew begins nothing before its peer is there, or an operator has said something:
/// what it cannot stop costs less than all that it runs.
fn comes_back(node: NodeId, settings: &Settings, heard: &Heard) -> bool {
    settings.arbitration.fencing().is_none() || heard.there.iter().any(|other| *other != node)
}

fn presence(id: NodeId, member: &Member, heard: &Heard, state: &State) -> Presence {
    if !heard.there.contains(&id) {
        return Presence::Unclean;
    }
    // Without a lease it can start nothing. What it has, or may have, is dealt with all
    // the same.
    let mut all = state.resources.all();
    let idle = all.all(|(resource, _)| standing(resource, member) == Standing::Stopped);
    if heard.leased.contains(&id) || !idle {
        Presence::Online
    } else {
        Presence::Joining
    }
}

fn standing(resource: ResourceId, member: &Member) -> Standing {
    let local = member.resources.get(&resource);
    local.map(|local| local.standing).unwrap_or_default()
}

/// What a name means on a node at this moment: an earlier form of the resource, until it
/// is known to be stopped there; then what the configuration says.
fn stands_for(name: &str, member: &Member, state: &State) -> Option<ResourceId> {
    let mut before = state.resources.predecessors(name);
    let still = before.find(|id| standing(*id, member) != Standing::Stopped);
    still.or_else(|| state.resources.called(name))
}

/// Was everything looked at that may run there?
fn is_known(member: &Member, state: &State, settings: &Settings) -> bool {
    let names = state.resources.current();
    let ones = names.filter_map(|(name, _)| stands_for(name, member, state));
    let removed = state.resources.removed().map(|(id, _)| id);
    let mut all = ones.chain(removed);
    all.all(|id| standing(id, member) != Standing::Unknown)
        || settings.has(Bug::ProbeSkipped)
        || settings.has(Bug::OrderIgnored)
}

/// An earlier form that still runs is to the policy something that must be stopped before
/// it is started, and counts as no failure.
fn instance(
    name: &str,
    current: ResourceId,
    member: &Member,
    state: &State,
    settings: &Settings,
) -> Instance {
    // What an agent says with `crm_master` is an attribute of this name.
    let score = member.attributes.get(&format!("master-{name}"));
    let local = member.resources.get(&current).copied().unwrap_or_default();
    let stands = stands_for(name, member, state).unwrap_or(current);
    let is_earlier = stands != current;
    let observed = match standing(stands, member) {
        Standing::Unknown if settings.has(Bug::ProbeSkipped) => Observed::Stopped,
        Standing::Unknown => Observed::Unknown,
        Standing::Stopped => Observed::Stopped,
        Standing::Running if !is_earlier => Observed::Started,
        Standing::Promoted if !is_earlier => Observed::Promoted,
        Standing::Running | Standing::Failed => Observed::Failed {
            role: Role::Started,
        },
        Standing::Promoted | Standing::FailedPromoted => Observed::Failed {
            role: Role::Promoted,
        },
        Standing::StopFailed => Observed::StopFailed,
    };
    Instance {
        observed,
        fail_count: if settings.has(Bug::ThresholdIgnored) {
            0
        } else {
            local.failures
        },
        last_failure_ms: local.failed_ms,
        failed: local.failed,
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
