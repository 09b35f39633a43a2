//! What daemons decided on, carried out: packets, writes, operations, the watchdog.

use crate::invariants;
use crate::machine::Daemon;
use crate::queue::{Coming, Place};
use crate::topology::{node_of, place_of};
use crate::world::World;
use cluster_core::action::Action;
use cluster_core::event::Event;
use cluster_core::name::{LinkId, NodeId, ResourceId};
use cluster_core::operation::{OperationId, OperationKind, Outcome};
use cluster_core::packet::Packet;
use std::time::Duration;

impl<D: Daemon> World<D> {
    pub(crate) fn act(&mut self, at: Place, life: u64, action: Action) {
        match action {
            Action::Send { to, link, packet } => self.send(at, to, link, packet),
            Action::Persist { ticket, write } => {
                self.set_trap_off(at, &write);
                self.say(at, 3, ticket.0, || format!("writes {}", ticket.0));
                self.machines[at].storage.ask(ticket, write);
                self.sync(at);
            }
            Action::Start {
                operation,
                resource,
                kind,
                not_after,
            } => {
                // The clock is read again: the decision may be an old one.
                let clock = self.machines[at].clock.read(self.now);
                if not_after.is_none_or(|limit| clock < limit) {
                    self.start(at, life, operation, resource, kind);
                } else {
                    let outcome = Outcome::Killed;
                    self.answer(at, life, operation, outcome);
                }
            }
            Action::Kill(operation) => {
                self.say(at, 4, operation.number, || format!("kills {operation:?}"));
                let answer = self.machines[at].agents.kill(operation, life);
                let cycle = self.machines[at].cycle;
                match answer {
                    Ok(outcome) => self.answer(at, life, operation, outcome),
                    Err(Some(time)) => self.queue.put(
                        self.now + time,
                        Coming::End {
                            at,
                            operation,
                            cycle,
                            killed: true,
                        },
                    ),
                    Err(None) => {}
                }
            }
            Action::Arm => {
                self.say(at, 5, 0, || "arms the watchdog".into());
                let watchdog = &mut self.machines[at].watchdog;
                if !watchdog.armed {
                    watchdog.armed = true;
                    watchdog.setting += 1;
                    let setting = watchdog.setting;
                    self.pet(at);
                    let due = self.machines[at].watchdog.due;
                    self.queue.put(due, Coming::Bite { at, setting });
                }
            }
            Action::Pet { not_after } => {
                // The clock is read again: the decision may be an old one.
                if self.machines[at].clock.read(self.now) < not_after {
                    let machine = &self.machines[at];
                    if !machine.is_of_a_lone_pair() {
                        let verdict = self
                            .judge
                            .invariant_petted_under_lease(machine, at, self.now);
                        self.judge(verdict);
                    }
                    self.pet(at);
                }
            }
            Action::Disarm => {
                self.say(at, 6, 0, || "disarms the watchdog".into());
                let verdict = invariants::invariant_guarded_to_the_end(&self.machines[at]);
                self.judge(verdict);
                let watchdog = &mut self.machines[at].watchdog;
                watchdog.armed = false;
                watchdog.setting += 1;
            }
            Action::Fence { number, node } => self.fence(at, life, number, node),
            Action::LookAround { number } => self.look_around(at, life, number),
            Action::PowerOn { node } => self.wants_power(at, node),
            Action::Reset { why } => {
                self.say(at, 7, 0, || format!("resets its machine: {why}"));
                self.reset(at);
            }
            Action::Answer { number, answer } => {
                self.say(at, 21, number, || {
                    format!("answers request {number}: {answer:?}")
                });
                self.is_answered(at, number, answer.is_ok());
            }
            Action::Note(note) => self.say(at, 8, 0, || format!("{note:?}")),
        }
    }

    /// The supervisor answers at once.
    fn answer(&mut self, at: Place, life: u64, operation: OperationId, outcome: Outcome) {
        let coming = Coming::Answer {
            at,
            life,
            operation,
            outcome,
        };
        self.queue.put(self.now + Duration::from_micros(50), coming);
    }

    pub(crate) fn pet(&mut self, at: Place) {
        let machine = &mut self.machines[at];
        machine.watchdog.due = self.now + machine.watchdog_time();
    }

