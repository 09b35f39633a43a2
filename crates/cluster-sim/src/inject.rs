//! Faults of the plan, put into effect and taken back.

use crate::agents::Manners;
use crate::clock::Moment;
use crate::faults::{Target, Trouble};
use crate::fences::Mood;
use crate::machine::{Daemon, Machine, Power, Trap};
use crate::queue::{Coming, Place};
use crate::storage::Speed;
use crate::world::World;
use cluster_core::arbitration::Epoch;
use cluster_core::disk::Write;
use cluster_core::event::Event;
use std::time::Duration;

/// So long after its end the machine tells of it.
const STIRRED: Duration = Duration::from_millis(5);

/// A fault in effect: what is needed to take it back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied {
    at: Option<Place>,
    /// Of the daemon that was hit.
    life: u64,
}

impl<D: Daemon> World<D> {
    fn resolve(&self, target: Target) -> Option<Place> {
        let machines = &self.machines;
        match target {
            Target::Machine(at) => (at < machines.len()).then_some(at),
            Target::Coordinator => machines
                .iter()
                .position(|machine| machine.power == Power::On && machine.is_coordinator()),
            Target::Part(role) => machines
                .iter()
                .position(|machine| machine.power == Power::On && machine.role() == role),
            Target::Holder => machines.iter().position(|machine| self.is_holder(machine)),
            Target::Bystander(number) => {
                let those: Vec<Place> = (0..machines.len())
                    .filter(|at| !self.is_holder(&machines[*at]))
                    .collect();
                those.get(number % those.len().max(1)).copied()
            }
        }
    }

    /// Does it run anything? Of a large cluster, in which copies of something run on all
    /// nodes: anything that must not run twice?
    fn is_holder(&self, machine: &Machine<D>) -> bool {
        if machine.settings.voters.len() == self.machines.len() {
            return machine.agents.holds_anything();
        }
        self.holds_what_runs_once(machine)
    }

    pub(crate) fn holds_what_runs_once(&self, machine: &Machine<D>) -> bool {
        let mut held = machine.agents.resources.keys();
        held.any(|id| {
            let alone = self.judge.names.get(*id).is_some_and(|its| its.alone);
            machine.agents.counts(*id) || (alone && machine.agents.holds(*id))
        })
    }

    pub(crate) fn begin_fault(&mut self, number: usize) {
        let fault = self.plan.faults[number];
        let target = match fault.trouble {
            Trouble::PowerCut(target)
            | Trouble::Reset(target)
            | Trouble::DaemonCrash(target)
            | Trouble::CrashAtPersist { target, .. }
            | Trouble::Pause { target, .. }
            | Trouble::Freeze { target, .. }
            | Trouble::PlugPulled(target)
            | Trouble::BadDevice { target, .. }
            | Trouble::Leave { target, .. }
            | Trouble::Isolation(target)
            | Trouble::Deafness(target)
            | Trouble::Dumbness(target)
            | Trouble::SlowDisk { target, .. }
            | Trouble::StalledDisk(target)
            | Trouble::DiskLost(target)
            | Trouble::HostsLost { target, .. }
            | Trouble::ResourceDies(target, _)
            | Trouble::BadAgents {
                target: Some(target),
                ..
            } => Some(target),
            _ => None,
        };
        let at = target.and_then(|target| self.resolve(target));
        if target.is_some() && at.is_none() {
            return;
        }
        let role = at.map(|at| self.machines[at].role());
        let life = at
            .and_then(|at| self.machines[at].process.as_ref())
            .map_or(0, |process| process.life);
        if !self.apply(fault.trouble, at, fault.lasts) {
            return;
        }
        self.judge.trouble(self.now);
        let place = at.map_or(u64::MAX, |at| at as u64);
        self.trace.say(self.now, [place, 100, number as u64], || {
            let whom = at.map_or("all".into(), |at| format!("node {}", at + 1));
            format!("FAULT {number} on {whom}: {fault:?}")
        });
        // A trap counts when it is sprung.
        if !matches!(fault.trouble, Trouble::CrashAtPersist { .. }) {
            self.coverage.fault(fault.trouble.kind(), role);
        }
        self.applied[number] = Some(Applied { at, life });
        self.queue.put(self.now + fault.lasts, Coming::Mend(number));
    }

