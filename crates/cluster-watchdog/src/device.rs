//! A watchdog device of the kernel (`Documentation/watchdog/watchdog-api.rst`): opening
//! arms it, and closing it without a `V` before leaves it armed.

use crate::holder::holder;
use crate::kernel;
use crate::problem::Problem;
use crate::sysfs::{Attributes, Said, Sysfs};
use nix::errno::Errno;
use nix::libc::{c_int, dev_t, major, makedev, minor};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

// `WDIOF_*` of `linux/watchdog.h`.
const SETS_TIMEOUT: u32 = 0x0080;
const MAGIC_CLOSE: u32 = 0x0100;
const ALARM_ONLY: u32 = 0x0400;
const KEEPS_ALIVE: u32 = 0x8000;

/// softdog's name of itself.
pub const SOFTDOG: &str = "Software Watchdog";

/// A device.
#[derive(Debug)]
pub(crate) struct Device {
    path: PathBuf,
    /// What it is to be told.
    seconds: c_int,
    /// What it said, once it was armed here.
    read_back: Option<Duration>,
    /// Open: armed.
    file: Option<File>,
    /// Armed by an earlier daemon, whose descriptor is lost.
    left_armed: bool,
    identity: Option<String>,
    attributes: Option<Attributes>,
}

impl Device {
    /// Looks at it without opening it.
    pub(crate) fn open(
        path: PathBuf,
        timeout: Duration,
        kept: Option<OwnedFd>,
        sysfs: &Sysfs,
    ) -> Result<Self, Problem> {
        let number = number(&path)?;
        let not_one = |what| Problem::NotAWatchdog {
            path: path.clone(),
            what,
        };
        let attributes = match sysfs.look_up(u64::from(major(number)), u64::from(minor(number))) {
            Said::Watchdog(attributes) => Some(attributes),
            Said::NoWatchdog(subsystem) => {
                return Err(not_one(format!("it belongs to {subsystem}")));
            }
            Said::Nothing => None,
        };
        let mut device = Self::new(path, timeout, attributes);
        if let Some(kept) = kept {
            device.take_over(kept, number)?;
            return Ok(device);
        }
        device.check()?;
        if let Some(holder) = holder(&same_device(number)) {
            let path = device.path;
            return Err(Problem::Busy { path, holder });
        }
        device.left_armed = device.is_active() == Some(true);
        if device.left_armed {
            device.read_back = device.attributes.as_ref().and_then(Attributes::timeout);
        }
        Ok(device)
    }

    fn new(path: PathBuf, timeout: Duration, attributes: Option<Attributes>) -> Self {
        Self {
            seconds: seconds(timeout),
            read_back: None,
            file: None,
            left_armed: false,
            identity: attributes.as_ref().and_then(Attributes::identity),
            attributes,
            path,
        }
    }

    /// What it says of itself without being opened has to fit.
    fn check(&self) -> Result<(), Problem> {
        let Some(attributes) = &self.attributes else {
            return Ok(());
        };
        if attributes.no_way_out() {
            return Err(self.unfit(
                "it can never be disarmed (nowayout); load its driver with nowayout=0".to_owned(),
            ));
        }
        if let Some(options) = attributes.options() {
            self.check_options(options)?;
        }
        let (shortest, longest) = attributes.timeouts();
        let asked = self.asked();
        if asked < shortest || (longest > Duration::ZERO && asked > longest) {
            return Err(self.unfit(format!(
                "it waits {shortest:?} to {longest:?}, not {asked:?}; configure a time between"
            )));
        }
        Ok(())
    }

    fn check_options(&self, options: u32) -> Result<(), Problem> {
        for (option, what) in [
            (KEEPS_ALIVE, "it cannot be petted"),
            (SETS_TIMEOUT, "its time cannot be set"),
            (
                MAGIC_CLOSE,
                "it is disarmed when a daemon ends, however it ends",
            ),
        ] {
            if options & option == 0 {
                return Err(self.unfit(format!("{what}; use another one")));
            }
        }
        if options & ALARM_ONLY != 0 {
            let what = "it gives an alarm and resets nothing; use another one";
            return Err(self.unfit(what.to_owned()));
        }
        Ok(())
    }

