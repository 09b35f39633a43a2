//! Data that whoever is promoted writes and the others receive, as DRBD does it; and what
//! DRBD calls when they do not: `clusterd fence-peer`, and later `clusterd unfence-peer`.
//!
//! Nothing is written without the others before the handler has said that they are outdated.
//! From then on there is one place with the newest data, until all have caught up.

use crate::invariants::{Verdict, Violation};
use crate::machine::{Daemon, Power};
use crate::queue::{Coming, Place};
use crate::topology::{COPIES, DATA, name_of, node_of};
use crate::world::World;
use cluster_core::arbitration::Epoch;
use cluster_core::name::NodeId;
use cluster_core::operators::Outdated;
use cluster_core::state::State;
use cluster_model::Command;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between two attempts of a handler.
const AGAIN: Duration = Duration::from_millis(1_500);

/// So long it takes, at least, until those who hear each other again are alike.
const CATCHES_UP: Duration = Duration::from_secs(1);

/// The copies, as the world knows them.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// So many faults keep them from each other.
    apart: u32,
    /// Who writes without the others, or did last: only here are the newest data.
    newest: Option<Place>,
    /// The place of the log that said so.
    since: (Epoch, u64),
    /// Who asks for that: in which start of its machine.
    fencing: Option<(Place, u64)>,
    /// The numbers of its requests, until they are answered.
    asked: BTreeSet<u64>,
    /// Those of operators who say that a machine is off: which.
    words: BTreeMap<u64, Place>,
    /// One of them was believed: each of two may have been told that the other one is off, and
    /// of two lines of the log one is dropped.
    by_word: bool,
}

impl Copies {
    /// *fresh*: nobody is promoted whose data are out of date.
    pub(crate) fn invariant_fresh(&self, node: NodeId) -> Verdict {
        match self.newest.map(node_of) {
            Some(newest) if newest != node => {
                let what = format!("{node} is promoted, and the newest data are on {newest}");
                Err(Violation::of("fresh", what))
            }
            _ => Ok(()),
        }
    }

    /// *fresh*: what DRBD was told stays in the log until all copies are alike.
    pub(crate) fn invariant_kept(&self, node: NodeId, state: &State) -> Verdict {
        let Some(newest) = self.newest.map(node_of) else {
            return Ok(());
        };
        let known = state.operators.outdated.get(COPIES);
        let is_kept = known.is_some_and(|known| known.but == name_of(newest));
        // Who gave up its line of the log reads all of it again, from the beginning.
        let (epoch, applied) = self.since;
        if is_kept || state.epoch < epoch || state.applied < applied {
            return Ok(());
        }
        let what = format!("{node} knows no more that only {newest} has the newest data");
        Err(Violation::of("fresh", what))
    }

    /// An operator's word is about to be taken that a machine is gone.
    pub(crate) fn is_called_off(&mut self, number: u64, off: Place) {
        self.words.insert(number, off);
    }

    /// A word was taken. It goes past what the other one decided alone, and past nothing that
    /// is known here.
    fn goes_by_word(&mut self, number: u64, known: Option<&Outdated>) {
        if let Some(off) = self.words.remove(&number) {
            self.by_word = true;
            let off_has = known.is_some_and(|known| known.but == name_of(node_of(off)));
            if !off_has {
                self.newest = self.newest.filter(|newest| *newest != off);
            }
        }
    }
}

impl<D: Daemon> World<D> {
    /// The copies do not hear each other any more. False: nobody writes.
    pub(crate) fn part_copies(&mut self) -> bool {
        let Some(at) = (0..self.machines.len()).find(|at| self.writes(*at)) else {
            return false;
        };
        self.copies.apart += 1;
        self.must_write_alone(at);
        true
    }

    /// They do again.
    pub(crate) fn join_copies(&mut self) {
        self.copies.apart = self.copies.apart.saturating_sub(1);
        self.queue.put(self.now + CATCHES_UP, Coming::CaughtUp);
    }