    pub(crate) fn send(&mut self, at: Place, to: NodeId, link: LinkId, packet: Packet) {
        let receiver = place_of(to);
        if receiver >= self.machines.len() {
            return;
        }
        let from = node_of(at);
        let delays = self.network.carry(at, receiver, usize::from(link.0));
        let [first, second] = delays.map(|delay| delay.map(|delay| self.now + delay));
        let words = |packet: &Packet| match packet {
            Packet::Beat(_) | Packet::Echo { .. } => None,
            other => Some(format!("to {to}: {other:?}")),
        };
        if !matches!(packet, Packet::Beat(_) | Packet::Echo { .. }) {
            let arrives = first.map_or(0, |at| at.0);
            self.say(at, 10, arrives, || words(&packet).unwrap_or_default());
        }
        let deliver = |packet| Coming::Deliver {
            at: receiver,
            from,
            link,
            sent: self.now,
            packet,
        };
        if let Some(second) = second {
            self.queue.put(second, deliver(packet.clone()));
        }
        if let Some(first) = first {
            self.queue.put(first, deliver(packet));
        }
    }

    pub(crate) fn start(
        &mut self,
        at: Place,
        life: u64,
        id: OperationId,
        resource: ResourceId,
        kind: OperationKind,
    ) {
        self.say(at, 11, id.number, || {
            format!("{kind:?} of {resource} begins ({})", id.number)
        });
        self.touched = true;
        let verdict = self
            .judge
            .begins(&self.machines[at], at, self.now, id, resource, kind);
        self.judge(verdict);
        let machine = &self.machines[at];
        let now = self.now;
        let verdict = self
            .judge
            .invariant_obedient(machine, at, now, resource, kind);
        self.judge(verdict);
        if kind == OperationKind::Promote {
            let verdict = self.copies.invariant_fresh(self.machines[at].node);
            self.judge(verdict);
        }
        let machine = &mut self.machines[at];
        let process = machine.process.as_ref();
        let its = process.and_then(|process| process.daemon.definition(resource));
        // It may have been decided before the same step brought another configuration.
        let Some(its) = its.or_else(|| machine.before.get(resource)) else {
            let verdict = crate::names::nobody_gave(machine.node, resource);
            return self.judge(verdict);
        };
        let course = machine.agents.start(id, resource, kind, life, its);
        let cycle = machine.cycle;
        if let Some(effect) = course.effect {
            let coming = Coming::Effect {
                at,
                operation: id,
                cycle,
            };
            self.queue.put(self.now + effect, coming);
        }
        let coming = Coming::End {
            at,
            operation: id,
            cycle,
            killed: false,
        };
        self.queue.put(self.now + course.end, coming);
    }

    pub(crate) fn effect(&mut self, at: Place, id: OperationId) {
        let operation = self.machines[at].agents.operations.get(&id);
        let promotes = operation.is_some_and(|one| one.kind == OperationKind::Promote);
        if let Some((resource, up)) = self.machines[at].agents.effect(id) {
            self.touched = true;
            self.say(at, 12, u64::from(resource.0) * 2 + u64::from(up), || {
                format!("{resource} {}", if up { "RUNS" } else { "is STOPPED" })
            });
            if up {
                self.judge.came_up(resource, at, self.now);
            }
        }
        if promotes && self.writes(at) {
            self.must_write_alone(at);
        }
    }

    pub(crate) fn end(&mut self, at: Place, id: OperationId, killed: bool) {
        let Some((operation, outcome)) = self.machines[at].agents.end(id, killed) else {
            return;
        };
        self.touched = true;
        self.say(at, 13, id.number, || {
            format!(
                "{:?} of {} ends: {outcome:?}",
                operation.kind, operation.resource
            )
        });
        let failed = !matches!(outcome, Outcome::Good | Outcome::Killed);
        let machine = &mut self.machines[at];
        let process = machine.process.as_ref();
        let its = process.and_then(|process| process.daemon.definition(operation.resource));
        let ignores = its.is_some_and(|its| its.ignores.contains(&OperationKind::Start));
        if failed && operation.kind == OperationKind::Start && ignores {
            machine.agents.ignore(operation.resource);
        }
        if self.lives(at, operation.life) {
            self.step(
                at,
                Event::Done {
                    operation: id,
                    outcome,
                },
            );
        } else {
            self.machines[at].agents.keep(id, &operation, outcome);
        }
    }

    pub(crate) fn sync(&mut self, at: Place) {
        if let Some((batch, time)) = self.machines[at].storage.begin() {
            self.queue
                .put(self.now + time, Coming::Synced { at, batch });
        }
    }

    /// Disks begin again after a stall.
    pub(crate) fn unstall(&mut self, at: Place) {
        self.machines[at].storage.stalled = false;
        self.sync(at);
    }

    pub(crate) fn wrote(&mut self, at: Place) {
        let written = self.judge.epoch_is_written(&self.machines, at, self.now);
        self.judge(written);
        let verdict = self.judge.wrote(&self.machines[at]);
        self.judge(verdict);
    }
}
