//! The lock that lets one process at a time change a lab, or build the base tree.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{IoContext as _, Result};
use crate::progress::Progress;

/// Held while something is changed, by this process *and the programs it runs for that*: when this process
/// is killed, whoever waits for the lock gets it only after those programs have ended, and so sees all that
/// they left. That is why every program that changes something is [lent](Lock::lend) the lock.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits for the lock; `other` says who has it, for the progress report.
    pub(crate) fn take(path: &Path, other: &str, progress: &dyn Fn(Progress)) -> Result<Self> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).on("make the directory", dir)?;
        }
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            let file = options.open(path).on("open the lock", path)?;
            if file.try_lock().is_err() {
                progress(Progress::Waiting {
                    on: other.to_owned(),
                });
                file.lock().on("take the lock", path)?;
            }
            // Its holder may have removed the file: then this one is no longer the lock.
            let held = file.metadata().on("look at the lock", path)?.ino();
            if fs::metadata(path).is_ok_and(|now| now.ino() == held) {
                return Ok(Self {
                    file,
                    path: path.into(),
                });
            }
        }
    }

    /// A share of the lock as a standard stream for a program. The file is empty; a program that must not
    /// keep the lock as long as it runs closes the stream.
    pub(crate) fn lend(&self) -> Result<Stdio> {
        self.file
            .try_clone()
            .map(Stdio::from)
            .on("share the lock", &self.path)
    }

    /// Removes the lock's file, then lets go.
    pub(crate) fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("tandem-lab-{}-{name}.lock", std::process::id()))
    }

    #[test]
    fn a_program_keeps_the_lock_after_its_parent_let_go() {
        let path = place("lent");
        let lock = Lock::take(&path, "nobody", &|_| ()).unwrap();
        let mut program = Command::new("sleep")
            .arg("0.5")
            .stdin(lock.lend().unwrap())
            .spawn()
            .unwrap();
        drop(lock);
        let begun = Instant::now();
        let again = Lock::take(&path, "sleep", &|_| ()).unwrap();
        assert!(
            begun.elapsed() > Duration::from_millis(300),
            "{:?}",
            begun.elapsed()
        );
        program.wait().unwrap();
        again.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_lock_whose_file_was_removed_meanwhile_is_not_taken_for_the_lock() {
        let path = place("removed");
        let first = Lock::take(&path, "nobody", &|_| ()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| Lock::take(&path, "first", &|_| ()).unwrap());
            std::thread::sleep(Duration::from_millis(50));
            first.remove();
            let second = second.join().unwrap();
            assert!(
                path.exists(),
                "the second holds a lock that nobody else can see"
            );
            second.remove();
        });
    }
}
