//! Unchanged agents of ClusterLabs, in one group: address, file system, database,
//! application server, web server. They are started, moved, killed, and stopped.

use super::setup::{WHOLE, report, run_instead, served, wait_until_healthy};
use crate::stage::{HOSTS, Stage, other};
use std::time::{Duration, Instant};

/// Five agents start one after the other, Java among them, on a machine with other work.
const STARTED: Duration = Duration::from_secs(240);

const ADDRESS: &str = "10.77.4.60";

/// A bind mount, because containers have no block devices; each node has data of its own.
const GROUP: &str = r#"
  - group:
      name: site
      members:
        - name: ip
          agent: {ocf: {provider: heartbeat, kind: IPaddr2, parameters: {ip: 10.77.4.60, cidr_netmask: "24", nic: eth4}}}
          operations: {monitors: [{interval_ms: 120000}]}
        - name: fs
          agent:
            ocf:
              provider: heartbeat
              kind: Filesystem
              parameters: {device: /srv/disk, directory: /srv/data, fstype: none, options: bind}
          operations: {monitors: [{interval_ms: 2000}], start: {timeout_ms: 60000}, stop: {timeout_ms: 60000}}
        - name: db
          agent:
            ocf:
              provider: heartbeat
              kind: mysql
              parameters:
                binary: /usr/sbin/mariadbd
                datadir: /srv/data/mysql
                log: /srv/data/mysql/error.log
          operations: {monitors: [{interval_ms: 120000}], start: {timeout_ms: 120000}, stop: {timeout_ms: 60000}}
        - name: app
          agent:
            ocf:
              provider: heartbeat
              kind: tomcat
              parameters:
                java_home: /usr/lib/jvm/default-java
                catalina_home: /usr/share/tomcat10
                catalina_base: /var/lib/tomcat10
                catalina_pid: /var/lib/tomcat10/work/catalina.pid
                tomcat_user: tomcat
          operations: {monitors: [{interval_ms: 120000}], start: {timeout_ms: 180000}, stop: {timeout_ms: 60000}}
        - name: web
          agent:
            ocf:
              provider: heartbeat
              kind: apache
              parameters: {configfile: /etc/apache2/apache2.conf, statusurl: "http://127.0.0.1/server-status"}
          operations: {monitors: [{interval_ms: 120000}], start: {timeout_ms: 60000}, stop: {timeout_ms: 60000}}
"#;

/// What shows that each of them works, in the order of the group.
const WORKS: [(&str, &str); 5] = [
    (
        "ip",
        "ip -4 address show dev eth4 | grep -q 'inet 10.77.4.60/24'",
    ),
    ("fs", "mountpoint -q /srv/data"),
    ("db", "mariadb -e 'SELECT 1' | grep -q 1"),
    (
        "app",
        "curl -sf --max-time 5 http://127.0.0.1:8080/ | grep -q 'It works'",
    ),
    (
        "web",
        "curl -sf --max-time 5 http://127.0.0.1/server-status | grep -q Apache",
    ),
];

/// How each of them dies, or is taken away behind the cluster's back. Monitors, but for the
/// file system's, come too late for this test: the machine tells that they ended.
const ENDS: [(&str, &str); 5] = [
    ("ip", "ip address del 10.77.4.60/24 dev eth4"),
    ("fs", "umount --lazy /srv/data"),
    ("db", "pkill -KILL -x mariadbd"),
    ("app", "pkill -KILL -x java"),
    ("web", "pkill -KILL -x apache2"),
];

/// Nothing of any of them is there.
const NOTHING: &str = "! ip -4 address show dev eth4 | grep -q 10.77.4.60 \
     && ! mountpoint -q /srv/data && ! pgrep -x mariadbd && ! pgrep -x java && ! pgrep -x apache2";

/// The one program that the agents `tomcat` and `apache` call and the lab's hosts do not
/// have, as far as they need it.
const WGET: &str = r#"#!/bin/sh
# Stands for wget: a page to -O FILE, or to standard output.
while [ $# -gt 0 ]; do
    case $1 in
    -O) out=$2; shift ;;
    -O*) out=${1#-O} ;;
    http*) url=$1 ;;
    esac
    shift
