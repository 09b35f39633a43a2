//! Public keys, and what they say of a signature.

use pgp::composed::{ArmorOptions, Deserializable as _, DetachedSignature, SignedPublicKey};
use pgp::types::KeyDetails as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A public key: what `keys/NAME.asc` in the project holds and what hosts import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    certificate: SignedPublicKey,
    armoured: String,
    fingerprint: String,
}

/// Why a public key cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// No such file.
    #[error("there is no public key {}; `tandem key init` makes one, and it belongs into the project's repository", .0.display())]
    Missing(PathBuf),
    /// Another key is there already.
    #[error("{} holds another key ({theirs}, not {ours}); keys are never overwritten", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key it holds.
        theirs: String,
        /// The key that was to be written.
        ours: String,
    },
    /// The file system refused.
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The text is no key.
    #[error("{origin} is no public OpenPGP key in ASCII armour")]
    NotAKey {
        /// Where the text came from.
        origin: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What is wrong with a signature.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureProblem {
    /// There is none.
    #[error("{what} is not signed; only signed releases are used")]
    Unsigned {
        /// What should be signed.
        what: String,
    },
    /// It is no signature.
    #[error("the signature of {what} cannot be read ({reason}); it is damaged")]
    Unreadable {
        /// What should be signed.
        what: String,
        /// In the library's words.
        reason: String,
    },
    /// Somebody else signed it.
    #[error(
        "{what} is signed by the key {signer}, which is not trusted here; trusted: {}. \
         If the key was changed on purpose, add the new public key to keys/", trusted.join(", ")
    )]
    OtherKey {
        /// What is signed.
        what: String,
        /// Fingerprint or id of the signer's key.
        signer: String,
        /// Fingerprints of the keys that would do.
        trusted: Vec<String>,
    },
    /// It was changed after it was signed.
    #[error("{what} was changed after it was signed with the key {signer}: do not use it")]
    Tampered {
        /// What was signed.
        what: String,
        /// Fingerprint of the key that once signed it.
        signer: String,
    },
}

impl PublicKey {
    pub(crate) fn from_certificate(
        certificate: SignedPublicKey,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        certificate.verify_bindings()?;
        Ok(Self {
            armoured: certificate.to_armored_string(ArmorOptions::default())?,
            fingerprint: format!("{:X}", certificate.fingerprint()),
            certificate,
        })
    }

    /// From ASCII armour; `origin` is named in errors.
    pub fn from_armoured(text: &str, origin: &str) -> Result<Self, PublicKeyError> {
        let not_a_key = |source| PublicKeyError::NotAKey {
            origin: origin.to_owned(),
            source,
        };
        let (certificate, _) =
            SignedPublicKey::from_string(text).map_err(|source| not_a_key(Box::new(source)))?;
        Self::from_certificate(certificate).map_err(not_a_key)
    }

    /// Reads a key file.
    pub fn load(path: &Path) -> Result<Self, PublicKeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => PublicKeyError::Missing(path.to_owned()),
            _ => PublicKeyError::Io {
                attempt: "read the public key",
                path: path.to_owned(),
                source,
            },
        })?;
        Self::from_armoured(&text, &path.display().to_string())
    }

    /// Writes the key file; leaves one that holds this key alone, refuses to
    /// overwrite another.
    pub fn save(&self, path: &Path) -> Result<(), PublicKeyError> {
        let io = |attempt, source| PublicKeyError::Io {
            attempt,
            path: path.to_owned(),
            source,
        };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|source| io("make the directory of", source))?;
        }
        let created = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path);
        match created {
            Ok(mut file) => file
                .write_all(self.armoured.as_bytes())
                .map_err(|source| io("write the public key", source)),
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                let there = Self::load(path)?;
                if there.fingerprint == self.fingerprint {
                    return Ok(());
                }
                Err(PublicKeyError::OtherKey {
                    path: path.to_owned(),
                    theirs: there.fingerprint,
                    ours: self.fingerprint.clone(),
                })
            }
            Err(source) => Err(io("write the public key", source)),
        }
    }

    /// The key in ASCII armour, for `rpmkeys --import`.
    pub fn armoured(&self) -> &str {
        &self.armoured
    }

    /// 40 upper-case hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The last 16 digits of the fingerprint, which is what rpm prints.
    pub fn key_id(&self) -> &str {
        &self.fingerprint[self.fingerprint.len().saturating_sub(16)..]
    }
}

/// Verifies an armoured detached signature over `bytes`; gives the key that
/// made it. `what` is named in errors; no signature is `None`.
pub fn verify_detached<'k>(
    what: &str,
    bytes: &[u8],
    signature: Option<&[u8]>,
    trusted: &'k [PublicKey],
) -> Result<&'k PublicKey, SignatureProblem> {
    let what = what.to_owned();
    let Some(signature) = signature else {
        return Err(SignatureProblem::Unsigned { what });
    };
    let signature = match DetachedSignature::from_armor_single(signature) {
        Ok((signature, _)) => signature,
        Err(error) => {
            return Err(SignatureProblem::Unreadable {
                what,
                reason: error.to_string(),
            });
        }
    };
    let fingerprints = signature.signature.issuer_fingerprint();
    let ids = signature.signature.issuer_key_id();
    let key = trusted.iter().find(|key| {
        let certificate = &key.certificate;
        fingerprints.contains(&&certificate.fingerprint())
            || (fingerprints.is_empty() && ids.contains(&&certificate.legacy_key_id()))
    });
    let Some(key) = key else {
        let signer = fingerprints
            .first()
            .map(|fingerprint| format!("{fingerprint:X}"))
            .or_else(|| ids.first().map(|id| id.to_string().to_uppercase()))
            .unwrap_or_else(|| "of an unnamed owner".to_owned());
        return Err(SignatureProblem::OtherKey {
            what,
            signer,
            trusted: trusted.iter().map(|key| key.fingerprint.clone()).collect(),
        });
    };
    match signature.verify(&key.certificate, bytes) {
        Ok(()) => Ok(key),
        Err(_) => Err(SignatureProblem::Tampered {
            what,
            signer: key.fingerprint.clone(),
        }),
    }
}
