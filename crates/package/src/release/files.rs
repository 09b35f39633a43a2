//! Files of a directory tree by their relative paths.

use std::path::{Path, PathBuf};

/// Why a tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadTreeError {
    /// The file system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Something that a release cannot hold.
    #[error(
        "{} is neither a file nor a directory, or its name is not UTF-8; \
         a release holds plain files only", .0.display()
    )]
    NotAFile(PathBuf),
}

/// The files below `top` (a relative path, empty for all), sorted; nothing
/// where there is no such directory.
pub(crate) fn list(root: &Path, top: &str) -> Result<Vec<String>, ReadTreeError> {
    let mut found = Vec::new();
    let mut pending = vec![top.to_owned()];
    while let Some(relative) = pending.pop() {
        let directory = root.join(&relative);
        let io = |source| ReadTreeError::Io {
            path: directory.clone(),
            source,
        };
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if relative == top && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(found);
            }
            Err(error) => return Err(io(error)),
        };
        for entry in entries {
            let entry = entry.map_err(io)?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(ReadTreeError::NotAFile(entry.path()));
            };
            let path = match relative.as_str() {
                "" => name,
                above => format!("{above}/{name}"),
            };
            let kind = entry.file_type().map_err(io)?;
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file() {
                found.push(path);
            } else {
                return Err(ReadTreeError::NotAFile(entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Content of a file; `None` where there is none.
pub(crate) fn read(root: &Path, path: &str) -> Result<Option<Vec<u8>>, ReadTreeError> {
    let path = root.join(path);
    match std::fs::read(&path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadTreeError::Io { path, source }),
    }
}
