//! The host package: it owns every file rendered for one host, and exists in
//! memory only, for it holds secrets.

use crate::assemble::{BuiltPackage, Entry, EntryKind, Recipe, dependency, header_digest};
use crate::build::{BuildError, assemble_and_sign, assemble_unsigned};
use crate::date::SourceDate;
use crate::signing_key::SigningKey;
use std::collections::BTreeSet;
use tandem_generation::PackageId;
use tandem_generation::place::CONFIG_PACKAGE;
use tandem_model::spec::Dependency;

/// Below here all directories are ours.
const OURS: &str = "/etc/tandem";
/// Drop-in directories of units directly below here are made for our files.
const UNITS: &str = "/etc/systemd/system/";
/// The release that stands in while the content's hash is computed.
const NO_HASH: &str = "0";

/// A file that was rendered for a host.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Absolute path.
    pub path: String,
    /// Content, secrets included.
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
}

impl std::fmt::Debug for RenderedFile {
    // The content may be secret.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RenderedFile")
            .field("path", &self.path)
            .field("bytes", &self.content.len())
            .field("mode", &format_args!("{:04o}", self.mode))
            .finish_non_exhaustive()
    }
}

/// Builds the package that owns these files on this host.
///
/// Its version is the release's; its release is a hash over the whole header:
/// names, modes, owners, digests of contents, dependencies. So one name,
/// version and release never means two contents, and `rpm -U` never takes a
/// change for "already installed". The signature has no part in it.
///
/// `date` is the release's: the same input is the same bytes on any machine.
pub fn config_package(
    host: &str,
    release_version: &str,
    files: &[RenderedFile],
    requires: &[Dependency],
    date: SourceDate,
    key: &SigningKey,
) -> Result<BuiltPackage, BuildError> {
    let summary = format!("Configuration of {host}");
    let recipe = |release: &str| {
        let id = PackageId {
            name: CONFIG_PACKAGE.to_owned(),
            version: release_version.to_owned(),
            release: release.to_owned(),
            arch: "noarch".to_owned(),
        };
        let text = "Every file that tandem rendered for this host. \
                    Made by tandem apply; edit the inventory, the role or the template instead.";
        Recipe {
            license: "LicenseRef-Site",
            requires: requires.iter().map(dependency).collect(),
            entries: entries(files),
            ..Recipe::new(id, &summary, text)
        }
    };
    let draft = assemble_unsigned(recipe(NO_HASH), date)?;
    let hash = header_digest(&draft).map_err(|source| BuildError::Rpm {
        package: CONFIG_PACKAGE.to_owned(),
        source: Box::new(source),
    })?;
    // A letter first: hexadecimal digits alone could read as a huge number.
    let release = format!("c{}", hash.short());
    assemble_and_sign(recipe(&release), Vec::new(), date, key)
}

fn entries(files: &[RenderedFile]) -> Vec<Entry> {
    let directories: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| own_directories(&file.path))
        .collect();
    let directories = directories
        .into_iter()
        .map(|path| Entry::of_root(path, 0o755, EntryKind::Directory));
    let files = files.iter().map(|file| Entry {
        path: file.path.clone(),
        mode: file.mode,
        owner: file.owner.clone(),
        group: file.group.clone(),
        kind: EntryKind::File(file.content.clone()),
    });
    directories.chain(files).collect()
}

/// The directories above a path that are ours to own: everything from
/// `/etc/tandem` down, and a unit's drop-in directory, which systemd's packages
/// leave to whoever puts a file there.
fn own_directories(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(end, _)| &path[..end])
        .filter(|directory| {
            let below = directory.strip_prefix(OURS);
            let ours = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let drop_ins = directory.strip_prefix(UNITS).is_some_and(|unit| {
                !unit.contains('/') && unit.rsplit_once('.').is_some_and(|(_, last)| last == "d")
            });
            ours || drop_ins
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_distribution_are_not_owned() {
        let owned = |path| own_directories(path).collect::<Vec<_>>();
        assert_eq!(
            owned("/etc/tandem/httpd/conf.d/site.conf"),
            [
                "/etc/tandem",
                "/etc/tandem/httpd",
                "/etc/tandem/httpd/conf.d"
            ]
        );
        assert!(owned("/etc/ha.d/ha.cf").is_empty());
        assert!(owned("/etc/tandemonium/x").is_empty());
        assert_eq!(
            owned("/etc/systemd/system/httpd.service.d/tandem.conf"),
            ["/etc/systemd/system/httpd.service.d"]
        );
        assert!(owned("/etc/systemd/system/x.service").is_empty());
    }
}