    /// False: it has no effect, as things are.
    fn apply(&mut self, trouble: Trouble, at: Option<Place>, lasts: Duration) -> bool {
        let place = at.unwrap_or(0);
        let machine = &mut self.machines[place];
        match trouble {
            Trouble::PowerCut(_) => {
                if machine.power == Power::Off {
                    return false;
                }
                self.power_off(place);
            }
            Trouble::DiskLost(_) => return self.lose_disk(place),
            Trouble::PlugPulled(_) => {
                if machine.device.unplugged {
                    return false;
                }
                machine.device.unplugged = true;
                machine.device.dead = true;
                self.power_off(place);
            }
            Trouble::Blackout => {
                for place in 0..self.machines.len() {
                    self.machines[place].device.unplugged = true;
                    self.machines[place].device.dead = true;
                    self.power_off(place);
                }
            }
            Trouble::BadDevice { mood, .. } => {
                machine.device.mood = mood;
                self.judge.changes_mood(place, self.now);
            }
            Trouble::Confirmation => return self.confirm(),
            Trouble::HostsLost { mask, .. } => {
                machine.around.lose(mask, true);
                self.surroundings_changed(place);
            }
            Trouble::Reset(_) => {
                if machine.power != Power::On {
                    return false;
                }
                self.reset(place);
            }
            Trouble::DaemonCrash(_) => {
                if machine.process.is_none() || machine.frozen.is_some() {
                    return false;
                }
                self.crash_daemon(place);
            }
            Trouble::CrashAtPersist {
                point,
                actions,
                machine: whole,
                ..
            } => {
                if machine.trap.is_some() || machine.power != Power::On {
                    return false;
                }
                machine.trap = Some(Trap {
                    point,
                    actions,
                    machine: whole,
                    sprung: false,
                });
            }
            Trouble::Pause { before_acting, .. } => {
                let Some(process) = &mut machine.process else {
                    return false;
                };
                if process.paused || process.pause_before_acting || machine.frozen.is_some() {
                    return false;
                }
                if before_acting {
                    process.pause_before_acting = true;
                } else {
                    process.paused = true;
                }
            }
            Trouble::Freeze { clock_runs_on, .. } => {
                if machine.frozen.is_some() || machine.power != Power::On {
                    return false;
                }
                machine.frozen = Some(Vec::new());
                if !clock_runs_on {
                    machine.clock.stop(self.now);
                }
            }
            Trouble::SlowDisk { slowest, .. } => {
                machine.storage.speed = Speed {
                    slowest,
                    ..Speed::default()
                };
            }
            Trouble::StalledDisk(_) => machine.storage.stalled = true,
            Trouble::ResourceDies(_, number) => {
                let resources = machine.agents.resources.iter();
                let those: Vec<_> = resources
                    .filter(|(_, resource)| resource.active)
                    .map(|(id, _)| *id)
                    .collect();
                let Some(id) = those.get(number % those.len().max(1)).copied() else {
                    return false;
                };
                self.touched = true;
                let died = machine.agents.die(id);
                // Not every death is of a kind that the machine sees.
                if number.is_multiple_of(2)
                    && let (Some(at), Some(process)) = (at, &machine.process)
                {
                    let coming = Coming::Stirred {
                        at,
                        life: process.life,
                        resource: id,
                    };
                    self.queue.put(self.now + STIRRED, coming);
                }
                return died;
            }
            Trouble::Command(wish) => return self.wish(wish, true),
            Trouble::Leave { .. } => return self.leave(place),
            Trouble::CopiesApart => return self.part_copies(),
            Trouble::BadAgents { manners, .. } => self.manners(at, manners, true),
            _ => {
                debug_assert!(lasts > Duration::ZERO, "nothing would come of it");
                self.cuts(trouble, at, true);
            }
        }
        true
    }

    /// A machine goes off, and its disk is empty. False: voters without a memory would not
    /// be fewer than half of them.
    fn lose_disk(&mut self, at: Place) -> bool {
        let voters = &self.machines[at].settings.voters;
        let forgetful = |place: &Place| {
            let machine = &self.machines[*place];
            let process = machine.process.as_ref();
            let takes_part = process.is_none_or(|process| process.daemon.takes_part());
            let blank = machine.storage.kept.is_blank() || !takes_part;
            voters.contains(&machine.node) && (*place == at || blank)
        };
        let forgetful = (0..self.machines.len()).filter(forgetful).count();
        if forgetful > voters.len() / 2 || self.machines[at].power == Power::Off {
            return false;
        }
        self.power_off(at);
        let storage = &mut self.machines[at].storage;
        let lost = std::mem::take(&mut storage.kept);
        storage.epoch = Epoch::default();
        self.judge.disk_is_lost(at, lost);
        true
    }

