//! The world: machines and networks, and what happens in them, one thing after another.

use crate::clock::Moment;
use crate::copies::Copies;
use crate::coverage::Coverage;
use crate::faults::Plan;
use crate::inject::Applied;
use crate::invariants::{self, Violation};
use crate::judge::Judge;
use crate::machine::{Daemon, Machine};
use crate::network::Network;
use crate::queue::{Coming, Place, Queue};
use crate::random::Random;
use crate::topology::{LINKS, Topology, node_of};
use crate::trace::Trace;
use cluster_core::action::Action;
use cluster_core::arbitration::Arbitration;
use cluster_core::event::Event;

/// What a socket keeps for a daemon that does not read.
const INBOX: usize = 400;

/// A cluster and everything around it.
#[derive(Debug)]
pub struct World<D> {
    /// Real time.
    pub now: Moment,
    pub(crate) queue: Queue,
    /// The machines.
    pub machines: Vec<Machine<D>>,
    pub(crate) network: Network,
    pub(crate) random: Random,
    /// The record.
    pub trace: Trace,
    pub(crate) judge: Judge,
    pub(crate) plan: Plan,
    pub(crate) applied: Vec<Option<Applied>>,
    /// What was hit by what.
    pub coverage: Coverage,
    /// What must never happen, and did.
    pub violation: Option<Violation>,
    /// Requests of operators so far.
    pub(crate) commands: u64,
    /// Data that whoever is promoted writes.
    pub(crate) copies: Copies,
    /// Resources or their operations changed since the last look.
    pub(crate) touched: bool,
}

impl<D: Daemon> World<D> {
    /// Machines that are about to boot. `prepare` may change what a daemon is told.
    pub fn new(
        topology: Topology,
        seed: u64,
        plan: Plan,
        trace: Trace,
        prepare: impl Fn(&mut cluster_core::Settings),
    ) -> Self {
        let mut random = Random::new(seed, 2);
        let drift_ppm = random.pick(&[200, 1_000, 20_000]).unwrap_or(1_000);
        let pair = (topology == Topology::Pair).then(|| {
            let first = random.pick(&[None, None, Some(node_of(0)), Some(node_of(1))]);
            (first.flatten(), random.chance(600_000))
        });
        let machines: Vec<Machine<D>> = (0..topology.machines())
            .map(|place| {
                let mut settings = topology.settings(node_of(place), drift_ppm);
                if let (Arbitration::Fencing(terms), Some((first, power_on))) =
                    (&mut settings.arbitration, pair)
                {
                    terms.first = first;
                    terms.power_on = power_on;
                }
                prepare(&mut settings);
                Machine::new(node_of(place), settings, &mut random, seed)
            })
            .collect();
        let links = usize::from(LINKS);
        let network = Network::new(machines.len(), links, Random::new(seed, 3));
        let mut world = Self {
            now: Moment(0),
            queue: Queue::default(),
            network,
            judge: Judge::new(machines.len()),
            applied: vec![None; plan.faults.len()],
            machines,
            random,
            trace,
            plan,
            coverage: Coverage::default(),
            violation: None,
            commands: 0,
            copies: Copies::default(),
            touched: false,
        };
        world.judge.apart = (topology == Topology::Reach).then_some(Moment(0));
        for place in 0..world.machines.len() {
            world.power_on(place);
        }
        for (number, fault) in world.plan.faults.iter().enumerate() {
            world.queue.put(fault.at, Coming::Fault(number));
        }
        world
    }

    /// Lets everything happen up to that moment, or up to the first violation.
    pub fn run_until(&mut self, until: Moment) {
        while self.violation.is_none() {
            let Some((at, coming)) = self.queue.next(until) else {
                self.now = until;
                return;
            };
            self.now = at;
            self.happen(coming);
            self.look();
        }
    }

    pub(crate) fn look(&mut self) {
        if self.judge.apart.is_some() {
            self.look_around_for_the_judge();
        }
        if self.violation.is_none() {
            let touched = std::mem::take(&mut self.touched);
            self.violation = invariants::check(&mut self.judge, &self.machines, self.now, touched)
                .err()
                .map(|found| found.at(self.now));
        }
    }

    /// A check that only holds at one point of an action said no.
    pub(crate) fn judge(&mut self, verdict: Result<(), Violation>) {
        if let Err(found) = verdict
            && self.violation.is_none()
        {
            self.violation = Some(found.at(self.now));
        }
    }

