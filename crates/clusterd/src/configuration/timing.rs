//! How fast a cluster notices, and on which terms a node may hold resources.

use cluster_core::settings::Terms;
use serde::Deserialize;
use std::time::Duration;

/// A longer time is a slip of the pen; and sums of it stay numbers.
const LONGEST_MS: u64 = 3_600_000;

/// A clock that goes so wrong is none.
const DRIFT_MAX: u32 = 100_000;

/// Refuses times that cannot be meant.
pub(super) fn longest(place: &str, name: &str, ms: u64, problems: &mut Vec<String>) {
    if ms > LONGEST_MS {
        problems.push(format!("{place}: {name}: {ms} is more than an hour"));
    }
}

/// Milliseconds, all of them. What a takeover without fencing takes at most is the sum of
/// `lease`, `stop` and `watchdog`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TimingFile {
    /// Between two heartbeats.
    pub(crate) keepalive_ms: u64,
    /// Silence after which a peer is not there.
    pub(crate) deadtime_ms: u64,
    /// How long a node may run resources without another word of the others.
    pub(crate) lease_ms: u64,
    /// How long it may take, after that, to stop everything before it resets itself.
    pub(crate) stop_ms: u64,
    /// How long the watchdog waits; whole seconds, if it is a device.
    pub(crate) watchdog_ms: u64,
    /// How much faster or slower one machine's clock may go than another's, in millionths.
    pub(crate) drift_ppm: u32,
    /// Added to every promise.
    pub(crate) margin_ms: u64,
}

impl Default for TimingFile {
    fn default() -> Self {
        Self {
            keepalive_ms: 250,
            deadtime_ms: 1_000,
            lease_ms: 5_000,
            stop_ms: 3_000,
            watchdog_ms: 2_000,
            drift_ppm: 1_000,
            margin_ms: 100,
        }
    }
}

impl TimingFile {
    pub(crate) fn keepalive(&self) -> Duration {
        Duration::from_millis(self.keepalive_ms)
    }

    pub(crate) fn deadtime(&self) -> Duration {
        Duration::from_millis(self.deadtime_ms)
    }

    pub(crate) fn watchdog(&self) -> Duration {
        Duration::from_millis(self.watchdog_ms)
    }

    /// `watchdog` as the device says that it waits.
    pub(crate) fn terms(&self, watchdog: Duration) -> Terms {
        Terms {
            lease: Duration::from_millis(self.lease_ms),
            stop: Duration::from_millis(self.stop_ms),
            watchdog,
            drift_ppm: self.drift_ppm,
            margin: Duration::from_millis(self.margin_ms),
        }
    }

    pub(super) fn problems(&self, problems: &mut Vec<String>) {
        let times = [
            ("keepalive_ms", self.keepalive_ms),
            ("deadtime_ms", self.deadtime_ms),
            ("lease_ms", self.lease_ms),
            ("stop_ms", self.stop_ms),
            ("watchdog_ms", self.watchdog_ms),
            ("margin_ms", self.margin_ms),
        ];
        let before = problems.len();
        for (name, ms) in times {
            longest("timing", name, ms, problems);
        }
        if self.drift_ppm > DRIFT_MAX {
            problems.push(format!("timing: drift_ppm: at most {DRIFT_MAX}"));
        }
        // Nothing can be said of sums of such times.
        if problems.len() > before {
            return;
        }
        if self.keepalive_ms < 20 {
            problems.push("timing: keepalive_ms: at least 20".to_owned());
        }
        if self.deadtime_ms < self.keepalive_ms * 3 {
            problems.push(format!(
                "timing: deadtime_ms: {} is less than three heartbeats: one lost packet would look like a death",
                self.deadtime_ms
            ));
        }
        // An election takes up to one and a half deadtimes, and there may have to be two.
        if self.lease_ms < self.deadtime_ms * 3 {
            problems.push(format!(
                "timing: lease_ms: {} is less than three times the deadtime: an election would end every lease",
                self.lease_ms
            ));
        }
        if self.stop_ms < 100 || self.watchdog_ms < 100 {
            problems.push("timing: stop_ms and watchdog_ms: at least 100".to_owned());
        }
        if self.watchdog_ms < self.keepalive_ms * 3 {
            problems.push(format!(
                "timing: watchdog_ms: {} is less than three heartbeats: it is petted with each of them",
                self.watchdog_ms
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_by_default_is_good_and_haste_is_refused() {
        let mut problems = Vec::new();
        TimingFile::default().problems(&mut problems);
        assert_eq!(problems, Vec::<String>::new());
        let hasty = TimingFile {
            deadtime_ms: 400,
            lease_ms: 900,
            watchdog_ms: 300,
            ..TimingFile::default()
        };
        hasty.problems(&mut problems);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }

    #[test]
    fn times_that_nobody_can_mean_are_refused_before_they_are_added_up() {
        let mut problems = Vec::new();
        let endless = TimingFile {
            keepalive_ms: u64::MAX,
            lease_ms: u64::MAX,
            drift_ppm: u32::MAX,
            ..TimingFile::default()
        };
        endless.problems(&mut problems);
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("keepalive_ms"), "{problems:?}");
    }
}
