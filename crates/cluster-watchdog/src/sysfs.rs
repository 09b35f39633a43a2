//! What the kernel tells of a watchdog without it being opened, because opening arms it:
//! `Documentation/ABI/testing/sysfs-class-watchdog`. Kernels leave out what they do not
//! know, and all of it, if they were built so.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of `/dev/watchdog`, which is the same as `/dev/watchdog0`
/// (`Documentation/admin-guide/devices.txt`).
const FIRST_WATCHDOG: (u64, u64) = (10, 130);

/// Where sysfs is.
#[derive(Debug)]
pub(crate) struct Sysfs {
    root: PathBuf,
}

impl Default for Sysfs {
    fn default() -> Self {
        Self {
            root: "/sys".into(),
        }
    }
}

/// What is said of a device.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing: there is no sysfs, or it does not know the device.
    Nothing,
    /// It belongs to another subsystem.
    NoWatchdog(String),
    /// What is where.
    Watchdog(Attributes),
}

/// The directory of a watchdog.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    directory: PathBuf,
}

impl Sysfs {
    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    /// Looks a character device up by its number.
    pub(crate) fn look_up(&self, major: u64, minor: u64) -> Said {
        if (major, minor) == FIRST_WATCHDOG {
            let first = self.root.join("class/watchdog/watchdog0");
            return attributes(&first).map_or(Said::Nothing, Said::Watchdog);
        }
        let link = self.root.join(format!("dev/char/{major}:{minor}"));
        let Ok(subsystem) = fs::canonicalize(link.join("subsystem")) else {
            return Said::Nothing;
        };
        if subsystem.file_name().is_none_or(|name| name != "watchdog") {
            return Said::NoWatchdog(subsystem.display().to_string());
        }
        attributes(&link).map_or(Said::Nothing, Said::Watchdog)
    }
}

fn attributes(link: &Path) -> Option<Attributes> {
    let directory = fs::canonicalize(link).ok()?;
    Some(Attributes { directory })
}

impl Attributes {
    fn text(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.directory.join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds = self.text(name)?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// What it calls itself.
    pub(crate) fn identity(&self) -> Option<String> {
        self.text("identity")
    }

    /// Is it armed?
    pub(crate) fn is_active(&self) -> Option<bool> {
        match self.text("state")?.as_str() {
            "active" => Some(true),
            "inactive" => Some(false),
            _ => None,
        }
    }

    /// How long it waits as it is set now.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.seconds("timeout")
    }

    /// The shortest and longest time that it can wait; zero: it does not say.
    pub(crate) fn timeouts(&self) -> (Duration, Duration) {
        let of = |name| self.seconds(name).unwrap_or_default();
        (of("min_timeout"), of("max_timeout"))
    }

    /// Can it never be disarmed?
    pub(crate) fn no_way_out(&self) -> bool {
        self.text("nowayout").is_some_and(|text| text == "1")
    }

    /// What it can do: `WDIOF_*`.
    pub(crate) fn options(&self) -> Option<u32> {
        let text = self.text("options")?;
        u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()
    }

    /// Is it a timer of the kernel, and no part of the machine?
    pub(crate) fn is_virtual(&self) -> bool {
        self.directory
            .components()
            .any(|part| part.as_os_str() == "virtual")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_watchdog_is_found_by_number_and_anything_else_is_not_one() {
        let root = tempfile::tempdir().expect("a directory");
        let at = |path: &str| root.path().join(path);
        for path in [
            "devices/virtual/watchdog/watchdog0",
            "class/watchdog",
            "class/mem",
            "dev/char/1:3",
        ] {
            fs::create_dir_all(at(path)).expect("space");
        }
        let device = at("devices/virtual/watchdog/watchdog0");
        symlink(at("class/watchdog"), device.join("subsystem")).expect("space");
        symlink(at("class/mem"), at("dev/char/1:3/subsystem")).expect("space");
        symlink(&device, at("class/watchdog/watchdog0")).expect("space");
        symlink(&device, at("dev/char/249:0")).expect("space");
        for (name, text) in [
            ("state", "active\n"),
            ("identity", "Software Watchdog\n"),
            ("timeout", "60\n"),
            ("nowayout", "0\n"),
            ("options", "0x8180\n"),
            ("max_timeout", "65535\n"),
        ] {
            fs::write(device.join(name), text).expect("space");
        }
        let sysfs = Sysfs::at(root.path());
        let Said::Watchdog(found) = sysfs.look_up(249, 0) else {
            panic!("not found");
        };
        assert_eq!(
            sysfs.look_up(10, 130),
            Said::Watchdog(attributes(&device).expect("there"))
        );
        assert_eq!(found.identity().as_deref(), Some("Software Watchdog"));
        assert_eq!(found.is_active(), Some(true));
        assert_eq!(found.timeout(), Some(Duration::from_secs(60)));
        assert_eq!(
            found.timeouts(),
            (Duration::ZERO, Duration::from_secs(65_535))
        );
        assert_eq!(found.options(), Some(0x8180));
        assert!(found.is_virtual() && !found.no_way_out());
        assert!(matches!(sysfs.look_up(1, 3), Said::NoWatchdog(_)));
        assert_eq!(sysfs.look_up(249, 1), Said::Nothing);
    }
}
