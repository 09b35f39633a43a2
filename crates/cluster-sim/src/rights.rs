//! What must never happen in a lone pair where fencing decides: *entitled*, *confirmed*
//! and *durable* from one line of the log to the next.

use crate::clock::Moment;
use crate::invariants::{Verdict, Violation};
use crate::judge::{EMPTY, Judge, digest, entry_at, replaced};
use crate::machine::{Daemon, Machine, Power};
use crate::network::LATEST_DELIVERY;
use crate::queue::Place;
use crate::reaching::LISTED;
use cluster_core::arbitration::Epoch;
use cluster_core::event::Event;
use cluster_core::name::{NodeId, ResourceId};
use std::time::Duration;

/// A daemon that did nothing so recently has reasons to be late.
const AWAKE: Duration = Duration::from_secs(15);

/// A device that misbehaved so recently makes one of the two try again and again.
const SETTLED: Duration = Duration::from_secs(60);

/// Two who hear each other again are one cluster within this time.
const REUNITED: Duration = Duration::from_secs(25);

/// Who reaches nobody holds nothing any more after this time.
const RELEASED: Duration = Duration::from_secs(30);

/// What the world knows of a machine's right to act alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    /// It heard its peer in this start of the machine, or an operator spoke to it.
    met: bool,
    /// An operator spoke to it.
    told: bool,
    /// When it looked around last, it reached more than half of what is listed, and nobody
    /// had the addresses.
    may_take: bool,
    /// Since when it reaches nothing at all, the other one included.
    pub(crate) cut: Option<Moment>,
    /// When it asked for its peer to be fenced, last.
    asked: Option<Moment>,
    /// When it was off last; it may be off now.
    off: Option<Moment>,
    /// It was powered off by its device: who asked for that when, and when it was done.
    shot: Option<(Moment, Moment)>,
    /// When its device began or ceased to misbehave, last.
    mood: Moment,
    /// When its disk answered again after it had not, last: until then it was as good as
    /// asleep.
    disk: Moment,
    /// The line of the log on its disk when somebody looked last.
    pub(crate) epoch: Epoch,
    /// Since when.
    since: Moment,
    /// Since when its state says that its peer is lost.
    gave_up: Option<Moment>,
}

impl Judge {
    /// A machine was reset.
    pub(crate) fn forget_claim(&mut self, at: Place) {
        let claim = &mut self.claims[at];
        claim.met = false;
        claim.told = false;
        claim.may_take = false;
        claim.asked = None;
    }

    /// A daemon has applied something: did it give up its peer?
    pub(crate) fn learn_loss<D: Daemon>(&mut self, machine: &Machine<D>, at: Place, now: Moment) {
        let Some(process) = &machine.process else {
            return;
        };
        let mut members = process.daemon.state().members.iter();
        let lost = members.any(|(node, member)| *node != machine.node && member.lost);
        let claim = &mut self.claims[at];
        claim.gave_up = lost.then(|| claim.gave_up.unwrap_or(now));
    }

    /// A machine is about to boot.
    pub(crate) fn powered_on(&mut self, at: Place, now: Moment) {
        self.claims[at].off = Some(now);
    }

    /// A device is asked.
    pub(crate) fn fences(&mut self, at: Place, now: Moment) {
        self.claims[at].asked = Some(now);
    }

    /// A device begins or ceases to misbehave.
    pub(crate) fn changes_mood(&mut self, at: Place, now: Moment) {
        self.claims[at].mood = now;
    }

    /// A disk that hung answers again.
    pub(crate) fn writes_again(&mut self, at: Place, now: Moment) {
        self.claims[at].disk = now;
    }

    /// A device powers a machine off. *survivor*: of two that lose sight of each other,
    /// and are awake, and whose devices behave, one is left.
    pub(crate) fn shot(
        &mut self,
        target: Place,
        by: Place,
        asked: Moment,
        good: bool,
        now: Moment,
    ) -> Verdict {
        self.claims[target].shot = good.then_some((asked, now));
        let Some((other_asked, other_off)) = self.claims[by].shot else {
            return Ok(());
        };
        let first = asked.min(other_asked);
        let fine = [target, by].map(|at| {
            let device = self.claims[at].mood + SETTLED;
            let awake = self.dealings[at].woken.max(self.claims[at].disk) + AWAKE;
            awake <= first && device <= first
        });
        // Whoever asked was powered off afterwards, on behalf of the one that is now.
        if !good || asked > other_off || now.since(other_off) > AWAKE || fine.contains(&false) {
            return Ok(());
        }
        let what = "both machines fenced each other".into();
        Err(Violation::of("survivor", what))
    }

