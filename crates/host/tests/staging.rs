//! What is refused before anything is changed, and why.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use tandem_generation::protocol::{LockReply, LockRequest, RefusalKind, StageRequest};
use tandem_generation::{Command, Digest, FORMAT, LegState, Validator};
use world::{Key, Wish, World, build, lock, plain, public_key, run};

fn web(version: &str, key: Key) -> world::Built {
    build("web", version, &[("/opt/web/index", version)], key, |_| {})
}

fn refused(world: &World, name: &str, wish: &Wish) -> tandem_generation::protocol::Refusal {
    let run = run(name);
    let plan = world.plan(&run, 1, wish);
    world.lock(&run);
    let refusal = world.stage(&[&plan]).expect_err("refused");
    assert!(
        !world
            .state()
            .join("runs")
            .join(name)
            .join("journal-1.jsonl")
            .exists()
    );
    refusal
}

#[test]
fn an_unsigned_package_is_refused_by_name() {
    let refusal = refused(&World::new(), "r1", &Wish::of(&[&web("1", Key::None)]));
    assert_eq!(refusal.kind, RefusalKind::Untrusted);
    assert!(refusal.message.contains("web-1-1.noarch"), "{refusal:?}");
    assert!(refusal.message.contains("not signed"), "{refusal:?}");
}

#[test]
fn a_package_of_another_key_is_refused_although_its_signature_is_good() {
    let refusal = refused(&World::new(), "r1", &Wish::of(&[&web("1", Key::Strangers)]));
    assert_eq!(refusal.kind, RefusalKind::Untrusted);
    assert!(refusal.message.contains("web-1-1.noarch"), "{refusal:?}");
    assert!(refusal.message.contains("was not given"), "{refusal:?}");
}

#[test]
fn a_package_tampered_with_is_refused() {
    let mut built = web("1", Key::Ours);
    let last = built.bytes.len() - 9;
    built.bytes[last] ^= 1;
    built.package.file = Digest::of(&built.bytes);
    let refusal = refused(&World::new(), "r1", &Wish::of(&[&built]));
    assert_eq!(refusal.kind, RefusalKind::Untrusted);
    assert!(refusal.message.contains("changed after"), "{refusal:?}");
}

#[test]
fn a_file_that_is_not_the_package_it_is_said_to_be_is_refused() {
    let mut built = web("2", Key::Ours);
    built.package.id.version = "1".into();
    let refusal = refused(&World::new(), "r1", &Wish::of(&[&built]));
    assert_eq!(refusal.kind, RefusalKind::Untrusted);
    assert!(refusal.message.contains("web-2-1"), "{refusal:?}");
}

#[test]
fn a_file_that_belongs_to_a_foreign_package_is_a_conflict_found_at_staging() {
    let world = World::new();
    let foreign = plain("theirs", "1", &[("/opt/web/index", "theirs")]);
    let path = world.directory.path().join("theirs.rpm");
    fs::write(&path, &foreign.bytes).expect("write");
    world.rpm(&["-U", "--nosignature", &path.display().to_string()]);
    let before = world.tree();
    let refusal = refused(&world, "r1", &Wish::of(&[&web("1", Key::Ours)]));
    assert_eq!(refusal.kind, RefusalKind::Unproven);
    assert!(
        refusal
            .message
            .contains("conflicts with file from package theirs"),
        "{refusal:?}"
    );
    assert_eq!(world.tree(), before);
}

#[test]
fn a_missing_dependency_is_found_at_staging() {
    let needy = build("web", "1", &[], Key::Ours, |builder| {
        builder.requires(rpm::Dependency::greater_eq("httpd", "2.4"));
    });
    let refusal = refused(&World::new(), "r1", &Wish::of(&[&needy]));
    assert_eq!(refusal.kind, RefusalKind::Unproven);
    assert!(refusal.message.contains("httpd"), "{refusal:?}");
}

#[test]
fn an_order_whose_undo_cannot_work_is_refused() {
    let mut world = World::new();
    world.apply("r1", &Wish::of(&[&plain("old", "1", &[("/opt/x", "1")])]));
    let run = run("r2");
    let mut plan = world.plan(
        &run,
        1,
        &Wish::of(&[&plain("new", "1", &[("/opt/x", "2")])]),
    );
    // An undo without what it has to bring back.
    plan.order.undo.install.clear();
    world.lock(&run);
    let refusal = world.stage(&[&plan]).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Unproven);
    assert!(refusal.message.contains("back"), "{refusal:?}");
}

