//! What can be wrong with a store, as an operator wants to read it.

use std::fmt;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a store cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Another daemon has it open.
    #[error("{path}: another daemon uses it; stop that one, or give this one a store of its own", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Something else than a store.
    #[error("{path} is not a store of clusterd: {what}; see what it is, and move it away", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// The store of another cluster.
    #[error("{path} belongs to the cluster '{found}' and this daemon to '{expected}'; if this node was moved, move the file away", path = path.display())]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The store of another node.
    #[error("{path} belongs to node {found} and this is node {expected}; a store is never copied from one node to another", path = path.display())]
    OtherNode {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: u16,
        /// Whose it should be.
        expected: u16,
    },
    /// Written by a later release.
    #[error("{path} has format {found} and this release knows formats up to {known}; install the release that wrote it", path = path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest one that this release knows.
        known: u32,
    },
    /// Damaged. A voter whose store is damaged has lost its memory.
    #[error("{path} is damaged: {what}; this node must not vote with what is left, so move the file away and let it join as one that lost its disk", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is damaged, and where.
        what: String,
    },
    /// No space, or no more of it for this user or process.
    #[error("{path}: cannot be written, its disk is full; make space and start the daemon again", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Error,
    },
    /// The system refused something.
    #[error("{path}: cannot {attempt}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was attempted.
        attempt: &'static str,
        /// What the system said.
        #[source]
        source: Error,
    },
    /// An earlier write failed: what is on the disk is unknown until it is opened again.
    #[error("{path}: not written, because an earlier write failed ({earlier}); start the daemon again", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// How that one failed.
        earlier: String,
    },
    /// Entries of a write do not go upwards: a mistake of whoever wrote them. Nothing of
    /// these writes was done.
    #[error("{path}: not written, because entry {index} of the log does not come after the one before it; this is a bug of clusterd, report it", path = path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// The first one that does not.
        index: u64,
    },
}

impl Problem {
    pub(crate) fn corrupt(path: &Path, what: impl fmt::Display) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            what: what.to_string(),
        }
    }

    /// The system refused `attempt`.
    pub(crate) fn io(path: &Path, attempt: &'static str, source: Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full { path, source }
            }
            _ => Self::Io {
                path,
                attempt,
                source,
            },
        }
    }

    /// redb refused `attempt`.
    pub(crate) fn redb(path: &Path, attempt: &'static str, error: redb::Error) -> Self {
        match error {
            redb::Error::Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
                Self::corrupt(path, format!("cannot {attempt}: the file is cut off"))
            }
            redb::Error::Io(source) => Self::io(path, attempt, source),
            redb::Error::DatabaseAlreadyOpen => Self::InUse {
                path: path.to_owned(),
            },
            other => Self::corrupt(path, format!("cannot {attempt}: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_other_refusals() {
        // ENOSPC, EDQUOT, EFBIG, EIO.
        for (number, full) in [(28, true), (122, true), (27, true), (5, false)] {
            let error = redb::Error::Io(Error::from_raw_os_error(number));
            let problem = Problem::redb(Path::new("/x"), "write", error);
            assert_eq!(matches!(problem, Problem::Full { .. }), full, "{problem}");
        }
    }
}
