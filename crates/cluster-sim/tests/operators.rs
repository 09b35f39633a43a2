//! What operators ask of a whole cluster, in one that is quiet otherwise.

use cluster_core::Node;
use cluster_sim::clock::Moment;
use cluster_sim::commands::Wish;
use cluster_sim::faults::{Fault, Plan, Trouble};
use cluster_sim::run::{Options, Report, run_with};
use cluster_sim::topology::Topology;
use std::time::Duration;

fn fault(at: u64, lasts: u64, trouble: Trouble) -> Fault {
    Fault {
        at: Moment::from_secs(at),
        lasts: Duration::from_secs(lasts),
        trouble,
    }
}

/// Good all the time, and well at the end.
fn good(topology: Topology, seed: u64, faults: Vec<Fault>) -> Report {
    let plan = Plan {
        faults,
        heal: Moment::from_secs(300),
    };
    let report = run_with::<Node>(topology, seed, &plan, Options::default());
    assert_eq!(report.violation, None, "{topology:?}, seed {seed}");
    report
}

#[test]
fn a_cluster_that_is_stopped_and_started_touches_everything_twice() {
    for topology in [
        Topology::Witness,
        Topology::Three,
        Topology::Pair,
        Topology::Reach,
    ] {
        let quiet = good(topology, 1, Vec::new()).changes;
        let halt = fault(150, 60, Trouble::Command(Wish::Halt));
        let stopped = good(topology, 1, vec![halt]).changes;
        // Six that run on one node, two that run on each, one of them promoted once.
        let everything = 7 + 2 * u64::try_from(topology.nodes()).expect("a few");
        assert_eq!(stopped, quiet + 2 * everything, "{topology:?}");
    }
}
