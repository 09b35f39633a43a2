//! The resources of this node: what runs, what is under way, and what to tell.

mod known;
mod outcome;
mod safe;

use crate::action::Action;
use crate::definition::Definition;
use crate::disk::{Running, Ticket, Write};
use crate::name::{BootId, Incarnation, NodeId, OrderId, ResourceId, Session};
use crate::operation::{OperationId, OperationKind, Outcome};
use crate::out::Out;
use crate::packet::Report;
use crate::planted::Bug;
use crate::resources::Resources;
use crate::settings::Settings;
use crate::state::{Standing, State};
use crate::time::Time;
use cluster_model::state::Failed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Between two tries to stop something that does not stop: an agent that fails at once is
/// not asked in a busy loop.
const STOP_AGAIN: Duration = Duration::from_millis(250);

/// This node's resources.
#[derive(Debug)]
pub(crate) struct Local {
    /// What there is to run, as far as the log was applied.
    resources: Arc<Resources>,
    /// Names of what the log has forgotten and something here is still under way with.
    forgotten: BTreeMap<ResourceId, String>,
    boot: BootId,
    session: Session,
    next: u64,
    operations: BTreeMap<OperationId, Operation>,
    /// Of an earlier daemon: to be gone before anything else is done.
    leftovers: BTreeMap<OperationId, (ResourceId, OperationKind)>,
    standing: BTreeMap<ResourceId, Standing>,
    /// Ordered while something else was under way with the same resource.
    queued: BTreeMap<ResourceId, (OrderId, OperationKind)>,
    /// Not to be stopped again before then: its last stop went wrong.
    again: BTreeMap<ResourceId, Time>,
    /// When what runs is to be looked at next.
    due: BTreeMap<ResourceId, Time>,
    /// To be looked at once more: something happened while an operation was under way,
    /// which may have seen it as it was before.
    noticed: BTreeSet<ResourceId>,
    reported: u64,
    reports: BTreeMap<ResourceId, Report>,
    /// What failures in this incarnation count.
    failures: BTreeMap<ResourceId, u64>,
    armed: bool,
    /// What is unknown may run: an earlier daemon left the watchdog armed.
    inherited: bool,
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    resource: ResourceId,
    kind: OperationKind,
    order: Option<OrderId>,
    /// Not begun: it waits for the disk.
    waits: Option<Ticket>,
    killed: bool,
}

/// May this node start something at this moment, and in whose name does it speak?
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    pub(crate) lease: bool,
    /// When the lease ends.
    pub(crate) until: Time,
    pub(crate) incarnation: Option<Incarnation>,
}

impl Local {
    pub(crate) fn new(
        boot: BootId,
        session: Session,
        armed: bool,
        leftovers: BTreeMap<OperationId, (ResourceId, OperationKind)>,
        settings: &Settings,
        out: &mut Out,
    ) -> Self {
        let leftovers = if settings.has(Bug::LeftoversIgnored) {
            BTreeMap::new()
        } else {
            leftovers
        };
        for operation in leftovers.keys() {
            out.act(Action::Kill(*operation));
        }
        Self {
            resources: Arc::default(),
            forgotten: BTreeMap::new(),
            boot,
            session,
            next: 0,
            operations: BTreeMap::new(),
            leftovers,
            standing: BTreeMap::new(),
            queued: BTreeMap::new(),
            again: BTreeMap::new(),
            due: BTreeMap::new(),
            noticed: BTreeSet::new(),
            reported: 0,
            reports: BTreeMap::new(),
            failures: BTreeMap::new(),
            armed,
            inherited: armed,
        }
    }

    /// What an earlier daemon of this start of the machine could not stop.
    pub(crate) fn take_over(&mut self, stop_failed: &BTreeMap<ResourceId, BootId>) {
        for (resource, boot) in stop_failed {
            if *boot == self.boot {
                self.standing.insert(*resource, Standing::StopFailed);
            }
        }
    }

    /// Does nothing of an earlier daemon run any more?
    pub(crate) fn is_clear(&self) -> bool {
        self.leftovers.is_empty()
    }

    /// What a number stands for, as far as this node was told last.
    pub(crate) fn definition(&self, resource: ResourceId) -> Option<&Definition> {
        self.resources.get(resource)
    }

