//! *available*: one fault alone costs at most what can be computed beforehand. *obedient*:
//! what an operator wants is so after a while, in a quiet cluster.

use cluster_core::Node;
use cluster_sim::clock::Moment;
use cluster_sim::commands::Wish;
use cluster_sim::faults::{Fault, Plan, Target, Trouble};
use cluster_sim::run::{Options, run_with};
use cluster_sim::topology::{Topology, node_of};
use cluster_sim::trace::Trace;
use cluster_sim::world::World;
use std::time::Duration;

const AT: u64 = 100;

fn plan(faults: Vec<(u64, u64, Trouble)>) -> Plan {
    let faults = faults.into_iter().map(|(at, lasts, trouble)| Fault {
        at: Moment::from_secs(at),
        lasts: Duration::from_secs(lasts),
        trouble,
    });
    Plan {
        faults: faults.collect(),
        heal: Moment::from_secs(AT + 160),
    }
}

/// Longest start of one member of a group, with the write before it.
const START: Duration = Duration::from_millis(4_100);

/// From the loss of a node to its last resource running elsewhere: the promises of a voter
/// with the slowest clock, two elections of eleven ticks each (a tick is up to 0.3 s), three
/// questions, and the starts of the largest group.
fn takeover(topology: Topology) -> Duration {
    let settings = topology.settings(node_of(topology.first_voter()), 20_000);
    let promise = settings.terms.promise();
    let elections = settings.deadtime / 10 * 3 / 2 * 11 * 2;
    promise + promise / 50 + elections + settings.keepalive * 3 + START * 3
}

/// The longest outage, of all seeds, with this fault alone.
fn outage(topology: Topology, lasts: u64, trouble: Trouble) -> Duration {
    let seeds = if topology == Topology::Witness { 6 } else { 2 };
    let outages = (0..seeds).map(|seed| {
        let plan = plan(vec![(AT, lasts, trouble)]);
        let report = run_with::<Node>(topology, seed, &plan, Options::default());
        assert_eq!(report.violation, None, "{trouble:?}, seed {seed}");
        report.outage
    });
    outages.max().unwrap_or_default()
}

#[test]
fn one_fault_costs_no_more_than_its_budget() {
    let nothing = [
        Trouble::LinkDown(0),
        Trouble::PowerCut(Target::Bystander(0)),
        Trouble::DiskLost(Target::Bystander(0)),
    ];
    let a_takeover = [
        Trouble::PowerCut(Target::Holder),
        Trouble::Isolation(Target::Holder),
        Trouble::Deafness(Target::Holder),
        Trouble::Dumbness(Target::Holder),
        Trouble::StalledDisk(Target::Holder),
        Trouble::DiskLost(Target::Holder),
        Trouble::PowerCut(Target::Coordinator),
        Trouble::DaemonCrash(Target::Holder),
        Trouble::ResourceDies(Target::Holder, 0),
    ];
    for topology in [Topology::Witness, Topology::Three] {
        for trouble in nothing {
            let outage = outage(topology, 50, trouble);
            assert_eq!(outage, Duration::ZERO, "{trouble:?}, {}", topology.name());
        }
        for trouble in a_takeover {
            let outage = outage(topology, 50, trouble);
            let budget = takeover(topology);
            assert!(outage <= budget, "{trouble:?}: {outage:?} > {budget:?}");
        }
    }
}

/// A quiet cluster with these faults, at that time.
fn world(faults: Vec<(u64, u64, Trouble)>, seed: u64) -> World<Node> {
    World::new(
        Topology::Three,
        seed,
        plan(faults),
        Trace::keeping(0),
        |_| {},
    )
}

/// How many resources run, with all their copies.
fn running(world: &World<Node>) -> usize {
    let agents = world.machines.iter().map(|machine| &machine.agents);
    let active = agents.map(|agents| {
        let resources = agents.resources.values();
        resources.filter(|its| its.active).count()
    });
    active.sum()
}

#[test]
fn a_node_in_standby_has_nothing_after_twenty_seconds_and_all_others_have_what_they_had() {
    for seed in 0..3 {
        let standby = Trouble::Command(Wish::Standby(0));
        let mut world = world(vec![(AT, 50, standby)], seed);
        world.run_until(Moment::from_secs(AT));
        let (all, here) = (running(&world), &world.machines[0].agents);
        assert!(here.holds_anything(), "seed {seed}");
        world.run_until(Moment::from_secs(AT + 20));
        assert!(!world.machines[0].agents.holds_anything(), "seed {seed}");
        // Copies of two clones are not there any more.
        assert_eq!(running(&world), all - 2, "seed {seed}");
        assert_eq!(world.violation, None);
    }
}

#[test]
fn in_maintenance_nothing_is_mended_until_it_is_over() {
    for seed in 0..3 {
        let faults = vec![
            (AT, 50, Trouble::Command(Wish::Maintenance)),
            (AT + 10, 0, Trouble::ResourceDies(Target::Holder, 0)),
        ];
        let mut world = world(faults, seed);
        world.run_until(Moment::from_secs(AT + 9));
        let all = running(&world);
        world.run_until(Moment::from_secs(AT + 49));
        assert_eq!(running(&world), all - 1, "seed {seed}");
        world.run_until(Moment::from_secs(AT + 80));
        assert_eq!(running(&world), all, "seed {seed}");
        assert_eq!(world.violation, None);
    }
}
