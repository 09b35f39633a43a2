//! Agents that misbehave, against a real systemd.

use crate::host::{lives, next, on_a_host, runner};
use cluster_agents::{Action, Ending, OUTPUT_MAX, OcfCode};
use std::time::{Duration, Instant};

const MONITOR: Action = Action::Monitor {
    interval: Duration::from_secs(10),
    depth: 0,
    promoted: false,
};

#[test]
fn what_a_start_leaves_running_stays_until_the_stop() {
    on_a_host("stays", |host| async move {
        let agent = host.agent(
            "case $1 in\n\
             start) setsid sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >$D/pid;;\n\
             esac; exit 0",
        );
        let pid = host.directory.join("pid");
        let ended = host.run(&agent, Action::Start, 5000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::Success), "{ended:?}");
        assert!(lives(&pid), "the resource runs");
        let after = runner(&host.directory).await;
        assert!(
            !has(&after, "stays:0").await,
            "a resource is no operation that was left over"
        );
        // Its stop does nothing.
        let ended = host.run(&agent, Action::Stop, 5000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::Success));
        assert!(ended.output.contains("the stop left sleep"), "{ended:?}");
        assert!(!lives(&pid), "and now it does not");
    });
}

async fn has(runner: &cluster_agents::Runner, resource: &str) -> bool {
    let found = runner.leftovers().await.expect("control groups");
    found.iter().any(|it| it.resource == resource)
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    on_a_host("fails", |host| async move {
        let agent = host.agent("setsid sleep 1000 >/dev/null 2>&1 & echo $! >$D/pid; exit 1");
        let ended = host.run(&agent, Action::Start, 5000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::Generic));
        assert!(ended.output.contains("start left sleep"), "{ended:?}");
        assert!(!lives(&host.directory.join("pid")));
    });
}

#[test]
fn whoever_hangs_and_ignores_signals_is_killed_with_all_children() {
    on_a_host("hangs", |host| async move {
        let agent = host.agent(
            "trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; sleep 1000' & echo $! >$D/pid\n\
             echo before; sleep 1000",
        );
        let ended = host.run(&agent, MONITOR, 400).await;
        assert_eq!(ended.ending, Ending::TimedOut);
        assert_eq!(ended.output, "before\n", "what it said is known");
        assert!(ended.took < Duration::from_secs(20), "{ended:?}");
        assert!(!lives(&host.directory.join("pid")));
        assert!(!has(&host.runner, "hangs:0").await);
    });
}

#[test]
fn who_forks_and_forgets_in_a_monitor_is_told_of() {
    on_a_host("forgets", |host| async move {
        let agent = host.agent("sleep 1000 >/dev/null 2>&1 & echo $! >$D/pid; exit 7");
        let ended = host.run(&agent, Action::Probe, 5000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::NotRunning));
        assert!(ended.output.contains("probe left sleep"), "{ended:?}");
        assert!(!lives(&host.directory.join("pid")));
    });
}

#[test]
fn a_hundred_megabytes_are_cut_and_nonsense_is_told() {
    on_a_host("talks", |host| async move {
        let agent = host.agent("head -c 100000000 /dev/zero | tr '\\0' x; exit 77");
        let ended = host.run(&agent, MONITOR, 20_000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::Nonsense(77)));
        assert!(ended.output.len() <= OUTPUT_MAX);
    });
}

#[test]
fn an_agent_begins_as_any_other_program() {
    on_a_host("plain", |host| async move {
        let agent = host.agent(
            "cat /proc/self/oom_score_adj; ls -l /proc/self/fd | grep -vc 'total\\|/proc/\\|pipe:\\|/dev/null'\n\
             grep clusterd.slice /proc/self/cgroup; echo path=$PATH; env; exit 0",
        );
        let ended = host.run(&agent, MONITOR, 5000).await;
        let output = &ended.output;
        assert!(output.starts_with("0\n0\n"), "{output}");
        assert!(output.contains("-monitor-plain:0.scope"), "{output}");
        assert!(output.contains("/tools:/usr/sbin:"), "{output}");
        assert!(output.contains("OCF_RESOURCE_INSTANCE=plain:0"), "{output}");
        assert!(!output.contains("CARGO"), "{output}");
    });
}

#[test]
fn an_operation_can_be_killed() {
    on_a_host("killed", |host| async move {
        let agent = host.agent("trap '' TERM; sleep 1000");
        let job = host.job(&agent, Action::Start, 60_000);
        let id = job.id;
        let begun = Instant::now();
        let kill = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            host.runner.kill(id).await;
        };
        let (ended, ()) = tokio::join!(host.runner.run(job), kill);
        assert_eq!(ended.ending, Ending::Killed);
        assert!(begun.elapsed() < Duration::from_secs(20));
        // One that never was is none to wait for.
        host.runner.kill(next()).await;
    });
}

