//! The judge is worth nothing if he never says no: toy daemons and broken worlds, one
//! for each thing that must never happen.

use crate::clock::Moment;
use crate::faults::{Fault, Plan, Target, Trouble};
use crate::invariants::Violation;
use crate::machine::Daemon;
use crate::run::{Options, run_with};
use crate::topology::Topology;
use crate::trace::Trace;
use crate::world::World;
use cluster_core::action::Action;
use cluster_core::disk::LogEntry;
use cluster_core::event::Event;
use cluster_core::name::{ResourceId, Session};
use cluster_core::operation::{OperationId, OperationKind};
use cluster_core::state::{Entry, State};
use cluster_core::{Disk, Settings, Start, Time};
use std::time::Duration;

const ONE: ResourceId = ResourceId(1);
const TWO: ResourceId = ResourceId(2);

/// Does nothing, ever.
#[derive(Debug, Default)]
struct Idle {
    state: State,
}

impl Idle {
    /// It was told what there is to run, by nobody.
    fn knowing(settings: &Settings) -> Self {
        let mut state = State::default();
        if let Some(first) = settings.first.clone() {
            let entry = Entry::Configured {
                request: None,
                configuration: Box::new(first),
            };
            state.apply(1, 0, &entry);
            state.applied = 0;
        }
        Self { state }
    }
}

impl Daemon for Idle {
    fn begin(settings: Settings, _: &Disk, _: Start, _: Time) -> (Self, Vec<Action>) {
        (Self::knowing(&settings), Vec::new())
    }

    fn step(&mut self, _: Event, _: Time) -> Vec<Action> {
        Vec::new()
    }

    fn deadline(&self) -> Time {
        Time::since_boot(Duration::MAX)
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn is_coordinator(&self) -> bool {
        false
    }
}

/// Starts its first resource as soon as it is there.
#[derive(Debug)]
struct Greedy(Idle);

impl Daemon for Greedy {
    fn begin(settings: Settings, _: &Disk, start: Start, _: Time) -> (Self, Vec<Action>) {
        let first = starts(start.session.0, ONE, OperationKind::Start);
        (Self(Idle::knowing(&settings)), vec![Action::Arm, first])
    }

    fn step(&mut self, event: Event, now: Time) -> Vec<Action> {
        self.0.step(event, now)
    }

    fn deadline(&self) -> Time {
        self.0.deadline()
    }

    fn state(&self) -> &State {
        self.0.state()
    }

    fn is_coordinator(&self) -> bool {
        false
    }
}

/// Falls over.
#[derive(Debug)]
struct Brittle(Idle);

impl Daemon for Brittle {
    fn begin(_: Settings, _: &Disk, _: Start, now: Time) -> (Self, Vec<Action>) {
        assert!(now < Time::default(), "this daemon cannot begin");
        (Self(Idle::default()), Vec::new())
    }

    fn step(&mut self, event: Event, now: Time) -> Vec<Action> {
        self.0.step(event, now)
    }

    fn deadline(&self) -> Time {
        self.0.deadline()
    }

    fn state(&self) -> &State {
        self.0.state()
    }

    fn is_coordinator(&self) -> bool {
        false
    }
}

fn starts(number: u64, resource: ResourceId, kind: OperationKind) -> Action {
    Action::Start {
        operation: OperationId {
            session: Session(7),
            number,
        },
        resource,
        kind,
        not_after: None,
    }
}

fn quiet() -> Plan {
    Plan {
        faults: Vec::new(),
        heal: Moment::from_secs(60),
    }
}

/// Three machines that are up and whose daemons do nothing.
fn idle(plan: Plan) -> World<Idle> {
    let mut world = World::new(Topology::Three, 1, plan, Trace::keeping(0), |_| ());
    world.run_until(Moment::from_secs(60));
    assert!(
        world
            .machines
            .iter()
            .all(|machine| machine.process.is_some())
    );
    world
}

/// A resource runs there, and the watchdog is armed.
fn let_it_run(world: &mut World<Idle>, at: usize, resource: ResourceId) {
    let resources = &mut world.machines[at].agents.resources;
    resources.entry(resource).or_default().active = true;
    world.machines[at].watchdog.armed = true;
    world.touched = true;
}

/// The lease was renewed by everybody so long ago.
fn renew(world: &mut World<Idle>, at: usize, ago: Duration) {
    let asked = world.now - ago;
    let voters = world.machines[at].settings.voters.clone();
    let renewed = &mut world.judge.dealings[at].renewed;
    renewed.extend(voters.into_iter().map(|voter| (voter, asked)));
}

fn broken(world: &World<Idle>) -> Option<&'static str> {
    let found: Option<&Violation> = world.violation.as_ref();
    found.map(|violation| violation.invariant)
}

