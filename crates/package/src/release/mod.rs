//! Releases: everything environment-independent, as one signed directory that
//! is a dnf repository at the same time.

mod build;
mod earlier;
mod files;
mod manifest;
mod members;
mod open;
mod repodata;
mod sameness;
mod xml;

pub use build::{Outcome, Progress, ReleaseError, ReleaseInput, build_release};
pub use earlier::{Conflict, Conflicts};
pub use files::ReadTreeError;
pub use manifest::{DAEMON, File, HELPER, MANIFEST, Manifest, ManifestError, PACKAGES, SIGNATURE};
pub use open::{OpenError, Release, ReleaseProblem, ReleaseProblems};
