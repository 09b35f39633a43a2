//! The package of the static helper that runs on hosts.

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe};
use crate::build::{BuildError, assemble_and_sign};
use crate::date::SourceDate;
use crate::signing_key::SigningKey;
use tandem_generation::PackageId;
use tandem_generation::place::{HELPER, HELPER_PACKAGE};

/// Builds the helper's package. The directory `/usr/libexec/tandem` is its own.
pub fn helper_package(
    binary: &[u8],
    version: &str,
    date: SourceDate,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let id = PackageId {
        name: HELPER_PACKAGE.to_owned(),
        version: version.to_owned(),
        release: "1".to_owned(),
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
    assemble_and_sign(recipe, Vec::new(), date, key)
}
