//! What is told at one node and counts for all: operators' commands, and attributes.

use crate::action::{Action, Refusal};
use crate::node::Node;
use crate::packet::Packet;
use crate::state::{Entry, Request};
use crate::time::Time;
use cluster_model::Command;

impl Node {
    /// An operator wants something.
    pub(crate) fn request(&mut self, number: u64, command: Command, now: Time) {
        if let Err(refusal) = self.look_up(&command) {
            let answer = Err(refusal);
            self.out.act(Action::Answer { number, answer });
            return;
        }
        self.requests.insert(number, command);
        self.tell_request(now);
    }

    fn look_up(&self, command: &Command) -> Result<(), Refusal> {
        if let Some(node) = command.node()
            && self
                .settings
                .node_named(node)
                .is_none_or(|node| !self.settings.nodes.contains(&node))
        {
            return Err(Refusal::NoSuchNode(node.to_owned()));
        }
        match command.resource() {
            Some(resource) if !self.settings.items.contains_key(resource) => {
                Err(Refusal::NoSuchResource(resource.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Tells the oldest request to whoever coordinates. One at a time: those of a
    /// session count upwards.
    pub(crate) fn tell_request(&mut self, now: Time) {
        let Some((number, command)) = self.requests.first_key_value() else {
            return;
        };
        let request = Request {
            node: self.settings.me,
            session: self.session,
            number: *number,
        };
        let command = command.clone();
        match self.consensus.leader() {
            Some(leader) if leader == self.settings.me => {
                self.propose_command(request, command, now);
            }
            Some(leader) => self.send(leader, &Packet::Request { request, command }),
            None => {}
        }
    }

    /// The coordinator puts a request into the log, with what it names as numbers.
    pub(crate) fn propose_command(&mut self, request: Request, command: Command, now: Time) {
        let items = &self.settings.items;
        let named = command.resource().and_then(|name| items.get(name));
        let entry = Entry::Commanded {
            request,
            resources: named.cloned().unwrap_or_default(),
            node: command
                .node()
                .and_then(|name| self.settings.node_named(name)),
            command,
        };
        self.propose(entry, now);
    }

    /// A request is in the log, and so are all before it: they are told in turn.
    pub(crate) fn commanded(&mut self, request: Request) {
        if request.node != self.settings.me || request.session != self.session {
            return;
        }
        let later = self.requests.split_off(&(request.number + 1));
        for number in std::mem::replace(&mut self.requests, later).into_keys() {
            let answer = Ok(());
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
        if known.is_none_or(|member| member.attributes == *attributes) {
            return;
        }
        let attributes = attributes.clone();
        match self.consensus.leader() {
            Some(leader) if leader == me => {
                let entry = Entry::Attributes {
                    node: me,
                    incarnation,
                    attributes,
                };
                self.propose(entry, now);
            }
            Some(leader) => {
                let packet = Packet::Attributes {
                    incarnation,
                    attributes,
                };
                self.send(leader, &packet);
            }
            None => {}
        }
    }
}
