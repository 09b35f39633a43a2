//! Two nodes and a witness on a good network with an obedient disk: what must happen
//! when nothing is in the way. Everything that is in the way is the simulator's.

use cluster_core::action::{Action, Refusal};
use cluster_core::name::{BootId, LinkId, NodeId, ResourceId, Session};
use cluster_core::operation::{OperationId, OperationKind, Outcome};
use cluster_core::settings::Terms;
use cluster_core::state::Standing;
use cluster_core::{Disk, Event, Node, Settings, Start, Time};
use cluster_model::Command;
use cluster_model::configuration::{
    CloneOf, Cloned, ClusterOptions, Configuration, Group, Item, Monitor, OnFail, OperationOptions,
    Operations, Primitive, Promotable, ResourceOptions, TargetRole,
};
use cluster_model::resource::Agent;
use cluster_model::score::Score;
use cluster_model::state::Direction;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);
const WITNESS: NodeId = NodeId(3);
const ADDRESS: ResourceId = ResourceId(1);
const SERVER: ResourceId = ResourceId(2);
const DATABASE: ResourceId = ResourceId(3);

/// What the witness is told: it runs nothing, and has no configuration.
fn of_the_witness(configuration: Configuration) -> Settings {
    Settings {
        first: None,
        ..settings(WITNESS, configuration)
    }
}

/// A network without loss, disks that write at once, agents that never fail.
#[derive(Default)]
struct Trio {
    configuration: Configuration,
    now: Time,
    machines: BTreeMap<NodeId, Machine>,
    boots: BTreeMap<NodeId, BootId>,
    queue: Vec<(Time, NodeId, Event)>,
    cut: BTreeSet<NodeId>,
    sessions: u64,
    /// Of a daemon that is started anew on a machine that was not.
    lease: Option<Time>,
    commands: u64,
    answers: Vec<(u64, Result<(), Refusal>)>,
    /// What was done that changes something, and of what.
    done: Vec<(NodeId, OperationKind, String, ResourceId)>,
    names: BTreeMap<ResourceId, String>,
}

struct Machine {
    node: Node,
    disk: Disk,
    active: BTreeSet<ResourceId>,
    promoted: BTreeSet<ResourceId>,
    armed: bool,
    /// Its stops fail.
    stuck: bool,
    /// Starts of these end like this, and have no effect.
    broken: BTreeMap<ResourceId, Outcome>,
    /// How often these were tried.
    tries: u32,
    /// No agent is installed here.
    missing: bool,
}

fn primitive(name: &str) -> Primitive {
    let limit = |timeout_ms| OperationOptions {
        timeout_ms: Some(timeout_ms),
        on_fail: None,
    };
    Primitive {
        name: name.to_owned(),
        agent: Agent::Systemd {
            unit: format!("{name}.service"),
        },
        options: ResourceOptions::default(),
        operations: Operations {
            start: limit(10_000),
            stop: limit(10_000),
            monitors: vec![Monitor {
                interval_ms: 1_000,
                role: None,
                depth: 0,
                options: limit(10_000),
            }],
            ..Operations::default()
        },
    }
}

/// An address, and a server that needs it.
fn configuration() -> Configuration {
    Configuration {
        nodes: ["zipi", "zape"].map(str::to_owned).into(),
        options: ClusterOptions {
            symmetric: true,
            fencing: true,
            ..ClusterOptions::default()
        },
        resource_defaults: ResourceOptions {
            migration_threshold: Some(3),
            stickiness: Some(Score::new(100)),
            ..ResourceOptions::default()
        },
        resources: vec![Item::Group(Group {
            name: "web".to_owned(),
            members: vec![primitive("address"), primitive("server")],
            options: ResourceOptions::default(),
            migration_threshold_sum: None,
        })],
        ..Configuration::default()
    }
}

/// A database that runs on both nodes and is promoted on one.
fn with_database() -> Configuration {
    let mut configuration = configuration();
    configuration.resources.push(Item::Clone(CloneOf {
        name: "database-clone".to_owned(),
        of: Cloned::Primitive(primitive("database")),
        options: ResourceOptions::default(),
        max: None,
        node_max: 1,
        unique: false,
        interleave: false,
        promotable: Some(Promotable::default()),
    }));
    configuration
}

