//! Legs on a host: forth, back, and what is left of either.

mod world;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};
use tandem_generation::protocol::RefusalKind;
use tandem_generation::{Digest, Edit, Event, LegState, Verdict};
use world::{Key, Wish, World, build, failure, lua, plain, plan, run};

fn web(version: &str) -> world::Built {
    plain(
        "web",
        version,
        &[
            ("/opt/web/index", &format!("site {version}\n")),
            (&format!("/opt/web/only-{version}/x"), "x"),
        ],
    )
}

fn config(version: &str, text: &str) -> world::Built {
    plain("tandem-config", version, &[("/etc/tandem/site.conf", text)])
}

#[test]
fn a_first_install_and_its_undo_leave_the_host_as_it_was() {
    let world = World::new();
    world.write("/opt/foreign", "theirs");
    world.write("/etc/tandem/site.conf", "was here before\n");
    fs::set_permissions(
        world.on_host("/etc/tandem/site.conf"),
        fs::Permissions::from_mode(0o640),
    )
    .expect("mode");
    let before = world.tree();
    let run = run("r1");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("1"), &config("1", "new\n")]));
    let entries = world.go(&plan, LegState::AwaitingConfirm);
    assert!(entries.iter().any(|entry| entry.event == Event::Verified));
    assert_eq!(world.read("/etc/tandem/site.conf"), "new\n");
    assert_eq!(
        world.packages(),
        ["tandem-config-1", "tandem-generation-1", "web-1"]
    );
    assert_eq!(world.facts().generation.expect("generation").number, 1);
    world
        .ask::<()>(&["undo", "r1", "1", "the site is ugly"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::Undone);
    assert_eq!(world.packages(), Vec::<String>::new());
    assert_eq!(world.tree(), before);
    let facts = world.facts();
    assert!(facts.generation.is_none());
    assert_eq!(facts.next_number, 2);
    assert_eq!(
        facts.records[0].verdict,
        Verdict::RolledBack {
            because: "the site is ugly".into()
        }
    );
    world.finish(&run, "rolled-back");
    assert!(world.facts().open.is_empty());
    assert!(world.facts().lock.is_none());
}

#[test]
fn an_upgrade_and_its_undo_leave_the_host_as_it_was() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&web("1"), &config("1", "one\n")]));
    let before = world.tree();
    let run = run("r2");
    let new = Wish::of(&[
        &web("2"),
        &config("2", "two\n"),
        &plain("more", "1", &[("/opt/more/f", "f")]),
    ]);
    let plan = world.plan(&run, 1, &new);
    world.go(&plan, LegState::AwaitingConfirm);
    assert_eq!(world.read("/opt/web/index"), "site 2\n");
    world.confirm(&run, 1).expect("confirm");
    assert_eq!(world.leg_state(&run, 1), LegState::Confirmed);
    world
        .ask::<()>(&["undo", "r2", "1", "acceptance failed"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::Undone);
    assert_eq!(world.tree(), before);
    world.finish(&run, "rolled-back");
    let facts = world.facts();
    let generation = facts.generation.expect("generation");
    assert_eq!(generation.number, 3);
    assert!(format!("{:?}", generation.cause).contains("acceptance failed"));
    assert_eq!(
        facts.records.last().expect("record").verdict,
        Verdict::Accepted
    );
}

