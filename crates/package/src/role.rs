//! Whose key it is: the release key signs releases, an environment's key signs
//! its host, generation and helper packages.

use std::fmt;
use std::path::{Path, PathBuf};

/// Name of the release key's files.
const RELEASE: &str = "release";

/// The owner of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyRole {
    /// Signs releases; in the hands of whoever builds them.
    Release,
    /// Signs what is made for the hosts of this environment.
    Environment(String),
}

/// A name that no environment's key can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "no key can be made for an environment named `{0}`: a name is small letters, digits, \
     `-` and `_`, begins with a letter, and `release` is the release key's"
)]
pub struct NotAnEnvironment(String);

impl KeyRole {
    /// The role of an environment's key.
    pub fn environment(name: &str) -> Result<Self, NotAnEnvironment> {
        let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
        let rest_is_well = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if begins_well && rest_is_well && name != RELEASE {
            Ok(Self::Environment(name.to_owned()))
        } else {
            Err(NotAnEnvironment(name.to_owned()))
        }
    }

    /// `release`, or the environment's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Release => RELEASE,
            Self::Environment(name) => name,
        }
    }

    /// The public key in the project: `keys/NAME.asc` under its root.
    pub fn public_path(&self, project: &Path) -> PathBuf {
        project.join("keys").join(format!("{}.asc", self.name()))
    }

    /// The private key in a directory of the operator's.
    pub fn private_path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.key.asc", self.name()))
    }

    /// Who the key says it is.
    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::Release => "tandem release key".to_owned(),
            Self::Environment(name) => format!("tandem environment key ({name})"),
        }
    }
}

impl fmt::Display for KeyRole {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release => formatter.write_str("release key"),
            Self::Environment(name) => write!(formatter, "key of environment {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_cannot_take_the_release_keys_files_or_leave_the_directory() {
        for refused in ["release", "", "../x", "a/b", "Prod", "-x"] {
            assert!(KeyRole::environment(refused).is_err(), "{refused}");
        }
        let role = KeyRole::environment("prod-2").expect("a name");
        assert_eq!(
            role.public_path(Path::new("p")),
            Path::new("p/keys/prod-2.asc")
        );
    }
}
