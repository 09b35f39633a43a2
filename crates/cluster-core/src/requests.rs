//! What is told at one node and counts for all: operators' requests, the first
//! configuration, and attributes.

use crate::action::{Action, Refusal};
use crate::check::check;
use crate::node::Node;
use crate::packet::Packet;
use crate::planted::Bug;
use crate::state::{Asked, Entry, Request};
use crate::time::Time;
use cluster_model::Command;
use cluster_model::configuration::Configuration;
use std::time::Duration;

/// How long a request may take to get into the log. Whoever asked has given up by then,
/// and must not be obeyed an hour later.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that is not in the log yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    asked: Asked,
    until: Time,
}

impl Node {
    /// An operator wants something.
    pub(crate) fn request(&mut self, number: u64, asked: Asked, now: Time) {
        if let Err(refusal) = self.look_up(&asked) {
            let answer = Err(refusal);
            self.out.act(Action::Answer { number, answer });
            return;
        }
        let until = now + PATIENCE;
        self.requests.insert(number, Waiting { asked, until });
        self.tell_request(now);
    }

    fn look_up(&self, asked: &Asked) -> Result<(), Refusal> {
        let command = match asked {
            Asked::Command(command) => command,
            Asked::Configuration(configuration) => {
                return check(configuration, &self.settings).map_err(Refusal::Unfit);
            }
        };
        // DRBD would write on the strength of it.
        if matches!(command, Command::Outdate { .. }) {
            if self.settings.arbitration.reach().is_some() {
                return Err(Refusal::NotByReach);
            }
            if !self.is_entitled() {
                return Err(Refusal::NoVote);
            }
        }
        if let Some(node) = command.node()
            && self
                .settings
                .node_named(node)
                .is_none_or(|node| !self.settings.nodes.contains(&node))
        {
            return Err(Refusal::NoSuchNode(node.to_owned()));
        }
        match command.resource() {
            Some(resource) if self.state.resources.item(resource).is_none() => {
                Err(Refusal::NoSuchResource(resource.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Tells the oldest request to whoever coordinates. One at a time: those of a
    /// session count upwards.
    pub(crate) fn tell_request(&mut self, now: Time) {
        // They were made one after the other, and are given up in that order.
        while let Some(first) = self.requests.first_entry()
            && first.get().until <= now
        {
            let (number, _) = first.remove_entry();
            let answer = Err(Refusal::NotInTime);
            self.out.act(Action::Answer { number, answer });
        }
        let Some((number, waiting)) = self.requests.first_key_value() else {
            return;
        };
        let request = Request {
            node: self.settings.me,
            session: self.session,
            number: *number,
        };
        let asked = waiting.asked.clone();
        match self.consensus.leader() {
            Some(leader) if leader == self.settings.me => {
                self.propose_request(request, asked, now);
            }
            Some(leader) => self.send(leader, &Packet::Request { request, asked }),
            None => {}
        }
    }

    /// The coordinator puts a request into the log.
    pub(crate) fn propose_request(&mut self, request: Request, asked: Asked, now: Time) {
        match asked {
            Asked::Command(command) => self.propose_command(request, command, now),
            // Whoever asks has looked at it, too; but whatever gets into the log counts.
            Asked::Configuration(configuration) => {
                if check(&configuration, &self.settings).is_ok() {
                    let request = Some(request);
                    let entry = Entry::Configured {
                        request,
                        configuration,
                    };
                    self.propose(entry, now);
                }
            }
        }
    }

    fn propose_command(&mut self, request: Request, mut command: Command, now: Time) {
        if let Command::Alike { resource, since_ms } = &mut command
            && self.settings.has(Bug::AlikeWhatever)
            && let Some(known) = self.state.operators.outdated.get(resource)
        {
            *since_ms = known.since_ms;
        }
        let entry = Entry::Commanded {
            request,
            node: command
                .node()
                .and_then(|name| self.settings.node_named(name)),
            command,
        };
        self.propose(entry, now);
    }

    /// A new cluster takes the first configuration that its coordinator knows of.
    pub(crate) fn propose_first(&mut self, configuration: Box<Configuration>, now: Time) {
        if self.state.resources.configured() == 0
            && !self.consensus.configures()
            && check(&configuration, &self.settings).is_ok()
        {
            let entry = Entry::Configured {
                request: None,
                configuration,
            };
            self.propose(entry, now);
        }
    }

    /// Whoever coordinates may have been started without a configuration.
    pub(crate) fn tell_first(&mut self) {
        if self.state.resources.configured() != 0 {
            return;
        }
        if let Some(first) = self.settings.first.clone()
            && let Some(leader) = self.consensus.leader()
            && leader != self.settings.me
        {
            self.send(leader, &Packet::First(Box::new(first)));
        }
    }

    /// A request is settled, and so are all before it: they are told in turn.
    pub(crate) fn commanded(&mut self, request: Request, answer: &Result<(), Refusal>) {
        if request.node != self.settings.me || request.session != self.session {
            return;
        }
        let later = self.requests.split_off(&(request.number + 1));
        for number in std::mem::replace(&mut self.requests, later).into_keys() {
            let answer = if number == request.number {
                answer.clone()
            } else {
                Ok(())
            };
            self.out.act(Action::Answer { number, answer });
        }
    }

    /// Tells what this node knows of itself, until the log has it.
    pub(crate) fn tell_attributes(&mut self, now: Time) {
        let me = self.settings.me;
        let (Some(incarnation), Some(attributes)) = (self.incarnation, &self.attributes) else {
            return;
        };
        let known = self.state.members.get(&me);
        let number = self.attributes_number;
        if known.is_none_or(|member| {
            member.attributes_number == number && member.attributes == *attributes
        }) {
            return;
        }
        let attributes = attributes.clone();
        match self.consensus.leader() {
            Some(leader) if leader == me => {
                let entry = Entry::Attributes {
                    node: me,
                    incarnation,
                    number,
                    attributes,
                };
                self.propose(entry, now);
            }
            Some(leader) => {
                let packet = Packet::Attributes {
                    incarnation,
                    number,
                    attributes,
                };
                self.send(leader, &packet);
            }
            None => {}
        }
    }
}