done
exec curl --silent --fail --location --output "$out" "$url"
"#;

/// Makes their data. Debian's module `qos` cannot be loaded with Debian's own
/// configuration.
fn prepare(stage: &Stage) {
    for host in HOSTS {
        let wget = stage.lab().root(host).join("usr/bin/wget");
        std::fs::write(&wget, WGET).expect("wget is written");
        stage.must(
            host,
            "chmod 0755 /usr/bin/wget && mkdir -p /srv/disk /srv/data \
             && mariadb-install-db --user=mysql --datadir=/srv/disk/mysql >/dev/null \
             && a2dismod --quiet qos",
        );
    }
}

fn works(stage: &Stage, host: &str, which: &str) -> bool {
    let (_, script) = WORKS
        .iter()
        .find(|(name, _)| *name == which)
        .expect("one of them");
    stage.exec(host, script).success()
}

#[track_caller]
fn all_work_on(stage: &Stage, host: &str) {
    let all = |stage: &Stage| WORKS.iter().all(|(name, _)| works(stage, host, name));
    let do_they = stage.eventually(STARTED, all);
    let which = WORKS.map(|(name, _)| (name, works(stage, host, name)));
    assert!(
        do_they,
        "all work on {host}: {which:?}\n{}",
        stage
            .exec(host, "clusterd status; journalctl -u clusterd -n 40 -o cat")
            .text()
    );
    let seen = stage.client("ext", &format!("curl -s --max-time 5 http://{ADDRESS}/"));
    assert!(
        seen.text().contains("Apache2"),
        "clients reach it: {}",
        seen.text()
    );
}

#[track_caller]
fn nothing_is_left_on(stage: &Stage, host: &str) {
    let gone = stage.eventually(WHOLE, |stage| stage.exec(host, NOTHING).success());
    let left = "ip -4 address show dev eth4; mount | grep /srv; ps -e -o pid,comm";
    assert!(
        gone,
        "on {host} there is\n{}",
        stage.exec(host, left).text()
    );
}

/// How often a member failed on a node.
fn failures(stage: &Stage, host: &str, member: &str) -> u64 {
    let report = report(stage, host);
    let resources = report["resources"].as_array().cloned().unwrap_or_default();
    let members = resources.iter().filter_map(|one| one["members"].as_array());
    let mut all = members.flatten();
    let found = all.find(|one| one["name"] == member);
    found.map_or(0, |one| {
        one["instances"][host]["failures"].as_u64().unwrap_or(0)
    })
}

#[test]
fn unchanged_agents_start_move_are_mended_and_stop() {
    let Some(stage) = served("clusterd-agents") else {
        return;
    };
    wait_until_healthy(&stage);
    prepare(&stage);
    run_instead(&stage, GROUP);
    let holder = |stage: &Stage| HOSTS.into_iter().find(|host| works(stage, host, "ip"));
    assert!(stage.eventually(STARTED, |stage| holder(stage).is_some()));
    let first = holder(&stage).expect("one");
    all_work_on(&stage, first);
    nothing_is_left_on(&stage, other(first));

    let begun = Instant::now();
    let second = other(first);
    stage.must(
        first,
        &format!("clusterd move site --to {second} --timeout 50"),
    );
    all_work_on(&stage, second);
    nothing_is_left_on(&stage, first);
    eprintln!("moved within {:.1} s", begun.elapsed().as_secs_f64());

    for (member, end) in ENDS {
        let before = failures(&stage, second, member);
        let begun = Instant::now();
        stage.must(second, end);
        let found = stage.eventually(WHOLE, |stage| failures(stage, second, member) > before);
        assert!(
            found,
            "it is found that {member} is gone: {}",
            report(&stage, second)
        );
        let noticed = begun.elapsed().as_secs_f64();
        all_work_on(&stage, second);
        eprintln!(
            "{member} ended: found after {noticed:.1} s, all work after {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        nothing_is_left_on(&stage, first);
    }

    stage.must(second, "clusterd stop site");
    for host in HOSTS {
        nothing_is_left_on(&stage, host);
    }
    stage.must(second, "clusterd start site --timeout 50");
    all_work_on(&stage, second);
}
