//! The process between the daemon and an agent.
//!
//! The daemon starts it, has it moved into a scope, and only then tells it what to
//! run: so nothing of an agent is ever outside of its scope. It outlives the daemon,
//! and its result is in a file.

use crate::job::OUTPUT_MAX;
use crate::order::{Order, Outcome};
use crate::tail::Tail;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Nothing was begun: the daemon went away before it said what.
const NO_ORDER: u8 = 125;
/// The agent could not be started.
const NOT_STARTED: u8 = 126;
/// An agent's exit code that is none: it was killed.
const BY_SIGNAL: u8 = 127;

/// Longest order, in bytes. The kernel would refuse a larger environment anyway.
const ORDER_MAX: u64 = 2 << 20;

/// How long output is waited for after the agent's end; what it left running may hold
/// its outputs open for ever.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The body of the daemon's hidden subcommand: reads an order from standard input,
/// runs the agent, writes the result, and ends with the agent's exit code.
pub fn supervise() -> ExitCode {
    let mut line = String::new();
    let stdin = std::io::stdin().lock().take(ORDER_MAX);
    let read = std::io::BufReader::new(stdin).read_line(&mut line);
    if read.is_err() || !line.ends_with('\n') {
        return ExitCode::from(NO_ORDER);
    }
    let Ok(order) = serde_json::from_str::<Order>(&line) else {
        return ExitCode::from(NO_ORDER);
    };
    drop(line);
    reset();
    let outcome = run(&order);
    if let Err(error) = outcome.write(&order.result) {
        // Standard error is the journal's, if anybody's.
        let _ = writeln!(
            std::io::stderr(),
            "cannot write {}: {error}",
            order.result.display()
        );
    }
    ExitCode::from(match outcome.code {
        None => NOT_STARTED,
        Some(code) => u8::try_from(code).unwrap_or(BY_SIGNAL),
    })
}

/// Makes this process, and so the agent, one like any other: the daemon is not.
fn reset() {
    // Not the daemon's session: a signal to its group does not reach the agent.
    let _ = nix::unistd::setsid();
    // A daemon with -1000 would make every database unkillable for the kernel.
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
    let _ = SigSet::empty().thread_set_mask();
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let _ = std::env::set_current_dir("/");
    close_others();
    // What systemd gives to services by default (systemd-system.conf(5)): the daemon
    // may have raised its own.
    soften(Resource::RLIMIT_CORE, 0);
    soften(Resource::RLIMIT_NOFILE, 1024);
}

/// Lowers a soft limit; the hard one stays, so that an agent may raise it again.
fn soften(resource: Resource, wanted: u64) {
    if let Ok((_, hard)) = getrlimit(resource) {
        let soft = if hard == RLIM_INFINITY {
            wanted
        } else {
            wanted.min(hard)
        };
        let _ = setrlimit(resource, soft, hard);
    }
}

/// Closes every descriptor but the three. The daemon's are close-on-exec, and those
/// that somebody gave to the daemon may not be.
fn close_others() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    // Collected first, so that the directory's own is closed with its iterator.
    let numbers: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&number| number > 2)
        .collect();
    for number in numbers {
        let _ = nix::unistd::close(number);
    }
}

/// Scheduling is inherited. Where the daemon has another one and does not reset it on
/// fork (`CPUSchedulingResetOnFork=`), the agent is started through chrt(1) or nice(1).
fn command(order: &Order) -> Command {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let mut words = scheduling(&stat).into_iter();
    let mut command = match words.next() {
        Some(first) => {
            let mut command = Command::new(first);
            command.args(words).arg(&order.program);
            command
        }
        None => Command::new(&order.program),
    };
    command
        .args(&order.arguments)
        .env_clear()
        .envs(&order.environment)
        .stdin(Stdio::null());
    command
}

/// What goes before a command to make it one of SCHED_OTHER and no haste: fields 41 and 19
/// of /proc/PID/stat.
fn scheduling(stat: &str) -> Vec<String> {
    let field = |number: usize| crate::stat::field(stat, number).unwrap_or("0");
    let mut words = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|&word| word.to_owned()));
    if field(41) != "0" {
        add(&["chrt", "--other", "0"]);
    }
    let nice: i32 = field(19).parse().unwrap_or(0);
    if nice < 0 {
        add(&["nice", "-n", &(-nice).to_string()]);
    }
    words
}

