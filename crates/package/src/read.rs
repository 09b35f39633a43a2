//! Reading RPM files: what they are called, their digests, their contents.

use crate::assemble::header_digest;
use std::path::Path;
use tandem_generation::{Digest, Package, PackageId};

/// Why a package file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("cannot read the package {what}")]
    Io {
        /// The file.
        what: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is no package, or a damaged one.
    #[error("{what} is no RPM package, or damaged; fetch or build it again")]
    Damaged {
        /// The file.
        what: String,
        /// Why not.
        #[source]
        source: Box<rpm::Error>,
    },
}

/// An opened package.
pub struct OpenPackage {
    inner: rpm::Package,
    what: String,
    /// What it is called and what its digests are; `restarts` is empty, for the
    /// file does not know them.
    pub package: Package,
}

impl OpenPackage {
    /// Opens a package in memory and verifies its own digests; `what` is named
    /// in errors.
    pub fn from_bytes(what: &str, bytes: &[u8]) -> Result<Self, ReadError> {
        let damaged = |source| ReadError::Damaged {
            what: what.to_owned(),
            source: Box::new(source),
        };
        let mut rest = bytes;
        let inner = rpm::Package::parse(&mut rest).map_err(damaged)?;
        inner.verify_digests().map_err(damaged)?;
        let metadata = &inner.metadata;
        let text = |value: Result<&str, rpm::Error>| value.map(str::to_owned).map_err(damaged);
        let id = PackageId {
            name: text(metadata.get_name())?,
            version: text(metadata.get_version())?,
            release: text(metadata.get_release())?,
            arch: text(metadata.get_arch())?,
        };
        let package = Package {
            id,
            header: header_digest(&inner).map_err(damaged)?,
            file: Digest::of(bytes),
            size: bytes.len() as u64,
            restarts: Vec::new(),
            reloads: Vec::new(),
        };
        Ok(Self {
            inner,
            what: what.to_owned(),
            package,
        })
    }

    /// Opens a package file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let what = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| ReadError::Io {
            what: what.clone(),
            source,
        })?;
        Self::from_bytes(&what, &bytes)
    }

    /// Its paths, in rpm's order.
    pub fn paths(&self) -> Result<Vec<String>, ReadError> {
        let entries = self
            .inner
            .metadata
            .get_file_paths()
            .map_err(|source| self.damaged(source))?;
        Ok(entries
            .into_iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect())
    }

    /// Content of a regular file; `None` where the package has no such file.
    pub fn content(&self, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let files = self.inner.files().map_err(|source| self.damaged(source))?;
        for file in files {
            let file = file.map_err(|source| self.damaged(source))?;
            let wanted = file.metadata.path() == Path::new(path)
                && file.metadata.file_type() == rpm::FileType::Regular;
            if wanted {
                return Ok(file.into_content());
            }
        }
        Ok(None)
    }

    pub(crate) fn inner(&self) -> &rpm::Package {
        &self.inner
    }

    pub(crate) fn damaged(&self, source: rpm::Error) -> ReadError {
        ReadError::Damaged {
            what: self.what.clone(),
            source: Box::new(source),
        }
    }
}
