//! The thread of the core: what happens goes in, and what the core wants is done.

use super::agreement::Wanted;
use super::attributes::Kept;
use super::fencing::Tests;
use super::journal::{Journal, Level};
use super::lease::LeaseNote;
use super::links::Links;
use super::refused::Refused;
use super::reload::Answer;
use super::trouble::Trouble;
use super::{Input, agents, clock, report, restart};
use crate::configuration::ClusterFile;
use anyhow::{Context, Result};
use cluster_agents::Ended;
use cluster_core::action::Note;
use cluster_core::disk::{Ticket, Write};
use cluster_core::name::{BootId, LinkId, NodeId, ResourceId};
use cluster_core::operation::{OperationId, OperationKind, Outcome};
use cluster_core::packet::Packet;
use cluster_core::{Action, Event, Node, Time};
use cluster_model::Command;
use cluster_watchdog::Watchdog;
use cluster_wire::Wire;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Longer than this the core is never left alone.
const LONGEST: Duration = Duration::from_secs(1);

/// So many operators may wait for an answer at a time.
const ANSWERS_MAX: usize = 256;

/// How the thread of the core came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing runs here any more.
    Left,
    /// The program that is installed now is to go on.
    Renew,
}

/// Everything that the core's thread has.
pub(crate) struct Machine {
    pub(super) node: Node,
    pub(super) wire: Wire,
    pub(super) links: Links,
    pub(super) disk: Sender<(Ticket, Write)>,
    pub(super) agents: agents::Agents,
    pub(super) watchdog: Watchdog,
    pub(super) watchdog_words: Option<String>,
    /// What the watchdog of this machine cannot do.
    pub(super) risk: Option<String>,
    pub(super) journal: Journal,
    pub(super) boot: BootId,
    pub(super) note: LeaseNote,
    pub(super) path: std::path::PathBuf,
    pub(super) file: ClusterFile,
    /// What the file says there is to run.
    pub(super) wanted: Wanted,
    pub(super) changed: watch::Sender<u64>,
    pub(super) own: Own,
}

/// What is only remembered.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) answers: BTreeMap<u64, oneshot::Sender<Result<(), Refused>>>,
    pub(super) number: u64,
    /// The configuration that was proposed, and instead of which one.
    pub(super) proposed: Option<(u64, String)>,
    pub(super) attributes: BTreeMap<String, String>,
    /// Those of them that outlive this daemon.
    pub(super) kept: Kept,
    pub(super) trouble: Trouble,
    pub(super) tests: Tests,
    pub(super) disk_refuses: Option<String>,
    /// What agents said last that was not good, by resource.
    pub(super) said: BTreeMap<String, String>,
    pub(super) leaving: bool,
    /// When this daemon ends for the one that is installed.
    pub(super) renew: Option<Time>,
    /// The installed program reads the file; who asked for that meanwhile.
    pub(super) reading: Option<Vec<Answer>>,
    /// What this node can see changed so often.
    pub(super) version: u64,
    pub(super) seen: (u64, bool, bool),
}

impl Machine {
    /// Goes on until this node left.
    pub(crate) fn run(mut self, inputs: &Receiver<Input>, first: Vec<Action>) -> Result<End> {
        // What the log tells of the past is no news.
        let past = |action: &Action| {
            let news = matches!(action, Action::Note(Note::Coordinator(_) | Note::Lease(_)));
            matches!(action, Action::Note(_)) && !news
        };
        self.act(first.into_iter().filter(|action| !past(action)).collect())?;
        loop {
            let until = self.node.deadline();
            let until = self.renewal().map_or(until, |renew| renew.min(until));
            let wait = until.since(clock::now()).min(LONGEST);
            let input = match inputs.recv_timeout(wait) {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("all threads ended"),
            };
            let is_calm = input.is_none();
            if let Some(input) = input {
                self.hear(input)?;
            }
            // Not all that comes in is a turn of the core, and it may never end.
            if is_calm || self.node.deadline() <= clock::now() {
                self.step(Event::Tick)?;
            }
            if self.tell_of_changes() {
                self.tell_of_the_file()?;
                self.agree_on_the_files()?;
            }
            if self.own.leaving && self.is_empty() && self.node.may_leave(clock::now()) {
                return Ok(End::Left);
            }
            if self.renewal().is_some_and(|renew| renew <= clock::now()) {
                return Ok(End::Renew);
            }
        }
    }

    /// When this daemon ends for the one that is installed. Who leaves has something to stop
    /// first, and whoever asked for a reload is to hear of it.
    fn renewal(&self) -> Option<Time> {
        let is_busy = self.own.leaving || self.own.reading.is_some();
        self.own.renew.filter(|_| !is_busy)
    }

