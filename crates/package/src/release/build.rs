//! Building a release directory: beside its place, then renamed into it, so
//! that there is all of it or nothing.

use super::earlier::{Conflicts, EarlierError, earlier};
use super::files::{ReadTreeError, list, read};
use super::manifest::{
    COPIED, DAEMON, FORMAT, File, HELPER, MANIFEST, Manifest, PACKAGES, SIGNATURE,
};
use super::members::build_members;
use super::open::{OpenError, Release};
use super::repodata::repodata;
use crate::assemble::{BuiltPackage, file_name};
use crate::build::BuildError;
use crate::date::{DateError, SourceDate};
use crate::read::{OpenPackage, ReadError};
use crate::signing_key::{KeyError, SigningKey};
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tandem_generation::manifest::Source;
use tandem_generation::{Package, PackageId};
use tandem_model::spec::Spec;

/// What a release is built from.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseInput<'a> {
    /// The version it gets.
    pub version: &'a str,
    /// Root of the project: `roles/`, `profiles/` and `templates/` lie in it.
    pub project: &'a Path,
    /// Where releases lie.
    pub dist: &'a Path,
    /// The packages to build.
    pub specs: &'a [Spec],
    /// The commit.
    pub source: &'a Source,
    /// The commit's time.
    pub date: SourceDate,
    /// This tandem's version.
    pub tandem: &'a str,
    /// The static helper's bytes.
    pub helper: &'a [u8],
    /// The static cluster daemon's bytes, for clusters whose engine it is.
    pub daemon: Option<&'a [u8]>,
    /// The release key.
    pub key: &'a SigningKey,
}

/// What is being done; for progress on a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A package is being built.
    Building {
        /// Which.
        package: &'a PackageId,
        /// Counting from 1.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// It is built.
    Built {
        /// What came out.
        package: &'a Package,
        /// The earlier release that has it already, unchanged.
        carried_from: Option<&'a str>,
    },
    /// Repository metadata are being written.
    Indexing,
    /// The release is in its place.
    Placed(&'a Path),
}

/// What became of it.
#[derive(Debug)]
pub enum Outcome {
    /// It was built.
    Built(Release),
    /// It was there already, with the same content; nothing was changed. The
    /// commit that its manifest names may be an earlier one.
    AlreadyThere(Release),
}

impl Outcome {
    /// The release, either way.
    pub fn release(&self) -> &Release {
        match self {
            Self::Built(release) | Self::AlreadyThere(release) => release,
        }
    }
}

/// Why a release could not be built. `dist` is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// rpm and the file system must take the version.
    #[error(
        "`{0}` cannot be the version of a release: letters, digits, `.`, `_`, `+`, `~` and `^`, \
         beginning with a letter or digit"
    )]
    Version(String),
    /// Packages could not be built.
    #[error("{}", Several(.0))]
    Packages(Vec<BuildError>),
    /// Two specs make one package.
    #[error("two specs make the package {0}; change the name or version of one")]
    Twice(PackageId),
    /// Names are taken.
    #[error(
        "packages changed and kept their version; raise `version` or `release` in their specs:\
         {0}"
    )]
    Conflicts(Conflicts),
    /// The release's version is taken.
    #[error(
        "release {version} is in {} already, with other content: {}. \
         A version never means two things: choose another one, or remove that directory \
         if no host ever had it", directory.display(), differences.join(", ")
    )]
    Taken {
        /// The version.
        version: String,
        /// Where it is.
        directory: PathBuf,
        /// In what they differ.
        differences: Vec<String>,
    },
    /// What is there under this version is damaged.
    #[error("what is there already is damaged")]
    Damaged(#[source] Box<OpenError>),
    /// Earlier releases could not be looked at.
    #[error(transparent)]
    Earlier(#[from] EarlierError),
    /// The project's files could not be read.
    #[error(transparent)]
    Project(#[from] ReadTreeError),
    /// The date.
    #[error(transparent)]
    Date(#[from] DateError),
    /// Signing failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A package that was just built cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file system refused.
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

struct Several<'a>(&'a [BuildError]);

impl fmt::Display for Several<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let newline = if number == 0 { "" } else { "\n" };
            write!(formatter, "{newline}{error}")?;
            let mut source = match error {
                // Its problems are in its own text.
                BuildError::Problems { .. } | BuildError::Date { .. } => None,
                other => std::error::Error::source(other),
            };
            while let Some(cause) = source {
                write!(formatter, ": {cause}")?;
                source = cause.source();
            }
        }
        Ok(())
    }
}

