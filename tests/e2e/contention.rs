//! Others get in the way: a second operator, a run left open, a full disk, a
//! host that cannot be reached or that lets nobody in. Each is refused with its
//! exit code and a way out, nothing is changed, and the next command carries on.

use crate::edition::{self, Edition, Editions};
use crate::operator::{Operator, Ran};
use crate::stage::{HOSTS, Stage, other};
use std::time::Duration;
use tandem_generation::LegState;

const PATIENCE: Duration = Duration::from_secs(60);

fn without_locks(operator: &Operator) {
    let status = operator.at(&["lock", "status"]);
    let _ = status.exits(0).says("no host is locked");
}

#[test]
fn of_several_operators_at_once_one_has_its_way() {
    let Some(stage) = Stage::served("operators") else {
        return;
    };
    let old = stage.trees();
    edition::second(&stage);
    let colleagues = ["bob", "carol"].map(|name| stage.colleague(name));
    let everyone: Vec<&Operator> = std::iter::once(&*stage).chain(&colleagues).collect();
    let running: Vec<_> = everyone
        .iter()
        .map(|operator| operator.start(&operator.words(&["apply", "--yes"]), &[]))
        .collect();
    let ended: Vec<Ran> = running
        .into_iter()
        .map(crate::operator::Running::finish)
        .collect();
    let (won, lost): (Vec<Ran>, Vec<Ran>) = ended.into_iter().partition(|ran| ran.code == 0);
    assert_eq!(won.len(), 1, "one has its way: {won:#?} {lost:#?}");
    let run = won[0].run();
    for ran in lost {
        // Who, since when, for what, and what can be done about it.
        let _ = ran
            .exits(5)
            .says("locked by ")
            .says(" since 2")
            .says(&run)
            .says(&format!("tandem resume {run}"))
            .says(&format!("tandem abort {run}"));
    }
    // All locks or none: whoever had one and not the other gave it back.
    without_locks(&stage);
    let new = stage.trees();
    let editions = Editions { old, new };
    assert_eq!(editions.of_both(&stage), Edition::New);
    for host in HOSTS {
        let runs = stage.must(host, "ls /var/lib/tandem/runs");
        assert_eq!(runs.lines().count(), 2, "{host} changed once: {runs}");
    }
    stage.assert_calm();
    for operator in everyone {
        let _ = operator.plan().exits(0).says("no change");
    }
}

#[test]
fn a_run_left_open_is_named_and_its_locks_can_be_given_back() {
    let Some(stage) = Stage::served("locks") else {
        return;
    };
    let bob = stage.colleague("bob");
    edition::second(&stage);
    super::operator::copy(stage.file("dist/1.1.0"), &bob.file("dist/1.1.0"));
    let kill = |boundary: &str| {
        let words = stage.words(&["apply", "--yes", "--again"]);
        let environment = [("TANDEM_KILL_AFTER", boundary)];
        stage.start(&words, &environment).finish().exits(137).run()
    };

    let run = kill("locked zipi");
    let document = bob.at(&["lock", "status", "--json"]).exits(0).json();
    for host in HOSTS {
        assert_eq!(document["locks"][host]["run"], run.as_str());
        let owner = document["locks"][host]["owner"].as_str().expect("an owner");
        assert!(owner.starts_with("alice"), "{owner}");
    }
    for refused in [bob.plan(), bob.apply()] {
        let _ = refused
            .exits(5)
            .says("locked by alice")
            .says(&format!("tandem resume {run}"))
            .says(&format!("tandem abort {run}"));
    }
    // Nothing is given back without consent, and there is no terminal to ask.
    let _ = bob.at(&["lock", "release"]).exits(64).says("--yes");
    let _ = bob.at(&["lock", "release", "--yes"]).exits(0).says(&run);
    without_locks(&bob);
    let _ = bob.at(&["lock", "release", "--yes"]).exits(0);

    // A run that changed a host is not swept away: it must come to its end.
    let passive = other(stage.holder());
    let run = kill(&format!("confirmed {passive} leg 1"));
    let refused = bob.at(&["lock", "release", "--yes"]).exits(5);
    let _ = refused.says(&format!(
        "{passive}: run {run} changed it and is not finished"
    ));
    let _ = bob.at(&["abort", &run]).exits(0);
    without_locks(&bob);
    stage.assert_calm();
    // Who ends a run by hand is told what is left of it.
    let mut apply = stage.start(&stage.words(&["apply", "--yes", "--again"]), &[]);
    assert!(apply.wait_for("[1/", PATIENCE), "a step begins");
    let id = nix::unistd::Pid::from_raw(i32::try_from(apply.id()).expect("a process"));
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let ended = apply.finish().exits(130).says("is left open");
    let run = ended.run();
    let _ = ended.says(&format!("tandem abort {run}"));
    let _ = bob.at(&["abort", &run]).exits(0);
    stage.assert_calm();
    // A name that nobody knows is no reason to do anything.
    let unknown = "20260101T000000Z-nobody-0000";
    for word in ["resume", "abort"] {
        let _ = bob.at(&[word, unknown]).exits(1).says(unknown);
    }
    let _ = bob.at(&["apply", "--yes", "--again"]).exits(0);
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
}

