//! A new key for the cluster's own messages, in three phases in which the nodes
//! always understand each other: nothing moves, and never do two hold the
//! address, wherever the operator is lost on the way.

use crate::operator::Ran;
use crate::service::{Guard, Poller, Seen};
use crate::stage::{HOSTS, Stage};
use std::time::Duration;

const AUTHKEYS: &str = "/etc/ha.d/authkeys";
/// A reload of keys takes nothing away: what a busy machine may add.
const UNDISTURBED: Duration = Duration::from_millis(900);

impl Stage {
    /// Numbers of the keys that a host accepts, and the one that it sends with.
    fn keys(&self, host: &str) -> (Vec<u32>, u32) {
        let text = self.must(host, &format!("cat {AUTHKEYS}"));
        let mut accepts: Vec<u32> = text
            .lines()
            .filter_map(|line| line.split(" sha1 ").next()?.parse().ok())
            .collect();
        accepts.sort_unstable();
        let sends = text
            .lines()
            .find_map(|line| line.strip_prefix("auth "))
            .and_then(|number| number.trim().parse().ok())
            .unwrap_or_else(|| panic!("no `auth` in {AUTHKEYS} of {host}"));
        (accepts, sends)
    }

    #[track_caller]
    fn assert_keys(&self, accepts: &[u32], sends: u32) {
        for host in HOSTS {
            assert_eq!(self.keys(host), (accepts.to_vec(), sends), "keys of {host}");
        }
    }

    fn rotate(&self) {
        let words = ["secret", "rotate", "-i", &self.environment, "cluster_key"];
        let _ = self.tandem(&words).exits(0);
    }

    /// Applies until a phase has begun on its first host, and ends the
    /// operator's process there.
    fn apply_and_die_in(&self, phase: u32, more: &[&str]) -> Ran {
        let words = [&["apply", "--yes"], more].concat();
        let mut running = self.start(&self.words(&words), &[]);
        // The phase's first host is at it; the run cannot be over.
        let begun = if phase == 1 {
            "] change ".to_owned()
        } else {
            format!("(phase {phase})")
        };
        assert!(
            running.wait_for(&begun, Duration::from_secs(120)),
            "phase {phase} begins: {}",
            running.stderr_so_far()
        );
        let ran = running.kill();
        assert_eq!(ran.code, 128 + 9, "{ran}");
        ran
    }
}

/// Watches a service and its address while something happens.
fn watched<T>(stage: &Stage, what: impl FnOnce() -> T) -> (T, Seen) {
    let guard = Guard::start(stage);
    let poller = Poller::start(stage);
    let result = what();
    let seen = poller.stop();
    guard.never_two();
    (result, seen)
}

#[test]
fn a_cluster_key_rotates_in_three_phases_and_nothing_moves() {
    let Some(stage) = Stage::served("rotate") else {
        return;
    };
    stage.assert_keys(&[1], 1);
    let holder = stage.holder();
    let old = stage.must(HOSTS[0], &format!("cat {AUTHKEYS}"));
    stage.rotate();
    let planned = stage
        .plan()
        .exits(2)
        .says("phase 1: accept key 2 beside key 1")
        .says("phase 2: send with key 2")
        .says("phase 3: drop the old key")
        .says("nothing that serves is interrupted");
    for line in old.lines().filter_map(|line| line.split(" sha1 ").nth(1)) {
        assert!(!planned.stdout.contains(line), "the plan shows a key");
    }
    // A phase that only one node goes through would make the two deaf.
    let _ = stage
        .at(&["apply", "--yes", "--limit", holder])
        .exits(1)
        .says("--limit would split the cluster");

    let (ran, seen) = watched(&stage, || stage.apply());
    let _ = ran.exits(0);
    eprintln!("rotation: {seen}");
    assert!(seen.longest_gap < UNDISTURBED, "{seen}");
    assert!(seen.failures.is_empty(), "{seen}");
    stage.assert_keys(&[2], 2);
    assert_eq!(stage.holder(), holder, "nothing moved");
    let _ = stage.plan().exits(0).says("no change");
    stage.assert_calm();

    // The way back goes through the same phases.
    let (ran, seen) = watched(&stage, || stage.at(&["rollback", "--yes"]));
    let _ = ran.exits(0);
    eprintln!("rotation back: {seen}");
    assert!(seen.longest_gap < UNDISTURBED, "{seen}");
    stage.assert_keys(&[1], 1);
    assert_eq!(stage.holder(), holder, "nothing moved");
    assert_eq!(stage.must(HOSTS[0], &format!("cat {AUTHKEYS}")), old);
    stage.assert_calm();
}

#[test]
fn an_operator_lost_in_any_phase_of_a_rotation_resumes_it() {
    let Some(stage) = Stage::served("resume") else {
        return;
    };
    let holder = stage.holder();
    for phase in 1..=3 {
        let (before, after) = (phase, phase + 1);
        stage.assert_keys(&[before], before);
        stage.rotate();
        let ((), seen) = watched(&stage, || {
            let run = stage.apply_and_die_in(phase, &[]).run();
            // Nobody begins anything else meanwhile.
            let _ = stage.apply().exits(5).says(&run);
            let _ = stage.at(&["resume", &run]).exits(0).says("accepted");
        });
        eprintln!("killed in phase {phase}, resumed: {seen}");
        stage.assert_keys(&[after], after);
        assert_eq!(stage.holder(), holder, "nothing moved in phase {phase}");
        assert!(seen.longest_gap < UNDISTURBED, "phase {phase}: {seen}");
        let _ = stage.plan().exits(0).says("no change");
        stage.assert_calm();
    }
}

#[test]
fn an_operator_lost_in_any_phase_of_a_rotation_can_be_aborted_by_another() {
    let Some(stage) = Stage::served("abort") else {
        return;
    };
    let holder = stage.holder();
    let before = stage.trees();
    stage.rotate();
    let bob = stage.colleague("bob");
    for phase in 1..=3 {
        let ((), seen) = watched(&stage, || {
            let run = stage.apply_and_die_in(phase, &["--again"]).run();
            let _ = bob
                .at(&["abort", &run])
                .exits(0)
                .says("rolled back: every host is what it was");
        });
        eprintln!("killed in phase {phase}, aborted: {seen}");
        stage.assert_keys(&[1], 1);
        assert_eq!(stage.trees(), before, "phase {phase}");
        assert_eq!(stage.holder(), holder, "nothing moved in phase {phase}");
        assert!(seen.longest_gap < UNDISTURBED, "phase {phase}: {seen}");
        stage.assert_calm();
    }
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    stage.assert_keys(&[2], 2);
    stage.assert_calm();
}
