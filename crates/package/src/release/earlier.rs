//! The releases that are in `dist` already: a name, version and release of a
//! package never means two contents.

use super::manifest::{MANIFEST, Manifest, ManifestError, PACKAGES};
use super::sameness::differences;
use crate::assemble::{BuiltPackage, file_name};
use crate::date::SourceDate;
use crate::read::{OpenPackage, ReadError};
use crate::signing_key::{KeyError, SigningKey};
use std::fmt;
use std::path::{Path, PathBuf};
use tandem_generation::PackageId;

/// A package whose name is taken by another content.
#[derive(Debug)]
pub struct Conflict {
    /// The package.
    pub package: PackageId,
    /// The release that has it.
    pub release: String,
    /// In what they differ: paths and parts of the package.
    pub differences: Vec<String>,
}

/// All of them.
#[derive(Debug)]
pub struct Conflicts(pub Vec<Conflict>);

impl fmt::Display for Conflicts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for conflict in &self.0 {
            let Conflict {
                package,
                release,
                differences,
            } = conflict;
            write!(
                formatter,
                "\n  - {package} is in release {release} with other "
            )?;
            match differences.as_slice() {
                [] => formatter.write_str("content")?,
                few if few.len() <= 4 => formatter.write_str(&few.join(", "))?,
                [first, second, third, rest @ ..] => {
                    write!(
                        formatter,
                        "{first}, {second}, {third} and {} more",
                        rest.len()
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Why an earlier release could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum EarlierError {
    /// The file system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A manifest that cannot be understood hides which packages are taken.
    #[error("the manifest of the earlier release {} cannot be read", directory.display())]
    Manifest {
        /// The release.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: ManifestError,
    },
    /// A package cannot be compared.
    #[error(transparent)]
    Package(#[from] ReadError),
    /// A package that is carried over could not be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// An earlier release; its manifest is only looked at, not believed.
pub(crate) struct Earlier {
    directory: PathBuf,
    pub(crate) manifest: Manifest,
}

/// All releases of a directory, oldest name first.
pub(crate) fn earlier(dist: &Path) -> Result<Vec<Earlier>, EarlierError> {
    let io = |path: &Path, source| EarlierError::Io {
        path: path.to_owned(),
        source,
    };
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(dist) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(io(dist, error)),
    };
    for entry in entries {
        let directory = entry.map_err(|source| io(dist, source))?.path();
        let hidden = directory
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let path = directory.join(MANIFEST);
        if hidden || !path.exists() {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|source| io(&path, source))?;
        let manifest = Manifest::from_bytes(&bytes).map_err(|source| EarlierError::Manifest {
            directory: directory.clone(),
            source,
        })?;
        found.push(Earlier {
            directory,
            manifest,
        });
    }
    found.sort_by(|a, b| a.directory.cmp(&b.directory));
    Ok(found)
}

/// What becomes of a freshly built package in view of earlier releases.
pub(crate) enum Fate {
    /// Nobody has its name.
    New(BuiltPackage),
    /// It is in that release already, and its identity stays the one it has
    /// there, so that no host sees a change.
    Carried(BuiltPackage, String),
    /// Its name is taken.
    Taken(Conflict),
}

/// Decides on a package.
pub(crate) fn fate(
    built: BuiltPackage,
    earlier: &[Earlier],
    date: SourceDate,
    key: &SigningKey,
) -> Result<Fate, EarlierError> {
    let id = &built.package.id;
    let holders = earlier.iter().filter_map(|release| {
        let packages = release.manifest.packages.iter();
        let theirs = packages.clone().find(|package| {
            let other = &package.id;
            (&other.name, &other.version, &other.release) == (&id.name, &id.version, &id.release)
        })?;
        Some((release, theirs))
    });
    let mut carried = None;
    for (release, theirs) in holders {
        let version = &release.manifest.version;
        if theirs.header == built.package.header {
            carried.get_or_insert((built.clone(), version.clone()));
            continue;
        }
        let path = release.directory.join(PACKAGES).join(file_name(&theirs.id));
        let there = OpenPackage::open(&path)?;
        let now = OpenPackage::from_bytes(&built.file_name(), &built.bytes)?;
        let differences = differences(&now, &there)?;
        if theirs.id.arch != id.arch || !differences.is_empty() {
            return Ok(Fate::Taken(Conflict {
                package: id.clone(),
                release: version.clone(),
                differences,
            }));
        }
        if carried.is_none() {
            let restarts = built.package.restarts.clone();
            let mut inner = there.inner().clone();
            inner
                .clear_signatures()
                .map_err(|source| there.damaged(source))?;
            let signed = key.sign_package(inner, id.clone(), restarts, date)?;
            carried = Some((signed, version.clone()));
        }
    }
    Ok(match carried {
        Some((package, version)) => Fate::Carried(package, version),
        None => Fate::New(built),
    })
}