fn settings(me: NodeId, configuration: Configuration) -> Settings {
    Settings {
        me,
        voters: [ONE, TWO, WITNESS].into(),
        nodes: [ONE, TWO].into(),
        names: [(ONE, "zipi"), (TWO, "zape"), (WITNESS, "witness")]
            .map(|(node, name)| (node, name.to_owned()))
            .into(),
        links: 2,
        keepalive: Duration::from_millis(100),
        deadtime: Duration::from_millis(500),
        log_max: 500,
        terms: Terms {
            lease: Duration::from_secs(2),
            stop: Duration::from_secs(1),
            watchdog: Duration::from_secs(1),
            drift_ppm: 500,
            margin: Duration::from_millis(50),
        },
        arbitration: cluster_core::arbitration::Arbitration::Quorum,
        first: Some(configuration),
        bug: None,
    }
}

impl Trio {
    fn started() -> Self {
        Self::with(configuration())
    }

    fn with(configuration: Configuration) -> Self {
        let mut trio = Self {
            configuration,
            ..Self::default()
        };
        for id in [ONE, TWO, WITNESS] {
            trio.power_on(id, Disk::default());
        }
        trio
    }

    fn power_on(&mut self, id: NodeId, disk: Disk) {
        let boot = BootId((self.sessions + 1).into());
        self.boots.insert(id, boot);
        self.start(id, boot, false, disk);
    }

    fn start(&mut self, id: NodeId, boot: BootId, armed: bool, disk: Disk) {
        self.sessions += 1;
        let start = Start {
            boot,
            session: Session(self.sessions),
            armed,
            lease: self.lease.take(),
            leftovers: BTreeMap::new(),
        };
        let settings = if id == WITNESS {
            of_the_witness(self.configuration.clone())
        } else {
            settings(id, self.configuration.clone())
        };
        let (node, actions) = Node::new(settings, &disk, start, self.now).expect("a good disk");
        let machine = Machine {
            node,
            disk,
            active: BTreeSet::new(),
            promoted: BTreeSet::new(),
            armed,
            stuck: false,
            broken: BTreeMap::new(),
            tries: 0,
            missing: false,
        };
        self.machines.insert(id, machine);
        self.carry_out(id, actions);
    }

    /// The daemon is started anew, and nothing else: what it ran goes on.
    fn restart(&mut self, id: NodeId) {
        let boot = self.boots[&id];
        let before = self.machines.remove(&id).expect("it was on");
        self.lease = before.node.lease_end();
        self.queue.retain(|(_, to, _)| *to != id);
        self.start(id, boot, before.armed, before.disk.clone());
        let machine = self.machines.get_mut(&id).expect("it is on");
        machine.active = before.active;
        machine.promoted = before.promoted;
    }

    fn power_off(&mut self, id: NodeId) -> Disk {
        self.queue.retain(|(_, to, _)| *to != id);
        self.machines.remove(&id).expect("it was on").disk
    }

    fn carry_out(&mut self, id: NodeId, actions: Vec<Action>) {
        let later = |ms| self.now + Duration::from_millis(ms);
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let mut reset = false;
        for action in actions {
            match action {
                Action::Send { to, link, packet } => {
                    if link == LinkId(0) && !self.cut.contains(&id) && !self.cut.contains(&to) {
                        let from = id;
                        let event = Event::Packet { from, link, packet };
                        self.queue.push((later(1), to, event));
                    }
                }
                Action::Persist { ticket, write } => {
                    machine.disk.take(&write);
                    self.queue.push((later(1), id, Event::Persisted(ticket)));
                }
                Action::Start {
                    operation,
                    resource,
                    kind,
                    not_after,
                } => {
                    let in_time = not_after.is_none_or(|end| self.now <= end);
                    assert!(in_time, "{id} starts {resource} without a lease");
                    let its = machine.node.definition(resource);
                    let name = its.expect("it is known").name.clone();
                    self.names.insert(resource, name.clone());
                    if kind != OperationKind::Probe {
                        self.done.push((id, kind, name, resource));
                    }
                    let outcome = machine.run(resource, kind);
                    let event = Event::Done { operation, outcome };
                    self.queue.push((later(20), id, event));
                }
                Action::Kill(operation) => panic!("{operation:?} is killed without a reason"),
                Action::Arm => machine.armed = true,
                Action::Disarm => {
                    assert!(machine.active.is_empty(), "{id} disarms with resources");
                    machine.armed = false;
                }
                Action::Reset { why } => {
                    assert!(machine.stuck, "{id} is reset: {why}");
                    reset = true;
                }
                Action::Answer { number, answer } => self.answers.push((number, answer)),
                Action::Fence { node, .. } | Action::PowerOn { node } => {
                    panic!("a majority decides, and {id} asks for the power of {node}")
                }
                Action::LookAround { .. } => panic!("a majority decides, and {id} looks around"),
                Action::Pet { .. } | Action::Note(_) => {}
            }
        }
        if reset {
            let disk = self.power_off(id);
            self.power_on(id, disk);
        }
    }