#[test]
fn a_package_replaced_by_another_with_the_same_files_goes_forth_and_back_and_forth() {
    let mut world = World::new();
    let old = plain("old", "1", &[("/opt/shared/x", "old")]);
    let new = plain("new", "1", &[("/opt/shared/x", "new")]);
    world.apply("r1", &Wish::of(&[&old]));
    let before = world.tree();
    let run2 = run("r2");
    let replaced = world.plan(&run2, 1, &Wish::of(&[&new]));
    world.go(&replaced, LegState::AwaitingConfirm);
    assert_eq!(world.packages(), ["new-1", "tandem-generation-2"]);
    world.confirm(&run2, 1).expect("confirm");
    // On its own the old package may not come back: the installed generation
    // obsoletes it. Replaced in the same transaction, it does not block.
    let file = world.directory.path().join("old.rpm");
    fs::write(&file, &old.bytes).expect("write");
    world.rpm(&[
        "-U",
        "--force",
        "--nosignature",
        &file.display().to_string(),
    ]);
    assert_eq!(world.packages(), ["new-1", "tandem-generation-2"]);
    world
        .ask::<()>(&["undo", "r2", "1", "no"], b"")
        .expect("undo");
    world.wait_for(&run2, 1, LegState::Undone);
    assert_eq!(world.packages(), ["old-1", "tandem-generation-3"]);
    assert_eq!(world.tree(), before);
    world.finish(&run2, "rolled-back");
    world.apply("r3", &Wish::of(&[&new]));
    assert_eq!(world.read("/opt/shared/x"), "new");
    // And by an ordinary run to where it came from.
    world.apply("r4", &Wish::of(&[&old]));
    assert_eq!(world.packages(), ["old-1", "tandem-generation-6"]);
    assert_eq!(world.tree(), before);
}

#[test]
fn a_hand_edit_is_reported_and_saved_before_it_is_overwritten() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&config("1", "one\n")]));
    world.write("/etc/tandem/site.conf", "by hand\n");
    let drift: Vec<_> = world.facts().files;
    assert_eq!(drift.len(), 1);
    assert!(drift[0].is_drift());
    assert_eq!(drift[0].content.as_deref(), Some("by hand\n"));
    let run = run("r2");
    let plan = world.plan(&run, 1, &Wish::of(&[&config("2", "two\n")]));
    let entries = world.go(&plan, LegState::AwaitingConfirm);
    assert!(entries.iter().any(|entry| entry.event
        == Event::DriftSaved {
            paths: vec!["/etc/tandem/site.conf".into()]
        }));
    let saved = world.state().join("drift/r2/etc/tandem/site.conf");
    assert_eq!(fs::read_to_string(&saved).expect("saved"), "by hand\n");
    let mode = fs::metadata(&saved).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(world.read("/etc/tandem/site.conf"), "two\n");
}

#[test]
fn an_edited_config_file_leaves_no_rpmsave_behind() {
    let mut world = World::new();
    let config = |version: &str, text: &str| {
        build("conf", version, &[], Key::Ours, |builder| {
            let options = rpm::FileOptions::new("/etc/tandem/c")
                .permissions(0o644)
                .config();
            builder.with_file_contents(text, options).expect("file");
        })
    };
    world.apply("r1", &Wish::of(&[&config("1", "one\n")]));
    world.write("/etc/tandem/c", "by hand\n");
    world.apply("r2", &Wish::of(&[&config("2", "two\n")]));
    assert_eq!(world.read("/etc/tandem/c"), "two\n");
    assert!(!world.on_host("/etc/tandem/c.rpmsave").exists());
}

#[test]
fn a_failing_post_undoes_the_leg_although_rpm_exits_with_0() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&web("1")]));
    let before = world.tree();
    let bad = build(
        "web",
        "2",
        &[("/opt/web/index", "2")],
        Key::Ours,
        |builder| {
            let script = lua(builder, "error('the schema is gone')");
            builder.post_install_script(script);
        },
    );
    let run = run("r2");
    let plan = world.plan(&run, 1, &Wish::of(&[&bad]));
    let entries = world.go(&plan, LegState::Undone);
    assert!(
        failure(&entries).contains("the schema is gone"),
        "{entries:#?}"
    );
    assert_eq!(world.tree(), before);
    assert_eq!(world.packages(), ["tandem-generation-3", "web-1"]);
}

#[test]
fn a_failing_preun_that_leaves_two_versions_is_undone_to_one() {
    let mut world = World::new();
    let bad = build(
        "web",
        "1",
        &[("/opt/web/index", "1")],
        Key::Ours,
        |builder| {
            let script = lua(builder, "error('no')");
            builder.pre_uninstall_script(script);
        },
    );
    world.apply("r1", &Wish::of(&[&bad]));
    let before = world.tree();
    let run = run("r2");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("2")]));
    world.go(&plan, LegState::Undone);
    assert_eq!(world.packages(), ["tandem-generation-3", "web-1"]);
    assert_eq!(world.tree(), before);
}