    fn happen(&mut self, coming: Coming) {
        if let Some(at) = coming.waits_at()
            && let Some(waiting) = &mut self.machines[at].frozen
        {
            if waiting.len() < INBOX || !matches!(coming, Coming::Deliver { .. }) {
                waiting.push(coming);
            }
            return;
        }
        match coming {
            Coming::Wake { at, life } => self.wake(at, life),
            Coming::Deliver {
                at,
                from,
                link,
                packet,
                ..
            } => {
                if self.machines[at].process.is_some() {
                    self.step(at, Event::Packet { from, link, packet });
                }
            }
            Coming::Synced { at, batch } => {
                if let Some(ticket) = self.machines[at].storage.synced(batch) {
                    self.wrote(at);
                    self.say(at, 1, ticket.0, || format!("synced up to {}", ticket.0));
                    self.step(at, Event::Persisted(ticket));
                }
                self.sync(at);
            }
            Coming::Effect {
                at,
                operation,
                cycle,
            } if self.machines[at].cycle == cycle => self.effect(at, operation),
            Coming::End {
                at,
                operation,
                cycle,
                killed,
            } if self.machines[at].cycle == cycle => self.end(at, operation, killed),
            Coming::Stirred { at, life, resource } => {
                if self.lives(at, life) {
                    self.step(at, Event::Noticed(resource));
                }
            }
            Coming::Answer {
                at,
                life,
                operation,
                outcome,
            } => {
                if self.lives(at, life) {
                    self.step(at, Event::Done { operation, outcome });
                }
            }
            Coming::Bite { at, setting } => self.bite(at, setting),
            Coming::Off { .. } => self.is_powered_off(&coming),
            Coming::Status { .. } => self.status(&coming),
            Coming::Fenced {
                at,
                life,
                number,
                outcome,
            } => self.fenced(at, life, number, outcome),
            Coming::Noticed { at } => self.noticed(at),
            Coming::Reached { at, life, number } => self.looked_around(at, life, number),
            Coming::FencePeer { at, cycle } => self.fence_peer(at, cycle),
            Coming::UnfencePeer {
                at,
                cycle,
                since_ms,
            } => self.unfence_peer(at, cycle, since_ms),
            Coming::CaughtUp => self.catch_up(),
            Coming::Button { at, cycle } => self.button(at, cycle),
            Coming::Boot { at, cycle } if self.machines[at].cycle == cycle => self.boot(at),
            Coming::Launch { at, cycle } if self.machines[at].cycle == cycle => self.launch(at),
            Coming::Fault(number) => self.begin_fault(number),
            Coming::Mend(number) => self.end_fault(number),
            Coming::Effect { .. }
            | Coming::End { .. }
            | Coming::Boot { .. }
            | Coming::Launch { .. } => {}
        }
    }

    /// For the record.
    pub(crate) fn say(
        &mut self,
        at: Place,
        code: u64,
        number: u64,
        words: impl FnOnce() -> String,
    ) {
        self.trace.say(self.now, [at as u64, code, number], || {
            format!("node {}: {}", at + 1, words())
        });
    }

    pub(crate) fn lives(&self, at: Place, life: u64) -> bool {
        let process = self.machines[at].process.as_ref();
        process.is_some_and(|process| process.life == life)
    }

    /// Something happens to a daemon.
    pub(crate) fn step(&mut self, at: Place, event: Event) {
        let now = self.now;
        let machine = &mut self.machines[at];
        let Some(process) = &mut machine.process else {
            return;
        };
        if process.paused {
            let full = process.inbox.len() >= INBOX;
            if !(full && matches!(event, Event::Packet { .. })) {
                process.inbox.push(event);
            }
            return;
        }
        self.judge.heard(at, process.session, &event);
        machine.before = std::sync::Arc::clone(&process.daemon.state().resources);
        let before = process.daemon.state().applied;
        let actions = process.daemon.step(event, machine.clock.read(now));
        let life = process.life;
        let end = process.daemon.lease_end();
        machine.noted = end.map(|end| (machine.boot, end));
        if process.daemon.state().applied != before {
            let verdict = self.judge.applied(&self.machines, at);
            self.judge(verdict);
            self.judge.learn_bans(&self.machines[at], at, now);
            if self.machines[at].is_of_a_lone_pair() {
                self.judge.learn_loss(&self.machines[at], at, now);
            }
            self.judge_copies(at);
        }
        self.decided(at, life, actions);
        self.end_in_order(at);
        self.plan_wake(at);
    }

    /// A daemon decided on actions: they are judged by what it may know, and begun.
    pub(crate) fn decided(&mut self, at: Place, life: u64, actions: Vec<Action>) {
        if actions.is_empty() {
            return;
        }
        let verdict = self.judge.decided(&self.machines, at, self.now, &actions);
        self.judge(verdict);
        let Some(process) = &mut self.machines[at].process else {
            return;
        };
        if std::mem::take(&mut process.pause_before_acting) {
            process.paused = true;
            process.undone = actions;
            self.say(at, 2, 0, || "paused between deciding and doing".into());
            return;
        }
        self.carry_out(at, life, actions);
    }

    pub(crate) fn carry_out(&mut self, at: Place, life: u64, actions: Vec<Action>) {
        for action in actions {
            if self.spring(at) || !self.lives(at, life) {
                return;
            }
            self.act(at, life, action);
        }
        self.spring_now(at);
    }
}
