//! Real packages, really signed.

use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder};
use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use tandem_generation::{Digest, Package, PackageId};

/// A package of ours, built and signed.
#[derive(Clone)]
pub struct Built {
    pub package: Package,
    pub bytes: Vec<u8>,
}

/// Who signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Ours,
    Strangers,
    None,
}

struct Keys {
    ours: (String, String),
    strangers: (String, String),
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys {
        ours: generate("ours"),
        strangers: generate("strangers"),
    })
}

fn generate(name: &str) -> (String, String) {
    let home = tempfile::tempdir().expect("temporary directory");
    let gpg = |arguments: &[&str]| {
        let output = Command::new("gpg")
            .args([
                "--homedir",
                &home.path().display().to_string(),
                "--batch",
                "--quiet",
            ])
            .args([
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
                "--faked-system-time",
                "20250101T000000",
            ])
            .args(arguments)
            .output()
            .expect("gpg");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    gpg(&[
        "--quick-gen-key",
        &format!("{name} <{name}@test>"),
        "ed25519",
        "sign",
        "never",
    ]);
    let keys = (
        gpg(&["--armor", "--export-secret-keys"]),
        gpg(&["--armor", "--export"]),
    );
    let _ = Command::new("gpgconf")
        .env("GNUPGHOME", home.path())
        .args(["--kill", "all"])
        .status();
    keys
}

pub fn public_key() -> String {
    keys().ours.1.clone()
}

/// Builds a package; `more` adds what is special about it.
pub fn build(
    name: &str,
    version: &str,
    files: &[(&str, &str)],
    key: Key,
    more: impl FnOnce(&mut PackageBuilder),
) -> Built {
    let mut builder = PackageBuilder::new(name, version, "MIT", "noarch", "test");
    builder
        .using_config(
            BuildConfig::v4()
                .source_date(1_760_000_000_u32)
                .compression(CompressionWithLevel::Gzip(1)),
        )
        .release("1");
    for (path, content) in files {
        builder
            .with_file_contents(*content, FileOptions::new(*path).permissions(0o644))
            .expect("file");
    }
    more(&mut builder);
    let signer = |text: &str| rpm::signature::pgp::Signer::from_asc(text).expect("key");
    let package = match key {
        Key::Ours => builder.build_and_sign(signer(&keys().ours.0)),
        Key::Strangers => builder.build_and_sign(signer(&keys().strangers.0)),
        Key::None => builder.build(),
    }
    .expect("package");
    let mut bytes = Vec::new();
    package.write(&mut bytes).expect("bytes");
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = directory.path().join("p.rpm");
    fs::write(&path, &bytes).expect("write");
    let header = Command::new("rpm")
        .args(["-qp", "--nosignature", "--qf", "%{SHA256HEADER}"])
        .arg(&path)
        .output()
        .expect("rpm");
    Built {
        package: Package {
            id: PackageId {
                name: name.into(),
                version: version.into(),
                release: "1".into(),
                arch: "noarch".into(),
            },
            header: String::from_utf8_lossy(&header.stdout)
                .parse()
                .expect("header"),
            file: Digest::of(&bytes),
            size: bytes.len() as u64,
            restarts: Vec::new(),
            reloads: Vec::new(),
        },
        bytes,
    }
}

/// A package with nothing special about it.
pub fn plain(name: &str, version: &str, files: &[(&str, &str)]) -> Built {
    build(name, version, files, Key::Ours, |_| {})
}

/// A scriptlet that needs no program on the host: rpm has Lua built in.
pub fn lua(builder: &mut PackageBuilder, script: &str) -> rpm::Scriptlet {
    builder.provides(Dependency::any("<lua>"));
    rpm::Scriptlet::new(script).prog(vec!["<lua>"])
}
