//! The encrypted file: open, seal, edit, change its recipients.

use super::{Hidden, Identities, Recipients, SALT, Secrets, text};
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, EncryptError, Encryptor};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// More than this is no file of secrets.
const SIZE_LIMIT: u64 = 1 << 20;

/// Secrets could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such file.
    #[error("there are no secrets in `{}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Others can read the operator's identity.
    #[error("`{}` can be read by others (mode {mode:04o})", path.display())]
    Exposed {
        /// The identity file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The operator has no identity.
    #[error("cannot decrypt `{}`: no identity in {}", path.display(), listed(looked_in))]
    NoIdentity {
        /// The encrypted file.
        path: PathBuf,
        /// Where identities were looked for.
        looked_in: Vec<PathBuf>,
    },
    /// None of the operator's identities is a recipient.
    #[error("cannot decrypt `{}`: it is not encrypted for any of your {keys} keys", path.display())]
    WrongIdentity {
        /// The encrypted file.
        path: PathBuf,
        /// How many were tried.
        keys: usize,
    },
    /// Not an age file, or damaged.
    #[error("cannot decrypt `{}`: it is damaged or no age file", path.display())]
    Corrupt {
        /// The encrypted file.
        path: PathBuf,
        /// What age says.
        #[source]
        source: Box<DecryptError>,
    },
    /// Decrypted, and not understood. The text is not shown.
    #[error("cannot understand the secrets in `{}`{}", path.display(), on_line(*line))]
    NotSecrets {
        /// The encrypted file.
        path: PathBuf,
        /// Line of the decrypted text; 0: unknown.
        line: u64,
    },
    /// A key file has something else in it.
    #[error("line {line} of `{}` is no key: expected {expected}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Nobody could ever read it.
    #[error("`{}` names no recipient", path.display())]
    NoRecipients {
        /// The recipients file.
        path: PathBuf,
    },
    /// Encryption failed.
    #[error("cannot encrypt `{}`", path.display())]
    Encrypt {
        /// The file.
        path: PathBuf,
        /// What age says.
        #[source]
        source: Box<EncryptError>,
    },
    /// The operator's editor gave up.
    #[error("the secrets in `{}` are unchanged: {because}", path.display())]
    Unchanged {
        /// The file.
        path: PathBuf,
        /// Why.
        because: String,
    },
}

impl SecretError {
    /// The way out.
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { path } => format!(
                "make them with `tandem secret init -i {}`",
                environment(path)
            ),
            Self::Exposed { path, .. } => format!(
                "run `chmod 0600 {}`; if somebody may have read it, make a new one and run `tandem secret rekey`",
                path.display()
            ),
            Self::NoIdentity { looked_in, .. } => match looked_in.first() {
                Some(path) => format!(
                    "create one with `age-keygen -o {}`, then ask somebody who can read the secrets to add its public key to the recipients and run `tandem secret rekey`",
                    path.display()
                ),
                None => "name an identity file".to_owned(),
            },
            Self::WrongIdentity { path, .. } => format!(
                "ask somebody who can read them to add your public key to {}.recipients and run `tandem secret rekey -i {0}`",
                environment(path)
            ),
            Self::Corrupt { path, .. } => {
                format!("restore `{}` from version control", path.display())
            }
            Self::NotSecrets { path, .. } => format!(
                "each line is `name: text` or `name: {{current: 1, values: {{1: text}}}}`, numbers in quotes; mend it with `tandem secret edit -i {}`",
                environment(path)
            ),
            Self::NoRecipients { .. } => {
                "add a public key (age1...), yours is in your identity file".to_owned()
            }
            Self::Read { .. }
            | Self::Write { .. }
            | Self::BadKey { .. }
            | Self::Encrypt { .. }
            | Self::Unchanged { .. } => "mend this and try again".to_owned(),
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if shown.is_empty() {
        "no file at all".to_owned()
    } else {
        shown.join(", ")
    }
}

fn on_line(line: u64) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(", line {line}")
    }
}

