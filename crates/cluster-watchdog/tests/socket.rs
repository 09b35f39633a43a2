//! A watchdog behind a socket, against a program that keeps one as the lab does.

use cluster_watchdog::{Choice, Problem, Watchdog};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How the program behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Says nothing.
    Mute,
    /// Refuses everything but a hello.
    Refusing,
    /// Waits for twice the time that it is told.
    Slow,
    /// Answers to the first pet that it is disarmed.
    Disarming,
    /// Ends a connection after each arm.
    HangingUp,
}

struct Fake {
    _directory: TempDir,
    path: PathBuf,
    heard: Receiver<String>,
}

impl Fake {
    fn new(manner: Manner) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("watchdog");
        let listener = UnixListener::bind(&path).expect("a socket");
        let (say, heard) = channel();
        // It ends with the test.
        thread::spawn(move || {
            let mut armed = None;
            for stream in listener.incoming() {
                serve(stream.expect("a connection"), manner, &mut armed, &say);
            }
        });
        Self {
            _directory: directory,
            path,
            heard,
        }
    }

    fn open(&self) -> Result<Watchdog, Problem> {
        open(&self.path)
    }

    fn heard(&self) -> String {
        let line = self.heard.recv_timeout(Duration::from_secs(5));
        line.expect("something was said")
    }
}

fn open(path: &Path) -> Result<Watchdog, Problem> {
    let choice = Choice::Socket {
        path: path.to_owned(),
        timeout: Duration::from_secs(5),
    };
    Watchdog::open(choice, None)
}

fn serve(mut stream: UnixStream, manner: Manner, armed: &mut Option<u64>, say: &Sender<String>) {
    let lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
    for line in lines.map_while(Result::ok) {
        let hung_up = manner == Manner::HangingUp && line.starts_with("arm");
        let refused = manner == Manner::Refusing && line != "hello";
        let disarming = manner == Manner::Disarming && line == "pet";
        let number = line
            .strip_prefix("arm ")
            .and_then(|ms| ms.parse::<u64>().ok());
        if let Some(ms) = number.filter(|_| !refused) {
            *armed = Some(if manner == Manner::Slow { 2 * ms } else { ms });
        }
        if line == "disarm" || disarming {
            *armed = None;
        }
        let answer = match armed {
            _ if refused => "error it is not yours".to_owned(),
            Some(ms) => format!("ok armed {ms}"),
            None => "ok disarmed".to_owned(),
        };
        let _ = say.send(line);
        if manner != Manner::Mute && writeln!(stream, "{answer}").is_err() {
            return;
        }
        if hung_up {
            return;
        }
    }
}

#[test]
fn it_is_armed_petted_and_disarmed() {
    let fake = Fake::new(Manner::Good);
    let mut watchdog = fake.open().expect("good");
    assert!(!watchdog.is_armed() && watchdog.descriptor().is_none());
    assert_eq!(fake.heard(), "hello");
    watchdog.pet().expect("nothing to do: it is not armed");
    watchdog.arm().expect("good");
    assert!(watchdog.is_armed());
    assert_eq!(watchdog.timeout(), Duration::from_secs(5));
    for _ in 0..100 {
        watchdog.pet().expect("good");
    }
    watchdog.disarm().expect("good");
    assert!(!watchdog.is_armed());
    watchdog.arm().expect("again");
    assert_eq!(fake.heard(), "arm 5000");
    for _ in 0..100 {
        assert_eq!(fake.heard(), "pet");
    }
    assert_eq!(fake.heard(), "disarm");
    assert_eq!(fake.heard(), "arm 5000");
}

#[test]
fn a_daemon_that_starts_anew_finds_it_armed() {
    let fake = Fake::new(Manner::Good);
    let mut watchdog = fake.open().expect("good");
    watchdog.arm().expect("good");
    drop(watchdog);
    let mut watchdog = fake.open().expect("good");
    assert!(watchdog.is_armed());
    watchdog.pet().expect("good");
    let lines: Vec<String> = (0..4).map(|_| fake.heard()).collect();
    assert_eq!(lines, ["hello", "arm 5000", "hello", "pet"]);
}

