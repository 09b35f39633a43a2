//! Who can read secrets: identities in the operator's home, recipients beside
//! the inventory.

use super::SecretError;
use age::x25519::{Identity, Recipient};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// The operator's private keys (`AGE-SECRET-KEY-1...`).
#[derive(Clone, Default)]
pub struct Identities {
    pub(super) keys: Vec<Identity>,
    pub(super) looked_in: Vec<PathBuf>,
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} keys from {:?}",
            self.keys.len(),
            self.looked_in
        )
    }
}

impl Identities {
    /// Reads a file as `age-keygen` writes it. A file that does not exist is
    /// no mistake: there are secrets of others that it would not open anyway. One that
    /// others can read is refused, as ssh does with its keys.
    pub fn load(path: &Path) -> Result<Self, SecretError> {
        let mut found = Self {
            keys: Vec::new(),
            looked_in: vec![path.to_owned()],
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(source) => {
                return Err(SecretError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let mode = std::fs::metadata(path)
            .map_err(|source| SecretError::Read {
                path: path.to_owned(),
                source,
            })?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(SecretError::Exposed {
                path: path.to_owned(),
                mode: mode & 0o7777,
            });
        }
        for (index, line) in lines(&text) {
            found
                .keys
                .push(Identity::from_str(line).map_err(|_| SecretError::BadKey {
                    path: path.to_owned(),
                    line: index,
                    expected: "a line beginning with AGE-SECRET-KEY-1",
                })?);
        }
        Ok(found)
    }

    /// A new key, for `tandem init` and for tests.
    pub fn generate() -> Self {
        Self {
            keys: vec![Identity::generate()],
            looked_in: Vec::new(),
        }
    }

    /// The text of an identity file with these keys. Secret.
    pub fn to_file(&self) -> super::Hidden {
        use age::secrecy::ExposeSecret;
        let mut text = Zeroizing::new(String::new());
        for key in &self.keys {
            text.push_str("# public key: ");
            text.push_str(&key.to_public().to_string());
            text.push('\n');
            text.push_str(key.to_string().expose_secret());
            text.push('\n');
        }
        super::Hidden::new(text.as_str())
    }

    /// The public keys, which whoever encrypts needs.
    pub fn recipients(&self) -> Recipients {
        Recipients {
            keys: self.keys.iter().map(Identity::to_public).collect(),
        }
    }

    /// No keys?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The public keys of everybody who may read an environment's secrets
/// (`inventories/NAME.recipients`: `age1...`, one per line).
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    pub(super) keys: Vec<Recipient>,
}

impl Recipients {
    /// Reads a recipients file.
    pub fn load(path: &Path) -> Result<Self, SecretError> {
        let text = std::fs::read_to_string(path).map_err(|source| SecretError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut keys = Vec::new();
        for (index, line) in lines(&text) {
            keys.push(Recipient::from_str(line).map_err(|_| SecretError::BadKey {
                path: path.to_owned(),
                line: index,
                expected: "a line beginning with age1",
            })?);
        }
        if keys.is_empty() {
            return Err(SecretError::NoRecipients {
                path: path.to_owned(),
            });
        }
        Ok(Self { keys })
    }

    /// The text of a recipients file.
    pub fn to_file(&self) -> String {
        let mut text = String::from("# Who can read this environment's secrets.\n");
        for key in &self.keys {
            text.push_str(&key.to_string());
            text.push('\n');
        }
        text
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
