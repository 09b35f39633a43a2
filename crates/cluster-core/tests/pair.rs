//! A lone pair on a good network with an obedient disk: what confirmed fencing decides.
//! Everything that is in the way is the simulator's.

use cluster_core::action::{Action, Refusal};
use cluster_core::arbitration::{Arbitration, FenceOutcome, FencingTerms};
use cluster_core::name::{BootId, NodeId, ResourceId, Session};
use cluster_core::operation::{OperationKind, Outcome};
use cluster_core::settings::Terms;
use cluster_core::{Disk, Event, Node, Settings, Start, Time};
use cluster_model::Command;
use cluster_model::configuration::{
    ClusterOptions, Configuration, Item, Operations, Primitive, ResourceOptions, TargetRole,
};
use cluster_model::resource::Agent;
use cluster_model::score::Score;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[path = "pair/first.rs"]
mod first;
#[path = "pair/parting.rs"]
mod parting;
#[path = "pair/reach.rs"]
mod reach;
#[path = "pair/silence.rs"]
mod silence;

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

/// Longer than silence, a delay and an attempt.
const LONG: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Pair {
    now: Time,
    machines: BTreeMap<NodeId, Machine>,
    /// What is left of those that are off.
    disks: BTreeMap<NodeId, Disk>,
    boots: BTreeMap<NodeId, BootId>,
    queue: Vec<(Time, NodeId, Session, Event)>,
    cut: bool,
    /// What the devices say; nobody named: "is off", and it is.
    device: Option<FenceOutcome>,
    /// Who asked for whom.
    asked: Vec<(NodeId, NodeId, u64)>,
    answers: Vec<(u64, Result<(), Refusal>)>,
    sessions: u64,
    /// What is reached decides, of three addresses; how many each does, if not all of them.
    by_reach: bool,
    reached: BTreeMap<NodeId, usize>,
    /// Nobody is configured to fence at once.
    nobody_first: bool,
    /// Who looks around, and is not answered yet.
    looks: Vec<(NodeId, u64)>,
    /// They do not hear each other, and both are reached: two may hold it, and are judged by
    /// the test.
    may_be_two: bool,
    /// Nothing can be stopped, and whoever goes down for that.
    stuck: bool,
    resets: Vec<NodeId>,
    /// So many stops there were.
    stops: usize,
    /// Who has no turn: what is said to it waits.
    asleep: Option<NodeId>,
    /// Whose disk does not answer.
    stalled: BTreeSet<NodeId>,
}

struct Machine {
    node: Node,
    session: Session,
    disk: Disk,
    active: BTreeSet<ResourceId>,
    armed: bool,
}

fn configuration() -> Configuration {
    let resource = |name: &str| {
        Item::Primitive(Primitive {
            name: name.to_owned(),
            agent: Agent::Systemd {
                unit: format!("{name}.service"),
            },
            options: ResourceOptions::default(),
            operations: Operations::default(),
        })
    };
    Configuration {
        nodes: ["zipi", "zape"].map(str::to_owned).into(),
        options: ClusterOptions {
            symmetric: true,
            fencing: true,
            ..ClusterOptions::default()
        },
        resource_defaults: ResourceOptions {
            stickiness: Some(Score::new(100)),
            ..ResourceOptions::default()
        },
        resources: vec![resource("database")],
        ..Configuration::default()
    }
}

fn settings(me: NodeId) -> Settings {
    Settings {
        me,
        voters: [ONE, TWO].into(),
        nodes: [ONE, TWO].into(),
        names: [(ONE, "zipi".to_owned()), (TWO, "zape".to_owned())].into(),
        links: 1,
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
        arbitration: Arbitration::Fencing(FencingTerms {
            first: Some(ONE),
            delay: Duration::from_secs(5),
            pause: Duration::from_secs(2),
            limit: Duration::from_secs(10),
            power_on: false,
        }),
        first: Some(configuration()),
        bug: None,
    }
}

impl Pair {
    fn started() -> Self {
        Self::default().start()
    }

