//! Faults that hurt only together and in the right order: chance alone would bring them
//! about too seldom. Each is a story that some rule of the design is there for.

use crate::agents::Manners;
use crate::clock::Moment;
use crate::commands::Wish;
use crate::faults::{Fault, Target, Trouble};
use crate::fences::Mood;
use crate::machine::{PersistPoint, Role};
use crate::network::Weather;
use crate::random::Random;
use crate::topology::Topology;
use std::time::Duration;

/// One of the stories, at about that time.
pub(crate) fn draw(random: &mut Random, machines: usize, at: Moment) -> Vec<Fault> {
    match random.below(7) {
        0 | 1 => voters_forget(random, machines, at),
        2 => voters_waver(random, machines, at),
        3 => restart_before_the_lease_ends(random, at),
        4 => resets_and_late_packets(random, at),
        5 => cut_while_answers_are_late(random, at),
        _ => crash_in_the_middle_of_slow_agents(random, at),
    }
}

/// One of the stories of a lone pair, at about that time.
pub(crate) fn of_a_pair(random: &mut Random, at: Moment) -> Vec<Fault> {
    match random.below(5) {
        0 | 1 => the_survivor_is_next(random, at),
        2 => both_shoot(random, at),
        3 => lost_again_while_coming_back(random, at),
        _ => a_device_that_cannot_answer(random, at),
    }
}

/// The holder loses its power, the other one goes on alone, and is started anew or loses
/// its power too; the first one is back before it, or long after.
fn the_survivor_is_next(random: &mut Random, at: Moment) -> Vec<Fault> {
    let first = random.place(2);
    let survivor = Target::Machine(1 - first);
    let away = random.span_ms(3_000, 60_000);
    let mut faults = vec![fault(at, away, Trouble::PowerCut(Target::Machine(first)))];
    let later = at + random.span_ms(2_500, 30_000);
    let trouble = match random.below(4) {
        0 => Trouble::Reset(survivor),
        1 => Trouble::DaemonCrash(survivor),
        2 => Trouble::CrashAtPersist {
            target: survivor,
            point: PersistPoint::Snapshot,
            actions: u32::try_from(random.below(6)).unwrap_or(0),
            machine: random.chance(600_000),
        },
        _ => Trouble::PlugPulled(survivor),
    };
    let lasts = random.span_ms(5_000, 60_000);
    faults.push(fault(later, lasts, trouble));
    if random.chance(500_000) {
        let word = later + random.span_ms(1_000, 20_000);
        faults.push(fault(word, Duration::ZERO, Trouble::Confirmation));
    }
    faults
}

/// All links are cut, and both have the right to fence.
fn both_shoot(random: &mut Random, at: Moment) -> Vec<Fault> {
    let mut faults = vec![fault(at, random.span_ms(4_000, 60_000), Trouble::Split(1))];
    if random.chance(400_000) {
        let target = Target::Machine(random.place(2));
        let mood = random.pick(&Mood::BAD).unwrap_or_default();
        let trouble = Trouble::BadDevice { target, mood };
        faults.push(fault(at, random.span_ms(5_000, 60_000), trouble));
    }
    if random.chance(300_000) {
        let when = at + random.span_ms(1_000, 8_000);
        let crash = Trouble::DaemonCrash(Target::Machine(random.place(2)));
        faults.push(fault(when, Duration::ZERO, crash));
    }
    faults
}

/// One of the two comes back after it was fenced, over bad networks, and one of them is
/// lost again about when it gets its vote.
fn lost_again_while_coming_back(random: &mut Random, at: Moment) -> Vec<Fault> {
    let first = random.place(2);
    let away = random.span_ms(6_000, 12_000);
    let weather = Weather {
        loss: u32::try_from(random.between(100_000, 600_000)).unwrap_or(0),
        ..Weather::default()
    };
    let weather = Trouble::BadWeather {
        link: None,
        weather,
    };
    let slow = Trouble::SlowDisk {
        target: Target::Machine(1 - first),
        slowest: random.span_ms(100, 900),
    };
    let back = at + away;
    let mut faults = vec![
        fault(at, away, Trouble::PowerCut(Target::Machine(first))),
        fault(back, Duration::from_secs(20), weather),
        fault(back, Duration::from_secs(20), slow),
    ];
    let when = back + random.span_ms(1_000, 18_000);
    let target = Target::Machine(random.place(2));
    let lasts = random.span_ms(4_000, 60_000);
    let trouble = match random.below(3) {
        0 => Trouble::Split(1),
        1 => Trouble::PowerCut(target),
        _ => Trouble::Isolation(target),
    };
    faults.push(fault(when, lasts, trouble));
    faults
}

