//! The decrypted document: `name: text`, or
//! `name: {current: 2, values: {1: text, 2: text}}`.
//!
//! Nothing of it may leak into a message, so mistakes name a line and no more.

use super::{Hidden, Secret, Secrets};
use crate::shape::is_name;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

/// Why the document was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotSecrets {
    /// From 1; 0 where nobody knows.
    pub(crate) line: u64,
}

struct Hiding(Hidden);

impl<'de> Deserialize<'de> for Hiding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOnly;
        impl Visitor<'_> for TextOnly {
            type Value = Hiding;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, quoted where it looks like a number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Hiding, E> {
                Ok(Hiding(Hidden::new(text)))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Hiding, E> {
                Ok(Hiding(Hidden::new(text)))
            }
        }
        deserializer.deserialize_any(TextOnly)
    }
}

struct Entry(Secret);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrNumbered;
        impl<'de> Visitor<'de> for OneOrNumbered {
            type Value = Entry;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or `current` and `values`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry(Secret::new(Hidden::new(text))))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Entry, E> {
                Ok(Entry(Secret::new(Hidden::new(text))))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut current = None;
                let mut values: Option<BTreeMap<u32, Hiding>> = None;
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "current" => current = Some(map.next_value()?),
                        "values" => values = Some(map.next_value()?),
                        _ => return Err(A::Error::custom("unknown key")),
                    }
                }
                let values = values
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(number, value)| (number, value.0))
                    .collect();
                current
                    .and_then(|current| Secret::numbered(current, values))
                    .map(Entry)
                    .ok_or_else(|| A::Error::custom("`current` is not among `values`"))
            }
        }
        deserializer.deserialize_any(OneOrNumbered)
    }
}

/// Reads the decrypted document.
pub(crate) fn parse(text: &str) -> Result<Secrets, NotSecrets> {
    let has_content = text
        .lines()
        .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    if !has_content {
        return Ok(Secrets::default());
    }
    let entries: BTreeMap<String, Entry> =
        serde_saphyr::from_str(text).map_err(|error| NotSecrets {
            line: error.location().map_or(0, |location| location.line()),
        })?;
    let mut secrets = Secrets::default();
    for (name, entry) in entries {
        if !is_name(&name) {
            return Err(NotSecrets { line: 0 });
        }
        secrets.set(&name, entry.0);
    }
    Ok(secrets)
}

/// Writes the document, for encryption or for the operator's editor.
pub(crate) fn write(secrets: &Secrets) -> Hidden {
    let mut out = zeroize::Zeroizing::new(String::new());
    for name in secrets.names() {
        let Some(secret) = secrets.get(name) else {
            continue;
        };
        // Writing to a string cannot fail.
        let _ = if secret.current() == 1 && secret.values().len() == 1 {
            writeln!(out, "{name}: {}", quoted(secret.value()))
        } else {
            let values: Vec<String> = secret
                .values()
                .iter()
                .map(|(number, value)| format!("{number}: {}", quoted(value)))
                .collect();
            let values = zeroize::Zeroizing::new(values.join(", "));
            writeln!(
                out,
                "{name}: {{current: {}, values: {{{}}}}}",
                secret.current(),
                *values
            )
        };
    }
    Hidden::new(out.as_str())
}

/// JSON's quoting is YAML's.
fn quoted(value: &Hidden) -> String {
    serde_json::Value::from(value.reveal()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut secrets = Secrets::default();
        secrets.set("plain", Secret::new(Hidden::new("a \"b\"\n# c: ü")));
        secrets.set("digits", Secret::new(Hidden::new("0123")));
        secrets.generate(["key"]);
        secrets.add("key", None);
        secrets.switch("key", 2);
        assert_eq!(parse(write(&secrets).reveal()), Ok(secrets));
    }

    #[test]
    fn a_mistake_names_its_line_and_nothing_else() {
        for text in [
            "a: tiger\nb: 12\n",
            "a: tiger\nb: {current: 2, values: {1: x}}\n",
            "a: tiger\nb: [tiger]\n",
            "a: tiger\na: tiger\n",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.line <= 2, "{text}");
            assert!(!format!("{error:?}").contains("tiger"));
        }
    }
}