    /// Goes on with what an earlier daemon armed, and pets it no more often than it did.
    fn take_over(&mut self, kept: OwnedFd, number: dev_t) -> Result<(), Problem> {
        let file = File::from(kept);
        let same = file.metadata().is_ok_and(|metadata| {
            metadata.file_type().is_char_device() && same_device(number).contains(&metadata.rdev())
        });
        let other = || Problem::KeptOther {
            path: self.path.clone(),
        };
        let support = kernel::get_support(file.as_fd());
        let support = support.ok().filter(|_| same).ok_or_else(other)?;
        let seconds = kernel::get_timeout(file.as_fd());
        let seconds = seconds.map_err(|error| self.io("read its time", error))?;
        self.identity = Some(support.identity());
        self.read_back = Some(duration(seconds));
        self.file = Some(file);
        Ok(())
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.file.is_some() || self.left_armed
    }

    pub(crate) fn is_soft(&self) -> bool {
        self.identity().is_some_and(|identity| identity == SOFTDOG)
            || self.attributes.as_ref().is_some_and(Attributes::is_virtual)
    }

    pub(crate) fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.read_back.unwrap_or_else(|| self.asked())
    }

    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    pub(crate) fn arm(&mut self) -> Result<(), Problem> {
        if self.file.is_some() {
            return self.pet();
        }
        self.start()?;
        let set = self.set_up();
        if set.is_err() {
            // What was wrong with it is the news. It stays armed if this fails, too.
            let _ = self.disarm();
        }
        set
    }

    /// Opens it, which arms it.
    fn start(&mut self) -> Result<(), Problem> {
        let file = OpenOptions::new().write(true).open(&self.path);
        let file = file.map_err(|source| match Errno::try_from(source) {
            Ok(Errno::EBUSY) => Problem::Busy {
                path: self.path.clone(),
                holder: "another process".to_owned(),
            },
            Ok(error) => self.io("open it", error),
            Err(source) => Problem::Io {
                path: self.path.clone(),
                attempt: "open it",
                source,
            },
        })?;
        self.file = Some(file);
        self.left_armed = false;
        Ok(())
    }

    fn set_up(&mut self) -> Result<(), Problem> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let device = file.as_fd();
        let support = kernel::get_support(device);
        let support = support.map_err(|error| self.io("ask what it is", error))?;
        self.check_options(support.options)?;
        let set = kernel::set_timeout(device, self.seconds);
        set.map_err(|error| self.io("set its time", error))?;
        let got = kernel::get_timeout(device);
        let got = duration(got.map_err(|error| self.io("read its time", error))?);
        if got != self.asked() {
            return Err(Problem::Timeout {
                path: self.path.clone(),
                asked: self.asked(),
                got,
            });
        }
        let petted = kernel::keep_alive(device);
        petted.map_err(|error| self.io("pet it", error))?;
        self.identity = Some(support.identity());
        self.read_back = Some(got);
        Ok(())
    }

    pub(crate) fn pet(&mut self) -> Result<(), Problem> {
        if self.file.is_none() && self.left_armed {
            // Whoever is to pet it needs it open, and opening pets.
            self.start()?;
        }
        let Some(file) = &self.file else {
            return Ok(());
        };
        if self.read_back != Some(self.asked()) {
            // An earlier daemon had another time, and the others reckon with this one.
            return self.set_up();
        }
        kernel::keep_alive(file.as_fd()).map_err(|error| self.io("pet it", error))
    }

    pub(crate) fn disarm(&mut self) -> Result<(), Problem> {
        if self.file.is_none() && self.left_armed {
            self.start()?;
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        // At once, whoever else has a copy of the descriptor. Not every driver can.
        let _ = kernel::disable(file.as_fd());
        let written = file.write_all(b"V");
        written.map_err(|source| Problem::Io {
            path: self.path.clone(),
            attempt: "disarm it",
            source,
        })?;
        self.file = None;
        self.read_back = None;
        if self.is_active() == Some(true) {
            self.left_armed = true;
            let path = self.path.clone();
            return Err(Problem::StillArmed { path });
        }
        Ok(())
    }

    fn is_active(&self) -> Option<bool> {
        self.attributes.as_ref().and_then(Attributes::is_active)
    }

    fn asked(&self) -> Duration {
        duration(self.seconds)
    }

    fn unfit(&self, what: String) -> Problem {
        let path = self.path.clone();
        Problem::Unfit { path, what }
    }

    fn io(&self, attempt: &'static str, error: Errno) -> Problem {
        Problem::Io {
            path: self.path.clone(),
            attempt,
            source: error.into(),
        }
    }
}