/// A machine is gone and its device with it, or the device is no help: nothing may be
/// taken until an operator has looked.
fn a_device_that_cannot_answer(random: &mut Random, at: Moment) -> Vec<Fault> {
    let target = Target::Machine(random.place(2));
    let lasts = random.span_ms(20_000, 90_000);
    let mut faults = if random.chance(500_000) {
        vec![fault(at, lasts, Trouble::PlugPulled(target))]
    } else {
        let mood = random.pick(&Mood::BAD).unwrap_or_default();
        vec![
            fault(at, lasts, Trouble::BadDevice { target, mood }),
            fault(at, lasts, Trouble::Isolation(target)),
        ]
    };
    if random.chance(600_000) {
        let when = at + random.span_ms(3_000, 25_000);
        faults.push(fault(when, Duration::ZERO, Trouble::Confirmation));
    }
    faults
}

fn fault(at: Moment, lasts: Duration, trouble: Trouble) -> Fault {
    Fault { at, lasts, trouble }
}

fn late() -> Trouble {
    Trouble::BadWeather {
        link: None,
        weather: Weather {
            late: 350_000,
            ..Weather::default()
        },
    }
}

/// Somebody who runs nothing, because an operator wants it so, is hit by anything that can hit
/// a machine: it coordinates or it does not.
pub(crate) fn in_a_part(random: &mut Random, topology: Topology, at: Moment) -> Vec<Fault> {
    let (role, wish) = if random.chance(500_000) {
        (Role::Coordinator, Wish::StandbyOfCoordinator)
    } else {
        let node = random.place(topology.nodes());
        (Role::Bystander, Wish::Standby(node))
    };
    let standby = random.span_ms(25_000, 45_000);
    let mut faults = vec![fault(at, standby, Trouble::Command(wish))];
    for _ in 0..random.between(1, 2) {
        let when = at + random.span_ms(10_000, 24_000);
        let lasts = random.span_ms(500, 20_000);
        let (trouble, lasts) = anything(random, topology, Target::Part(role), lasts);
        faults.push(fault(when, lasts, trouble));
    }
    faults
}

/// Anything that can hit a machine.
fn anything(
    random: &mut Random,
    topology: Topology,
    target: Target,
    lasts: Duration,
) -> (Trouble, Duration) {
    let pair = topology.is_of_a_lone_pair();
    let trouble = match random.below(18) {
        0 => Trouble::PowerCut(target),
        1 => Trouble::Reset(target),
        2 => Trouble::DaemonCrash(target),
        3 | 4 => Trouble::Pause {
            target,
            before_acting: random.chance(500_000),
        },
        5 => Trouble::Freeze {
            target,
            clock_runs_on: true,
        },
        6 => Trouble::Isolation(target),
        7 => Trouble::Deafness(target),
        8 => Trouble::Dumbness(target),
        9 => Trouble::SlowDisk {
            target,
            slowest: random.span_ms(50, 4_000),
        },
        10 => Trouble::StalledDisk(target),
        11 => Trouble::BadAgents {
            target: Some(target),
            manners: Manners {
                start_fails: 300_000,
                slow: 500_000,
                ..Manners::default()
            },
        },
        12 if pair => Trouble::PlugPulled(target),
        13 if pair => {
            let mood = random.pick(&Mood::BAD).unwrap_or_default();
            Trouble::BadDevice { target, mood }
        }
        12 | 13 => Trouble::DiskLost(target),
        _ => {
            let point = random.pick(&PersistPoint::ALL);
            let trouble = Trouble::CrashAtPersist {
                target,
                point: point.unwrap_or(PersistPoint::Entries),
                actions: u32::try_from(random.below(5)).unwrap_or(0),
                machine: random.chance(300_000),
            };
            // So long it waits for such a write, and for what is started afterwards.
            return (trouble, Duration::from_secs(60));
        }
    };
    (trouble, lasts)
}