    /// An operator at this node; answered within a moment.
    fn command(&mut self, id: NodeId, command: Command) -> Result<(), Refusal> {
        self.commands += 1;
        let number = self.commands;
        self.step(id, Event::Command { number, command });
        self.answer(number)
    }

    /// The same with another configuration.
    fn configure(&mut self, id: NodeId, configuration: Configuration) -> Result<(), Refusal> {
        self.commands += 1;
        let number = self.commands;
        let configuration = Box::new(configuration);
        self.step(
            id,
            Event::Configure {
                number,
                configuration,
            },
        );
        self.answer(number)
    }

    fn answer(&mut self, number: u64) -> Result<(), Refusal> {
        self.run(SECOND);
        let answers = self.answers.iter();
        let mut mine = answers.filter(|(answered, _)| *answered == number);
        let answer = mine.next().expect("it is answered").1.clone();
        assert_eq!(mine.next(), None, "once");
        answer
    }

    /// Goes on for this long; checks after each event.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now = self.now + Duration::from_millis(1);
            let due: Vec<_> = {
                let now = self.now;
                let (due, later) = std::mem::take(&mut self.queue)
                    .into_iter()
                    .partition(|(at, ..)| *at <= now);
                self.queue = later;
                due
            };
            for (_, id, event) in due {
                self.step(id, event);
            }
            for id in self.machines.keys().copied().collect::<Vec<_>>() {
                if self.machines[&id].node.deadline() <= self.now {
                    self.step(id, Event::Tick);
                }
            }
        }
    }

    fn step(&mut self, id: NodeId, event: Event) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let actions = machine.node.step(event, now);
        self.carry_out(id, actions);
        for name in ["address", "server"] {
            let forms = self.names.iter().filter(|(_, its)| *its == name);
            let holders: Vec<_> = forms.flat_map(|(id, _)| self.holders(*id)).collect();
            assert!(holders.len() <= 1, "{name} is on {holders:?}");
        }
        let promoted = self.promoted();
        assert!(promoted.len() <= 1, "it is promoted on {promoted:?}");
    }

    /// A process dies.
    fn kill(&mut self, id: NodeId, resource: ResourceId) {
        let machine = self.machines.get_mut(&id).expect("it is on");
        assert!(machine.active.remove(&resource), "it ran");
        // What needs it goes on for a moment: nobody noticed yet.
    }

    fn holders(&self, resource: ResourceId) -> Vec<NodeId> {
        self.machines
            .iter()
            .filter(|(_, machine)| machine.active.contains(&resource))
            .map(|(id, _)| *id)
            .collect()
    }

    fn promoted(&self) -> Vec<NodeId> {
        self.machines
            .iter()
            .filter(|(_, machine)| machine.promoted.contains(&DATABASE))
            .map(|(id, _)| *id)
            .collect()
    }

    fn coordinators(&self) -> usize {
        let machines = self.machines.values();
        machines
            .filter(|machine| machine.node.is_coordinator())
            .count()
    }
}