    /// Does whoever is promoted run there?
    pub(crate) fn writes(&self, at: Place) -> bool {
        let machine = &self.machines[at];
        let mut resources = machine.agents.resources.values();
        machine.power == Power::On && resources.any(|its| its.promoted)
    }

    /// Somebody is promoted, or loses the other copies: its writes wait for the handler.
    pub(crate) fn must_write_alone(&mut self, at: Place) {
        let known = (at, self.machines[at].cycle);
        let is_known = self.copies.newest == Some(at) || self.copies.fencing == Some(known);
        if self.copies.apart > 0 && !is_known {
            self.copies.fencing = Some(known);
            self.copies.asked.clear();
            let (at, cycle) = known;
            self.queue.put(self.now, Coming::FencePeer { at, cycle });
        }
    }

    /// `clusterd fence-peer` asks, or asks again.
    pub(crate) fn fence_peer(&mut self, at: Place, cycle: u64) {
        if self.copies.fencing != Some((at, cycle)) {
            return;
        }
        // Without a promotion there is nothing to write.
        if !self.writes(at) {
            self.copies.fencing = None;
            return;
        }
        self.queue
            .put(self.now + AGAIN, Coming::FencePeer { at, cycle });
        if self.machines[at].is_awake() {
            let but = name_of(node_of(at));
            let resource = COPIES.to_owned();
            let number = self.command(at, Command::Outdate { resource, but });
            self.copies.asked.insert(number);
        }
    }

    /// With its machine a handler is gone.
    pub(crate) fn lose_handlers(&mut self, at: Place) {
        self.copies.fencing = self.copies.fencing.filter(|(place, _)| *place != at);
    }

    /// A request is answered. If it is a handler's, it looks at what the log says now, and
    /// DRBD writes, or does not.
    pub(crate) fn is_answered(&mut self, at: Place, number: u64, good: bool) {
        let known = self.outdated(at);
        if good {
            self.copies.goes_by_word(number, known.as_ref());
        }
        let asked = self.copies.asked.remove(&number);
        let waits = self.copies.fencing == Some((at, self.machines[at].cycle));
        if !asked || !waits || !good || !self.writes(at) {
            return;
        }
        let (Some(known), Some(process)) = (known, &self.machines[at].process) else {
            return;
        };
        let state = process.daemon.state();
        let since = (state.epoch, state.applied);
        self.copies.fencing = None;
        if known.but != name_of(node_of(at)) {
            self.say(at, 25, number, || format!("{} has the data", known.but));
            return;
        }
        self.say(at, 26, number, || "writes without the others".into());
        self.copies.newest = Some(at);
        self.copies.since = since;
        if self.copies.apart == 0 {
            self.queue.put(self.now + CATCHES_UP, Coming::CaughtUp);
        }
        let machines = self.machines.iter().enumerate();
        let others = machines.filter(|(place, _)| *place != at);
        let promoted = others.map(|(_, machine)| machine).find(|machine| {
            let mut known = machine.agents.resources.keys();
            known.any(|id| machine.agents.counts(*id))
        });
        let verdict = match promoted {
            Some(other) => self.copies.invariant_fresh(other.node),
            None => Ok(()),
        };
        self.judge(verdict);
    }

    /// A daemon has applied something.
    pub(crate) fn judge_copies(&mut self, at: Place) {
        let machine = &self.machines[at];
        if let Some(process) = &machine.process {
            let state = process.daemon.state();
            let verdict = self.copies.invariant_kept(machine.node, state);
            if verdict.is_err() && self.copies.by_word {
                self.copies.newest = None;
                return;
            }
            self.judge(verdict);
        }
    }

    /// What the daemon there knows of the copies.
    fn outdated(&self, at: Place) -> Option<Outdated> {
        let process = self.machines[at].process.as_ref()?;
        let known = &process.daemon.state().operators.outdated;
        known.get(COPIES).cloned()
    }

