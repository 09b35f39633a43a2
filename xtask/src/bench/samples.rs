//! Times, and what of them is shown: the median, and the least and the most.

use std::time::Duration;

/// Times of one thing in several runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Samples(Vec<Duration>);

impl Samples {
    pub(super) fn add(&mut self, took: Duration) {
        self.0.push(took);
        self.0.sort_unstable();
    }

    /// The middle one, or the mean of the two in the middle.
    pub(super) fn median(&self) -> Option<Duration> {
        let middle = self.0.len() / 2;
        let upper = *self.0.get(middle)?;
        if self.0.len() % 2 == 1 {
            return Some(upper);
        }
        Some((self.0[middle - 1] + upper) / 2)
    }

    /// `1.31 s (1.28-1.40)`; a single run has no range.
    pub(super) fn text(&self) -> String {
        let Some(median) = self.median() else {
            return "-".to_owned();
        };
        match (self.0.first(), self.0.last()) {
            (Some(least), Some(most)) if self.0.len() > 1 => {
                format!(
                    "{} s ({}-{})",
                    seconds(median),
                    seconds(*least),
                    seconds(*most)
                )
            }
            _ => format!("{} s (one run)", seconds(median)),
        }
    }
}

/// Three digits that count.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 10.0 {
        format!("{seconds:.2}")
    } else {
        format!("{seconds:.1}")
    }
}

/// How many times the second fits into the first.
pub(super) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(ms: &[u64]) -> Samples {
        let mut samples = Samples::default();
        for &ms in ms {
            samples.add(Duration::from_millis(ms));
        }
        samples
    }

    #[test]
    fn the_median_is_not_moved_by_one_bad_run() {
        assert_eq!(samples(&[1300, 1280, 9000]).text(), "1.30 s (1.28-9.00)");
        assert_eq!(
            samples(&[1000, 2000]).median(),
            Some(Duration::from_millis(1500))
        );
    }

    #[test]
    fn what_was_measured_once_or_never_says_so() {
        assert_eq!(samples(&[88_000]).text(), "88.0 s (one run)");
        assert_eq!(Samples::default().text(), "-");
    }
}