    /// Where what is reached decides, nothing keeps two from going on who do not hear each
    /// other: what must not be for a moment after that is judged later. They have to hear
    /// each other (2 s), to write, and one of them to stop everything (6 s), or to be
    /// reset (5 s).
    pub(crate) fn may_be_apart(&self, now: Moment) -> bool {
        let apart = self.apart;
        apart.is_some_and(|apart| now.since(apart) < REUNITED)
    }

    /// A daemon is about to hear something.
    pub(crate) fn meets(&mut self, at: Place, event: &Event) {
        let claim = &mut self.claims[at];
        match event {
            Event::Packet { .. } => claim.met = true,
            // It is told that it may go on: by what is around it, not by its peer.
            Event::Reached { reached, owned, .. } => {
                claim.met |= *reached > 0;
                claim.may_take = reached * 2 > LISTED && !owned;
            }
            Event::ConfirmedOff { .. } => {
                claim.met = true;
                claim.told = true;
            }
            _ => {}
        }
    }

    /// *entitled*: nothing is started in a line of the log that somebody who holds
    /// something has left behind, nor on a machine that has not heard of its peer since it
    /// was started.
    pub(crate) fn invariant_of_the_newest_epoch<D: Daemon>(
        &self,
        machines: &[Machine<D>],
        at: Place,
        now: Moment,
        resource: ResourceId,
    ) -> Verdict {
        let machine = &machines[at];
        let holders = machines.iter().zip(&self.claims);
        let epochs = holders
            .filter(|(machine, _)| machine.agents.holds_anything())
            .map(|(_, claim)| claim.epoch);
        let newest = epochs.max().unwrap_or_default();
        let process = machine.process.as_ref();
        let epoch = process.map_or(newest, |process| process.daemon.state().epoch);
        let node = machine.node;
        if epoch < newest && !self.may_be_apart(now) {
            return Err(Violation::of(
                "entitled",
                format!("{node} starts {resource} in {epoch:?}, and there is {newest:?}"),
            ));
        }
        let claim = &self.claims[at];
        // Until then it hears its peer as it was before, and obeys what was ordered then.
        let other = &self.claims[(at + 1) % machines.len()];
        let went_on = (other.epoch > claim.epoch).then_some(other.since);
        let just_now = [went_on, other.gave_up].into_iter().flatten();
        let just_now = just_now
            .max()
            .is_some_and(|then| now.since(then) < LATEST_DELIVERY);
        // What a machine has that stands still, or is cut off and in maintenance, nobody sees:
        // whoever serves starts again what it lost, by the one host that answers it.
        let is_seen = machines[(at + 1) % machines.len()].is_seen();
        let is_told = claim.may_take || claim.told || just_now;
        let cannot_tell = machine.goes_by_reach() && !is_told && is_seen;
        if cannot_tell && self.may_be_apart(now) && is_held_elsewhere(machines, at, resource) {
            let what = format!("{node} starts {resource}, which the other one has");
            return Err(Violation::of("entitled", what));
        }
        if !claim.met {
            return Err(Violation::of(
                "entitled",
                format!("{node} starts {resource} and has not heard of its peer"),
            ));
        }
        Ok(())
    }

