//! The way of a platform: from bare hosts to a service, up, and back.

use crate::operator::Operator;
use crate::service::{Guard, Poller};
use crate::stage::{HOSTS, Stage};
use crate::tree::{Tree, assert_same};
use std::time::Duration;

/// Longest that the service may be away in a planned change. A switchover moves
/// an address and starts Apache; this machine does other things meanwhile.
const PLANNED_GAP: Duration = Duration::from_secs(6);

#[test]
fn bare_hosts_become_a_service_and_a_second_apply_has_nothing_to_do() {
    let Some(stage) = Stage::new("bare") else {
        return;
    };
    stage.build("1.0.0");
    let _ = stage.plan().exits(2).says("bare -> generation 1");
    let _ = stage.apply().exits(0).says("accepted");
    stage.assert_site("/health", "ok");
    stage.assert_site("/environment.html", "tandem in development");
    stage.assert_calm();
    for host in HOSTS {
        assert_eq!(stage.generation(host), Some(1));
        let _ = stage.tree(host);
    }

    let guard = Guard::start(&stage);
    let poller = Poller::start(&stage);
    let _ = stage.plan().exits(0).says("no change");
    let _ = stage.apply().exits(0).says("no change");
    let seen = poller.stop();
    assert!(seen.failures.is_empty() && seen.good > 10, "{seen}");
    guard.never_two();
}

#[test]
fn what_was_edited_by_hand_is_shown_saved_and_put_right() {
    let Some(stage) = Stage::served("drift") else {
        return;
    };
    let before = stage.trees();
    let file = "/etc/tandem/web/httpd.conf";
    stage.must("zipi", &format!("echo '# by night' >> {file}"));
    stage.must("zape", "rm /usr/share/web-site/site.css");
    let _ = stage
        .at(&["status"])
        .exits(2)
        .says("zipi: edited by hand: /etc/tandem/web/httpd.conf");
    let _ = stage
        .plan()
        .exits(2)
        .says("-# by night")
        .says("was edited by hand")
        .says("was removed by hand");
    let _ = stage.at(&["plan"]).exits(0).says("-# by night");

    let applied = stage.apply().exits(0);
    let run = applied.run();
    let saved = stage.must(
        "zipi",
        &format!(
            "cd /var/lib/tandem/drift/{run} && find . -type f | while read -r f; do \
             stat -c '%a %U %n' \"$f\"; tail -n1 \"$f\"; done"
        ),
    );
    assert!(saved.contains("600 root "), "{saved}");
    assert!(saved.contains("httpd.conf\n# by night"), "{saved}");
    for (host, before) in HOSTS.iter().zip(&before) {
        assert_same(before, &stage.tree(host), host);
    }
    let _ = stage.plan().exits(0).says("no change");
    stage.assert_calm();

    stale_plans_are_refused(&stage);
    documents_for_scripts_carry_their_version(&stage);
}

fn stale_plans_are_refused(stage: &Stage) {
    stage.edit_inventory("worker_processes: 1", "worker_processes: 2");
    let _ = stage.at(&["plan", "--out", "saved.json"]).exits(0);
    stage.must("zape", "echo '# meanwhile' >> /etc/tandem/web/mpm.conf");
    let trees = [stage.generation("zipi"), stage.generation("zape")];
    let _ = stage
        .at(&["apply", "saved.json", "--yes"])
        .exits(6)
        .says("the plan is stale")
        .says("make a new plan");
    assert_eq!(trees, [stage.generation("zipi"), stage.generation("zape")]);

    // A plan is for the inventory that it was made from, too.
    let _ = stage.at(&["plan", "--out", "saved.json"]).exits(0);
    stage.edit_inventory("worker_processes: 2", "worker_processes: 3");
    let _ = stage
        .at(&["apply", "saved.json", "--yes"])
        .exits(6)
        .says("inventory or release changed");
    // Nor is one obeyed that somebody edited: its steps are not what was shown.
    let _ = stage.at(&["plan", "--out", "saved.json"]).exits(0);
    let text = std::fs::read_to_string(stage.file("saved.json")).expect("the saved plan");
    let mut plan: serde_json::Value = serde_json::from_str(&text).expect("a plan");
    let steps = plan["steps"].as_array_mut().expect("steps");
    steps.retain(|step| step["step"] == "check-cluster");
    std::fs::write(stage.file("edited.json"), plan.to_string()).expect("it can be written");
    let _ = stage
        .at(&["apply", "edited.json", "--yes"])
        .exits(3)
        .says("the plan was changed after it was saved");
    assert_eq!(trees, [stage.generation("zipi"), stage.generation("zape")]);
    let _ = stage
        .at(&["lock", "status"])
        .exits(0)
        .says("no host is locked");
    // Made anew it is applied as it was shown.
    let _ = stage.at(&["plan", "--out", "saved.json"]).exits(0);
    let _ = stage.at(&["apply", "saved.json", "--yes"]).exits(0);
    let _ = stage.plan().exits(0).says("no change");
}

fn documents_for_scripts_carry_their_version(stage: &Stage) {
    let plan = stage.at(&["plan", "--json"]).exits(0).json();
    assert_eq!(plan["environment"], stage.environment.as_str());
    let apply = stage.at(&["apply", "--yes", "--json"]).exits(0).json();
    assert_eq!(apply["outcome"], "nothing-to-do");
    let status = stage.at(&["status", "--json"]).exits(0).json();
    assert_eq!(status["verdict"], "good");
    assert_eq!(status["hosts"]["zipi"]["release"], "1.0.0");
    let history = stage.at(&["history", "--json"]).exits(0).json();
    assert!(history.is_object());
    let locks = stage.at(&["lock", "status", "--json"]).exits(0).json();
    assert!(locks.is_object());
    let check = stage.tandem(&["check", "--json"]).exits(0).json();
    assert_eq!(check["mistakes"], serde_json::json!([]));
    let build = stage.tandem(&["build", "--release", "1.0.0", "--json"]);
    let build = build.exits(0).json();
    assert_eq!(build["new"], false);
    let history = stage.at(&["history"]).exits(0);
    let _ = history
        .says("release 1.0.0")
        .says("accepted")
        .says("superseded");
}

