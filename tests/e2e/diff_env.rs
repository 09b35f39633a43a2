//! `tandem diff-env`: what a rehearsal in one environment says about another.
//! No host is spoken to, and no secret is opened.

use crate::operator::{self, Operator, Ran};
use crate::stage::Project;
use std::fs;

/// A second environment: the first with something changed.
#[track_caller]
fn second(project: &Operator, changes: &[(&str, &str)]) {
    let text = fs::read_to_string(project.file(&project.inventory())).expect("the inventory");
    project.write("inventories/show.yaml", &text);
    let name = format!("environment: {}\n", project.environment);
    project.edit("inventories/show.yaml", &name, "environment: show\n");
    for (from, to) in changes {
        project.edit("inventories/show.yaml", from, to);
    }
}

fn compare(project: &Operator, words: &[&str]) -> Ran {
    let sides = ["diff-env", &project.environment, "show"];
    project.tandem(&[&sides[..], words].concat())
}

/// What is changed where all is well: a range, a timing, two params, a NIC.
const CHANGES: &[(&str, &str)] = &[
    (
        "{range: 10.77.4.0/24, gateway: 10.77.4.1}",
        "{range: 203.0.113.0/25, gateway: 203.0.113.126}",
    ),
    ("kind: heartbeat\n", "kind: heartbeat\n      deadtime: 6s\n"),
    ("site_title: tandem in development", "site_title: tandem"),
    ("vip: ext/50", "vip: ext/80"),
    ("eth1: hb/12", "eth1: hb/13"),
];

#[test]
fn the_answer_comes_first_and_the_rest_fits_on_a_screen() {
    let project = Project::new("answer");
    second(&project, CHANGES);
    // Who may look need not be one who may open the secrets.
    fs::remove_file(project.home.join("identity.txt")).expect("there is an identity");
    let ran = compare(&project, &[]).exits(0);
    assert_eq!(
        ran.stdout,
        "\
e2e-answer and show: same release content; 2 parameters, 1 network, 1 gateway, 1 NIC and 2 timings differ

parameters        e2e-answer             show
  web site_title  tandem in development  tandem
  web vip         ext/50                 ext/80
networks          e2e-answer             show
  ext             10.77.4.0/24           203.0.113.0/25
gateways          e2e-answer             show
  ext             10.77.4.1              203.0.113.126
NICs              e2e-answer             show
  zape eth1       hb/12                  hb/13
timings           e2e-answer             show
  web deadtime    2 s                    6 s
  web initdead    10 s                   12 s

files                               on         what differs
  /etc/ha.d/ha.cf                   zipi zape  values only: addresses, timings
  /etc/ha.d/haresources             zipi zape  values only: addresses
  /etc/issue.d/60-tandem.issue      zipi zape  values only: environment's name
  /etc/tandem/web/environment.html  zipi zape  values only: environment's name, site_title
  /etc/tandem/web/httpd.conf        zipi zape  values only: addresses, environment's name

the same: 1 cluster, 1 role, 2 profiles, 2 packages, 4 distribution packages, 2 hosts, \
3 engine settings, 5 parameters, 2 networks, 5 NICs, 2 SSH accesses, 1 list of links, \
1 list of ping nodes, 2 timings, 14 files
"
    );
    assert_eq!(ran.stderr, "", "{ran}");
    let _ = compare(&project, &["--detailed-exitcode"]).exits(2);
}

#[test]
fn an_environment_is_the_same_as_itself() {
    let project = Project::new("itself");
    let name = project.environment.as_str();
    let ran = project
        .tandem(&["diff-env", name, name, "--detailed-exitcode", "--diff"])
        .exits(0);
    let verdict = format!("{name} and {name}: same release content; nothing differs\n\nthe same:");
    assert!(ran.stdout.starts_with(&verdict), "{ran}");
}

#[test]
fn files_that_values_do_not_explain_are_told_apart() {
    let project = Project::new("lines");
    second(
        &project,
        &[
            ("ping: [ext/gateway]", "ping: [ext/gateway, ext/77]"),
            ("worker_processes: 1", "worker_processes: 2"),
        ],
    );
    let _ = compare(&project, &["--diff"])
        .exits(0)
        .says("; 4 files differ in more than values\n")
        .says("  /etc/ha.d/ha.cf                   zipi zape  other lines\n")
        // It is computed from the param: a value of no inventory.
        .says("\n/etc/tandem/web/mpm.conf on zipi, zape\n")
        .says("\n  -MaxRequestWorkers 25\n  +MaxRequestWorkers 50\n")
        .says("\n  +ping 10.77.4.77\n");
}

