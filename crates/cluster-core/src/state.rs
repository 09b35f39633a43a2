//! What all nodes agree on: the log, applied.

mod asked;
mod entry;
mod resets;

pub use entry::{Asked, Entry, Request};
pub use resets::{RESETS_WITHIN, Resets};

use crate::action::Refusal;
use crate::arbitration::Epoch;
use crate::name::{BootId, Incarnation, NodeId, OrderId, ResourceId, Session};
use crate::operation::OperationKind;
use crate::operators::Operators;
use crate::packet::Report;
use crate::resources::{self, Resources};
use cluster_model::state::Failed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why nothing of a node runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// A majority waited out its promises.
    PromiseOver,
    /// The machine was started anew.
    NewBoot,
    /// The machine was seen to be off.
    Fenced,
    /// It stopped everything before it went.
    Parted,
}

/// How a resource stands on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody looked yet.
    #[default]
    Unknown,
    /// It does not run.
    Stopped,
    /// It runs.
    Running,
    /// It runs and is promoted.
    Promoted,
    /// Neither running nor stopped for certain: counts as running.
    Failed,
    /// The same, and it counts as promoted.
    FailedPromoted,
    /// It could not be stopped: counts as running until the node is gone.
    StopFailed,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Counts its admissions.
    pub incarnation: Incarnation,
    /// Its last admitted start.
    pub boot: BootId,
    /// Its last admitted daemon.
    pub session: Session,
    /// Given up: nothing runs there.
    pub lost: bool,
    /// The number of an attempt to take over that is good.
    pub attempt: u64,
    /// It is to go down.
    pub condemned: bool,
    /// What it knows of itself.
    pub attributes: BTreeMap<String, String>,
    /// The number under which this incarnation told it; 0: an earlier one did.
    pub attributes_number: u64,
    /// How often its machine was started anew without having left in order.
    pub resets: Resets,
    /// Its resources. None: nobody looked.
    pub resources: BTreeMap<ResourceId, Local>,
}

impl Member {
    fn give_up(&mut self) {
        self.lost = true;
        // Whatever could not be stopped went down with the machine.
        self.condemned = false;
        for local in self.resources.values_mut() {
            local.standing = Standing::Unknown;
            local.pending = None;
        }
    }
}

/// A resource on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    /// How it stands.
    pub standing: Standing,
    /// The last report's number.
    pub report: u64,
    /// What was ordered and is not reported yet.
    pub pending: Option<(OrderId, OperationKind)>,
    /// What failures this incarnation told of, as they count.
    pub told: u64,
    /// When it failed last, in milliseconds of the cluster's time.
    pub failed_ms: u64,
    /// What failed since somebody cleaned up, or since failures were forgotten.
    pub failed: Failed,
    /// What its failures here count, to start or while it ran, since the machine was
    /// started or somebody cleaned up.
    pub failures: u32,
}

/// The applied log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last entry.
    pub applied: u64,
    /// What there is to run.
    #[serde(with = "resources::shared")]
    pub resources: Arc<Resources>,
    /// The line of the log that it belongs to.
    pub epoch: Epoch,
    /// The only one who votes; nobody: all who have a vote.
    pub alone: Option<NodeId>,
    /// All who were ever admitted.
    pub members: BTreeMap<NodeId, Member>,
    /// The cluster's time: what coordinators counted, in milliseconds.
    pub clock_ms: u64,
    /// What operators asked for.
    pub operators: Operators,
    /// The last request of each node that was carried out.
    pub requests: BTreeMap<NodeId, Request>,
}

/// What an entry changed that somebody has to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A session was admitted; its incarnation.
    Joined(NodeId, Incarnation),
    /// A node was given up.
    Lost(NodeId, Proof),
    /// All vote again.
    Reunited,
    /// One votes alone, as of this place in the log.
    Alone(u64),
    /// Voters may renew this node's lease again.
    Renewed(NodeId),
    /// A node is to go down.
    Condemned(NodeId),
    /// A request is settled: it was carried out, or names what is not there any more.
    Commanded(Request, Result<(), Refusal>),
    /// What there is to run is not the same any more, or something that was is forgotten.
    Defined,
    /// A node has something to do.
    Ordered(NodeId, OrderId, ResourceId, OperationKind),
    /// A report is in the log.
    Reported(NodeId, Report),
    /// A member begins with an empty disk.
    Begun(NodeId, Session),
}

impl State {
    /// Applies the entry at `index`, proposed at `at_ms` of the cluster's time. Void
    /// entries change nothing else.
    pub fn apply(&mut self, index: u64, at_ms: u64, entry: &Entry) -> Vec<Change> {
        self.applied = index;
        self.clock_ms = self.clock_ms.max(at_ms);
        let mut changes = self.enter(index, entry);
        if self.forget_what_is_stopped() {
            changes.push(Change::Defined);
        }
        changes
    }

