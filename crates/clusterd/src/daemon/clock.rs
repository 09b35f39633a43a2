//! The clock of the daemon.

use cluster_core::Time;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// `CLOCK_BOOTTIME` (`clock_gettime(2)`): it goes on while the machine sleeps, and nobody
/// can set it.
pub(crate) fn now() -> Time {
    // It is there since Linux 2.6.39; without it nothing here can be right.
    let read = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has CLOCK_BOOTTIME");
    Time::since_boot(Duration::from(read))
}
