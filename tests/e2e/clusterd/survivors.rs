//! Looks all the time whether both nodes of a pair are off.

use crate::stage::{HOSTS, Stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tandem_lab::HostState;

/// Between two looks. Nobody comes back by itself: what is off at one look would be at
/// the next one.
const EVERY: Duration = Duration::from_millis(50);

/// Until it is asked what it saw.
pub(super) struct Survivors {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<Duration>)>,
}

impl Survivors {
    /// Of the example's pair.
    pub(super) fn start(stage: &Stage) -> Self {
        let lab = stage.lab().clone();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let (mut looks, mut none) = (0, Vec::new());
            while !told.load(Ordering::SeqCst) {
                if let Ok(status) = lab.status() {
                    let mut hosts = status.hosts.iter();
                    let off = |host: &tandem_lab::HostStatus| {
                        HOSTS.contains(&host.name.as_str()) && host.state == HostState::PoweredOff
                    };
                    looks += 1;
                    if hosts.all(off) {
                        none.push(begun.elapsed());
                    }
                }
                std::thread::sleep(EVERY);
            }
            (looks, none)
        });
        Self { stop, thread }
    }

    /// Ends it; fails the test if both were ever off, or if it did not look.
    #[track_caller]
    pub(super) fn always_one(self) {
        self.stop.store(true, Ordering::SeqCst);
        let (looks, none) = self.thread.join().expect("it does not panic");
        assert!(none.is_empty(), "both nodes were off at {none:?}");
        assert!(looks > 0, "nobody looked");
    }
}