#[test]
fn packages_that_were_not_pushed_are_named() {
    let world = World::new();
    let run = run("r1");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("1", Key::Ours)]));
    world.lock(&run);
    let request = StageRequest {
        format: FORMAT,
        orders: vec![plan.order.clone()],
        plan: String::new(),
        keys: vec![public_key()],
    };
    let refusal = world
        .ask_json::<()>(&["stage"], &request)
        .expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert!(refusal.message.contains("web-1-1.noarch"), "{refusal:?}");
}

#[test]
fn another_host_a_newer_format_and_a_missing_lock_are_refused() {
    let world = World::new();
    let run = run("r1");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("1", Key::Ours)]));
    let refusal = world.stage(&[&plan]).expect_err("no lock");
    assert_eq!(refusal.kind, RefusalKind::Locked);
    world.lock(&run);
    let mut other = plan.clone();
    other.order.host = "zape".into();
    let refusal = world.stage(&[&other]).expect_err("other host");
    assert!(refusal.message.contains("zape"), "{refusal:?}");
    let mut newer = plan.clone();
    newer.order.format = FORMAT + 1;
    let refusal = world.stage(&[&newer]).expect_err("newer");
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    fs::write(world.state().join("format"), "7\n").expect("write");
    let refusal = world
        .ask_json::<tandem_generation::Facts>(
            &["facts"],
            &tandem_generation::FactsRequest::default(),
        )
        .expect_err("newer state");
    assert!(refusal.message.contains("format 7"), "{refusal:?}");
}

#[test]
fn a_validator_judges_the_staged_file_and_its_refusal_changes_nothing() {
    let world = World::new();
    let run = run("r1");
    let wish = Wish::of(&[&plain(
        "tandem-config",
        "1",
        &[("/etc/tandem/a", "bad syntax")],
    )]);
    let mut plan = world.plan(&run, 1, &wish);
    plan.order.validators.push(Validator {
        name: "no bad syntax".into(),
        files: vec!["/etc/tandem/a".into()],
        command: Command {
            name: "grep".into(),
            argv: ["/bin/sh", "-c", "! grep bad $0", "{path}"]
                .map(str::to_owned)
                .to_vec(),
            timeout_ms: 5000,
        },
    });
    plan.order.validators.push(Validator {
        name: "not here".into(),
        files: vec!["/etc/tandem/a".into()],
        command: Command {
            name: "x".into(),
            argv: vec!["/no/such/program".into()],
            timeout_ms: 5000,
        },
    });
    world.lock(&run);
    let refusal = world.stage(&[&plan]).expect_err("refused");
    assert_eq!(refusal.kind, RefusalKind::Unproven, "{refusal:?}");
    assert!(refusal.message.contains("bad syntax"), "{refusal:?}");
    // The same file as a secret: its lines are not shown.
    let mut secret = plan.clone();
    let content = &mut secret
        .order
        .forward
        .target
        .as_mut()
        .expect("target")
        .content;
    content.files = wish
        .clone()
        .file("/etc/tandem/a", "bad syntax", true)
        .content
        .files;
    secret.order.validators[0].name = "no mistakes".into();
    let refusal = world.stage(&[&secret]).expect_err("refused");
    assert!(!refusal.message.contains("bad"), "{refusal:?}");
    plan.order.validators.remove(0);
    let reply = world.stage(&[&plan]).expect("staged");
    assert_eq!(reply.skipped.len(), 1);
    assert!(!world.state().join("scratch/staged").exists());
    assert!(!world.on_host("/etc/tandem/a").exists());
    assert_eq!(world.leg_state(&run, 1), LegState::Staged);
}

