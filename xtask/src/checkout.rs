//! This checkout: where it is, what its packages are, and what it builds.

use crate::process;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What tests are built of: whoever builds the same finds it there. The simulator of
/// clusters proves that it finds what is planted for it.
pub(crate) const AS_TESTED: [&str; 2] = [
    "--workspace",
    "--features=cluster-sim/planted-bugs,xtask/schemas",
];

/// The workspace on disk.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    /// cargo's target directory.
    pub(crate) target: PathBuf,
    /// This machine, as rustc calls it: `x86_64-unknown-linux-gnu`.
    pub(crate) triple: String,
}

impl Checkout {
    /// The workspace that this program was built from.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies in a directory of the workspace")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(directory) => root.join(directory),
            None => root.join("target"),
        };
        let version = process::text(process::command("rustc").arg("-vV"))?;
        let triple = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("`rustc -vV` names no host")?
            .to_owned();
        Ok(Self {
            root,
            target,
            triple,
        })
    }

    /// `cargo WORDS` in the workspace.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = process::command("cargo");
        command.current_dir(&self.root).args(words);
        command
    }

    /// `cargo metadata`, dependencies included, for this platform.
    pub(crate) fn metadata(&self) -> Result<Value> {
        let text = process::text(&mut self.cargo(&[
            "metadata",
            "--format-version=1",
            "--all-features",
            "--locked",
            "--filter-platform",
            &self.triple,
        ]))?;
        serde_json::from_str(&text).context("reading what `cargo metadata` says")
    }

    /// Builds the helper and, beside it, the cluster daemon, without any shared library:
    /// they run on hosts of every distribution. Returns where the helper is.
    pub(crate) fn build_helper(&self) -> Result<PathBuf> {
        let variable = format!(
            "CARGO_TARGET_{}_RUSTFLAGS",
            self.triple.to_uppercase().replace('-', "_")
        );
        process::must(
            self.cargo(&[
                "build",
                "--locked",
                "--profile=host",
                "--package=tandem-host",
                "--bin=tandem-host",
                "--package=clusterd",
                "--bin=clusterd",
                "--target",
                &self.triple,
            ])
            .env(variable, "-C target-feature=+crt-static"),
        )?;
        Ok(self
            .target
            .join(&self.triple)
            .join("host")
            .join("tandem-host"))
    }

    /// Builds the command itself; unoptimised, because that is what a
    /// developer's machine has at hand and cold builds are short.
    pub(crate) fn build_tandem(&self) -> Result<PathBuf> {
        process::must(&mut self.cargo(&["build", "--locked", "--package=tandem", "--bin=tandem"]))?;
        Ok(self.target.join("debug").join("tandem"))
    }

    /// Builds all programs as the tests do. Returns the directory with them.
    pub(crate) fn build_all(&self) -> Result<PathBuf> {
        process::must(self.cargo(&["build", "--locked", "--bins"]).args(AS_TESTED))?;
        Ok(self.target.join("debug"))
    }

    /// The command as it is shipped: what is measured.
    pub(crate) fn build_tandem_release(&self) -> Result<PathBuf> {
        process::must(&mut self.cargo(&[
            "build",
            "--locked",
            "--release",
            "--package=tandem",
            "--bin=tandem",
        ]))?;
        Ok(self.target.join("release").join("tandem"))
    }

    /// Files of the repository, also those that are not committed yet.
    pub(crate) fn files(&self, suffix: &str) -> Result<Vec<PathBuf>> {
        let text = process::text(process::command("git").current_dir(&self.root).args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let mut files: Vec<PathBuf> = text
            .lines()
            .filter(|name| name.ends_with(suffix))
            .map(PathBuf::from)
            .filter(|name| self.root.join(name).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}
