//! Keys of a cluster, known by number: several are accepted, one seals.

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a nonce: enough to be drawn at random for the life of a key.
pub(crate) const NONCE: usize = 24;

/// Bytes that sealing adds: the tag of Poly1305.
pub(crate) const TAG: usize = 16;

/// A key of 32 bytes. Wiped from memory when it is dropped, and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key([u8; 32]);

impl Key {
    /// The bytes themselves: they should be random, not a password.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 64 hexadecimal digits; white space around them is left out.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotHex`]; it does not repeat what was read.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(KeyError::NotHex {
                found: digits.len(),
            });
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                return Err(KeyError::NotHex { found: 64 });
            };
            *byte = u8::try_from(high * 16 + low).unwrap_or_default();
        }
        Ok(Self(*bytes))
    }

    /// Seals in place; `clear` is authenticated with it.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], clear: &[u8], text: &mut [u8]) -> Option<Tag> {
        let cipher = XChaCha20Poly1305::new((&self.0).into());
        cipher
            .encrypt_in_place_detached(XNonce::from_slice(nonce), clear, text)
            .ok()
    }

    /// Opens in place; nothing, if a bit of anything differs.
    pub(crate) fn open(
        &self,
        nonce: &[u8],
        clear: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        let cipher = XChaCha20Poly1305::new((&self.0).into());
        cipher
            .decrypt_in_place_detached(XNonce::from_slice(nonce), clear, text, Tag::from_slice(tag))
            .ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Key(..)")
    }
}

/// A key, or a set of them, that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 64 hexadecimal digits.
    #[error(
        "a key is 64 hexadecimal digits (32 bytes), this has {found} characters or others among them"
    )]
    NotHex {
        /// How many bytes of text there are.
        found: usize,
    },
    /// The key to seal with is not among those that are accepted.
    #[error(
        "packets are to be sealed with key {sign}, which is not among the keys that are accepted; add it there first"
    )]
    NotAccepted {
        /// Its number.
        sign: u32,
    },
}

/// The keys of a cluster. A key is changed in three steps, each on all nodes before the
/// next one: accept both, seal with the new one, accept only that.
#[derive(Clone, Debug)]
pub struct KeyRing {
    accepted: BTreeMap<u32, Key>,
    sign: u32,
}

impl KeyRing {
    /// Packets under each of `accepted` are opened; `sign` seals.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAccepted`]
    pub fn new(accepted: BTreeMap<u32, Key>, sign: u32) -> Result<Self, KeyError> {
        if !accepted.contains_key(&sign) {
            return Err(KeyError::NotAccepted { sign });
        }
        Ok(Self { accepted, sign })
    }

    /// The number of the key that seals.
    pub fn sign(&self) -> u32 {
        self.sign
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Key> {
        self.accepted.get(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits_and_is_never_shown() {
        let key = Key::parse(&format!(" {}\n", "0aF9".repeat(16))).expect("a key");
        assert_eq!(key.0[..2], [0x0a, 0xf9]);
        assert_eq!(format!("{key:?}"), "Key(..)");
        for wrong in [
            "",
            "0a",
            &"0g".repeat(32),
            &"é".repeat(32),
            &"0a".repeat(33),
        ] {
            let error = Key::parse(wrong).expect_err("no key");
            assert!(!error.to_string().contains("0g"), "{error}");
        }
        let ring = KeyRing::new(BTreeMap::from([(1, key)]), 1).expect("there");
        assert!(!format!("{ring:?}").contains("10"), "{ring:?}");
    }

    #[test]
    fn the_key_that_seals_is_accepted() {
        let error = KeyRing::new(BTreeMap::from([(1, Key([0; 32]))]), 2).expect_err("not there");
        assert_eq!(error, KeyError::NotAccepted { sign: 2 });
        assert!(KeyRing::new(BTreeMap::new(), 0).is_err());
    }
}