/// A voter loses its disk just when the only others that have what it acknowledged go off, and
/// those come back who did not hear of it: with a voter that votes nevertheless they would be
/// a majority.
pub(crate) fn memory_lost(random: &mut Random, topology: Topology, at: Moment) -> Vec<Fault> {
    let first = topology.first_voter();
    let voters = topology.machines() - first;
    let begin = random.place(voters);
    let nth = |number: usize| Target::Machine(first + (begin + number) % voters);
    // Of 2f + 1: f are deaf for a while, one forgets, f go off.
    let half = voters / 2;
    let away = random.span_ms(6_000, 40_000);
    let lost = at + away;
    let mut faults = Vec::new();
    for number in 0..half {
        faults.push(fault(at, away, Trouble::Isolation(nth(number))));
    }
    let lasts = random.span_ms(1_500, 6_000);
    faults.push(fault(lost, lasts, Trouble::DiskLost(nth(half))));
    let off = random.span_ms(8_000, 70_000);
    for number in half + 1..voters {
        let later = random.span_ms(0, 300);
        faults.push(fault(lost + later, off, Trouble::PowerCut(nth(number))));
    }
    faults
}

/// A holder is cut off while those who renewed its lease start anew: what they promised
/// must not be forgotten.
fn voters_forget(random: &mut Random, machines: usize, at: Moment) -> Vec<Fault> {
    let span = random.span_ms(8_000, 40_000);
    let cut = match random.below(4) {
        0 => Trouble::Deafness(Target::Holder),
        1 => Trouble::Dumbness(Target::Holder),
        _ => Trouble::Isolation(Target::Holder),
    };
    let mut faults = vec![fault(at, span, cut)];
    let whole = random.chance(300_000);
    for other in 0..machines - 1 {
        let trouble = if whole {
            Trouble::Reset(Target::Bystander(other))
        } else {
            Trouble::DaemonCrash(Target::Bystander(other))
        };
        let later = random.span_ms(0, 5_000);
        faults.push(fault(at + later, Duration::ZERO, trouble));
    }
    faults
}

/// A node is cut off from the voters, from one earlier than from the others; that one
/// agrees to a takeover first, perhaps starts anew, and hears the node again before the
/// others have agreed. It must not renew the lease.
fn voters_waver(random: &mut Random, machines: usize, at: Moment) -> Vec<Fault> {
    let node = random.place(machines);
    let first = (node + 1 + random.place(machines - 1)) % machines;
    // Until the first one agrees: a promise, and up to one question more.
    let agrees = random.span_ms(17_000, 19_500);
    let between = random.span_ms(1_500, 8_000);
    let mut faults = vec![fault(at, agrees, Trouble::PairCut(node, first))];
    for other in (0..machines).filter(|other| *other != node && *other != first) {
        let lasts = random.span_ms(18_000, 40_000);
        faults.push(fault(at + between, lasts, Trouble::PairCut(node, other)));
    }
    if random.chance(600_000) {
        let before = random.span_ms(500, 2_000);
        let crash = Trouble::DaemonCrash(Target::Machine(first));
        faults.push(fault(
            at + agrees.saturating_sub(before),
            Duration::ZERO,
            crash,
        ));
    }
    faults
}