    fn enter(&mut self, index: u64, entry: &Entry) -> Vec<Change> {
        match entry {
            Entry::Joined {
                node,
                previous,
                boot,
                session,
            } => self.join(*node, *previous, *boot, *session),
            Entry::Lost {
                node,
                incarnation,
                attempt,
            } => match self.current(*node, *incarnation) {
                Some(member) if member.attempt == *attempt => {
                    member.give_up();
                    vec![Change::Lost(*node, Proof::PromiseOver)]
                }
                _ => Vec::new(),
            },
            Entry::Fenced { node, incarnation } => match self.current(*node, *incarnation) {
                Some(member) => {
                    member.give_up();
                    vec![Change::Lost(*node, Proof::Fenced)]
                }
                None => Vec::new(),
            },
            Entry::Parted {
                node,
                incarnation,
                stays,
            } => self.part(index, *node, *incarnation, *stays),
            Entry::Begun { node, session } => vec![Change::Begun(*node, *session)],
            Entry::Reunited => {
                self.alone = None;
                vec![Change::Reunited]
            }
            Entry::Renewed {
                node,
                incarnation,
                attempt,
            } => match self.current(*node, *incarnation) {
                Some(member) if *attempt > member.attempt => {
                    member.attempt = *attempt;
                    vec![Change::Renewed(*node)]
                }
                _ => Vec::new(),
            },
            Entry::Ordered {
                node,
                incarnation,
                resource,
                kind,
            } => {
                if !self.may(*node, *resource, *kind) {
                    return Vec::new();
                }
                let Some(member) = self.current(*node, *incarnation) else {
                    return Vec::new();
                };
                let local = member.resources.entry(*resource).or_default();
                // One operation per resource: an order that comes late is void.
                if local.pending.is_some() {
                    return Vec::new();
                }
                let order = OrderId(index);
                local.pending = Some((order, *kind));
                vec![Change::Ordered(*node, order, *resource, *kind)]
            }
            Entry::Condemned { node, incarnation } => match self.current(*node, *incarnation) {
                Some(member) if !member.condemned => {
                    member.condemned = true;
                    vec![Change::Condemned(*node)]
                }
                _ => Vec::new(),
            },
            Entry::Attributes {
                node,
                incarnation,
                number,
                attributes,
            } => {
                if let Some(member) = self.current(*node, *incarnation)
                    && *number > member.attributes_number
                {
                    member.attributes.clone_from(attributes);
                    member.attributes_number = *number;
                }
                Vec::new()
            }
            Entry::Commanded {
                request,
                command,
                node,
            } => self.command(*request, command, *node),
            Entry::Configured {
                request,
                configuration,
            } => self.configure(index, *request, configuration),
            Entry::Reported { node, report } => self.report(*node, report),
        }
    }

    fn join(
        &mut self,
        node: NodeId,
        previous: Incarnation,
        boot: BootId,
        session: Session,
    ) -> Vec<Change> {
        let before = self.members.get(&node);
        if before.map_or(Incarnation::default(), |member| member.incarnation) != previous {
            return Vec::new();
        }
        let mut changes = Vec::new();
        // Whatever an earlier start of the machine ran is gone. An earlier daemon's
        // resources may live on: nobody knows until they were looked at.
        if before.is_some_and(|member| !member.lost && member.boot != boot) {
            changes.push(Change::Lost(node, Proof::NewBoot));
        }
        let incarnation = previous.next();
        let mut member = Member {
            incarnation,
            boot,
            session,
            lost: false,
            attempt: 0,
            condemned: false,
            attributes: BTreeMap::new(),
            attributes_number: 0,
            resets: self.resets_with(before, boot),
            resources: BTreeMap::new(),
        };
        // A daemon that was started anew on a machine that was not: what its agents
        // noted, how often something failed, and what could not be stopped, is as it was.
        if let Some(before) = before.filter(|before| before.boot == boot) {
            member.condemned = before.condemned;
            member.attributes.clone_from(&before.attributes);
            member.attributes.remove(crate::LEAVING);
            for (resource, local) in &before.resources {
                let mut kept = Local {
                    failures: local.failures,
                    failed_ms: local.failed_ms,
                    failed: local.failed,
                    ..Local::default()
                };
                if local.standing == Standing::StopFailed {
                    kept.standing = Standing::StopFailed;
                }
                member.resources.insert(*resource, kept);
            }
        }
        self.members.insert(node, member);
        changes.push(Change::Joined(node, incarnation));
        changes
    }

    fn part(
        &mut self,
        index: u64,
        node: NodeId,
        incarnation: Incarnation,
        stays: NodeId,
    ) -> Vec<Change> {
        if self.alone.is_some_and(|only| only != stays) {
            return Vec::new();
        }
        let Some(member) = self.current(node, incarnation) else {
            return Vec::new();
        };
        member.give_up();
        self.alone = Some(stays);
        vec![Change::Alone(index), Change::Lost(node, Proof::Parted)]
    }