/// Takes all of a host's disk but so many KiB, at once and from outside.
fn fill(stage: &Stage, host: &str, free_kib: u64) {
    let script = format!(
        "free=$(($(stat -f -c '%a * %S' .) - {free_kib} * 1024)); fallocate -l $free filler"
    );
    let filled = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(stage.lab().root(host).join("opt"))
        .status()
        .expect("sh runs");
    assert!(filled.success(), "the disk of {host} is filled");
}

fn make_room(stage: &Stage, host: &str) {
    stage.must(host, "rm /opt/filler");
}

#[test]
fn a_full_disk_is_said_and_nothing_is_changed() {
    let Some(stage) = Stage::with("disk", &["--disk-limit", "zape=160"], |_| ()) else {
        return;
    };
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    let old = stage.trees();
    // Random bytes: twelve MiB of a package stay twelve MiB.
    let mut noise = vec![0; 12 << 20];
    let mut state = 1_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
    std::fs::write(stage.file("specs/web-site/site/large"), noise).expect("a large file");
    edition::second(&stage);
    let unchanged = || {
        without_locks(&stage);
        for (host, old) in HOSTS.iter().zip(&old) {
            crate::tree::assert_same(old, &stage.tree(host), host);
        }
        stage.assert_calm();
    };

    // Seen before anything begins.
    fill(&stage, "zape", 6 << 10);
    let refused = stage.apply().exits(1);
    let _ = refused
        .says("zape: / has 6 MiB free")
        .says("MiB are wanted")
        .says("tandem prune");
    make_room(&stage, "zape");
    unchanged();

    // Taken by somebody else just before the push.
    let mut apply = stage.start(&stage.words(&["apply", "--yes"]), &[]);
    assert!(apply.wait_for("run ", PATIENCE), "a run begins");
    fill(&stage, "zape", 6 << 10);
    let refused = apply.finish().exits(1);
    let _ = refused
        .says("nothing was changed on any host")
        .says("zape: package")
        .says("bytes and")
        .says("are free for");
    make_room(&stage, "zape");
    unchanged();

    // After staging somebody else takes the room: rpm fails in the middle, and
    // the way back still fits.
    let staged = stage.at(&["stage", "--yes"]).exits(0);
    let run = staged.run();
    fill(&stage, "zape", 64);
    let resumed = stage.at(&["resume", &run]);
    eprintln!("a full disk at apply: {resumed}");
    let _ = resumed.exits(7).says("rolled back").says("zape");
    make_room(&stage, "zape");
    unchanged();

    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
}

