//! Fence agents, unchanged: `NAME=VALUE` lines on their standard input, as the agents'
//! API has it (ClusterLabs fence-agents, doc/FenceAgentAPI.md).
//!
//! An `off` counts only when a `status` after it says off. Never `reboot`, which may
//! succeed with half of it done, and never a method `cycle`, which says so before the
//! power is off.

use crate::job::OUTPUT_MAX;
use crate::tail::Tail;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Where distributions have them.
const DIRECTORY: &str = "/usr/sbin";

/// Between two looks at whether the power is off now.
const AGAIN: Duration = Duration::from_secs(1);

/// How long output is waited for after the agent's end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Longest part of what an agent said that is told on, in bytes.
const SAID_MAX: usize = 500;

/// A device that can turn nodes off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Its agent, `fence_ipmilan`; or an absolute path.
    pub agent: String,
    /// Its parameters. Without `plug` and `port`, both are the node's name: agents that
    /// have neither pass over them.
    pub parameters: BTreeMap<String, String>,
    /// Parameters whose value is the first line of a file: passwords. It is read for each
    /// operation.
    pub secrets: BTreeMap<String, PathBuf>,
}

/// What a device shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Turn a node off, and see that it is.
    Off,
    /// Turn it on.
    On,
    /// Is it on?
    Status,
    /// Does the device answer?
    Monitor,
    /// Which nodes can it turn off? What it says is in [`list`].
    List,
    /// What can it do? What it says is in [`crate::metadata::read_fence`].
    Metadata,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Status => "status",
            Self::Monitor => "monitor",
            Self::List => "list",
            Self::Metadata => "metadata",
        }
    }
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FenceResult {
    /// Done; of [`Verb::Off`]: and verified.
    Done,
    /// Of [`Verb::Status`].
    IsOn,
    /// Of [`Verb::Status`].
    IsOff,
    /// It did not, and what is known of why. Whether a node is on or off is not known.
    Failed(String),
    /// Not in time; all of it was killed. The same holds.
    TimedOut,
}

/// Runs one operation of a device on a node.
///
/// With [`Verb::Off`] the timeout is for all of it, with looking whether it is off: some
/// devices take seconds for that.
pub async fn run(device: &Device, verb: Verb, node: &str, timeout: Duration) -> FenceResult {
    let until = Instant::now() + timeout;
    match verb {
        Verb::Off => off(device, node, until).await,
        Verb::Status => status(&once(device, verb, node, until).await),
        _ => match once(device, verb, node, until).await {
            Once::Ended(0, _) => FenceResult::Done,
            other => failed(verb, &other),
        },
    }
}

/// What a device can turn off: plug and name, one a line, as the agent says it.
///
/// # Errors
///
/// As [`FenceResult::Failed`].
pub async fn list(device: &Device, timeout: Duration) -> Result<Vec<String>, String> {
    let until = Instant::now() + timeout;
    match once(device, Verb::List, "", until).await {
        Once::Ended(0, output) => Ok(output.lines().map(str::to_owned).collect()),
        other => Err(format!("{:?}", failed(Verb::List, &other))),
    }
}

/// How one run of an agent ended.
enum Once {
    /// Its exit code, or minus its signal, and what it said.
    Ended(i32, String),
    TimedOut,
    NotStarted(String),
}

async fn off(device: &Device, node: &str, until: Instant) -> FenceResult {
    let said = once(device, Verb::Off, node, until).await;
    let believed = match &said {
        Once::Ended(0, _) => true,
        Once::Ended(..) => false,
        other => return failed(Verb::Off, other),
    };
    // What it said is one thing; a device that failed may have done it all the same.
    let mut last = None;
    loop {
        let found = once(device, Verb::Status, node, until).await;
        let why = match status(&found) {
            FenceResult::IsOff => return FenceResult::Done,
            _ if !believed => return failed(Verb::Off, &said),
            FenceResult::IsOn => format!("off was said to be done, and {node} is still on"),
            FenceResult::Failed(why) => {
                format!("off was said to be done, and cannot be verified: {why}")
            }
            // What was seen before says more than that there was no time to look again.
            FenceResult::Done | FenceResult::TimedOut => {
                return last.map_or(FenceResult::TimedOut, FenceResult::Failed);
            }
        };
        if Instant::now() + AGAIN >= until {
            return FenceResult::Failed(why);
        }
        last = Some(why);
        tokio::time::sleep(AGAIN).await;
    }
}

/// 0 is on, 2 is off; everything else says nothing of the node.
fn status(once: &Once) -> FenceResult {
    match once {
        Once::Ended(0, _) => FenceResult::IsOn,
        Once::Ended(2, _) => FenceResult::IsOff,
        other => failed(Verb::Status, other),
    }
}

fn failed(verb: Verb, once: &Once) -> FenceResult {
    match once {
        Once::TimedOut => FenceResult::TimedOut,
        Once::NotStarted(why) => FenceResult::Failed(why.clone()),
        Once::Ended(code, output) => {
            FenceResult::Failed(format!("{} {}", verb.word(), said(*code, output)))
        }
    }
}

