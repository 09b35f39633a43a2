//! Fencing devices: one for each machine, each on a network of its own that no fault of
//! the cluster's networks touches.
//!
//! Who asks does what a fence agent does: "off", then "status", and believes the second
//! one only. A device that lies twice cannot be told from one that is honest: there is
//! none here.

use crate::machine::{Daemon, Power};
use crate::queue::{Coming, Place};
use crate::topology::place_of;
use crate::world::World;
use cluster_core::arbitration::FenceOutcome;
use cluster_core::event::Event;
use cluster_core::name::NodeId;
use std::time::Duration;

/// Whoever asks gives up after this time.
const AGENT_TIMEOUT: Duration = Duration::from_secs(15);

/// How a device behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It does what it is told, in up to three seconds.
    #[default]
    Good,
    /// It says no.
    Refuses,
    /// It takes up to 25 s, longer than whoever asks waits; and it does it all the same.
    Slow,
    /// It says nothing, and does nothing.
    Hangs,
    /// It says that it is done, does nothing, and does not hide that.
    Deceives,
}

impl Mood {
    /// All that are not good.
    pub const BAD: [Self; 4] = [Self::Refuses, Self::Slow, Self::Hangs, Self::Deceives];
}

/// A machine's device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Device {
    /// How it behaves.
    pub mood: Mood,
    /// Its machine has no mains.
    pub unplugged: bool,
    /// Nor has it.
    pub dead: bool,
}

impl<D: Daemon> World<D> {
    /// Somebody is to be powered off.
    pub(crate) fn fence(&mut self, at: Place, life: u64, number: u64, node: NodeId) {
        let target = place_of(node);
        self.say(at, 30, number, || {
            format!("fences {node}, attempt {number}")
        });
        self.judge.fences(at, self.now);
        let device = self.machines[target].device;
        let quick = self.random.span_ms(200, 2_500);
        let (off, answer) = match device.mood {
            _ if device.dead => (None, quick),
            Mood::Good => (Some(quick), quick),
            Mood::Hangs => (None, AGENT_TIMEOUT),
            Mood::Refuses | Mood::Deceives => (None, quick),
            Mood::Slow => {
                let off = self.random.span_ms(3_000, 25_000);
                (Some(off), off.min(AGENT_TIMEOUT))
            }
        };
        if let Some(off) = off {
            let coming = Coming::Off {
                target,
                by: at,
                asked: self.now,
                good: device.mood == Mood::Good,
            };
            self.queue.put(self.now + off, coming);
        }
        let silent = device.mood == Mood::Hangs && !device.dead;
        let status = self.random.span_ms(50, 900);
        let status = answer + status;
        let known = !device.dead && device.mood != Mood::Refuses && !silent;
        let coming = Coming::Status {
            at,
            life,
            number,
            target,
            known,
            late: status >= AGENT_TIMEOUT,
        };
        self.queue.put(self.now + status.min(AGENT_TIMEOUT), coming);
    }

    /// A device does what it was told.
    pub(crate) fn is_powered_off(&mut self, coming: &Coming) {
        let Coming::Off {
            target,
            by,
            asked,
            good,
        } = *coming
        else {
            return;
        };
        if self.machines[target].power == Power::Off {
            return;
        }
        let verdict = self.judge.shot(target, by, asked, good, self.now);
        self.judge(verdict);
        self.say(target, 31, 0, || "is powered off by its device".into());
        self.judge.trouble(self.now);
        self.power_off(target);
        // If nobody gives it its power again, an operator does, in the end.
        let cycle = self.machines[target].cycle;
        let later = self.random.span_ms(15_000, 90_000);
        let coming = Coming::Button { at: target, cycle };
        self.queue.put(self.now + later, coming);
    }

    /// A device is asked for the status; the answer is on its way.
    pub(crate) fn status(&mut self, coming: &Coming) {
        let Coming::Status {
            at,
            life,
            number,
            target,
            known,
            late,
        } = *coming
        else {
            return;
        };
        let is_off = self.machines[target].power == Power::Off;
        let outcome = match (late, known && is_off) {
            (true, _) => FenceOutcome::TimedOut,
            (false, true) => FenceOutcome::ConfirmedOff,
            (false, false) => FenceOutcome::Failed,
        };
        let slow = self.random.chance(100_000);
        let longest = if slow { 4_000 } else { 20 };
        let later = self.random.span_ms(0, longest);
        let coming = Coming::Fenced {
            at,
            life,
            number,
            outcome,
        };
        self.queue.put(self.now + later, coming);
    }

    /// The answer is there.
    pub(crate) fn fenced(&mut self, at: Place, life: u64, number: u64, outcome: FenceOutcome) {
        if self.lives(at, life) {
            self.say(at, 32, number, || format!("attempt {number}: {outcome:?}"));
            self.step(at, Event::Fenced { number, outcome });
        }
    }

    /// Somebody presses the button, or the device does.
    pub(crate) fn button(&mut self, at: Place, cycle: u64) {
        let machine = &self.machines[at];
        if machine.cycle == cycle && machine.power == Power::Off && !machine.device.unplugged {
            self.judge.trouble(self.now);
            self.power_on(at);
        }
    }

    /// A daemon wants its peer to have its power again.
    pub(crate) fn wants_power(&mut self, at: Place, node: NodeId) {
        let target = place_of(node);
        self.say(at, 33, 0, || format!("gives {node} its power again"));
        let later = self.random.span_ms(100, 2_000);
        let cycle = self.machines[target].cycle;
        self.queue
            .put(self.now + later, Coming::Button { at: target, cycle });
    }

    /// An operator, who has looked, tells every daemon that is awake and whose peer is
    /// off that it is. False: there is none.
    pub(crate) fn confirm(&mut self) -> bool {
        let count = self.machines.len();
        let mut told = false;
        for at in 0..count {
            let peer = (at + 1) % count;
            if !self.machines[at].is_awake() || self.machines[peer].power != Power::Off {
                continue;
            }
            told = true;
            self.commands += 1;
            let (number, node) = (self.commands, self.machines[peer].node);
            self.copies.is_called_off(number, peer);
            self.say(at, 34, number, || format!("is told that {node} is off"));
            self.step(at, Event::ConfirmedOff { number, node });
        }
        told
    }
}