/// Builds `dist/VERSION/`.
pub fn build_release(
    input: &ReleaseInput<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Outcome, ReleaseError> {
    refuse_version(input.version)?;
    input.date.refuse_future()?;
    let earlier = earlier(input.dist)?;
    let packages = build_members(input, &earlier, progress)?;
    let mut files = project_files(input.project)?;
    files.insert(HELPER.to_owned(), input.helper.to_vec());
    if let Some(daemon) = input.daemon {
        files.insert(DAEMON.to_owned(), daemon.to_vec());
    }
    progress(Progress::Indexing);
    index(input, &packages, &mut files)?;
    let manifest = Manifest {
        format: FORMAT,
        version: input.version.to_owned(),
        source: input.source.clone(),
        source_date: input.date.seconds(),
        tandem: input.tandem.to_owned(),
        packages: packages.iter().map(|built| built.package.clone()).collect(),
        files: files
            .iter()
            .map(|(path, content)| (path.clone(), File::of(content)))
            .collect(),
    };
    let place = input.dist.join(input.version);
    let trusted = [input.key.public().clone()];
    if place.join(MANIFEST).exists() {
        let there = Release::open(&place, &trusted)
            .map_err(|error| ReleaseError::Damaged(Box::new(error)))?;
        let differences = manifest.differences(there.manifest());
        if differences.is_empty() {
            return Ok(Outcome::AlreadyThere(there));
        }
        return Err(ReleaseError::Taken {
            version: input.version.to_owned(),
            directory: place,
            differences,
        });
    }
    for built in packages {
        let path = format!("{PACKAGES}/{}", built.file_name());
        files.insert(path, built.bytes);
    }
    let document = manifest.to_bytes();
    let signature = input.key.sign_detached(MANIFEST, &document, input.date)?;
    files.insert(SIGNATURE.to_owned(), signature.into_bytes());
    files.insert(MANIFEST.to_owned(), document);
    write(input.dist, &place, &files)?;
    progress(Progress::Placed(&place));
    Release::open(&place, &trusted)
        .map(Outcome::Built)
        .map_err(|error| ReleaseError::Damaged(Box::new(error)))
}

fn refuse_version(version: &str) -> Result<(), ReleaseError> {
    let begins_well = version.starts_with(|first: char| first.is_ascii_alphanumeric());
    let rest_is_well = version
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || ".+~^_".contains(c));
    if begins_well && rest_is_well {
        Ok(())
    } else {
        Err(ReleaseError::Version(version.to_owned()))
    }
}

fn project_files(project: &Path) -> Result<BTreeMap<String, Vec<u8>>, ReadTreeError> {
    let mut files = BTreeMap::new();
    for top in COPIED {
        for path in list(project, top)? {
            if let Some(content) = read(project, &path)? {
                files.insert(path, content);
            }
        }
    }
    Ok(files)
}

fn index(
    input: &ReleaseInput<'_>,
    packages: &[BuiltPackage],
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), ReleaseError> {
    let opened = packages
        .iter()
        .map(|built| {
            let opened = OpenPackage::from_bytes(&file_name(&built.package.id), &built.bytes)?;
            Ok((built.package.clone(), opened))
        })
        .collect::<Result<Vec<_>, ReadError>>()?;
    for (path, content) in repodata(&opened, input.date.seconds())? {
        if path.ends_with("/repomd.xml") {
            // For repositories with `repo_gpgcheck=1`.
            let signature = input.key.sign_detached(&path, &content, input.date)?;
            files.insert(format!("{path}.asc"), signature.into_bytes());
        }
        files.insert(path, content);
    }
    Ok(())
}

fn write(dist: &Path, place: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), ReleaseError> {
    let io = |attempt, path: &Path| {
        let path = path.to_owned();
        move |source| ReleaseError::Io {
            attempt,
            path,
            source,
        }
    };
    // Whatever the umask: a repository is read by others.
    let open_to_all = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(io("set the mode of", path))
    };
    std::fs::create_dir_all(dist).map_err(io("make the directory", dist))?;
    let beside = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(dist)
        .map_err(io("make a directory in", dist))?;
    for (path, content) in files {
        let path = beside.path().join(path);
        let above = path.ancestors().skip(1);
        for directory in above.take_while(|above| *above != beside.path()) {
            if !directory.exists() {
                std::fs::create_dir_all(directory).map_err(io("make the directory", directory))?;
            }
            open_to_all(directory, 0o755)?;
        }
        std::fs::write(&path, content).map_err(io("write", &path))?;
        open_to_all(&path, 0o644)?;
    }
    open_to_all(beside.path(), 0o755)?;
    std::fs::rename(beside.path(), place).map_err(io("put the release into its place,", place))?;
    // Renamed: there is nothing to remove any more.
    let _ = beside.keep();
    Ok(())
}
