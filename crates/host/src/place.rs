//! Where everything is on this host. A test's host is a directory of its own
//! with an rpm database of its own inside.

use crate::disk;
use crate::refusal::{Attempt, Refused, Result};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tandem_generation::{Digest, FORMAT, RunId, place};

/// A host as seen from its root directory.
#[derive(Clone, Debug)]
pub struct Place {
    /// `/`, or the directory of a test's host.
    pub root: PathBuf,
    /// The program that stands for `systemctl`; `None`: there is no systemd.
    pub systemctl: Option<String>,
}

impl Place {
    /// The host this process runs on, or the one that `TANDEM_ROOT` names.
    pub fn from_environment() -> Self {
        match std::env::var_os("TANDEM_ROOT") {
            Some(root) => Self {
                root: root.into(),
                systemctl: std::env::var("TANDEM_SYSTEMCTL").ok(),
            },
            None => Self {
                root: PathBuf::from("/"),
                systemctl: Path::new("/run/systemd/system")
                    .is_dir()
                    .then(|| "systemctl".to_owned()),
            },
        }
    }

    /// True on a real host, false in a test's directory.
    pub fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where an absolute path of the host is.
    pub fn on_host(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The path as the host itself calls it.
    pub fn as_host_sees(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.root) {
            Ok(rest) => Path::new("/").join(rest),
            Err(_) => path.to_owned(),
        }
    }

    /// `/var/lib/tandem`.
    pub fn state(&self) -> PathBuf {
        self.on_host(place::STATE)
    }

    /// The rpm database.
    pub fn rpm_database(&self) -> PathBuf {
        self.on_host(place::RPM_DATABASE)
    }

    /// Packages by digest.
    pub fn store(&self) -> PathBuf {
        self.state().join("store")
    }

    /// A package in the store.
    pub fn package(&self, digest: &Digest) -> PathBuf {
        self.store().join(format!("{digest}.rpm"))
    }

    /// A package on its way.
    pub fn partial(&self, digest: &Digest) -> PathBuf {
        self.store().join(format!("{digest}.part"))
    }

    /// Records of generations.
    pub fn generations(&self) -> PathBuf {
        self.state().join("generations")
    }

    /// Number of the current generation.
    pub fn current(&self) -> PathBuf {
        self.state().join("current")
    }

    /// The highest generation number ever staged.
    pub fn last_number(&self) -> PathBuf {
        self.state().join("last-number")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.state().join("lock.json")
    }

    /// Units that are held.
    pub fn held(&self) -> PathBuf {
        self.state().join("held.json")
    }

    /// Former members that are not waited for.
    pub fn retired(&self) -> PathBuf {
        self.state().join("retired.json")
    }

    /// tandem's own keyring: an rpm database with keys only.
    pub fn keyring(&self) -> PathBuf {
        self.state().join("keyring")
    }

    /// Texts of foreign files as they were before the first edit.
    pub fn originals(&self) -> PathBuf {
        self.state().join("originals")
    }

    /// States of units as they were before the first policy.
    pub fn unit_origins(&self) -> PathBuf {
        self.state().join("units")
    }

    /// Helper binaries.
    pub fn helpers(&self) -> PathBuf {
        self.state().join("helper")
    }

    /// Why the last recovery failed.
    pub fn recovery_failed(&self) -> PathBuf {
        self.state().join("recovery-failed")
    }

    /// Scratch space; whatever is in it may be removed.
    pub fn scratch(&self) -> PathBuf {
        self.state().join("scratch")
    }

    /// All runs.
    pub fn runs(&self) -> PathBuf {
        self.state().join("runs")
    }

    /// Everything of one run.
    pub fn run(&self, run: &RunId) -> PathBuf {
        self.runs().join(run.as_str())
    }

    /// A leg's order.
    pub fn order(&self, run: &RunId, leg: u32) -> PathBuf {
        self.run(run).join(format!("order-{leg}.json"))
    }

    /// A leg's journal.
    pub fn journal(&self, run: &RunId, leg: u32) -> PathBuf {
        self.run(run).join(format!("journal-{leg}.jsonl"))
    }

    /// What was there before a leg.
    pub fn before(&self, run: &RunId, leg: u32) -> PathBuf {
        self.run(run).join(format!("before-{leg}.json"))
    }

    /// A wish to undo a leg.
    pub fn undo_wish(&self, run: &RunId, leg: u32) -> PathBuf {
        self.run(run).join(format!("undo-{leg}.json"))
    }

    /// Space set aside for the way back on a disk that is full.
    pub fn reserve(&self, run: &RunId) -> PathBuf {
        self.run(run).join("reserve")
    }

    /// The plan of a run.
    pub fn plan(&self, run: &RunId) -> PathBuf {
        self.run(run).join("plan.json")
    }

    /// Hand edits of a run.
    pub fn drift(&self, run: &RunId) -> PathBuf {
        self.state().join("drift").join(run.as_str())
    }

    /// Makes the state directory if it is not there and refuses a newer one.
    pub fn prepare(&self) -> Result<()> {
        let state = self.state();
        self.check_format()?;
        for directory in [
            state.clone(),
            self.store(),
            self.generations(),
            self.runs(),
            state.join("drift"),
            self.originals(),
            self.unit_origins(),
        ] {
            make_private(&directory)?;
        }
        if !state.join("format").exists() {
            disk::write(&state.join("format"), format!("{FORMAT}\n").as_bytes())?;
        }
        Ok(())
    }

    /// Refuses a state directory that a newer tandem wrote.
    pub fn check_format(&self) -> Result<()> {
        let path = self.state().join("format");
        let Some(text) = disk::read_text_if_there(&path)? else {
            return Ok(());
        };
        let found: u32 = text.trim().parse().map_err(|_| {
            Refused::failed(format!(
                "cannot read {}: `{}` is not a number",
                path.display(),
                text.trim()
            ))
        })?;
        if found > FORMAT {
            return Err(Refused::invalid(format!(
                "{} was written by a newer tandem (format {found}; this one knows {FORMAT})",
                self.state().display()
            ))
            .hint("use at least the version of tandem that applied last"));
        }
        Ok(())
    }

    /// The host's name: the kernel's, or a test's `etc/hostname`.
    pub fn hostname(&self) -> Result<String> {
        let path = if self.is_live() {
            PathBuf::from("/proc/sys/kernel/hostname")
        } else {
            self.on_host("/etc/hostname")
        };
        let name = fs::read_to_string(&path)
            .attempt(|| format!("read the host name, {}", path.display()))?;
        Ok(name.trim().to_owned())
    }
}

/// Makes a directory with mode 0700, its parents included.
pub fn make_private(path: &Path) -> Result<()> {
    if !path.is_dir() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .attempt(|| format!("make directory {}", path.display()))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .attempt(|| format!("make {} private", path.display()))
}

/// The kernel's boot id: another one means that the host was restarted.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}
