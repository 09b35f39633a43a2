//! Draws what goes wrong, and when, from a seed.

use crate::agents::Manners;
use crate::clock::Moment;
use crate::commands::Wish;
use crate::edits::{CHANGED, Edit};
use crate::faults::{Fault, Plan, Target, Trouble};
use crate::fences::Mood;
use crate::machine::PersistPoint;
use crate::network::Weather;
use crate::patterns;
use crate::random::Random;
use crate::topology::{ITEMS, Topology};
use cluster_model::configuration::OnFail;
use std::time::Duration;

/// Time to come up before the first fault.
const QUIET: u64 = 40;

/// When faults end, at the earliest: ten minutes of them.
const HEAL: u64 = QUIET + 600;

impl Plan {
    /// Draws a plan: at least five faults within ten minutes, some of them together.
    pub fn draw(topology: Topology, links: usize, seed: u64) -> Self {
        let mut plan = Self::without_copies(topology, links, seed);
        if topology != Topology::Reach {
            plan.faults.extend(of_copies(topology, seed));
            plan.faults.sort_by_key(|fault| fault.at);
        }
        plan
    }

    /// The same in which copies of data never lose each other: what a seed was before they
    /// did.
    pub fn without_copies(topology: Topology, links: usize, seed: u64) -> Self {
        let mut draw = Draw {
            random: Random::new(seed, 1),
            machines: topology.machines(),
            nodes: topology.nodes(),
            links,
            fences: topology == Topology::Pair,
        };
        let mut faults = Vec::new();
        let wanted = draw.random.between(5, 24);
        while (faults.len() as u64) < wanted {
            let at = Moment::from_secs(QUIET) + draw.random.span_ms(0, 560_000);
            // One alone, or some that may overlap and hit the same machine.
            let together = [1, 1, 2, 2, 3, 4];
            let together = draw.random.pick(&together).unwrap_or(1);
            if draw.random.chance(250_000) {
                let machines = draw.machines;
                let fences = draw.fences && draw.random.chance(700_000);
                let random = &mut draw.random;
                faults.extend(if fences {
                    patterns::of_a_pair(random, at)
                } else {
                    patterns::draw(random, machines, at)
                });
                continue;
            }
            for _ in 0..together {
                let later = draw.random.span_ms(0, 12_000);
                let (trouble, lasts) = if draw.fences && draw.random.chance(350_000) {
                    draw.fencing_trouble()
                } else {
                    draw.trouble()
                };
                faults.push(Fault {
                    at: at + later,
                    lasts,
                    trouble,
                });
            }
        }
        faults.extend(further(topology, seed));
        faults.extend(leaves(topology, seed));
        faults.extend(of_everything(seed));
        if topology == Topology::Reach {
            faults.extend(of_reach(seed));
        }
        faults.sort_by_key(|fault| fault.at);
        Self {
            faults,
            heal: Moment::from_secs(HEAL),
        }
    }
}

/// Lost disks and rare stories, drawn by themselves: plans without them are what they were.
fn further(topology: Topology, seed: u64) -> Vec<Fault> {
    let random = &mut Random::new(seed, 4);
    let machines = topology.machines();
    let mut faults = Vec::new();
    while random.chance(500_000) {
        let at = Moment::from_secs(QUIET) + random.span_ms(0, 560_000);
        if topology.is_of_a_lone_pair() || random.chance(400_000) {
            faults.extend(patterns::in_a_part(random, topology, at));
            continue;
        }
        match random.below(4) {
            0 => faults.extend(patterns::memory_lost(random, topology, at)),
            1 => faults.extend(patterns::the_first_to_agree_hears_it_again(
                random, machines, at,
            )),
            _ => {
                let target = match random.below(4) {
                    0 => Target::Coordinator,
                    1 => Target::Holder,
                    _ => Target::Machine(random.place(machines)),
                };
                faults.push(Fault {
                    at,
                    lasts: random.span_ms(1_500, 40_000),
                    trouble: Trouble::DiskLost(target),
                });
            }
        }
    }
    faults
}

