//! Power cuts: within an rpm transaction, before and after its confirmation, in
//! the middle of an undo. The host comes back old or new, file by file, and
//! carries no resource before that is certain.

use crate::edition::{self, Edition, Editions, is_long};
use crate::operator::Running;
use crate::service::Guard;
use crate::stage::{HOSTS, Stage, other};
use std::time::{Duration, Instant};
use tandem_generation::{Event, LegState};

/// Files of the site besides its pages: a transaction that one can aim at.
const FILES: usize = 2000;
/// How long a host may take from its power button to its recovery's end.
const RECOVERY: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

/// When the power goes, as far as can be seen on the host's disk.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// rpm is about to begin.
    Begin,
    /// So many per cent of the new files are there under rpm's own names.
    Unpacked(usize),
    /// So many per cent of the new files have their names.
    Named(usize),
    /// All have; the old package goes.
    AllNamed,
    /// rpm is ready, nothing is verified.
    End,
}

/// Ten points within the transaction; the usual run takes three of them.
const CUTS: [Cut; 10] = [
    Cut::Begin,
    Cut::Unpacked(1),
    Cut::Unpacked(20),
    Cut::Unpacked(40),
    Cut::Unpacked(60),
    Cut::Unpacked(80),
    Cut::Named(20),
    Cut::Named(60),
    Cut::AllNamed,
    Cut::End,
];
const USUAL: [usize; 3] = [2, 6, 9];

fn many_files(stage: &crate::operator::Operator, edition: &str) {
    for index in 0..FILES {
        let path = format!("specs/web-site/site/many/{index:04}.txt");
        stage.write(&path, &format!("{edition} {index}\n"));
    }
}

/// What lies where the new files go: under rpm's names, and under their own.
fn progress(stage: &Stage, host: &str) -> (usize, usize) {
    let directory = stage.lab().root(host).join("usr/share/web-site/many");
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let (mut strays, mut named) = (0, 0);
    for entry in entries {
        if entry.file_name().to_string_lossy().contains(';') {
            strays += 1;
        } else {
            named += 1;
        }
    }
    (strays, named)
}

/// Waits for the moment; says what was there at the last look.
fn wait_for(stage: &Stage, host: &str, run: &str, cut: Cut) -> (usize, usize) {
    let end = Instant::now() + PATIENCE;
    let mut most = 0;
    loop {
        let seen = progress(stage, host);
        most = most.max(seen.0);
        let events = stage.journal(host, run);
        let has = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
        let ended = has(|event| matches!(event, Event::TransactionEnd { .. }));
        let came = match cut {
            Cut::Begin => has(|event| *event == Event::TransactionBegin),
            Cut::Unpacked(percent) => seen.0 * 100 >= FILES * percent,
            Cut::Named(percent) => {
                most * 100 >= FILES * 90 && seen.0 * 100 <= FILES * (100 - percent)
            }
            Cut::AllNamed => most > 0 && seen.0 == 0,
            Cut::End => ended,
        };
        // A moment that passed between two looks is replaced by a later one.
        if came || ended {
            return seen;
        }
        assert!(
            Instant::now() < end,
            "{cut:?} on {host}: {seen:?}, {events:?}"
        );
    }
}

fn name_of(running: &mut Running) -> String {
    assert!(running.wait_for("run ", PATIENCE), "a run begins");
    let said = running.stderr_so_far();
    let line = said.lines().find_map(|line| line.strip_prefix("run "));
    line.expect("the run's name").trim().to_owned()
}

/// Gives the power back and waits until the recovery is through. Fails the test
/// if the cluster manager started before it.
fn power_on(stage: &Stage, host: &str) -> Duration {
    let begun = Instant::now();
    stage.fault(&format!("power-on {host}"));
    let script = "systemctl show -p ActiveState --value tandem-recover";
    let through = stage.eventually(RECOVERY, |stage| {
        let asked = stage.lab().exec(host, &["sh", "-c", script], b"", PATIENCE);
        asked.is_ok_and(|output| matches!(output.text().trim(), "active" | "failed"))
    });
    assert!(through, "recovery of {host} ends");
    let took = begun.elapsed();
    assert_eq!(
        stage.must(host, script).trim(),
        "active",
        "recovery of {host}"
    );
    assert_recovered_first(stage, host);
    took
}