/// How a run ended, and the last of what it said: for a line of `clusterd status`.
pub(crate) fn said(code: i32, output: &str) -> String {
    let lines = output.lines().map(str::trim);
    let text: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    // The last lines are what it died of, and of those the last words.
    let text = text[text.len().saturating_sub(5)..].join("; ");
    let text = crate::tail::last(&text, SAID_MAX);
    if text.is_empty() {
        return format!("ended with {code} and said nothing");
    }
    format!("ended with {code}: {text}")
}

async fn once(device: &Device, verb: Verb, node: &str, until: Instant) -> Once {
    let prepared = path(device).and_then(|path| Ok((path, input(device, verb, node)?)));
    let (path, input) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => return Once::NotStarted(why),
    };
    let child = Command::new(&path)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that all of it can be killed.
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Once::NotStarted(format!("cannot start {}: {error}", path.display())),
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let talk = talk(&mut child, &input, verb == Verb::List);
    let ended = tokio::time::timeout_at(until, talk).await;
    if let Some(group) = group {
        // Also what it left behind; without any, there is no such group.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    match ended {
        Ok(Ok((code, output))) => Once::Ended(code, output),
        Ok(Err(error)) => Once::NotStarted(format!("{}: {error}", path.display())),
        Err(_) => {
            let _ = child.wait().await;
            Once::TimedOut
        }
    }
}

/// Gives the agent its input, and waits for its end.
async fn talk(child: &mut Child, input: &str, only_out: bool) -> std::io::Result<(i32, String)> {
    use std::os::unix::process::ExitStatusExt as _;
    let stdin = child.stdin.take();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let mut said = (Tail::new(OUTPUT_MAX), Tail::new(OUTPUT_MAX));
    let write = async {
        if let Some(mut stdin) = stdin {
            // Who does not read it does not need it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let status = {
        let read = async {
            tokio::join!(drain(out, &mut said.0), drain(err, &mut said.1), write);
        };
        tokio::pin!(read);
        tokio::select! {
            () = &mut read => child.wait().await?,
            status = child.wait() => {
                // What it left running may hold its outputs open for ever.
                let _ = tokio::time::timeout(LAST_WORDS, read).await;
                status?
            }
        }
    };
    let code = status.code().or(status.signal().map(|signal| -signal));
    let (mut output, _) = said.0.finish();
    if !only_out {
        output.push_str(&said.1.finish().0);
    }
    Ok((code.unwrap_or(-1), output))
}

async fn drain(stream: Option<impl AsyncRead + Unpin>, tail: &mut Tail) {
    let Some(mut stream) = stream else {
        return;
    };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        tail.push(&buffer[..count]);
    }
}

fn path(device: &Device) -> Result<PathBuf, String> {
    let agent = Path::new(&device.agent);
    let plain = device.agent.starts_with("fence_") && !device.agent.contains('/');
    if plain || agent.is_absolute() {
        // An absolute path replaces the directory.
        Ok(Path::new(DIRECTORY).join(agent))
    } else {
        Err(format!("`{}` is no fence agent", device.agent))
    }
}

