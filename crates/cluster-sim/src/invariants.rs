//! What must never happen, judged by the world and not by what daemons believe.
//!
//! Spans that a daemon measures are stretched by how its own clock really goes.

use crate::clock::Moment;
use crate::judge::Judge;
use crate::machine::{Daemon, Machine, Power};
use crate::names::Names;
use crate::queue::Place;
use crate::topology::runs_everywhere;
use cluster_core::name::{NodeId, ResourceId};
use cluster_core::operation::{OperationId, OperationKind};
use cluster_core::resources::Resources;
use cluster_core::state::State;
use serde::Serialize;
use std::time::Duration;

/// How late a daemon that is awake may be: the scheduler's latency and some work.
const LATENESS: Duration = Duration::from_millis(500);

/// Rounding of clocks.
const ROUNDING: Duration = Duration::from_millis(1);

/// What must never happen, and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which invariant.
    pub invariant: &'static str,
    /// When.
    pub at: Moment,
    /// What happened.
    pub what: String,
}

impl Violation {
    /// Of an invariant; when is filled in later.
    pub fn of(invariant: &'static str, what: String) -> Self {
        Self {
            invariant,
            at: Moment(0),
            what,
        }
    }

    /// The same, then.
    #[must_use]
    pub fn at(self, at: Moment) -> Self {
        Self { at, ..self }
    }
}

/// Kept or broken.
pub type Verdict = Result<(), Violation>;

impl Judge {
    /// *entitled*: a start is decided on only within the lease that a majority of
    /// voters really renewed.
    pub(crate) fn invariant_entitled<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
        resource: ResourceId,
    ) -> Verdict {
        let end = self.lease_end(machine, at);
        if end.is_some_and(|end| now <= end + ROUNDING) {
            return Ok(());
        }
        let end = end.map_or("it never had one".into(), |end| {
            format!("it ended at {end}")
        });
        Err(Violation::of(
            "entitled",
            format!("{} starts {resource} without a lease: {end}", machine.node),
        ))
    }

    /// *confirmed*, one half: the watchdog is petted no longer than a lease and the time
    /// to stop, or everything that is built on promises falls.
    pub(crate) fn invariant_petted_under_lease<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
    ) -> Verdict {
        let stop = machine.clock.real(machine.settings.terms.stop);
        let end = self.lease_end(machine, at);
        if !machine.agents.holds_anything() || end.is_some_and(|end| now <= end + stop + ROUNDING) {
            return Ok(());
        }
        Err(Violation::of(
            "confirmed",
            format!(
                "{} pets its watchdog and has had no lease for long",
                machine.node
            ),
        ))
    }

    /// *confirmed*, the other half: whatever a machine may hold is gone when its last
    /// lease, the time to stop and the watchdog's time are over.
    pub(crate) fn invariant_confirmed<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
    ) -> Verdict {
        let stop = machine.clock.real(machine.settings.terms.stop);
        let last = self.lease_end(machine, at).unwrap_or_default();
        if now <= last + stop + machine.watchdog_time() + ROUNDING {
            return Ok(());
        }
        Err(Violation::of(
            "confirmed",
            format!(
                "{} still holds something; its lease ended at {last}",
                machine.node
            ),
        ))
    }

    /// *released*: a daemon that is awake stops what it holds when its lease is over.
    /// One that was just started has half of the watchdog's time to get a lease.
    pub(crate) fn invariant_released<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
    ) -> Verdict {
        let agents = &machine.agents;
        let mut resources = agents.resources.values();
        let busy = !agents.operations.is_empty();
        if !machine.is_awake() || busy || resources.any(|resource| resource.stop_refused) {
            return Ok(());
        }
        let started = machine
            .process
            .as_ref()
            .map_or(now, |process| process.since);
        let begun = started + machine.clock.real(machine.settings.terms.watchdog / 2);
        let end = self.lease_end(machine, at).unwrap_or_default();
        let end = end.max(begun).max(self.dealings[at].woken);
        if now <= end + LATENESS {
            return Ok(());
        }
        Err(Violation::of(
            "released",
            format!("{} stops nothing; its lease ended at {end}", machine.node),
        ))
    }

    /// *durable*: whoever has applied as many entries has the same state.
    pub(crate) fn invariant_durable_state(&mut self, node: NodeId, state: &State) -> Verdict {
        let place = (state.epoch, state.applied);
        match self.states.get(&place) {
            None => {
                self.states.insert(place, state.clone());
                Ok(())
            }
            Some(known) if known == state => Ok(()),
            Some(known) => Err(Violation::of(
                "durable",
                format!(
                    "{node} has another state at {}: {state:?}, and not {known:?}",
                    state.applied
                ),
            )),
        }
    }
}