    /// Its holder lost its power, and the other one has everything: also who they are.
    fn taken_over() -> (Self, NodeId, NodeId) {
        let mut pair = Self::started();
        let lost = pair.holder();
        let survivor = other(lost);
        pair.power_off(lost);
        pair.run(LONG);
        assert_eq!(pair.holders(), [survivor]);
        (pair, lost, survivor)
    }

    fn start(self) -> Self {
        let mut pair = self;
        pair.power_on(ONE);
        pair.power_on(TWO);
        pair.run(LONG);
        assert_eq!(pair.holders().len(), 1, "it runs somewhere");
        pair
    }

    fn holder(&self) -> NodeId {
        self.holders()[0]
    }

    /// A boot of its own.
    fn power_on(&mut self, id: NodeId) {
        let boot = BootId(u128::from(self.sessions) + 1_000);
        self.boots.insert(id, boot);
        let disk = self.disks.remove(&id).unwrap_or_default();
        self.launch(id, disk, false, BTreeSet::new());
    }

    fn launch(&mut self, id: NodeId, disk: Disk, armed: bool, active: BTreeSet<ResourceId>) {
        self.sessions += 1;
        let session = Session(self.sessions);
        let start = Start {
            boot: self.boots[&id],
            session,
            armed,
            lease: None,
            leftovers: BTreeMap::new(),
        };
        let mut settings = settings(id);
        if self.by_reach {
            settings.arbitration = reach::arbitration();
        }
        if let Arbitration::Fencing(terms) = &mut settings.arbitration
            && self.nobody_first
        {
            terms.first = None;
        }
        let begun = Node::new(settings, &disk, start, self.now);
        let (node, actions) = begun.expect("a disk that it wrote itself");
        let machine = Machine {
            node,
            session,
            disk,
            active,
            armed,
        };
        self.machines.insert(id, machine);
        self.carry_out(id, actions);
    }

    /// The daemon is started anew, and what runs runs on.
    fn restart(&mut self, id: NodeId) {
        let machine = self.machines.remove(&id).expect("it is on");
        self.launch(id, machine.disk, machine.armed, machine.active);
    }

    fn power_off(&mut self, id: NodeId) {
        if let Some(machine) = self.machines.remove(&id) {
            self.disks.insert(id, machine.disk);
        }
    }

    fn carry_out(&mut self, id: NodeId, actions: Vec<Action>) {
        let at = |ms| self.now + Duration::from_millis(ms);
        let mut off = None;
        let Some(machine) = self.machines.get_mut(&id) else {
            return;
        };
        let session = machine.session;
        for action in actions {
            match action {
                Action::LookAround { number } => {
                    self.looks.push((id, number));
                }
                Action::Send { to, link, packet } => {
                    if !self.cut {
                        let from = id;
                        let event = Event::Packet { from, link, packet };
                        self.queue.push((at(1), to, Session(0), event));
                    }
                }
                Action::Persist { ticket, write } => {
                    machine.disk.take(&write);
                    self.queue
                        .push((at(1), id, session, Event::Persisted(ticket)));
                }
                Action::Start {
                    operation,
                    resource,
                    kind,
                    ..
                } => {
                    let runs = machine.active.contains(&resource);
                    let outcome = match kind {
                        OperationKind::Probe if !runs => Outcome::NotRunning,
                        OperationKind::Start => {
                            machine.active.insert(resource);
                            Outcome::Good
                        }
                        OperationKind::Stop if self.stuck => Outcome::Failed,
                        OperationKind::Stop => {
                            self.stops += 1;
                            machine.active.remove(&resource);
                            Outcome::Good
                        }
                        _ => Outcome::Good,
                    };
                    let event = Event::Done { operation, outcome };
                    self.queue.push((at(20), id, session, event));
                }
                Action::Fence { number, node } => {
                    self.asked.push((id, node, number));
                    let outcome = self.device.unwrap_or(FenceOutcome::ConfirmedOff);
                    if outcome == FenceOutcome::ConfirmedOff {
                        off = Some(node);
                    }
                    let event = Event::Fenced { number, outcome };
                    self.queue.push((at(1_000), id, session, event));
                }
                Action::Arm => machine.armed = true,
                Action::Disarm => machine.armed = false,
                Action::Answer { number, answer } => self.answers.push((number, answer)),
                Action::Reset { .. } if self.stuck => {
                    self.resets.push(id);
                    off = Some(id);
                }
                Action::Reset { why } => panic!("{id} is reset: {why}"),
                Action::Kill(_) | Action::PowerOn { .. } | Action::Pet { .. } | Action::Note(_) => {
                }
            }
        }
        if let Some(node) = off {
            self.power_off(node);
        }
        self.answer_looks();
    }