fn act(world: &mut World<Idle>, at: usize, actions: Vec<Action>) {
    let life = world.machines[at].lives;
    world.carry_out(at, life, actions);
    world.look();
}

#[test]
fn a_cluster_that_does_nothing_is_not_lively() {
    let report = run_with::<Idle>(Topology::Witness, 1, &quiet(), Options::default());
    assert_eq!(
        report.violation.map(|found| found.invariant),
        Some("lively")
    );
}

#[test]
fn a_start_without_a_lease_is_not_entitled() {
    let report = run_with::<Greedy>(Topology::Witness, 1, &quiet(), Options::default());
    assert_eq!(
        report.violation.map(|found| found.invariant),
        Some("entitled")
    );
}

#[test]
fn a_panic_is_a_finding_like_any_other() {
    let report = run_with::<Brittle>(Topology::Witness, 1, &quiet(), Options::default());
    let found = report.violation.expect("it panicked");
    assert_eq!(found.invariant, "panic");
    assert!(found.what.contains("cannot begin"), "{}", found.what);
}

#[test]
fn a_resource_on_two_machines_is_not_exclusive() {
    let mut world = idle(quiet());
    for at in 0..2 {
        renew(&mut world, at, Duration::ZERO);
        let_it_run(&mut world, at, ONE);
    }
    world.look();
    assert_eq!(broken(&world), Some("exclusive"));
}

#[test]
fn what_runs_without_an_armed_watchdog_is_not_guarded() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::ZERO);
    let_it_run(&mut world, 0, ONE);
    world.machines[0].watchdog.armed = false;
    world.look();
    assert_eq!(broken(&world), Some("guarded"));
}

#[test]
fn a_watchdog_disarmed_too_early_is_not_guarded() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::ZERO);
    let_it_run(&mut world, 0, ONE);
    act(&mut world, 0, vec![Action::Disarm]);
    assert_eq!(broken(&world), Some("guarded"));
}

#[test]
fn what_runs_longer_than_a_promise_is_not_confirmed() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::from_secs(18));
    let_it_run(&mut world, 0, ONE);
    world.look();
    assert_eq!(broken(&world), Some("confirmed"));
}

#[test]
fn a_watchdog_petted_long_after_the_lease_is_not_confirmed() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::from_secs(13));
    let_it_run(&mut world, 0, ONE);
    let not_after = Time::since_boot(Duration::MAX);
    act(&mut world, 0, vec![Action::Pet { not_after }]);
    assert_eq!(broken(&world), Some("confirmed"));
}

#[test]
fn what_is_not_stopped_when_its_lease_is_over_is_not_released() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::from_secs(7));
    let_it_run(&mut world, 0, ONE);
    world.look();
    assert_eq!(broken(&world), Some("released"));
}

#[test]
fn a_lease_that_lasts_is_no_offence() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::from_secs(5));
    let_it_run(&mut world, 0, ONE);
    world.look();
    assert_eq!(broken(&world), None);
}

#[test]
fn a_start_before_what_it_needs_is_not_ordered() {
    let mut world = idle(quiet());
    world.machines[0].watchdog.armed = true;
    act(&mut world, 0, vec![starts(1, TWO, OperationKind::Start)]);
    assert_eq!(broken(&world), Some("ordered"));
}

#[test]
fn a_stop_before_what_needs_it_is_not_ordered() {
    let mut world = idle(quiet());
    renew(&mut world, 0, Duration::ZERO);
    let_it_run(&mut world, 0, ONE);
    let_it_run(&mut world, 0, TWO);
    act(&mut world, 0, vec![starts(1, ONE, OperationKind::Stop)]);
    assert_eq!(broken(&world), Some("ordered"));
}

#[test]
fn two_operations_at_once_are_not_single() {
    let mut world = idle(quiet());
    let two = (1..=2).map(|number| starts(number, ONE, OperationKind::Probe));
    act(&mut world, 0, two.collect());
    assert_eq!(broken(&world), Some("single"));
}

#[test]
fn a_number_given_twice_is_not_single() {
    let mut world = idle(quiet());
    act(&mut world, 0, vec![starts(1, ONE, OperationKind::Probe)]);
    world.run_until(Moment::from_secs(70));
    assert!(world.machines[0].agents.operations.is_empty());
    act(&mut world, 0, vec![starts(1, ONE, OperationKind::Probe)]);
    assert_eq!(broken(&world), Some("single"));
}