/// By the time stamps of systemd: heartbeat began only after the recovery.
fn assert_recovered_first(stage: &Stage, host: &str) {
    let stamp = |unit: &str, property: &str| -> u64 {
        let script = format!("systemctl show -p {property} --value {unit}");
        stage.must(host, &script).trim().parse().expect("a time")
    };
    let begun = |stage: &Stage| {
        let script = "systemctl show -p InactiveExitTimestampMonotonic --value heartbeat";
        stage.must(host, script).trim() != "0"
    };
    assert!(
        stage.eventually(RECOVERY, begun),
        "heartbeat of {host} starts"
    );
    let recovered = stamp("tandem-recover", "ActiveEnterTimestampMonotonic");
    let heartbeat = stamp("heartbeat", "InactiveExitTimestampMonotonic");
    assert!(
        0 < recovered && recovered <= heartbeat,
        "on {host} the recovery ended at {recovered} us, heartbeat began at {heartbeat} us"
    );
}

/// A pair on 1.0.0 and release 1.1.0, both with many files.
fn large(name: &str) -> Option<Stage> {
    let stage = Stage::with(name, &[], |operator| many_files(operator, "first"))?;
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    many_files(&stage, "second");
    edition::second(&stage);
    Some(stage)
}

/// The same with few files, and with the trees of both editions known.
fn small(name: &str) -> Option<(Stage, Editions)> {
    let stage = Stage::served(name)?;
    let old = stage.trees();
    edition::second(&stage);
    let _ = stage.apply().exits(0);
    let new = stage.trees();
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    Some((stage, Editions { old, new }))
}

#[test]
fn power_is_cut_within_the_transaction() {
    let Some(stage) = large("power") else {
        return;
    };
    let old = stage.trees();
    let guard = Guard::start(&stage);
    let mut with_strays = 0;
    for (number, cut) in CUTS.into_iter().enumerate() {
        if !is_long() && !USUAL.contains(&number) {
            continue;
        }
        let host = other(stage.holder());
        let mut apply = stage.start(&stage.words(&["apply", "--yes", "--again"]), &[]);
        let run = name_of(&mut apply);
        let _ = wait_for(&stage, host, &run, cut);
        stage.fault(&format!("power-off {host}"));
        // Nothing runs there now: this is what the cut left.
        let (strays, named) = progress(&stage, host);
        with_strays += usize::from(strays > 0);
        let events = stage.journal(host, &run);
        assert!(
            events.contains(&Event::TransactionBegin) && !events.contains(&Event::Verified),
            "{cut:?} is within the change: {events:?}"
        );
        let recovered = power_on(&stage, host);
        // The operator heard nothing for a while, asks again, and tells the truth.
        let ended = apply.finish().exits(7).says("rolled back");
        assert_eq!(stage.leg(host, &run), Some(LegState::Finished));
        for (host, old) in HOSTS.iter().zip(&old) {
            crate::tree::assert_same(old, &stage.tree(host), host);
        }
        let twice = stage.must(
            host,
            "rpm --dbpath /var/lib/rpm -qa --qf '%{NAME}\\n' | grep -v gpg-pubkey | sort | uniq -d",
        );
        assert_eq!(twice, "", "packages in two versions");
        stage.assert_calm();
        let _ = stage.plan().exits(2).says("1.1.0");
        eprintln!(
            "{:2}  {cut:?} on {host}: {strays} strays, {named} named; on and recovered in {:.1} s; \
             told after {:.1} s: exit {}, all old",
            number + 1,
            recovered.as_secs_f64(),
            ended.took.as_secs_f64(),
            ended.code
        );
    }
    assert!(with_strays > 0, "no cut was in the middle of rpm's work");
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    assert!(stage.get("/health").contains("second edition"));
    assert!(stage.get("/many/0007.txt").contains("second 7"));
    stage.assert_calm();
    guard.never_two();
}