#[test]
fn secrets_are_known_by_name_only() {
    let project = Project::new("masked");
    second(
        &project,
        &[
            ("status_token: status_token", "status_token: other_token"),
            ("key: cluster_key", "key: other_key"),
        ],
    );
    let ran = compare(&project, &["--diff"])
        .exits(0)
        .says("same release content; 1 engine setting and 1 parameter differ")
        .says("  web key           secret cluster_key   secret other_key\n")
        .says("  web status_token  secret status_token  secret other_token\n")
        .says("  /etc/tandem/web/status.conf ••••  zipi zape  values only: status_token\n")
        .says("  -1 sha1 ••••cluster_key\n  +1 sha1 ••••other_key\n");
    // The values are there, in the file that nothing here opens.
    let rendered = project.tandem(&[
        "render",
        "-i",
        &project.environment,
        "-o",
        "rendered",
        "--with-secrets",
    ]);
    let _ = rendered.exits(0);
    let keys = fs::read_to_string(project.file("rendered/zipi/etc/ha.d/authkeys")).expect("keys");
    let line = keys.lines().find(|line| line.contains(" sha1 "));
    let key = line
        .and_then(|line| line.rsplit(' ').next())
        .expect("a key");
    assert!(key.len() > 20, "{keys}");
    let _ = ran.does_not_say(key);
}

#[test]
fn hosts_correspond_by_cluster_and_position() {
    let project = Project::new("sets");
    second(
        &project,
        &[
            ("  zipi: {profile", "  front1: {profile"),
            ("  zape: {profile", "  front2: {profile"),
            ("nodes: [zipi, zape]", "nodes: [front1, front2]"),
            (
                "\nclusters:",
                "  spare: {profile: el9, nics: {eth2: om/99}}\n\nclusters:",
            ),
        ],
    );
    let _ = compare(&project, &[])
        .exits(0)
        .says("e2e-sets and show: same release content; 1 host differs\n")
        .says(
            "\
hosts, by cluster and position  e2e-sets  show
  web[0]                        zipi      front1
  web[1]                        zape      front2
  in no cluster                 -         spare
",
        )
        .says("  /etc/ha.d/haresources             zipi/front1 zape/front2  values only: host names\n");
}

#[test]
fn other_packages_are_other_release_content() {
    let project = Project::new("content");
    second(
        &project,
        &[
            ("    role: web\n", "    role: base\n"),
            ("    set:\n", ""),
            ("      vip: ext/50\n", ""),
            ("      site_title: tandem in development\n", ""),
            ("      status_token: status_token\n", ""),
            ("      worker_processes: 1\n", ""),
        ],
    );
    let ran = compare(&project, &["--json"]).exits(0);
    let document = ran.json();
    assert_eq!(document["same_release_content"], false, "{ran}");
    assert_eq!(document["same"], false, "{ran}");
    let package = serde_json::json!({
        "subject": "package",
        "about": "zipi web-site",
        "left": "there",
        "right": null,
    });
    let all = document["differences"].as_array().expect("differences");
    assert!(all.contains(&package), "{ran}");
    let _ = compare(&project, &[])
        .says("other release content (1 role, 2 packages and 2 distribution packages); ");
}

#[test]
fn json_has_every_key_always() {
    let project = Project::new("keys");
    second(&project, &[]);
    for (words, diff) in [(&["--json"][..], false), (&["--json", "--diff"], true)] {
        let ran = compare(&project, words).exits(0);
        let document = ran.json();
        let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
        assert_eq!(
            keys,
            [
                "api_version",
                "left",
                "right",
                "verdict",
                "same",
                "same_release_content",
                "hosts",
                "differences",
                "files",
                "same_counts",
                "same_files"
            ]
        );
        assert_eq!(document["same_counts"]["timing"], 4, "{ran}");
        assert_eq!(document["same_counts"]["gateway"], 1, "{ran}");
        let file = document["files"][0].as_object().expect("a file");
        let keys: Vec<&String> = file.keys().collect();
        let all = ["host", "path", "edit", "secret", "kind", "values", "diff"];
        assert_eq!(keys, all, "{ran}");
        assert_eq!(file["diff"].is_string(), diff, "{ran}");
    }
}

#[test]
fn mistakes_of_both_are_named_at_once() {
    let project = Project::new("both");
    second(&project, &[("nodes: [zipi, zape]", "nodes: [zipi, zapr]")]);
    project.edit_inventory("worker_processes: 1", "worker_processes: 1000");
    let ran = compare(&project, &[])
        .exits(3)
        .says("inventories/show.yaml:")
        .says("did you mean `zape`?")
        .says("inventories/e2e-both.yaml:")
        .says("found `1000`");
    assert_eq!(ran.stdout, "", "{ran}");
    let _ = project
        .tandem(&["diff-env", "shwo", "show"])
        .exits(3)
        .says("there is no such inventory")
        .says("did you mean `show`?");
    let _ = project.tandem(&["diff-env", "show"]).exits(64);
}

#[test]
fn the_platforms_environments_carry_the_same_release() {
    let source = operator::repository();
    let project = Project::of(source, "rehearsal", |operator| {
        for name in ["dev", "demo", "prod"] {
            let path = format!("inventories/{name}.yaml");
            fs::copy(source.join(&path), operator.file(&path)).expect("copied");
        }
    });
    for name in ["dev", "demo"] {
        let ran = project
            .tandem(&["diff-env", name, "prod", "--json"])
            .exits(0);
        let document = ran.json();
        assert_eq!(document["same_release_content"], true, "{ran}");
        let hosts = document["hosts"].as_array().expect("hosts");
        assert!(!hosts.is_empty(), "{ran}");
        assert!(
            hosts.iter().all(|pair| pair["left"] == pair["right"]),
            "{ran}"
        );
    }
}
