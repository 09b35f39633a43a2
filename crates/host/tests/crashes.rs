//! Power cuts and kills in the middle: afterwards the host is the old
//! generation or the new one, file by file, and nothing is left over.

mod world;

use std::fs;
use std::process::Command;
use std::time::Duration;
use tandem_generation::{Event, LegState, RunId};
use world::{Key, Plan, Wish, World, assert_same, build, plain, run};

/// A package of many files, in several directories, some only in one version.
fn big(version: &str, files: usize) -> world::Built {
    build("big", version, &[], Key::Ours, |builder| {
        for index in 0..files {
            let path = format!("/opt/big/d{}/f{index}", index % 7);
            let options = rpm::FileOptions::new(path).permissions(0o644);
            builder
                .with_file_contents(format!("{version} {index}\n"), options)
                .expect("file");
            if index % 5 == 0 {
                let path = format!("/opt/big/only-{version}/e{}/f{index}", index % 3);
                let options = rpm::FileOptions::new(path).permissions(0o644);
                builder.with_file_contents("x", options).expect("file");
            }
        }
        builder
            .with_dir_entry(
                rpm::FileOptions::dir(format!("/opt/big/only-{version}")).permissions(0o755),
            )
            .expect("directory");
    })
}

/// The process that executes a leg, and its rpm: killed at once, as by a power
/// cut.
fn kill_execution(world: &World, run: &RunId) {
    let root = world.root.display().to_string();
    for entry in fs::read_dir("/proc").expect("proc").flatten() {
        let path = entry.path();
        let read = |name: &str| {
            fs::read(path.join(name))
                .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
                .unwrap_or_default()
        };
        let line = read("cmdline");
        let executes = line.contains(&format!(" {run} ")) && read("environ").contains(&root);
        let is_rpm = line.starts_with("rpm ") && line.contains(&root);
        if executes || is_rpm {
            let pid = entry.file_name().to_string_lossy().into_owned();
            let _ = Command::new("kill").args(["-9", &pid]).status();
        }
    }
    std::thread::sleep(Duration::from_millis(20));
}

fn strays(world: &World) -> usize {
    world
        .tree()
        .keys()
        .filter(|path| path.contains(';'))
        .count()
}

fn staged(world: &World, name: &str, wish: &Wish) -> Plan {
    let run = run(name);
    let plan = world.plan(&run, 1, wish);
    world.lock(&run);
    world.stage(&[&plan]).expect("stage");
    plan
}