    /// Does nothing run on this node, and is nothing under way there?
    pub(crate) fn is_idle(&self, node: NodeId) -> bool {
        let Some(member) = self.members.get(&node) else {
            return false;
        };
        let is_stopped = |id| {
            let local = member.resources.get(&id);
            local
                .is_some_and(|local| local.standing == Standing::Stopped && local.pending.is_none())
        };
        !member.condemned && self.resources.all().all(|(id, _)| is_stopped(id))
    }

    fn report(&mut self, node: NodeId, report: &Report) -> Vec<Change> {
        let now_ms = self.clock_ms;
        // Stopped everywhere, and forgotten, while this was on its way.
        let Some(its) = self.resources.get(report.resource) else {
            return vec![Change::Reported(node, report.clone())];
        };
        let timeout = its.failure_timeout;
        let Some(member) = self.current(node, report.incarnation) else {
            return Vec::new();
        };
        let local = member.resources.entry(report.resource).or_default();
        if report.number > local.report {
            local.report = report.number;
            local.standing = report.standing;
            // Told twice, a failure is counted once.
            let new = report.failures.saturating_sub(local.told);
            if new > 0 {
                let new = u32::try_from(new).unwrap_or(u32::MAX);
                let ms = timeout.map(|timeout| u64::try_from(timeout.as_millis()));
                let forgotten = ms.is_some_and(|ms| {
                    now_ms > local.failed_ms.saturating_add(ms.unwrap_or(u64::MAX))
                });
                let before = if forgotten { 0 } else { local.failures };
                let earlier = if forgotten {
                    Failed::default()
                } else {
                    local.failed
                };
                local.failures = before.saturating_add(new);
                local.failed = earlier.and(report.failed);
                local.failed_ms = now_ms;
                local.told = report.failures;
            }
        }
        if local.pending.map(|(order, _)| order) == report.order {
            local.pending = None;
        }
        vec![Change::Reported(node, report.clone())]
    }

    /// Would a report change nothing? Every network brings a copy of it, and it is told
    /// until the log has it.
    pub fn knows(&self, node: NodeId, report: &Report) -> bool {
        let member = self.members.get(&node);
        let Some(member) = member.filter(|its| its.incarnation == report.incarnation && !its.lost)
        else {
            return true;
        };
        if self.resources.get(report.resource).is_none() {
            return true;
        }
        let local = member.resources.get(&report.resource);
        local.is_some_and(|local| {
            let ends = local
                .pending
                .is_some_and(|(order, _)| Some(order) == report.order);
            local.report >= report.number && !ends
        })
    }

    /// A node as it is, if it is this incarnation of it and was not given up.
    fn current(&mut self, node: NodeId, incarnation: Incarnation) -> Option<&mut Member> {
        self.members
            .get_mut(&node)
            .filter(|member| member.incarnation == incarnation && !member.lost)
    }

    /// Does an order make sense? What makes something active is a thing of the
    /// configuration, of which no earlier form can run anywhere, and which is not active
    /// elsewhere if it must not be so twice. Holds whatever the policy says.
    pub(crate) fn may(&self, node: NodeId, resource: ResourceId, kind: OperationKind) -> bool {
        let Some(its) = self.resources.get(resource) else {
            return false;
        };
        if !kind.goes_up() {
            return true;
        }
        let is_the_one = !self.resources.is_retired(resource)
            && self.resources.predecessors(&its.name).next().is_none();
        is_the_one && (!its.is_alone(kind) || self.is_free(node, resource, kind))
    }

    /// Is it started, or promoted, nowhere but on this node, and not about to be?
    pub fn is_free(&self, node: NodeId, resource: ResourceId, kind: OperationKind) -> bool {
        let others = self.members.iter();
        let mut others = others.filter(|(id, member)| **id != node && !member.lost);
        others.all(|(_, member)| {
            let local = member.resources.get(&resource).copied().unwrap_or_default();
            let pending = local.pending.map(|(_, kind)| kind);
            match kind {
                OperationKind::Start => {
                    let still = matches!(local.standing, Standing::Unknown | Standing::Stopped);
                    still && pending.is_none_or(|kind| kind == OperationKind::Probe)
                }
                OperationKind::Promote => {
                    let may_be = matches!(
                        local.standing,
                        Standing::Promoted | Standing::FailedPromoted | Standing::StopFailed
                    );
                    let turns = matches!(
                        pending,
                        Some(OperationKind::Promote | OperationKind::Demote)
                    );
                    !may_be && !turns
                }
                OperationKind::Probe | OperationKind::Stop | OperationKind::Demote => true,
            }
        })
    }

    /// Is an operation on this resource under way anywhere?
    pub fn is_pending(&self, resource: ResourceId) -> bool {
        self.members.values().any(|member| {
            let local = member.resources.get(&resource);
            local.is_some_and(|local| local.pending.is_some())
        })
    }
}
