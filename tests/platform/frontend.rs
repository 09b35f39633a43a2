//! The frontend pair alone: what clients and operators get from it, what limits
//! them, what moves and what does not. The database is elsewhere, and away.

use crate::operator::{self, Operator};
use crate::premises;
use crate::stage::{Project, Stage};
use std::time::{Duration, Instant};

pub(crate) const CLIENTS: &str = "10.77.4.50";
const OPERATORS: &str = "10.77.2.50";
/// Application, its network and where it answers.
const APPLICATIONS: [(&str, &str, &str); 4] = [
    ("gatekeeper", "ext", "10.77.4.50:8081"),
    ("licensing", "ext", "10.77.4.50:8082"),
    ("o_m", "om", "10.77.2.50:8083"),
    ("swupgrade", "ext", "10.77.4.50:8084"),
];
/// Two Java machines may share two cores with whatever else a loaded machine
/// does: four Tomcats in a row.
pub(crate) const STARTED: Duration = Duration::from_secs(180);

/// A database that is an address and no more, and settings of the frontend.
fn with(operator: &Operator, settings: &[(&str, serde_json::Value)]) {
    operator.write(
        "roles/elsewhere.yaml",
        "summary: Where a database could be\nparams: {writer: address}\n\
         endpoints: {writer: {address: writer, port: 3306}}\n",
    );
    let path = operator.file(&operator.inventory());
    let text = std::fs::read_to_string(&path).expect("the inventory can be read");
    let mut inventory: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
    inventory["clusters"]["backend"] = serde_json::json!({
        "role": "elsewhere", "nodes": ["bend1"], "set": {"writer": "int/60"},
    });
    let hosts = inventory["hosts"].as_object_mut().expect("hosts");
    hosts.retain(|name, _| name != "bend2");
    let bend1 = hosts["bend1"].as_object_mut().expect("a host");
    bend1.remove("set");
    for (name, value) in settings {
        inventory["clusters"]["frontend"]["set"][*name] = value.clone();
    }
    let text = serde_saphyr::to_string(&inventory).expect("YAML again");
    std::fs::write(path, text).expect("the inventory can be written");
}

/// The password of the client `operator`, as an editor sees it.
fn password(stage: &Stage) -> String {
    let script = stage.file("editor");
    let plain = stage.file("plain");
    let text = format!("#!/bin/sh\ncp \"$1\" {}\n", plain.display());
    stage.write("editor", &text);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("the editor can be run");
    let editor = script.to_str().expect("UTF-8");
    let _ = stage
        .start(
            &["secret", "edit", "-i", &stage.environment],
            &[("EDITOR", editor)],
        )
        .finish();
    let secrets = std::fs::read_to_string(&plain).expect("the editor saw the secrets");
    secrets
        .lines()
        .find_map(|line| line.strip_prefix("client_operator:"))
        .expect("the client's password is there")
        .trim()
        .trim_matches('"')
        .to_owned()
}

/// What a program of a client says; its exit code does not matter.
fn ask(stage: &Stage, network: &str, script: &str) -> String {
    stage.client(network, script).text()
}

fn status(stage: &Stage, network: &str, words: &str) -> String {
    let script = format!("curl -s --max-time 10 -o /dev/null -w '%{{http_code}}' {words}");
    ask(stage, network, &script)
}

/// Fails the test unless everything answers at its address, as this node.
#[track_caller]
pub(crate) fn everything_answers(stage: &Stage, node: &str) {
    let site = ask(
        stage,
        "ext",
        &format!("curl -si --max-time 10 http://{CLIENTS}/health"),
    );
    assert!(site.contains(&format!("X-Node: {node}")), "{site}");
    for (name, network, address) in APPLICATIONS {
        let health = ask(
            stage,
            network,
            &format!("curl -s --max-time 20 http://{address}/{name}/health"),
        );
        assert!(health.starts_with(&format!("ok {name} 1.")), "{health}");
        let page = ask(
            stage,
            network,
            &format!("curl -s --max-time 20 http://{address}/{name}/"),
        );
        for words in [
            format!("<h1>{name}</h1>"),
            format!("<dt>Host</dt><dd>{node}</dd>"),
            "<dt>Free memory</dt>".to_owned(),
        ] {
            assert!(page.contains(&words), "{words}: {page}");
        }
    }
}

/// Another version of an application, with another text in one of its pages.
fn change(stage: &Stage, application: &str, page: &str, from: &str, to: &str, version: &str) {
    let spec = format!("specs/gbroker-{application}.yaml");
    let text = std::fs::read_to_string(stage.file(&spec)).expect("the spec can be read");
    let before = text
        .lines()
        .find_map(|line| line.strip_prefix("version: "))
        .expect("a version")
        .to_owned();
    std::fs::write(stage.file(&spec), text.replace(&before, version)).expect("written");
    let page = format!("specs/gbroker-{application}/war/WEB-INF/jsp/{page}");
    stage.edit(&page, from, to);
    stage.build(version);
}