#[test]
fn without_confirmation_the_host_goes_back_by_itself() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&web("1")]));
    let before = world.tree();
    let run = run("r2");
    let mut plan = world.plan(&run, 1, &Wish::of(&[&web("2")]));
    plan.order.confirm_within_s = 1;
    world.go(&plan, LegState::AwaitingConfirm);
    let start = Instant::now();
    world.wait_for(&run, 1, LegState::Undone);
    assert!(start.elapsed() < Duration::from_secs(8));
    assert_eq!(world.tree(), before);
    let open = world.facts().open;
    assert_eq!(
        open[0].because.as_deref(),
        Some("the operator did not come back within 1 s")
    );
    let refusal = world.confirm(&run, 1).expect_err("too late");
    assert_eq!(refusal.kind, RefusalKind::Invalid);
}

#[test]
fn an_edit_of_a_foreign_file_comes_and_goes_with_its_leg() {
    let world = World::new();
    let original = "# PASS_MAX_DAYS 1\nPASS_MAX_DAYS  99999\nUMASK 022";
    world.write("/etc/login.defs", original);
    fs::set_permissions(
        world.on_host("/etc/login.defs"),
        fs::Permissions::from_mode(0o640),
    )
    .expect("mode");
    let before = world.tree();
    let mut new = Wish::of(&[&web("1")]);
    new.content.edits.push(Edit {
        path: "/etc/login.defs".into(),
        separator: "\t".into(),
        set: [("PASS_MAX_DAYS".to_owned(), "90".to_owned())].into(),
    });
    let run = run("r1");
    let plan = world.plan(&run, 1, &new);
    world.go(&plan, LegState::AwaitingConfirm);
    assert_eq!(
        world.read("/etc/login.defs"),
        "# PASS_MAX_DAYS 1\nPASS_MAX_DAYS\t90\nUMASK 022"
    );
    world.confirm(&run, 1).expect("confirm");
    world
        .ask::<()>(&["undo", "r1", "1", "no"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::Undone);
    assert_eq!(world.tree(), before);
}

#[test]
fn two_legs_follow_each_other_and_are_undone_in_reverse() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&web("1")]));
    let before = world.tree();
    let run = run("r2");
    let first = world.plan(&run, 1, &Wish::of(&[&web("2")]));
    let middle = Wish::of(&[&web("2")]);
    let second = plan(&run, 2, 5, Some(&middle), &Wish::of(&[&web("3")]));
    world.lock(&run);
    world.stage(&[&first, &second]).expect("stage");
    let early = world
        .ask::<()>(&["activate", "r2", "2"], b"")
        .expect_err("too early");
    assert_eq!(early.kind, RefusalKind::Invalid);
    for leg in 1..=2 {
        world.activate(&run, leg);
        world.wait_for(&run, leg, LegState::AwaitingConfirm);
        world.confirm(&run, leg).expect("confirm");
    }
    assert_eq!(world.read("/opt/web/index"), "site 3\n");
    world
        .ask::<()>(&["undo", "r2", "1", "no"], b"")
        .expect_err("leg 2 is on top");
    world
        .ask::<()>(&["undo", "r2", "2", "no"], b"")
        .expect("undo");
    world.wait_for(&run, 2, LegState::Undone);
    world
        .ask::<()>(&["undo", "r2", "1", "no"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::Undone);
    assert_eq!(world.tree(), before);
}

#[test]
fn links_are_packaged_files_like_others() {
    let mut world = World::new();
    let linked = build("web", "1", &[("/opt/web/f", "f")], Key::Ours, |builder| {
        builder
            .with_symlink(rpm::FileOptions::symlink("/opt/web/l", "f"))
            .expect("link");
    });
    world.apply("r1", &Wish::of(&[&linked]));
    assert!(world.facts().files.is_empty());
    fs::remove_file(world.on_host("/opt/web/l")).expect("remove");
    symlink("g", world.on_host("/opt/web/l")).expect("link");
    let drift = world.facts().files;
    assert_eq!(drift.len(), 1);
    assert_eq!(drift[0].actual, Some(Digest::of("g")));
}
