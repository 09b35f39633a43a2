//! Descriptors that the service manager kept or opened for this daemon
//! (`sd_listen_fds_with_names(3)`, `FDSTORE=1` of `sd_notify(3)`).

use crate::kernel::take_descriptor;
use std::env;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first one: `SD_LISTEN_FDS_START`.
const FIRST: RawFd = 3;

/// More than systemd passes to anybody by default (`FileDescriptorStoreMax=`, sockets).
const COUNT_MAX: RawFd = 1024;

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The descriptors that were passed to this process, with their names (`unknown`, if they
/// have none). To be called once, before anything else is opened; a second call gets
/// none. The environment is left as it is: it is to be removed for children.
pub fn kept_descriptors() -> Vec<(String, OwnedFd)> {
    let variable = |name| env::var(name).unwrap_or_default();
    let numbers = passed(
        std::process::id(),
        &variable("LISTEN_PID"),
        &variable("LISTEN_FDS"),
        &variable("LISTEN_FDNAMES"),
    );
    if numbers.is_empty() || TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    numbers
        .into_iter()
        .filter_map(|(name, number)| Some((name, take_descriptor(number)?)))
        .collect()
}

/// What the environment says.
fn passed(me: u32, pid: &str, count: &str, names: &str) -> Vec<(String, RawFd)> {
    let count: RawFd = match (pid.parse::<u32>(), count.parse()) {
        (Ok(pid), Ok(count)) if pid == me && (0..=COUNT_MAX).contains(&count) => count,
        _ => return Vec::new(),
    };
    let mut names = names.split(':').filter(|name| !name.is_empty());
    (FIRST..FIRST + count)
        .map(|number| (names.next().unwrap_or("unknown").to_owned(), number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_passed_to_this_process_is_taken() {
        let named = |name: &str, number| (name.to_owned(), number);
        let two = [named("watchdog", 3), named("stored", 4)];
        assert_eq!(passed(7, "7", "2", "watchdog:stored"), two);
        assert_eq!(passed(7, "7", "2", "a")[1], named("unknown", 4));
        assert!(passed(7, "8", "2", "a:b").is_empty(), "the parent's");
        for (pid, count) in [
            ("", ""),
            ("7", ""),
            ("7", "-1"),
            ("7", "99999999"),
            ("x", "1"),
        ] {
            assert!(passed(7, pid, count, "").is_empty(), "{pid} {count}");
        }
    }
}
