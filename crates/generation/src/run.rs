//! Names of runs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of a run, for example `20261120T104950Z-alice-3f2a`: when, who,
/// and four random digits. It becomes a directory and part of a unit name on
/// the host, so only letters, digits and dashes are allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The text cannot be the name of a run.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a run (letters, digits and dashes, at most 80)")]
pub struct NotARun(String);

impl RunId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The transient systemd unit in which a host executes a leg of this run.
    pub fn unit(&self, leg: u32) -> String {
        format!("tandem-run-{}-{leg}.service", self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = NotARun;
    fn try_from(text: String) -> Result<Self, NotARun> {
        let valid = (1..=80).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if valid {
            Ok(Self(text))
        } else {
            Err(NotARun(text))
        }
    }
}

impl std::str::FromStr for RunId {
    type Err = NotARun;
    fn from_str(text: &str) -> Result<Self, NotARun> {
        Self::try_from(text.to_owned())
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RunId;

    #[test]
    fn a_name_that_would_leave_its_directory_is_refused() {
        assert!("../x".parse::<RunId>().is_err());
        assert!("".parse::<RunId>().is_err());
        assert!("20261120T104950Z-alice-3f2a".parse::<RunId>().is_ok());
    }
}
