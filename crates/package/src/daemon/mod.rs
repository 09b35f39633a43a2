//! The package of clusterd: the static program, its units, and the names by which agents
//! call it.

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
    let id = PackageId {
        name: DAEMON_PACKAGE.to_owned(),
        version: version.to_owned(),
        release: format!("d{}", Digest::of(binary).short()),
        arch: "x86_64".to_owned(),
    };
    let file = |path: String, mode: u32, content: &[u8]| {
        Entry::of_root(&path, mode, EntryKind::File(content.to_vec()))
    };
    let directory = |path: &str, mode: u32| Entry::of_root(path, mode, EntryKind::Directory);
    let mut entries = vec![
        directory("/etc/clusterd", 0o755),
        directory("/etc/clusterd/witness", 0o755),
        directory("/usr/libexec/clusterd", 0o755),
        file("/usr/sbin/clusterd".to_owned(), 0o755, binary),
    ];
    for (name, text) in UNITS {
        let path = format!("/usr/lib/systemd/system/{name}");
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
