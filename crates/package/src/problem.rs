//! What can be wrong between a spec and its payload; reported all at once.

use std::fmt;
use std::path::PathBuf;
use tandem_model::spec::ScriptletTime;

/// One mistake.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file of the payload is not there.
    #[error("{destination} wants the payload file {}, which does not exist", path.display())]
    Missing {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
    },
    /// It is there and cannot be read.
    #[error("cannot read {} for {destination}: {source}", path.display())]
    Unreadable {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file was expected and there is something else, or the other way round.
    #[error("{destination} wants {expected}, and {} is {found}", path.display())]
    OtherKind {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// What lies outside is not part of the tree that is built.
    #[error("{} leads out of the payload directory; copy what {destination} needs into it", path.display())]
    Outside {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
    },
    /// rpm cannot hold the name.
    #[error("the name of {} is not UTF-8; rename it", .0.display())]
    NotUtf8(PathBuf),
    /// A tree without a file.
    #[error("the tree {} for {destination} holds no file; use a directory entry", path.display())]
    EmptyTree {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
    },
    /// An application archive that no servlet engine could open.
    #[error("{destination} wants a web application archive (a zip file), and {} is none: {why}", path.display())]
    NotAnArchive {
        /// Path on the host.
        destination: String,
        /// Path in the project.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Owned by the distribution.
    #[error(
        "the directory {0} belongs to the distribution; a package that owns it too fails \
         where the modes differ. Leave it out"
    )]
    SharedDirectory(String),
    /// rpm wants absolute paths in their shortest form.
    #[error("`{0}` is no absolute path in its shortest form (no `.`, `..`, `//` or final `/`)")]
    NotAPath(String),
    /// Two entries for one path.
    #[error("{0} is put there by two entries")]
    PathTwice(String),
    /// The changelog's date.
    #[error("`{0}` in the changelog is not a day (YYYY-MM-DD, 1970 or later)")]
    NotADay(String),
    /// Two scriptlets for one time.
    #[error("there are two {0:?} scriptlets; a package has one")]
    ScriptletTwice(ScriptletTime),
}

/// All mistakes of one package.
#[derive(Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(formatter),
            all => {
                write!(formatter, "{} mistakes", all.len())?;
                all.iter()
                    .try_for_each(|problem| write!(formatter, "\n  - {problem}"))
            }
        }
    }
}