    /// All copies may be alike: if everybody hears everybody, and there is somebody to
    /// hear.
    pub(crate) fn catch_up(&mut self) {
        let Some(newest) = self.copies.newest else {
            return;
        };
        if self.copies.apart > 0 {
            return;
        }
        let runs = |place: &Place| {
            let machine = &self.machines[*place];
            let copies = self.judge.names.all().find(|(name, _)| *name == DATA);
            let mut forms = copies.into_iter().flat_map(|(_, forms)| forms);
            machine.power == Power::On
                && machine.frozen.is_none()
                && forms.any(|id| {
                    let its = machine.agents.resources.get(id);
                    its.is_some_and(|its| its.active)
                })
        };
        let running = (0..self.machines.len()).filter(runs);
        let running: Vec<Place> = running.collect();
        if !running.contains(&newest) || running.len() < 2 {
            self.queue.put(self.now + CATCHES_UP, Coming::CaughtUp);
            return;
        }
        self.copies.newest = None;
        self.judge.trouble(self.now);
        self.say(newest, 27, 0, || "all copies are alike".into());
        // DRBD calls it on the one side or on the other (drbd.conf(5): `after-resync-target`,
        // `unfence-peer`). It takes back what it knows of now, and nothing that is said later.
        let at = self.random.pick(&running).unwrap_or(newest);
        let cycle = self.machines[at].cycle;
        if let Some(known) = self.outdated(at) {
            let since_ms = known.since_ms;
            let coming = Coming::UnfencePeer {
                at,
                cycle,
                since_ms,
            };
            self.queue.put(self.now, coming);
        }
    }

    /// `clusterd unfence-peer` asks, or asks again.
    pub(crate) fn unfence_peer(&mut self, at: Place, cycle: u64, since_ms: u64) {
        let known = self.outdated(at).map(|known| known.since_ms);
        if self.machines[at].cycle != cycle || known.is_some_and(|known| known != since_ms) {
            return;
        }
        if known.is_some() && self.machines[at].is_awake() {
            let resource = COPIES.to_owned();
            self.command(at, Command::Alike { resource, since_ms });
        }
        let has_daemon = self.machines[at].process.is_some();
        if known.is_some() || !has_daemon {
            let coming = Coming::UnfencePeer {
                at,
                cycle,
                since_ms,
            };
            self.queue.put(self.now + AGAIN, coming);
        }
    }

    /// What an operator has to take back by hand, because no handler does: the copies are
    /// alike.
    pub(crate) fn alike_by_hand(&self, known: &BTreeMap<String, Outdated>) -> Vec<Command> {
        if self.copies.newest.is_some() || self.copies.fencing.is_some() {
            return Vec::new();
        }
        let commands = known.iter().map(|(resource, known)| Command::Alike {
            resource: resource.clone(),
            since_ms: known.since_ms,
        });
        commands.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NodeId = NodeId(1);
    const TWO: NodeId = NodeId(2);

    #[test]
    fn old_data_are_not_promoted_and_nobody_forgets_whose_are_new() {
        let mut copies = Copies {
            newest: Some(0),
            ..Copies::default()
        };
        let mut state = State {
            applied: 1,
            ..State::default()
        };
        assert!(copies.invariant_fresh(ONE).is_ok());
        assert!(copies.invariant_fresh(TWO).is_err());
        assert!(copies.invariant_kept(TWO, &state).is_err());
        let outdated = Outdated {
            but: name_of(ONE),
            since_ms: 7,
        };
        let known = &mut state.operators.outdated;
        known.insert(COPIES.to_owned(), outdated);
        assert!(copies.invariant_kept(TWO, &state).is_ok());
        state.operators.outdated.clear();
        copies.is_called_off(1, 0);
        copies.goes_by_word(2, None);
        assert!(copies.invariant_fresh(TWO).is_err());
        copies.goes_by_word(1, None);
        assert!(copies.invariant_fresh(TWO).is_ok());
        assert!(copies.invariant_kept(TWO, &state).is_ok());
    }
}