/// *single*: one operation of a resource at a time, whatever form of it, and no number
/// twice.
pub(crate) fn invariant_single<D: Daemon>(
    names: Option<&Names>,
    machine: &Machine<D>,
    id: OperationId,
    resource: ResourceId,
    kind: OperationKind,
    fresh: bool,
) -> Verdict {
    let node = machine.node;
    if !fresh {
        let what = format!("{node} gives the number {id:?} twice");
        return Err(Violation::of("single", what));
    }
    let mut operations = machine.agents.operations.iter();
    let are_same = |other: ResourceId| match names {
        Some(names) => names.are_same(other, resource),
        None => other == resource,
    };
    match operations.find(|(_, other)| are_same(other.resource)) {
        None => Ok(()),
        Some((_, other)) => Err(Violation::of(
            "single",
            format!(
                "{node} begins {kind:?} of {resource} while {:?} of it is under way",
                other.kind
            ),
        )),
    }
}

/// *ordered*: nothing is started before what it needs, on the same machine; nothing is
/// stopped before what needs it.
pub(crate) fn invariant_ordered<D: Daemon>(
    machine: &Machine<D>,
    resource: ResourceId,
    kind: OperationKind,
) -> Verdict {
    let node = machine.node;
    let really = |id: &ResourceId| machine.agents.resources.get(id).copied();
    let runs = |id: &ResourceId| really(id).is_some_and(|resource| resource.active);
    // What died just now was there when the daemon looked last.
    let ran = |id: &ResourceId| really(id).is_some_and(|resource| resource.active || resource.died);
    let Some(all) = machine.resources() else {
        return Ok(());
    };
    match kind {
        OperationKind::Probe | OperationKind::Promote | OperationKind::Demote => Ok(()),
        OperationKind::Start => {
            // Of what has other parameters by now, no earlier form will do.
            let missing = |all: &Resources| {
                let there = |name: &&String| all.called(name).is_some_and(|id| ran(&id));
                let mut needs = all.get(resource).into_iter().flat_map(|its| &its.after);
                needs.find(|needed| !there(needed)).cloned()
            };
            // What was decided before the same step brought another configuration.
            let earlier = machine.before.get(resource).is_some();
            match missing(all) {
                None => Ok(()),
                Some(_) if earlier && missing(&machine.before).is_none() => Ok(()),
                Some(needed) => Err(Violation::of(
                    "ordered",
                    format!("{node} starts {resource}, and {needed} does not run there"),
                )),
            }
        }
        OperationKind::Stop => {
            let Some(name) = all.get(resource).map(|its| &its.name) else {
                return Ok(());
            };
            let needed_by = all.all().find(|(id, its)| {
                its.after.contains(name)
                    && (runs(id) || machine.agents.is_under_way(*id, OperationKind::Start))
            });
            match needed_by {
                None => Ok(()),
                Some((id, _)) => Err(Violation::of(
                    "ordered",
                    format!("{node} stops {resource}, and {id} runs there and needs it"),
                )),
            }
        }
    }
}

