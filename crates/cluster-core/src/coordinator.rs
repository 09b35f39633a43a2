//! What the leader of the consensus does for all: admits nodes, gives up dead ones,
//! and orders what is to run where. Everything takes effect through the log.

use crate::action::Action;
use crate::disk::Agreement;
use crate::liveness::Peers;
use crate::name::NodeId;
use crate::node::Node;
use crate::packet::{Packet, Report};
use crate::placement::{self, Heard, Wanted};
use crate::planted::Bug;
use crate::state::Entry;
use crate::time::Time;
use cluster_model::decision::Decision;
use std::collections::BTreeSet;

/// What the policy was asked last, and what follows from its answer.
#[derive(Debug)]
pub(crate) struct Decided {
    applied: u64,
    heard: Heard,
    /// When time alone makes it another answer, in milliseconds of the cluster's time.
    until_ms: Option<u64>,
    wanted: Vec<Wanted>,
}

impl Decided {
    fn holds(&self, applied: u64, heard: &Heard, now_ms: u64) -> bool {
        self.applied == applied
            && self.heard == *heard
            && self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

impl Node {
    /// Looks at everything once; called after each event.
    pub(crate) fn coordinate(&mut self, now: Time) {
        let coordinates = self.consensus.is_coordinator();
        if coordinates != self.coordinates {
            self.coordinates = coordinates;
            self.takeovers.clear();
            self.out.note(crate::action::Note::Coordinator(coordinates));
        }
        if !coordinates {
            return;
        }
        self.part(now);
        self.look_for_the_peer(now);
        self.let_begin(now);
        self.watch_who_is_outreached(now);
        for node in self.settings.nodes.clone() {
            self.consider(node, now);
        }
        if self.state.resources.configured() == 0
            && let Some(first) = self.settings.first.clone()
        {
            self.propose_first(Box::new(first), now);
        }
        if !self.consensus.has_open_decisions() && self.is_entitled() {
            self.order(now);
        }
        let reports: Vec<_> = self.local.reports().cloned().collect();
        for report in reports {
            let node = self.settings.me;
            self.propose_report(node, report, now);
        }
    }

    /// What a node found or did, unless the log has it.
    pub(crate) fn propose_report(&mut self, node: NodeId, report: Report, now: Time) {
        if !self.state.knows(node, &report) {
            self.propose(Entry::Reported { node, report }, now);
        }
    }

    /// Into the log, if this node leads, with the cluster's time.
    pub(crate) fn propose(&mut self, entry: Entry, now: Time) {
        let at_ms = self.cluster_ms(now);
        self.consensus.propose(at_ms, entry);
    }

    /// The cluster's time: what was counted when this node last applied something, and
    /// what went by since.
    pub(crate) fn cluster_ms(&self, now: Time) -> u64 {
        let since = now.since(self.applied_at).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.state.clock_ms.saturating_add(since)
    }

    /// Asks the policy, if anything changed since it was asked, and orders what can be
    /// done at once.
    fn order(&mut self, now: Time) {
        let heard = self.heard(now);
        let now_ms = self.cluster_ms(now);
        let applied = self.state.applied;
        let known = self.decided.as_ref();
        if !known.is_some_and(|known| known.holds(applied, &heard, now_ms)) {
            let decision = placement::decide(&self.settings, &self.state, &heard, now_ms);
            self.decided = Some(Decided {
                applied,
                until_ms: decision.reconsider_at_ms,
                wanted: placement::wanted(&self.settings, &self.state, &heard, &decision),
                heard,
            });
        }
        let wanted = self.decided.iter().flat_map(|known| known.wanted.clone());
        for wanted in wanted.collect::<Vec<_>>() {
            let entry = match wanted {
                Wanted::Order {
                    node,
                    incarnation,
                    resource,
                    kind,
                } => Entry::Ordered {
                    node,
                    incarnation,
                    resource,
                    kind,
                },
                Wanted::Condemn { node, incarnation } => Entry::Condemned { node, incarnation },
            };
            self.propose(entry, now);
        }
    }

    /// What the policy says, and why, going by what this node knows.
    pub fn explain(&self, now: Time) -> Decision {
        let heard = self.heard(now);
        placement::decide(&self.settings, &self.state, &heard, self.cluster_ms(now))
    }

    pub(crate) fn heard(&self, now: Time) -> Heard {
        let nodes = self.settings.nodes.iter().copied();
        let there: BTreeSet<_> = nodes.filter(|node| self.is_usable(*node, now)).collect();
        let leased = there.iter().copied();
        Heard {
            leased: leased
                .filter(|node| self.says_it_has_a_lease(*node, now))
                .collect(),
            outreached: self.outreached(now),
            there,
        }
    }

    /// Admitted in the session in which it speaks, and heard.
    pub(crate) fn is_usable(&self, node: NodeId, now: Time) -> bool {
        let Some(member) = self.state.members.get(&node) else {
            return false;
        };
        if member.lost || member.condemned {
            return false;
        }
        if node == self.settings.me {
            return member.session == self.session;
        }
        self.is_there(node, now)
            && self.is_of_this_epoch(node)
            && self
                .peers
                .beat(node)
                .is_some_and(|beat| beat.session == member.session)
    }

    /// It follows the same line of the log, going by its latest heartbeat.
    pub(crate) fn is_of_this_epoch(&self, node: NodeId) -> bool {
        let careless = self.settings.has(Bug::LowerEpochAccepted);
        let beat = self.peers.beat(node);
        beat.is_some_and(|beat| beat.epoch == self.state.epoch || careless)
    }

    /// Heard, and it hears us.
    pub(crate) fn is_there(&self, node: NodeId, now: Time) -> bool {
        self.peers.is_there(node, &self.settings, now)
            && self.peers.beat(node).is_some_and(|beat| {
                Peers::hears(beat, self.session, self.beat_number, &self.settings)
            })
    }

    /// What it says; it refuses to start anything if it is not so any more.
    fn says_it_has_a_lease(&self, node: NodeId, now: Time) -> bool {
        if node == self.settings.me {
            return self.has_lease(now);
        }
        self.peers.beat(node).is_some_and(|beat| beat.leased)
    }

    fn consider(&mut self, node: NodeId, now: Time) {
        let member = self.state.members.get(&node);
        let previous = member.map(|member| member.incarnation).unwrap_or_default();
        let is_in = |session| member.is_some_and(|m| m.session == session && !m.lost);

        // Who says now that it is there, and has nothing left of before, is admitted.
        let fresh = if node == self.settings.me {
            let ready = self.is_ready_to_join() && self.is_entitled();
            Some((self.boot, self.session, ready))
        } else {
            let beat = self.peers.proof(node, self.session);
            let beat = beat.filter(|_| self.is_of_this_epoch(node));
            beat.map(|beat| (beat.boot, beat.session, beat.ready))
        };
        if let Some((boot, session, true)) = fresh
            && !is_in(session)
        {
            let entry = Entry::Joined {
                node,
                previous,
                boot,
                session,
            };
            self.propose(entry, now);
            return;
        }

        let Some(member) = member.filter(|member| !member.lost) else {
            return;
        };
        let (incarnation, attempt) = (member.incarnation, member.attempt);
        if self.settings.arbitration.is_of_a_lone_pair() {
            // Nothing but proof counts.
            if self.fencing.confirmed == Some((node, incarnation)) {
                self.propose(Entry::Fenced { node, incarnation }, now);
            }
            return;
        }
        if !self.is_to_be_given_up(node, now) {
            // Voters that agreed to a takeover renew its lease no more, until they
            // are told that it is called off.
            let settled = Agreement {
                incarnation,
                attempt,
            };
            // What the log has settled binds nobody, however late it is heard: its
            // voter may be gone and say nothing else any more.
            let open = self.newest_agreement(node);
            if let Some(given) = open.filter(|given| *given >= settled) {
                let entry = Entry::Renewed {
                    node,
                    incarnation,
                    attempt: given.attempt + 1,
                };
                self.propose(entry, now);
            }
            return;
        }
        let agreement = Agreement {
            incarnation,
            attempt,
        };
        self.takeovers.try_for(node, agreement);
        let assumed = usize::from(self.settings.has(Bug::OwnAgreementAssumed));
        if self.takeovers.count(node) + assumed >= self.settings.majority() {
            let entry = Entry::Lost {
                node,
                incarnation,
                attempt,
            };
            self.propose(entry, now);
        }
    }

    /// Silent, deaf, told to go down, or another session than the one that was admitted:
    /// voters are asked whether that one can hold anything yet.
    fn is_to_be_given_up(&self, node: NodeId, now: Time) -> bool {
        let Some(member) = self.state.members.get(&node) else {
            return false;
        };
        let session = if node == self.settings.me {
            Some(self.session)
        } else {
            let beat = self.peers.beat(node).filter(|_| self.is_there(node, now));
            beat.map(|beat| beat.session)
        };
        member.condemned || session != Some(member.session)
    }

    /// The newest agreement to take over from a node that any voter told of.
    fn newest_agreement(&self, node: NodeId) -> Option<Agreement> {
        let mine = self.promises.agreed().get(&node).copied();
        let theirs = self
            .settings
            .voters
            .iter()
            .filter_map(|voter| self.peers.beat(*voter)?.agreed.get(&node).copied());
        theirs.chain(mine).chain(self.takeovers.get(node)).max()
    }

    /// Asks all voters for what they did not agree to yet; each `keepalive`.
    pub(crate) fn ask_for_agreement(&mut self, now: Time) {
        if !self.coordinates || self.settings.arbitration.is_of_a_lone_pair() {
            return;
        }
        for node in self.settings.nodes.clone() {
            let Some(agreement) = self.takeovers.get(node) else {
                continue;
            };
            if !self.is_to_be_given_up(node, now) {
                continue;
            }
            for voter in self.settings.voters.clone() {
                if self.takeovers.has(voter, node) {
                    continue;
                }
                if voter == self.settings.me {
                    self.agree(voter, node, agreement, now);
                } else {
                    self.send(voter, &Packet::AgreeAsk { node, agreement });
                }
            }
        }
    }

    /// A voter's answer to a coordinator, once it is on the disk.
    pub(crate) fn agree(
        &mut self,
        coordinator: NodeId,
        node: NodeId,
        agreement: Agreement,
        now: Time,
    ) {
        // A late copy of a question that the cluster has answered binds nobody.
        let settled = self.state.members.get(&node).is_some_and(|member| {
            (member.incarnation, member.attempt) > (agreement.incarnation, agreement.attempt)
        });
        if !self.settings.is_voter() || settled || !self.takes_part() {
            return;
        }
        let agreed = self.promises.agree(node, agreement, &self.settings, now);
        if !agreed {
            return;
        }
        let write = crate::disk::Write {
            agreed: Some(self.promises.agreed().clone()),
            ..crate::disk::Write::default()
        };
        let ticket = self.out.persist(write);
        self.answers.push((ticket, coordinator, node, agreement));
    }

    /// The disk has everything up to this ticket: agreements are said.
    pub(crate) fn answer(&mut self, ticket: crate::disk::Ticket) {
        let (ready, later) = self
            .answers
            .drain(..)
            .partition(|(waits, ..)| *waits <= ticket);
        self.answers = later;
        let ready: Vec<_> = ready;
        for (_, coordinator, node, agreement) in ready {
            if coordinator == self.settings.me {
                self.takeovers.agreed(coordinator, node, agreement);
            } else {
                self.send(coordinator, &Packet::Agreed { node, agreement });
            }
        }
    }

    /// On every network: whichever is good brings it there.
    pub(crate) fn send(&mut self, to: NodeId, packet: &Packet) {
        for link in 0..self.settings.links {
            self.out.act(Action::Send {
                to,
                link: crate::name::LinkId(link),
                packet: packet.clone(),
            });
        }
    }
}
