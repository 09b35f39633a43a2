//! Names of scopes: they alone tell a restarted daemon what runs.

use crate::job::{Action, Id};
use crate::problem::Problem;
use std::fmt::Write as _;

/// systemd refuses names of more than 255 bytes (systemd.unit(5)).
const NAME_MAX: usize = 255;

/// What a scope's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeName {
    pub(crate) id: Id,
    pub(crate) action: String,
    pub(crate) resource: String,
}

impl ScopeName {
    /// `clusterd-SESSION-NUMBER-ACTION-RESOURCE.scope`, the session in hexadecimal.
    pub(crate) fn new(id: Id, action: &Action, resource: &str) -> Result<Self, Problem> {
        let name = Self {
            id,
            action: action.word().to_owned(),
            resource: resource.to_owned(),
        };
        if resource.is_empty() || name.unit().len() > NAME_MAX {
            return Err(Problem::Name(resource.to_owned(), "name of a resource"));
        }
        Ok(name)
    }

    /// The unit.
    pub(crate) fn unit(&self) -> String {
        format!(
            "clusterd-{:x}-{}-{}-{}.scope",
            self.id.session,
            self.id.number,
            self.action,
            escape(&self.resource)
        )
    }

    /// The file with the result.
    pub(crate) fn result(id: Id) -> String {
        format!("{:x}-{}.json", id.session, id.number)
    }

    /// Whose result a file is, by its name without extension.
    pub(crate) fn id_of_result(stem: &str) -> Option<Id> {
        let (session, number) = stem.split_once('-')?;
        Some(Id {
            session: u64::from_str_radix(session, 16).ok()?,
            number: number.parse().ok()?,
        })
    }

    /// Understands a name; `None`: none of ours.
    pub(crate) fn parse(unit: &str) -> Option<Self> {
        let rest = unit.strip_prefix("clusterd-")?.strip_suffix(".scope")?;
        let mut parts = rest.splitn(4, '-');
        let session = u64::from_str_radix(parts.next()?, 16).ok()?;
        let number = parts.next()?.parse().ok()?;
        let action = parts.next()?.to_owned();
        let resource = unescape(parts.next()?)?;
        Some(Self {
            id: Id { session, number },
            action,
            resource,
        })
    }
}

/// As systemd-escape(1): what a unit's name cannot carry becomes `\xNN`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'.' | b'-') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'\\' {
            let digits = std::str::from_utf8(rest.strip_prefix(b"x")?.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = rest.get(3..)?;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id {
        session: 0xdead_beef_0123_4567,
        number: 42,
    };

    #[test]
    fn a_name_says_all_of_it() {
        for resource in ["web", "db-1:0", "straße /x", "a\\b", "x.y_z"] {
            let name = ScopeName::new(ID, &Action::Start, resource).expect("short");
            assert_eq!(ScopeName::parse(&name.unit()), Some(name));
        }
        let name = ScopeName::new(ID, &Action::Probe, "a b").expect("short");
        assert_eq!(
            name.unit(),
            "clusterd-deadbeef01234567-42-probe-a\\x20b.scope"
        );
    }

    #[test]
    fn other_units_are_none_of_ours() {
        for unit in [
            "session-1.scope",
            "clusterd-x-1-start-a.scope",
            "clusterd-1-1-start-a.service",
            "clusterd-1-1-start-\\xzz.scope",
        ] {
            assert_eq!(ScopeName::parse(unit), None, "{unit}");
        }
    }

    #[test]
    fn names_that_systemd_would_refuse_are_refused_before() {
        assert!(ScopeName::new(ID, &Action::Start, "").is_err());
        assert!(ScopeName::new(ID, &Action::Start, &"é".repeat(60)).is_err());
    }
}
