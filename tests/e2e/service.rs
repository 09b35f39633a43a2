//! What a client of the service sees, and whether two hosts ever held its
//! address together, watched while something else happens.

use crate::stage::{HOSTS, Stage, VIP};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(20);
/// How long one question may take: it bounds how exactly a gap is measured.
const LIMIT: Duration = Duration::from_millis(100);

/// What a client saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Good answers.
    pub(crate) good: usize,
    /// When and why there was none, with the time since the beginning.
    pub(crate) failures: Vec<(Duration, String)>,
    /// Longest time between two good answers.
    pub(crate) longest_gap: Duration,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} good answers, {} failures, longest gap {} ms",
            self.good,
            self.failures.len(),
            self.longest_gap.as_millis()
        )?;
        for (at, why) in self.failures.iter().take(5) {
            write!(f, "\n  after {:.3} s: {why}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

/// GETs a page from a client in the external network, every 20 ms.
pub(crate) struct Poller {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Seen>>,
}

impl Poller {
    /// The example's site.
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::of(stage, &format!("{VIP}:80"), "/health")
    }

    /// A page that says `ok`, at `address:port`.
    pub(crate) fn of(stage: &Stage, address: &str, path: &'static str) -> Self {
        let address: SocketAddr = address.parse().expect("an address and a port");
        let netns = stage
            .lab()
            .status()
            .expect("the lab says how it is")
            .clients
            .into_iter()
            .find(|client| client.name == "client-ext")
            .expect("a client in the external network")
            .netns;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let namespace = File::open(netns).expect("the client's namespace");
            nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)
                .expect("this thread joins the client's network");
            poll(&told, address, path)
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends it and tells what it saw.
    pub(crate) fn stop(mut self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take().expect("it is stopped once");
        thread.join().expect("the poller does not panic")
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn poll(stop: &AtomicBool, address: SocketAddr, path: &str) -> Seen {
    let begun = Instant::now();
    let mut seen = Seen::default();
    let mut last_good = None;
    while !stop.load(Ordering::SeqCst) {
        let asked = Instant::now();
        match ask(address, path) {
            Ok(()) => {
                seen.good += 1;
                let now = Instant::now();
                if let Some(before) = last_good {
                    seen.longest_gap = seen.longest_gap.max(now - before);
                }
                last_good = Some(now);
            }
            Err(why) => seen.failures.push((begun.elapsed(), why)),
        }
        std::thread::sleep(EVERY.saturating_sub(asked.elapsed()));
    }
    // A service that never came back was away until the end.
    if let Some(before) = last_good {
        seen.longest_gap = seen.longest_gap.max(before.elapsed());
    }
    seen
}

fn ask(address: SocketAddr, path: &str) -> Result<(), String> {
    let wrong = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(wrong)?;
    stream.set_read_timeout(Some(LIMIT * 5)).map_err(wrong)?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())
        .map_err(wrong)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(wrong)?;
    if answer.contains(" 200 ") && answer.contains("ok") {
        Ok(())
    } else {
        Err(answer.lines().next().unwrap_or("no answer").to_owned())
    }
}

/// Looks all the time whether two hosts have a virtual address together.
pub(crate) struct Guard {
    address: &'static str,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Duration>>>,
    looks: Arc<std::sync::atomic::AtomicUsize>,
}

impl Guard {
    /// The example's pair.
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::of(stage, HOSTS, VIP)
    }

    /// Two hosts and the address that one of them holds.
    pub(crate) fn of(
        stage: &Stage,
        [first, second]: [&'static str; 2],
        address: &'static str,
    ) -> Self {
        let lab = stage.lab().clone();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&looks);
        let wanted = address.parse().expect("an address");
        let has = move |host: &str| lab.has_address(host, wanted).unwrap_or(false);
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut both = Vec::new();
            while !told.load(Ordering::SeqCst) {
                // Two looks are not at one moment: the first host is asked
                // again, so that an address that moves is not taken for two.
                if has(first) && has(second) && has(first) {
                    both.push(begun.elapsed());
                }
                counter.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(15));
            }
            both
        });
        Self {
            address,
            stop,
            thread: Some(thread),
            looks,
        }
    }

    /// Ends it; fails the test if two hosts ever had the address together, or if
    /// it did not look.
    #[track_caller]
    pub(crate) fn never_two(mut self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let thread = self.thread.take().expect("it is stopped once");
        let both = thread.join().expect("the guard does not panic");
        assert!(
            both.is_empty(),
            "both hosts had {} at {both:?}",
            self.address
        );
        let looks = self.looks.load(Ordering::SeqCst);
        assert!(looks > 0, "nobody looked");
        looks
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}