fn entry(data: u8) -> LogEntry {
    LogEntry {
        index: 1,
        term: 1,
        kind: 0,
        data: vec![data],
    }
}

#[test]
fn two_entries_in_one_place_are_not_durable() {
    let mut world = idle(quiet());
    for at in 0..2 {
        let disk = &mut world.machines[at].storage.kept;
        disk.entries = vec![entry(u8::try_from(at).expect("a small number"))];
        disk.hard.commit = 1;
        world.wrote(at);
    }
    assert_eq!(broken(&world), Some("durable"));
}

#[test]
fn an_entry_that_was_committed_and_is_lost_is_not_durable() {
    let mut world = idle(quiet());
    world.machines[0].storage.kept.entries = vec![entry(1)];
    world.machines[0].storage.kept.hard.commit = 1;
    world.wrote(0);
    assert_eq!(broken(&world), None);
    world.machines[0].storage.kept = Disk::default();
    world.wrote(0);
    assert_eq!(broken(&world), Some("durable"));
}

#[test]
fn what_is_applied_and_not_on_most_disks_is_not_durable() {
    let mut world = idle(quiet());
    let process = world.machines[0].process.as_mut().expect("it runs");
    process.daemon.state.applied = 1;
    world.machines[0].storage.kept.entries = vec![entry(1)];
    let verdict = world.judge.applied(&world.machines, 0);
    assert_eq!(verdict.map_err(|found| found.invariant), Err("durable"));
    world.machines[1].storage.kept.entries = vec![entry(1)];
    assert_eq!(world.judge.applied(&world.machines, 0), Ok(()));
}

/// One fault, 60 s after the beginning.
fn one(trouble: Trouble, lasts: Duration) -> Plan {
    let fault = Fault {
        at: Moment::from_secs(61),
        lasts,
        trouble,
    };
    Plan {
        faults: vec![fault],
        heal: Moment::from_secs(120),
    }
}

#[test]
fn a_long_freeze_ends_with_the_watchdog_and_a_short_one_goes_on() {
    for (lasts, is_reset) in [
        (Duration::from_secs(4), false),
        (Duration::from_secs(9), true),
    ] {
        let trouble = Trouble::Freeze {
            target: Target::Machine(0),
            clock_runs_on: true,
        };
        let mut world = idle(one(trouble, lasts));
        let before = world.machines[0].cycle;
        act(&mut world, 0, vec![Action::Arm]);
        world.run_until(Moment::from_secs(63));
        // Petted right before it froze, in effect: the device was armed one second ago.
        assert!(world.machines[0].frozen.is_some());
        world.run_until(Moment::from_secs(64));
        world.machines[0].watchdog.due = world.now + Duration::from_secs(2);
        world.run_until(world.now + lasts - Duration::from_secs(3));
        let cycle = world.machines[0].cycle;
        assert_eq!(cycle != before, is_reset, "after {lasts:?}");
    }
}

#[test]
fn a_reset_machine_comes_back_as_another_boot_with_nothing_running() {
    let mut world = idle(one(Trouble::Reset(Target::Machine(0)), Duration::ZERO));
    renew(&mut world, 0, Duration::ZERO);
    let_it_run(&mut world, 0, ONE);
    let boot = world.machines[0].boot;
    world.run_until(Moment::from_secs(90));
    let machine = &world.machines[0];
    assert!(machine.process.is_some());
    assert_ne!(machine.boot, boot);
    assert!(!machine.agents.holds_anything());
    assert!(!machine.watchdog.armed);
}

#[test]
fn what_a_daemon_started_outlives_it() {
    let mut world = idle(one(
        Trouble::DaemonCrash(Target::Machine(0)),
        Duration::ZERO,
    ));
    renew(&mut world, 0, Duration::ZERO);
    let_it_run(&mut world, 0, ONE);
    let (boot, life) = (world.machines[0].boot, world.machines[0].lives);
    world.run_until(Moment::from_secs(63));
    let machine = &world.machines[0];
    assert_eq!((machine.boot, machine.lives), (boot, life + 1));
    assert!(machine.agents.holds(ONE));
    assert!(machine.watchdog.armed);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let digest = |seed| run_with::<Idle>(Topology::Five, seed, &quiet(), Options::default()).digest;
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3), digest(4));
}
