//! The end of this machine's run, at once.

use nix::sys::reboot::{RebootMode, reboot};
use std::path::Path;

/// What the kernel calls the first namespace of processes: `PROC_PID_INIT_INO` of
/// `linux/proc_ns.h`, 0xEFFF_FFFC, on every machine.
const FIRST: &str = "pid:[4026531836]";

/// Restarts this machine, without a farewell to anything. Comes back only if nothing did.
///
/// reboot(2) is not the first choice: before it restarts, it lets drivers of watchdogs
/// disarm them (`watchdog_stop_on_reboot`), and shuts down devices, for which it waits. A
/// storage that hangs, which may be why all this happens, would keep the machine up with
/// nothing to stop it. The key `b` of sysrq.rst restarts and asks nobody.
pub(super) fn at_once() {
    if is_a_machine(Path::new("/proc/self/ns/pid")) {
        let _ = std::fs::write("/proc/sysrq-trigger", "b");
    }
    // In a container this ends its first process, and with it all others: pid_namespaces(7).
    // The key would restart the machine that it is on.
    let _ = reboot(RebootMode::RB_AUTOBOOT);
}

/// What cannot be read is taken for a container: that restarts less.
fn is_a_machine(namespace: &Path) -> bool {
    std::fs::read_link(namespace).is_ok_and(|name| name == Path::new(FIRST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_in_the_first_namespace_of_processes_the_key_is_pressed() {
        let place = tempfile::tempdir().expect("a directory");
        let link = |name: &str| {
            let path = place.path().join(name);
            std::os::unix::fs::symlink(name, &path).expect("a link");
            path
        };
        assert!(is_a_machine(&link(FIRST)));
        assert!(!is_a_machine(&link("pid:[4026532001]")));
        assert!(!is_a_machine(&place.path().join("nothing")));
    }
}
