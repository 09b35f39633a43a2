//! What follows, on every node, from what is in the log.

use crate::action::Note;
use crate::consensus::Output;
use crate::disk::{Agreement, Write};
use crate::name::{Incarnation, NodeId, OrderId, ResourceId};
use crate::node::Node;
use crate::operation::OperationKind;
use crate::planted::Bug;
use crate::state::{Change, Entry, State};
use crate::time::Time;

/// Something that this node is to do.
#[derive(Debug)]
struct Ordered {
    /// Whose order it is.
    incarnation: Option<Incarnation>,
    order: OrderId,
    resource: ResourceId,
    kind: OperationKind,
}

impl Node {
    pub(crate) fn take(&mut self, output: Output, now: Time) {
        for (to, packet) in output.send {
            self.send(to, &packet);
        }
        if let Some(state) = output.state {
            self.replace(state, now);
        }
        if !output.commits.is_empty() {
            self.applied_at = now;
            let mut orders = Vec::new();
            for (index, at_ms, entry) in output.commits {
                self.apply(index, at_ms, &entry, &mut orders, now);
                self.weigh();
            }
            self.obey(orders, now);
            self.consensus.vote_as(self.state.alone);
        }
        if self.behind && !self.consensus.is_behind() {
            self.behind = false;
            self.obey_what_is_pending(now);
        }
        if let Some(write) = self.consensus.compact(&self.state, self.settings.log_max) {
            self.out.persist(write);
        }
    }

    /// What is ordered comes into `orders`: whoever reads much at once may read further on
    /// that it is not wanted any more.
    fn apply(
        &mut self,
        index: u64,
        at_ms: u64,
        entry: &Entry,
        orders: &mut Vec<Ordered>,
        now: Time,
    ) {
        for change in self.state.apply(index, at_ms, entry) {
            match change {
                Change::Joined(node, incarnation) => {
                    self.decided(node, incarnation, 0);
                    self.out.note(Note::Joined(node));
                    // Without a vote it counts for nothing: it is asked anew what it has.
                    if self.lone_peer() == Some(node) && self.state.alone.is_some() {
                        self.consensus.forget(node);
                    }
                    let session = self.state.members.get(&node).map(|member| member.session);
                    if node == self.settings.me {
                        let mine = session == Some(self.session);
                        // Of an earlier session it is an old story, read again from the log:
                        // this start of the machine may be the answer to it.
                        let member = self.state.members.get(&node);
                        if mine && member.is_some_and(|its| its.condemned) {
                            self.reset("the cluster says so: something here could not be stopped");
                        }
                        self.incarnation = mine.then_some(incarnation);
                        if mine {
                            self.has_joined();
                        }
                        // Ask for the lease at once.
                        self.next_beat = now;
                        self.local.admitted();
                    }
                }
                Change::Lost(node, proof) => {
                    self.takeovers.end(node);
                    self.peers.decided(node, self.beat_number);
                    self.out.note(Note::Lost(node, proof));
                    self.peer_is_lost(node, proof);
                    if node == self.settings.me && self.incarnation.is_some() {
                        self.incarnation = None;
                        self.lose_the_lease(now);
                        self.local.admitted();
                    }
                }
                Change::Alone(index) => {
                    // Whoever starts again knows it from the first.
                    self.out.persist(Write {
                        applied: Some(index),
                        ..Write::default()
                    });
                    self.decided = None;
                }
                Change::Begun(node, session) => self.begins_anew(node, session),
                Change::Reunited => {
                    self.out.note(Note::Reunited);
                    self.decided = None;
                }
                Change::Renewed(node) => {
                    let member = self.state.members.get(&node);
                    if let Some((incarnation, attempt)) =
                        member.map(|member| (member.incarnation, member.attempt))
                    {
                        self.decided(node, incarnation, attempt);
                    }
                }
                Change::Condemned(node) => {
                    self.out.note(Note::Condemned(node));
                    if node == self.settings.me && self.incarnation.is_some() {
                        self.reset("the cluster says so: something here could not be stopped");
                    }
                }
                Change::Commanded(request, answer) => self.commanded(request, &answer),
                Change::Defined => self.define(now),
                Change::Ordered(node, order, resource, kind) => {
                    let current = self.incarnation.is_some()
                        && self.state.members.get(&node).map(|its| its.incarnation)
                            == self.incarnation;
                    let obeys = current || self.settings.has(Bug::OldOrderObeyed);
                    if node == self.settings.me && obeys {
                        let incarnation = self.incarnation;
                        orders.push(Ordered {
                            incarnation,
                            order,
                            resource,
                            kind,
                        });
                    }
                }
                Change::Reported(node, report) => {
                    if node == self.settings.me && Some(report.incarnation) == self.incarnation {
                        self.local.logged(&report);
                    }
                }
            }
        }
    }