/// While the host stays away nobody can know what became of it.
#[test]
#[ignore = "takes long: the operator's whole patience"]
fn power_is_cut_within_the_transaction_and_stays_away() {
    let Some((stage, editions)) = small("power-away") else {
        return;
    };
    let host = other(stage.holder());
    let mut apply = stage.start(&stage.words(&["apply", "--yes", "--again"]), &[]);
    let run = name_of(&mut apply);
    stage.wait_for_leg(host, &run, &[LegState::Activating], PATIENCE);
    stage.fault(&format!("power-off {host}"));
    let ended = apply.finish().exits(8);
    let ended = ended
        .says(&format!("{host} is not known to be back"))
        .says(&format!("tandem abort {run}"));
    eprintln!("away: exit 8 after {:.0} s", ended.took.as_secs_f64());
    power_on(&stage, host);
    let _ = stage.apply().exits(5).says(&format!("tandem abort {run}"));
    let _ = stage.at(&["abort", &run]).exits(0);
    assert_eq!(editions.of_both(&stage), Edition::Old);
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    assert_eq!(editions.of_both(&stage), Edition::New);
    stage.assert_calm();
}

#[test]
fn power_is_cut_around_the_confirmation_and_in_an_undo() {
    let Some((stage, editions)) = small("power-confirm") else {
        return;
    };
    let colleague = stage.colleague("bob");
    let guard = Guard::start(&stage);
    let kill = |boundary: &str| {
        let words = stage.words(&["apply", "--yes", "--again"]);
        let environment = [("TANDEM_KILL_AFTER", boundary)];
        stage.start(&words, &environment).finish().exits(137).run()
    };

    // Awaiting confirmation: back.
    let host = other(stage.holder());
    let run = kill(&format!("activated {host} leg 1"));
    stage.wait_for_leg(host, &run, &[LegState::AwaitingConfirm], PATIENCE);
    stage.fault(&format!("reset {host}"));
    power_on(&stage, host);
    assert_eq!(editions.of_both(&stage), Edition::Old);
    let reason = "the host was restarted before the operator came back";
    let _ = colleague.at(&["resume", &run]).exits(7).says(reason);
    stage.assert_calm();

    // In the middle of an undo: it is completed.
    let host = other(stage.holder());
    let run = kill(&format!("activated {host} leg 1"));
    stage.wait_for_leg(host, &run, &[LegState::AwaitingConfirm], PATIENCE);
    let abort = colleague.start(&colleague.words(&["abort", &run]), &[]);
    let begins = |events: &[Event]| {
        let begin = |event: &&Event| **event == Event::TransactionBegin;
        events.iter().filter(begin).count() == 2
    };
    let end = Instant::now() + PATIENCE;
    while !begins(&stage.journal(host, &run)) {
        assert!(Instant::now() < end, "{:?}", stage.journal(host, &run));
    }
    stage.fault(&format!("power-off {host}"));
    let events = stage.journal(host, &run);
    assert_eq!(LegState::of(&events), LegState::Undoing, "{events:?}");
    power_on(&stage, host);
    assert_eq!(editions.of_both(&stage), Edition::Old);
    let aborted = abort.finish().exits(0);
    eprintln!(
        "cut in an undo: abort told after {:.1} s",
        aborted.took.as_secs_f64()
    );
    stage.assert_calm();

    // Confirmed: it stays, and the run goes on from there.
    let host = other(stage.holder());
    let run = kill(&format!("confirmed {host} leg 1"));
    stage.fault(&format!("reset {host}"));
    power_on(&stage, host);
    assert_eq!(
        editions.of(&stage, host),
        Edition::New,
        "{host} was confirmed"
    );
    assert_eq!(stage.leg(host, &run), Some(LegState::Confirmed));
    let _ = colleague.at(&["resume", &run]).exits(0).says("accepted");
    assert_eq!(editions.of_both(&stage), Edition::New);
    stage.assert_calm();
    let _ = stage.plan().exits(0).says("no change");
    guard.never_two();
}