    fn hear(&mut self, input: Input) -> Result<()> {
        match input {
            Input::Datagram {
                link,
                from,
                datagram,
            } => self.datagram(link, from.ip(), &datagram),
            Input::Persisted(ticket) => {
                if self.own.disk_refuses.take().is_some() {
                    self.journal
                        .say(Level::Notice, "the disk takes what is written again", &[]);
                }
                self.step(Event::Persisted(ticket))
            }
            Input::Disk(problem) => {
                if let Some(problem) = &problem
                    && self.own.disk_refuses.is_none()
                {
                    let sentence = format!("the disk refuses what is written: {problem}");
                    self.journal.say(Level::Critical, &sentence, &[]);
                }
                self.own.disk_refuses = problem;
                Ok(())
            }
            Input::Done { operation, ended } => self.done(operation, &ended),
            Input::Noticed(noticed) => {
                for resource in agents::concerned(&self.node.state().resources, &noticed) {
                    self.step(Event::Noticed(resource))?;
                }
                Ok(())
            }
            Input::Attributes(changes) => {
                for (name, value) in changes {
                    match value {
                        Some(value) => self.own.attributes.insert(name, value),
                        None => self.own.attributes.remove(&name),
                    };
                }
                self.step(Event::Attributes(self.own.attributes.clone()))
            }
            Input::Command { command, answer } => self.command(command, answer),
            Input::Report(answer) => {
                let _ = answer.send(report::report(self, clock::now()));
                Ok(())
            }
            Input::Model(answer) => {
                let _ = answer.send(report::model(self, clock::now()));
                Ok(())
            }
            Input::Tool { call, answer } => {
                let said = self.tool(call)?;
                let _ = answer.send(said);
                Ok(())
            }
            Input::Fenced {
                number,
                outcome,
                said,
            } => self.fenced(number, outcome, &said),
            Input::Reached {
                number,
                reached,
                owned,
            } => self.step(Event::Reached {
                number,
                reached,
                owned,
            }),
            Input::DeviceTested { node, place, fault } => {
                self.device_tested(node, place, fault);
                Ok(())
            }
            Input::ConfirmedOff { node, answer } => {
                let Some(node) = self.node.settings().node_named(&node) else {
                    let _ = answer.send(Err(Refused::NoSuchNode(node)));
                    return Ok(());
                };
                self.own.number += 1;
                let number = self.own.number;
                self.own.answers.insert(number, answer);
                self.step(Event::ConfirmedOff { number, node })
            }
            Input::Reload(answer) => {
                self.reload(vec![answer]);
                Ok(())
            }
            Input::Read { text, answers } => {
                self.give_way(text, answers);
                Ok(())
            }
            Input::Leave => {
                self.own.leaving = true;
                self.own
                    .attributes
                    .insert(cluster_core::LEAVING.to_owned(), "true".to_owned());
                self.step(Event::Attributes(self.own.attributes.clone()))
            }
            Input::Renew => {
                self.renew_soon();
                Ok(())
            }
        }
    }

    /// Nothing runs here, and nothing is about to.
    fn is_empty(&self) -> bool {
        !self.node.view(clock::now()).armed && self.agents.is_idle()
    }