impl Machine {
    fn run(&mut self, resource: ResourceId, kind: OperationKind) -> Outcome {
        match kind {
            _ if self.missing => Outcome::Fatal,
            OperationKind::Probe if self.promoted.contains(&resource) => Outcome::Promoted,
            OperationKind::Probe if self.active.contains(&resource) => Outcome::Good,
            OperationKind::Promote => {
                assert!(self.armed && self.active.contains(&resource), "it runs");
                self.promoted.insert(resource);
                Outcome::Good
            }
            OperationKind::Demote => {
                self.promoted.remove(&resource);
                Outcome::Good
            }
            OperationKind::Probe => Outcome::NotRunning,
            OperationKind::Start => {
                assert!(self.armed, "the watchdog is armed before the first start");
                let resources = &self.node.state().resources;
                let its = self.node.definition(resource).expect("it is known");
                let mut needs = its.after.iter().filter_map(|name| resources.called(name));
                assert!(
                    needs.all(|needed| self.active.contains(&needed)),
                    "the order is kept"
                );
                if let Some(outcome) = self.broken.get(&resource) {
                    self.tries += 1;
                    return *outcome;
                }
                self.active.insert(resource);
                Outcome::Good
            }
            OperationKind::Stop if self.stuck => Outcome::Failed,
            OperationKind::Stop => {
                let its = self.node.definition(resource).expect("it is known");
                let mut others = self
                    .active
                    .iter()
                    .filter_map(|id| self.node.definition(*id));
                assert!(
                    !others.any(|other| other.after.contains(&its.name)),
                    "the order is kept"
                );
                self.active.remove(&resource);
                Outcome::Good
            }
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[path = "trio/configured.rs"]
mod configured;

#[path = "trio/noticed.rs"]
mod noticed;

#[path = "trio/on_fail.rs"]
mod on_fail;

#[path = "trio/operators.rs"]
mod operators;

#[path = "trio/outdated.rs"]
mod outdated;

#[test]
fn a_trio_elects_a_coordinator_and_starts_everything_on_one_node() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    assert_eq!(trio.coordinators(), 1);
    let holders = trio.holders(SERVER);
    assert_eq!(holders.len(), 1);
    assert_eq!(holders, trio.holders(ADDRESS));
}

#[test]
fn what_a_dead_node_had_is_taken_once_every_promise_is_over() {
    let mut trio = Trio::started();
    trio.run(10 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let disk = trio.power_off(holder);
    // L + S + W from its last renewal: until then nobody may be sure.
    trio.run(Duration::from_millis(3_800));
    assert_eq!(trio.holders(SERVER), []);
    trio.run(2 * SECOND);
    let survivor = trio.holders(SERVER);
    assert_eq!(survivor.len(), 1, "{holder} is given up");
    assert_ne!(survivor, [holder]);
    // It comes back, and nothing moves.
    trio.power_on(holder, disk);
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), survivor);
    assert!(trio.machines[&holder].node.has_lease(trio.now), "it could");
}

#[test]
fn a_reboot_proves_at_once_that_nothing_runs_there() {
    let mut trio = Trio::started();
    trio.run(10 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let disk = trio.power_off(holder);
    trio.run(SECOND);
    trio.power_on(holder, disk);
    trio.run(SECOND);
    assert_eq!(
        trio.holders(SERVER).len(),
        1,
        "long before the promise is over"
    );
}

/// There is nobody to renew a lease before they elected a coordinator: the holder goes by
/// what the daemon before it noted.
#[test]
fn when_all_daemons_are_started_anew_at_once_what_runs_does_not_notice() {
    let mut trio = Trio::started();
    trio.run(10 * SECOND);
    let holder = trio.holders(SERVER);
    trio.done.clear();
    for id in [ONE, TWO, WITNESS] {
        trio.restart(id);
    }
    trio.run(10 * SECOND);
    assert_eq!(trio.holders(SERVER), holder);
    let done = trio
        .done
        .iter()
        .filter(|(_, kind, ..)| *kind == OperationKind::Stop);
    assert_eq!(done.count(), 0);
}

/// What a voter said last does not bind the living once the log has settled it.
#[test]
fn who_takes_over_and_dies_when_the_other_one_returns_leaves_nothing_open() {
    let mut trio = Trio::started();
    trio.run(10 * SECOND);
    let first = trio.holders(SERVER)[0];
    let second = if first == ONE { TWO } else { ONE };
    let disk = trio.power_off(first);
    trio.run(7 * SECOND);
    assert_eq!(trio.holders(SERVER), [second]);
    trio.power_on(first, disk);
    let joined = |trio: &Trio| {
        let members = &trio.machines[&WITNESS].node.state().members;
        members[&first].incarnation.0 == 2
    };
    while !joined(&trio) {
        trio.run(Duration::from_millis(1));
    }
    // Before it could say that it agrees to nothing any more.
    trio.power_off(second);
    trio.run(10 * SECOND);
    assert_eq!(trio.holders(SERVER), [first]);
    let applied = trio.machines[&WITNESS].node.state().applied;
    assert!(applied < 100, "{applied} entries for so little");
}

#[test]
fn a_node_that_is_cut_off_stops_before_another_one_starts() {
    let mut trio = Trio::started();
    trio.run(10 * SECOND);
    let holder = trio.holders(SERVER)[0];
    trio.cut.insert(holder);
    trio.run(2 * SECOND + SECOND / 2);
    assert_eq!(trio.holders(SERVER), [], "its lease is over");
    trio.run(5 * SECOND);
    let survivor = trio.holders(SERVER);
    assert_eq!(survivor.len(), 1);
    assert_ne!(survivor, [holder]);
    trio.cut.clear();
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), survivor, "healing moves nothing");
    assert!(
        trio.machines[&holder].node.has_lease(trio.now),
        "it is back"
    );
}

