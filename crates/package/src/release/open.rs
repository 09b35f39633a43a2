//! Opening a release: nothing of it is used before its signature and every
//! digest are verified.

use super::files::{ReadTreeError, list, read};
use super::manifest::{
    COPIED, DAEMON, HELPER, MANIFEST, Manifest, ManifestError, PACKAGES, SIGNATURE,
};
use crate::assemble::file_name;
use crate::public_key::{PublicKey, SignatureProblem, verify_detached};
use std::fmt;
use std::path::{Path, PathBuf};
use tandem_generation::manifest::ReleaseRef;
use tandem_generation::{Digest, Package};

/// A release that was verified.
#[derive(Clone, Debug)]
pub struct Release {
    directory: PathBuf,
    manifest: Manifest,
    digest: Digest,
    signer: String,
}

/// Why a release cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the release {} cannot be used: {problems}", directory.display())]
pub struct OpenError {
    /// The release.
    pub directory: PathBuf,
    /// Everything that is wrong with it.
    pub problems: ReleaseProblems,
}

/// Everything that is wrong with a release.
#[derive(Debug)]
pub struct ReleaseProblems(pub Vec<ReleaseProblem>);

impl fmt::Display for ReleaseProblems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(formatter),
            all => all
                .iter()
                .try_for_each(|problem| write!(formatter, "\n  - {problem}")),
        }
    }
}

/// One thing that is wrong with a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseProblem {
    /// There is no such release.
    #[error("there is no {MANIFEST} in it; build it with `tandem build`")]
    NoRelease,
    /// The manifest cannot be understood.
    #[error("{MANIFEST} cannot be used: {0}")]
    Manifest(#[source] ManifestError),
    /// The manifest is not vouched for.
    #[error(transparent)]
    Signature(#[from] SignatureProblem),
    /// A file is gone.
    #[error("{0} is missing")]
    Missing(String),
    /// A file is not what was signed.
    #[error("{path} was changed (sha256 {} signed, {} found)", signed.short(), found.short())]
    Changed {
        /// The file.
        path: String,
        /// The digest in the manifest.
        signed: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// A file that the manifest does not know.
    #[error("{0} does not belong to the release")]
    Unlisted(String),
    /// The file system refused.
    #[error(transparent)]
    Read(#[from] ReadTreeError),
}

impl Release {
    /// Opens a release directory. `trusted` are the public release keys.
    pub fn open(directory: &Path, trusted: &[PublicKey]) -> Result<Self, OpenError> {
        let mut problems = Vec::new();
        let opened = inspect(directory, trusted, &mut problems);
        match opened {
            Some((manifest, digest, signer)) if problems.is_empty() => Ok(Self {
                directory: directory.to_owned(),
                manifest,
                digest,
                signer,
            }),
            _ => Err(OpenError {
                directory: directory.to_owned(),
                problems: ReleaseProblems(problems),
            }),
        }
    }

    /// The directory: `roles/`, `profiles/` and `templates/` lie in it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it consists of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Version and digest, as generations name it.
    pub fn reference(&self) -> ReleaseRef {
        ReleaseRef {
            version: self.manifest.version.clone(),
            digest: self.digest.clone(),
        }
    }

    /// Fingerprint of the key that signed it.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// The file of one of its packages.
    pub fn package_path(&self, package: &Package) -> PathBuf {
        self.directory.join(PACKAGES).join(file_name(&package.id))
    }

    /// Content of a file of the manifest, verified once more as it is read;
    /// `path` is relative, `roles/web.yaml`.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ReleaseProblem> {
        let Some(file) = self.manifest.files.get(path) else {
            return Err(ReleaseProblem::Unlisted(path.to_owned()));
        };
        verified(&self.directory, path, &file.digest)
    }

    /// A package's bytes, verified once more as they are read.
    pub fn read_package(&self, package: &Package) -> Result<Vec<u8>, ReleaseProblem> {
        let path = format!("{PACKAGES}/{}", file_name(&package.id));
        verified(&self.directory, &path, &package.file)
    }

    /// The static helper.
    pub fn helper(&self) -> Result<Vec<u8>, ReleaseProblem> {
        self.read(HELPER)
    }

    /// The static cluster daemon, if the release has it.
    pub fn daemon(&self) -> Result<Option<Vec<u8>>, ReleaseProblem> {
        let there = self.manifest.files.contains_key(DAEMON);
        there.then(|| self.read(DAEMON)).transpose()
    }

    /// Paths of the copied files below `roles`, `profiles` or `templates`.
    pub fn copied(&self) -> impl Iterator<Item = &str> {
        let files = self.manifest.files.keys().map(String::as_str);
        files.filter(|path| {
            path.split_once('/')
                .is_some_and(|(top, _)| COPIED.contains(&top))
        })
    }
}

fn inspect(
    directory: &Path,
    trusted: &[PublicKey],
    problems: &mut Vec<ReleaseProblem>,
) -> Option<(Manifest, Digest, String)> {
    let mut optional = |name: &str| match read(directory, name) {
        Ok(content) => content,
        Err(error) => {
            problems.push(error.into());
            None
        }
    };
    let signature = optional(SIGNATURE);
    let Some(bytes) = optional(MANIFEST) else {
        if problems.is_empty() {
            problems.push(ReleaseProblem::NoRelease);
        }
        return None;
    };
    let signer = match verify_detached(MANIFEST, &bytes, signature.as_deref(), trusted) {
        Ok(key) => Some(key.fingerprint().to_owned()),
        Err(problem) => {
            problems.push(problem.into());
            None
        }
    };
    let manifest = match Manifest::from_bytes(&bytes) {
        Ok(manifest) => manifest,
        Err(error) => {
            problems.push(ReleaseProblem::Manifest(error));
            return None;
        }
    };
    // Even when the signature is bad: everything that is wrong, at once.
    verify_files(directory, &manifest, problems);
    signer.map(|signer| (manifest, Digest::of(&bytes), signer))
}

fn verify_files(directory: &Path, manifest: &Manifest, problems: &mut Vec<ReleaseProblem>) {
    let packages = manifest.packages.iter().map(|package| {
        let path = format!("{PACKAGES}/{}", file_name(&package.id));
        (path, &package.file)
    });
    let files = manifest
        .files
        .iter()
        .map(|(path, file)| (path.clone(), &file.digest));
    let found = match list(directory, "") {
        Ok(found) => found,
        Err(error) => return problems.push(error.into()),
    };
    let mut known = vec![MANIFEST.to_owned(), SIGNATURE.to_owned()];
    for (path, digest) in packages.chain(files) {
        // Only what was found here is read: a forged manifest may name any path.
        if found.binary_search(&path).is_err() {
            problems.push(ReleaseProblem::Missing(path.clone()));
        } else if let Err(problem) = verified(directory, &path, digest) {
            problems.push(problem);
        }
        known.push(path);
    }
    known.sort();
    let unlisted = found
        .into_iter()
        .filter(|path| known.binary_search(path).is_err());
    problems.extend(unlisted.map(ReleaseProblem::Unlisted));
}

fn verified(directory: &Path, path: &str, signed: &Digest) -> Result<Vec<u8>, ReleaseProblem> {
    let Some(content) = read(directory, path)? else {
        return Err(ReleaseProblem::Missing(path.to_owned()));
    };
    let found = Digest::of(&content);
    if found == *signed {
        Ok(content)
    } else {
        Err(ReleaseProblem::Changed {
            path: path.to_owned(),
            signed: signed.clone(),
            found,
        })
    }
}
