//! What all nodes agree on: the log, applied.

use crate::name::{BootId, Incarnation, NodeId, OrderId, ResourceId, Session};
use crate::operation::OperationKind;
use crate::operators::Operators;
use crate::packet::Report;
use cluster_model::Command;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A start of a node's daemon is admitted.
    Joined {
        /// The node.
        node: NodeId,
        /// What it was before. The entry is void if it is something else by now.
        previous: Incarnation,
        /// The start of its machine.
        boot: BootId,
        /// The start of its daemon.
        session: Session,
    },
    /// A node is given up: nothing of this incarnation runs any more.
    Lost {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// Void if this attempt was called off.
        attempt: u64,
    },
    /// An attempt to take over is called off: voters may renew the lease again.
    Renewed {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// The next attempt has this number.
        attempt: u64,
    },
    /// A node holds what it cannot stop: it is to go down, and nobody renews its lease.
    Condemned {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
    },
    /// What a node knows of itself: what it reaches, what its agents noted.
    Attributes {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// All of them.
        attributes: BTreeMap<String, String>,
    },
    /// An operator wants something.
    Commanded {
        /// Which request.
        request: Request,
        /// What.
        command: Command,
        /// What it names, by number; none: all.
        resources: Vec<ResourceId>,
        /// What it names, by number; none: all.
        node: Option<NodeId>,
    },
    /// A node shall do something.
    Ordered {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// With what.
        resource: ResourceId,
        /// What.
        kind: OperationKind,
        /// Void if it is so anywhere else: what must not be active, or promoted, twice.
        alone: bool,
    },
    /// A node found or did something.
    Reported {
        /// The node.
        node: NodeId,
        /// What.
        report: Report,
    },
}

/// Names a request of an operator: it is carried out once, however often it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// Where it was made.
    pub node: NodeId,
    /// To which start of the daemon.
    pub session: Session,
    /// Counts up within a session.
    pub number: u64,
}

/// Why nothing of a node runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// A majority waited out its promises.
    PromiseOver,
    /// The machine was started anew.
    NewBoot,
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
    /// Its resources. None: nobody looked.
    pub resources: BTreeMap<ResourceId, Local>,
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
    /// What its failures here count, to start or while it ran, since the machine was
    /// started or somebody cleaned up.
    pub failures: u32,
}

/// The applied log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The last entry.
    pub applied: u64,
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
    /// Voters may renew this node's lease again.
    Renewed(NodeId),
    /// A node is to go down.
    Condemned(NodeId),
    /// A request was carried out.
    Commanded(Request),
    /// A node has something to do.
    Ordered(NodeId, OrderId, ResourceId, OperationKind),
    /// A report is in the log.
    Reported(NodeId, Report),
}

impl State {
    /// Applies the entry at `index`, proposed at `at_ms` of the cluster's time. Void
    /// entries change nothing else.
    pub fn apply(&mut self, index: u64, at_ms: u64, entry: &Entry) -> Vec<Change> {
        self.applied = index;
        self.clock_ms = self.clock_ms.max(at_ms);
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
                    member.lost = true;
                    // Whatever could not be stopped went down with the machine.
                    member.condemned = false;
                    for local in member.resources.values_mut() {
                        local.standing = Standing::Unknown;
                        local.pending = None;
                    }
                    vec![Change::Lost(*node, Proof::PromiseOver)]
                }
                _ => Vec::new(),
            },
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
                alone,
            } => {
                if *alone && !self.is_free(*node, *resource, *kind) {
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
                attributes,
            } => {
                if let Some(member) = self.current(*node, *incarnation) {
                    member.attributes.clone_from(attributes);
                }
                Vec::new()
            }
            Entry::Commanded {
                request,
                command,
                resources,
                node,
            } => self.command(*request, command, resources, *node),
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
            resources: BTreeMap::new(),
        };
        // A daemon that was started anew on a machine that was not: what its agents
        // noted, how often something failed, and what could not be stopped, is as it was.
        if let Some(before) = before.filter(|before| before.boot == boot) {
            member.condemned = before.condemned;
            member.attributes.clone_from(&before.attributes);
            for (resource, local) in &before.resources {
                let mut kept = Local {
                    failures: local.failures,
                    failed_ms: local.failed_ms,
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

    fn command(
        &mut self,
        request: Request,
        command: &Command,
        resources: &[ResourceId],
        node: Option<NodeId>,
    ) -> Vec<Change> {
        // Told twice, it is done once: numbers of a session go up.
        if let Some(last) = self.requests.get(&request.node)
            && last.session == request.session
            && last.number >= request.number
        {
            return Vec::new();
        }
        self.requests.insert(request.node, request);
        self.operators.take(command, self.clock_ms);
        match command {
            Command::Cleanup { .. } => self.clean_up(resources, node),
            // Nobody knows what was done by hand meanwhile: everything is looked at.
            Command::Maintenance { on: false, .. } => self.forget_standings(node),
            _ => {}
        }
        vec![Change::Commanded(request)]
    }

    fn forget_standings(&mut self, node: Option<NodeId>) {
        for (id, member) in &mut self.members {
            if node.is_none_or(|node| node == *id) {
                for local in member.resources.values_mut() {
                    if local.standing != Standing::StopFailed {
                        local.standing = Standing::Unknown;
                    }
                }
            }
        }
    }

    /// Forgets failures. What stands still because of them is looked at anew.
    fn clean_up(&mut self, resources: &[ResourceId], node: Option<NodeId>) {
        for (id, member) in &mut self.members {
            if node.is_some_and(|node| node != *id) {
                continue;
            }
            for (resource, local) in &mut member.resources {
                if !resources.is_empty() && !resources.contains(resource) {
                    continue;
                }
                local.failures = 0;
                if matches!(
                    local.standing,
                    Standing::Failed | Standing::FailedPromoted | Standing::StopFailed
                ) {
                    local.standing = Standing::Unknown;
                }
            }
        }
    }

    fn report(&mut self, node: NodeId, report: &Report) -> Vec<Change> {
        let now_ms = self.clock_ms;
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
                local.failures = local.failures.saturating_add(new);
                local.failed_ms = now_ms;
                local.told = report.failures;
            }
        }
        if local.pending.map(|(order, _)| order) == report.order {
            local.pending = None;
        }
        vec![Change::Reported(node, report.clone())]
    }

    /// A node as it is, if it is this incarnation of it and was not given up.
    fn current(&mut self, node: NodeId, incarnation: Incarnation) -> Option<&mut Member> {
        self.members
            .get_mut(&node)
            .filter(|member| member.incarnation == incarnation && !member.lost)
    }

    /// Is it started, or promoted, nowhere but on this node, and not about to be? Holds
    /// whatever the policy says.
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