    fn step(&mut self, id: NodeId, event: Event) {
        if let Some(machine) = self.machines.get_mut(&id) {
            let actions = machine.node.step(event, self.now);
            self.carry_out(id, actions);
        }
    }

    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let awake = |id: NodeId| self.asleep != Some(id);
            let heard = (0..self.queue.len()).filter(|place| {
                let (_, id, _, event) = &self.queue[*place];
                let writes = matches!(event, Event::Persisted(_));
                awake(*id) && !(writes && self.stalled.contains(id))
            });
            let first = heard.min_by_key(|place| self.queue[*place].0);
            let deadlines = self.machines.iter().filter(|(id, _)| awake(**id));
            let tick = deadlines.map(|(id, its)| (its.node.deadline(), *id)).min();
            let event_at = first.map(|place| self.queue[place].0);
            let at = event_at.into_iter().chain(tick.map(|(at, _)| at)).min();
            let Some(at) = at.filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(at);
            if let Some(place) = first.filter(|_| event_at == Some(at)) {
                let (_, id, session, event) = self.queue.remove(place);
                let lives = self.machines.get(&id).map(|machine| machine.session);
                if lives == Some(session) || session == Session(0) {
                    self.step(id, event);
                }
            } else if let Some((_, id)) = tick {
                self.step(id, Event::Tick);
            }
            assert!(
                self.may_be_two || self.holders().len() <= 1,
                "it runs twice"
            );
        }
    }

    fn holders(&self) -> Vec<NodeId> {
        let machines = self.machines.iter();
        machines
            .filter(|(_, machine)| !machine.active.is_empty())
            .map(|(id, _)| *id)
            .collect()
    }

    /// Who holds everything goes on with it while the other one, which was alone before, is
    /// switched on again; then both vote.
    fn goes_on_while_it_comes_back(&mut self, holder: NodeId, other: NodeId) {
        let stops = self.stops;
        self.power_on(other);
        self.run(LONG);
        assert_eq!(self.holders(), [holder]);
        assert_eq!(self.stops, stops, "nothing was stopped");
        assert_eq!(self.alone(holder), None, "both vote again");
    }

    /// An operator says that a node is off.
    fn told_off(&mut self, at: NodeId, node: NodeId) -> Result<(), Refusal> {
        let number = self.answers.len() as u64 + 1;
        self.step(at, Event::ConfirmedOff { number, node });
        let (answered, answer) = self.answers.last().cloned().expect("an answer");
        assert_eq!(answered, number);
        answer
    }

    fn alone(&self, at: NodeId) -> Option<NodeId> {
        self.machines[&at].node.state().alone
    }
}

fn other(node: NodeId) -> NodeId {
    if node == ONE { TWO } else { ONE }
}

#[test]
fn a_survivor_takes_over_and_the_other_one_comes_back_and_votes_again() {
    let (mut pair, lost, survivor) = Pair::taken_over();
    assert_eq!(pair.alone(survivor), Some(survivor));
    let before = pair.machines[&survivor].node.state().applied;
    pair.power_on(lost);
    pair.run(LONG);
    assert_eq!(pair.holders(), [survivor], "coming back moves nothing");
    assert_eq!(pair.alone(survivor), None);
    let states = [ONE, TWO].map(|id| pair.machines[&id].node.state().clone());
    assert_eq!(states[0], states[1]);
    assert!(states[0].applied > before);
    assert_eq!(pair.asked.len(), 1, "nobody else was fenced");
    // And the other way round: it has its right again.
    pair.power_off(survivor);
    pair.run(LONG);
    assert_eq!(pair.holders(), [lost]);
}

