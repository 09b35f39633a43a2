//! Private keys: made, kept, loaded, used.

use crate::assemble::{BuiltPackage, finish};
use crate::date::SourceDate;
use crate::public_key::PublicKey;
use crate::role::KeyRole;
use pgp::composed::{
    ArmorOptions, Deserializable as _, DetachedSignature, KeyType, SecretKeyParamsBuilder,
    SignedSecretKey, SubpacketConfig,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Subpacket, SubpacketData};
use pgp::types::{KeyDetails as _, Password, Timestamp};
use rpm::signature::Signing as _;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tandem_generation::PackageId;

/// What a key is made of. rpm 4.18 imports both; it does not import NIST curves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Small, fast, and its signatures are always the same bytes.
    #[default]
    Ed25519,
    /// For hosts older than Enterprise Linux 9, whose rpm knows no Ed25519.
    Rsa4096,
}

/// A private key.
#[derive(Clone)]
pub struct SigningKey {
    secret: SignedSecretKey,
    signer: rpm::signature::pgp::Signer,
    public: PublicKey,
    /// No signature may bear an earlier time, or verifiers call it older than
    /// its key.
    born: u32,
}

/// Why a private key cannot be made, kept, loaded or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The library refused.
    #[error("cannot make a key: {0}")]
    Generate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Keys are never overwritten: what the old one signed would be lost.
    #[error(
        "{} exists already; a key is never overwritten. To replace it, keep the old public key \
         on the hosts and move the file away first", .0.display()
    )]
    Exists(PathBuf),
    /// No such file.
    #[error("there is no private key {}; make one with `tandem key init`, or ask whoever has it", .0.display())]
    Missing(PathBuf),
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:04o}); run `chmod {wanted:04o} {}`", path.display(), path.display())]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
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
    /// The file holds no such key.
    #[error("{} is no private OpenPGP key in ASCII armour", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Signing failed.
    #[error("cannot sign {what} with the key {fingerprint}")]
    Sign {
        /// What was to be signed.
        what: String,
        /// With which key.
        fingerprint: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SigningKey {
    /// Makes a key. Without a passphrase: it is used by unattended builds, and
    /// guarded by the modes of its file and directory.
    pub fn generate(role: &KeyRole, algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        Self::generate_at(role, algorithm, jiff::Timestamp::now())
    }

    /// As [`generate`](Self::generate), with the key's own date given.
    pub fn generate_at(
        role: &KeyRole,
        algorithm: KeyAlgorithm,
        created: jiff::Timestamp,
    ) -> Result<Self, KeyError> {
        let key_type = match algorithm {
            KeyAlgorithm::Ed25519 => KeyType::Ed25519Legacy,
            KeyAlgorithm::Rsa4096 => KeyType::Rsa(4096),
        };
        let seconds = u32::try_from(created.as_second())
            .map_err(|source| KeyError::Generate(Box::new(source)))?;
        let secret = SecretKeyParamsBuilder::default()
            .key_type(key_type)
            .can_sign(true)
            .can_certify(true)
            .created_at(Timestamp::from_secs(seconds))
            .primary_user_id(role.user_id())
            .build()
            .map_err(|source| KeyError::Generate(Box::new(source)))?
            .generate(rand_core::OsRng)
            .map_err(|source| KeyError::Generate(Box::new(source)))?;
        Self::from_secret(secret).map_err(KeyError::Generate)
    }

    fn from_secret(
        secret: SignedSecretKey,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let signer = rpm::signature::pgp::Signer::from_asc(
            &secret.to_armored_string(ArmorOptions::default())?,
        )?;
        let public = PublicKey::from_certificate(secret.to_public_key())?;
        let bindings = secret
            .details
            .users
            .iter()
            .flat_map(|user| &user.signatures);
        let born = bindings
            .filter_map(pgp::packet::Signature::created)
            .chain([secret.primary_key.created_at()])
            .map(Timestamp::as_secs)
            .max()
            .unwrap_or_default();
        Ok(Self {
            secret,
            signer,
            public,
            born,
        })
    }

    /// Writes the private key, 0600 in a directory that is made 0700 when it
    /// does not exist. Never overwrites.
    pub fn save(&self, path: &Path) -> Result<(), KeyError> {
        let armoured = self
            .secret
            .to_armored_string(ArmorOptions::default())
            .map_err(|source| KeyError::Generate(Box::new(source)))?;
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|source| io("make the directory", directory, source))?;
        }
        refuse_exposed_directory(path)?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
                _ => io("write the private key", path, source),
            })?;
        file.write_all(armoured.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|source| io("write the private key", path, source))
    }

    /// Reads a private key; refuses one that others can read.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let metadata = std::fs::metadata(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => io("read the private key", path, source),
        })?;
        refuse_exposed(path, metadata.permissions().mode(), 0o600)?;
        refuse_exposed_directory(path)?;
        let armoured = std::fs::read_to_string(path)
            .map_err(|source| io("read the private key", path, source))?;
        let not_a_key = |source| KeyError::NotAKey {
            path: path.to_owned(),
            source,
        };
        let (secret, _) = SignedSecretKey::from_string(&armoured)
            .map_err(|source| not_a_key(Box::new(source)))?;
        Self::from_secret(secret).map_err(not_a_key)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The time that a signature over something of this date bears: never
    /// before the key itself, and always the same.
    fn time(&self, date: SourceDate) -> u32 {
        date.seconds().max(self.born)
    }

    /// Signs a package's header (which holds the payload's digest).
    pub(crate) fn sign_package(
        &self,
        mut package: rpm::Package,
        id: PackageId,
        restarts: Vec<String>,
        date: SourceDate,
    ) -> Result<BuiltPackage, KeyError> {
        let name = id.to_string();
        package
            .header_bytes()
            .and_then(|header| self.signer.sign(header.as_slice(), self.time(date).into()))
            .and_then(|signature| package.apply_signature(signature))
            .and_then(|()| finish(&package, id, restarts))
            .map_err(|source| KeyError::Sign {
                what: name,
                fingerprint: self.public.fingerprint().to_owned(),
                source: Box::new(source),
            })
    }

    /// A detached signature in ASCII armour over these bytes, as `gpg` makes
    /// and verifies them.
    pub fn sign_detached(
        &self,
        what: &str,
        bytes: &[u8],
        date: SourceDate,
    ) -> Result<String, KeyError> {
        let key = &self.secret.primary_key;
        let sign = || -> pgp::errors::Result<String> {
            let hashed = vec![
                Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
                Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(
                    self.time(date),
                )))?,
            ];
            let unhashed = vec![Subpacket::regular(SubpacketData::IssuerKeyId(
                key.legacy_key_id(),
            ))?];
            DetachedSignature::sign_binary_data_with_subpackets(
                rand_core::OsRng,
                key,
                &Password::empty(),
                HashAlgorithm::Sha256,
                bytes,
                SubpacketConfig::UserDefined { hashed, unhashed },
            )?
            .to_armored_string(ArmorOptions::default())
        };
        sign().map_err(|source| KeyError::Sign {
            what: what.to_owned(),
            fingerprint: self.public.fingerprint().to_owned(),
            source: Box::new(source),
        })
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("SigningKey")
            .field(&self.public.fingerprint())
            .finish()
    }
}

fn io(attempt: &'static str, path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io {
        attempt,
        path: path.to_owned(),
        source,
    }
}

fn refuse_exposed(path: &Path, mode: u32, wanted: u32) -> Result<(), KeyError> {
    let mode = mode & 0o7777;
    let of_others = mode & 0o077;
    if of_others != 0 {
        return Err(KeyError::Exposed {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

fn refuse_exposed_directory(path: &Path) -> Result<(), KeyError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let metadata = std::fs::metadata(directory)
        .map_err(|source| io("read the directory", directory, source))?;
    refuse_exposed(directory, metadata.permissions().mode(), 0o700)
}
