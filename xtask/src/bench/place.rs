//! The benchmark's own directory, and the `tandem` command in it.

use crate::checkout::Checkout;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment and its lab.
pub(super) const ENVIRONMENT: &str = "tandem-bench";

/// Everything lies below `target/bench`.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    pub(super) tandem: PathBuf,
    helper: PathBuf,
}

impl Place {
    pub(super) fn new(checkout: &Checkout, tandem: PathBuf, helper: PathBuf) -> Self {
        Self {
            root: checkout.target.join("bench"),
            tandem,
            helper,
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// Home of every contender.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    pub(super) fn inventory(&self) -> PathBuf {
        self.beside("yaml")
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.beside("known_hosts")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        self.project()
            .join("inventories")
            .join(format!("{ENVIRONMENT}.{ending}"))
    }

    pub(super) fn ssh_config(&self) -> PathBuf {
        self.scratch("ssh_config")
    }

    /// Where the answer of a host is kept.
    pub(super) fn output(&self, host: &str) -> PathBuf {
        self.scratch("output").join(host)
    }

    /// Files that the next run may overwrite.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.root.join("scratch").join(name)
    }

    /// Programs of the rivals.
    pub(super) fn venv(&self) -> PathBuf {
        self.root.join("venv")
    }

    /// What the last contender said.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("last.log")
    }

    /// The command in the benchmark's project.
    pub(super) fn tandem(&self, words: &[&str]) -> Command {
        self.tandem_in(&self.project(), words)
    }

    /// The command in another project.
    pub(super) fn tandem_in(&self, project: &Path, words: &[&str]) -> Command {
        let mut command = process::command(&self.tandem.to_string_lossy());
        command.current_dir(project).args(words);
        for (name, value) in self.environment_of_tandem() {
            command.env(name, value);
        }
        command
    }

    /// Its own keys and helper, and dates that do not depend on the clock.
    pub(super) fn environment_of_tandem(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("TANDEM_HOME", self.root.join("keys")),
            ("TANDEM_HOST_BINARY", self.helper.clone()),
            ("SOURCE_DATE_EPOCH", PathBuf::from("1763596800")),
        ]
    }
}
