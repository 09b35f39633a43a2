//! Looks at the hosts, all the time, for a second holder of the address.

use super::project::{Pair, Project};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(200);

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How often all hosts were looked at.
    pub(crate) looks: usize,
    /// When two of them held it.
    pub(crate) twice: Vec<String>,
}

/// The lookout; it ends with this value.
#[derive(Debug)]
pub(crate) struct Lookout {
    seen: Arc<Mutex<Seen>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    pub(crate) fn start(project: &Project) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let done = Arc::new(AtomicBool::new(false));
        let (kept, over, project) = (Arc::clone(&seen), Arc::clone(&done), project.clone());
        let begun = Instant::now();
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let pairs = project.scene.pairs;
                let both = pairs.iter().find_map(|pair| together(&project, pair));
                let mut seen = kept.lock().unwrap_or_else(PoisonError::into_inner);
                seen.looks += 1;
                if let Some(hosts) = both {
                    let at = begun.elapsed().as_secs_f64();
                    seen.twice.push(format!("{hosts} at {at:.1} s"));
                }
                drop(seen);
                std::thread::sleep(PAUSE);
            }
        });
        Self {
            seen,
            done,
            thread: Some(thread),
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn together(project: &Project, pair: &Pair) -> Option<String> {
    both(pair.hosts, |host| project.holds(host, pair.address))
}

/// The hosts if both hold the address at one moment. They cannot be looked at
/// in one moment: an address that moves between two looks is seen twice though
/// it never was in two places, so the first is looked at again.
fn both([first, second]: [&str; 2], holds: impl Fn(&str) -> bool) -> Option<String> {
    (holds(first) && holds(second) && holds(first)).then(|| format!("{first} and {second}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    const HOSTS: [&str; 2] = ["zipi", "zape"];

    #[test]
    fn two_holders_are_found() {
        assert!(both(HOSTS, |_| true).is_some());
        assert!(both(HOSTS, |host| host == "zipi").is_none());
    }

    #[test]
    fn an_address_that_moves_is_not_in_two_places() {
        let looks = Cell::new(0);
        let moved = both(HOSTS, |_| {
            looks.set(looks.get() + 1);
            looks.get() < 3
        });
        assert_eq!(moved, None);
        assert_eq!(looks.get(), 3);
    }
}