    /// Is the watchdog armed?
    pub(crate) fn is_armed(&self) -> bool {
        self.armed
    }

    /// Is there anything here that may be active?
    pub(crate) fn holds(&self) -> bool {
        let unknown = self.inherited
            && (!self.leftovers.is_empty()
                // Nobody knows yet what an earlier daemon can have run.
                || self.resources.configured() == 0
                || self
                    .resources
                    .all()
                    .any(|(resource, _)| self.standing(resource) == Standing::Unknown));
        unknown
            || self.operations.values().any(|operation| {
                operation.waits.is_none() && operation.kind != OperationKind::Probe
            })
            || self.standing.values().any(|standing| is_active(*standing))
    }

    /// Does anything run here, and nothing is wrong with it?
    pub(crate) fn serves(&self) -> bool {
        self.standing.values().any(|standing| is_well(*standing))
    }

    fn standing(&self, resource: ResourceId) -> Standing {
        self.standing.get(&resource).copied().unwrap_or_default()
    }

    /// An earlier form of a resource, and what the configuration says of it now, are one
    /// thing here: one operation at a time.
    fn is_same(&self, one: ResourceId, other: ResourceId) -> bool {
        let name = |id| {
            let known = self.resources.get(id).map(|its| &its.name);
            known.or_else(|| self.forgotten.get(&id))
        };
        one == other || (name(one).is_some() && name(one) == name(other))
    }

    /// Is nothing under way?
    pub(crate) fn is_idle(&self) -> bool {
        self.operations.is_empty()
    }

    fn is_busy(&self, resource: ResourceId) -> bool {
        let mut operations = self.operations.values();
        operations.any(|operation| self.is_same(operation.resource, resource))
    }

    /// How many reports there were in this session.
    pub(crate) fn reported(&self) -> u64 {
        self.reported
    }

