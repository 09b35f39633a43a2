//! Facts, health, evidence, pruning, leaving, and a disk that is full.

mod world;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};
use tandem_generation::facts::FileFact;
use tandem_generation::health::CheckedOn;
use tandem_generation::protocol::{Evidence, Pruned};
use tandem_generation::{
    CommandResult, Digest, Edit, Entry, HealthCheck, HealthResult, LegState, Probe, Verdict,
};
use world::{Wish, World, assert_same, plain, run};

fn fact<'a>(files: &'a [FileFact], path: &str) -> &'a FileFact {
    files.iter().find(|file| file.path == path).expect(path)
}

#[test]
fn facts_tell_differences_and_never_the_content_of_secrets() {
    let mut world = World::new();
    world.write("/etc/login.defs", "UMASK 022\n");
    world.write("/etc/shadow", "root:secret\n");
    fs::set_permissions(
        world.on_host("/etc/shadow"),
        fs::Permissions::from_mode(0o600),
    )
    .expect("mode");
    let config = plain(
        "tandem-config",
        "1",
        &[
            ("/etc/tandem/open", "open\n"),
            ("/etc/tandem/secret", "salt 1\n"),
        ],
    );
    let wish = Wish::of(&[&config]).file("/etc/tandem/secret", "salt 1\n", true);
    world.apply("r1", &wish);
    world.write("/etc/tandem/open", "by hand\n");
    world.write("/etc/tandem/secret", "leaked\n");
    let facts = world.facts_with(|request| {
        request.contents = vec!["/etc/login.defs".into(), "/etc/shadow".into()];
        request.files = [
            ("/etc/tandem/new".to_owned(), Digest::of("new")),
            ("/etc/login.defs".to_owned(), Digest::of("UMASK 022\n")),
        ]
        .into();
        request.base = vec!["httpd".into()];
        request.units = vec!["httpd.service".into()];
    });
    let open = fact(&facts.files, "/etc/tandem/open");
    assert_eq!(open.content.as_deref(), Some("by hand\n"));
    assert_eq!(open.package.as_deref(), Some("tandem-config"));
    let secret = fact(&facts.files, "/etc/tandem/secret");
    assert!(secret.is_drift());
    assert_eq!(secret.content, None);
    assert_eq!(fact(&facts.files, "/etc/shadow").content, None);
    let foreign = fact(&facts.files, "/etc/login.defs");
    assert_eq!(foreign.content.as_deref(), Some("UMASK 022\n"));
    assert_eq!(fact(&facts.files, "/etc/tandem/new").actual, None);
    assert_eq!(facts.base["httpd"], None);
    assert_eq!(facts.units[0].enabled, "not-found");
    assert_eq!(facts.hostname, "zipi");
    assert_eq!(facts.packages.len(), 2);
    assert_eq!(facts.space.len(), 3);
}

#[test]
fn facts_tell_who_a_file_belongs_to_where_that_is_not_who_it_should() {
    let mut world = World::new();
    world.write(
        "/etc/passwd",
        "root:x:0:0::/:/bin/sh\nbob:x:4711:4711::/:/bin/sh\n",
    );
    world.write("/etc/group", "root:x:0:\n");
    let config = plain(
        "tandem-config",
        "1",
        &[("/etc/tandem/a", "a\n"), ("/etc/tandem/b", "b\n")],
    );
    world.apply("r1", &Wish::of(&[&config]));
    assert!(world.facts().files.is_empty(), "{:?}", world.facts().files);
    std::os::unix::fs::chown(world.on_host("/etc/tandem/a"), Some(4711), Some(4711))
        .expect("tests of the helper run as root");
    let facts = world.facts();
    let told = fact(&facts.files, "/etc/tandem/a");
    assert!(told.is_drift());
    assert_eq!(told.owner.as_deref(), Some("bob:4711"));
    assert_eq!(facts.files.len(), 1);
}

