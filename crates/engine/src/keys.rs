//! Numbered keys and the phases in which they change: accept both, switch,
//! drop the old one. In every phase a node of the phase before and a node of
//! the phase after understand each other.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use tandem_model::{Hidden, Secret};

/// A state of the keys that all nodes go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPhase {
    /// In words; empty where nothing changes in phases.
    pub title: String,
    /// Numbers accepted.
    pub accept: BTreeSet<u32>,
    /// Number used for sending.
    pub sign: u32,
}

/// How to get from the keys in use to the wanted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phases {
    /// One after the other, everybody still talking.
    Rolling(Vec<KeyPhase>),
    /// The old key is not known any more: everything stops first. In words why.
    Hold(String, KeyPhase),
}

/// Name of the value that tells which keys a node accepts: `1:3fa9…,2:77b0…`.
pub(crate) const ACCEPTED: &str = "engine.keys";
/// Name of the value that tells with which key it sends: `1:3fa9…`.
pub(crate) const SENDING: &str = "engine.key";

/// Number and fingerprint of a key: the same key has the same fingerprint in
/// every generation of an environment. It is keyed with the environment's salt,
/// so that whoever reads a generation cannot try guesses against it.
pub fn fingerprint(number: u32, key: &Hidden, salt: &Hidden) -> String {
    let mut text = format!("{number}:");
    // A key of any length is fine for HMAC (RFC 2104).
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(salt.reveal().as_bytes()) {
        mac.update(b"tandem: name of a cluster key\0");
        mac.update(key.reveal().as_bytes());
        for byte in &mac.finalize().into_bytes()[..8] {
            use std::fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

/// Writes the values that tell which keys are in use.
pub(crate) fn describe(
    values: &mut BTreeMap<String, String>,
    accepted: &BTreeMap<u32, Hidden>,
    sign: u32,
    salt: &Hidden,
) {
    let names: Vec<String> = accepted
        .iter()
        .map(|(number, key)| fingerprint(*number, key, salt))
        .collect();
    values.insert(ACCEPTED.to_owned(), names.join(","));
    if let Some(key) = accepted.get(&sign) {
        values.insert(SENDING.to_owned(), fingerprint(sign, key, salt));
    }
}

fn listed(values: &BTreeMap<String, String>, key: &str) -> BTreeSet<String> {
    values
        .get(key)
        .map(|text| text.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

/// True when nodes with these cluster values accept each other's packets.
pub fn understand(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> bool {
    listed(other, ACCEPTED).is_superset(&listed(one, SENDING))
        && listed(one, ACCEPTED).is_superset(&listed(other, SENDING))
}

impl Phases {
    /// The way from what the nodes use now (their cluster values, one per node
    /// that has a generation) to the secret's current key alone.
    pub fn between(now: &[&BTreeMap<String, String>], secret: &Secret, salt: &Hidden) -> Self {
        let wanted = secret.current();
        let last = KeyPhase {
            title: String::new(),
            accept: [wanted].into(),
            sign: wanted,
        };
        let name = fingerprint(wanted, secret.value(), salt);
        let in_use: Vec<_> = now
            .iter()
            .filter(|values| values.contains_key(SENDING))
            .collect();
        if in_use.is_empty() {
            return Self::Rolling(vec![last]);
        }
        let sending: BTreeSet<String> = in_use
            .iter()
            .flat_map(|values| listed(values, SENDING))
            .collect();
        let mut old = BTreeSet::new();
        for key in sending.iter().filter(|key| **key != name) {
            let known = secret
                .values()
                .iter()
                .find(|(number, value)| fingerprint(**number, value, salt) == *key);
            match known {
                Some((number, _)) => old.insert(*number),
                None => {
                    return Self::Hold(
                        format!(
                            "key {} is in use and no longer among the secrets",
                            key.split(':').next().unwrap_or(key)
                        ),
                        last,
                    );
                }
            };
        }
        let mut both = old.clone();
        both.insert(wanted);
        let mut phases = Vec::new();
        let all_accept = in_use
            .iter()
            .all(|values| listed(values, ACCEPTED).contains(&name));
        if let (false, Some(sign)) = (all_accept, old.first()) {
            phases.push(KeyPhase {
                title: format!("accept key {wanted} beside key {sign}"),
                accept: both.clone(),
                sign: *sign,
            });
        }
        if !old.is_empty() {
            phases.push(KeyPhase {
                title: format!("send with key {wanted}"),
                accept: both,
                sign: wanted,
            });
        }
        let drops = !phases.is_empty();
        phases.push(KeyPhase {
            title: if drops {
                "drop the old key".to_owned()
            } else {
                String::new()
            },
            ..last
        });
        Self::Rolling(phases)
    }
}

#[cfg(test)]
mod tests {
    use super::{KeyPhase, Phases, describe};
    use std::collections::BTreeMap;
    use tandem_model::{Hidden, Secret};

    fn secret(current: u32, values: &[(u32, &str)]) -> Secret {
        let values = values
            .iter()
            .map(|(number, text)| (*number, Hidden::new(*text)))
            .collect();
        Secret::numbered(current, values).expect("the current one is among them")
    }

    fn salt() -> Hidden {
        Hidden::new("salt")
    }

    fn using(accepted: &[(u32, &str)], sign: u32) -> BTreeMap<String, String> {
        let keys = accepted
            .iter()
            .map(|(number, text)| (*number, Hidden::new(*text)))
            .collect();
        let mut values = BTreeMap::new();
        describe(&mut values, &keys, sign, &salt());
        values
    }

    fn rolling(now: &[&BTreeMap<String, String>], secret: &Secret) -> Vec<KeyPhase> {
        match Phases::between(now, secret, &salt()) {
            Phases::Rolling(phases) => phases,
            Phases::Hold(why, _) => panic!("hold: {why}"),
        }
    }

    #[test]
    fn a_rotation_has_three_phases_and_neighbours_understand_each_other() {
        let before = using(&[(1, "old")], 1);
        let phases = rolling(&[&before, &before], &secret(2, &[(1, "old"), (2, "new")]));
        assert_eq!(phases.len(), 3);
        let mut last = KeyPhase {
            title: String::new(),
            accept: [1].into(),
            sign: 1,
        };
        for phase in phases {
            assert!(
                phase.accept.contains(&last.sign),
                "{phase:?} after {last:?}"
            );
            assert!(
                last.accept.contains(&phase.sign),
                "{phase:?} after {last:?}"
            );
            last = phase;
        }
        assert_eq!((last.sign, last.accept.len()), (2, 1));
    }

    #[test]
    fn an_interrupted_rotation_goes_on_where_it_was() {
        let keys = [(1, "old"), (2, "new")];
        let (accepts, sends) = (using(&keys, 1), using(&keys, 2));
        assert_eq!(rolling(&[&accepts, &sends], &secret(2, &keys)).len(), 2);
        assert_eq!(rolling(&[&sends, &sends], &secret(2, &keys)).len(), 1);
    }

    #[test]
    fn nothing_changes_nothing_happens_in_phases() {
        let before = using(&[(1, "key")], 1);
        assert_eq!(rolling(&[&before], &secret(1, &[(1, "key")])).len(), 1);
        assert_eq!(rolling(&[], &secret(1, &[(1, "key")])).len(), 1);
    }

    #[test]
    fn a_key_overwritten_under_its_number_cannot_roll() {
        let before = using(&[(1, "old")], 1);
        assert!(matches!(
            Phases::between(&[&before], &secret(1, &[(1, "new")]), &salt()),
            Phases::Hold(..)
        ));
    }
}