    /// Reports that are not in the log yet.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &Report> {
        self.reports.values()
    }

    /// Is this order under way, or was it, and the log does not have it yet?
    pub(crate) fn knows(&self, order: OrderId) -> bool {
        let mut operations = self.operations.values();
        operations.any(|operation| operation.order == Some(order))
            || self.queued.values().any(|(queued, _)| *queued == order)
            || self.reports().any(|report| report.order == Some(order))
    }

    /// This session was admitted: what was said before was said by another.
    pub(crate) fn admitted(&mut self) {
        self.reports.clear();
        self.queued.clear();
        self.failures.clear();
        // What waits for the disk was ordered to another incarnation.
        self.operations
            .retain(|_, operation| operation.waits.is_none());
    }

    /// A report of ours is in the log.
    pub(crate) fn logged(&mut self, report: &Report) {
        let known = self.reports.get(&report.resource);
        if known.is_some_and(|known| known.number <= report.number) {
            self.reports.remove(&report.resource);
        }
    }

    /// The log came as a state: what of ours was in it.
    pub(crate) fn logged_in(&mut self, state: &State, me: NodeId) {
        self.reports.retain(|_, report| !state.knows(me, report));
    }

    /// The cluster ordered something.
    pub(crate) fn ordered(
        &mut self,
        order: OrderId,
        resource: ResourceId,
        kind: OperationKind,
        rights: Rights,
        settings: &Settings,
        out: &mut Out,
    ) {
        if self.resources.get(resource).is_none() {
            return self.tell(resource, Some(order), rights);
        }
        if self.is_busy(resource) {
            self.queued.insert(resource, (order, kind));
            return;
        }
        let may_start = rights.lease && self.has_what_it_needs(resource, kind);
        if kind.goes_up() && !may_start {
            // Refused: things stand as before.
            return self.tell(resource, Some(order), rights);
        }
        let needed = kind == OperationKind::Stop && self.is_needed_here(resource);
        if needed && !settings.has(Bug::OrderIgnored) {
            return self.tell(resource, Some(order), rights);
        }
        self.begin(resource, kind, Some(order), settings, out);
    }

    fn begin(
        &mut self,
        resource: ResourceId,
        kind: OperationKind,
        order: Option<OrderId>,
        settings: &Settings,
        out: &mut Out,
    ) {
        self.next += 1;
        let id = OperationId {
            session: self.session,
            number: self.next,
        };
        let mut operation = Operation {
            resource,
            kind,
            order,
            waits: None,
            killed: false,
        };
        if kind.goes_up() {
            self.operations.insert(id, operation);
            let write = self.running_write();
            operation.waits = Some(out.persist(write));
            self.operations.insert(id, operation);
            return;
        }
        // A stop waits for no disk.
        self.operations.insert(id, operation);
        self.run(id, Time::default(), settings, out);
    }

    fn run(&mut self, id: OperationId, until: Time, settings: &Settings, out: &mut Out) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        operation.waits = None;
        let operation = *operation;
        if operation.kind.goes_up() && !settings.has(Bug::WatchdogLate) {
            self.arm(out);
        }
        out.act(Action::Start {
            operation: id,
            resource: operation.resource,
            kind: operation.kind,
            not_after: operation.kind.goes_up().then_some(until),
        });
    }

    fn arm(&mut self, out: &mut Out) {
        if !self.armed {
            self.armed = true;
            out.act(Action::Arm);
        }
    }

    fn running_write(&self) -> Write {
        let starts = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.kind.goes_up());
        let running = starts.map(|(id, operation)| {
            let running = Running {
                resource: operation.resource,
                kind: operation.kind,
                order: operation.order,
                boot: self.boot,
            };
            (*id, running)
        });
        Write {
            running: Some(running.collect()),
            ..Write::default()
        }
    }

    fn stop_failed_write(&self) -> Write {
        let standing = self.standing.iter();
        let stuck = standing.filter(|(_, standing)| **standing == Standing::StopFailed);
        Write {
            stop_failed: Some(stuck.map(|(id, _)| (*id, self.boot)).collect()),
            ..Write::default()
        }
    }

    /// The disk has everything up to this ticket: starts that waited for it are begun,
    /// if they still may.
    pub(crate) fn persisted(
        &mut self,
        ticket: Ticket,
        rights: Rights,
        settings: &Settings,
        out: &mut Out,
    ) {
        let ready: Vec<_> = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.waits.is_some_and(|waits| waits <= ticket))
            .map(|(id, _)| *id)
            .collect();
        for id in ready {
            let may_start = self.operations.get(&id).is_some_and(|operation| {
                self.has_what_it_needs(operation.resource, operation.kind)
            });
            if may_start && rights.lease {
                self.run(id, rights.until, settings, out);
            } else {
                self.call_off(id, rights);
            }
        }
    }

    /// Is everything as it was when this was ordered? What it needs may have been stopped
    /// meanwhile, by this node itself.
    fn has_what_it_needs(&self, resource: ResourceId, kind: OperationKind) -> bool {
        let its = self.resources.get(resource);
        let Some(its) = its.filter(|_| !self.resources.is_retired(resource)) else {
            return false;
        };
        let runs = kind != OperationKind::Promote || is_well(self.standing(resource));
        runs && its.after.iter().all(|name| {
            self.resources.called(name).is_some_and(|needed| {
                is_well(self.standing(needed))
                    && !self.operations.values().any(|operation| {
                        operation.resource == needed && operation.kind != OperationKind::Probe
                    })
            })
        })
    }

    fn call_off(&mut self, id: OperationId, rights: Rights) {
        if let Some(operation) = self.operations.remove(&id) {
            self.tell(operation.resource, operation.order, rights);
        }
    }

    /// An operation came to its end.
    pub(crate) fn done(
        &mut self,
        id: OperationId,
        outcome: Outcome,
        rights: Rights,
        settings: &Settings,
        now: Time,
        out: &mut Out,
    ) {
        if let Some((resource, kind)) = self.leftovers.remove(&id) {
            // A stop that went wrong while no daemon was there to hear it.
            let wrong = matches!(
                outcome,
                Outcome::Failed | Outcome::Fatal | Outcome::TimedOut
            );
            if kind == OperationKind::Stop && wrong {
                self.standing.insert(resource, Standing::StopFailed);
                let write = self.stop_failed_write();
                out.persist(write);
            }
            return;
        }
        let Some(operation) = self.operations.remove(&id) else {
            return;
        };
        let resource = operation.resource;
        let before = self.standing(resource);
        let standing = self.judge(&operation, outcome, settings);
        self.standing.insert(resource, standing);
        if is_active(standing) {
            self.arm(out);
        }
        let count = outcome::failures_in(&operation, outcome, before, standing);
        let failed = if count > 0 {
            outcome::failed(&operation)
        } else {
            Failed::default()
        };
        // That all is well is nothing to tell.
        if operation.order.is_some() || standing != before || count > 0 {
            self.tell_failed(resource, operation.order, (count, failed), rights);
        }
        if operation.kind.goes_up() {
            let write = self.running_write();
            out.persist(write);
        }
        if (before == Standing::StopFailed) != (standing == Standing::StopFailed) {
            let write = self.stop_failed_write();
            out.persist(write);
        }
        if operation.kind == OperationKind::Stop && standing == Standing::StopFailed {
            self.again.insert(resource, now + STOP_AGAIN);
        }
        self.due.remove(&resource);
        let noticed = self.noticed.remove(&resource);
        let found = operation.kind == OperationKind::Probe && operation.order.is_some();
        if is_well(standing)
            && !(found && settings.has(Bug::FoundNotWatched))
            && let Some(its) = self.resources.get(resource)
            && let Some(interval) = its.monitor
        {
            let wait = if noticed { Duration::ZERO } else { interval };
            self.due.insert(resource, now + wait);
        }
        let mut queued = self.queued.keys().copied();
        let next = queued.find(|queued| self.is_same(*queued, resource));
        if let Some(next) = next
            && let Some((order, kind)) = self.queued.remove(&next)
        {
            self.ordered(order, next, kind, rights, settings, out);
        }
    }

    /// Something happened to it: its next look is due.
    pub(crate) fn noticed(&mut self, resource: ResourceId, now: Time) {
        if self.is_busy(resource) {
            self.noticed.insert(resource);
        } else if let Some(at) = self.due.get_mut(&resource) {
            *at = now;
        }
    }

    /// Looks at what runs, when it is time to.
    pub(crate) fn monitor(&mut self, settings: &Settings, now: Time, out: &mut Out) {
        self.again.retain(|_, at| *at > now);
        let due: Vec<_> = self
            .due
            .iter()
            .filter(|(resource, at)| **at <= now && !self.is_busy(**resource))
            .map(|(resource, _)| *resource)
            .collect();
        for resource in due {
            self.due.remove(&resource);
            if is_well(self.standing(resource)) {
                self.begin(resource, OperationKind::Probe, None, settings, out);
            }
        }
    }

    /// When there is something to look at, or to be tried again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let idle = self.due.iter().chain(&self.again);
        idle.filter(|(resource, _)| !self.is_busy(**resource))
            .map(|(_, at)| *at)
            .min()
    }

    fn tell(&mut self, resource: ResourceId, order: Option<OrderId>, rights: Rights) {
        self.tell_failed(resource, order, (0, Failed::default()), rights);
    }

    /// The same, of something that failed: what that counts, and what it was.
    fn tell_failed(
        &mut self,
        resource: ResourceId,
        order: Option<OrderId>,
        (count, failed): (u32, Failed),
        rights: Rights,
    ) {
        let Some(incarnation) = rights.incarnation else {
            return;
        };
        self.reported += 1;
        let failures = self.failures.entry(resource).or_default();
        *failures = failures.saturating_add(count.into());
        let failures = *failures;
        // An earlier report that is not in the log yet may have ended an order.
        let earlier = self.reports.get(&resource);
        let report = Report {
            incarnation,
            resource,
            number: self.reported,
            standing: self.standing(resource),
            failures,
            failed: failed.and(earlier.map(|report| report.failed).unwrap_or_default()),
            order: order.or(earlier.and_then(|report| report.order)),
        };
        self.reports.insert(resource, report);
    }
}

/// May it be active, going by this?
fn is_active(standing: Standing) -> bool {
    !matches!(standing, Standing::Unknown | Standing::Stopped)
}

/// Does it run, and nothing is wrong with it?
fn is_well(standing: Standing) -> bool {
    matches!(standing, Standing::Running | Standing::Promoted)
}
