//! The kill matrix: the operator's process ends after a step, and somebody else
//! finds what it left. Whatever way out is taken, both hosts are the old
//! generation or the new one, and the next command carries on.

use crate::edition::{self, Edition, Editions};
use crate::operator::{Operator, Ran};
use crate::service::{Guard, Poller};
use crate::stage::{HOSTS, Stage, other};
use std::path::Path;
use std::time::{Duration, Instant};
use tandem_generation::LegState;

/// Exit code of a process that was killed.
const KILLED: i32 = 128 + 9;
/// How long hosts wait for an operator, in the rounds where nobody comes.
const CONFIRM_WITHIN: &str = "5";
/// How long hosts may take to come to rest by themselves.
const REST: Duration = Duration::from_secs(60);
/// How long a cluster may take until its service answers after all that.
const ANSWER: Duration = Duration::from_secs(20);

/// What is done about a run whose operator is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Somebody else goes on with it.
    Resume,
    /// Somebody else gives it up.
    Abort,
    /// Nobody comes; long afterwards somebody frees the hosts.
    Nobody,
}

const WAYS: [Way; 3] = [Way::Resume, Way::Abort, Way::Nobody];

/// A pair on 1.0.0, with 1.1.0 built, and a colleague who has nothing but the
/// project and its keys.
struct Matrix {
    stage: Stage,
    colleague: Operator,
    editions: Editions,
}

/// What came out of one round.
struct Round {
    edition: Edition,
    said: String,
}

impl Matrix {
    fn new(name: &str) -> Option<(Self, Vec<String>)> {
        let stage = Stage::served(name)?;
        let old = stage.trees();
        edition::second(&stage);
        let colleague = stage.colleague("bob");
        // An undisturbed run tells how many boundaries there are.
        let counted = stage
            .start(
                &stage.words(&["apply", "--yes"]),
                &[("TANDEM_KILL_AFTER", "0")],
            )
            .finish()
            .exits(0);
        let boundaries: Vec<String> = counted
            .stderr
            .lines()
            .filter_map(|line| line.strip_prefix("boundary ")?.split_once(": "))
            .map(|(_, name)| name.to_owned())
            .collect();
        assert!(boundaries.len() > 20, "boundaries of {counted}");
        let _ = counted.says("boundary 1: locked").says(": gave web");
        let new = stage.trees();
        let matrix = Self {
            stage,
            colleague,
            editions: Editions { old, new },
        };
        matrix.back_to_the_old();
        Some((matrix, boundaries))
    }

    fn back_to_the_old(&self) {
        let _ = self
            .stage
            .at(&["rollback", "--yes", "--to", "1.0.0"])
            .exits(0);
        assert_eq!(self.editions.of_both(&self.stage), Edition::Old);
        // The next run has everything to push again: its boundaries are the same.
        let _ = self.stage.at(&["prune", "--keep", "0"]).exits(0);
    }

    /// One round from the old edition, and back to it.
    fn round(&self, boundary: usize, way: Way) {
        let begun = Instant::now();
        let stage = &self.stage;
        let guard = Guard::start(stage);
        let poller = Poller::start(stage);
        let mut words = vec!["apply", "--yes", "--again"];
        if way == Way::Nobody {
            words.extend(["--confirm-within", CONFIRM_WITHIN]);
        }
        let killed = self.kill(&words, &boundary.to_string());
        let name = name_of_boundary(&killed);
        let round = self.way_out(way, &killed.run(), &name);
        let edition = self.judge(round.edition);
        if edition == Edition::Old {
            // The next command carries on.
            let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
            assert_eq!(self.editions.of_both(stage), Edition::New, "carried on");
        }
        let seen = poller.stop();
        let looks = guard.never_two();
        eprintln!(
            "{boundary:3}  {name:30} {way:?}: {edition:?}, {}; carried on; longest gap {} ms, \
             {looks} looks, {:.0} s",
            round.said,
            seen.longest_gap.as_millis(),
            begun.elapsed().as_secs_f64()
        );
        self.back_to_the_old();
    }

    fn kill(&self, words: &[&str], boundary: &str) -> Ran {
        let environment = [("TANDEM_KILL_AFTER", boundary)];
        let running = self.stage.start(&self.stage.words(words), &environment);
        running.finish().exits(KILLED).says("killed at boundary")
    }

    fn way_out(&self, way: Way, run: &str, boundary: &str) -> Round {
        let closed = boundary == "finished";
        let plan = self.colleague.plan();
        if closed {
            // What was to be done is done; there is nothing to go on with.
            let _ = plan.exits(0).says("no change");
            for word in ["resume", "abort"] {
                let _ = self
                    .colleague
                    .at(&[word, run])
                    .exits(1)
                    .says("no host knows an open run");
            }
            return Round {
                edition: Edition::New,
                said: "closed".to_owned(),
            };
        }
        let _ = plan
            .exits(5)
            .says(&format!("tandem resume {run}"))
            .says(&format!("tandem abort {run}"));
        let _ = self.colleague.apply().exits(5).says(run);
        match way {
            Way::Resume => self.resume(run),
            Way::Abort => self.abort(run),
            Way::Nobody => self.nobody(run),
        }
    }