#[test]
fn without_a_majority_nothing_runs() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    for id in [ONE, TWO, WITNESS] {
        if id != holder {
            trio.power_off(id);
        }
    }
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), []);
    assert_eq!(trio.coordinators(), 0);
}

#[test]
fn what_dies_is_noticed_and_started_again_where_it_was() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    for resource in [SERVER, ADDRESS] {
        trio.kill(holder, resource);
        trio.run(3 * SECOND);
        assert_eq!(trio.holders(SERVER), [holder]);
        assert_eq!(trio.holders(ADDRESS), [holder]);
    }
    let local =
        |resource| trio.machines[&holder].node.state().members[&holder].resources[&resource];
    assert_eq!(local(SERVER).failures, 1);
    assert_eq!(
        local(ADDRESS).failures,
        1,
        "each failure is counted where it was"
    );
}

#[test]
fn a_long_log_is_replaced_by_the_state_and_who_missed_it_gets_the_state() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    trio.cut.insert(WITNESS);
    for _ in 0..130 {
        let holder = trio.holders(SERVER)[0];
        trio.kill(holder, SERVER);
        trio.run(2 * SECOND);
        let clean = Command::Cleanup {
            resource: None,
            node: None,
        };
        assert_eq!(trio.command(holder, clean), Ok(()));
    }
    let disk = &trio.machines[&holder].disk;
    assert!(disk.snapshot.is_some() && disk.entries.len() < 600);
    trio.cut.clear();
    trio.run(3 * SECOND);
    let state = |id: NodeId| trio.machines[&id].node.state();
    assert_eq!(state(WITNESS), state(holder));
    // And who starts with it on the disk knows as much.
    let disk = trio.power_off(WITNESS);
    assert!(disk.snapshot.is_some());
    trio.power_on(WITNESS, disk);
    trio.run(3 * SECOND);
    let state = |id: NodeId| trio.machines[&id].node.state();
    assert_eq!(state(WITNESS), state(holder));
    assert_eq!(trio.holders(SERVER).len(), 1);
}

#[test]
fn a_node_in_standby_gives_away_what_it_has_and_gets_it_back_if_it_is_moved() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let (name, other) = if holder == ONE {
        ("zipi", TWO)
    } else {
        ("zape", ONE)
    };
    let standby = |on| Command::Standby {
        node: name.to_owned(),
        on,
    };
    // Asked at a node that does not coordinate as well as at one that does.
    assert_eq!(trio.command(WITNESS, standby(true)), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER), [other]);
    assert_eq!(trio.command(other, standby(false)), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER), [other], "nothing moves by itself");
    let there = Command::Move {
        resource: "web".to_owned(),
        direction: Direction::To(name.to_owned()),
        for_ms: 5_000,
    };
    assert_eq!(trio.command(ONE, there), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER), [holder]);
    trio.run(5 * SECOND);
    assert_eq!(
        trio.holders(SERVER),
        [holder],
        "the move is over, and it stays"
    );
    assert!(
        trio.machines[&ONE]
            .node
            .explain(trio.now)
            .transition
            .actions
            .is_empty(),
        "nothing is left to do"
    );
}

