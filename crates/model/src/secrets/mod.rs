//! Secrets of an environment: an age-encrypted YAML file beside the inventory,
//! decrypted in memory only.
//!
//! A secret is a text, or several numbered ones of which one is in use, so
//! that keys can be changed while both sides keep talking: accept both, switch,
//! drop the old ([`Secrets::add`], [`Secrets::switch`], [`Secrets::forget`]).

mod file;
mod hidden;
mod keys;
mod text;

pub use file::SecretError;
pub use hidden::Hidden;
pub use keys::{Identities, Recipients};

use rand_core::{OsRng, RngCore};
use std::collections::BTreeMap;

/// Name of the secret that salts the digests of secret files; it is there from
/// the start.
pub const SALT: &str = "salt";

/// All secrets of an environment, decrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    by_name: BTreeMap<String, Secret>,
}

/// A secret with the values it had before: whoever still uses an old number is
/// understood until the number is forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    current: u32,
    values: BTreeMap<u32, Hidden>,
    /// The value in use, once more: it is always there.
    value: Hidden,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "••••#{}", self.current)
    }
}

impl Secret {
    /// A secret with one value, number 1.
    pub fn new(value: Hidden) -> Self {
        Self {
            current: 1,
            values: [(1, value.clone())].into(),
            value,
        }
    }

    /// Several values of which `current` is in use; `None` if it is not among
    /// them.
    pub fn numbered(current: u32, values: BTreeMap<u32, Hidden>) -> Option<Self> {
        let value = values.get(&current)?.clone();
        Some(Self {
            current,
            values,
            value,
        })
    }

    /// The number in use.
    pub fn current(&self) -> u32 {
        self.current
    }

    /// The value in use.
    pub fn value(&self) -> &Hidden {
        &self.value
    }

    /// All values by number, the one in use among them.
    pub fn values(&self) -> &BTreeMap<u32, Hidden> {
        &self.values
    }
}

impl Secrets {
    /// The secret of this name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.by_name.get(name)
    }

    /// Names, sorted. Names are no secret.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Puts a secret in place of whatever had its name.
    pub fn set(&mut self, name: &str, secret: Secret) {
        self.by_name.insert(name.to_owned(), secret);
    }

    /// Makes up every secret of these names that is not there yet, and the
    /// salt. Returns the names of the new ones.
    pub fn generate<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut made = Vec::new();
        for name in names.into_iter().chain([SALT]) {
            if !self.by_name.contains_key(name) {
                self.set(name, Secret::new(random()));
                made.push(name.to_owned());
            }
        }
        made
    }

    /// Adds a value under the next number, made up if `value` is `None`; the
    /// old one stays in use. First step of a rotation.
    pub fn add(&mut self, name: &str, value: Option<Hidden>) -> Option<u32> {
        let secret = self.by_name.get_mut(name)?;
        let next = secret.values.keys().max().map_or(1, |last| last + 1);
        secret.values.insert(next, value.unwrap_or_else(random));
        Some(next)
    }

    /// Takes a number into use. Second step. False if there is no such number.
    pub fn switch(&mut self, name: &str, number: u32) -> bool {
        let switched = self
            .by_name
            .get(name)
            .and_then(|secret| Secret::numbered(number, secret.values.clone()));
        match switched {
            Some(secret) => {
                self.set(name, secret);
                true
            }
            None => false,
        }
    }

    /// Drops every number but the one in use. Third step.
    pub fn forget(&mut self, name: &str) {
        if let Some(secret) = self.by_name.get_mut(name) {
            let current = secret.current;
            secret.values.retain(|number, _| *number == current);
        }
    }
}

/// 160 random bits in letters and digits: safe in any configuration file.
fn random() -> Hidden {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0_u8; 32];
    OsRng.fill_bytes(&mut bytes);
    let text: String = bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte & 31)]))
        .collect();
    zeroize::Zeroize::zeroize(&mut bytes);
    Hidden::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_rotated_in_three_steps_and_is_never_missing() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.generate(["key"]), ["key", SALT]);
        let old = secrets.get("key").expect("made").value().clone();

        assert_eq!(secrets.add("key", None), Some(2));
        let both = secrets.get("key").expect("there").clone();
        assert_eq!((both.current(), both.values().len()), (1, 2));
        assert_eq!(both.value(), &old);

        assert!(secrets.switch("key", 2));
        let switched = secrets.get("key").expect("there").clone();
        assert_eq!((switched.current(), switched.values().len()), (2, 2));
        assert_ne!(switched.value(), &old);

        secrets.forget("key");
        let new = secrets.get("key").expect("there").clone();
        assert_eq!(new.values().keys().copied().collect::<Vec<_>>(), [2]);
        assert!(!secrets.switch("key", 1));
    }

    #[test]
    fn what_is_there_is_not_made_up_again() {
        let mut secrets = Secrets::default();
        secrets.generate(["key"]);
        let before = secrets.clone();
        assert!(secrets.generate(["key"]).is_empty());
        assert_eq!(secrets, before);
    }
}