#[test]
fn rpm_killed_at_many_points_leads_back_to_exactly_the_old_host() {
    let mut world = World::new();
    let old = Wish::of(&[
        &big("1", 2000),
        &plain("tandem-config", "1", &[("/etc/tandem/a", "1")]),
    ]);
    let new = Wish::of(&[
        &big("2", 2000),
        &plain("tandem-config", "2", &[("/etc/tandem/a", "2")]),
    ]);
    world.apply("r0", &old);
    let before = world.tree();
    let mut within = 0;
    let mut with_strays = 0;
    for (round, delay_ms) in [40, 80, 120, 160, 200, 250, 300, 350, 400, 500, 600, 800]
        .into_iter()
        .enumerate()
    {
        let name = format!("kill-{round}");
        let run = run(&name);
        staged(&world, &name, &new);
        world.activate(&run, 1);
        loop {
            let entries = world.journal(&run, 1);
            if entries
                .iter()
                .any(|entry| entry.event == Event::TransactionBegin)
            {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(delay_ms));
        kill_execution(&world, &run);
        let entries = world.journal(&run, 1);
        let ended = entries
            .iter()
            .any(|entry| matches!(entry.event, Event::TransactionEnd { .. }));
        within += usize::from(!ended);
        with_strays += usize::from(strays(&world) > 0);
        world.ask::<()>(&["recover"], b"").expect("recover");
        assert_eq!(strays(&world), 0, "strays after a kill at {delay_ms} ms");
        assert_same(
            &world.tree(),
            &before,
            &format!(
                "after a kill at {delay_ms} ms: {:#?}",
                world.journal(&run, 1)
            ),
        );
        assert_eq!(world.leg_state(&run, 1), LegState::Undone);
        assert_eq!(world.packages().len(), 3, "{:?}", world.packages());
        assert!(world.rpm(&["-V", "big", "tandem-config"]).is_empty());
        // A second time there is nothing to do.
        world.ask::<()>(&["recover"], b"").expect("recover");
        world.finish(&run, "rolled-back");
        assert!(world.facts().files.is_empty());
    }
    eprintln!("{within} kills within the transaction, {with_strays} left strays");
    assert!(within >= 3, "only {within} kills hit the transaction");
}

#[test]
fn a_first_install_killed_in_the_middle_leaves_nothing() {
    let world = World::new();
    world.write("/opt/big/d0/f0", "foreign file in the way");
    let before = world.tree();
    for (round, delay_ms) in [30, 90, 200, 350].into_iter().enumerate() {
        let name = format!("first-{round}");
        let run = run(&name);
        staged(&world, &name, &Wish::of(&[&big("1", 2000)]));
        world.activate(&run, 1);
        std::thread::sleep(Duration::from_millis(delay_ms));
        kill_execution(&world, &run);
        world.ask::<()>(&["recover"], b"").expect("recover");
        assert_same(
            &world.tree(),
            &before,
            &format!(
                "after a kill at {delay_ms} ms: {:#?}",
                world.journal(&run, 1)
            ),
        );
        assert!(world.packages().is_empty());
        world.finish(&run, "rolled-back");
    }
}

#[test]
fn an_undo_killed_in_the_middle_is_completed() {
    let mut world = World::new();
    world.apply("r0", &Wish::of(&[&big("1", 2000)]));
    let before = world.tree();
    for (round, delay_ms) in [100, 250, 400].into_iter().enumerate() {
        let name = format!("undo-{round}");
        let run = run(&name);
        staged(&world, &name, &Wish::of(&[&big("2", 2000)]));
        world.activate(&run, 1);
        world.wait_for(&run, 1, LegState::AwaitingConfirm);
        world.confirm(&run, 1).expect("confirm");
        world
            .ask::<()>(&["undo", &name, "1", "no"], b"")
            .expect("undo");
        std::thread::sleep(Duration::from_millis(delay_ms));
        kill_execution(&world, &run);
        world.ask::<()>(&["recover"], b"").expect("recover");
        if world.leg_state(&run, 1) == LegState::Confirmed {
            // Killed before it began: the wish is still there.
            world
                .ask::<()>(&["undo", &name, "1", "no"], b"")
                .expect("undo");
            world.wait_for(&run, 1, LegState::Undone);
        }
        assert_same(
            &world.tree(),
            &before,
            &format!(
                "after a kill at {delay_ms} ms: {:#?}",
                world.journal(&run, 1)
            ),
        );
        world.finish(&run, "rolled-back");
    }
}

#[test]
fn a_restart_while_the_operator_is_awaited_leads_back() {
    let mut world = World::new();
    world.apply("r0", &Wish::of(&[&big("1", 20)]));
    let before = world.tree();
    let run = run("r1");
    staged(&world, "r1", &Wish::of(&[&big("2", 20)]));
    world.activate(&run, 1);
    world.wait_for(&run, 1, LegState::AwaitingConfirm);
    // While its process lives, recovery leaves it alone.
    world.ask::<()>(&["recover"], b"").expect("recover");
    assert_eq!(world.leg_state(&run, 1), LegState::AwaitingConfirm);
    kill_execution(&world, &run);
    world.ask::<()>(&["recover"], b"").expect("recover");
    assert_eq!(world.leg_state(&run, 1), LegState::Undone);
    assert_same(&world.tree(), &before, "afterwards");
    let because = world.facts().open[0].because.clone();
    assert_eq!(
        because.as_deref(),
        Some("the host was restarted before the operator came back")
    );
}

#[test]
fn a_confirmed_leg_stays_and_is_repaired() {
    let mut world = World::new();
    world.apply("r0", &Wish::of(&[&big("1", 20)]));
    let run = run("r1");
    staged(&world, "r1", &Wish::of(&[&big("2", 20)]));
    world.activate(&run, 1);
    world.wait_for(&run, 1, LegState::AwaitingConfirm);
    world.confirm(&run, 1).expect("confirm");
    let new = world.tree();
    kill_execution(&world, &run);
    // What a power cut does to a file that was not on disk yet.
    world.write("/opt/big/d1/f1", "");
    fs::remove_file(world.on_host("/opt/big/d2/f2")).expect("remove");
    world.ask::<()>(&["recover"], b"").expect("recover");
    assert_same(&world.tree(), &new, "afterwards");
    assert_eq!(world.leg_state(&run, 1), LegState::Confirmed);
}

#[test]
fn an_undo_that_cannot_work_is_told_truthfully_and_tried_again() {
    let mut world = World::new();
    let old = big("1", 20);
    world.apply("r0", &Wish::of(&[&old]));
    let before = world.tree();
    let run = run("r1");
    staged(&world, "r1", &Wish::of(&[&big("2", 20)]));
    world.activate(&run, 1);
    world.wait_for(&run, 1, LegState::AwaitingConfirm);
    let package = world
        .state()
        .join(format!("store/{}.rpm", old.package.file));
    fs::rename(&package, world.directory.path().join("away")).expect("away");
    world
        .ask::<()>(&["undo", "r1", "1", "no"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::UndoFailed);
    world.ask::<()>(&["recover"], b"").expect_err("still away");
    assert!(world.facts().recovery_failed.is_some());
    world
        .ask::<()>(&["finish", "r1", "rolled-back"], b"")
        .expect_err("open");
    fs::rename(world.directory.path().join("away"), &package).expect("back");
    world.ask::<()>(&["recover"], b"").expect("recover");
    assert_eq!(world.leg_state(&run, 1), LegState::Undone);
    assert_same(&world.tree(), &before, "afterwards");
    assert!(world.facts().recovery_failed.is_none());
    world.finish(&run, "rolled-back");
}

#[test]
fn a_damaged_journal_or_record_is_reported_and_facts_still_come() {
    let mut world = World::new();
    world.apply("r0", &Wish::of(&[&big("1", 2)]));
    staged(&world, "r1", &Wish::of(&[&big("2", 2)]));
    fs::write(
        world.state().join("runs/r1/journal-1.jsonl"),
        "garbage\n{}\n",
    )
    .expect("damage");
    fs::write(world.state().join("generations/7.json"), "{").expect("damage");
    let facts = world.facts();
    let words = facts.recovery_failed.expect("reported");
    assert!(words.contains("journal-1.jsonl"), "{words}");
    assert!(words.contains("7.json"), "{words}");
    assert_eq!(facts.next_number, 8);
}
