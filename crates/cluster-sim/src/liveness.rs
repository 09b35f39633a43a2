//! Once faults stop, everything is well again within a bounded time.

use crate::clock::Moment;
use crate::commands;
use crate::invariants::Violation;
use crate::machine::{Daemon, Machine, Power};
use crate::topology::{is_promotable, runs_everywhere};
use crate::world::World;
use cluster_core::name::ResourceId;
use std::time::Duration;

/// The bound: a promise (17 s and more) for a takeover, once more for a voter that was
/// restarted at the end of the first, an election, resets and boots, and starts.
pub const BOUND: Duration = Duration::from_secs(120);

/// So long it has to stay well.
const STAYS: Duration = Duration::from_secs(5);

const LOOK: Duration = Duration::from_millis(500);

/// Why not everything is well: none, and it is.
fn complaint<D: Daemon>(world: &World<D>) -> Option<String> {
    let machines = &world.machines;
    let mut coordinators = machines.iter().filter(|machine| machine.is_coordinator());
    let Some(coordinator) = coordinators.next() else {
        return Some("nobody coordinates".into());
    };
    if let Some(other) = coordinators.next() {
        return Some(format!(
            "{} and {} coordinate",
            coordinator.node, other.node
        ));
    }
    let state = coordinator
        .process
        .as_ref()
        .map(|process| process.daemon.state())?;
    if state.resources.configured() == 0 {
        return Some("there is no configuration".into());
    }
    for (name, resource) in state.resources.current() {
        let complaint = misplaced(machines, name, resource);
        if complaint.is_some() {
            return complaint;
        }
        if state.is_pending(resource) {
            return Some(format!("an operation of {name} is pending"));
        }
    }
    if let Some((id, its)) = state.resources.retired().next() {
        return Some(format!("{} is still known as {id}", its.name));
    }
    for machine in machines {
        let mut active = machine
            .agents
            .resources
            .iter()
            .filter(|(_, its)| its.active);
        if let Some((id, _)) = active.find(|(id, _)| state.resources.get(**id).is_none()) {
            return Some(format!("{id} runs on {}, and is nothing", machine.node));
        }
    }
    if !commands::are_undone(state) {
        let operators = &state.operators;
        return Some(format!(
            "what an operator asked for still counts: {operators:?}"
        ));
    }
    if let Some(only) = state.alone {
        return Some(format!("{only} votes alone"));
    }
    for machine in machines {
        if machine.power != Power::On {
            return Some(format!("{} is off", machine.node));
        }
        match &machine.process {
            None => return Some(format!("{} has no daemon", machine.node)),
            Some(process) if process.daemon.state() != state => {
                return Some(format!(
                    "{} has applied {} of {} entries, or others",
                    machine.node,
                    process.daemon.state().applied,
                    state.applied
                ));
            }
            Some(_) => {}
        }
    }
    None
}

/// Why a resource of the configuration is not where it should be.
fn misplaced<D: Daemon>(
    machines: &[Machine<D>],
    name: &str,
    resource: ResourceId,
) -> Option<String> {
    let runs = |machine: &&Machine<D>| {
        let its = machine.agents.resources.get(&resource);
        its.is_some_and(|its| its.active)
    };
    if !runs_everywhere(name) {
        let mut running = machines.iter().filter(runs);
        return match (running.next(), running.next()) {
            (Some(_), None) => None,
            (None, _) => Some(format!("{name} runs nowhere")),
            (Some(_), Some(_)) => Some(format!("{name} runs twice")),
        };
    }
    let missing = machines
        .iter()
        .filter(|machine| machine.settings.nodes.contains(&machine.node))
        .find(|machine| !runs(machine));
    if let Some(missing) = missing {
        return Some(format!("{name} does not run on {}", missing.node));
    }
    let promoted = machines
        .iter()
        .filter(|machine| machine.agents.counts(resource));
    let wanted = usize::from(is_promotable(name));
    (promoted.count() != wanted).then(|| format!("{name} is not promoted on {wanted} node"))
}

/// Runs on until everything has been well for a while; how long it took to become well.
pub fn recover<D: Daemon>(world: &mut World<D>) -> Option<Duration> {
    let begun = world.now;
    let mut well_since: Option<Moment> = None;
    while world.violation.is_none() {
        world.undo_commands();
        world.run_until(world.now + LOOK);
        match complaint(world) {
            None => {
                let since = *well_since.get_or_insert(world.now);
                if world.now.since(since) >= STAYS {
                    return Some(since.since(begun));
                }
            }
            Some(complaint) => {
                well_since = None;
                if world.now.since(begun) > BOUND {
                    world.violation = Some(Violation::of("lively", complaint).at(world.now));
                }
            }
        }
    }
    None
}
