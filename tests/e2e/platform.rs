//! Releases and hosts that are not as they should be: the run is refused, or
//! goes back, and says why.

use crate::edition;
use crate::service::Guard;
use crate::stage::{HOSTS, Stage, other};
use crate::tree::{Tree, assert_same};

/// Fails the test unless both hosts carry what they carried, and serve.
#[track_caller]
fn assert_as_before(stage: &Stage, before: &[Tree]) {
    for (host, before) in HOSTS.iter().zip(before) {
        assert_same(before, &stage.tree(host), host);
    }
    stage.assert_site("/health", "ok");
    stage.assert_calm();
}

/// What differs between releases of one test.
fn replaced(stage: &Stage, path: &str, from: &str, to: &str, release: &str) {
    stage.edit(path, from, to);
    stage.build(release);
}

/// Another content wants another version.
fn site_version(stage: &Stage, version: &str) {
    let spec = "specs/web-site.yaml";
    stage.edit(spec, "version: 1.0.0\n", &format!("version: {version}\n"));
    let entry = format!("version: {version}-1\n");
    stage.edit(spec, "version: 1.0.0-1\n", &entry);
}

/// Gives the site's package a scriptlet.
fn scriptlet(stage: &Stage, when: &str, script: &str, release: &str) {
    let spec = "specs/web-site.yaml";
    let to = format!("scriptlets:\n  {when}: {script}\n\nchangelog:\n");
    site_version(stage, release);
    replaced(stage, spec, "changelog:\n", &to, release);
}

#[test]
fn an_application_that_answers_500_is_taken_back_everywhere() {
    let Some(stage) = Stage::new("errors") else {
        return;
    };
    // The very first installation: what was bare is bare again.
    let httpd = "templates/web/httpd.conf";
    let from = "Alias /environment.html";
    let to = "Redirect 500 /health\nAlias /environment.html";
    replaced(&stage, httpd, from, to, "0.9.0");
    let bare = stage.trees();
    let _ = stage
        .apply()
        .exits(7)
        .says("health check site")
        .says("rolled back: every host is what it was");
    for (host, bare) in HOSTS.iter().zip(&bare) {
        assert_eq!(stage.generation(host), None);
        assert_same(bare, &stage.tree(host), host);
        assert!(stage.leftovers(host).is_empty(), "{host}");
    }
    assert!(stage.holders_of_vip().is_empty());

    // And in the middle of a working life.
    replaced(&stage, httpd, to, from, "1.0.0");
    let _ = stage.apply().exits(0);
    let before = stage.trees();
    replaced(&stage, httpd, from, to, "1.1.0");
    let guard = Guard::start(&stage);
    let ran = stage
        .apply()
        .exits(7)
        .says("health check site")
        .says("500")
        .says("rolled back: every host is what it was")
        .says("the evidence is in");
    guard.never_two();
    assert_as_before(&stage, &before);

    // What the hosts had to say survives, here and there.
    let run = ran.run();
    let evidence = stage.home.join("evidence").join(&run);
    let kept = std::fs::read_dir(&evidence).expect("the evidence is kept");
    for host in kept.flatten() {
        let journal = host.path().join("journal.jsonl");
        let text = std::fs::read_to_string(journal).expect("a journal");
        assert!(text.lines().count() > 3, "{text}");
    }
    let there = stage.must(HOSTS[0], &format!("ls -A /var/lib/tandem/evidence/{run}"));
    assert!(!there.is_empty());

    // The next command carries on: it knows what happened to this content.
    let _ = stage.apply().exits(1).says("health check").says("--again");
    let _ = stage
        .at(&["plan", "--release", "1.0.0", "--detailed-exitcode"])
        .exits(0)
        .says("no change");
}

#[test]
fn what_a_host_finds_wrong_beforehand_changes_nothing() {
    let Some(stage) = Stage::served("refused") else {
        return;
    };
    let before = stage.trees();
    a_validator_refuses(&stage);
    assert_as_before(&stage, &before);
    a_file_belongs_to_the_distribution(&stage);
    assert_as_before(&stage, &before);
    a_kept_package_was_tampered_with(&stage);
    // `worker_processes` is what that one changed.
    stage.edit_inventory("worker_processes: 3", "worker_processes: 1");
    let _ = stage
        .at(&["apply", "--yes", "--release", "1.0.0", "--again"])
        .exits(0);
    assert_as_before(&stage, &before);
}

