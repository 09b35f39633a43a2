//! A simulator that finds nothing proves nothing: each mistake that was planted on
//! purpose is found, within a stated number of seeds.
//!
//! Needs `--features planted-bugs`.
#![cfg(feature = "planted-bugs")]

use cluster_core::planted::Bug;
use cluster_sim::run::{Options, run};
use cluster_sim::topology::Topology;
use std::fmt::Write;

/// In how many seeds of two nodes and a witness it is found at the latest; none: it is of
/// another cluster.
fn within(bug: Bug) -> Option<u64> {
    match bug {
        Bug::StandbyIgnored | Bug::ThresholdIgnored => Some(100),
        Bug::WatchdogLate
        | Bug::TakeoverUnasked
        | Bug::ApplyBeforePersist
        | Bug::ProbeSkipped
        | Bug::OrderIgnored => Some(10),
        Bug::LeaseFromReceipt
        | Bug::AmnesiacVoter
        | Bug::WatchdogAlwaysPetted
        | Bug::StopTimeoutTrusted
        | Bug::OldOrderObeyed
        | Bug::LeaseEndIgnored
        | Bug::OutdatedIgnored => Some(30),
        Bug::AgreementNotKept
        | Bug::PromiseForgotten
        | Bug::FoundNotWatched
        | Bug::AlikeWhatever
        | Bug::FailedStartForgotten => Some(250),
        Bug::EchoAfterAgreement | Bug::OwnAgreementAssumed | Bug::LeftoversIgnored => Some(60),
        // Where all vote, nobody is a learner.
        Bug::LearnerCounts
        // It takes several that have read what who leads has not.
        | Bug::BegunByHearsay
        // These are of a lone pair.
        | Bug::FencedByStranger
        | Bug::FenceTimeoutTrusted
        | Bug::LowerEpochAccepted
        | Bug::ProposedBehindPromotion
        | Bug::SoloBeforePersist
        | Bug::LearnerGoesSolo
        | Bug::NoDelay
        | Bug::SoloForgotten
        | Bug::PartedHolding
        // And these of one that nothing switches off.
        | Bug::OwnerIgnored
        | Bug::NobodyReached
        | Bug::YieldedUnnoticed
        | Bug::HeardWhileStopping => None,
    }
}

/// The same in seeds of a lone pair.
fn within_of_a_pair(bug: Bug) -> Option<u64> {
    match bug {
        Bug::FencedByStranger
        | Bug::LowerEpochAccepted
        | Bug::NoDelay
        | Bug::PartedHolding
        | Bug::SoloForgotten => Some(20),
        Bug::ProposedBehindPromotion => Some(60),
        Bug::FenceTimeoutTrusted | Bug::LearnerGoesSolo | Bug::SoloBeforePersist => Some(200),
        _ => None,
    }
}

/// The same in seeds of a lone pair that goes by what it reaches.
fn within_of_reach(bug: Bug) -> Option<u64> {
    match bug {
        Bug::OwnerIgnored => Some(20),
        Bug::NobodyReached => Some(60),
        Bug::YieldedUnnoticed | Bug::HeardWhileStopping => Some(120),
        _ => None,
    }
}

/// The first seed that finds it, and what it finds.
fn find(topology: Topology, bug: Bug, seeds: u64) -> Option<String> {
    let options = Options {
        bug: Some(bug),
        ..Options::default()
    };
    // Those before find nothing, and take most of an hour.
    let first = if bug == Bug::BegunByHearsay {
        20_170
    } else {
        0
    };
    (first..seeds).find_map(|seed| {
        let found = run(topology, seed, options).violation?;
        Some(format!("seed {seed}: {}: {}", found.invariant, found.what))
    })
}

#[test]
fn planted_bugs_are_found_within_the_stated_number_of_seeds() {
    let mut table = String::new();
    let mut missed = 0;
    for bug in Bug::ALL {
        let of_a_pair = within_of_a_pair(bug).map(|seeds| (Topology::Pair, seeds));
        let of_learners = (bug == Bug::LearnerCounts).then_some((Topology::Sixteen, 1));
        let of_five = (bug == Bug::BegunByHearsay).then_some((Topology::Five, 20_180));
        let of_reach = within_of_reach(bug).map(|seeds| (Topology::Reach, seeds));
        let of_a_pair = of_a_pair.or(of_learners).or(of_five).or(of_reach);
        let others = within(bug).map(|seeds| (Topology::Witness, seeds));
        let Some((topology, seeds)) = of_a_pair.or(others) else {
            continue;
        };
        let words = find(topology, bug, seeds).unwrap_or_else(|| {
            missed += 1;
            format!("NOT FOUND in {seeds} seeds")
        });
        let _ = writeln!(table, "{bug:?}: {words}");
    }
    println!("{table}");
    assert_eq!(missed, 0, "\n{table}");
}
