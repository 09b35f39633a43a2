//! The package of the static helper that runs on hosts.

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe};
use crate::build::{BuildError, assemble_and_sign};
use crate::date::SourceDate;
use crate::signing_key::SigningKey;
use tandem_generation::place::{HELPER, HELPER_PACKAGE};
use tandem_generation::{Digest, PackageId};

/// 2026-01-01 00:00 UTC. Every helper's package bears the same date: the binary
/// alone makes it what it is, whichever release carries it.
const DATE: i64 = 1_767_225_600;

/// Builds the helper's package; `version` is tandem's own, so that a release of
/// the platform with the same helper does not touch it. The directory `/usr/libexec/tandem` is its own.
pub fn helper_package(
    binary: &[u8],
    version: &str,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let id = PackageId {
        name: HELPER_PACKAGE.to_owned(),
        version: version.to_owned(),
        // Another binary under the same version is another package.
        release: format!("h{}", Digest::of(binary).short()),
        arch: "x86_64".to_owned(),
    };
    let directory = HELPER
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    let entries = vec![
        Entry::of_root(directory, 0o755, EntryKind::Directory),
        Entry::of_root(HELPER, 0o755, EntryKind::File(binary.to_vec())),
    ];
    let text = "Tells facts of this host, and stages, runs, confirms and undoes what \
                tandem orders. It is started when it is needed and is no daemon.";
    let recipe = Recipe {
        entries,
        ..Recipe::new(id, "The part of tandem that runs on hosts", text)
    };
    let date = SourceDate::new(DATE).map_err(|source| BuildError::Date {
        package: HELPER_PACKAGE.to_owned(),
        source,
    })?;
    assemble_and_sign(recipe, Vec::new(), date, key)
}
