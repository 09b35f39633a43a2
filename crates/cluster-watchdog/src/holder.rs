//! Which process has a device open: to open it would tell, and would arm it.

use nix::libc::dev_t;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The first other process that has one of the character devices open, as an operator
/// knows it. What may not be looked at is left out: only root sees all.
pub(crate) fn holder(devices: &[dev_t]) -> Option<String> {
    let me = std::process::id();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let name = process.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if number != me && holds(&process.path(), devices) {
            let command = fs::read_to_string(process.path().join("comm"));
            let command = command.unwrap_or_default();
            return Some(format!("{} (process {number})", command.trim()));
        }
    }
    None
}

fn holds(process: &Path, devices: &[dev_t]) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::metadata(descriptor.path()).ok())
        .any(|open| open.file_type().is_char_device() && devices.contains(&open.rdev()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn who_has_a_device_open_is_named() {
        let full = fs::metadata("/dev/full").expect("there").rdev();
        let mut other = Command::new("sleep")
            .arg("60")
            .stdin(fs::File::open("/dev/full").expect("there"))
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        // Until it has become `sleep`.
        let named = format!("sleep (process {})", other.id());
        let found = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            holder(&[full]).is_some_and(|found| found == named)
        });
        other.kill().expect("runs");
        other.wait().expect("ended");
        assert!(found);
        assert_eq!(holder(&[]), None);
    }
}
