//! Secrets of an environment: an age-encrypted YAML file beside the inventory,
//! decrypted in memory only.

mod hidden;

pub use hidden::Hidden;

use std::collections::BTreeMap;

/// All secrets of an environment, decrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secrets {
    by_name: BTreeMap<String, Secret>,
}

/// A secret with the keys it had before: whoever still uses an old number is
/// understood until the number is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Number in use.
    pub current: u32,
    /// By number; always contains `current`.
    pub values: BTreeMap<u32, Hidden>,
}

impl Secret {
    /// The value in use.
    pub fn value(&self) -> &Hidden {
        &self.values[&self.current]
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
}
