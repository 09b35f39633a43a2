//! The daemon's threads: few, and each with a small stack.

use super::journal::{Journal, Level};
use cluster_agents::stat::field;
use nix::unistd::{Pid, gettid};
use std::io::Result;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::Builder;

/// Bytes. mlockall(2) with `MCL_FUTURE` fills a stack as soon as it is there: eight threads
/// with the two megabytes that are usual would take more memory than all else together.
pub(crate) const STACK: usize = 512 * 1024;

/// Begins a thread that nobody waits for.
///
/// # Errors
/// The kernel gives no thread, pthread_create(3).
pub(crate) fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map(drop)
}

/// Begins a thread that decisions wait for: what is read late looks like silence, what is
/// written late like a disk that hangs. Soon it is as urgent as the thread that decides; by
/// itself it would not be, for what resets scheduling on fork (`CPUSchedulingResetOnFork=`)
/// resets it for threads, too (sched(7)). Nobody waits until it is.
///
/// # Errors
/// The kernel gives no thread, pthread_create(3).
pub(crate) fn begin_urgent(
    name: &str,
    cluster: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<()> {
    let (tell, told) = channel();
    begin(name, move || {
        let _ = tell.send(gettid());
        work();
    })?;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let Some(urgency) = Urgency::of(&stat) else {
        return Ok(());
    };
    let (name, cluster) = (name.to_owned(), cluster.to_owned());
    begin("urgency", move || {
        if let Ok(thread) = told.recv()
            && let Err(error) = urgency.give(thread)
        {
            let sentence = format!(
                "thread {name} is not real-time ({error}): under load others may look dead to this node, or its disk"
            );
            Journal::open(&cluster).say(Level::Warning, &sentence, &[]);
        }
    })
}

/// A real-time policy, and how urgent it is.
#[derive(Debug, PartialEq, Eq)]
struct Urgency {
    policy: &'static str,
    priority: String,
}

impl Urgency {
    /// That of a process: fields 41 and 40 of /proc/PID/stat. Nothing: it is an ordinary one.
    fn of(stat: &str) -> Option<Self> {
        let policy = match field(stat, 41)? {
            "1" => "--fifo",
            "2" => "--rr",
            _ => return None,
        };
        let priority = field(stat, 40)?.to_owned();
        Some(Self { policy, priority })
    }

    /// By chrt(1), which is a part of every system: this program calls nothing unsafe.
    fn give(&self, thread: Pid) -> Result<()> {
        let mut command = Command::new("chrt");
        command
            .args([self.policy, "--reset-on-fork", "--pid", &self.priority])
            .arg(thread.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let status = command.status()?;
        if status.success() {
            Ok(())
        } else {
            Err(std::io::Error::other(format!("chrt: {status}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scheduling of a process whose name has what names may have.
    fn stat(priority: u32, policy: u32) -> String {
        let between = "0 ".repeat(36);
        format!("42 (a b) c) S {between}{priority} {policy} 0 0 0\n")
    }

    #[test]
    fn only_who_is_urgent_has_urgency_to_give() {
        assert_eq!(Urgency::of(&stat(0, 0)), None);
        assert_eq!(Urgency::of(""), None);
        let urgency = |policy, priority: &str| {
            let priority = priority.to_owned();
            Some(Urgency { policy, priority })
        };
        assert_eq!(Urgency::of(&stat(20, 2)), urgency("--rr", "20"));
        assert_eq!(Urgency::of(&stat(1, 1)), urgency("--fifo", "1"));
    }

    #[test]
    fn an_urgent_thread_has_what_it_is_given() {
        let (tell, told) = channel();
        let (end, ended) = channel::<()>();
        begin("urgent", move || {
            let _ = tell.send(gettid());
            let _ = ended.recv();
        })
        .expect("a thread");
        let thread = told.recv().expect("its number");
        let stat = || {
            let path = format!("/proc/self/task/{thread}/stat");
            std::fs::read_to_string(path).expect("its state")
        };
        assert_eq!(Urgency::of(&stat()), None);
        let urgency = Urgency {
            policy: "--rr",
            priority: "3".to_owned(),
        };
        match urgency.give(thread) {
            Ok(()) => assert_eq!(Urgency::of(&stat()), Some(urgency)),
            Err(error) => {
                assert!(!nix::unistd::Uid::effective().is_root(), "{error}");
                assert_eq!(Urgency::of(&stat()), None, "who is not root gives nothing");
            }
        }
        drop(end);
    }
}