    /// *released*: a machine that reaches nothing at all holds nothing that others need. It
    /// notices within 5.5 s, has 6 s to stop everything, and is reset by its watchdog 5 s
    /// later; its clock may be slow, and its daemon may have been started meanwhile.
    pub(crate) fn invariant_released_when_cut_off<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
    ) -> Verdict {
        let cut = self.claims[at].cut;
        let long = cut.is_some_and(|since| now.since(since) > RELEASED);
        if !long || !self.dealings[at].holds || machine.power != Power::On {
            return Ok(());
        }
        let what = format!("{} holds something and reaches nobody", machine.node);
        Err(Violation::of("released", what))
    }

    /// *entitled*: who fences has a vote, and joined its peer in this start of its
    /// machine.
    pub(crate) fn invariant_entitled_to_fence<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
    ) -> Verdict {
        let Some(process) = &machine.process else {
            return Ok(());
        };
        let node = machine.node;
        let state = process.daemon.state();
        let member = state.members.get(&node);
        let joined = member.is_some_and(|member| member.boot == machine.boot);
        let alone = state.alone == Some(node);
        let votes = alone || state.alone.is_none();
        if votes && self.claims[at].met && (joined || alone) {
            return Ok(());
        }
        Err(Violation::of(
            "entitled",
            format!("{node} fences its peer; it votes: {votes}, it joined: {joined}"),
        ))
    }

    /// *durable*: nobody acts in a line of the log of its own before it is on its disk.
    pub(crate) fn invariant_epoch_is_written<D: Daemon>(
        machine: &Machine<D>,
        epoch: Epoch,
    ) -> Verdict {
        let node = machine.node;
        if epoch.by != Some(node) || machine.storage.epoch >= epoch {
            return Ok(());
        }
        Err(Violation::of(
            "durable",
            format!("{node} speaks of {epoch:?}, which is not on its disk"),
        ))
    }

    /// *confirmed*: whoever goes on alone has asked for its peer to be fenced, and the
    /// peer was off at some time afterwards; or an operator looked. *durable*: what was
    /// committed with the peer goes on.
    pub(crate) fn epoch_is_written<D: Daemon>(
        &mut self,
        machines: &[Machine<D>],
        at: Place,
        now: Moment,
    ) -> Verdict {
        let machine = &machines[at];
        let (before, after) = (self.claims[at].epoch, machine.storage.epoch);
        if before == after {
            return Ok(());
        }
        self.claims[at].epoch = after;
        self.claims[at].since = now;
        self.dealings[at].committed = 0;
        let node = machine.node;
        if after < before {
            let what = format!("{node} goes back from {before:?} to {after:?}");
            return Err(Violation::of("durable", what));
        }
        if after.by != Some(node) || !machine.is_of_a_lone_pair() {
            return Ok(());
        }
        if machine.fences() {
            self.invariant_was_off(machines, at, now)?;
        }
        let told = self.claims[at].told && machine.fences();
        if told || machine.goes_by_reach() {
            // The other one may have gone on alone before, unseen, and given numbers to
            // other things; it is off now, and nothing of it runs. Where nobody told
            // anything, the other one may be there, and counts if it is ahead.
            if !told && self.lines.last().is_some_and(|newest| after < *newest) {
                return Ok(());
            }
            self.names = crate::names::Names::default();
            self.lines = [after].into();
            if let Some(process) = &machine.process {
                self.names.learn(&process.daemon.state().resources)?;
            }
            return Ok(());
        }
        if self.lines.contains(&before) {
            self.lines.insert(after);
        }
        let disk = &machine.storage.kept;
        let first = replaced(disk) + 1;
        for ((_, index), known) in self.committed.range((before, first)..=(before, u64::MAX)) {
            if known.1 != EMPTY && entry_at(disk, *index).map(digest) != Some(*known) {
                return Err(Violation::of(
                    "durable",
                    format!("{node} goes on alone without committed entry {index}"),
                ));
            }
        }
        Ok(())
    }

    fn invariant_was_off<D: Daemon>(
        &self,
        machines: &[Machine<D>],
        at: Place,
        now: Moment,
    ) -> Verdict {
        let claim = &self.claims[at];
        let peer = (at + 1) % machines.len();
        let off = if machines[peer].power == Power::Off {
            Some(now)
        } else {
            self.claims[peer].off
        };
        let was_off = claim
            .asked
            .is_some_and(|asked| off.is_some_and(|off| off >= asked));
        if was_off || claim.told {
            return Ok(());
        }
        let node: NodeId = machines[at].node;
        Err(Violation::of(
            "confirmed",
            format!("{node} goes on alone, and its peer was not off since it asked"),
        ))
    }
}

/// Does the other machine of a pair run this, where it may run only once?
fn is_held_elsewhere<D: Daemon>(machines: &[Machine<D>], at: Place, resource: ResourceId) -> bool {
    let named = |machine: &Machine<D>, id: ResourceId| {
        let process = machine.process.as_ref();
        let its = process.and_then(|process| process.daemon.definition(id));
        its.map(|its| (its.name.clone(), its.alone))
    };
    let peer = &machines[(at + 1) % machines.len()];
    let wanted = named(&machines[at], resource).filter(|(_, alone)| *alone);
    let mut held = peer.agents.resources.keys();
    wanted.is_some() && held.any(|id| peer.agents.holds(*id) && named(peer, *id) == wanted)
}