#[test]
fn what_an_earlier_daemon_began_is_found_by_name_and_killed() {
    on_a_host("earlier", |host| async move {
        let agent = host.agent("echo $$ >$D/pid; sleep 1000");
        let job = host.job(&agent, Action::Stop, 60_000);
        let id = job.id;
        // The daemon is gone: nobody waits for it any more.
        let gone = tokio::time::timeout(Duration::from_millis(300), host.runner.run(job)).await;
        assert!(gone.is_err());
        let later = runner(&host.directory).await;
        let found = later.leftovers().await.expect("control groups");
        let found: Vec<_> = found.iter().filter(|it| it.id == id).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (&*found[0].resource, &*found[0].action),
            ("earlier:0", "stop")
        );
        assert!(lives(&host.directory.join("pid")));
        later.kill(id).await;
        assert!(!lives(&host.directory.join("pid")));
        assert!(!has(&later, "earlier:0").await);
    });
}

#[test]
fn what_an_earlier_daemon_began_is_gone_on_with() {
    on_a_host("adopted", |host| async move {
        let agent = host.agent("sleep 1; echo done; test $1 = start && exit 0; exit 5");
        for (action, code) in [
            (Action::Stop, OcfCode::NotInstalled),
            (Action::Start, OcfCode::Success),
        ] {
            let job = host.job(&agent, action, 20_000);
            let run = host.runner.run(job.clone());
            let gone = tokio::time::timeout(Duration::from_millis(300), run).await;
            assert!(gone.is_err());
            let later = runner(&host.directory).await;
            assert!(has(&later, "adopted:0").await);
            let ended = later.adopt(job).await;
            assert_eq!(ended.ending, Ending::Exit(code));
            assert_eq!(ended.output, "done\n");
            assert!(!has(&later, "adopted:0").await);
        }
        let job = host.job(&agent, Action::Stop, 20_000);
        assert_eq!(
            host.runner.adopt(job).await.ending,
            Ending::Killed,
            "never was"
        );
    });
}

#[test]
fn a_script_of_the_lsb_is_started_and_stopped() {
    on_a_host("script", |host| async move {
        host.agent(
            "case $1 in\n\
             start) setsid sleep 1000 >/dev/null 2>&1 & echo $! >$D/pid;;\n\
             stop) kill $(cat $D/pid); rm $D/pid;;\n\
             status) test -e $D/pid || exit 3; kill -0 $(cat $D/pid) || exit 1;;\n\
             *) exit 2;; esac",
        );
        let script = cluster_model::Agent::Lsb {
            script: "/usr/lib/ocf/resource.d/clusterd-test/script".to_owned(),
        };
        for (action, code) in [
            (Action::Probe, OcfCode::NotRunning),
            (Action::Start, OcfCode::Success),
            (MONITOR, OcfCode::Success),
            (Action::Promote, OcfCode::Unimplemented),
            (Action::Stop, OcfCode::Success),
            (Action::Probe, OcfCode::NotRunning),
        ] {
            let ended = host.run(&script, action, 5000).await;
            assert_eq!(ended.ending, Ending::Exit(code), "{ended:?}");
        }
    });
}

#[test]
fn an_agent_that_is_not_there_is_not_installed() {
    on_a_host("absent", |host| async move {
        let agent = cluster_model::Agent::Ocf {
            provider: "clusterd-test".to_owned(),
            kind: "no-such".to_owned(),
            parameters: std::collections::BTreeMap::new(),
        };
        let ended = host.run(&agent, Action::Start, 5000).await;
        assert_eq!(ended.ending, Ending::Exit(OcfCode::NotInstalled));
    });
}

#[test]
fn an_operation_costs_little() {
    on_a_host("cheap", |host| async move {
        let agent = host.agent("exit 0");
        let mut took: Vec<Duration> = Vec::new();
        for _ in 0..50 {
            took.push(host.run(&agent, MONITOR, 5000).await.took);
        }
        took.sort();
        eprintln!(
            "a monitor that does nothing: {:?}, worst {:?}",
            took[25], took[49]
        );
        assert!(took[25] < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn many_operations_at_once_do_not_mix() {
    on_a_host("many", |host| async move {
        let agent = host.agent("sleep 0.2; echo $OCF_RESKEY_CRM_meta_n; exit 0");
        let host = &host;
        let runs = (0..30).map(|number: u32| {
            let mut job = host.job(&agent, MONITOR, 20_000);
            job.meta.insert("n".to_owned(), number.to_string());
            async move { (number, host.runner.run(job).await) }
        });
        let mut left: Vec<_> = runs.map(Box::pin).collect();
        // All at once, on one thread, as the daemon would.
        std::future::poll_fn(|context| {
            left.retain_mut(|run| match run.as_mut().poll(context) {
                std::task::Poll::Pending => true,
                std::task::Poll::Ready((number, ended)) => {
                    assert_eq!(ended.output.trim(), number.to_string(), "{ended:?}");
                    false
                }
            });
            if left.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    });
}