    fn resume(&self, run: &str) -> Round {
        let unstaged = HOSTS.iter().any(|host| self.stage.leg(host, run).is_none());
        let resumed = self.colleague.at(&["resume", run]);
        if unstaged {
            let _ = resumed
                .exits(1)
                .says("nothing was changed")
                .says("apply again");
            return Round {
                edition: Edition::Old,
                said: "given up before it was staged".to_owned(),
            };
        }
        let said = format!("resumed in {:.1} s", resumed.took.as_secs_f64());
        let _ = resumed.exits(0).says("accepted");
        Round {
            edition: Edition::New,
            said,
        }
    }

    fn abort(&self, run: &str) -> Round {
        let aborted = self.colleague.at(&["abort", run]).exits(0);
        Round {
            edition: Edition::Old,
            said: format!("aborted in {:.1} s", aborted.took.as_secs_f64()),
        }
    }

    fn nobody(&self, run: &str) -> Round {
        self.stage.wait_for_rest(run, REST);
        let states = HOSTS.map(|host| self.stage.leg(host, run));
        // A confirmed host stays, the others went back: each by itself is whole.
        let mut said = Vec::new();
        for (host, state) in HOSTS.into_iter().zip(states) {
            let edition = self.editions.of(&self.stage, host);
            let confirmed = state == Some(LegState::Confirmed);
            assert_eq!(edition == Edition::New, confirmed, "{host} is {state:?}");
            said.push(format!("{host} {edition:?}"));
        }
        assert!(self.answers(), "mixed generations serve");
        let released = self.colleague.at(&["lock", "release", "--yes"]);
        if states
            .iter()
            .all(|state| matches!(state, None | Some(LegState::Staged)))
        {
            let _ = released.exits(0).says("released");
            said.push("locks released".to_owned());
        } else {
            let _ = released.exits(5).says("is not finished");
            let _ = self.colleague.at(&["abort", run]).exits(0);
            said.push("aborted".to_owned());
        }
        Round {
            edition: Edition::Old,
            said: said.join(", "),
        }
    }

    fn answers(&self) -> bool {
        self.stage
            .eventually(ANSWER, |stage| stage.get("/health").contains("ok"))
    }

    /// Nothing is left over but uploads that broke off: the next push goes on
    /// with them.
    fn assert_calm(&self) {
        let stage = &self.stage;
        let mut left = HOSTS.iter().flat_map(|host| stage.leftovers(host));
        if !left.any(|path| is_upload(&path)) {
            return stage.assert_calm();
        }
        let good = stage.eventually(ANSWER, |stage| stage.status().0.code == 0);
        assert!(good, "{}", stage.status().0);
        let left: Vec<String> = HOSTS
            .iter()
            .flat_map(|host| stage.leftovers(host))
            .collect();
        assert!(left.iter().all(|path| is_upload(path)), "{left:?}");
    }

    /// Both hosts are this edition, serve it, and `plan` says so.
    fn judge(&self, wanted: Edition) -> Edition {
        let stage = &self.stage;
        let edition = self.editions.of_both(stage);
        assert_eq!(edition, wanted);
        assert!(self.answers(), "the service answers");
        self.assert_calm();
        stage.assert_units();
        let served = stage.get("/health").contains("second edition");
        assert_eq!(served, edition == Edition::New, "what is served");
        let plan = self.colleague.plan();
        let _ = match edition {
            Edition::Old => plan.exits(2).says("1.1.0"),
            Edition::New => plan.exits(0).says("no change"),
        };
        edition
    }
}

/// The beginning of a package that was on its way to a host.
fn is_upload(path: &str) -> bool {
    Path::new(path).extension() == Some("part".as_ref())
}

fn name_of_boundary(killed: &Ran) -> String {
    let line = killed
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("killed at boundary "))
        .unwrap_or_else(|| panic!("no boundary in {killed}"));
    let (_, name) = line.split_once(": ").expect("number and name");
    name.to_owned()
}

#[test]
fn the_operator_is_killed_after_a_spread_of_steps_of_an_upgrade() {
    let Some((matrix, boundaries)) = Matrix::new("kill") else {
        return;
    };
    let last = boundaries.len();
    eprintln!("{last} boundaries: {boundaries:#?}");
    // Each way out once; what lies between them takes long.
    let spread = [last * 2 / 7, last * 4 / 7, last * 6 / 7];
    for (boundary, way) in spread.into_iter().zip(WAYS.into_iter().cycle()) {
        matrix.round(boundary, way);
    }
}

