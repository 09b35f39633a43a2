//! How fast a cluster notices, and on which terms a node may hold resources.

use cluster_core::settings::Terms;
use serde::Deserialize;
use std::time::Duration;

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
}
