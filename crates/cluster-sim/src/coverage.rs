//! What was tried: which fault hit whom.

use crate::faults::Kind;
use crate::machine::{PersistPoint, Role};
use std::collections::BTreeMap;

/// Counts of faults that took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By kind, and by the part that the machine played; none: no single machine.
    pub faults: BTreeMap<(Kind, Option<Role>), u64>,
    /// Crashes between a write being asked and done.
    pub crashes: BTreeMap<(PersistPoint, Role), u64>,
}

impl Coverage {
    /// One more.
    pub fn fault(&mut self, kind: Kind, role: Option<Role>) {
        *self.faults.entry((kind, role)).or_default() += 1;
    }

    /// One more.
    pub fn crash(&mut self, point: PersistPoint, role: Role) {
        *self.crashes.entry((point, role)).or_default() += 1;
    }

    /// Adds what another run tried.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.faults {
            *self.faults.entry(*key).or_default() += count;
        }
        for (key, count) in &other.crashes {
            *self.crashes.entry(*key).or_default() += count;
        }
    }

    /// How often a kind of fault took effect, whomever it hit.
    pub fn of(&self, kind: Kind) -> u64 {
        let those = self.faults.iter().filter(|((known, _), _)| *known == kind);
        those.map(|(_, count)| count).sum()
    }
}
