//! A project of which releases are built.

use super::{date, simple, success, web_site, write_payload};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tandem_generation::manifest::Source;
use tandem_model::spec::Spec;
use tandem_package::release::{
    OpenError, Outcome, Release, ReleaseError, ReleaseInput, build_release,
};
use tandem_package::{SigningKey, SourceDate};

/// A project with three packages, and a dist directory beside it.
pub struct Project {
    pub directory: tempfile::TempDir,
    pub key: SigningKey,
}

impl Project {
    pub fn new(key: SigningKey) -> Self {
        let directory = tempfile::tempdir().expect("tempdir");
        for (path, content) in [
            ("roles/web.yaml", "include: [base]\n"),
            ("roles/nested/base.yaml", "params: {}\n"),
            ("profiles/debian12.yaml", "units: {}\n"),
            ("templates/httpd/site.conf", "Listen {{ port }}\n"),
        ] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            std::fs::write(path, content).expect("file");
        }
        write_payload(&directory.path().join("specs/web-site"));
        Self { directory, key }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn specs(&self) -> Vec<Spec> {
        vec![
            web_site(&self.path("specs/web-site"), "1.0.0"),
            simple(
                &self.path("specs/licensing"),
                "licensing",
                "2.1",
                "licence & <co>\n",
            ),
            simple(&self.path("specs/broker"), "broker", "0.3", "broker\n"),
        ]
    }

    pub fn build(&self, version: &str, specs: &[Spec]) -> Result<Outcome, ReleaseError> {
        self.build_at("abc", date(), version, specs)
    }

    /// At another commit, with another time.
    pub fn build_at(
        &self,
        commit: &str,
        date: SourceDate,
        version: &str,
        specs: &[Spec],
    ) -> Result<Outcome, ReleaseError> {
        let source = Source {
            commit: Some(commit.to_owned()),
            dirty: false,
        };
        let input = ReleaseInput {
            version,
            project: self.directory.path(),
            dist: &self.path("dist"),
            specs,
            source: &source,
            date,
            tandem: "0.1.0",
            helper: b"helper",
            daemon: None,
            key: &self.key,
        };
        build_release(&input, &mut |_| {})
    }

    pub fn open(&self, version: &str) -> Result<Release, OpenError> {
        let trusted = [self.key.public().clone()];
        Release::open(&self.path("dist").join(version), &trusted)
    }
}

/// Every file below a directory with its content.
pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let listing = success(
        Command::new("find")
            .args([".", "-type", "f"])
            .current_dir(root),
    );
    listing
        .lines()
        .map(|path| {
            (
                path.to_owned(),
                std::fs::read(root.join(path)).expect("file"),
            )
        })
        .collect()
}
