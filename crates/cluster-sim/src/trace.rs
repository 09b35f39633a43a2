//! What happened in a run: a digest always, the words only when somebody reads them.

use crate::clock::Moment;
use std::collections::VecDeque;

/// The record of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    digest: u64,
    events: u64,
    keep: usize,
    lines: VecDeque<String>,
}

impl Trace {
    /// Keeps that many of the last lines.
    pub fn keeping(keep: usize) -> Self {
        Self {
            digest: 0xcbf2_9ce4_8422_2325,
            events: 0,
            keep,
            lines: VecDeque::new(),
        }
    }

    /// Something happened: numbers for the digest, words for the reader.
    pub fn say(&mut self, now: Moment, numbers: [u64; 3], words: impl FnOnce() -> String) {
        for number in [now.0, numbers[0], numbers[1], numbers[2]] {
            self.digest = (self.digest ^ number)
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(29);
        }
        self.events += 1;
        if self.keep > 0 {
            if self.lines.len() == self.keep {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{now} {}", words()));
        }
    }

    /// Equal for equal runs.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// How much happened.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last lines, oldest first.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.into()
    }
}