/// The number of a character device; anything else is no watchdog.
fn number(path: &Path) -> Result<dev_t, Problem> {
    let found = fs::metadata(path).map_err(|source| Problem::Io {
        path: path.to_owned(),
        attempt: "look at it",
        source,
    })?;
    if !found.file_type().is_char_device() {
        return Err(Problem::NotAWatchdog {
            path: path.to_owned(),
            what: "it is not a character device".to_owned(),
        });
    }
    Ok(found.rdev())
}

/// `/dev/watchdog` and `/dev/watchdog0` are one device with two numbers; which one the
/// second has, its file tells.
fn same_device(number: dev_t) -> Vec<dev_t> {
    let old = makedev(10, 130);
    let numbered = fs::metadata("/dev/watchdog0").map(|found| found.rdev());
    match numbered {
        Ok(numbered) if number == old || number == numbered => vec![old, numbered],
        _ => vec![number],
    }
}

/// Whole seconds, at least one: devices know no others.
fn seconds(timeout: Duration) -> c_int {
    let seconds = timeout
        .as_secs()
        .saturating_add(u64::from(timeout.subsec_nanos() > 0));
    c_int::try_from(seconds.max(1)).unwrap_or(c_int::MAX)
}

fn duration(seconds: c_int) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &str, kept: Option<OwnedFd>) -> Result<Device, Problem> {
        Device::open(path.into(), Duration::from_secs(5), kept, &Sysfs::default())
    }

    #[test]
    fn what_is_no_watchdog_is_refused_without_being_opened() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("readable");
        let problem = open(path, None).expect_err("a file");
        assert!(matches!(problem, Problem::NotAWatchdog { .. }), "{problem}");
        let problem = open("/dev/null", None).expect_err("a device of memory");
        assert!(matches!(problem, Problem::NotAWatchdog { .. }), "{problem}");
        let problem = open("/dev/no-such-watchdog", None).expect_err("nothing");
        assert!(matches!(problem, Problem::Io { .. }), "{problem}");
    }

    #[test]
    fn a_descriptor_of_something_else_is_not_taken_over() {
        // Nothing is known of it, so it may be a watchdog.
        let nowhere = tempfile::tempdir().expect("a directory");
        let open = |kept: &str| {
            let kept = File::options().write(true).open(kept).expect("there");
            let sysfs = Sysfs::at(nowhere.path());
            let timeout = Duration::from_secs(5);
            Device::open("/dev/null".into(), timeout, Some(kept.into()), &sysfs)
        };
        for kept in ["/dev/null", "/dev/full"] {
            let problem = open(kept).expect_err("no watchdog");
            assert!(matches!(problem, Problem::KeptOther { .. }), "{problem}");
        }
    }

    #[test]
    fn what_answers_to_no_request_is_not_armed() {
        let mut device = Device::new("/dev/null".into(), Duration::from_secs(5), None);
        let problem = device.arm().expect_err("no watchdog");
        let attempt = "ask what it is";
        assert!(
            matches!(problem, Problem::Io { attempt: what, .. } if what == attempt),
            "{problem}"
        );
        assert!(!device.is_armed());
    }

    #[test]
    fn options_that_it_lacks_are_named() {
        let device = Device::new("/dev/null".into(), Duration::from_secs(5), None);
        device.check_options(0x8180).expect("as softdog has them");
        for without in [0x0180, 0x8100, 0x8080, 0x8580] {
            let problem = device.check_options(without).expect_err("lacking");
            assert!(matches!(problem, Problem::Unfit { .. }), "{problem}");
        }
    }

    #[test]
    fn a_device_that_somebody_has_is_busy_and_stays_closed() {
        let nowhere = tempfile::tempdir().expect("a directory");
        // Nearly every process has this one.
        let mut other = std::process::Command::new("sleep")
            .arg("60")
            .stdin(File::open("/dev/null").expect("there"))
            .spawn()
            .expect("a process");
        let sysfs = Sysfs::at(nowhere.path());
        let device = Device::open("/dev/null".into(), Duration::from_secs(5), None, &sysfs);
        other.kill().expect("runs");
        other.wait().expect("ended");
        let problem = device.expect_err("busy");
        assert!(matches!(problem, Problem::Busy { .. }), "{problem}");
    }

    #[test]
    fn a_device_waits_whole_seconds() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_secs(5)), 5);
        assert_eq!(seconds(Duration::from_millis(5001)), 6);
        assert_eq!(seconds(Duration::MAX), c_int::MAX);
    }
}
