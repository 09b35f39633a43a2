//! What a watchdog of this machine is worth: of a virtual machine that is paused, it is
//! paused too.

use crate::configuration::{Arbitration, ClusterFile};
use std::path::Path;

/// What says that this is known.
const ACCEPT: &str = "accept_pause_risk: true";

/// Is this a virtual machine? x86 tells by a flag that hypervisors set (CPUID 1, ECX bit 31);
/// of others, some by a node of the device tree. Of a container it says what its machine is.
pub(crate) fn is_guest() -> bool {
    let flagged = |text: String| {
        let mut lines = text.lines().filter(|line| line.starts_with("flags"));
        lines.any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
    };
    std::fs::read_to_string("/proc/cpuinfo").is_ok_and(flagged)
        || Path::new("/proc/device-tree/hypervisor").exists()
}

/// Where time alone decides, somebody who is paused for longer than a promise goes on when
/// it is resumed, until its watchdog fires. A watchdog outside of the machine, behind a
/// socket, is not paused with it.
pub(crate) fn risk(file: &ClusterFile, is_guest: bool) -> Option<String> {
    let path = file.watchdog.as_ref()?;
    let by_time = file.arbitration == Arbitration::Quorum && !file.accept_pause_risk;
    (by_time && is_guest && !super::run::is_socket(path)).then(|| {
        format!(
            "this is a virtual machine: whoever pauses it pauses its watchdog, and resumes what was taken over meanwhile; fence instead, or say `{ACCEPT}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(more: &str) -> ClusterFile {
        let text = format!(
            "cluster: web\nlinks: [hb]\nnodes:\n  \
             zipi: {{id: 1, addresses: {{hb: 10.77.1.11}}}}\n  \
             zape: {{id: 2, addresses: {{hb: 10.77.1.12}}}}\n\
             witnesses:\n  yoda: {{id: 3, addresses: {{hb: 10.77.1.13}}}}\n{more}"
        );
        ClusterFile::parse(&text, Path::new("cluster.yaml")).expect("a file")
    }

    #[test]
    fn a_guest_takes_over_by_time_only_if_somebody_says_that_it_may() {
        let device = file("watchdog: /dev/null\n");
        assert!(risk(&device, true).is_some_and(|why| why.contains(ACCEPT)));
        assert_eq!(risk(&device, false), None);
        let accepted = file("watchdog: /dev/null\naccept_pause_risk: true\n");
        assert_eq!(risk(&accepted, true), None);
        // It is not paused with the machine.
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("watchdog");
        let _socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let outside = file(&format!("watchdog: {}\n", path.display()));
        assert_eq!(risk(&outside, true), None);
    }
}