#[test]
fn hosts_that_cannot_be_reached_or_believed_are_named_with_a_way_out() {
    let Some(stage) = Stage::served("unreachable") else {
        return;
    };
    let old = stage.trees();
    edition::second(&stage);
    let passive = other(stage.holder());

    // Another key than before: somebody may be in between.
    let keys = "/etc/ssh/ssh_host_*";
    stage.must(
        passive,
        &format!("mkdir /root/kept && cp -p {keys} /root/kept/ && rm {keys} && ssh-keygen -A"),
    );
    let restart = "systemctl restart ssh";
    stage.must(passive, restart);
    let shown = stage.must(passive, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    let fingerprint = shown.split(' ').nth(1).expect("a fingerprint");
    for refused in [stage.plan(), stage.apply()] {
        let _ = refused
            .exits(4)
            .says(&format!("{passive} shows another key than before"))
            .says(fingerprint)
            .says("somebody is in between")
            .says(&format!("tandem trust {passive}"));
    }
    stage.must(
        passive,
        &format!("cp -p /root/kept/* /etc/ssh/ && rm -r /root/kept && {restart}"),
    );
    let _ = stage.plan().exits(2);

    // An account that may not become root.
    for host in HOSTS {
        stage.must(
            host,
            "useradd -m deploy && mkdir -m 0700 ~deploy/.ssh && \
             cp /root/.ssh/authorized_keys ~deploy/.ssh/ && chown -R deploy: ~deploy/.ssh",
        );
    }
    stage.edit_inventory("ssh: {network: om}", "ssh: {network: om, user: deploy}");
    for refused in [stage.plan(), stage.apply()] {
        let _ = refused
            .exits(4)
            .says("deploy may not become root on")
            .says("NOPASSWD");
    }
    // The way out that it names is one.
    for host in HOSTS {
        stage.must(
            host,
            "echo 'deploy ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/deploy",
        );
    }
    let _ = stage.plan().exits(2);
    stage.edit_inventory("ssh: {network: om, user: deploy}", "ssh: {network: om}");
    for host in HOSTS {
        stage.must(
            host,
            "userdel -rf deploy 2>/dev/null; rm /etc/sudoers.d/deploy",
        );
    }

    // Away.
    stage.fault(&format!("power-off {passive}"));
    for refused in [stage.plan(), stage.apply()] {
        let _ = refused
            .exits(4)
            .says(passive)
            .says("does not answer")
            .says(&format!("--without {passive}"));
    }
    assert_eq!(
        stage.generation(other(passive)),
        Some(1),
        "nothing was changed"
    );
    stage.fault(&format!("power-on {passive}"));
    let back = stage.eventually(PATIENCE, |stage| stage.status().0.code == 0);
    assert!(back, "{}", stage.status().0);
    for (host, old) in HOSTS.iter().zip(&old) {
        // Accounts came and went: what is of ours is as it was.
        assert_eq!(old.packages, stage.tree(host).packages, "{host}");
    }
    let _ = stage.apply().exits(0);
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
}

/// The operator's network ends right after the activation: the host goes back by
/// itself, and the operator, once connected again, says so.
#[test]
fn an_operator_who_is_cut_off_finds_the_host_as_it_was() {
    let Some(stage) = Stage::served("deadman") else {
        return;
    };
    let old = stage.trees();
    edition::second(&stage);
    let passive = other(stage.holder());
    let words = stage.words(&["apply", "--yes", "--confirm-within", "5"]);
    let mut apply = stage.start(&words, &[]);
    assert!(apply.wait_for("run ", PATIENCE), "a run begins");
    let said = apply.stderr_so_far();
    let run = said.lines().find_map(|line| line.strip_prefix("run "));
    let run = run.expect("the run's name").trim().to_owned();
    stage.wait_for_leg(passive, &run, &[LegState::Activating], PATIENCE);
    stage.fault(&format!("nic-down {passive} eth2"));
    stage.wait_for_leg(passive, &run, &[LegState::Undone], PATIENCE);
    let index = usize::from(passive == HOSTS[1]);
    crate::tree::assert_same(&old[index], &stage.tree(passive), passive);
    assert!(
        stage.get("/health").contains("ok"),
        "the peer serves meanwhile"
    );
    stage.fault(&format!("nic-up {passive} eth2"));
    let ended = apply.finish().exits(7);
    let ended = ended
        .says("the operator did not come back within 5 s")
        .says("rolled back");
    eprintln!("cut off: told after {:.1} s", ended.took.as_secs_f64());
    for (host, old) in HOSTS.iter().zip(&old) {
        crate::tree::assert_same(old, &stage.tree(host), host);
    }
    stage.assert_calm();
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    assert!(stage.get("/health").contains("second edition"));
    stage.assert_calm();
}
