//! What there is to run changes in a quiet cluster: nothing happens but what follows.

use cluster_core::Node;
use cluster_sim::clock::Moment;
use cluster_sim::commands::Wish;
use cluster_sim::edits::Edit;
use cluster_sim::faults::{Fault, Plan, Trouble};
use cluster_sim::run::{Options, Report, run_with};
use cluster_sim::topology::Topology;
use std::time::Duration;

/// One change in the middle of five quiet minutes, taken back a minute later.
fn with(topology: Topology, seed: u64, edit: Option<Edit>) -> Report {
    let fault = |edit| Fault {
        at: Moment::from_secs(150),
        lasts: Duration::from_secs(60),
        trouble: Trouble::Command(Wish::Configure(edit)),
    };
    let plan = Plan {
        faults: edit.into_iter().map(fault).collect(),
        heal: Moment::from_secs(300),
    };
    let report = run_with::<Node>(topology, seed, &plan, Options::default());
    assert_eq!(report.violation, None, "{edit:?}, seed {seed}");
    report
}

#[test]
fn an_option_changes_nothing_that_runs() {
    for topology in [Topology::Witness, Topology::Three] {
        for seed in 0..3 {
            let quiet = with(topology, seed, None).changes;
            let changed = with(topology, seed, Some(Edit::Option)).changes;
            assert_eq!(changed, quiet, "seed {seed}");
        }
    }
}

#[test]
fn a_resource_that_comes_and_goes_is_started_and_stopped_and_nothing_else() {
    for seed in 0..3 {
        let quiet = with(Topology::Three, seed, None).changes;
        let changed = with(Topology::Three, seed, Some(Edit::Extra)).changes;
        assert_eq!(changed, quiet + 2, "seed {seed}");
    }
}

#[test]
fn other_parameters_move_nothing_and_touch_only_what_has_to_stop() {
    for seed in 0..3 {
        let quiet = with(Topology::Three, seed, None);
        // Alone; in the middle of a group, with a member after it; on each of three nodes.
        for (place, operations) in [(0, 2), (1, 4), (2, 6), (4, 6)] {
            let changed = with(Topology::Three, seed, Some(Edit::Parameter(place)));
            let there_and_back = quiet.changes + 2 * operations;
            assert_eq!(changed.changes, there_and_back, "{place}, seed {seed}");
        }
    }
}