/// Somebody goes in order, in some runs; some of them in the middle of something. Drawn by
/// itself, so that other runs are what they were.
fn leaves(topology: Topology, seed: u64) -> Vec<Fault> {
    let mut random = Random::new(seed, 7);
    let random = &mut random;
    if !random.chance(400_000) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for _ in 0..random.between(1, 3) {
        let at = Moment::from_secs(QUIET) + random.span_ms(0, 540_000);
        let target = Target::Machine(random.place(topology.nodes()));
        let reboots = random.chance(500_000);
        let mut fault = |at, lasts, trouble| faults.push(Fault { at, lasts, trouble });
        let leave = Trouble::Leave { target, reboots };
        fault(at, random.span_ms(3_000, 60_000), leave);
        let soon = at + random.span_ms(0, 2_500);
        let lasts = random.span_ms(1_000, 25_000);
        match random.below(8) {
            0 => fault(soon, lasts, Trouble::PowerCut(Target::Coordinator)),
            1 => fault(soon, Duration::ZERO, Trouble::DaemonCrash(target)),
            2 => fault(
                soon,
                Duration::ZERO,
                Trouble::DaemonCrash(Target::Coordinator),
            ),
            3 => fault(soon, lasts, Trouble::Isolation(target)),
            4 => fault(soon, lasts, Trouble::Deafness(target)),
            5 => {
                let target = Target::Machine(random.place(topology.nodes()));
                let reboots = random.chance(500_000);
                fault(soon, lasts, Trouble::Leave { target, reboots });
            }
            _ => {}
        }
    }
    faults
}

/// Everything is stopped for a while, or its failures mean something else. Drawn by itself,
/// too.
fn of_everything(seed: u64) -> Vec<Fault> {
    let random = &mut Random::new(seed, 8);
    let mut faults = Vec::new();
    while random.chance(250_000) {
        let wish = if random.chance(400_000) {
            Wish::Halt
        } else {
            let on_fail = random.pick(&Edit::MEANINGS).unwrap_or(OnFail::Restart);
            Wish::Configure(Edit::OnFail(on_fail))
        };
        faults.push(Fault {
            at: Moment::from_secs(QUIET) + random.span_ms(0, 520_000),
            lasts: random.span_ms(2_000, 80_000),
            trouble: Trouble::Command(wish),
        });
    }
    faults
}

/// The two do not hear each other, or one of them does not reach what it should.
fn of_reach(seed: u64) -> Vec<Fault> {
    let random = &mut Random::new(seed, 9);
    let mut faults = Vec::new();
    for _ in 0..random.between(2, 6) {
        let target = match random.below(4) {
            0 => Target::Holder,
            1 => Target::Coordinator,
            _ => Target::Machine(random.place(2)),
        };
        let mask = u32::try_from(random.between(1, 8)).unwrap_or(1);
        let trouble = match random.below(8) {
            0..=2 => Trouble::Split(1),
            3..=5 => Trouble::HostsLost { target, mask },
            6 => Trouble::Isolation(target),
            _ => Trouble::PowerCut(target),
        };
        let at = Moment::from_secs(QUIET) + random.span_ms(0, 540_000);
        let lasts = random.span_ms(1_000, 60_000);
        faults.push(Fault { at, lasts, trouble });
        if matches!(trouble, Trouble::PowerCut(_)) {
            faults.push(Fault {
                at: at + random.span_ms(0, 8_000),
                lasts: Duration::ZERO,
                trouble: Trouble::Confirmation,
            });
        }
        // Sometimes both at once.
        if random.chance(300_000) {
            faults.push(Fault {
                at: at + random.span_ms(0, 4_000),
                lasts: random.span_ms(1_000, 40_000),
                trouble: Trouble::Split(1),
            });
        }
    }
    faults
}