/// Processes of the applications on a host, by unit.
fn processes(stage: &Stage, host: &str) -> Vec<String> {
    let units = "apache2 gbroker-gatekeeper gbroker-licensing gbroker-o_m gbroker-swupgrade";
    let text = stage.must(
        host,
        &format!("systemctl show --property MainPID --value {units}"),
    );
    text.split_whitespace().map(str::to_owned).collect()
}

/// Content that clients fetch, on both nodes.
fn publish(stage: &Stage, kib: u32) {
    for host in ["zipi", "zape"] {
        let script = format!("head -c {kib}K /dev/zero >/srv/gbroker/content/big");
        let _ = stage.must(host, &script);
    }
}

/// The frontend pair with these settings, served.
pub(crate) fn served(name: &str, settings: &[(&str, serde_json::Value)]) -> Option<Stage> {
    let stage = premises::of(name, &["backend", "frontend"], |operator| {
        with(operator, settings);
    })?;
    stage.build("1.0.0");
    let _ = stage
        .at(&["apply", "--yes", "--accept-irreversible"])
        .exits(0);
    Some(stage)
}

#[test]
fn clients_are_served_within_limits_and_the_group_moves_when_power_is_cut() {
    let limits = [
        ("bandwidth_kib_per_second", 512.into()),
        ("max_connections_per_client", 3.into()),
    ];
    let Some(stage) = served("frontend", &limits) else {
        return;
    };
    let holder = stage.wait_for_one_holder_of(CLIENTS, Duration::from_secs(5));
    everything_answers(&stage, &holder);

    // The order of the thesis, and nothing on the other node.
    let started = stage.must(
        &holder,
        "systemctl show --property ActiveEnterTimestampMonotonic --value \
         gbroker-gatekeeper gbroker-licensing gbroker-o_m gbroker-swupgrade apache2",
    );
    let started: Vec<u64> = started
        .split_whitespace()
        .map(|time| time.parse().expect("microseconds"))
        .collect();
    assert!(started.is_sorted() && started[0] > 0, "{started:?}");
    let passive = if holder == "zipi" { "zape" } else { "zipi" };
    assert_eq!(processes(&stage, passive), ["0"; 5]);

    // Each application at its own address only, and without a database.
    let elsewhere = format!("http://{OPERATORS}:8081/gatekeeper/health");
    assert_eq!(status(&stage, "om", &elsewhere), "000");
    let begun = Instant::now();
    let database = format!("http://{CLIENTS}:8081/gatekeeper/health/db");
    assert_eq!(status(&stage, "ext", &database), "503");
    assert!(begun.elapsed() < Duration::from_secs(8));

    // Who signs in gets content, with so much bandwidth and so many connections.
    let password = password(&stage);
    let file = stage.must(&holder, "stat -c '%a %G' /etc/gbroker/frontend/clients");
    assert_eq!(file.trim(), "640 www-data");
    let known = stage.exec(
        &holder,
        &format!("grep -rqF '{password}' /etc/gbroker /etc/systemd"),
    );
    assert!(!known.success(), "the password is in a file");
    publish(&stage, 1024);
    let big = format!("http://{CLIENTS}/content/big");
    assert_eq!(status(&stage, "ext", &big), "401");
    assert_eq!(
        status(&stage, "ext", &format!("-u operator:wrong {big}")),
        "401"
    );
    let signed = format!("-u operator:{password} {big}");
    let said = ask(
        &stage,
        "ext",
        &format!("curl -s -o /dev/null -w '%{{http_code}} %{{time_total}}' {signed}"),
    );
    let (code, seconds) = said.split_once(' ').expect("two words");
    assert_eq!(code, "200");
    let seconds: f64 = seconds.parse().expect("seconds");
    // 1 MiB at 512 KiB/s; the first 200 ms' worth comes at once.
    assert!((1.5..10.0).contains(&seconds), "{seconds} s");
    let codes = ask(
        &stage,
        "ext",
        &format!(
            "for n in 1 2 3 4 5 6; do curl -s -o /dev/null -w '%{{http_code}}\\n' {signed} & done; wait"
        ),
    );
    assert_eq!(codes.matches("200").count(), 3, "{codes}");
    assert_eq!(codes.matches("000").count(), 3, "{codes}");

    // Another archive: what Tomcat made of the old one is gone, and a directory
    // that somebody unpacked there does not count.
    for host in ["zipi", "zape"] {
        let _ = stage.must(
            host,
            "mkdir -p /srv/gbroker/gatekeeper/webapps/gatekeeper /var/cache/gbroker/gatekeeper/jsp && \
             touch /var/cache/gbroker/gatekeeper/jsp/stale && chown -R tomcat /var/cache/gbroker && \
             echo stale >/srv/gbroker/gatekeeper/webapps/gatekeeper/health",
        );
    }
    let page = "This application lets clients in.";
    change(
        &stage,
        "gatekeeper",
        "index.jsp",
        page,
        "Now it is another one.",
        "1.1.0",
    );
    let _ = stage
        .at(&["apply", "--yes", "--accept-irreversible"])
        .exits(0);
    let holder = stage.wait_for_one_holder_of(CLIENTS, Duration::from_secs(5));
    everything_answers(&stage, &holder);
    let health = ask(
        &stage,
        "ext",
        &format!("curl -s http://{CLIENTS}:8081/gatekeeper/health"),
    );
    assert_eq!(health, "ok gatekeeper 1.1.0-1\n");
    let page = ask(
        &stage,
        "ext",
        &format!("curl -s http://{CLIENTS}:8081/gatekeeper/"),
    );
    assert!(page.contains("Now it is another one."), "{page}");
    let stale = stage.exec(&holder, "test -e /var/cache/gbroker/gatekeeper/jsp/stale");
    assert!(!stale.success(), "Tomcat's cache was cleared");

    // Power goes: all of it comes back on the other node.
    let other = if holder == "zipi" { "zape" } else { "zipi" };
    stage.fault(&format!("power-off {holder}"));
    let last = format!("http://{CLIENTS}/health");
    let back = stage.eventually(STARTED, |stage| status(stage, "ext", &last) == "200");
    assert!(back, "the site is back, the last of the group");
    everything_answers(&stage, other);
}