pub(crate) fn run(order: &Order) -> Outcome {
    match attempt(order) {
        Ok(outcome) => outcome,
        Err(error) => Outcome {
            operation: order.operation.clone(),
            reason: Some(format!("cannot start {}: {error}", order.program.display())),
            ..Outcome::default()
        },
    }
}

fn attempt(order: &Order) -> std::io::Result<Outcome> {
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = command(order);
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // It holds the pipe's other end, which only the agent shall.
    drop(command);
    let tail = Arc::new(Mutex::new(Tail::new(OUTPUT_MAX)));
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let shared = Arc::clone(&tail);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = reader.read(&mut buffer) {
            if count == 0 {
                break;
            }
            lock(&shared).push(&buffer[..count]);
        }
        let _ = done.send(());
    });
    let (over, is_over) = std::sync::mpsc::channel::<()>();
    let so_far = Order::so_far(&order.result);
    let limit = Duration::from_millis(order.last_words_ms);
    let shared = Arc::clone(&tail);
    std::thread::spawn(move || {
        if is_over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let (output, reason) = lock(&shared).clone().finish();
            let outcome = Outcome {
                output,
                reason,
                ..Outcome::default()
            };
            // Only for people: without it, a timeout is a timeout.
            let _ = outcome.write(&so_far);
        }
    });
    let status = child.wait()?;
    drop(over);
    let _ = ended.recv_timeout(LAST_WORDS);
    let (output, reason) = std::mem::replace(&mut *lock(&tail), Tail::new(0)).finish();
    let code = status.code().or(status.signal().map(|signal| -signal));
    Ok(Outcome {
        operation: order.operation.clone(),
        code,
        output,
        reason,
    })
}

fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::time::Instant;

    fn shell(script: &str) -> Outcome {
        run(&Order {
            program: PathBuf::from("/bin/sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
            result: PathBuf::new(),
            operation: String::new(),
            last_words_ms: 60_000,
        })
    }

    #[test]
    fn both_outputs_are_kept_in_order_and_the_reason_is_found() {
        let outcome = shell("echo a; echo b >&2; echo 'ocf-exit-reason:no disk' >&2; exit 5");
        assert_eq!(outcome.code, Some(5));
        assert_eq!(outcome.output, "a\nb\nocf-exit-reason:no disk\n");
        assert_eq!(outcome.reason.as_deref(), Some("no disk"));
    }

    #[test]
    fn a_hundred_megabytes_neither_block_nor_stay() {
        let outcome = shell("head -c 100000000 /dev/zero | tr '\\0' x; echo end");
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.output.len() <= OUTPUT_MAX);
        assert!(outcome.output.ends_with("xend\n"));
    }

    #[test]
    fn what_holds_the_outputs_open_does_not_hold_the_operation() {
        let begun = Instant::now();
        let outcome = shell("sleep 30 & echo started");
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(outcome.output, "started\n");
    }

    #[test]
    fn an_agent_may_close_its_outputs() {
        let outcome = shell("exec >&- 2>&-; sleep 0.1; exit 7");
        assert_eq!(outcome.code, Some(7));
    }

    #[test]
    fn signals_are_negative_and_what_is_not_there_has_no_code() {
        assert_eq!(shell("kill -9 $$").code, Some(-9));
        let outcome = run(&Order {
            program: PathBuf::from("/no/such/agent"),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            result: PathBuf::new(),
            operation: String::new(),
            last_words_ms: 60_000,
        });
        assert_eq!(outcome.code, None);
        assert!(
            outcome
                .reason
                .is_some_and(|why| why.contains("/no/such/agent"))
        );
    }

    #[test]
    fn nothing_is_inherited() {
        let outcome = shell("env | grep -c .; echo ${HOME-none}; cat /proc/self/oom_score_adj");
        assert!(outcome.output.contains("none\n"), "{}", outcome.output);
    }

    #[test]
    fn scheduling_is_set_back_only_where_it_is_another() {
        // Fields 3 to 18, nice, 20 to 40, the policy, and some more.
        let with = |nice: &str, policy: &str| {
            let zeros = |count| vec!["0"; count].join(" ");
            format!("1 (a) b) {} {nice} {} {policy} 0", zeros(16), zeros(21))
        };
        assert!(scheduling(&with("0", "0")).is_empty());
        let both = scheduling(&with("-5", "2"));
        assert_eq!(both.join(" "), "chrt --other 0 nice -n 5");
        assert!(scheduling(&with("19", "0")).is_empty(), "that hurts nobody");
        assert!(scheduling("").is_empty());
    }
}
