//! A node or witness of the cluster.

use crate::action::{Action, Note};
use crate::anew::Anew;
use crate::check;
use crate::consensus::Consensus;
use crate::coordinator::Decided;
use crate::definition::Definition;
use crate::disk::{Agreement, Damaged, Disk, Membership, Ticket, Write};
use crate::event::Event;
use crate::fencing::Fencing;
use crate::lease::Lease;
use crate::liveness::Peers;
use crate::local::Local;
use crate::name::{BootId, Incarnation, LinkId, NodeId, ResourceId, Session};
use crate::operation::{OperationId, OperationKind};
use crate::out::Out;
use crate::packet::{Beat, Packet};
use crate::planted::Bug;
use crate::promise::Promises;
use crate::requests::Waiting;
use crate::settings::Settings;
use crate::silence::Sleep;
use crate::stall::Stall;
use crate::state::{Asked, Entry, State};
use crate::takeover::Takeovers;
use crate::time::Time;
use cluster_model::configuration::Configuration;
use std::collections::BTreeMap;
use std::time::Duration;

/// What differs from one start of the daemon to the next.
#[derive(Clone, Debug)]
pub struct Start {
    /// The start of the machine.
    pub boot: BootId,
    /// The start of the daemon; drawn at random by the caller.
    pub session: Session,
    /// An earlier daemon of this start of the machine left the watchdog armed.
    pub armed: bool,
    /// Until when an earlier daemon of this start of the machine had a lease, as it noted
    /// itself where a boot clears it away. What runs here may run until then.
    pub lease: Option<Time>,
    /// Operations of an earlier daemon whose processes may still be there, or that nobody
    /// heard the end of. Their names say what they are.
    pub leftovers: BTreeMap<OperationId, (ResourceId, OperationKind)>,
}

/// A node or witness.
#[derive(Debug)]
pub struct Node {
    pub(crate) settings: Settings,
    pub(crate) boot: BootId,
    pub(crate) session: Session,
    pub(crate) out: Out,
    pub(crate) peers: Peers,
    pub(crate) consensus: Consensus,
    pub(crate) state: State,
    pub(crate) promises: Promises,
    pub(crate) takeovers: Takeovers,
    pub(crate) local: Local,
    pub(crate) coordinates: bool,
    /// Agreements to be said once they are on the disk.
    pub(crate) answers: Vec<(Ticket, NodeId, NodeId, Agreement)>,
    /// When something was applied last.
    pub(crate) applied_at: Time,
    /// What the policy was asked, and what follows from its answer.
    pub(crate) decided: Option<Decided>,
    /// The place in the log of the configuration that was made known here.
    pub(crate) configured: u64,
    /// What operators asked for here, and is not in the log yet.
    pub(crate) requests: BTreeMap<u64, Waiting>,
    /// Something was ordered that waits until all is read that is known to be decided.
    pub(crate) behind: bool,
    /// What this node knows of itself; nothing, until somebody says it to this session:
    /// what an earlier one told stays true.
    pub(crate) attributes: Option<BTreeMap<String, String>>,
    pub(crate) attributes_number: u64,
    pub(crate) stall: Stall,
    pub(crate) anew: Anew,
    pub(crate) fencing: Fencing,
    /// In a lone pair: this node was admitted in this start of its machine, or has an
    /// operator's word instead; where what is reached decides, it went on by what it saw, and
    /// has not given up since.
    pub(crate) joined: bool,
    pub(crate) lease: Lease,
    /// As whom this session was admitted.
    pub(crate) incarnation: Option<Incarnation>,
    /// When resources that an earlier session left, or that were taken away from this
    /// one, are to be stopped.
    pub(crate) grace: Option<Time>,
    /// The end of the lease of an earlier daemon, for as long as this one had none.
    pub(crate) inherited: Option<Time>,
    /// On the disk is what may still run of a line of the log that was given up.
    pub(crate) given_up: bool,
    pub(crate) had_lease: bool,
    pub(crate) told: u64,
    pub(crate) seen: Time,
    pub(crate) sleep: Sleep,
    pub(crate) next_pet: Time,
    pub(crate) beat_number: u64,
    pub(crate) next_beat: Time,
    pub(crate) next_tick: Time,
    pub(crate) ticks: u64,
    /// A reset was asked for: nothing else is done any more.
    pub(crate) doomed: bool,
}