/// The lines for the agent. They may hold secrets.
fn input(device: &Device, verb: Verb, node: &str) -> Result<String, String> {
    let mut values = device.parameters.clone();
    for (name, path) in &device.secrets {
        let secret = std::fs::read_to_string(path);
        let secret = secret.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        // What stands below it is for people, and for whoever keeps digests of files.
        let secret = secret.lines().next().unwrap_or_default();
        values.insert(name.clone(), secret.to_owned());
    }
    if values.get("method").is_some_and(|method| method == "cycle") {
        return Err("method `cycle` says that it is done before the power is off".to_owned());
    }
    if !node.is_empty() {
        values.insert("nodename".to_owned(), node.to_owned());
        if !values.contains_key("plug") && !values.contains_key("port") {
            values.insert("plug".to_owned(), node.to_owned());
            values.insert("port".to_owned(), node.to_owned());
        }
    }
    // Ours, whatever the parameters say.
    values.remove("option");
    values.insert("action".to_owned(), verb.word().to_owned());
    let mut text = String::new();
    for (name, value) in &values {
        // A line more would be a parameter more.
        if name.contains(['\n', '=']) || value.contains('\n') {
            return Err(format!("parameter `{name}` has a line break"));
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}={value}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// A fence agent of a few lines: `$a` is the action, `$D` its directory.
    fn device(directory: &Path, script: &str) -> Device {
        let path = directory.join("fence_test");
        let text = format!(
            "#!/bin/sh\nD={}\nwhile read l; do echo \"$l\" >>$D/said; case $l in action=*) a=${{l#action=}};; esac; done\n{script}\n",
            directory.display()
        );
        std::fs::write(&path, text).expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("executable");
        Device {
            agent: path.display().to_string(),
            ..Device::default()
        }
    }

    fn fence(script: &str, verb: Verb, timeout_ms: u64) -> (FenceResult, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut device = device(directory.path(), script);
        let secret = directory.path().join("secret");
        std::fs::write(&secret, "pass word\n").expect("written");
        device.secrets.insert("password".to_owned(), secret);
        let timeout = Duration::from_millis(timeout_ms);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let result = runtime.block_on(run(&device, verb, "zape", timeout));
        let said = std::fs::read_to_string(directory.path().join("said"));
        (result, said.unwrap_or_default())
    }

    #[test]
    fn an_off_is_verified() {
        let script = "case $a in off) touch $D/off;; status) test -e $D/off && exit 2; exit 0;; esac; exit 0";
        let (result, said) = fence(script, Verb::Off, 5000);
        assert_eq!(result, FenceResult::Done);
        assert_eq!(said.matches("action=").count(), 2, "{said}");
        assert!(said.contains("nodename=zape\n") && said.contains("plug=zape\n"));
        assert!(said.contains("password=pass word\n"));
    }

    #[test]
    fn an_off_that_is_only_said_is_none() {
        let (result, _) = fence("exit 0", Verb::Off, 4000);
        let FenceResult::Failed(why) = result else {
            panic!("{result:?}");
        };
        assert!(why.contains("still on"), "{why}");
    }

    #[test]
    fn an_off_that_takes_a_while_is_waited_for() {
        let script =
            "case $a in status) echo x >>$D/n; test $(wc -l <$D/n) -ge 3 && exit 2;; esac; exit 0";
        assert_eq!(fence(script, Verb::Off, 60_000).0, FenceResult::Done);
    }

    #[test]
    fn an_off_that_fails_on_a_node_that_is_on_fails_at_once() {
        let script = "test $a = off && { echo 'no route' >&2; exit 1; }; exit 0";
        let (result, _) = fence(script, Verb::Off, 60_000);
        let FenceResult::Failed(why) = result else {
            panic!("{result:?}");
        };
        assert_eq!(why, "off ended with 1: no route");
    }

    #[test]
    fn a_status_that_fails_proves_nothing() {
        let script = "test $a = off && exit 0; exit 1";
        let (result, _) = fence(script, Verb::Off, 4000);
        assert!(matches!(result, FenceResult::Failed(why) if why.contains("cannot be verified")));
        for (code, result) in [(0, FenceResult::IsOn), (2, FenceResult::IsOff)] {
            let script = format!("exit {code}");
            assert_eq!(fence(&script, Verb::Status, 9000).0, result);
        }
    }

    #[test]
    fn a_device_that_hangs_is_killed_with_its_children() {
        let begun = Instant::now();
        let script = "trap '' TERM; sleep 1000 & sleep 1000";
        assert_eq!(fence(script, Verb::Off, 300).0, FenceResult::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_device_that_forks_and_forgets_ends_when_its_agent_does() {
        let begun = Instant::now();
        let script = "sleep 1000 & test $a = status && exit 2; exit 0";
        assert_eq!(fence(script, Verb::Off, 20_000).0, FenceResult::Done);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn of_a_hundred_megabytes_the_end_is_told_in_one_short_line() {
        let script =
            "head -c 104857600 /dev/zero | tr '\\0' x; echo; printf 'no \\033[31mroute' ; exit 1";
        let (result, _) = fence(script, Verb::Status, 60_000);
        let FenceResult::Failed(why) = result else {
            panic!("{result:?}");
        };
        assert!(why.starts_with("status ended with 1: ... x"), "{why}");
        assert!(
            why.ends_with("x; no  [31mroute") && why.len() < 600,
            "{why}"
        );
    }

    #[test]
    fn a_device_that_ends_with_nonsense_proves_nothing() {
        let (result, _) = fence("exit 77", Verb::Status, 20_000);
        let why = "status ended with 77 and said nothing";
        assert_eq!(result, FenceResult::Failed(why.to_owned()));
        let (result, _) = fence("kill -9 $$", Verb::Status, 20_000);
        let why = "status ended with -9 and said nothing";
        assert_eq!(result, FenceResult::Failed(why.to_owned()));
    }

    #[test]
    fn a_device_that_lies_about_being_off_is_found_out_by_its_status() {
        let script = "test $a = off && { echo 'Success: Powered OFF'; exit 0; }; exit 0";
        let (result, _) = fence(script, Verb::Off, 3000);
        let why = "off was said to be done, and zape is still on";
        assert_eq!(result, FenceResult::Failed(why.to_owned()));
    }

    #[test]
    fn a_cycle_is_refused_and_so_are_two_lines_in_one() {
        let with = |name: &str, value: &str| Device {
            agent: "fence_ipmilan".to_owned(),
            parameters: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..Device::default()
        };
        assert!(input(&with("method", "cycle"), Verb::Off, "a").is_err());
        assert!(input(&with("ip", "1\naction=on"), Verb::Off, "a").is_err());
        let text = input(&with("action", "reboot"), Verb::Off, "a").expect("fine");
        assert!(text.contains("action=off\n") && !text.contains("reboot"));
        let text = input(&with("plug", "7"), Verb::Off, "a").expect("fine");
        assert!(text.contains("plug=7\n") && !text.contains("port="));
        assert!(path(&with("a", "b")).is_ok());
        let other = Device {
            agent: "../sh".to_owned(),
            ..Device::default()
        };
        assert!(path(&other).is_err());
    }
}