#[test]
fn nobody_there_and_one_who_says_nothing_are_named() {
    let problem = open(Path::new("/nowhere/watchdog")).expect_err("nobody");
    assert!(matches!(problem, Problem::Io { .. }), "{problem}");
    let began = Instant::now();
    let problem = Fake::new(Manner::Mute).open().expect_err("mute");
    assert!(matches!(problem, Problem::Io { .. }), "{problem}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_it_refuses_and_a_time_that_it_does_not_keep_are_named() {
    let fake = Fake::new(Manner::Refusing);
    let mut watchdog = fake.open().expect("good");
    let problem = watchdog.arm().expect_err("refused");
    assert!(problem.to_string().contains("it is not yours"), "{problem}");
    assert!(!watchdog.is_armed());
    let fake = Fake::new(Manner::Slow);
    let mut watchdog = fake.open().expect("good");
    let problem = watchdog.arm().expect_err("10 s are not 5 s");
    assert!(matches!(problem, Problem::Timeout { .. }), "{problem}");
    assert!(!watchdog.is_armed(), "disarmed again");
}

#[test]
fn one_that_was_disarmed_by_somebody_else_is_named() {
    let fake = Fake::new(Manner::Disarming);
    let mut watchdog = fake.open().expect("good");
    watchdog.arm().expect("good");
    let until = Instant::now() + Duration::from_secs(5);
    let problem = loop {
        assert!(Instant::now() < until, "never seen");
        if let Err(problem) = watchdog.pet() {
            break problem;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert!(matches!(problem, Problem::Disarmed { .. }), "{problem}");
    assert!(!watchdog.is_armed());
    // What runs here is not left without one.
    let _ = watchdog.pet();
    let told = std::iter::from_fn(|| Some(fake.heard()));
    let again = told.take(200).filter(|line| line == "arm 5000").nth(1);
    assert!(again.is_some(), "it is armed again");
}

#[test]
fn one_that_had_another_time_is_told_this_one() {
    let fake = Fake::new(Manner::Good);
    let mut watchdog = fake.open().expect("good");
    watchdog.arm().expect("good");
    drop(watchdog);
    let choice = Choice::Socket {
        path: fake.path.clone(),
        timeout: Duration::from_secs(2),
    };
    let mut watchdog = Watchdog::open(choice, None).expect("good");
    assert_eq!(watchdog.timeout(), Duration::from_secs(5));
    watchdog.pet().expect("good");
    let lines: Vec<String> = (0..4).map(|_| fake.heard()).collect();
    assert_eq!(lines, ["hello", "arm 5000", "hello", "arm 2000"]);
}

#[test]
fn a_connection_that_ended_is_made_again() {
    let fake = Fake::new(Manner::HangingUp);
    let mut watchdog = fake.open().expect("good");
    watchdog.arm().expect("good");
    assert_eq!(
        (fake.heard(), fake.heard()),
        ("hello".to_owned(), "arm 5000".to_owned())
    );
    // At most one is lost.
    let petted = (0..20).filter(|_| {
        thread::sleep(Duration::from_millis(5));
        watchdog.pet().is_ok()
    });
    assert!(petted.count() >= 19);
    assert_eq!(fake.heard(), "pet");
    assert!(watchdog.is_armed());
}

#[test]
fn one_that_does_not_read_holds_up_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("watchdog");
    let listener = UnixListener::bind(&path).expect("a socket");
    let keeper = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.write_all(b"ok armed 5000\n").expect("there");
        // Kept open, and never read.
        (listener, stream)
    });
    let mut watchdog = open(&path).expect("good");
    let _kept = keeper.join().expect("well");
    let mut failed = 0;
    for _ in 0..200_000 {
        let began = Instant::now();
        failed += u32::from(watchdog.pet().is_err());
        assert!(began.elapsed() < Duration::from_secs(1));
        if failed > 0 {
            break;
        }
    }
    assert_eq!(failed, 1, "at some time, nothing more fits");
}