impl Node {
    /// Begins with what is on the disk.
    ///
    /// # Errors
    ///
    /// [`Damaged`]: it cannot be what was written.
    pub fn new(
        mut settings: Settings,
        disk: &Disk,
        start: Start,
        now: Time,
    ) -> Result<(Self, Vec<Action>), Damaged> {
        let state = disk.state()?;
        let mut out = Out::default();
        let mut leftovers = start.leftovers;
        // What was about to begin when the daemon ended may have begun.
        let begun = disk.running.iter();
        leftovers.extend(
            begun
                .filter(|(_, running)| running.boot == start.boot)
                .map(|(id, running)| (*id, (running.resource, running.kind))),
        );
        let mut local = Local::new(
            start.boot,
            start.session,
            start.armed,
            leftovers,
            &settings,
            &mut out,
        );
        let by_reach = settings.arbitration.reach().is_some();
        let given_up = by_reach && disk.given_up.boot == Some(start.boot);
        if given_up {
            local.inherit(&disk.given_up, now);
        } else {
            local.know(&state.resources, now);
        }
        local.take_over(&disk.stop_failed);
        if let Some(first) = &settings.first
            && let Err(unfit) = check::check(first, &settings)
        {
            out.note(Note::Unfit(unfit));
            settings.first = None;
        }
        // Without a lease that is known, the watchdog runs and is not petted: half of its
        // time to get one, the rest to stop what may run here.
        let half = settings.terms.watchdog / 2;
        let lone = settings.arbitration.is_of_a_lone_pair();
        let inherited = start.lease.filter(|_| start.armed && !lone);
        let blank = disk.is_blank() && !lone && !settings.has(Bug::AmnesiacVoter);
        if blank {
            out.note(Note::Blank);
        }
        // Where what is reached decides, who holds nothing begins as one who was started anew.
        let idle = by_reach && !start.armed;
        let joined = disk.membership == Membership::Since(start.boot) && !idle && !given_up;
        let grace = (start.armed && !joined)
            .then_some(now + half)
            .max(inherited);
        let mut node = Self {
            boot: start.boot,
            session: start.session,
            out,
            peers: Peers::new(&settings, now),
            consensus: Consensus::new(&settings, disk, &state),
            configured: state.resources.configured(),
            state,
            promises: Promises::new(disk.agreed.clone(), &settings, now),
            takeovers: Takeovers::default(),
            local,
            coordinates: false,
            answers: Vec::new(),
            applied_at: now,
            decided: None,
            requests: BTreeMap::new(),
            behind: false,
            attributes: None,
            attributes_number: 0,
            stall: Stall::default(),
            anew: Anew {
                since: blank.then_some(now),
                latecomer: disk.latecomer,
                ..Anew::default()
            },
            fencing: Fencing::default(),
            given_up,
            joined,
            lease: Lease::default(),
            incarnation: None,
            grace,
            inherited,
            had_lease: false,
            told: 0,
            seen: now,
            sleep: Sleep::new(now),
            next_pet: now,
            beat_number: 0,
            next_beat: now,
            next_tick: now,
            ticks: 0,
            doomed: false,
            settings,
        };
        node.fencing.yielded = given_up;
        // Whatever the state has settled: the log up to it is not read again.
        for (member, its) in node.state.members.clone() {
            node.decided(member, its.incarnation, its.attempt);
        }
        node.weigh();
        node.settle(now);
        node.rest(now);
        let actions = node.out.take();
        Ok((node, actions))
    }

    /// Something happened. `now` never goes back, and was read after it happened: a
    /// promise that counts from before the question would be too short.
    pub fn step(&mut self, event: Event, now: Time) -> Vec<Action> {
        if self.doomed {
            return Vec::new();
        }
        self.wake(now);
        match event {
            Event::Tick => {}
            Event::Packet { from, link, packet } => self.receive(from, link, packet, now),
            Event::Persisted(ticket) => {
                self.stall.persisted(ticket);
                let output = self.consensus.persisted(ticket);
                self.take(output, now);
                self.answer(ticket);
                self.go_on_alone(ticket, now);
                let rights = self.rights(now);
                self.local
                    .persisted(ticket, rights, &self.settings, &mut self.out);
            }
            Event::Attributes(attributes) => {
                if self.attributes.as_ref() != Some(&attributes) {
                    self.attributes = Some(attributes);
                    self.attributes_number += 1;
                }
                self.tell_attributes(now);
            }
            Event::Command { number, command } => {
                self.request(number, Asked::Command(command), now);
            }
            Event::Configure {
                number,
                configuration,
            } => self.request(number, Asked::Configuration(configuration), now),
            Event::Fenced { number, outcome } => self.fenced(number, outcome, now),
            Event::Reached {
                number,
                reached,
                owned,
            } => self.reached(number, reached, owned, now),
            Event::ConfirmedOff { number, node } => self.told_off(number, node, now),
            Event::Noticed(resource) => self.local.noticed(resource, now),
            Event::Done { operation, outcome } => {
                let rights = self.rights(now);
                self.local.done(
                    operation,
                    outcome,
                    rights,
                    &self.settings,
                    now,
                    &mut self.out,
                );
            }
        }
        self.settle(now);
        self.rest(now);
        self.out.take()
    }