#[test]
fn a_resource_stays_stopped_for_as_long_as_somebody_wants_it() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let target = |role| Command::Target {
        resource: "web".to_owned(),
        role,
    };
    assert_eq!(trio.command(TWO, target(Some(TargetRole::Stopped))), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(ADDRESS), []);
    assert_eq!(trio.command(TWO, target(None)), Ok(()));
    trio.run(2 * SECOND);
    assert_eq!(trio.holders(SERVER).len(), 1);
}

#[test]
fn a_name_that_nobody_has_is_refused_at_once() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let standby = Command::Standby {
        node: "witness".to_owned(),
        on: true,
    };
    let refused = Err(Refusal::NoSuchNode("witness".to_owned()));
    assert_eq!(trio.command(ONE, standby), refused);
    let unmove = Command::Unmove {
        resource: "wbe".to_owned(),
    };
    let refused = Err(Refusal::NoSuchResource("wbe".to_owned()));
    assert_eq!(trio.command(ONE, unmove), refused);
}

#[test]
fn a_request_that_nobody_takes_is_refused_in_time() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    for id in [TWO, WITNESS] {
        trio.power_off(id);
    }
    trio.commands = 1;
    let node = "zape".to_owned();
    let command = Command::Standby { node, on: true };
    trio.step(ONE, Event::Command { number: 1, command });
    trio.run(29 * SECOND);
    assert_eq!(trio.answers, []);
    trio.run(2 * SECOND);
    assert_eq!(trio.answers, [(1, Err(Refusal::NotInTime))]);
}

#[test]
fn what_does_not_stop_is_not_asked_in_a_busy_loop() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let machine = trio.machines.get_mut(&holder).expect("it is on");
    machine.stuck = true;
    trio.done.clear();
    trio.cut.insert(holder);
    trio.run(4 * SECOND);
    assert!(!trio.machines[&holder].stuck, "it was reset in the end");
    let stops = trio.done.iter().filter(|(at, ..)| *at == holder).count();
    assert!((2..=4).contains(&stops), "{stops} tries within a second");
}

#[test]
fn a_node_that_cannot_stop_a_resource_goes_down_and_the_other_one_takes_it() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    let machine = trio.machines.get_mut(&holder).expect("it is on");
    machine.stuck = true;
    let name = if holder == ONE { "zipi" } else { "zape" };
    let standby = Command::Standby {
        node: name.to_owned(),
        on: true,
    };
    assert_eq!(trio.command(WITNESS, standby), Ok(()));
    trio.run(3 * SECOND);
    assert!(!trio.machines[&holder].stuck, "it was started anew");
    let taken = trio.holders(SERVER);
    assert!(taken.len() == 1 && taken != [holder], "{taken:?}");
    let local = |id: NodeId| trio.machines[&id].node.state().members[&holder].resources[&SERVER];
    assert_eq!(local(WITNESS).standing, Standing::Stopped);
}

#[test]
fn a_resource_that_fails_too_often_moves() {
    let mut trio = Trio::started();
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    for _ in 0..3 {
        assert_eq!(trio.holders(SERVER), [holder]);
        trio.kill(holder, SERVER);
        trio.run(3 * SECOND);
    }
    let moved = trio.holders(SERVER);
    assert!(moved.len() == 1 && moved != [holder], "{moved:?}");
    assert_eq!(trio.holders(ADDRESS), moved, "the group stays together");
    let clean = Command::Cleanup {
        resource: None,
        node: None,
    };
    assert_eq!(trio.command(ONE, clean), Ok(()));
    let state = trio.machines[&ONE].node.state();
    let failures = state
        .members
        .values()
        .flat_map(|member| member.resources.values());
    assert!(failures.into_iter().all(|local| local.failures == 0));
}

