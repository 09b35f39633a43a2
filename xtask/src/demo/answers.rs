//! What the client heard, and how long the service was away.

use std::time::Duration;

/// One request and what became of it. Times are microseconds since 1970: the
/// client is a process of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) begun_us: u64,
    pub(crate) ended_us: u64,
    /// Who answered, and with what version of the site; or why nobody did.
    pub(crate) outcome: Result<Page, String>,
}

/// A good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) node: String,
    pub(crate) version: String,
}

impl Answer {
    /// One line for the pipe between the two processes.
    pub(crate) fn to_line(&self) -> String {
        let (begun, ended) = (self.begun_us, self.ended_us);
        match &self.outcome {
            Ok(page) => format!("{begun} {ended} good {} {}", page.node, page.version),
            Err(reason) => format!("{begun} {ended} bad {reason}"),
        }
    }

    /// Reads such a line.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, ' ');
        let begun_us = words.next()?.parse().ok()?;
        let ended_us = words.next()?.parse().ok()?;
        let kind = words.next()?;
        let rest = words.next()?;
        let outcome = match kind {
            "good" => {
                let (node, version) = rest.split_once(' ')?;
                Ok(Page {
                    node: node.to_owned(),
                    version: version.to_owned(),
                })
            }
            "bad" => Err(rest.to_owned()),
            _ => return None,
        };
        Some(Self {
            begun_us,
            ended_us,
            outcome,
        })
    }
}

/// What happened within a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measure {
    pub(crate) asked: usize,
    pub(crate) failed: usize,
    /// Sum of the times from one good answer to the next in which a request
    /// failed.
    pub(crate) away: Duration,
    /// The longest of them.
    pub(crate) longest: Duration,
    /// How many there were.
    pub(crate) times: usize,
    /// Why requests failed, first of each kind.
    pub(crate) reasons: Vec<String>,
}

/// Measures the requests that were begun between two times.
pub(crate) fn measure(answers: &[Answer], from_us: u64, to_us: u64) -> Measure {
    let mut within: Vec<&Answer> = answers
        .iter()
        .filter(|answer| (from_us..=to_us).contains(&answer.begun_us))
        .collect();
    within.sort_by_key(|answer| answer.begun_us);
    let mut result = Measure {
        asked: within.len(),
        ..Measure::default()
    };
    let mut good: Vec<u64> = within
        .iter()
        .filter(|answer| answer.outcome.is_ok())
        .map(|answer| answer.ended_us)
        .collect();
    // Before the first and after the last good answer there was nothing better.
    good.extend([from_us, to_us]);
    good.sort_unstable();
    let mut gaps: Vec<(u64, u64)> = Vec::new();
    for answer in within {
        let Err(reason) = &answer.outcome else {
            continue;
        };
        result.failed += 1;
        if !result.reasons.contains(reason) {
            result.reasons.push(reason.clone());
        }
        let after = good.partition_point(|&at| at <= answer.begun_us);
        let end = good.get(after).copied().unwrap_or(to_us);
        let begin = after
            .checked_sub(1)
            .and_then(|before| good.get(before).copied())
            .unwrap_or(from_us);
        if gaps.last() != Some(&(begin, end)) {
            gaps.push((begin, end));
        }
    }
    result.times = gaps.len();
    let lengths = || {
        gaps.iter()
            .map(|(begin, end)| Duration::from_micros(end.saturating_sub(*begin)))
    };
    result.away = lengths().sum();
    result.longest = lengths().max().unwrap_or_default();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(begun_ms: u64) -> Answer {
        Answer {
            begun_us: begun_ms * 1000,
            ended_us: begun_ms * 1000 + 1000,
            outcome: Ok(Page {
                node: "zipi".to_owned(),
                version: "1.0.0".to_owned(),
            }),
        }
    }

    fn bad(begun_ms: u64) -> Answer {
        Answer {
            begun_us: begun_ms * 1000,
            ended_us: begun_ms * 1000 + 300_000,
            outcome: Err("timed out".to_owned()),
        }
    }

    #[test]
    fn lines_come_back_as_they_were() {
        for answer in [good(5), bad(7)] {
            assert_eq!(Answer::of_line(&answer.to_line()), Some(answer));
        }
        assert_eq!(Answer::of_line("1 2 odd x"), None);
        assert_eq!(Answer::of_line("1 2 good zipi"), None);
    }

    #[test]
    fn nothing_failed_nothing_was_away() {
        let answers: Vec<Answer> = (0..10).map(|at| good(at * 20)).collect();
        let measure = measure(&answers, 0, 200_000);
        assert_eq!((measure.asked, measure.failed, measure.times), (10, 0, 0));
        assert_eq!(measure.away, Duration::ZERO);
    }

    #[test]
    fn away_is_from_the_last_good_answer_to_the_next() {
        // Answers at 21 ms and 101 ms, with failures in between.
        let answers = [good(0), good(20), bad(40), bad(60), bad(80), good(100)];
        let measure = measure(&answers, 0, 120_000);
        assert_eq!((measure.failed, measure.times), (3, 1));
        assert_eq!(measure.away, Duration::from_millis(80));
    }

    #[test]
    fn two_interruptions_are_two() {
        let answers = [
            good(0),
            bad(20),
            good(40),
            good(60),
            bad(80),
            bad(100),
            good(120),
        ];
        let measure = measure(&answers, 0, 140_000);
        assert_eq!(measure.times, 2);
        assert_eq!(measure.longest, Duration::from_millis(60));
        assert_eq!(measure.away, Duration::from_millis(100));
    }

    #[test]
    fn a_service_that_does_not_come_back_is_away_to_the_end() {
        let answers = [good(0), bad(20), bad(40)];
        let measure = measure(&answers, 0, 500_000);
        assert_eq!(measure.away, Duration::from_millis(499));
    }
}
