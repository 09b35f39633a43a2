//! Running programs: own process group, clean environment, bounded output, no
//! shell. Only programs that may be interrupted get a timeout; rpm never.

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tandem_generation::CommandResult;

/// Output kept of each stream.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;
/// How long streams may stay open after the program itself is gone: a daemon
/// that it started may hold them for ever.
const STREAM_GRACE: Duration = Duration::from_millis(500);
/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit status; `None` after a signal.
    pub exit: Option<i32>,
    /// Signal that ended it.
    pub signal: Option<i32>,
    /// True when our timeout ended it.
    pub timed_out: bool,
    /// Standard output, bounded.
    pub stdout: String,
    /// Standard error, bounded.
    pub stderr: String,
}

impl Ended {
    /// Exit status 0.
    pub fn is_good(&self) -> bool {
        self.exit == Some(0)
    }

    /// `exit status 3`, `killed by signal 9`, `timed out`.
    pub fn how(&self) -> String {
        match (self.timed_out, self.exit, self.signal) {
            (true, _, _) => "timed out".into(),
            (_, Some(exit), _) => format!("exit status {exit}"),
            (_, _, Some(signal)) => format!("killed by signal {signal}"),
            _ => "ended in an unknown way".into(),
        }
    }

    /// Standard error, or standard output where there is none, for messages.
    pub fn said(&self) -> &str {
        let text = self.stderr.trim();
        if text.is_empty() {
            self.stdout.trim()
        } else {
            text
        }
    }
}

/// What limits a program's output and time.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The process group is killed after this long; `None`: never.
    pub timeout: Option<Duration>,
    /// Bytes kept of each stream.
    pub output_bytes: usize,
}

impl Bounds {
    /// For programs of ours that must not be interrupted and whose whole output
    /// counts (rpm).
    pub const UNINTERRUPTED: Self = Self {
        timeout: None,
        output_bytes: usize::MAX,
    };
}

/// Runs a program to its end.
pub fn run<S: AsRef<str>>(argv: &[S], bounds: Bounds) -> io::Result<Ended> {
    run_in(argv, Path::new("/"), bounds)
}

/// Runs a program to its end in a directory.
pub fn run_in<S: AsRef<str>>(argv: &[S], directory: &Path, bounds: Bounds) -> io::Result<Ended> {
    let mut child = command(argv)?
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = Tail::of(child.stdout.take(), bounds.output_bytes);
    let stderr = Tail::of(child.stderr.take(), bounds.output_bytes);
    let (status, timed_out) = wait(&mut child, bounds.timeout)?;
    let until = Instant::now() + STREAM_GRACE;
    Ok(Ended {
        exit: if timed_out { None } else { status.code() },
        signal: status.signal(),
        timed_out,
        stdout: stdout.text(until),
        stderr: stderr.text(until),
    })
}

/// A program in a clean environment and a process group of its own.
pub fn command<S: AsRef<str>>(argv: &[S]) -> io::Result<Command> {
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program is named"))?;
    let mut command = Command::new(program.as_ref());
    command
        .args(arguments.iter().map(AsRef::as_ref))
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .env("HOME", "/root")
        .env("SYSTEMD_PAGER", "")
        .env("SYSTEMD_COLORS", "0")
        .current_dir("/")
        .process_group(0);
    Ok(command)
}

/// Runs a program of the operator's, with its timeout; a failure to start is a
/// result too.
pub fn run_command(command: &tandem_generation::Command) -> CommandResult {
    let bounds = Bounds {
        timeout: Some(Duration::from_millis(command.timeout_ms)),
        output_bytes: OUTPUT_MAX_BYTES,
    };
    let (exit, stdout, stderr) = match run(&command.argv, bounds) {
        Ok(ended) if ended.timed_out => (
            None,
            ended.stdout,
            format!("killed after {} ms\n{}", command.timeout_ms, ended.stderr),
        ),
        Ok(ended) if ended.exit.is_none() => (
            None,
            ended.stdout.clone(),
            format!("{}\n{}", ended.how(), ended.stderr),
        ),
        Ok(ended) => (ended.exit, ended.stdout, ended.stderr),
        Err(cause) => (
            None,
            String::new(),
            format!(
                "cannot start {}: {cause}",
                command.argv.first().map_or("nothing", String::as_str)
            ),
        ),
    };
    CommandResult {
        name: command.name.clone(),
        exit,
        stdout,
        stderr,
    }
}

fn wait(child: &mut Child, timeout: Option<Duration>) -> io::Result<(ExitStatus, bool)> {
    let Some(timeout) = timeout else {
        return Ok((child.wait()?, false));
    };
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        let now = Instant::now();
        if now >= deadline {
            if let Ok(pid) = i32::try_from(child.id()) {
                // The group may be gone already; the wait below tells.
                let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
            }
            return Ok((child.wait()?, true));
        }
        std::thread::sleep(pause.min(deadline - now));
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// A stream being read by a thread: always drained, kept up to a bound.
struct Tail {
    kept: Arc<Mutex<Vec<u8>>>,
    done: mpsc::Receiver<()>,
}

impl Tail {
    fn of(stream: Option<impl Read + Send + 'static>, keep: usize) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let (tell, done) = mpsc::channel();
        let into = Arc::clone(&kept);
        std::thread::spawn(move || {
            let Some(mut stream) = stream else { return };
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read) = stream.read(&mut buffer) {
                if read == 0 {
                    break;
                }
                if let Ok(mut into) = into.lock() {
                    let room = keep.saturating_sub(into.len()).min(read);
                    into.extend_from_slice(&buffer[..room]);
                }
            }
            // The reader may have given up already.
            let _ = tell.send(());
        });
        Self { kept, done }
    }

    fn text(&self, until: Instant) -> String {
        // Either it is done, or what was read so far has to do.
        let _ = self
            .done
            .recv_timeout(until.saturating_duration_since(Instant::now()));
        self.kept
            .lock()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout_ms: u64) -> CommandResult {
        run_command(&tandem_generation::Command {
            name: "t".into(),
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            timeout_ms,
        })
    }

    #[test]
    fn a_timeout_kills_the_whole_group() {
        let start = Instant::now();
        let result = shell("sleep 30 & echo $!; wait", 200);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(result.exit, None);
        let pid = result.stdout.trim();
        std::thread::sleep(Duration::from_millis(50));
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z"), "{state}");
    }

    #[test]
    fn output_is_bounded_and_the_rest_is_drained() {
        let result = shell("head -c 1000000 /dev/zero | tr '\\0' x; exit 3", 10_000);
        assert_eq!(result.exit, Some(3));
        assert_eq!(result.stdout.len(), OUTPUT_MAX_BYTES);
    }

    #[test]
    fn a_daemon_left_behind_does_not_hold_us() {
        let start = Instant::now();
        let result = shell("sleep 5 & exit 0", 10_000);
        assert_eq!(result.exit, Some(0));
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_result_with_its_name() {
        let result = run_command(&tandem_generation::Command {
            name: "t".into(),
            argv: vec!["/no/such".into()],
            timeout_ms: 100,
        });
        assert_eq!(result.exit, None);
        assert!(result.stderr.contains("/no/such"));
    }
}
