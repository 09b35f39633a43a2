//! The generation package: says on the host what the host was told to be, and
//! erases what its transaction removes.

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe};
use crate::build::{BuildError, assemble_and_sign};
use crate::date::SourceDate;
use crate::signing_key::SigningKey;
use tandem_generation::place::{GENERATION_FILE, GENERATION_PACKAGE};
use tandem_generation::{Generation, PackageId};

/// Builds the package of a generation.
///
/// `rpm -U` erases nothing by itself, so each package that the transaction
/// removes is obsoleted, up to the very version that is installed: a newer one
/// that somebody else brought stays. The next generation's package replaces
/// this one and with it the obsoletes, so whatever was removed can come back.
///
/// It requires nothing: a requirement would let a foreign package block an
/// undo. That all packages of the generation are there is verified, not wished.
pub fn generation_package(
    generation: &Generation,
    obsoletes: &[PackageId],
    date: SourceDate,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let id = PackageId {
        name: GENERATION_PACKAGE.to_owned(),
        version: generation.number.to_string(),
        release: "1".to_owned(),
        arch: "noarch".to_owned(),
    };
    let summary = format!("Generation {} of {}", generation.number, generation.host);
    let text = "What this host was told to be. Made by tandem apply.";
    let entries = vec![Entry::of_root(
        GENERATION_FILE,
        0o644,
        EntryKind::File(document(generation)),
    )];
    let obsoletes = obsoletes
        .iter()
        .map(|id| rpm::Dependency::less_eq(&id.name, id.version_release()))
        .collect();
    let recipe = Recipe {
        license: "LicenseRef-Site",
        entries,
        obsoletes,
        ..Recipe::new(id, &summary, text)
    };
    assemble_and_sign(recipe, Vec::new(), date, key)
}

/// The content of the generation file: fields in the order of their
/// declaration, sorted maps, two spaces, a final newline.
pub fn document(generation: &Generation) -> Vec<u8> {
    // Plain structs and string keys: serialisation cannot fail.
    let mut document = serde_json::to_vec_pretty(generation).unwrap_or_default();
    document.push(b'\n');
    document
}