#[test]
fn who_is_left_of_a_pair_goes_down_for_what_it_cannot_stop_only_when_the_other_one_is_there() {
    let (mut pair, lost, survivor) = Pair::taken_over();
    pair.stuck = true;
    let command = Command::Target {
        resource: "database".to_owned(),
        role: Some(TargetRole::Stopped),
    };
    pair.step(
        survivor,
        Event::Command {
            number: 99,
            command,
        },
    );
    pair.run(LONG);
    assert_eq!(pair.resets, [], "nothing would begin there by itself again");
    pair.power_on(lost);
    pair.run(LONG);
    assert_eq!(pair.resets.first(), Some(&survivor));
}

#[test]
fn a_device_that_fails_or_does_not_answer_gives_nobody_anything() {
    for outcome in [FenceOutcome::Failed, FenceOutcome::TimedOut] {
        let mut pair = Pair::started();
        pair.device = Some(outcome);
        let lost = pair.holder();
        let survivor = other(lost);
        pair.power_off(lost);
        pair.run(LONG);
        assert!(pair.holders().is_empty(), "{outcome:?}");
        assert_eq!(pair.alone(survivor), None);
        assert!(pair.asked.len() > 2, "it tries again");
        assert_eq!(pair.told_off(survivor, lost), Ok(()));
        pair.run(LONG);
        assert_eq!(pair.holders(), [survivor]);
    }
}

#[test]
fn without_its_peer_a_holder_keeps_what_it_has() {
    let mut pair = Pair::started();
    pair.device = Some(FenceOutcome::Failed);
    let holder = pair.holder();
    pair.cut = true;
    pair.run(LONG * 3);
    assert_eq!(pair.holders(), [holder]);
    assert!(pair.machines[&holder].armed, "its watchdog goes on");
    pair.cut = false;
    pair.run(LONG);
    assert_eq!(pair.holders(), [holder]);
    let states = [ONE, TWO].map(|id| pair.machines[&id].node.state().clone());
    assert_eq!(states[0], states[1]);
}

#[test]
fn of_two_that_lose_sight_of_each_other_the_first_fences_and_the_other_one_is_late() {
    let mut pair = Pair::started();
    pair.cut = true;
    pair.run(LONG);
    assert_eq!(pair.holders(), [ONE]);
    let asked: Vec<_> = pair
        .asked
        .iter()
        .map(|(by, node, _)| (*by, *node))
        .collect();
    assert_eq!(asked, [(ONE, TWO)]);
}

#[test]
fn who_did_not_join_since_its_machine_was_started_fences_nobody() {
    let mut pair = Pair::started();
    let rebooted = other(pair.holder());
    pair.device = Some(FenceOutcome::Failed);
    pair.power_off(rebooted);
    pair.cut = true;
    pair.power_on(rebooted);
    pair.asked.clear();
    pair.run(LONG);
    assert!(!pair.asked.is_empty());
    assert!(pair.asked.iter().all(|(by, ..)| *by != rebooted));
}

#[test]
fn a_daemon_that_is_started_anew_keeps_its_right_and_what_runs() {
    let mut pair = Pair::started();
    let holder = pair.holder();
    let lost = other(holder);
    pair.device = Some(FenceOutcome::Failed);
    pair.power_off(lost);
    pair.run(LONG);
    pair.restart(holder);
    pair.run(LONG);
    assert_eq!(pair.holders(), [holder], "nothing was stopped");
    pair.device = None;
    pair.run(LONG);
    assert_eq!(pair.alone(holder), Some(holder));
    assert_eq!(pair.holders(), [holder]);
}