/// The same with a holder whose lease lasts all the time: the first voter hears nothing of it for
/// a whole promise, the coordinator renews its lease until shortly before the end of that.
/// Then the coordinator loses it too, the first voter agrees to a takeover, starts anew
/// perhaps, and hears the holder again before its lease is over. With a lease from that voter
/// and an agreement from it, there would be two majorities.
pub(crate) fn the_first_to_agree_hears_it_again(
    random: &mut Random,
    machines: usize,
    at: Moment,
) -> Vec<Fault> {
    // A node, and a voter that is none of the two; whoever is left may coordinate.
    let node = random.place(2);
    let first = (node + 1 + random.place(machines - 1)) % machines;
    let lost = random.span_ms(14_500, 16_500);
    let agreed = random.span_ms(17_600, 19_600);
    let restart = random.chance(500_000);
    let again = agreed + random.span_ms(200, 900);
    let mut faults = vec![fault(at, again, Trouble::PairCut(node, first))];
    for other in (0..machines).filter(|other| *other != node && *other != first) {
        let lasts = random.span_ms(25_000, 60_000);
        faults.push(fault(at + lost, lasts, Trouble::PairCut(node, other)));
    }
    if restart {
        let crash = Trouble::DaemonCrash(Target::Machine(first));
        faults.push(fault(at + agreed, Duration::ZERO, crash));
    }
    faults
}

/// A holder is cut off, its daemon dies shortly before the lease is over, and agents
/// are slow: the new daemon must not keep the watchdog quiet.
fn restart_before_the_lease_ends(random: &mut Random, at: Moment) -> Vec<Fault> {
    let manners = Manners {
        slow: 900_000,
        stop_hangs: 300_000,
        ..Manners::default()
    };
    let agents = Trouble::BadAgents {
        target: None,
        manners,
    };
    let later = random.span_ms(3_500, 11_000);
    vec![
        fault(at, Duration::from_secs(30), agents),
        fault(
            at,
            random.span_ms(10_000, 30_000),
            Trouble::Isolation(Target::Holder),
        ),
        fault(
            at + later,
            Duration::ZERO,
            Trouble::DaemonCrash(Target::Holder),
        ),
    ]
}

/// A machine is reset again and again while packets of its earlier starts are still on
/// their way: they prove nothing.
fn resets_and_late_packets(random: &mut Random, at: Moment) -> Vec<Fault> {
    let target = if random.chance(700_000) {
        Target::Holder
    } else {
        Target::Machine(random.place(2))
    };
    let mut faults = vec![fault(at, Duration::from_secs(25), late())];
    let mut when = at + random.span_ms(500, 2_000);
    let first = Trouble::Reset(target);
    faults.push(fault(when, Duration::ZERO, first));
    for _ in 0..random.between(2, 4) {
        when = when + random.span_ms(1_200, 4_000);
        let again = if random.chance(600_000) {
            Trouble::Reset(Target::Bystander(random.place(2)))
        } else {
            Trouble::DaemonCrash(Target::Bystander(random.place(2)))
        };
        faults.push(fault(when, Duration::ZERO, again));
    }
    faults
}

/// The last answers before a cut come late: the lease counts from the question.
fn cut_while_answers_are_late(random: &mut Random, at: Moment) -> Vec<Fault> {
    let weather = Trouble::BadWeather {
        link: None,
        weather: Weather {
            late: 900_000,
            ..Weather::default()
        },
    };
    let cut = if random.chance(500_000) {
        Trouble::Dumbness(Target::Holder)
    } else {
        Trouble::Isolation(Target::Holder)
    };
    let later = random.span_ms(3_000, 9_000);
    let lasts = random.span_ms(10_000, 30_000);
    vec![
        fault(at, Duration::from_secs(15), weather),
        fault(at + later, lasts, cut),
    ]
}

/// A daemon dies while operations of slow agents are under way: the next one must not
/// begin others before these are gone.
fn crash_in_the_middle_of_slow_agents(random: &mut Random, at: Moment) -> Vec<Fault> {
    let manners = Manners {
        slow: 1_000_000,
        start_hangs: 300_000,
        ..Manners::default()
    };
    let agents = Trouble::BadAgents {
        target: None,
        manners,
    };
    let mut faults = vec![fault(at, Duration::from_secs(40), agents)];
    let moves = if random.chance(500_000) {
        Trouble::Reset(Target::Holder)
    } else {
        Trouble::ResourceDies(Target::Holder, random.place(6))
    };
    faults.push(fault(at, Duration::ZERO, moves));
    for _ in 0..3 {
        let later = random.span_ms(500, 12_000);
        let crash = Trouble::DaemonCrash(Target::Holder);
        faults.push(fault(at + later, Duration::ZERO, crash));
    }
    faults
}