    fn manners(&mut self, at: Option<Place>, manners: Manners, on: bool) {
        let change = |value: &mut u32, by: u32| {
            *value = if on {
                value.saturating_add(by)
            } else {
                value.saturating_sub(by)
            };
        };
        for (place, machine) in self.machines.iter_mut().enumerate() {
            if at.is_none_or(|at| at == place) {
                let its = &mut machine.agents.manners;
                change(&mut its.start_fails, manners.start_fails);
                change(&mut its.start_hangs, manners.start_hangs);
                change(&mut its.stop_fails, manners.stop_fails);
                change(&mut its.stop_hangs, manners.stop_hangs);
                change(&mut its.probe_fails, manners.probe_fails);
                change(&mut its.slow, manners.slow);
            }
        }
    }

    /// Faults of the network.
    fn cuts(&mut self, trouble: Trouble, at: Option<Place>, on: bool) {
        let count = self.machines.len();
        let links = self.network.links();
        let mut surroundings = None;
        let mut cut = |from: Place, to: Place, link: Option<usize>| {
            for each in 0..links {
                if link.is_none_or(|link| link == each) {
                    self.network.cut(from, to, each, on);
                }
            }
        };
        let at = at.unwrap_or(0);
        if let Trouble::Isolation(_) | Trouble::Deafness(_) | Trouble::Dumbness(_) = trouble {
            self.machines[at].around.cut(on);
            surroundings = Some(at);
        }
        let others = (0..count).filter(|other| *other != at);
        match trouble {
            Trouble::Isolation(_) => others.for_each(|other| {
                cut(at, other, None);
                cut(other, at, None);
            }),
            Trouble::Deafness(_) => others.for_each(|other| cut(other, at, None)),
            Trouble::Dumbness(_) => others.for_each(|other| cut(at, other, None)),
            Trouble::LinkDown(link) => {
                for (from, to) in pairs(count) {
                    cut(from, to, Some(link));
                }
            }
            Trouble::PairCut(one, other) => {
                cut(one, other, None);
                cut(other, one, None);
            }
            Trouble::OneWayCut(one, other) => cut(one, other, None),
            Trouble::Split(mask) => {
                let side = |place: Place| mask >> place & 1;
                for (from, to) in pairs(count) {
                    if side(from) != side(to) {
                        cut(from, to, None);
                    }
                }
            }
            Trouble::BadWeather { link, weather } => {
                for each in 0..links {
                    if link.is_none_or(|link| link == each) {
                        self.network.weather(each, weather, on);
                    }
                }
            }
            _ => {}
        }
        if let Some(at) = surroundings {
            self.surroundings_changed(at);
        }
    }

    pub(crate) fn end_fault(&mut self, number: usize) {
        let Some(applied) = self.applied[number] else {
            return;
        };
        let fault = self.plan.faults[number];
        let place = applied.at.unwrap_or(0);
        if matches!(fault.trouble, Trouble::Pause { .. }) && self.machines[place].frozen.is_some() {
            // Nobody can continue a process of a machine that stands still.
            let soon = self.now + Duration::from_millis(100);
            self.queue.put(soon, Coming::Mend(number));
            return;
        }
        self.applied[number] = None;
        self.judge.trouble(self.now);
        self.trace
            .say(self.now, [place as u64, 101, number as u64], || {
                format!("END of fault {number}")
            });
        match fault.trouble {
            Trouble::PowerCut(_) | Trouble::DiskLost(_) => self.power_on(place),
            Trouble::PlugPulled(_) => self.plug_in(place),
            Trouble::Blackout => {
                for place in 0..self.machines.len() {
                    self.plug_in(place);
                }
            }
            Trouble::BadDevice { .. } => {
                self.machines[place].device.mood = Mood::Good;
                self.judge.changes_mood(place, self.now);
            }
            Trouble::Reset(_)
            | Trouble::DaemonCrash(_)
            | Trouble::ResourceDies(..)
            | Trouble::Confirmation => {}
            Trouble::CrashAtPersist { .. } => self.machines[place].trap = None,
            Trouble::Pause { .. } => self.resume(place, applied.life),
            Trouble::Freeze { .. } => self.thaw(place),
            Trouble::SlowDisk { .. } => self.machines[place].storage.speed = Speed::default(),
            Trouble::StalledDisk(_) => {
                self.unstall(place);
                self.judge.writes_again(place, self.now);
            }
            Trouble::Command(wish) => {
                self.wish(wish, false);
            }
            Trouble::BadAgents { manners, .. } => self.manners(applied.at, manners, false),
            Trouble::HostsLost { mask, .. } => {
                self.machines[place].around.lose(mask, false);
                self.surroundings_changed(place);
            }
            Trouble::Leave { reboots, .. } => self.come_back(place, applied.life, reboots),
            Trouble::CopiesApart => self.join_copies(),
            _ => self.cuts(fault.trouble, applied.at, false),
        }
    }