#[test]
fn a_lone_node_that_is_started_anew_waits_for_its_peer_or_an_operators_word() {
    for by_word in [false, true] {
        let mut pair = Pair::started();
        let lost = pair.holder();
        let survivor = other(lost);
        pair.power_off(lost);
        pair.run(LONG);
        pair.power_off(survivor);
        pair.power_on(survivor);
        pair.asked.clear();
        pair.run(LONG);
        assert!(pair.holders().is_empty());
        assert!(pair.asked.is_empty(), "it has no right to fence");
        if by_word {
            assert_eq!(pair.told_off(survivor, lost), Ok(()));
        } else {
            pair.power_on(lost);
        }
        pair.run(LONG);
        assert_eq!(pair.holders().len(), 1);
    }
}

/// Each of the two went on alone on an operator's word, and the first one unseen by the other
/// one: the last word is the one that counts.
#[test]
fn of_two_words_of_operators_the_last_one_counts() {
    for first in [ONE, TWO] {
        let mut pair = Pair::started();
        pair.device = Some(FenceOutcome::Failed);
        let last = other(first);
        pair.power_off(last);
        pair.run(LONG);
        assert_eq!(pair.told_off(first, last), Ok(()));
        pair.run(LONG);
        assert_eq!(pair.holders(), [first]);
        pair.power_off(first);
        pair.power_on(last);
        pair.run(LONG);
        assert!(
            pair.holders().is_empty(),
            "nobody knows what the other one did"
        );
        assert_eq!(pair.told_off(last, first), Ok(()));
        pair.run(LONG);
        assert_eq!(pair.holders(), [last]);
        pair.goes_on_while_it_comes_back(last, first);
    }
}

/// What it begins is on its way to a disk that does not answer; an operator speaks meanwhile.
#[test]
fn a_word_waits_for_what_is_on_its_way_to_the_disk() {
    let mut pair = Pair::started();
    pair.device = Some(FenceOutcome::Failed);
    pair.power_off(ONE);
    pair.run(LONG);
    assert_eq!(pair.told_off(TWO, ONE), Ok(()));
    pair.run(LONG);
    pair.power_off(TWO);
    pair.power_on(ONE);
    assert_eq!(pair.told_off(ONE, TWO), Ok(()));
    pair.run(LONG);
    pair.stalled.insert(ONE);
    pair.power_on(TWO);
    pair.run(Duration::from_secs(1));
    pair.power_off(TWO);
    pair.run(LONG);
    assert_eq!(pair.told_off(ONE, TWO), Ok(()));
    pair.stalled.clear();
    pair.run(LONG);
    let line = |pair: &Pair| pair.machines[&ONE].node.state().epoch;
    let now = line(&pair);
    assert_eq!((now.number, now.by), (3, Some(ONE)));
    pair.restart(ONE);
    pair.run(LONG);
    assert_eq!(line(&pair), now, "it is what the disk has");
    assert_eq!(pair.holders(), [ONE]);
}

#[test]
fn an_operators_word_is_refused_where_it_cannot_be_true_or_decides_nothing() {
    let mut pair = Pair::started();
    assert_eq!(pair.told_off(ONE, TWO), Err(Refusal::StillHeard(TWO)));
    assert_eq!(
        pair.told_off(ONE, ONE),
        Err(Refusal::NoSuchNode("zipi".to_owned()))
    );
    pair.run(LONG);
    assert_eq!(pair.alone(ONE), None);
}

#[test]
fn the_answer_to_an_earlier_attempt_counts_for_nothing() {
    let mut pair = Pair::started();
    pair.device = Some(FenceOutcome::Failed);
    let lost = pair.holder();
    let survivor = other(lost);
    pair.power_off(lost);
    pair.run(LONG);
    let (_, _, number) = *pair.asked.last().expect("it tried");
    for number in [number - 1, number + 1] {
        let outcome = FenceOutcome::ConfirmedOff;
        pair.step(survivor, Event::Fenced { number, outcome });
    }
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.alone(survivor), None);
}
