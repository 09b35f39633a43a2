//! What the kernel has to give for so many hosts on one machine.

use crate::error::{Error, Result};
use std::fs;

/// `inotify(7)`: instances that one user may have, containers' root included.
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";
/// Counted on a host that runs: systemd, its journal, udev, D-Bus, logins, cron.
const PER_HOST: usize = 8;

/// Refuses a lab whose hosts would hang in the middle of their boot, with messages that
/// name everything but the cause.
pub(crate) fn check_inotify(hosts: usize) -> Result<()> {
    let limit = fs::read_to_string(INSTANCES);
    // A kernel that does not say has no such limit.
    let limit = limit.ok().and_then(|text| text.trim().parse().ok());
    compare(hosts, limit.unwrap_or(usize::MAX))
}

fn compare(hosts: usize, limit: usize) -> Result<()> {
    let wanted = hosts * PER_HOST;
    if wanted <= limit {
        return Ok(());
    }
    Err(Error::TooFewInotifyInstances {
        hosts,
        wanted,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_hosts_as_a_kernel_allows_and_no_more() {
        assert!(compare(16, 128).is_ok());
        let error = compare(64, 128).expect_err("too many");
        let said = error.to_string();
        assert!(said.contains("64 hosts") && said.contains("128"), "{said}");
        assert!(said.contains("fs.inotify.max_user_instances=512"), "{said}");
    }
}
