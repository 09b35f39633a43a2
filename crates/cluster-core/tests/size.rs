//! How long a large cluster takes. Run by hand, in release mode, on a quiet
//! machine: `cargo test --release -p cluster-core --test size -- --ignored --nocapture`.

#[allow(dead_code)] // Each test file uses a part of it.
mod cluster;
#[allow(dead_code)] // The same.
mod crm;

use cluster::build::Case;
use cluster_core::policy::decide;
use cluster_model::Score;
use cluster_model::state::Observed;
use std::time::Instant;

const NODES: usize = 16;
const GROUPS: usize = 100;
const MEMBERS: usize = 5;

/// Five hundred resources in a hundred groups, running, each group with a home
/// and some with a neighbour they avoid; one node has just been lost.
fn large() -> Case {
    let names: Vec<String> = (0..NODES).map(|number| format!("node{number}")).collect();
    let nodes: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut case = Case::on(&nodes).defaults(|options| options.stickiness = Some(Score::new(10)));
    for group in 0..GROUPS {
        let members: Vec<String> = (0..MEMBERS).map(|it| format!("r{group}-{it}")).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        case = case.group(&format!("g{group}"), &members);
    }
    case = case.probed();
    for group in 0..GROUPS {
        let node = nodes[group % NODES];
        for member in 0..MEMBERS {
            case = case.seen(&format!("r{group}-{member}"), node, Observed::Started);
        }
        case = case.located(&format!("g{group}"), node, 100);
        if group % 10 == 1 {
            let other = format!("g{}", group - 1);
            case = case.together(&format!("g{group}"), &other, Score::MINUS_INFINITY.value());
        }
    }
    case.node("node3", |node| node.standby = true)
}

#[test]
#[ignore = "measures; run by hand in release mode"]
fn a_large_cluster_side_by_side() {
    let case = large();
    let mut best = f64::MAX;
    for _ in 0..20 {
        let begin = Instant::now();
        let decision = decide(&case.configuration, &case.state);
        best = best.min(begin.elapsed().as_secs_f64());
        assert!(!decision.transition.actions.is_empty());
    }
    println!("decide, explanation included: {:.2} ms", best * 1000.0);
    if !crm::is_there() {
        println!("SKIPPED crm_simulate: it is not installed");
        return;
    }
    let begin = Instant::now();
    let theirs = crm::actions(&case.configuration, &case.state).unwrap_or_default();
    println!(
        "crm_simulate, process and XML included: {:.0} ms",
        begin.elapsed().as_secs_f64() * 1000.0
    );
    assert!(theirs.contains("g99"));
}