/// Whoever writes data loses the other copies, in some runs: alone, or while something else
/// happens to a machine. Drawn by itself, too.
fn of_copies(topology: Topology, seed: u64) -> Vec<Fault> {
    let random = &mut Random::new(seed, 10);
    let mut faults = Vec::new();
    if !random.chance(250_000) {
        return faults;
    }
    for _ in 0..random.between(1, 4) {
        let at = Moment::from_secs(QUIET) + random.span_ms(3_000, 500_000);
        let lasts = random.span_ms(500, 40_000);
        let mut fault = |at, lasts, trouble| faults.push(Fault { at, lasts, trouble });
        fault(at, lasts, Trouble::CopiesApart);
        let target = Target::Machine(random.place(topology.machines()));
        let trouble = match random.below(10) {
            0 => Trouble::PowerCut(target),
            1 => Trouble::DaemonCrash(target),
            2 | 3 => Trouble::Isolation(target),
            4 => Trouble::Deafness(target),
            5 => Trouble::Dumbness(target),
            6 => Trouble::Command(Wish::Standby(random.place(topology.nodes()))),
            // They are hardly alike again when they lose each other once more.
            7 | 8 => {
                let again = at + lasts + random.span_ms(1_000, 4_000);
                fault(again, random.span_ms(2_000, 40_000), Trouble::CopiesApart);
                let meanwhile = at + lasts + random.span_ms(900, 1_500);
                let trouble = Trouble::Isolation(target);
                fault(meanwhile, random.span_ms(2_000, 9_000), trouble);
                continue;
            }
            _ => continue,
        };
        let soon = at + random.span_ms(0, 6_000);
        fault(soon, random.span_ms(1_000, 60_000), trouble);
    }
    faults
}

struct Draw {
    random: Random,
    machines: usize,
    nodes: usize,
    links: usize,
    /// Fencing decides.
    fences: bool,
}

impl Draw {
    fn target(&mut self) -> Target {
        match self.random.below(8) {
            0 | 1 => Target::Coordinator,
            2..=4 => Target::Holder,
            5 => Target::Bystander(self.random.place(self.machines)),
            _ => Target::Machine(self.random.place(self.machines)),
        }
    }

    fn trouble(&mut self) -> (Trouble, Duration) {
        let target = self.target();
        let span = |random: &mut Random, low, high| random.span_ms(low, high);
        match self.random.below(25) {
            0 => (
                Trouble::PowerCut(target),
                span(&mut self.random, 2_000, 90_000),
            ),
            1 => (Trouble::Reset(target), Duration::ZERO),
            2 | 3 => (Trouble::DaemonCrash(target), Duration::ZERO),
            4 | 5 => {
                let point = self.random.pick(&PersistPoint::ALL);
                let trouble = Trouble::CrashAtPersist {
                    target,
                    point: point.unwrap_or(PersistPoint::Entries),
                    actions: u32::try_from(self.random.below(5)).unwrap_or(0),
                    machine: self.random.chance(300_000),
                };
                // So long it waits for such a write.
                (trouble, Duration::from_secs(60))
            }
            6 | 7 => {
                let trouble = Trouble::Pause {
                    target,
                    before_acting: self.random.chance(400_000),
                };
                (trouble, self.around_the_limits())
            }
            8 => {
                let trouble = Trouble::Freeze {
                    target,
                    clock_runs_on: true,
                };
                (trouble, self.around_the_limits())
            }
            9 | 10 => (Trouble::Isolation(target), self.around_the_limits()),
            11 => (Trouble::Deafness(target), self.around_the_limits()),
            12 => (Trouble::Dumbness(target), self.around_the_limits()),
            13 => (
                Trouble::LinkDown(self.random.place(self.links)),
                span(&mut self.random, 1_000, 60_000),
            ),
            14 => {
                let (one, other) = self.pair();
                let trouble = if self.random.chance(500_000) {
                    Trouble::PairCut(one, other)
                } else {
                    Trouble::OneWayCut(one, other)
                };
                (trouble, self.around_the_limits())
            }
            15 => {
                let mask = self.random.between(1, (1 << self.machines) - 2);
                let mask = u32::try_from(mask).unwrap_or(1);
                (Trouble::Split(mask), self.around_the_limits())
            }
            16 => self.bad_weather(),
            17 => {
                let slowest = span(&mut self.random, 50, 4_000);
                (
                    Trouble::SlowDisk { target, slowest },
                    span(&mut self.random, 5_000, 60_000),
                )
            }
            18 => (
                Trouble::StalledDisk(target),
                span(&mut self.random, 1_000, 40_000),
            ),
            19 => {
                let trouble = Trouble::ResourceDies(Target::Holder, self.random.place(6));
                (trouble, Duration::ZERO)
            }
            20 | 21 => {
                let wish = self.wish();
                (Trouble::Command(wish), self.random.span_ms(3_000, 40_000))
            }
            22 | 23 => {
                let wish = Wish::Configure(self.edit());
                (Trouble::Command(wish), self.random.span_ms(1_000, 60_000))
            }
            _ => self.bad_agents(target),
        }
    }

