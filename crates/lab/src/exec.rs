//! Runs commands inside a host, or in one of the lab's network namespaces, with a limit on their time.

use std::ffi::OsStr;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::error::{Error, IoContext as _, Result};

/// What a command said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 + signal if a signal ended it, as a shell says it.
    pub code: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it ended with 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn error_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// A command that runs in all namespaces of the container whose PID 1 is given, as root, with a clean
/// environment.
pub(crate) fn in_container(leader: Pid) -> Command {
    // What would reach the machine itself stays outside, as it does for what the host starts.
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-sys_time,-sys_module,-sys_rawio", "nsenter"]);
    command
        .arg(format!("--target={leader}"))
        .args([
            "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
        ])
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", "/root")
        .env("USER", "root")
        .env("LOGNAME", "root")
        .env("SHELL", "/bin/bash")
        .env("LANG", "C.UTF-8");
    if let Some(term) = std::env::var_os("TERM") {
        command.env("TERM", term);
    }
    command
}

/// A command of this machine that runs in a network namespace, with this process' environment.
pub(crate) fn in_netns(netns: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns.display())).arg("--");
    command
}

/// Runs a command to its end, within a limit, giving it `input`.
pub(crate) fn run(
    command: &mut Command,
    shown: &[impl AsRef<OsStr>],
    input: &[u8],
    limit: Duration,
) -> Result<Output> {
    let words: Vec<String> = shown
        .iter()
        .map(|w| w.as_ref().to_string_lossy().into_owned())
        .collect();
    let shown = words.join(" ");
    // A process group of its own: nsenter has a child, and both must be killed at the limit.
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .on("run nsenter for", &shown)?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // Ends by itself: when all is written, or when the reader is gone.
        std::thread::spawn(move || stdin.write_all(&input));
    }
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let Some(status) = wait(&mut child, limit).on("wait for", &shown)? else {
        return Err(Error::TimedOut {
            command: shown,
            limit,
        });
    };
    // A daemon that the command left behind may hold the pipes open: its output is not waited for.
    let grace = Duration::from_millis(500);
    Ok(Output {
        code: status
            .code()
            .unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
        stdout: received(&stdout, grace),
        stderr: received(&stderr, grace),
    })
}

/// Waits for the end; at the limit kills the whole process group and returns nothing.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            if let Ok(id) = i32::try_from(child.id()) {
                let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
            }
            child.wait()?;
            return Ok(None);
        }
        sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn collect(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if send.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receive
}

fn received(from: &mpsc::Receiver<Vec<u8>>, grace: Duration) -> Vec<u8> {
    let mut all = Vec::new();
    let deadline = Instant::now() + grace;
    while let Ok(part) = from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        all.extend(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, input: &str, limit_ms: u64) -> Result<Output> {
        run(
            Command::new("sh").args(["-c", script]),
            &["sh", script],
            input.as_bytes(),
            Duration::from_millis(limit_ms),
        )
    }

    #[test]
    fn input_output_and_exit_code_pass_through() {
        let output = sh("cat; echo bad >&2; exit 3", "hello", 5000).unwrap();
        assert_eq!(
            (
                output.code,
                output.text().as_str(),
                output.error_text().as_str()
            ),
            (3, "hello", "bad\n")
        );
    }

    #[test]
    fn more_output_than_a_pipe_holds_does_not_block() {
        let output = sh("head -c 1000000 /dev/zero", "", 5000).unwrap();
        assert_eq!(output.stdout.len(), 1_000_000);
    }

    #[test]
    fn what_runs_too_long_is_killed_with_its_children() {
        let begun = Instant::now();
        let error = sh("sleep 30 & wait", "", 100).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_daemon_left_behind_is_not_waited_for() {
        let begun = Instant::now();
        let output = sh("sleep 5 & echo started", "", 4000).unwrap();
        assert_eq!(output.text(), "started\n");
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}