    /// When `Event::Tick` is wanted at the latest.
    pub fn deadline(&self) -> Time {
        let mut deadline = self.next_beat.min(self.next_tick);
        let others = [self.local.deadline(), self.fencing_deadline()];
        for look in others.into_iter().flatten() {
            deadline = deadline.min(look);
        }
        if let Some(until) = self.end() {
            for end in [until, until + self.settings.terms.stop] {
                if end > self.seen {
                    deadline = deadline.min(end);
                }
            }
        }
        deadline
    }

    /// What this node has applied.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What there is to run; nothing, as long as nobody said it.
    pub fn configuration(&self) -> Option<&Configuration> {
        let resources = &self.state.resources;
        (resources.configured() != 0).then(|| resources.configuration())
    }

    /// What a number stands for: valid for whatever is in the configuration, and for what
    /// was and is not stopped everywhere.
    pub fn definition(&self, resource: ResourceId) -> Option<&Definition> {
        let known = self.state.resources.get(resource);
        // Who begins with nothing stops what it has by what it knew.
        known.or_else(|| self.local.definition(resource))
    }

    /// Does it coordinate?
    pub fn is_coordinator(&self) -> bool {
        self.coordinates
    }

    /// May it run resources at this moment?
    pub fn has_lease(&self, now: Time) -> bool {
        self.had_lease && self.has_right(now) && !self.may_only_keep(now)
    }

    /// Nothing of an earlier session is under way, and nothing runs that was taken
    /// away from this node.
    pub(crate) fn is_ready_to_join(&self) -> bool {
        let was_given_up = self
            .state
            .members
            .get(&self.settings.me)
            .is_some_and(|member| member.session == self.session && member.lost);
        self.incarnation.is_none()
            && self.local.is_clear()
            && !(was_given_up && self.local.holds() || self.is_still_stopping())
            && !self.has_parted()
    }

    /// What time demands, what the consensus wants, and what follows from it.
    fn settle(&mut self, now: Time) {
        self.seen = now;
        self.beat(now);
        self.tick(now);
        self.keep_the_lease(now);
        self.watch_the_peer(now);
        self.local.monitor(&self.settings, now, &mut self.out);
        // Applying may lead to proposals, and those to what is to be written.
        loop {
            let out = &mut self.out;
            let output = self
                .consensus
                .advance(&self.settings, |write: Write| out.persist(write));
            let idle = output.send.is_empty() && output.commits.is_empty();
            self.take(output, now);
            self.coordinate(now);
            if idle && !self.consensus.has_work() {
                break;
            }
        }
        self.guard(now);
        self.forget_what_was_given_up();
        self.stall.look(self.out.last(), now);
        if self.told != self.local.reported() {
            self.told = self.local.reported();
            self.tell_the_coordinator();
            self.coordinate(now);
            let out = &mut self.out;
            let output = self
                .consensus
                .advance(&self.settings, |write: Write| out.persist(write));
            self.take(output, now);
        }
    }

    fn beat(&mut self, now: Time) {
        if now < self.next_beat {
            return;
        }
        self.next_beat = now + self.settings.keepalive;
        self.beat_number += 1;
        let mut notes = Vec::new();
        self.peers.look(&self.settings, now, &mut notes);
        for note in notes {
            self.out.note(note);
        }
        // Who cannot write cannot start, nor say what it did: its resources are better
        // off elsewhere. Stops wait for no disk.
        let writes = !self.stall.lasts(self.settings.terms.lease / 2, now);
        let lone = self.settings.arbitration.is_of_a_lone_pair();
        if lone && !writes {
            // Without this node's disk nothing goes on: the peer is to do without it.
            return;
        }
        let incarnation = self.incarnation.filter(|_| writes && !lone);
        let lease = incarnation.map(|_| self.lease.ask(now));
        let ready = self.is_ready_to_join();
        let peers: Vec<_> = self.settings.peers().collect();
        for peer in peers {
            let beat = Beat {
                boot: self.boot,
                session: self.session,
                number: self.beat_number,
                epoch: self.state.epoch,
                applied: self.state.applied,
                heard: self.peers.last_heard(peer),
                incarnation: self.incarnation,
                lease,
                leased: self.has_lease(now),
                ready,
                agreed: self.promises.agreed().clone(),
                memory: self.memory(now),
                begun: self.lets_begin(peer),
            };
            self.send(peer, &Packet::Beat(beat));
        }
        self.try_to_begin(None, now);
        if let Some(nonce) = lease
            && self.settings.is_voter()
            && self.takes_part()
            && self.promises.echo(self.settings.me, &self.settings, now)
        {
            self.lease
                .echoed(self.settings.me, nonce, &self.settings, now);
        }
        self.ask_for_agreement(now);
        self.tell_the_coordinator();
        self.tell_attributes(now);
        self.tell_request(now);
        self.tell_first();
    }