    fn edit(&mut self) -> Edit {
        match self.random.below(6) {
            0 => Edit::Extra,
            1 => Edit::Without(self.random.place(ITEMS.len())),
            2 => Edit::Option,
            _ => Edit::Parameter(self.random.place(CHANGED.len())),
        }
    }

    fn fencing_trouble(&mut self) -> (Trouble, Duration) {
        let target = self.target();
        match self.random.below(10) {
            0 => (
                Trouble::PowerCut(target),
                self.random.span_ms(2_000, 90_000),
            ),
            1 | 2 => (
                Trouble::PlugPulled(target),
                self.random.span_ms(2_000, 90_000),
            ),
            3 => (Trouble::Blackout, self.random.span_ms(500, 40_000)),
            4 | 5 => {
                let mood = self.random.pick(&Mood::BAD).unwrap_or_default();
                let target = Target::Machine(self.random.place(self.machines));
                let trouble = Trouble::BadDevice { target, mood };
                (trouble, self.random.span_ms(10_000, 90_000))
            }
            6 | 7 => (Trouble::Confirmation, Duration::ZERO),
            _ => (Trouble::Split(1), self.around_the_limits()),
        }
    }

    /// A second or two, about a deadtime, about a lease, about a promise, or long.
    fn around_the_limits(&mut self) -> Duration {
        let (low, high) = match self.random.below(5) {
            0 => (100, 2_500),
            1 => (2_000, 7_000),
            2 => (5_000, 13_000),
            3 => (12_000, 25_000),
            _ => (20_000, 90_000),
        };
        self.random.span_ms(low, high)
    }

    fn pair(&mut self) -> (usize, usize) {
        let one = self.random.place(self.machines);
        let other = self.random.place(self.machines - 1);
        (one, if other >= one { other + 1 } else { other })
    }

    fn wish(&mut self) -> Wish {
        let item = self.random.place(ITEMS.len());
        let node = self.random.place(self.nodes);
        match self.random.below(6) {
            0 | 1 => Wish::Standby(node),
            2 => Wish::Maintenance,
            3 => Wish::Stop(item),
            4 => Wish::Move(item, node),
            _ => Wish::Cleanup,
        }
    }

    /// With this chance, in millionths, something below `most`; or else nothing.
    fn part(&mut self, chance: u32, most: u64) -> u32 {
        let on = self.random.chance(chance);
        u32::try_from(if on { self.random.below(most) } else { 0 }).unwrap_or(0)
    }

    fn bad_weather(&mut self) -> (Trouble, Duration) {
        let link = self.random.chance(400_000);
        let link = link.then(|| self.random.place(self.links));
        let mut part = |most| self.part(600_000, most);
        let weather = Weather {
            loss: part(600_000),
            twice: part(500_000),
            late: part(300_000),
            jitter_us: part(400_000),
        };
        let lasts = self.random.span_ms(2_000, 60_000);
        (Trouble::BadWeather { link, weather }, lasts)
    }

    fn bad_agents(&mut self, target: Target) -> (Trouble, Duration) {
        let everywhere = self.random.chance(300_000);
        let mut part = |most| self.part(400_000, most);
        let manners = Manners {
            start_fails: part(800_000),
            start_hangs: part(600_000),
            stop_fails: part(500_000),
            stop_hangs: part(500_000),
            probe_fails: part(500_000),
            slow: part(1_000_000),
        };
        let lasts = self.random.span_ms(5_000, 60_000);
        let target = (!everywhere).then_some(target);
        (Trouble::BadAgents { target, manners }, lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Kind;

    #[test]
    fn a_plan_has_five_faults_at_least_and_is_the_same_for_the_same_seed() {
        for seed in 0..200 {
            let plan = Plan::draw(Topology::Three, 2, seed);
            assert!(plan.faults.len() >= 5);
            assert!(plan.faults.is_sorted_by_key(|fault| fault.at));
            let again = Plan::draw(Topology::Three, 2, seed);
            assert_eq!(format!("{plan:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let drawn: std::collections::BTreeSet<Kind> = (0..300)
            .flat_map(|seed| Plan::draw(Topology::Five, 2, seed).faults)
            .map(|fault| fault.trouble.kind())
            .collect();
        let known = Kind::ALL.into_iter().chain(Kind::OF_A_MAJORITY);
        assert_eq!(drawn, known.collect());
    }
}
