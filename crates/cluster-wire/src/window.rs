//! Which counters of a session were heard: nothing is taken twice (RFC 4303, section
//! 3.4.3, has the idea).

/// How far behind the highest counter one may be and still be taken. A message of
/// 1 MiB is some 830 datagrams, and links may be of different speed.
pub(crate) const WINDOW: u64 = 4096;

const WORDS: usize = (WINDOW / 64) as usize;

/// The counters that were heard, as far as they are remembered.
#[derive(Debug)]
pub(crate) struct Window {
    highest: u64,
    /// One bit for each counter of the last `WINDOW`, at its place modulo `WINDOW`.
    heard: Box<[u64; WORDS]>,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            highest: 0,
            heard: Box::new([0; WORDS]),
        }
    }

    /// The highest counter that was heard; 0: none was.
    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    /// Notes a counter. False: it was heard before, or is too old to know.
    pub(crate) fn take(&mut self, counter: u64) -> bool {
        if counter == 0 || self.highest.saturating_sub(counter) >= WINDOW {
            return false;
        }
        if counter > self.highest {
            self.forget_up_to(counter);
        }
        let (word, bit) = place(counter);
        let new = self.heard[word] & bit == 0;
        self.heard[word] |= bit;
        new
    }

    /// Makes place: those between the highest so far and `counter` were not heard.
    fn forget_up_to(&mut self, counter: u64) {
        if counter - self.highest >= WINDOW {
            self.heard.fill(0);
        } else {
            for between in self.highest + 1..=counter {
                let (word, bit) = place(between);
                self.heard[word] &= !bit;
            }
        }
        self.highest = counter;
    }
}

fn place(counter: u64) -> (usize, u64) {
    let place = counter % WINDOW;
    // Less than `WORDS`.
    let word = usize::try_from(place / 64).unwrap_or_default();
    (word, 1 << (place % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_too_old_to_know_is_refused() {
        let mut window = Window::new();
        assert!(!window.take(0));
        assert!(window.take(WINDOW + 1));
        assert!(!window.take(1));
        assert!(window.take(2));
        assert!(window.take(u64::MAX));
        assert!(!window.take(WINDOW));
        assert_eq!(window.highest(), u64::MAX);
    }

    proptest! {
        #[test]
        fn a_window_is_a_set_of_what_was_heard(
            jumps in prop::collection::vec((any::<bool>(), 0..3 * WINDOW / 2), 1..400),
        ) {
            let (mut window, mut heard) = (Window::new(), BTreeSet::new());
            for (ahead, by) in jumps {
                let highest = window.highest();
                let counter = if ahead { highest + by % 70 } else { highest.saturating_sub(by) };
                let known = counter == 0 || highest.saturating_sub(counter) >= WINDOW;
                prop_assert_eq!(window.take(counter), !known && heard.insert(counter));
            }
        }
    }
}
