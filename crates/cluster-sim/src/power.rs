//! Machines and daemons come and go.

use crate::machine::{Daemon, Power, Process};
use crate::queue::{Coming, Place};
use crate::world::World;
use cluster_core::Start;
use cluster_core::event::Event;
use cluster_core::name::{BootId, Session};
use std::time::Duration;

impl<D: Daemon> World<D> {
    pub(crate) fn wake(&mut self, at: Place, life: u64) {
        let now = self.now;
        let machine = &mut self.machines[at];
        let Some(process) = &mut machine.process else {
            return;
        };
        if process.life != life || process.wake.is_none_or(|wake| wake > now) {
            return;
        }
        process.wake = None;
        // Paused: it will see the time when it goes on.
        if !process.paused {
            self.step(at, Event::Tick);
        }
    }

    pub(crate) fn bite(&mut self, at: Place, setting: u64) {
        let watchdog = self.machines[at].watchdog;
        if !watchdog.armed || watchdog.setting != setting {
            return;
        }
        if watchdog.due > self.now {
            self.queue.put(watchdog.due, Coming::Bite { at, setting });
            return;
        }
        self.say(at, 9, 0, || "is reset by its watchdog".into());
        self.reset(at);
    }

    /// Wakes the daemon when it wants to be woken; a little late, as kernels do.
    pub(crate) fn plan_wake(&mut self, at: Place) {
        let machine = &mut self.machines[at];
        let Some(process) = &mut machine.process else {
            return;
        };
        let exact = machine.clock.when(process.daemon.deadline(), self.now);
        if process.wake.is_some_and(|wake| wake <= exact) {
            return;
        }
        let late = if self.random.chance(2_000) {
            self.random.span_ms(1, 80)
        } else {
            self.random.span_ms(0, 1)
        };
        let wake = exact + Duration::from_micros(50) + late;
        if process.wake.is_none_or(|known| known > wake) {
            process.wake = Some(wake);
            let life = process.life;
            self.queue.put(wake, Coming::Wake { at, life });
        }
    }

    /// Init starts the daemon.
    pub(crate) fn launch(&mut self, at: Place) {
        let now = self.now;
        let session = Session(self.random.number());
        let machine = &mut self.machines[at];
        if machine.power != Power::On || machine.process.is_some() {
            return;
        }
        machine.lives += 1;
        let life = machine.lives;
        let start = Start {
            boot: machine.boot,
            session,
            armed: machine.watchdog.armed,
            lease: machine
                .noted
                .filter(|(boot, _)| *boot == machine.boot)
                .map(|(_, end)| end),
            leftovers: machine.agents.leftovers(),
        };
        let (daemon, actions) = D::begin(
            machine.settings.clone(),
            &machine.storage.kept,
            start,
            machine.clock.read(now),
        );
        machine.process = Some(Process {
            daemon,
            life,
            session,
            since: now,
            leaving: false,
            paused: false,
            pause_before_acting: false,
            inbox: Vec::new(),
            undone: Vec::new(),
            wake: None,
        });
        self.judge.launched(at, now);
        self.say(at, 14, session.0, || "the daemon is started".into());
        let verdict = self.judge.applied(&self.machines, at);
        self.judge(verdict);
        self.decided(at, life, actions);
        self.plan_wake(at);
        let machine = &self.machines[at];
        if machine.settings.nodes.contains(&machine.node) {
            self.noticed(at);
        }
    }

    /// Lets a machine boot that is off.
    pub(crate) fn power_on(&mut self, at: Place) {
        // A small guest may be up very soon.
        let longest = if self.random.chance(400_000) {
            1_500
        } else {
            12_000
        };
        let delay = self.random.span_ms(800, longest);
        let machine = &mut self.machines[at];
        if machine.power != Power::Off || machine.device.unplugged {
            return;
        }
        machine.power = Power::Booting;
        self.judge.powered_on(at, self.now);
        let cycle = machine.cycle;
        self.queue.put(self.now + delay, Coming::Boot { at, cycle });
    }

    pub(crate) fn boot(&mut self, at: Place) {
        let random = &mut self.random;
        let boot = u128::from(random.number()) << 64 | u128::from(random.number());
        let uptime = if random.chance(500_000) {
            random.span_ms(2_000, 30_000)
        } else {
            random.span_ms(0, 1_000_000_000)
        };
        let delay = random.span_ms(0, 2_000);
        let machine = &mut self.machines[at];
        machine.power = Power::On;
        machine.boot = BootId(boot);
        machine.clock.restart(self.now, uptime);
        let cycle = machine.cycle;
        self.queue
            .put(self.now + delay, Coming::Launch { at, cycle });
        self.say(at, 15, 0, || "has booted".into());
    }

    /// All that runs on a machine is gone.
    pub(crate) fn power_off(&mut self, at: Place) {
        self.lose_handlers(at);
        let machine = &mut self.machines[at];
        machine.cycle += 1;
        machine.power = Power::Off;
        machine.frozen = None;
        machine.process = None;
        machine.trap = None;
        machine.agents.clear();
        machine.watchdog.armed = false;
        machine.watchdog.setting += 1;
        machine.storage.crash();
        self.touched = true;
        self.wrote(at);
        self.judge.reset(at);
    }

    /// The machine starts anew.
    pub(crate) fn reset(&mut self, at: Place) {
        self.power_off(at);
        self.power_on(at);
    }

    /// The daemon dies; what it started lives on, and init starts another one.
    pub(crate) fn crash_daemon(&mut self, at: Place) {
        let delay = self.random.span_ms(900, 1_500);
        let machine = &mut self.machines[at];
        if machine.process.take().is_none() {
            return;
        }
        machine.storage.crash();
        let cycle = machine.cycle;
        self.queue
            .put(self.now + delay, Coming::Launch { at, cycle });
        self.say(at, 16, 0, || "the daemon dies".into());
        self.wrote(at);
    }
}