/// Every boundary of an upgrade; the ways out alternate, and each of the three
/// tests takes one of them: together they are the whole matrix.
fn every_boundary_of(way: Way) {
    let name = format!("kill-{way:?}").to_lowercase();
    let Some((matrix, boundaries)) = Matrix::new(&name) else {
        return;
    };
    let first = WAYS.iter().position(|other| *other == way).unwrap_or(0);
    let mine: Vec<usize> = (1..=boundaries.len()).skip(first).step_by(3).collect();
    for boundary in &mine {
        matrix.round(*boundary, way);
    }
    let (rounds, all) = (mine.len(), boundaries.len());
    eprintln!("{way:?}: {rounds} of {all} boundaries: all old or new, all carried on");
}

#[test]
#[ignore = "takes long: a third of the kill matrix"]
fn every_third_boundary_is_left_to_a_colleague_who_resumes() {
    every_boundary_of(Way::Resume);
}

#[test]
#[ignore = "takes long: a third of the kill matrix"]
fn every_third_boundary_is_left_to_a_colleague_who_aborts() {
    every_boundary_of(Way::Abort);
}

#[test]
#[ignore = "takes long: a third of the kill matrix"]
fn every_third_boundary_is_left_to_nobody() {
    every_boundary_of(Way::Nobody);
}

/// Where nothing was, nothing stays unless it is the whole.
#[test]
fn the_operator_is_killed_during_the_first_apply() {
    let Some(stage) = Stage::new("kill-first") else {
        return;
    };
    let bare = stage.trees();
    stage.build("1.0.0");
    let colleague = stage.colleague("bob");
    let kill = |boundary: &str, within: &str| {
        let words = ["apply", "--yes", "--confirm-within", within];
        let environment = [("TANDEM_KILL_AFTER", boundary)];
        let killed = stage.start(&stage.words(&words), &environment).finish();
        killed.exits(KILLED).run()
    };
    let is_bare = || {
        for (host, bare) in HOSTS.iter().zip(&bare) {
            crate::tree::assert_same(bare, &stage.tree(host), host);
            assert_eq!(stage.generation(host), None);
            let leftovers = stage.leftovers(host);
            assert!(leftovers.is_empty(), "{host} has leftovers: {leftovers:?}");
            assert!(!stage.exec(host, "systemctl is-active heartbeat").success());
        }
        let _ = colleague.plan().exits(2).says("bare -> generation");
    };
    for boundary in [
        "staged zape",
        "activated zipi leg 1",
        "confirmed zape leg 1",
    ] {
        let run = kill(boundary, "120");
        let aborted = colleague.at(&["abort", &run]).exits(0);
        is_bare();
        let took = aborted.took.as_secs_f64();
        eprintln!("first apply, {boundary}: aborted in {took:.1} s, bare");
    }
    let run = kill("activated zape leg 1", CONFIRM_WITHIN);
    stage.wait_for_rest(&run, REST);
    let _ = colleague.at(&["abort", &run]).exits(0);
    is_bare();
    eprintln!("first apply, activated zape leg 1: nobody came, bare");

    let run = kill("confirmed zipi leg 1", "120");
    let _ = colleague.at(&["resume", &run]).exits(0).says("accepted");
    stage.assert_calm();
    assert!(stage.get("/health").contains("ok"));
    let _ = colleague.plan().exits(0).says("no change");
}

/// A rollback is a run like another.
#[test]
fn the_operator_is_killed_during_a_rollback() {
    let Some((matrix, _)) = Matrix::new("kill-back") else {
        return;
    };
    let stage = &matrix.stage;
    for (boundary, way) in [
        ("gave web", Way::Resume),
        ("confirmed PASSIVE leg 1", Way::Abort),
        ("activated PASSIVE leg 1", Way::Abort),
        ("finished", Way::Nobody),
    ] {
        let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
        assert_eq!(matrix.editions.of_both(stage), Edition::New);
        let guard = Guard::start(stage);
        let boundary = boundary.replace("PASSIVE", other(stage.holder()));
        let words = ["rollback", "--yes", "--to", "1.0.0"];
        let killed = matrix.kill(&words, &boundary);
        let run = killed.run();
        let edition = match way {
            Way::Resume => {
                let _ = matrix.colleague.at(&["resume", &run]).exits(0);
                Edition::Old
            }
            Way::Abort => {
                let _ = matrix.colleague.plan().exits(5).says(&run);
                let _ = matrix.colleague.at(&["abort", &run]).exits(0);
                Edition::New
            }
            Way::Nobody => Edition::Old,
        };
        assert_eq!(matrix.editions.of_both(stage), edition, "after {killed}");
        stage.assert_calm();
        stage.assert_units();
        let looks = guard.never_two();
        eprintln!("rollback, {boundary}: {way:?}: {edition:?}, {looks} looks");
        if edition == Edition::New {
            matrix.back_to_the_old();
        }
    }
}
