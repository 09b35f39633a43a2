//! Real time, which only the simulator knows, and the clocks that machines read.

use crate::random::micros;
use cluster_core::Time;
use serde::Serialize;
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in real time: microseconds since the simulation began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Moment(pub u64);

impl Moment {
    /// How long ago `earlier` was; nothing, if it was not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// So many seconds after the beginning.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:>4}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A machine's `CLOCK_BOOTTIME`: goes a little wrong, and stands still while the
/// machine is a guest that is paused with its clock.
#[derive(Clone, Debug)]
pub struct Clock {
    /// When it showed `reading`.
    anchor: Moment,
    /// Nanoseconds.
    reading: u64,
    /// How much too fast it goes, in millionths.
    ppm: i32,
    stands: bool,
}

impl Clock {
    /// A clock that shows `reading` now.
    pub fn new(now: Moment, reading: Duration, ppm: i32) -> Self {
        Self {
            anchor: now,
            reading: u64::try_from(reading.as_nanos()).unwrap_or(0),
            ppm,
            stands: false,
        }
    }

    /// Local nanoseconds in a real millisecond.
    fn rate(&self) -> u64 {
        1_000_000_u64.saturating_add_signed(i64::from(self.ppm))
    }

    fn nanos(&self, now: Moment) -> u64 {
        if self.stands {
            return self.reading;
        }
        // Local time must not depend on how often it was read: one product, from the anchor.
        let elapsed = u128::from(now.0.saturating_sub(self.anchor.0)) * u128::from(self.rate());
        self.reading + u64::try_from(elapsed / 1_000).unwrap_or(0)
    }

    /// What it shows.
    pub fn read(&self, now: Moment) -> Time {
        Time::since_boot(Duration::from_nanos(self.nanos(now)))
    }

    /// The first moment, not before `now`, at which it shows `time` or more.
    pub fn when(&self, time: Time, now: Moment) -> Moment {
        let wanted = u64::try_from(time.since(Time::default()).as_nanos()).unwrap_or(u64::MAX);
        let missing = u128::from(wanted.saturating_sub(self.reading)) * 1_000;
        let elapsed = u64::try_from(missing.div_ceil(u128::from(self.rate()))).unwrap_or(u64::MAX);
        now.max(Moment(self.anchor.0.saturating_add(elapsed)))
    }

    /// The real time in which it goes by so much.
    pub fn real(&self, span: Duration) -> Duration {
        let nanos = span.as_nanos() * 1_000_000 / u128::from(self.rate());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// It stands still from now on.
    pub fn stop(&mut self, now: Moment) {
        self.reading = self.nanos(now);
        self.anchor = now;
        self.stands = true;
    }

    /// It goes on from what it shows.
    pub fn go_on(&mut self, now: Moment) {
        if self.stands {
            self.anchor = now;
            self.stands = false;
        }
    }

    /// The machine was started: it shows how long that took.
    pub fn restart(&mut self, now: Moment, reading: Duration) {
        *self = Self::new(now, reading, self.ppm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_reaches_a_time_early_and_never_before_it_shows_it() {
        let start = Moment::from_secs(5);
        for ppm in [-500, 0, 137, 500] {
            let clock = Clock::new(start, Duration::from_secs(77), ppm);
            let wanted = Time::from_millis(87_000);
            let at = clock.when(wanted, start);
            assert!(clock.read(at) >= wanted);
            assert!(clock.read(Moment(at.0 - 1)) < wanted);
            assert_eq!(at < Moment::from_secs(15), ppm > 0);
        }
    }

    #[test]
    fn a_clock_that_stands_shows_the_same_and_goes_on_from_there() {
        let mut clock = Clock::new(Moment(0), Duration::ZERO, 0);
        clock.stop(Moment::from_secs(3));
        assert_eq!(clock.read(Moment::from_secs(9)), Time::from_millis(3_000));
        clock.go_on(Moment::from_secs(10));
        assert_eq!(clock.read(Moment::from_secs(11)), Time::from_millis(4_000));
    }
}