#[test]
fn a_run_that_is_given_up_while_it_is_being_staged_leaves_nothing_open() {
    let world = World::new();
    let run = run("r1");
    let wish = Wish::of(&[&plain("tandem-config", "1", &[("/etc/tandem/a", "a")])]);
    let mut plan = world.plan(&run, 1, &wish);
    let (begun, go_on) = (world.on_host("/begun"), world.on_host("/go-on"));
    let wait = format!(
        "touch {}; for i in $(seq 200); do test -e {} && exit 0; sleep 0.1; done; exit 1",
        begun.display(),
        go_on.display()
    );
    plan.order.validators.push(Validator {
        name: "slow".into(),
        files: vec!["/etc/tandem/a".into()],
        command: Command {
            name: "slow".into(),
            argv: vec!["/bin/sh".into(), "-c".into(), wait],
            timeout_ms: 30_000,
        },
    });
    world.lock(&run);
    let refusal = std::thread::scope(|scope| {
        let staging = scope.spawn(|| world.stage(&[&plan]));
        while !begun.exists() && !staging.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // Its operator is gone, and a colleague aborts.
        world
            .ask::<()>(&["finish", "r1", "not-activated"], b"")
            .expect("given up");
        fs::write(&go_on, "").expect("written");
        staging
            .join()
            .expect("no panic")
            .expect_err("its lock is gone")
    });
    assert_eq!(refusal.kind, RefusalKind::Locked, "{refusal:?}");
    let facts = world.facts();
    assert!(facts.open.is_empty() && facts.lock.is_none(), "{facts:?}");
}

#[test]
fn the_lock_has_one_holder_and_may_be_taken_over_within_its_run() {
    let world = World::new();
    let first = run("r1");
    world.lock(&first);
    let ask = |run: &str, owner: &str, take_over| {
        let mut lock = lock(&world::run(run));
        lock.owner = owner.into();
        let request = LockRequest {
            format: FORMAT,
            lock,
            take_over,
        };
        world
            .ask_json::<LockReply>(&["lock"], &request)
            .expect("answer")
    };
    assert!(matches!(ask("r2", "bob@desk", true), LockReply::Held(held) if held.run == first));
    assert!(matches!(ask("r1", "bob@desk", false), LockReply::Held(_)));
    assert_eq!(ask("r1", "bob@desk", true), LockReply::Taken);
    assert_eq!(world.facts().lock.expect("lock").owner, "bob@desk");
    let refusal = world
        .ask::<()>(&["unlock", "r2"], b"")
        .expect_err("not theirs");
    assert_eq!(refusal.kind, RefusalKind::Locked);
    world.ask::<()>(&["unlock", "r1"], b"").expect("unlock");
    assert!(world.facts().lock.is_none());
}

#[test]
fn an_upload_continues_where_it_broke_off_and_is_checked() {
    let world = World::new();
    let built = web("1", Key::Ours);
    let digest = built.package.file.as_str();
    let size = built.bytes.len().to_string();
    let (head, tail) = built.bytes.split_at(100);
    world
        .ask::<()>(&["receive", digest, &size, "0"], head)
        .expect_err("incomplete");
    assert_eq!(world.facts().partial[&built.package.file], 100);
    let refusal = world
        .ask::<()>(&["receive", digest, &size, "50"], tail)
        .expect_err("gap");
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    world
        .ask::<()>(&["receive", digest, &size, "100"], tail)
        .expect("complete");
    assert_eq!(
        world.facts().store,
        std::slice::from_ref(&built.package.file)
    );
    let mode = fs::metadata(world.state().join(format!("store/{digest}.rpm")))
        .expect("metadata")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let wrong = Digest::of("wrong").to_string();
    let refusal = world
        .ask::<()>(&["receive", &wrong, &size, "0"], &built.bytes)
        .expect_err("wrong digest");
    assert_eq!(refusal.kind, RefusalKind::Untrusted);
    assert!(world.facts().partial.is_empty());
}

#[test]
fn an_upload_that_does_not_fit_is_refused_and_leaves_nothing() {
    let world = World::new();
    fs::create_dir_all(world.state()).expect("directory");
    let mounted = |arguments: &[&str]| {
        std::process::Command::new("mount")
            .args(arguments)
            .arg(world.state())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !mounted(&["-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs"]) {
        eprintln!("skipped: this machine does not let us mount a tmpfs");
        return;
    }
    let bytes = vec![7_u8; 3 << 20];
    let digest = Digest::of(&bytes);
    // Too much from the beginning, and too much although it was announced small.
    let announced = world.ask::<()>(&["receive", digest.as_str(), "9000000", "0"], &bytes);
    fs::write(world.state().join("filler"), vec![0; 3 << 20]).expect("fill");
    let real = world.ask::<()>(
        &["receive", digest.as_str(), &bytes.len().to_string(), "0"],
        &bytes,
    );
    let partial = world.facts().partial;
    let unmounted = std::process::Command::new("umount")
        .arg(world.state())
        .status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert_eq!(announced.expect_err("no space").kind, RefusalKind::NoSpace);
    assert_eq!(real.expect_err("no space").kind, RefusalKind::NoSpace);
    assert!(partial.is_empty());
}