fn a_validator_refuses(stage: &Stage) {
    let httpd = "templates/web/httpd.conf";
    replaced(stage, httpd, "KeepAlive On\n", "KeepAlive Onn\n", "1.1.0");
    let ran = stage
        .apply()
        .exits(1)
        .says("nothing was changed on any host")
        .says("KeepAlive");
    let _ = ran.says("apache");
    stage.edit(httpd, "KeepAlive Onn\n", "KeepAlive On\n");
}

fn a_file_belongs_to_the_distribution(stage: &Stage) {
    let spec = "specs/web-site.yaml";
    let from = "  - {path: /usr/share/doc/web-site/README, doc: README}\n";
    let to = format!("{from}  - {{path: /usr/bin/curl, file: README}}\n");
    site_version(stage, "1.2.0");
    replaced(stage, spec, from, &to, "1.2.0");
    let _ = stage
        .apply()
        .exits(1)
        .says("nothing was changed on any host")
        .says("/usr/bin/curl")
        .says("conflict");
}

fn a_kept_package_was_tampered_with(stage: &Stage) {
    stage.edit_inventory("worker_processes: 1", "worker_processes: 3");
    let _ = stage.at(&["apply", "--yes", "--release", "1.0.0"]).exits(0);
    let now = stage.trees();
    // Every package that rollback could want, one byte in the middle of each.
    let host = HOSTS[0];
    stage.must(
        host,
        "cp -a /var/lib/tandem/store /var/lib/tandem-store.kept; \
         for f in /var/lib/tandem/store/*.rpm; do \
         printf X | dd of=$f bs=1 seek=$(($(stat -c %s $f) / 2)) conv=notrunc 2>/dev/null; done",
    );
    let ran = stage.at(&["rollback", "--yes"]);
    assert!(ran.code == 1, "{ran}");
    let _ = ran.says("hint:");
    for (host, now) in HOSTS.iter().zip(&now) {
        assert_same(now, &stage.tree(host), host);
    }
    stage.must(
        host,
        "rm -r /var/lib/tandem/store; mv /var/lib/tandem-store.kept /var/lib/tandem/store",
    );
}

#[test]
fn a_scriptlet_that_fails_takes_the_host_back() {
    let Some(stage) = Stage::served("post") else {
        return;
    };
    let before = stage.trees();
    scriptlet(&stage, "post", "\"exit 1\"", "1.1.0");
    let _ = stage
        .apply()
        .exits(7)
        .says("web-site")
        .says("scriptlet")
        .says("rolled back: every host is what it was");
    assert_as_before(&stage, &before);
}

#[test]
fn a_package_gives_its_files_to_another_and_gets_them_back() {
    let Some(stage) = Stage::served("renamed") else {
        return;
    };
    let before = stage.trees();
    let spec = std::fs::read_to_string(stage.file("specs/web-site.yaml")).expect("the spec");
    std::fs::remove_file(stage.file("specs/web-site.yaml")).expect("the spec goes");
    std::fs::rename(stage.file("specs/web-site"), stage.file("specs/pages"))
        .expect("the payload moves");
    stage.write("specs/pages.yaml", &spec);
    stage.edit(
        "roles/web.yaml",
        "packages: [web-site]",
        "packages: [pages]",
    );
    stage.build("1.1.0");
    let _ = stage
        .plan()
        .exits(2)
        .says("+ package pages")
        .says("- package web-site");
    let _ = stage.apply().exits(0);
    stage.assert_site("/health", "ok");
    stage.assert_calm();
    for host in HOSTS {
        let packages = stage.packages(host);
        assert!(packages.contains_key("pages"), "{packages:?}");
        assert!(!packages.contains_key("web-site"), "{packages:?}");
    }
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    assert_as_before(&stage, &before);
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    assert_as_before(&stage, &before);
}

