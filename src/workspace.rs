//! Where the operator's things are: the project, and what is only theirs.

use crate::failure::Problem;
use std::path::{Path, PathBuf};
use std::process::Command;
use tandem_generation::manifest::Source;
use tandem_package::{KeyRole, PublicKey, SigningKey, SourceDate};

/// The project and the operator's own directory.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// Root of the project: `roles/` and `inventories/` lie in it.
    pub(crate) root: PathBuf,
    /// The operator's own: private keys and identities. `$TANDEM_HOME`, or
    /// `tandem` in the configuration directory of the XDG specification.
    pub(crate) home: PathBuf,
}

impl Workspace {
    /// The project at or above a directory.
    pub(crate) fn find(start: Option<&Path>) -> Result<Self, Problem> {
        let start = match start {
            Some(directory) => directory.to_owned(),
            None => std::env::current_dir()
                .map_err(|error| Problem::failed(format!("where are we? {error}")))?,
        };
        let start = std::path::absolute(&start).unwrap_or(start);
        let root = start
            .ancestors()
            .find(|directory| {
                directory.join("roles").is_dir() && directory.join("profiles").is_dir()
            })
            .map(Path::to_owned)
            .ok_or_else(|| {
                Problem::invalid(format!(
                    "{} is not in a project: no directory upwards has roles/ and profiles/",
                    start.display()
                ))
                .hint("`tandem init DIR` makes one, -C DIR names one")
            })?;
        Ok(Self { root, home: home() })
    }

    /// Where releases lie.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Host keys that the operators of an environment share, and ssh's own.
    pub(crate) fn known_hosts(&self, environment: &str) -> Vec<PathBuf> {
        let mut files = vec![
            self.root
                .join("inventories")
                .join(format!("{environment}.known_hosts")),
        ];
        if let Some(home) = std::env::var_os("HOME") {
            files.push(Path::new(&home).join(".ssh/known_hosts"));
        }
        files
    }

    /// The operator's age identity, which decrypts secrets.
    pub(crate) fn identity(&self) -> PathBuf {
        self.home.join("identity.txt")
    }

    /// Private directory of signing keys.
    pub(crate) fn keys(&self) -> PathBuf {
        self.home.join("keys")
    }

    /// The private key of a role.
    pub(crate) fn signing_key(&self, role: &KeyRole) -> Result<SigningKey, Problem> {
        SigningKey::load(&role.private_path(&self.keys())).map_err(|error| {
            Problem::failed(format!("the {} key: {}", role.name(), chain(&error)))
                .hint("`tandem key init` makes what is missing")
        })
    }

    /// The public key of a role.
    pub(crate) fn public_key(&self, role: &KeyRole) -> Result<PublicKey, Problem> {
        PublicKey::load(&role.public_path(&self.root)).map_err(|error| {
            Problem::failed(format!("the {} key: {}", role.name(), chain(&error)))
                .hint("`tandem key init` makes what is missing")
        })
    }

    /// The commit of the project and whether its work tree differs.
    pub(crate) fn source(&self) -> Source {
        let commit = self.git(&["rev-parse", "HEAD"]);
        let dirty = commit.is_some()
            && self
                .git(&["status", "--porcelain", "--", "."])
                .is_none_or(|text| !text.is_empty());
        Source { commit, dirty }
    }

    /// Time of the commit, or of the newest change log entry where there is no
    /// commit: what makes two builds of one tree the same. `SOURCE_DATE_EPOCH`
    /// overrides both (reproducible-builds.org).
    pub(crate) fn source_date(
        &self,
        specs: &[tandem_model::spec::Spec],
    ) -> Result<SourceDate, Problem> {
        let seconds = std::env::var("SOURCE_DATE_EPOCH")
            .ok()
            .or_else(|| self.git(&["log", "-1", "--format=%ct"]))
            .and_then(|text| text.trim().parse().ok());
        if let Some(seconds) = seconds {
            return SourceDate::new(seconds).map_err(|error| Problem::invalid(error.to_string()));
        }
        specs
            .iter()
            .filter_map(SourceDate::of_changelog)
            .max()
            .ok_or_else(|| {
                Problem::invalid("the release has no date: no commit, and no spec has a change log")
                    .hint("commit the project, or set SOURCE_DATE_EPOCH")
            })
    }

    fn git(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.root)
            .args(words)
            .stderr(std::process::Stdio::null())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// The operator's own directory.
fn home() -> PathBuf {
    if let Some(home) = std::env::var_os("TANDEM_HOME") {
        return PathBuf::from(home);
    }
    let config = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    config
        .unwrap_or_else(|| PathBuf::from("/root/.config"))
        .join("tandem")
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text
}

/// `user@machine` of whoever runs this.
pub(crate) fn operator() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "root".to_owned());
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", machine.trim())
}