/// A changed site and changed settings of Apache.
fn second_release(operator: &Operator) {
    operator.edit("specs/web-site/site/health", "ok", "ok, second edition");
    operator.edit(
        "specs/web-site.yaml",
        "version: 1.0.0\n",
        "version: 1.1.0\n",
    );
    operator.edit(
        "specs/web-site.yaml",
        "changelog:\n",
        "changelog:\n  - date: 2026-11-20\n    author: tandem maintainers <maintainers@tandem.invalid>\n    \
         version: 1.1.0-1\n    lines: [Second edition]\n",
    );
    operator.edit("templates/web/mpm.conf", "StartServers 1", "StartServers 2");
    operator.build("1.1.0");
}

#[test]
fn an_upgrade_rolls_over_the_nodes_and_a_rollback_takes_everything_back() {
    let Some(stage) = Stage::served("upgrade") else {
        return;
    };
    let before = stage.trees();
    let holder = stage.holder();
    second_release(&stage);

    let guard = Guard::start(&stage);
    let poller = Poller::start(&stage);
    let planned = stage.plan().exits(2).says("resources move once");
    // The passive node first, the other one only when it serves no longer.
    let order = planned.stdout;
    let place = |words: &str| {
        order
            .find(words)
            .unwrap_or_else(|| panic!("{words}: {order}"))
    };
    let passive = crate::stage::other(holder);
    assert!(place(&format!("change {passive}:")) < place("move resources from"));
    assert!(place("move resources from") < place(&format!("change {holder}:")));
    let _ = stage.apply().exits(0).says("accepted");
    let seen = poller.stop();
    assert!(seen.longest_gap < PLANNED_GAP, "{seen}");
    eprintln!("upgrade: {seen}; {} looks", guard.never_two());
    stage.assert_site("/health", "second edition");
    stage.assert_calm();
    for (host, before) in HOSTS.iter().zip(&before) {
        let now = stage.tree(host);
        assert!(now.packages["web-site"].starts_with("1.1.0-1 "));
        assert_ne!(&now, before);
        assert_eq!(stage.generation(host), Some(2));
    }

    let guard = Guard::start(&stage);
    let poller = Poller::start(&stage);
    let because = "customers see the wrong edition";
    let _ = stage
        .at(&["rollback", "--yes", "--because", because])
        .exits(0)
        .says("accepted");
    let seen = poller.stop();
    assert!(seen.longest_gap < PLANNED_GAP, "{seen}");
    eprintln!("rollback: {seen}; {} looks", guard.never_two());
    stage.assert_site("/health", "ok\n");
    stage.assert_calm();
    for (host, before) in HOSTS.iter().zip(&before) {
        assert_same(before, &stage.tree(host), host);
    }

    what_was_rolled_back_is_said_and_wants_again(&stage, because);
}

fn what_was_rolled_back_is_said_and_wants_again(stage: &Stage, because: &str) {
    let sentence = "rolled back in generation 4";
    let _ = stage.at(&["plan"]).says(sentence).says(because);
    let _ = stage
        .apply()
        .exits(1)
        .says(sentence)
        .says(because)
        .says("--again");
    assert_eq!(stage.generation("zipi"), Some(4));
    let _ = stage.at(&["apply", "--yes", "--again"]).exits(0);
    stage.assert_site("/health", "second edition");
    let _ = stage.plan().exits(0).says("no change");
    // Back by the release's name, as well as by number.
    let _ = stage.at(&["rollback", "--yes", "--to", "1.0.0"]).exits(0);
    stage.assert_site("/health", "ok\n");
    let _ = stage
        .at(&["history"])
        .exits(0)
        .says("goes back from")
        .says(because);
    stage.assert_calm();
}

#[test]
fn a_wrong_value_of_the_inventory_leaves_no_trace_once_rolled_back() {
    let Some(stage) = Stage::served("value") else {
        return;
    };
    let before = stage.trees();
    let release = |tree: &Tree| tree.packages["web-site"].clone();
    stage.edit_inventory(
        "site_title: tandem in development",
        "site_title: tandme in devlopment",
    );
    stage.edit_inventory("worker_processes: 1", "worker_processes: 64");
    let _ = stage.apply().exits(0);
    stage.assert_site("/environment.html", "tandme");
    let wrong = stage.trees();
    for (before, wrong) in before.iter().zip(&wrong) {
        assert_eq!(release(before), release(wrong), "the release never changed");
        assert_ne!(before, wrong);
    }
    let _ = stage.at(&["rollback", "--yes"]).exits(0);
    for (host, before) in HOSTS.iter().zip(&before) {
        assert_same(before, &stage.tree(host), host);
    }
    stage.assert_site("/environment.html", "tandem in development");
    stage.assert_calm();
    // The inventory still says it: nobody deploys it again by accident.
    let _ = stage.apply().exits(1).says("--again");
    stage.edit_inventory("worker_processes: 64", "worker_processes: 1");
    stage.edit_inventory(
        "site_title: tandme in devlopment",
        "site_title: tandem in development",
    );
    let _ = stage.plan().exits(0).says("no change");
}
