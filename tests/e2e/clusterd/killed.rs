//! The daemon is killed in the middle of an operation that takes long. An agent of the
//! test sleeps in `start` and `promote`, and writes down what is done to it.

use super::setup::{WHOLE, change_file, report, served, wait_until_healthy};
use crate::edition::is_long;
use crate::service::Poller;
use crate::stage::{HOSTS, Stage};
use std::time::Duration;

/// It holds a lock while it works, and so does all that it leaves behind: whoever comes
/// while another operation still runs writes `together`.
const AGENT: &str = r#"#!/bin/sh
place=/var/lib/slow
if [ "$1" = meta-data ]; then
    cat <<XML
<?xml version="1.0"?>
<resource-agent name="slow" version="1.0">
<version>1.1</version>
<parameters/>
<actions>
<action name="start" timeout="60s"/><action name="stop" timeout="20s"/>
<action name="promote" timeout="60s"/><action name="demote" timeout="20s"/>
<action name="monitor" timeout="20s" interval="5s"/><action name="meta-data" timeout="5s"/>
</actions>
</resource-agent>
XML
    exit 0
fi
mkdir -p $place
exec 9>>$place/lock
flock -n 9 || echo "together $1" >>$place/log
[ "$1" = monitor ] || echo "begin $1" >>$place/log
code=0
case $1 in
start)
    sleep 4
    [ -e $place/state ] || echo started >$place/state
    crm_master -l reboot -v 10
    ;;
promote) sleep 4; echo promoted >$place/state ;;
demote) echo started >$place/state ;;
stop) rm -f $place/state ;;
monitor)
    case $(cat $place/state 2>/dev/null) in
    started) code=0 ;;
    promoted) code=8 ;;
    *) code=7 ;;
    esac
    ;;
*) code=3 ;;
esac
[ "$1" = monitor ] || echo "end $1" >>$place/log
exit $code
"#;

/// Beside the inventory's own site, which nothing of this may touch.
const CLONE: &str = r"  - clone:
      name: slow-clone
      promotable: {max: 1}
      of:
        primitive:
          name: slow
          agent: {ocf: {provider: lab, kind: slow, parameters: {}}}
          operations:
            start: {timeout_ms: 60000}
            promote: {timeout_ms: 60000}
            monitors: [{interval_ms: 2000, role: started}, {interval_ms: 3000, role: promoted}]
";

/// How long two starts and a promotion may take, one of them twice.
const DONE: Duration = Duration::from_secs(120);

fn log(stage: &Stage, host: &str) -> Vec<String> {
    let path = stage.lab().root(host).join("var/lib/slow/log");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn is_under_way(stage: &Stage, host: &str, action: &str) -> bool {
    log(stage, host).last() == Some(&format!("begin {action}"))
}

fn state(stage: &Stage, host: &str) -> String {
    let path = stage.lab().root(host).join("var/lib/slow/state");
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Both instances run, one of them promoted.
fn is_done(stage: &Stage) -> bool {
    let mut states = HOSTS.map(|host| state(stage, host));
    states.sort();
    let rests = |host: &&str| report(stage, host)["in_transition"] == false;
    states == ["promoted", "started"] && HOSTS.iter().all(rests)
}

/// Fails the test unless operations came one after the other, and all of them ended but
/// perhaps the one that was under way when the daemon was killed.
#[track_caller]
fn one_at_a_time(stage: &Stage, host: &str, cut_off: Option<&str>) {
    let log = log(stage, host);
    assert!(
        !log.iter().any(|line| line.starts_with("together")),
        "two operations at once on {host}: {log:?}"
    );
    let mut without_end = Vec::new();
    for (place, line) in log.iter().enumerate() {
        let Some(action) = line.strip_prefix("begin ") else {
            continue;
        };
        if log.get(place + 1) != Some(&format!("end {action}")) {
            without_end.push(action);
        }
    }
    let most: Vec<_> = cut_off.into_iter().collect();
    assert!(
        without_end.is_empty() || without_end == most,
        "without an end on {host}: {log:?}"
    );
}

#[test]
fn a_daemon_that_is_killed_in_a_start_and_in_a_promotion_does_nothing_twice_at_once() {
    let Some(stage) = served("clusterd-killed") else {
        return;
    };
    wait_until_healthy(&stage);
    for host in HOSTS {
        let place = "/usr/lib/ocf/resource.d/lab";
        stage.must(host, &format!("mkdir -p {place}"));
        let agent = stage.lab().root(host).join(&place[1..]).join("slow");
        std::fs::write(&agent, AGENT).expect("the agent is written");
        stage.must(host, &format!("chmod 0755 {place}/slow"));
    }
    change_file(&stage, |was| {
        was.replace("locations:\n", &format!("{CLONE}locations:\n"))
    });
    assert!(
        stage.eventually(DONE, is_done),
        "{}",
        report(&stage, HOSTS[0])
    );
    wait_until_healthy(&stage);

    let apache = "systemctl show --property MainPID --value apache2.service";
    let active = stage.holder();
    let before = stage.must(active, apache);
    let poller = Poller::start(&stage);
    let times = if is_long() { 10 } else { 1 };
    for n in 0..2 * times {
        let action = ["start", "promote"][n % 2];
        stage.must(active, "clusterd stop slow-clone");
        assert!(stage.eventually(WHOLE, |stage| {
            HOSTS.iter().all(|host| state(stage, host).is_empty())
        }));
        wait_until_healthy(&stage);
        for host in HOSTS {
            stage.must(host, "rm /var/lib/slow/log");
        }
        stage.must(active, "clusterd start slow-clone --no-wait");
        let at_it = |stage: &Stage| {
            HOSTS
                .into_iter()
                .find(|host| is_under_way(stage, host, action))
        };
        assert!(stage.eventually(DONE, |stage| at_it(stage).is_some()));
        let killed = at_it(&stage).expect("it takes four seconds");
        // At the beginning, in the middle, and near the end of it.
        let later = u64::try_from(n / 2 % 4).unwrap_or_default();
        std::thread::sleep(Duration::from_millis(100 + 1200 * later));
        stage.must(killed, "systemctl kill --signal=KILL clusterd.service");
        assert!(
            stage.eventually(DONE, is_done),
            "{action} on {killed}: {:?}\n{}",
            HOSTS.map(|host| (log(&stage, host), state(&stage, host))),
            report(&stage, killed)
        );
        wait_until_healthy(&stage);
        for host in HOSTS {
            one_at_a_time(&stage, host, (host == killed).then_some(action));
        }
        eprintln!("{action} on {killed}: {:?}", log(&stage, killed));
    }
    let seen = poller.stop();
    eprintln!("the site meanwhile: {seen}");
    assert!(seen.failures.is_empty(), "{seen}");
    assert_eq!(stage.holder(), active, "the address stayed");
    assert_eq!(stage.must(active, apache), before, "Apache was not touched");
}
