//! Daemons that are told to stop in order: they go when the cluster can do without them.

use crate::machine::{Daemon, Power};
use crate::queue::{Coming, Place};
use crate::world::World;
use cluster_core::event::Event;
use cluster_core::{LEAVING, REACHED};

impl<D: Daemon> World<D> {
    /// `SIGTERM`. False: there is nobody to hear it.
    pub(crate) fn leave(&mut self, at: Place) -> bool {
        let machine = &mut self.machines[at];
        let runs = machine.frozen.is_none() && machine.settings.nodes.contains(&machine.node);
        let process = machine.process.as_mut();
        let Some(process) = process.filter(|its| runs && !its.paused && !its.leaving) else {
            return false;
        };
        process.leaving = true;
        self.say(at, 23, 0, || "is told to stop in order".into());
        self.tell_attributes(at);
        true
    }

    /// What an agent noted of its copy is kept outside of the daemon; that it goes is its
    /// own.
    pub(crate) fn tell_attributes(&mut self, at: Place) {
        let score = (at + 1) * 10;
        let mut told = vec![("master-data".to_owned(), score.to_string())];
        let machine = &self.machines[at];
        if machine.goes_by_reach() {
            told.push((REACHED.to_owned(), machine.around.noticed.to_string()));
        }
        let process = machine.process.as_ref();
        if process.is_some_and(|process| process.leaving) {
            told.push((LEAVING.to_owned(), "true".to_owned()));
        }
        self.step(at, Event::Attributes(told.into_iter().collect()));
    }

    /// A daemon that was told to stop does so as soon as nothing runs here, and the cluster
    /// can do without it.
    pub(crate) fn end_in_order(&mut self, at: Place) {
        let machine = &mut self.machines[at];
        let now = machine.clock.read(self.now);
        let agents = &machine.agents;
        let empty =
            agents.operations.is_empty() && !agents.holds_anything() && !machine.watchdog.armed;
        let process = machine.process.as_ref();
        let ends = process.is_some_and(|process| {
            process.leaving && !process.paused && process.daemon.may_leave(now)
        });
        if empty && ends {
            machine.process = None;
            machine.storage.crash();
            self.wrote(at);
            self.say(at, 24, 0, || "the daemon ended in order".into());
        }
    }

    /// It is started again. Whoever has not come to an end by now is killed.
    pub(crate) fn come_back(&mut self, at: Place, life: u64, reboots: bool) {
        let machine = &self.machines[at];
        let process = machine.process.as_ref();
        let is_another = process.is_some_and(|process| process.life != life);
        if is_another || machine.power != Power::On {
            return;
        }
        if reboots {
            self.reset(at);
        } else if process.is_some() {
            self.crash_daemon(at);
        } else {
            let cycle = machine.cycle;
            self.queue.put(self.now, Coming::Launch { at, cycle });
        }
    }
}