#[test]
fn a_start_that_fails_is_tried_elsewhere_and_in_the_same_place_only_after_a_cleanup() {
    for outcome in [Outcome::Failed, Outcome::TimedOut, Outcome::Fatal] {
        let mut trio = Trio::started();
        trio.run(5 * SECOND);
        let holder = trio.holders(SERVER)[0];
        let (name, other) = if holder == ONE {
            ("zape", TWO)
        } else {
            ("zipi", ONE)
        };
        let machine = trio.machines.get_mut(&holder).expect("it is on");
        machine.broken.insert(SERVER, outcome);
        trio.kill(holder, SERVER);
        trio.run(5 * SECOND);
        assert_eq!(trio.holders(SERVER), [other], "{outcome:?}");
        assert_eq!(trio.machines[&holder].tries, 1);
        let machine = trio.machines.get_mut(&holder).expect("it is on");
        machine.broken.clear();
        let node = name.to_owned();
        let standby = Command::Standby { node, on: true };
        assert_eq!(trio.command(WITNESS, standby), Ok(()));
        trio.run(3 * SECOND);
        assert_eq!(trio.holders(SERVER), [], "nobody said that it is mended");
        let clean = Command::Cleanup {
            resource: Some("web".to_owned()),
            node: None,
        };
        assert_eq!(trio.command(WITNESS, clean), Ok(()));
        trio.run(3 * SECOND);
        assert_eq!(trio.holders(SERVER), [holder]);
    }
}

#[test]
fn a_node_without_the_agent_is_left_out_and_stays_up() {
    let mut trio = Trio {
        configuration: configuration(),
        ..Trio::default()
    };
    for id in [ONE, TWO, WITNESS] {
        trio.power_on(id, Disk::default());
        let machine = trio.machines.get_mut(&id).expect("it is on");
        machine.missing = id == ONE;
    }
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), [TWO]);
    assert_eq!(trio.holders(ADDRESS), [TWO]);
    assert_eq!(trio.boots[&ONE], BootId(1), "it was not reset");
}

#[test]
fn a_monitor_whose_failures_are_ignored_changes_nothing() {
    let mut configuration = configuration();
    let Item::Group(group) = &mut configuration.resources[0] else {
        panic!("it is a group");
    };
    for member in &mut group.members {
        member.operations.monitors[0].options.on_fail = Some(OnFail::Ignore);
    }
    let mut trio = Trio::with(configuration);
    trio.run(5 * SECOND);
    let holder = trio.holders(SERVER)[0];
    trio.kill(holder, SERVER);
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(SERVER), []);
    let state = trio.machines[&WITNESS].node.state();
    let local = state.members[&holder].resources[&SERVER];
    assert_eq!((local.standing, local.failures), (Standing::Running, 0));
}

#[test]
fn a_clone_runs_on_both_nodes_and_is_promoted_where_its_agent_wants_it() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    assert_eq!(trio.holders(DATABASE), [ONE, TWO]);
    assert_eq!(trio.promoted(), [], "no agent says where");
    for (id, score) in [(ONE, "10"), (TWO, "20")] {
        let score = ("master-database".to_owned(), score.to_owned());
        trio.step(id, Event::Attributes(BTreeMap::from([score])));
        trio.run(SECOND);
    }
    trio.run(2 * SECOND);
    let first = trio.promoted();
    assert_eq!(first.len(), 1);
    trio.power_off(first[0]);
    trio.run(10 * SECOND);
    let second = trio.promoted();
    assert!(second.len() == 1 && second != first, "{second:?}");
}

#[test]
fn what_agents_noted_outlasts_a_restart_of_the_daemon() {
    let mut trio = Trio::with(with_database());
    trio.run(5 * SECOND);
    let score = BTreeMap::from([("master-database".to_owned(), "10".to_owned())]);
    trio.step(ONE, Event::Attributes(score.clone()));
    trio.run(2 * SECOND);
    assert_eq!(trio.promoted(), [ONE]);
    trio.restart(ONE);
    trio.run(3 * SECOND);
    assert_eq!(trio.promoted(), [ONE], "its agent still wants it there");
    let noted = |id: NodeId| &trio.machines[&id].node.state().members[&ONE].attributes;
    assert_eq!(noted(TWO), &score);
}

#[test]
fn an_operation_has_a_name_of_its_own_in_every_session() {
    let name = |session, number| OperationId {
        session: Session(session),
        number,
    };
    assert_ne!(name(1, 1), name(2, 1));
}
