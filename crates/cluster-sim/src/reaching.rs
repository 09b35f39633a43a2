//! What the two machines of a lone pair reach besides each other: listed hosts, and the
//! network of their clients, in which one sees the other's addresses.
//!
//! The networks between the two are others: a cut of those leaves this as it is. What cuts
//! a whole machine off cuts this off, too.

use crate::machine::{Daemon, Power};
use crate::queue::{Coming, Place};
use crate::world::World;
use cluster_core::event::Event;
use std::time::Duration;

/// How many hosts are listed.
pub const LISTED: usize = 3;

/// What is around a machine.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// Reasons why it reaches nobody at all.
    cut: u32,
    /// By listed host: reasons why it is not reached.
    lost: [u32; LISTED],
    /// What its daemon was told last: it asks once a second, and one that answered within
    /// the last four seconds counts.
    pub(crate) noticed: usize,
}

impl Default for Around {
    fn default() -> Self {
        Self {
            cut: 0,
            lost: [0; LISTED],
            noticed: LISTED,
        }
    }
}

impl Around {
    /// Nothing around it hears it.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut > 0
    }

    /// How many listed hosts answer.
    pub(crate) fn reached(&self) -> usize {
        if self.is_cut() {
            return 0;
        }
        self.lost.iter().filter(|reasons| **reasons == 0).count()
    }

    /// One more reason, or one less, why nothing is reached.
    pub(crate) fn cut(&mut self, on: bool) {
        change(&mut self.cut, on);
    }

    /// The same for the hosts in the mask.
    pub(crate) fn lose(&mut self, mask: u32, on: bool) {
        for (place, reasons) in self.lost.iter_mut().enumerate() {
            if mask >> place & 1 == 1 {
                change(reasons, on);
            }
        }
    }
}

fn change(reasons: &mut u32, on: bool) {
    *reasons = if on {
        *reasons + 1
    } else {
        reasons.saturating_sub(1)
    };
}

impl<D: Daemon> World<D> {
    /// What is around a machine is not as it was: its daemon notices.
    pub(crate) fn surroundings_changed(&mut self, at: Place) {
        if !self.machines[at].goes_by_reach() {
            return;
        }
        let around = &self.machines[at].around;
        let later = if around.reached() < around.noticed {
            self.random.span_ms(4_000, 5_500)
        } else {
            self.random.span_ms(0, 1_500)
        };
        self.queue.put(self.now + later, Coming::Noticed { at });
    }

    /// Its daemon is told how many answer.
    pub(crate) fn noticed(&mut self, at: Place) {
        let around = &mut self.machines[at].around;
        around.noticed = around.reached();
        self.tell_attributes(at);
    }

    /// A daemon wants to know at once.
    pub(crate) fn look_around(&mut self, at: Place, life: u64, number: u64) {
        let later = self.random.span_ms(5, 260);
        let coming = Coming::Reached { at, life, number };
        self.queue.put(self.now + later, coming);
    }

    /// The answer.
    pub(crate) fn looked_around(&mut self, at: Place, life: u64, number: u64) {
        if !self.lives(at, life) {
            return;
        }
        let peer = &self.machines[(at + 1) % self.machines.len()];
        let around = self.machines[at].around;
        let owned = peer.is_seen() && !around.is_cut() && self.holds_what_runs_once(peer);
        let reached = around.reached();
        self.say(at, 35, number, || {
            format!("looks around, {number}: {reached} of {LISTED}, owned: {owned}")
        });
        self.step(
            at,
            Event::Reached {
                number,
                reached,
                owned,
            },
        );
    }

    /// The judge knows what each of the two reaches.
    pub(crate) fn look_around_for_the_judge(&mut self) {
        if self.are_apart() {
            self.judge.apart = Some(self.now);
        }
        let open =
            |link: usize| self.network.is_open(0, 1, link) && self.network.is_open(1, 0, link);
        let silent = !(0..self.network.links()).any(open);
        for at in 0..self.machines.len() {
            let machine = &self.machines[at];
            let lonely = silent || !self.machines[(at + 1) % self.machines.len()].is_awake();
            let process = machine.process.as_ref();
            let left_alone =
                process.is_some_and(|process| process.daemon.state().operators.all_maintenance);
            let cut = lonely && machine.around.reached() == 0 && machine.power == Power::On;
            let cut = cut && !left_alone;
            let since = self.judge.claims[at].cut.unwrap_or(self.now);
            self.judge.claims[at].cut = cut.then_some(since);
        }
    }

    /// May the two have missed each other's words at this moment?
    pub(crate) fn are_apart(&self) -> bool {
        let slow = Duration::from_secs(1);
        let deaf = |at: Place| {
            let machine = &self.machines[at];
            let storage = &machine.storage;
            !machine.is_awake() || storage.stalled || storage.speed.slowest > slow
        };
        let links = 0..self.network.links();
        let hears =
            |link: usize| self.network.is_good(0, 1, link) && self.network.is_good(1, 0, link);
        deaf(0) || deaf(1) || !links.into_iter().any(hears)
    }
}
