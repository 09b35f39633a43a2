//! Whatever the cluster, in whatever order actions end: what must never happen
//! does not, all comes to rest where the policy wanted it, and stays there.

#[allow(dead_code)] // Each test file uses a part of it.
mod cluster;

use cluster::build::Case;
use cluster::generate::{Breadth, case};
use cluster::world::settle;
use cluster_core::policy::decide;
use cluster_model::state::{Authority, Observed, Presence, Role};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use std::cell::RefCell;

const ALL: Breadth = Breadth {
    clones: true,
    promotables: true,
    orders: true,
    left_alone: true,
    on_fail: true,
};

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::with_cases(count)
    }
}

/// Picks from a list of numbers, over and over.
fn from_list(numbers: &[usize]) -> impl FnMut() -> usize + '_ {
    let mut next = numbers.iter().cycle();
    move || next.next().copied().unwrap_or_default()
}

fn run(case: &Case, numbers: &[usize], hasty: bool) -> Result<Case, TestCaseError> {
    let next = RefCell::new(from_list(numbers));
    let pick = |count: usize| (*next.borrow_mut())() % count;
    let again = || hasty && (*next.borrow_mut())().is_multiple_of(3);
    settle(case, pick, again).map_err(TestCaseError::fail)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn all_comes_to_rest_where_the_policy_wanted_it(
        case in case(ALL),
        numbers in prop::collection::vec(0..1000_usize, 1..20),
    ) {
        let wanted = decide(&case.configuration, &case.state).placement;
        let after = run(&case, &numbers, false)?;
        let there = decide(&after.configuration, &after.state);
        prop_assert_eq!(&wanted, &there.placement);
        for (resource, nodes) in &wanted {
            for (node, role) in nodes {
                let observed = after.state.resources[resource][node].observed;
                prop_assert_eq!(observed.role(), *role, "{} on {}", resource, node);
            }
        }
    }

    #[test]
    fn a_decision_in_the_middle_of_a_transition_breaks_nothing(
        case in case(ALL),
        numbers in prop::collection::vec(0..1000_usize, 1..20),
    ) {
        run(&case, &numbers, true)?;
    }

    #[test]
    fn unprobed_resources_are_looked_at_before_anything_starts(
        case in case(ALL),
        numbers in prop::collection::vec(0..1000_usize, 1..20),
        unknown in prop::collection::vec(any::<bool>(), 1..12),
    ) {
        let mut case = case;
        let mut unknown = unknown.iter().cycle();
        for nodes in case.state.resources.values_mut() {
            for instance in nodes.values_mut() {
                if instance.observed == Observed::Stopped && *unknown.next().unwrap_or(&true) {
                    instance.observed = Observed::Unknown;
                }
            }
        }
        run(&case, &numbers, true)?;
    }

    #[test]
    fn without_quorum_nothing_starts(
        case in case(ALL),
        numbers in prop::collection::vec(0..1000_usize, 1..20),
    ) {
        let mut case = case;
        case.state.authority = Authority::None;
        let after = run(&case, &numbers, true)?;
        for (resource, nodes) in &after.state.resources {
            for (node, instance) in nodes {
                let before = case.state.resources[resource][node].observed.role();
                prop_assert!(instance.observed.role() <= before);
            }
        }
    }

    #[test]
    fn a_lost_node_is_fenced_before_its_resources_start_elsewhere(
        case in case(ALL),
        numbers in prop::collection::vec(0..1000_usize, 1..20),
        fencing in any::<bool>(),
    ) {
        let mut case = case;
        case.configuration.options.fencing = fencing;
        if let Some(node) = case.state.nodes.get_mut("a") {
            node.presence = Presence::Unclean;
        }
        // The world counts what a lost node ran as running until it is fenced.
        let after = run(&case, &numbers, true)?;
        let fenced = after.state.nodes["a"].presence == Presence::Gone;
        prop_assert_eq!(fenced, fencing);
    }

    #[test]
    fn the_same_is_decided_every_time(case in case(ALL)) {
        let one = decide(&case.configuration, &case.state);
        let two = decide(&case.configuration.clone(), &case.state.clone());
        prop_assert_eq!(one, two);
    }

    #[test]
    fn nothing_runs_where_it_is_ruled_out(case in case(ALL)) {
        let decision = decide(&case.configuration, &case.state);
        for (resource, nodes) in &decision.placement {
            let explained = &decision.explanation.resources[resource];
            for (node, role) in nodes {
                if explained.summary.contains("left alone") || explained.summary.contains("stays") {
                    continue;
                }
                prop_assert!(*role > Role::Stopped);
                let exclusions = &explained.nodes[node].exclusions;
                prop_assert!(exclusions.is_empty(), "{}: {:?}", resource, exclusions);
            }
        }
    }
}
