//! A switched power strip for the two nodes of a pair, as a second level of fencing.
//!
//! The lab has none. Its fence agent is a script on each node that leaves what it is told
//! in a file; the strip is a thread of the test, outside of the nodes, which reads those
//! files, cuts the power for real, and answers. Only nodes that run are listened to.

use crate::stage::{HOSTS, Stage};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tandem_lab::{FaultAction, HostState, Lab, silent};

/// Its agent, on the nodes.
pub(super) const AGENT: &str = "/usr/local/sbin/fence_strip";

/// Where agent and strip meet, in a node's tree.
const PLACE: &str = "var/lib/strip";

const SCRIPT: &str = r#"#!/bin/sh
while read -r line; do
    case $line in
    action=*) action=${line#action=} ;;
    plug=*) plug=${line#plug=} ;;
    esac
done
if [ "$action" = metadata ]; then
    echo '<resource-agent name="fence_strip"><parameters/><actions><action name="off"/><action name="status"/></actions></resource-agent>'
    exit 0
fi
cd /var/lib/strip || exit 1
me=$$.$(date +%s%N)
echo "$action $plug" >"new.$me"
mv "new.$me" "ask.$me"
until [ -e "answer.$me" ]; do sleep 0.05; done
exit "$(cat "answer.$me")"
"#;

/// Works until it is dropped.
pub(super) struct Strip {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Strip {
    /// Puts its agent on both nodes, and plugs them in.
    pub(super) fn install(stage: &Stage) -> Self {
        for host in HOSTS {
            stage.must(host, "mkdir -p /var/lib/strip /usr/local/sbin");
            let agent = stage.lab().root(host).join(&AGENT[1..]);
            fs::write(&agent, SCRIPT).expect("the agent is written");
            stage.must(host, &format!("chmod 0755 {AGENT}"));
        }
        let lab = stage.lab().clone();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut done = Vec::new();
            while !told.load(Ordering::SeqCst) {
                for host in HOSTS {
                    serve(&lab, host, &mut done);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            done
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends it. What it was asked for and has done, `off zape`.
    pub(super) fn stop(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("the strip does not panic")
    }
}

impl Drop for Strip {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Is it on?
fn state(lab: &Lab, host: &str) -> Option<HostState> {
    let status = lab.status().ok()?;
    let mut hosts = status.hosts.into_iter();
    Some(hosts.find(|one| one.name == host)?.state)
}

fn asked(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_question = |path: &PathBuf| path.to_string_lossy().contains("/ask.");
    paths.filter(is_question).collect()
}

fn serve(lab: &Lab, host: &str, done: &mut Vec<String>) {
    for path in asked(&lab.root(host).join(PLACE)) {
        let words = fs::read_to_string(&path).unwrap_or_default();
        let words = words.trim();
        let _ = fs::remove_file(&path);
        if state(lab, host) != Some(HostState::Running) {
            continue;
        }
        let code = carry_out(lab, words);
        done.push(format!("{words}: {code}"));
        let answer = path.to_string_lossy().replace("/ask.", "/answer.");
        let new = format!("{answer}.new");
        let _ = fs::write(&new, code.to_string());
        let _ = fs::rename(&new, answer);
    }
}

/// The exit code of the agent: 0 is done, or on; 2 is off.
fn carry_out(lab: &Lab, words: &str) -> i32 {
    let Some((action, plug)) = words.split_once(' ') else {
        return 1;
    };
    let Some(state) = state(lab, plug) else {
        return 1;
    };
    let is_off = state == HostState::PoweredOff;
    match action {
        "status" | "monitor" => i32::from(is_off) * 2,
        "off" if is_off => 0,
        "off" => {
            let cut = FaultAction::parse(&["power-off", plug]).expect("known words");
            i32::from(lab.fault(&cut, &silent).is_err())
        }
        _ => 1,
    }
}