#[test]
fn a_bare_host_has_facts_and_asking_changes_nothing() {
    let world = World::new();
    let before = world.tree();
    let facts = world.facts();
    assert!(facts.generation.is_none() && facts.packages.is_empty());
    assert_eq!(facts.next_number, 1);
    assert_same(&world.tree(), &before, "after facts");
    assert!(!world.state().exists());
}

#[test]
fn health_is_asked_again_until_it_answers_well() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer);
            let answer = match turn {
                0 => "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwelcome\r\n",
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let check = |name: &str, url: String, contains: &str, within_ms| HealthCheck {
        name: name.into(),
        probe: Probe::Http {
            url,
            status: 200,
            contains: Some(contains.into()),
        },
        within_ms,
        on: CheckedOn::Each,
    };
    let site = format!("http://127.0.0.1:{port}/");
    let results: Vec<HealthResult> = world
        .ask_json(
            &["health"],
            &vec![check("site", site.clone(), "welcome", 3000)],
        )
        .expect("health");
    assert!(results[0].ok, "{results:?}");
    assert!(results[0].took_ms >= 100);
    let start = Instant::now();
    let results: Vec<HealthResult> = world
        .ask_json(
            &["health"],
            &vec![
                check("text", site, "goodbye", 300),
                check("nobody", "http://127.0.0.1:1/".into(), "", 300),
            ],
        )
        .expect("health");
    assert!(start.elapsed() < Duration::from_millis(1500));
    assert!(
        !results[0].ok && results[0].said.contains("goodbye"),
        "{results:?}"
    );
    assert!(!results[1].ok, "{results:?}");
}

#[test]
fn commands_run_in_order_and_their_results_come_back() {
    let world = World::new();
    let command = |name: &str, script: &str| tandem_generation::Command {
        name: name.into(),
        argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
        timeout_ms: 5000,
    };
    let results: Vec<CommandResult> = world
        .ask_json(
            &["act"],
            &vec![command("a", "echo out"), command("b", "exit 4")],
        )
        .expect("act");
    assert_eq!(results[0].stdout, "out\n");
    assert_eq!(results[1].exit, Some(4));
}

#[test]
fn following_waits_for_news_and_no_longer_than_asked() {
    let world = World::new();
    let run = run("r1");
    let plan = world.plan(&run, 1, &Wish::of(&[&plain("web", "1", &[])]));
    world.lock(&run);
    world.stage(&[&plan]).expect("stage");
    let start = Instant::now();
    let entries: Vec<Entry> = world
        .ask(&["follow", "r1", "1", "1", "300"], b"")
        .expect("follow");
    assert!(entries.is_empty());
    assert!(start.elapsed() >= Duration::from_millis(300));
    let plan: String = world.ask(&["plan-of", "r1"], b"").expect("plan");
    assert_eq!(plan, "{\"the\": \"plan\"}");
    world
        .ask::<()>(&["confirm", "r1", "1"], b"")
        .expect_err("not activated");
    world.finish(&run, "not-activated");
    world.finish(&run, "not-activated");
    assert!(world.facts().lock.is_none());
    assert_eq!(world.facts().next_number, 2);
}

#[test]
fn evidence_has_journal_packages_and_a_copy_on_the_host() {
    let world = World::new();
    let run = run("r1");
    let plan = world.plan(
        &run,
        1,
        &Wish::of(&[&plain("web", "1", &[("/opt/f", "f")])]),
    );
    world.go(&plan, LegState::AwaitingConfirm);
    let evidence: Evidence = world.ask(&["evidence", "r1", "1"], b"").expect("evidence");
    assert!(evidence.files["packages.txt"].contains("web-1-1.noarch"));
    assert!(evidence.journal.len() > 4);
    assert!(world.state().join("evidence/r1/leg-1.json").exists());
}