#[test]
fn a_node_that_is_broken_already_changes_first_and_the_rest_follows() {
    let Some(stage) = Stage::served("broken") else {
        return;
    };
    let holder = stage.holder();
    let broken = other(holder);
    stage.must(broken, "systemctl stop heartbeat");
    edition::second(&stage);
    let _ = stage.at(&["status"]).exits(2).says("not redundant");
    let planned = stage.plan().exits(2).stdout;
    let place = |host: &str| {
        let words = format!("change {host}:");
        planned
            .find(&words)
            .unwrap_or_else(|| panic!("{words}: {planned}"))
    };
    assert!(place(broken) < place(holder), "{planned}");
    let guard = Guard::start(&stage);
    let _ = stage.apply().exits(0);
    guard.never_two();
    stage.assert_site("/health", "second edition");
    stage.assert_calm();
}

#[test]
fn a_node_without_power_is_left_behind_on_request_and_catches_up() {
    let Some(stage) = Stage::served("behind") else {
        return;
    };
    let down = other(stage.holder());
    let up = other(down);
    let before = stage.tree(up);
    edition::second(&stage);
    let _ = stage.at(&["plan", "--out", "saved.json"]).exits(0);
    stage.fault(&format!("power-off {down}"));
    // A saved plan is not stale because nobody answers.
    let _ = stage
        .at(&["apply", "saved.json", "--yes"])
        .exits(4)
        .says(down);
    let _ = stage
        .apply()
        .exits(4)
        .says(down)
        .says(&format!("--without {down}"));
    assert_same(&before, &stage.tree(up), up);

    let _ = stage
        .at(&["apply", "--yes", "--without", down, "--accept-outage"])
        .exits(0);
    stage.assert_site("/health", "second edition");
    stage.fault(&format!("power-on {down}"));
    stage
        .lab()
        .wait_ready(
            &[down],
            std::time::Duration::from_secs(60),
            &tandem_lab::silent,
        )
        .expect("the host comes back");
    // The cluster takes it in first: nothing is begun in the middle of that.
    stage.wait_until_whole();
    let _ = stage.plan().exits(2).says(&format!("{down} (web, "));
    let _ = stage.apply().exits(0);
    stage.assert_site("/health", "second edition");
    stage.assert_calm();
    assert!(stage.tree(down).packages["web-site"].starts_with("1.1.0"));
}

#[test]
fn a_node_that_fails_its_checks_already_can_still_be_put_right() {
    let Some(stage) = Stage::served("ill") else {
        return;
    };
    let holders = stage.holders_of_vip();
    let holder = holders.first().expect("somebody serves");
    // The mode of a file counts as much as its content.
    stage.must(holder, "chmod 644 /etc/tandem/web/status.conf");
    let _ = stage.at(&["status"]).exits(2).says("edited by hand");
    stage.must(holder, "rpm -e --nodeps web-site");
    let _ = stage.at(&["status"]).exits(2).says("web-site is gone");
    stage.edit_inventory("worker_processes: 1", "worker_processes: 2");
    let _ = stage
        .apply()
        .exits(0)
        .says("health check site")
        .says("is not changed yet, going on")
        .says("accepted");
    stage.must(holder, "test -s /usr/share/web-site/health");
    stage.assert_calm();
}

#[test]
fn a_move_that_nobody_takes_ends_where_it_began() {
    let Some(stage) = Stage::served("moved") else {
        return;
    };
    let holder = stage.holder();
    let other = HOSTS.into_iter().find(|host| *host != holder);
    let other = other.expect("a pair");
    // Apache cannot start on the other node: its port is taken.
    let script = "import socket,time\ns=socket.socket()\n\
                  s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1)\n\
                  s.bind((\"0.0.0.0\",80))\ns.listen(1)\ntime.sleep(600)\n";
    stage.must(
        other,
        &format!(
            "printf '%b' '{}' > /root/taken.py && systemd-run --unit=taken python3 /root/taken.py",
            script.replace('\n', "\\n")
        ),
    );
    stage.edit_inventory("worker_processes: 1", "worker_processes: 2");
    let _ = stage
        .apply()
        .exits(7)
        .says("rolled back: every host is what it was");
    // Hosts that are what they were are not enough: somebody serves.
    assert_eq!(stage.holder(), holder);
    stage.must(holder, "systemctl is-active apache2");
    stage.must(other, "systemctl stop taken");
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
}