    fn plug_in(&mut self, at: Place) {
        let device = &mut self.machines[at].device;
        device.unplugged = false;
        device.dead = false;
        self.power_on(at);
    }

    /// `SIGCONT`.
    fn resume(&mut self, at: Place, life: u64) {
        if !self.lives(at, life) {
            return;
        }
        let Some(process) = &mut self.machines[at].process else {
            return;
        };
        process.pause_before_acting = false;
        if !std::mem::take(&mut process.paused) {
            return;
        }
        let undone = std::mem::take(&mut process.undone);
        let inbox = std::mem::take(&mut process.inbox);
        self.judge.woken(at, self.now);
        self.say(at, 17, 0, || "goes on".into());
        self.carry_out(at, life, undone);
        let time_first = self.random.chance(500_000);
        if time_first && self.lives(at, life) {
            self.step(at, Event::Tick);
        }
        for event in inbox {
            if !self.lives(at, life) {
                return;
            }
            self.step(at, event);
        }
        if self.lives(at, life) {
            self.step(at, Event::Tick);
        }
    }

    fn thaw(&mut self, at: Place) {
        let machine = &mut self.machines[at];
        machine.clock.go_on(self.now);
        self.judge.woken(at, self.now);
        let waiting = self.machines[at].frozen.take();
        for coming in waiting.unwrap_or_default() {
            self.queue.put(self.now, coming);
        }
    }

    /// A trap that waits for this write is sprung.
    pub(crate) fn set_trap_off(&mut self, at: Place, write: &Write) {
        if let Some(trap) = &mut self.machines[at].trap
            && trap.point.is_in(write)
        {
            trap.sprung = true;
        }
    }

    /// A trap that was sprung lets some more actions through. True: it struck.
    pub(crate) fn spring(&mut self, at: Place) -> bool {
        match &mut self.machines[at].trap {
            Some(trap) if trap.sprung && trap.actions > 0 => {
                trap.actions -= 1;
                false
            }
            _ => self.spring_now(at),
        }
    }

    /// A trap that was sprung strikes now.
    pub(crate) fn spring_now(&mut self, at: Place) -> bool {
        let machine = &mut self.machines[at];
        let Some(trap) = machine.trap.filter(|trap| trap.sprung) else {
            return false;
        };
        machine.trap = None;
        let role = machine.role();
        self.coverage.crash(trap.point, role);
        self.coverage
            .fault(crate::faults::Kind::CrashAtPersist, Some(role));
        self.judge.trouble(self.now);
        self.say(at, 18, 0, || {
            format!("crash while writing {:?}", trap.point)
        });
        if trap.machine {
            self.reset(at);
        } else {
            self.crash_daemon(at);
        }
        true
    }

    /// Everything is mended; an operator resets machines on which a stop failed, as the
    /// cluster asks for.
    pub fn heal(&mut self) {
        for number in 0..self.applied.len() {
            if self.applied[number].is_some()
                && matches!(self.plan.faults[number].trouble, Trouble::Freeze { .. })
            {
                self.end_fault(number);
            }
        }
        for number in 0..self.applied.len() {
            self.end_fault(number);
        }
        for at in 0..self.machines.len() {
            self.machines[at].trap = None;
            let machine = &self.machines[at];
            let mut resources = machine.agents.resources.values();
            let node = machine.node;
            let failed = resources.any(|resource| resource.stop_failed)
                || self
                    .machines
                    .iter()
                    .any(|machine| machine.believes_in_a_failed_stop_of(node));
            if failed {
                self.say(at, 19, 0, || "is reset by the operator".into());
                self.reset(at);
            }
        }
        for at in 0..self.machines.len() {
            // Nobody may have given a fenced machine its power again.
            if self.machines[at].power == Power::Off {
                self.power_on(at);
            }
        }
        self.judge.trouble(self.now);
    }

    /// When the plan's faults are over.
    pub fn heals_at(&self) -> Moment {
        self.plan.heal
    }
}

/// Every ordered pair of machines.
fn pairs(count: usize) -> impl Iterator<Item = (Place, Place)> {
    (0..count).flat_map(move |from| {
        (0..count)
            .filter(move |to| *to != from)
            .map(move |to| (from, to))
    })
}