#[test]
fn with_applications_on_both_nodes_only_addresses_move_and_a_tomcat_that_fails_is_taken_back() {
    let Some(stage) = premises::of("frontend-both", &["backend", "frontend"], |operator| {
        with(operator, &[("applications", "both-nodes".into())]);
    }) else {
        return;
    };
    stage.build("1.0.0");
    let _ = stage.apply().exits(0);
    let holder = stage.wait_for_one_holder_of(CLIENTS, Duration::from_secs(5));
    let other = if holder == "zipi" { "zape" } else { "zipi" };
    everything_answers(&stage, &holder);

    let before = (processes(&stage, &holder), processes(&stage, other));
    assert!(!before.0.contains(&"0".to_owned()) && !before.1.contains(&"0".to_owned()));
    let _ = stage.must(&holder, "clusterd give");
    let moved = stage.eventually(Duration::from_secs(60), |stage| {
        stage.holders_of(CLIENTS) == [other] && stage.holders_of(OPERATORS) == [other]
    });
    assert!(moved, "the addresses are on {other}");
    everything_answers(&stage, other);
    let after = (processes(&stage, &holder), processes(&stage, other));
    assert_eq!(after, before, "nothing was started or stopped");

    // A page that cannot be compiled: the application does not start, and every
    // host is what it was.
    let packages = stage.packages(&holder);
    let nonsense = "<% this is no Java %>";
    change(
        &stage,
        "licensing",
        "health.jsp",
        "<%@ include",
        &format!("{nonsense}<%@ include"),
        "1.1.0",
    );
    let _ = stage
        .apply()
        .exits(7)
        .says("rolled back: every host is what it was");
    for host in ["zipi", "zape"] {
        let now = stage.packages(host);
        assert_eq!(
            now["gbroker-licensing"], packages["gbroker-licensing"],
            "{host}"
        );
    }
    let holder = stage.wait_for_one_holder_of(CLIENTS, Duration::from_secs(60));
    everything_answers(&stage, &holder);
    change(&stage, "licensing", "health.jsp", nonsense, "", "1.2.0");

    // Content on DRBD: the real `drbdadm` judges the resource file. (A container
    // has no DRBD: it goes no further than staging, and without a module `drbdadm` is
    // version 9's.)
    stage.edit_inventory(
        "applications: both-nodes\n",
        "applications: both-nodes\n      storage: drbd\n      drbd_module: v9\n",
    );
    let staged = stage.at(&["stage", "--yes"]).exits(0);
    let _ = stage.at(&["abort", &staged.run()]).exits(0);
    stage.edit(
        "templates/frontend/gbroker.res",
        "protocol C;",
        "protocol Q;",
    );
    stage.build("1.3.0");
    let refused = stage
        .at(&["stage", "--yes"])
        .says("drbd does not accept /etc/drbd.d/gbroker.res")
        .says("nothing was changed on any host");
    assert_ne!(refused.code, 0);
}

#[test]
fn an_archive_that_is_none_and_passwords_without_clients_are_found_before_anything_is_built() {
    let project = Project::of(operator::repository(), "mistakes-frontend", |operator| {
        operator.write("specs/gbroker-o_m/o_m.war", "not a zip file\n");
        operator.edit("specs/gbroker-o_m.yaml", "war: war}", "file: o_m.war}");
    });
    let _ = project
        .tandem(&["check"])
        .exits(3)
        .says("specs/gbroker-o_m.yaml: /srv/gbroker/o_m/webapps/o_m.war wants a web application");
    let _ = project
        .tandem(&["build", "--release", "1.0.0"])
        .exits(3)
        .says("wants a web application archive");

    project.edit("specs/gbroker-o_m.yaml", "file: o_m.war}", "war: war}");
    let _ = project.tandem(&["check"]).exits(0);
    project.edit_inventory("clients: [operator]", "clients: [operator, another]");
    let _ = project
        .tandem(&["check"])
        .exits(3)
        .says("`clients` and `client_passwords` must have as many items");
}
