//! A program that the daemon runs: in a group of its own, for so long, and with nothing of
//! the daemon's.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// So much of what a failing program says is kept, in bytes.
const SAID_MAX: usize = 1_024;

/// What a program said last is read for so long after its end.
const LEFTOVER: Duration = Duration::from_millis(50);

/// A program that is just being written is tried again so often, after this.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// Where programs find programs; nothing else of the daemon's environment is theirs.
const SEARCH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs it, in a group of processes that is removed as a whole if it takes too long.
///
/// # Errors
/// How it ended if not well, with what it said on standard error.
pub(super) async fn run(
    program: &Path,
    words: &[&OsStr],
    environment: &[(&str, String)],
    patience: Duration,
) -> Result<(), String> {
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .env("PATH", SEARCH)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let mut tries = 1;
    let mut child = loop {
        match command.spawn() {
            Ok(child) => break child,
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    if let Ok(ended) = tokio::time::timeout(patience, ended(&mut child)).await {
        return ended;
    }
    // Nobody else has this number: it was not waited for yet, or what it left behind is
    // still in its group.
    if let Some(group) = group {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait().await;
    Err(format!("killed: no end within {} s", patience.as_secs()))
}

async fn ended(child: &mut Child) -> Result<(), String> {
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let mut part = [0; 512];
        // What is too much is read all the same: a full pipe would stop the program. What
        // it left running in the background may keep the pipe open for ever, and is not
        // waited for.
        let mut exited = false;
        loop {
            let read = tokio::select! {
                biased;
                read = stderr.read(&mut part) => read,
                _ = child.wait(), if !exited => {
                    exited = true;
                    continue;
                }
                () = tokio::time::sleep(LEFTOVER), if exited => break,
            };
            let Ok(length @ 1..) = read else { break };
            let room = SAID_MAX.saturating_sub(said.len()).min(length);
            said.extend(&part[..room]);
        }
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    let colon = if said.is_empty() { "" } else { ": " };
    Err(format!("{status}{colon}{said}"))
}
