//! What tests on a real host share: is it one, a runner, agents and units of a few lines.

use cluster_agents::{Action, Ended, Id, Job, Runner, Settings};
use cluster_model::Agent;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs a test with a runtime like the daemon's, if systemd is PID 1 and we are root.
pub(crate) fn on_a_host<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Host) -> F) {
    let first = std::fs::read_to_string("/proc/1/comm").unwrap_or_default();
    if first.trim() != "systemd" || !Path::new("/run/systemd/private").exists() {
        eprintln!("SKIPPED {name}: PID 1 is {}, not systemd", first.trim());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let host = Host::new(name).await;
        test(host).await;
    });
}

/// A runner with a directory of its own.
pub(crate) struct Host {
    pub(crate) runner: Runner,
    pub(crate) directory: PathBuf,
    name: String,
}

/// Numbers of operations, unique in this process and, by its id, on this host.
static NUMBER: AtomicU64 = AtomicU64::new(1);

pub(crate) fn next() -> Id {
    Id {
        session: u64::from(std::process::id()),
        number: NUMBER.fetch_add(1, Ordering::Relaxed),
    }
}

impl Host {
    async fn new(name: &str) -> Self {
        let directory = PathBuf::from(format!("/run/clusterd-test-{}/{name}", std::process::id()));
        std::fs::create_dir_all(directory.join("tools")).expect("a directory");
        Self {
            runner: runner(&directory).await,
            directory,
            name: name.to_owned(),
        }
    }

    /// An OCF agent: a script, to which `$1` is the action, and `$D` a directory.
    pub(crate) fn agent(&self, script: &str) -> Agent {
        let provider = Path::new("/usr/lib/ocf/resource.d/clusterd-test");
        std::fs::create_dir_all(provider).expect("root");
        let text = format!("#!/bin/sh\nD={}\n{script}\n", self.directory.display());
        let path = provider.join(&self.name);
        std::fs::write(&path, text).expect("root");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("root");
        Agent::Ocf {
            provider: "clusterd-test".to_owned(),
            kind: self.name.clone(),
            parameters: BTreeMap::new(),
        }
    }

    pub(crate) fn job(&self, agent: &Agent, action: Action, timeout_ms: u64) -> Job {
        Job {
            id: next(),
            resource: format!("{}:0", self.name),
            agent: agent.clone(),
            action,
            timeout: Duration::from_millis(timeout_ms),
            meta: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }

    pub(crate) async fn run(&self, agent: &Agent, action: Action, timeout_ms: u64) -> Ended {
        self.runner.run(self.job(agent, action, timeout_ms)).await
    }

    /// A unit below /run, and systemd told of it.
    pub(crate) fn unit(&self, text: &str) -> Agent {
        let unit = format!("clusterd-test-{}.service", self.name);
        write_unit(&unit, text);
        Agent::Systemd { unit }
    }
}

/// A runner like that of a daemon that was started just now.
pub(crate) async fn runner(directory: &Path) -> Runner {
    let settings = Settings {
        run: directory.to_owned(),
        tools: directory.join("tools"),
        // This very program, as the test `supervisor`.
        supervisor: vec![
            std::env::current_exe().expect("a path").into(),
            "--ignored".into(),
            "--exact".into(),
            "supervisor".into(),
        ],
        node: "zipi".to_owned(),
        cluster: "test".to_owned(),
    };
    Runner::new(settings).await.expect("systemd")
}

pub(crate) fn write_unit(unit: &str, text: &str) {
    std::fs::write(Path::new("/run/systemd/system").join(unit), text).expect("root");
    systemctl(&["daemon-reload"]);
}

/// What `systemctl` says.
pub(crate) fn systemctl(words: &[&str]) -> String {
    let output = std::process::Command::new("systemctl")
        .args(words)
        .output()
        .expect("systemctl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Does the process whose number is in this file run?
pub(crate) fn lives(pid_file: &Path) -> bool {
    let text = std::fs::read_to_string(pid_file).expect("the agent wrote it");
    let status = std::fs::read_to_string(format!("/proc/{}/stat", text.trim()));
    // A zombie does not run.
    status.is_ok_and(|it| !it.contains(") Z "))
}
