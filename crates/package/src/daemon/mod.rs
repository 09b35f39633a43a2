//! The package of clusterd: the static program, its units, its man pages and completions, and
//! the names by which agents call it.

mod manual;

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe};
use crate::build::{BuildError, assemble_and_sign};
use crate::date::SourceDate;
use crate::signing_key::SigningKey;
use tandem_generation::{Digest, PackageId};

/// The package's name.
pub const DAEMON_PACKAGE: &str = "clusterd";

/// 2026-01-01 00:00 UTC, as of the helper's package, and for the same reason.
const DATE: i64 = 1_767_225_600;

const UNITS: [(&str, &str); 2] = [
    ("clusterd.service", include_str!("clusterd.service")),
    (
        "clusterd-witness@.service",
        include_str!("clusterd-witness@.service"),
    ),
];

/// What a file of a cluster may say; the files name it.
const WORDS: &str = "/usr/share/doc/clusterd/cluster-file.md";

/// Small programs that resource agents call; Pacemaker's names.
const TOOLS: [&str; 8] = [
    "attrd_updater",
    "cibadmin",
    "crm_attribute",
    "crm_master",
    "crm_mon",
    "crm_node",
    "crm_resource",
    "pacemakerd",
];

/// Builds the daemon's package; `version` is tandem's own.
///
/// # Errors
/// What the package cannot be made of, or signed with.
pub fn daemon_package(
    binary: &[u8],
    version: &str,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let texts = texts();
    let id = PackageId {
        name: DAEMON_PACKAGE.to_owned(),
        version: version.to_owned(),
        // Another binary, or another text beside it, is another package.
        release: format!("d{}", digest(binary, &texts).short()),
        arch: "x86_64".to_owned(),
    };
    let file = |path: &str, mode: u32, content: &[u8]| {
        Entry::of_root(path, mode, EntryKind::File(content.to_vec()))
    };
    let directory = |path: &str, mode: u32| Entry::of_root(path, mode, EntryKind::Directory);
    let mut entries = vec![
        directory("/etc/clusterd", 0o755),
        directory("/etc/clusterd/witness", 0o755),
        directory("/usr/libexec/clusterd", 0o755),
        directory("/usr/share/doc/clusterd", 0o755),
        file("/usr/sbin/clusterd", 0o755, binary),
    ];
    for (path, text) in &texts {
        entries.push(file(path, 0o644, text.as_bytes()));
    }
    for tool in TOOLS {
        let path = format!("/usr/libexec/clusterd/{tool}");
        let link = EntryKind::Symlink("../../sbin/clusterd".to_owned());
        entries.push(Entry::of_root(&path, 0o777, link));
    }
    let text = "Runs resources on the nodes of a cluster: on one of them at a time, and \
                elsewhere when a node is gone for certain. Also votes as a witness.";
    let recipe = Recipe {
        entries,
        ..Recipe::new(id, "Cluster daemon", text)
    };
    let date = SourceDate::new(DATE).map_err(|source| BuildError::Date {
        package: DAEMON_PACKAGE.to_owned(),
        source,
    })?;
    assemble_and_sign(recipe, Vec::new(), date, key)
}

/// Where it goes, and what it is: units, man pages, completions, the words of its file.
fn texts() -> Vec<(String, &'static str)> {
    let units = UNITS.map(|(name, text)| (format!("/usr/lib/systemd/system/{name}"), text));
    let pages = manual::PAGES.map(|(name, text)| (format!("/usr/share/man/man8/{name}"), text));
    let completions = manual::COMPLETIONS.map(|(path, text)| (path.to_owned(), text));
    let words = [(WORDS.to_owned(), manual::CLUSTER_FILE)];
    let parts = [&units[..], &pages, &completions, &words];
    parts.concat()
}

fn digest(binary: &[u8], texts: &[(String, &str)]) -> Digest {
    let mut all = Digest::of(binary).as_str().to_owned();
    for (path, text) in texts {
        all.push_str(path);
        all.push_str(Digest::of(text).as_str());
    }
    Digest::of(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing_key::KeyAlgorithm;
    use crate::{KeyRole, OpenPackage};

    #[test]
    fn an_operator_on_a_host_finds_the_manual_and_completions() {
        let role = KeyRole::environment("dev").expect("a name");
        let key = SigningKey::generate(&role, KeyAlgorithm::default()).expect("a key");
        let built = daemon_package(b"\x7fELF static", "0.1.0", &key).expect("a package");
        let package = OpenPackage::from_bytes("clusterd", &built.bytes).expect("readable");
        let page = package
            .content("/usr/share/man/man8/clusterd-status.8")
            .expect("a payload")
            .expect("the page");
        assert!(String::from_utf8_lossy(&page).contains(".SH NAME\nclusterd\\-status"));
        let paths = package.paths().expect("names");
        for path in [
            "/usr/share/bash-completion/completions/clusterd",
            "/usr/share/zsh/site-functions/_clusterd",
            "/usr/share/fish/vendor_completions.d/clusterd.fish",
            "/usr/lib/systemd/system/clusterd.service",
            WORDS,
        ] {
            assert!(paths.iter().any(|had| had == path), "{path} in {paths:?}");
        }
    }

    #[test]
    fn another_text_is_another_package() {
        let of = |text| digest(b"program", &[("/a".to_owned(), text)]);
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("two"));
        assert_ne!(digest(b"program", &[]), digest(b"another", &[]));
    }
}