    /// Does what was ordered, as far as all that was read leaves it standing.
    fn obey(&mut self, orders: Vec<Ordered>, now: Time) {
        for its in orders {
            let known = self.state.resources.get(its.resource).is_some();
            if known && its.incarnation == self.incarnation {
                self.obey_one(its.order, its.resource, its.kind, now);
            }
        }
    }

    /// What there is to run is not the same any more.
    fn define(&mut self, now: Time) {
        self.local.know(&self.state.resources, now);
        let configured = self.state.resources.configured();
        if configured != self.configured {
            self.configured = configured;
            // Whoever starts again here may have to stop what this speaks of, and knows
            // how before anything is started by it: writes are done in order.
            self.out.persist(Write {
                applied: Some(configured),
                ..Write::default()
            });
            self.out.note(Note::Configured(configured));
        }
    }

    /// So much was missed that the outcome comes at once: what is different about this
    /// node, and what voters are free of, follows from comparing.
    pub(crate) fn replace(&mut self, state: State, now: Time) {
        self.state = state;
        self.weigh_anew();
        self.applied_at = now;
        self.define(now);
        let members = self.state.members.clone();
        for (node, member) in &members {
            self.decided(*node, member.incarnation, member.attempt);
        }
        for request in self.state.requests.clone().into_values() {
            self.commanded(request, &Ok(()));
        }
        let me = members.get(&self.settings.me);
        let admitted = me
            .filter(|member| member.session == self.session && !member.lost)
            .map(|member| member.incarnation);
        if admitted != self.incarnation {
            if self.incarnation.is_some() {
                self.lose_the_lease(now);
                // The cluster went on without this node, and may have given what runs here to
                // another one.
                if admitted.is_none() && self.lone_peer().is_some() {
                    self.become_a_stranger();
                }
            }
            self.incarnation = admitted;
            self.local.admitted();
            self.next_beat = now;
        }
        if admitted.is_some() {
            self.has_joined();
        }
        let Some(me) = me.filter(|_| admitted.is_some()) else {
            return;
        };
        if me.condemned {
            self.reset("the cluster says so: something here could not be stopped");
            return;
        }
        self.local.logged_in(&self.state, self.settings.me);
        self.obey_what_is_pending(now);
    }

    /// Does what was ordered while this node was not there to hear it, or did not know yet
    /// what was decided afterwards.
    fn obey_what_is_pending(&mut self, now: Time) {
        let me = self.state.members.get(&self.settings.me);
        let Some(me) = me.filter(|_| self.incarnation.is_some()) else {
            return;
        };
        for (resource, local) in me.resources.clone() {
            if let Some((order, kind)) = local.pending
                && !self.local.knows(order)
            {
                self.obey_one(order, resource, kind, now);
            }
        }
    }

    /// Where nothing is promised to anybody the other one may have been faster: nothing
    /// is started before all is read that is known to be decided.
    fn obey_one(&mut self, order: OrderId, resource: ResourceId, kind: OperationKind, now: Time) {
        let by_reach = self.settings.arbitration.reach().is_some();
        if by_reach && kind.goes_up() && self.consensus.is_behind() {
            self.behind = true;
            return;
        }
        let rights = self.rights(now);
        self.local
            .ordered(order, resource, kind, rights, &self.settings, &mut self.out);
    }

    /// The cluster settled how things are with a node.
    pub(crate) fn decided(&mut self, node: NodeId, incarnation: Incarnation, attempt: u64) {
        self.takeovers.end(node);
        self.peers.decided(node, self.beat_number);
        let decided = Agreement {
            incarnation,
            attempt,
        };
        if self.promises.settle(node, decided) {
            self.out.persist(Write {
                agreed: Some(self.promises.agreed().clone()),
                ..Write::default()
            });
        }
    }
}
