//! What the tests share: a spec with a payload, keys, and the real rpm tools in
//! a directory of their own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::missing_panics_doc,
    clippy::unused_self
)]

pub mod project;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tandem_model::spec::{
    Change, Comparison, Dependency, Scriptlet, ScriptletTime, Spec, SpecFile, SpecFileKind,
};
use tandem_package::{BuiltPackage, KeyAlgorithm, KeyRole, PublicKey, SigningKey, SourceDate};

/// 2026-01-05T00:00:00Z.
pub const DATE: i64 = 1_767_571_200;

pub fn date() -> SourceDate {
    SourceDate::new(DATE).expect("in range")
}

pub fn key(role: &KeyRole) -> SigningKey {
    let created = jiff::Timestamp::from_second(DATE - 1000).expect("in range");
    SigningKey::generate_at(role, KeyAlgorithm::Ed25519, created).expect("key")
}

pub fn release_key() -> SigningKey {
    key(&KeyRole::Release)
}

fn file(path: &str, kind: SpecFileKind, mode: u32) -> SpecFile {
    SpecFile {
        path: path.to_owned(),
        kind,
        mode,
        owner: "root".to_owned(),
        group: "root".to_owned(),
    }
}

/// Writes the payload of [`web_site`] into a directory.
pub fn write_payload(payload: &Path) {
    for (name, content) in [
        ("site/index.html", "<h1>hello</h1>\n"),
        ("site/css/style.css", "h1 { color: black }\n"),
        ("site/a.html", "a\n"),
        ("web.conf", "Listen 80\n"),
        ("secret.conf", "password\n"),
        ("README", "The web site.\n"),
        ("LICENSE", "Do as you like.\n"),
        ("run.sh", "#!/bin/sh\nexit 0\n"),
    ] {
        let path = payload.join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(path, content).expect("payload file");
    }
}

/// A package with everything a spec can say.
pub fn web_site(payload: &Path, version: &str) -> Spec {
    use SpecFileKind::{Directory, Doc, File, License, Symlink, Tree};
    let change = |date: &str, version: &str, line: &str| Change {
        date: date.to_owned(),
        author: "Ada Lovelace <ada@example.org>".to_owned(),
        version: version.to_owned(),
        lines: vec![line.to_owned(), "Second line".to_owned()],
    };
    Spec {
        name: "web-site".to_owned(),
        version: version.to_owned(),
        release: "1".to_owned(),
        summary: "The company's web site".to_owned(),
        description: "Pages, styles and the server's configuration.".to_owned(),
        license: "MIT".to_owned(),
        group: "Applications/Internet".to_owned(),
        url: Some("https://www.example.org/".to_owned()),
        arch: "noarch".to_owned(),
        requires: vec![Dependency {
            name: "web-base".to_owned(),
            version: Some((Comparison::GreaterOrEqual, "2.4".to_owned())),
        }],
        provides: vec![Dependency {
            name: "site".to_owned(),
            version: None,
        }],
        conflicts: vec![Dependency {
            name: "web-old".to_owned(),
            version: Some((Comparison::Less, "0.5".to_owned())),
        }],
        obsoletes: vec![Dependency {
            name: "web-older".to_owned(),
            version: Some((Comparison::LessOrEqual, "0.4-1".to_owned())),
        }],
        files: vec![
            file("/usr/share/web-site", Directory, 0o755),
            file(
                "/usr/share/web-site/web.conf",
                File("web.conf".into()),
                0o644,
            ),
            file(
                "/usr/share/web-site/secret.conf",
                File("secret.conf".into()),
                0o640,
            ),
            file("/usr/share/web-site/run.sh", File("run.sh".into()), 0o755),
            file("/usr/share/web-site/pages", Tree("site".into()), 0o644),
            file(
                "/usr/share/web-site/current",
                Symlink("pages".to_owned()),
                0o777,
            ),
            file("/usr/share/web-site/empty", Directory, 0o750),
            file(
                "/usr/share/doc/web-site/README",
                Doc("README".into()),
                0o644,
            ),
            file(
                "/usr/share/licenses/web-site/LICENSE",
                License("LICENSE".into()),
                0o644,
            ),
        ],
        scriptlets: vec![Scriptlet {
            when: ScriptletTime::Post,
            script: "echo post \"$1\" >> /scriptlet.log".to_owned(),
        }],
        changelog: vec![
            change("2026-01-05", &format!("{version}-1"), "Newest"),
            change("2025-12-01", "0.9-1", "Older"),
        ],
        restarts: vec!["httpd.service".to_owned()],
        payload: payload.to_owned(),
    }
}

/// A package without dependencies and scriptlets, with one file.
pub fn simple(payload: &Path, name: &str, version: &str, content: &str) -> Spec {
    std::fs::create_dir_all(payload).expect("directory");
    std::fs::write(payload.join("file"), content).expect("payload file");
    Spec {
        name: name.to_owned(),
        requires: Vec::new(),
        provides: Vec::new(),
        conflicts: Vec::new(),
        obsoletes: Vec::new(),
        scriptlets: Vec::new(),
        restarts: Vec::new(),
        files: vec![file(
            &format!("/usr/share/{name}/file"),
            SpecFileKind::File("file".into()),
            0o644,
        )],
        ..web_site(payload, version)
    }
}

/// rpm with a database, a keyring and a root of its own.
pub struct Rpm {
    pub directory: tempfile::TempDir,
}

impl Rpm {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("tempdir");
        for name in ["db", "root", "keys", "packages"] {
            std::fs::create_dir(directory.path().join(name)).expect("directory");
        }
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, package: &BuiltPackage) -> PathBuf {
        let path = self.path("packages").join(package.file_name());
        std::fs::write(&path, &package.bytes).expect("package");
        path
    }

    /// A query of a package file.
    pub fn query(&self, file: &Path, format: &str) -> String {
        success(
            Command::new("rpm")
                .args(["-qp", "--nosignature", "--qf", format])
                .arg(file),
        )
    }

    /// In the private root.
    pub fn in_root(&self, arguments: &[&str], files: &[&Path]) -> Output {
        Command::new("rpm")
            .arg("--root")
            .arg(self.path("root"))
            .args([
                "--dbpath",
                "/var/lib/rpm",
                "--define",
                "_pkgverify_level none",
            ])
            .args(arguments)
            .args(files)
            .output()
            .expect("rpm")
    }

    /// Names of what is installed in the private root.
    pub fn installed(&self) -> Vec<String> {
        let output = self.in_root(&["-qa", "--qf", "%{NAME}-%{VERSION}\n"], &[]);
        let mut names: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    pub fn import(&self, key: &PublicKey) {
        let path = self.path("key.asc");
        std::fs::write(&path, key.armoured()).expect("key");
        success(
            Command::new("rpmkeys")
                .arg("--dbpath")
                .arg(self.path("keys"))
                .arg("--import")
                .arg(path),
        );
    }

    /// `rpmkeys -K` at the level that hosts use, with the private keyring.
    pub fn verify(&self, file: &Path) -> Output {
        Command::new("rpmkeys")
            .arg("--dbpath")
            .arg(self.path("keys"))
            .args(["--define", "_pkgverify_level all", "-Kv"])
            .arg(file)
            .output()
            .expect("rpmkeys")
    }
}

/// Standard output of a command that must succeed.
pub fn success(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