/// `dev` of `inventories/dev.secrets.age`.
fn environment(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

impl Secrets {
    /// Decrypts a file.
    pub fn load(path: &Path, identities: &Identities) -> Result<Self, SecretError> {
        let encrypted = match std::fs::read(path) {
            Ok(encrypted) => encrypted,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SecretError::Missing {
                    path: path.to_owned(),
                });
            }
            Err(source) => {
                return Err(SecretError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        if identities.is_empty() {
            return Err(SecretError::NoIdentity {
                path: path.to_owned(),
                looked_in: identities.looked_in.clone(),
            });
        }
        let plain = decrypt(&encrypted, identities).map_err(|source| match source {
            DecryptError::NoMatchingKeys => SecretError::WrongIdentity {
                path: path.to_owned(),
                keys: identities.keys.len(),
            },
            source => SecretError::Corrupt {
                path: path.to_owned(),
                source: Box::new(source),
            },
        })?;
        Self::parse(&plain).map_err(|line| SecretError::NotSecrets {
            path: path.to_owned(),
            line,
        })
    }

    /// Encrypts to a file, replacing it at once or not at all. The salt is
    /// made up if it is not there.
    pub fn save(&mut self, path: &Path, recipients: &Recipients) -> Result<(), SecretError> {
        self.generate([]);
        let encrypted =
            encrypt(self.to_text().reveal().as_bytes(), recipients).map_err(|source| {
                SecretError::Encrypt {
                    path: path.to_owned(),
                    source: Box::new(source),
                }
            })?;
        let write_error = |source| SecretError::Write {
            path: path.to_owned(),
            source,
        };
        let draft = path.with_extension("age.part");
        let mut file = std::fs::File::create(&draft).map_err(write_error)?;
        file.write_all(&encrypted)
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&draft, path))
            .map_err(write_error)
    }

    /// Lets `edit` change the text of the file, which need not exist yet.
    pub fn edit(
        path: &Path,
        identities: &Identities,
        recipients: &Recipients,
        edit: impl FnOnce(&Hidden) -> Result<Hidden, String>,
    ) -> Result<Self, SecretError> {
        let before = match Self::load(path, identities) {
            Err(SecretError::Missing { .. }) => Self::default(),
            other => other?,
        };
        let text = edit(&before.to_text()).map_err(|because| SecretError::Unchanged {
            path: path.to_owned(),
            because,
        })?;
        let mut secrets = Self::parse(text.reveal()).map_err(|line| SecretError::NotSecrets {
            path: path.to_owned(),
            line,
        })?;
        if let (None, Some(salt)) = (secrets.get(SALT), before.get(SALT)) {
            // Another salt would change every secret file on every host.
            secrets.set(SALT, salt.clone());
        }
        secrets.save(path, recipients)?;
        Ok(secrets)
    }

    /// Encrypts the file anew, for these recipients and no others.
    pub fn rekey(
        path: &Path,
        identities: &Identities,
        recipients: &Recipients,
    ) -> Result<(), SecretError> {
        Self::load(path, identities)?.save(path, recipients)
    }

    /// Reads the decrypted text; an error is the line, 0 if nobody knows.
    pub fn parse(text: &str) -> Result<Self, u64> {
        text::parse(text).map_err(|error| error.line)
    }

    /// The text that is encrypted.
    pub fn to_text(&self) -> Hidden {
        text::write(self)
    }
}

fn decrypt(encrypted: &[u8], identities: &Identities) -> Result<Zeroizing<String>, DecryptError> {
    let decryptor = Decryptor::new(ArmoredReader::new(encrypted))?;
    let keys = identities.keys.iter().map(|key| key as &dyn age::Identity);
    let reader = decryptor.decrypt(keys)?;
    let mut plain = Zeroizing::new(String::new());
    reader.take(SIZE_LIMIT).read_to_string(&mut plain)?;
    Ok(plain)
}

fn encrypt(plain: &[u8], recipients: &Recipients) -> Result<Vec<u8>, EncryptError> {
    let keys = recipients.keys.iter().map(|key| key as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys)?;
    let mut out = Vec::new();
    let armored = ArmoredWriter::wrap_output(&mut out, Format::AsciiArmor)?;
    let mut writer = encryptor.wrap_output(armored)?;
    writer.write_all(plain)?;
    writer.finish()?.finish()?;
    Ok(out)
}