    fn tell_the_coordinator(&mut self) {
        let Some(leader) = self.consensus.leader() else {
            return;
        };
        if leader == self.settings.me {
            return;
        }
        let reports: Vec<_> = self.local.reports().cloned().collect();
        for report in reports {
            self.send(leader, &Packet::Report(report));
        }
    }

    fn tick(&mut self, now: Time) {
        if now < self.next_tick {
            return;
        }
        self.ticks += 1;
        self.next_tick = now + self.tick_length();
        // Nor does it lead: what it cannot write, it cannot apply.
        if self.can_write(now) && self.takes_part() {
            self.consensus.tick();
        }
    }

    /// Ten of these are an election timeout. Two nodes never have the same for long,
    /// so that elections come to an end; and it can be replayed.
    fn tick_length(&self) -> Duration {
        let tick = self.settings.deadtime / 10;
        let mixed = (self.session.0 ^ self.ticks.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let thousandths = u32::try_from((mixed >> 32) % 500).unwrap_or(0);
        tick + tick * thousandths / 1_000
    }

    fn receive(&mut self, from: NodeId, link: LinkId, packet: Packet, now: Time) {
        // What is said by another epoch's count of incarnations means nothing here.
        let told = matches!(
            packet,
            Packet::Report(_)
                | Packet::Attributes { .. }
                | Packet::Request { .. }
                | Packet::First(_)
        );
        let lone = self.settings.arbitration.is_of_a_lone_pair();
        if told && lone && !self.is_of_this_epoch(from) {
            return;
        }
        match packet {
            Packet::Beat(beat) => {
                let mut notes = Vec::new();
                if self.peers.hear(from, link, &beat, now, &mut notes) {
                    self.attend(from, beat.session, now);
                }
                for note in notes {
                    self.out.note(note);
                }
                self.compare_epochs(from, &beat, now);
                self.try_to_begin(Some(from), now);
                self.renew(from, link, &beat, now);
            }
            Packet::Echo { session, nonce } => {
                if session == self.session && self.incarnation.is_some() {
                    self.lease.echoed(from, nonce, &self.settings, now);
                }
            }
            Packet::AgreeAsk { node, agreement } => self.agree(from, node, agreement, now),
            Packet::Agreed { node, agreement } => {
                if self.settings.voters.contains(&from) {
                    self.takeovers.agreed(from, node, agreement);
                }
            }
            Packet::Report(report) => {
                self.propose_report(from, report, now);
            }
            Packet::Attributes {
                incarnation,
                number,
                attributes,
            } => {
                let node = from;
                let entry = Entry::Attributes {
                    node,
                    incarnation,
                    number,
                    attributes,
                };
                self.propose(entry, now);
            }
            Packet::Request { request, asked } => {
                // Asked in its own name, by the session that is there now.
                let session = self.peers.proof(from, self.session);
                if request.node == from && session.is_some_and(|its| its.session == request.session)
                {
                    self.propose_request(request, asked, now);
                }
            }
            Packet::First(configuration) => self.propose_first(configuration, now),
            Packet::Raft(message) => {
                if self.can_write(now) && self.takes_part() && !self.is_still_stopping() {
                    self.consensus.receive(from, *message);
                    self.compare_memories(now);
                }
            }
        }
    }

    /// A voter renews the lease of a session that it knows to be admitted.
    fn renew(&mut self, from: NodeId, link: LinkId, beat: &Beat, now: Time) {
        let Some(nonce) = beat.lease else {
            return;
        };
        let known = self.state.members.get(&from).is_some_and(|member| {
            member.session == beat.session
                && Some(member.incarnation) == beat.incarnation
                && !member.lost
                && !member.condemned
        });
        // Who cannot hear the answer is promised nothing: it would bind this voter for
        // nobody's good.
        let hears = Peers::hears(beat, self.session, self.beat_number, &self.settings);
        let votes = self.settings.is_voter() || self.settings.has(Bug::LearnerCounts);
        if votes
            && self.takes_part()
            && hears
            && (known || self.settings.has(Bug::EchoAfterAgreement))
            && self.promises.echo(from, &self.settings, now)
        {
            self.out.act(Action::Send {
                to: from,
                link,
                packet: Packet::Echo {
                    session: beat.session,
                    nonce,
                },
            });
        }
    }
}