#[test]
fn pruning_keeps_what_can_be_gone_back_to_and_what_open_legs_need() {
    let mut world = World::new();
    let web = |version: &str| plain("web", version, &[("/opt/web/f", version)]);
    for version in ["1", "2", "3"] {
        world.apply(&format!("r{version}"), &Wish::of(&[&web(version)]));
    }
    let verdicts: Vec<Verdict> = world
        .facts()
        .records
        .into_iter()
        .map(|r| r.verdict)
        .collect();
    assert_eq!(
        verdicts,
        [Verdict::Superseded, Verdict::Superseded, Verdict::Accepted]
    );
    let run = run("r4");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("4")]));
    world.lock(&run);
    world.stage(&[&plan]).expect("stage");
    let pruned: Pruned = world.ask(&["prune", "2"], b"").expect("prune");
    assert_eq!(pruned.generations, [1]);
    assert!(pruned.packages.contains(&web("1").package.file));
    assert!(pruned.freed_bytes > 0);
    let store = world.facts().store;
    for version in ["2", "3", "4"] {
        assert!(store.contains(&web(version).package.file), "{version}");
    }
    // What is staged still works after pruning.
    world.activate(&run, 1);
    world.wait_for(&run, 1, LegState::AwaitingConfirm);
    world
        .ask::<()>(&["undo", "r4", "1", "no"], b"")
        .expect("undo");
    world.wait_for(&run, 1, LegState::Undone);
    assert_eq!(world.read("/opt/web/f"), "3");
}

#[test]
fn a_retired_host_has_nothing_of_ours_but_a_log() {
    let mut world = World::new();
    world.write("/etc/login.defs", "PASS_MAX_DAYS 99999\n");
    world.write("/var/log/x", "");
    let before = world.tree();
    let mut wish = Wish::of(&[&plain("web", "1", &[("/opt/web/f", "f")])]);
    wish.content.edits.push(Edit {
        path: "/etc/login.defs".into(),
        separator: "\t".into(),
        set: [("PASS_MAX_DAYS".to_owned(), "90".to_owned())].into(),
    });
    world.apply("r1", &wish);
    world.ask::<()>(&["retire"], b"").expect("retire");
    assert!(world.packages().is_empty());
    assert!(!world.state().exists());
    let mut now = world.tree();
    assert!(now.remove("/var/log/tandem-retired.jsonl").is_some());
    now.retain(|path, _| {
        before.contains_key(path) || !path.starts_with("/usr") && path != "/opt/web"
    });
    assert_same(&now, &before, "after retiring");
}

#[test]
fn a_disk_that_fills_up_while_the_operator_is_awaited_does_not_keep_the_host_from_going_back() {
    let mut world = World::new();
    let full = world.directory.path().join("root/var/lib/tandem");
    fs::create_dir_all(&full).expect("directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs"])
        .arg(&full)
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!("skipped: this machine does not let us mount a tmpfs");
        return;
    }
    let web = |version: &str| plain("web", version, &[("/opt/web/f", version)]);
    world.apply("r1", &Wish::of(&[&web("1")]));
    let before = world.tree();
    let run = run("r2");
    let plan = world.plan(&run, 1, &Wish::of(&[&web("2")]));
    world.go(&plan, LegState::AwaitingConfirm);
    let mut filler = fs::File::create(full.join("filler")).expect("filler");
    let mut size = 1 << 20;
    while size > 0 {
        if filler.write_all(&vec![0; size]).is_err() {
            size /= 2;
        }
    }
    let asked = world.ask::<()>(&["undo", "r2", "1", "the disk is full"], b"");
    let entries = asked
        .is_ok()
        .then(|| world.wait_for(&run, 1, LegState::Undone));
    let now = world.tree();
    drop(filler);
    let unmounted = Command::new("umount").arg("--lazy").arg(&full).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    asked.expect("the wish fits");
    assert!(entries.is_some());
    assert_same(&now, &before, "afterwards");
}
