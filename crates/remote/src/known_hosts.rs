//! Host keys that are trusted: `known_hosts` files as sshd(8) describes them.
//! Plain and `[address]:port` names are understood; hashed names are not, and
//! such a host counts as unknown, never as trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A host's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// Algorithm as in known_hosts: `ssh-ed25519`.
    pub algorithm: String,
    /// The key in its wire form (RFC 4253, section 6.6).
    pub blob: Vec<u8>,
    /// SHA-256 of the blob.
    pub sha256: Vec<u8>,
}

impl HostKey {
    /// From the wire form and its hash.
    pub(crate) fn new(blob: &[u8], sha256: &[u8]) -> Self {
        Self {
            algorithm: algorithm_of(blob).unwrap_or_else(|| "unknown".to_owned()),
            blob: blob.to_owned(),
            sha256: sha256.to_owned(),
        }
    }

    /// As `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let hash = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&self.sha256);
        format!("{} SHA256:{hash}", self.algorithm)
    }

    /// A line for a known_hosts file.
    pub fn line(&self, address: &str, port: u16) -> String {
        let mut line = name(address, port);
        let _ = write!(line, " {} {}", self.algorithm, STANDARD.encode(&self.blob));
        line
    }
}

/// The name of a host in known_hosts: brackets only for another port than 22.
fn name(address: &str, port: u16) -> String {
    if port == 22 {
        address.to_owned()
    } else {
        format!("[{address}]:{port}")
    }
}

/// The first string of the wire form is the algorithm.
fn algorithm_of(blob: &[u8]) -> Option<String> {
    let length = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?);
    let text = blob.get(4..4 + usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_owned()).ok()
}

/// What the files say of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It is the one.
    Trusted,
    /// The host has other keys here, of the same algorithm.
    Changed(PathBuf),
    /// Nothing is known of the host.
    Unknown,
}

/// The files in which host keys are looked up, in order; new ones are written
/// to the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {
    /// The files; those that do not exist are empty.
    pub files: Vec<PathBuf>,
}

impl KnownHosts {
    /// Algorithms of the keys known for a host, so that the right one is asked
    /// of it.
    pub(crate) fn algorithms(&self, address: &str, port: u16) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for file in &self.files {
            for (algorithm, _) in entries(file, address, port) {
                if !found.contains(&algorithm) {
                    found.push(algorithm);
                }
            }
        }
        found
    }

    /// Is this the host's key?
    pub fn check(&self, address: &str, port: u16, key: &HostKey) -> Trust {
        let mut changed = None;
        for file in &self.files {
            for (algorithm, blob) in entries(file, address, port) {
                if blob == key.blob {
                    return Trust::Trusted;
                }
                if algorithm == key.algorithm || changed.is_none() {
                    changed = Some(file.clone());
                }
            }
        }
        changed.map_or(Trust::Unknown, Trust::Changed)
    }

    /// The file to which new keys are written.
    pub fn first(&self) -> PathBuf {
        self.files
            .first()
            .cloned()
            .unwrap_or_else(|| PathBuf::from("known_hosts"))
    }
}

/// Keys of a host in a file. Unreadable files and lines hold none.
fn entries(file: &Path, address: &str, port: u16) -> Vec<(String, Vec<u8>)> {
    let Ok(text) = std::fs::read_to_string(file) else {
        return Vec::new();
    };
    let wanted = name(address, port);
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let names = words.next()?;
            if names.starts_with(['#', '@']) || !names.split(',').any(|name| name == wanted) {
                return None;
            }
            Some((
                words.next()?.to_owned(),
                STANDARD.decode(words.next()?).ok()?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{HostKey, KnownHosts, Trust};

    fn key(last: u8) -> HostKey {
        let mut blob = 11_u32.to_be_bytes().to_vec();
        blob.extend_from_slice(b"ssh-ed25519");
        blob.push(last);
        HostKey::new(&blob, &[last; 32])
    }

    #[test]
    fn a_key_is_trusted_changed_or_unknown() -> Result<(), std::io::Error> {
        let file = std::env::temp_dir().join(format!("tandem-known-{}", std::process::id()));
        std::fs::write(
            &file,
            format!("# mine\n{}\n", key(1).line("10.77.2.11", 22)),
        )?;
        let known = KnownHosts {
            files: vec![file.clone()],
        };
        let found = (
            known.check("10.77.2.11", 22, &key(1)),
            known.check("10.77.2.11", 22, &key(2)),
            known.check("10.77.2.11", 2222, &key(1)),
            known.algorithms("10.77.2.11", 22),
        );
        std::fs::remove_file(&file)?;
        assert_eq!(found.0, Trust::Trusted);
        assert_eq!(found.1, Trust::Changed(file));
        assert_eq!(found.2, Trust::Unknown);
        assert_eq!(found.3, ["ssh-ed25519"]);
        Ok(())
    }
}