/// *exclusive*: a resource, in whatever form, runs, or may run, on one machine at most; an
/// instance of a clone is promoted, or may be, on one at most. Nowhere do two forms of one
/// run. *stopfail*: a stop that failed counts as running.
fn invariant_exclusive<D: Daemon>(names: &Names, machines: &[Machine<D>]) -> Verdict {
    for (name, forms) in names.all() {
        let everywhere = runs_everywhere(name);
        let forms = || forms.iter().copied();
        for machine in machines {
            let mut held = forms().filter(|form| machine.agents.holds(*form));
            if let (Some(one), Some(other)) = (held.next(), held.next()) {
                return Err(Violation::of(
                    "exclusive",
                    format!("{name} as {one} and as {other} on {}", machine.node),
                ));
            }
        }
        let mut holders = machines.iter().filter_map(|machine| {
            let form = forms().find(|form| {
                if everywhere {
                    machine.agents.counts(*form)
                } else {
                    machine.agents.holds(*form)
                }
            });
            Some((machine, form?))
        });
        if let (Some((one, its)), Some((other, others))) = (holders.next(), holders.next()) {
            // What is held only because a stop failed may not run in truth.
            let really = |machine: &Machine<D>, form| {
                let its = machine.agents.resources.get(&form);
                let its = its.copied().unwrap_or_default();
                its.active || !its.stop_failed
            };
            let both = really(one, its) && really(other, others);
            return Err(Violation::of(
                if both { "exclusive" } else { "stopfail" },
                format!(
                    "{name} on {}: {}, and on {}: {}",
                    one.node,
                    how(one, its),
                    other.node,
                    how(other, others)
                ),
            ));
        }
    }
    Ok(())
}

fn how<D: Daemon>(machine: &Machine<D>, resource: ResourceId) -> &'static str {
    let really = machine.agents.resources.get(&resource);
    let really = really.copied().unwrap_or_default();
    if really.promoted {
        return "is promoted";
    }
    match (really.active, really.stop_failed) {
        (true, true) => "runs after a failed stop",
        (true, false) => "runs",
        (false, true) => "a stop failed",
        (false, false) => "is being started",
    }
}

/// *guarded*: the watchdog is armed before anything is started, and as long as
/// anything runs.
fn invariant_guarded<D: Daemon>(machine: &Machine<D>) -> Verdict {
    if machine.watchdog.armed || !machine.agents.holds_anything() {
        return Ok(());
    }
    Err(Violation::of(
        "guarded",
        format!("{} holds something and its watchdog sleeps", machine.node),
    ))
}

/// *guarded*: the watchdog is disarmed only after everything was stopped.
pub(crate) fn invariant_guarded_to_the_end<D: Daemon>(machine: &Machine<D>) -> Verdict {
    if !machine.agents.holds_anything() {
        return Ok(());
    }
    Err(Violation::of(
        "guarded",
        format!("{} disarms its watchdog and holds something", machine.node),
    ))
}

/// Everything that can be checked at any moment. `touched`: resources or their
/// operations changed since the last time.
pub(crate) fn check<D: Daemon>(
    judge: &mut Judge,
    machines: &[Machine<D>],
    now: Moment,
    touched: bool,
) -> Verdict {
    if touched {
        for (dealings, machine) in judge.dealings.iter_mut().zip(machines) {
            dealings.holds = machine.agents.holds_anything();
        }
        judge.look_for_outages(machines, now);
        if !judge.may_be_apart(now) {
            invariant_exclusive(&judge.names, machines)?;
        }
        for machine in machines {
            invariant_guarded(machine)?;
        }
    }
    for (at, machine) in machines.iter().enumerate() {
        // In a lone pair there is no lease that could end.
        let leases = !machine.is_of_a_lone_pair();
        let holds = judge.dealings[at].holds && machine.power == Power::On;
        if machine.goes_by_reach() {
            judge.invariant_released_when_cut_off(machine, at, now)?;
        }
        // A lease only ever gets longer: looking again is worth it once it is over.
        if holds && leases && now > judge.dealings[at].leased_until {
            judge.invariant_confirmed(machine, at, now)?;
            judge.invariant_released(machine, at, now)?;
            judge.dealings[at].leased_until = judge.lease_end(machine, at).unwrap_or_default();
        }
    }
    Ok(())
}
