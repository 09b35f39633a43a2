//! Until when this node may hold resources, noted for the next daemon of this start of
//! the machine: one that begins anew need not hurry more than it would have had to.

use anyhow::{Context, Result};
use cluster_core::Time;
use cluster_core::name::BootId;
use cluster_watchdog::Watchdog;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

/// Both numbers with all their digits, so that each note covers the one before.
const LENGTH: usize = 32 + 1 + 20 + 1;

/// The file; below `/run`, which a boot empties.
#[derive(Debug)]
pub(crate) struct LeaseNote {
    file: File,
    noted: Option<Time>,
}

impl LeaseNote {
    /// The one of this directory.
    pub(crate) fn open(run: &Path) -> Result<Self> {
        let path = run.join("lease");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let file = options
            .open(&path)
            .with_context(|| path.display().to_string())?;
        Ok(Self { file, noted: None })
    }

    /// What an earlier daemon of this start of the machine noted. A note that is not
    /// whole is none: that is the careful reading.
    pub(crate) fn read(&mut self, boot: BootId) -> Option<Time> {
        let mut text = String::new();
        self.file.read_to_string(&mut text).ok()?;
        let (of, until) = text.strip_suffix('\n')?.split_once(' ')?;
        let of = u128::from_str_radix(of, 16).ok()?;
        let until: u64 = until.parse().ok()?;
        let whole = text.len() == LENGTH && BootId(of) == boot;
        whole.then(|| Time::since_boot(Duration::from_millis(until)))
    }

    /// Notes it. Rounded down, and a note that cannot be written is an older one.
    pub(crate) fn write(&mut self, boot: BootId, until: Option<Time>) {
        if until == self.noted {
            return;
        }
        self.noted = until;
        let ms = until.map_or(0, |until| until.since(Time::default()).as_millis());
        let text = format!("{:032x} {ms:020}\n", boot.0);
        let _ = self.file.write_all_at(text.as_bytes(), 0);
    }
}

/// May an earlier daemon have held something that is still here? An armed watchdog says
/// so. Without one, it is taken for granted of a node whose lease is not over: what it held
/// is stopped when it is, as if the daemon had not been started anew.
pub(crate) fn may_hold(watchdog: &Watchdog, lease: Option<Time>, now: Time) -> bool {
    let leased = lease.is_some_and(|until| until > now);
    watchdog.is_armed() || (watchdog.is_none() && leased)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_watchdog::Choice;

    #[test]
    fn without_a_watchdog_a_lease_says_that_something_may_be_here() {
        let none = Watchdog::open(Choice::None, None).expect("none");
        let (now, until) = (Time::from_millis(5_000), Time::from_millis(9_000));
        assert!(may_hold(&none, Some(until), now));
        // It is stopped by then, or nobody can say: nothing is reset for that.
        assert!(!may_hold(&none, Some(now), now));
        assert!(!may_hold(&none, None, now));
    }

    #[test]
    fn a_note_is_for_this_start_of_the_machine_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let again = || LeaseNote::open(place.path()).expect("opened");
        let (boot, until) = (BootId(u128::MAX), Time::from_millis(12_345));
        assert_eq!(again().read(boot), None);
        let mut note = again();
        note.write(boot, Some(Time::from_millis(99)));
        note.write(boot, Some(until));
        assert_eq!(again().read(boot), Some(until));
        assert_eq!(again().read(BootId(1)), None);
        note.write(boot, None);
        assert_eq!(again().read(boot), Some(Time::default()));
        std::fs::write(place.path().join("lease"), "ffff").expect("written");
        assert_eq!(again().read(boot), None, "half a note is none");
    }
}