    fn datagram(&mut self, link: u8, from: std::net::IpAddr, datagram: &[u8]) -> Result<()> {
        let now = clock::now();
        let opened = match self.wire.open(datagram, now.since(Time::default())) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(()),
            Err(refused) => {
                if let Some(sentence) = self.own.trouble.note(from, &refused, now) {
                    self.journal.say(Level::Warning, &sentence, &[]);
                }
                return Ok(());
            }
        };
        let Ok(packet) = postcard::from_bytes::<Packet>(&opened.message) else {
            // Whoever has the key and speaks otherwise is of another release.
            if let Some(sentence) = self.own.trouble.not_understood(from, now) {
                self.journal.say(Level::Warning, &sentence, &[]);
            }
            return Ok(());
        };
        // What may be a copy from before this daemon's time is worth no more than a sign
        // of life.
        if !opened.proven && !matches!(packet, Packet::Beat(_)) {
            return Ok(());
        }
        self.step(Event::Packet {
            from: NodeId(opened.from),
            link: LinkId(link),
            packet,
        })
    }

    pub(super) fn command(
        &mut self,
        command: Command,
        answer: oneshot::Sender<Result<(), Refused>>,
    ) -> Result<()> {
        self.own.answers.retain(|_, answer| !answer.is_closed());
        if self.own.answers.len() >= ANSWERS_MAX {
            let _ = answer.send(Err(Refused::TooMany));
            return Ok(());
        }
        self.own.number += 1;
        let number = self.own.number;
        self.own.answers.insert(number, answer);
        self.journal.say(
            Level::Notice,
            &format!("an operator asks: {command:?}"),
            &[("CLUSTERD_REQUEST", &number.to_string())],
        );
        self.step(Event::Command { number, command })
    }

    fn done(&mut self, operation: OperationId, ended: &Ended) -> Result<()> {
        let running = self.agents.ended(operation);
        let outcome = running.outcome(ended);
        let good = running.is_good(outcome);
        let name = &running.resource;
        if good {
            // What follows a failure, the stop, does not say why it came to that.
            if running.kind.goes_up() {
                self.own.said.remove(name);
            }
        } else {
            self.own.said.insert(name.clone(), running.sentence(ended));
        }
        if !good || !running.recurring {
            let level = if good { Level::Info } else { Level::Error };
            let fields = [
                ("CLUSTERD_RESOURCE", name.as_str()),
                ("CLUSTERD_OPERATION", running.word()),
                ("CLUSTERD_OUTPUT", ended.output.as_str()),
            ];
            self.journal.say(level, &running.sentence(ended), &fields);
        }
        self.step(Event::Done { operation, outcome })
    }

    pub(super) fn step(&mut self, event: Event) -> Result<()> {
        let actions = self.node.step(event, clock::now());
        self.note.write(self.boot, self.node.lease_end());
        self.act(actions)
    }

    fn act(&mut self, actions: Vec<Action>) -> Result<()> {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send { to, link, packet } => self.send(to, link, &packet),
                Action::Persist { ticket, write } => {
                    self.disk
                        .send((ticket, write))
                        .context("the disk's thread ended")?;
                }
                Action::Start {
                    operation,
                    resource,
                    kind,
                    not_after,
                } => self.start(operation, resource, kind, not_after, &mut actions),
                Action::Kill(operation) => self.agents.kill(operation),
                Action::Arm => self
                    .watchdog
                    .arm()
                    .context("the watchdog cannot be armed")?,
                Action::Pet { not_after } => {
                    if clock::now() < not_after
                        && let Err(problem) = self.watchdog.pet()
                    {
                        let sentence = format!("the watchdog cannot be petted: {problem}");
                        self.journal.say(Level::Critical, &sentence, &[]);
                    }
                }
                Action::Disarm => {
                    if let Err(problem) = self.watchdog.disarm() {
                        let sentence = format!("the watchdog cannot be disarmed: {problem}");
                        self.journal.say(Level::Critical, &sentence, &[]);
                    }
                }
                Action::Fence { number, node } => self.fence(Some(number), node),
                Action::PowerOn { node } => self.fence(None, node),
                Action::LookAround { number } => self.look_around(number),
                Action::Reset { why } => self.reset(why),
                Action::Answer { number, answer } => {
                    if let Some(waits) = self.own.answers.remove(&number) {
                        let _ = waits.send(answer.map_err(Refused::from));
                    }
                }
                Action::Note(note) => self.note(&note),
            }
        }
        Ok(())
    }

    fn send(&mut self, to: NodeId, link: LinkId, packet: &Packet) {
        let Ok(message) = postcard::to_stdvec(packet) else {
            return;
        };
        match self.wire.seal(to.0, link.0, &message) {
            Ok(datagrams) => {
                for datagram in datagrams {
                    self.links.send(to.0, link.0, &datagram);
                }
            }
            Err(error) => {
                let sentence = format!("a packet to {} cannot be sent: {error}", self.name(to));
                self.journal.say(Level::Error, &sentence, &[]);
            }
        }
    }

    fn start(
        &mut self,
        operation: OperationId,
        resource: ResourceId,
        kind: OperationKind,
        not_after: Option<Time>,
        later: &mut VecDeque<Action>,
    ) {
        // The process may have been stopped since the core looked at the clock.
        let late = not_after.is_some_and(|end| clock::now() >= end);
        let known = self
            .agents
            .begin(&self.node, operation, resource, kind, late);
        if !known {
            let outcome = if late {
                Outcome::Killed
            } else {
                Outcome::Failed
            };
            let event = Event::Done { operation, outcome };
            later.extend(self.node.step(event, clock::now()));
        }
    }

    /// At once, and without a farewell to anything: what is held here is held elsewhere soon.
    fn reset(&mut self, why: &str) {
        let sentence = format!("this machine resets itself: {why}");
        self.journal.say(Level::Critical, &sentence, &[]);
        restart::at_once();
        // The watchdog does it, if nothing else does: it is petted no more.
    }

    pub(super) fn name(&self, node: NodeId) -> String {
        let name = self.node.settings().name_of(node);
        if name.is_empty() {
            node.to_string()
        } else {
            name.to_owned()
        }
    }

    /// Who waits for news hears that there are some; true: there are.
    fn tell_of_changes(&mut self) -> bool {
        let now = clock::now();
        let seen = (
            self.node.state().applied,
            self.node.has_lease(now),
            self.node.is_coordinator(),
        );
        if seen != self.own.seen {
            self.own.seen = seen;
            self.own.version += 1;
        }
        let version = self.own.version;
        self.changed.send_if_modified(|known| {
            let news = *known != version;
            *known = version;
            news
        })
    }
}
