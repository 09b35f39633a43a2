//! What a document may contain, described once: the description checks a tree
//! (unknown keys, types, what is missing) and is written out as JSON Schema.

use crate::yaml::{Kind, Node};
use crate::{Mistake, Mistakes};

/// A mapping with known keys.
pub(crate) struct Object {
    /// What it is, for the schema.
    pub(crate) help: &'static str,
    /// Its keys.
    pub(crate) fields: &'static [Field],
}

/// A key of an [`Object`].
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) help: &'static str,
    pub(crate) required: bool,
    pub(crate) shape: Shape,
}

/// A key that must be there.
pub(crate) const fn required(key: &'static str, shape: Shape, help: &'static str) -> Field {
    Field {
        key,
        help,
        required: true,
        shape,
    }
}

/// A key that may be there.
pub(crate) const fn optional(key: &'static str, shape: Shape, help: &'static str) -> Field {
    Field {
        key,
        help,
        required: false,
        shape,
    }
}

/// What belongs at a place.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Any scalar, taken as text.
    Text,
    /// A word: letters, digits, `-`, `_`, `.`; begins with a letter.
    Name,
    /// An absolute path.
    Path,
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// `true` or `false`.
    Boolean,
    /// Permission bits, `0644`.
    Mode,
    /// `500ms`, `2s`, `1m`.
    Duration,
    /// One of some words.
    Word(&'static [&'static str]),
    /// Several.
    List(&'static Shape),
    /// One, or a list of them.
    OneOrMore(&'static Shape),
    /// Names of one's own choice.
    Map(&'static Shape),
    /// Keys and values of one's own choice.
    FreeMap(&'static Shape),
    /// Known keys.
    Object(&'static Object),
    /// A scalar of this shape, or a mapping.
    TextOr(&'static Object),
    /// Anything that a param may hold: checked against the role later.
    Any,
}

/// Longest duration anybody may ask for: a day.
const DURATION_LIMIT_MS: u64 = 86_400_000;

/// Milliseconds of `500ms`, `2s`, `1m`, `1h`.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let product = number.parse::<u64>().ok()?.checked_mul(factor)?;
    (product <= DURATION_LIMIT_MS).then_some(product)
}

/// Permission bits of `0644` or `644`.
pub(crate) fn mode(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    if !(3..=4).contains(&digits.len()) {
        return None;
    }
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| *bits <= 0o7777)
}

/// Is this a word that may name something of ours?
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.'))
}

impl Shape {
    /// In words, for a mistake.
    pub(crate) fn described(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Name => {
                "a name: a letter, then letters, digits, `-`, `_` or `.`, at most 64".to_owned()
            }
            Self::Path => "an absolute path".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Mode => "permission bits such as `0644`".to_owned(),
            Self::Duration => "a duration such as `500ms`, `2s` or `1m`, at most a day".to_owned(),
            Self::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                match quoted.as_slice() {
                    [only] => only.clone(),
                    many => format!("one of {}", many.join(", ")),
                }
            }
            Self::List(item) => format!("a list, each item {}", item.described()),
            Self::OneOrMore(item) => format!("{}, or a list of such", item.described()),
            Self::Map(_) | Self::FreeMap(_) | Self::Object(_) => "a mapping".to_owned(),
            Self::TextOr(_) => "text or a mapping".to_owned(),
            Self::Any => "a value".to_owned(),
        }
    }

    /// Notes everything about `node` that does not fit.
    pub(crate) fn check(self, node: &Node, mistakes: &mut Mistakes) {
        let fits = match (self, &node.kind) {
            (Self::Any, Kind::Null) => false,
            (Self::Any, _) | (Self::Text | Self::TextOr(_), Kind::Scalar { .. }) => true,
            (Self::Name, Kind::Scalar { text, .. }) => is_name(text),
            (Self::Path, Kind::Scalar { text, .. }) => {
                text.starts_with('/') && !text.contains("/../") && !text.contains('\0')
            }
            (Self::Integer { min, max }, Kind::Scalar { text, plain }) => {
                *plain
                    && text
                        .parse::<i64>()
                        .is_ok_and(|number| (min..=max).contains(&number))
            }
            (Self::Boolean, Kind::Scalar { text, plain }) => {
                *plain && matches!(text.as_str(), "true" | "false")
            }
            (Self::Mode, Kind::Scalar { text, .. }) => mode(text).is_some(),
            (Self::Duration, Kind::Scalar { text, .. }) => duration_ms(text).is_some(),
            (Self::Word(words), Kind::Scalar { text, .. }) => {
                if !words.contains(&text.as_str()) {
                    mistakes.push(
                        Mistake::new(&node.at, "an unknown word")
                            .found(node.described())
                            .among(text, words.iter().copied()),
                    );
                }
                true
            }
            (Self::List(item) | Self::OneOrMore(item), Kind::List(items)) => {
                for node in items {
                    item.check(node, mistakes);
                }
                true
            }
            (Self::OneOrMore(item), _) => {
                item.check(node, mistakes);
                true
            }
            (Self::Map(value) | Self::FreeMap(value), Kind::Map(entries)) => {
                for (key, node) in entries {
                    if matches!(self, Self::Map(_)) && !is_name(key) {
                        mistakes.push(
                            Mistake::new(&key.at, "this cannot be a name")
                                .found(format!("`{key}`"))
                                .expected(Self::Name.described()),
                        );
                    }
                    value.check(node, mistakes);
                }
                true
            }
            (Self::Object(object) | Self::TextOr(object), Kind::Map(entries)) => {
                object.check(node, entries, mistakes);
                true
            }
            _ => false,
        };
        if !fits {
            mistakes.push(self.misfit(node));
        }
    }

    fn misfit(self, node: &Node) -> Mistake {
        let mistake = Mistake::new(
            &node.at,
            match node.kind {
                Kind::Null => "a value is missing",
                _ => "this does not belong here",
            },
        )
        .found(node.described())
        .expected(self.described());
        match (self, node.text()) {
            (Self::Boolean, Some("yes" | "on" | "True" | "TRUE")) => {
                mistake.suggest("write `true`")
            }
            (Self::Boolean, Some("no" | "off" | "False" | "FALSE")) => {
                mistake.suggest("write `false`")
            }
            (Self::Integer { .. }, Some(text)) if text.parse::<i64>().is_ok() => match node.kind {
                Kind::Scalar { plain: false, .. } => mistake.suggest("remove the quotes"),
                _ => mistake,
            },
            (Self::Duration, Some(text)) if text.parse::<u64>().is_ok() => {
                mistake.suggest(format!("say the unit: `{text}s`, `{text}ms`?"))
            }
            (Self::List(_), Some(text)) => mistake.suggest(format!("write `[{text}]`")),
            _ => mistake,
        }
    }
}

impl Object {
    fn check(
        &self,
        node: &Node,
        entries: &[(crate::Spanned<String>, Node)],
        mistakes: &mut Mistakes,
    ) {
        for (key, value) in entries {
            match self.fields.iter().find(|field| field.key == key.value) {
                Some(field) => field.shape.check(value, mistakes),
                None => mistakes.push(
                    Mistake::new(&key.at, "unknown key")
                        .found(format!("`{key}`"))
                        .among(key, self.fields.iter().map(|field| field.key)),
                ),
            }
        }
        for field in self.fields.iter().filter(|field| field.required) {
            if !entries.iter().any(|(key, _)| key.value == field.key) {
                mistakes.push(
                    Mistake::new(&node.at, format!("`{}` is missing", field.key))
                        .expected(format!("`{}`: {}", field.key, field.help)),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_modes() {
        assert_eq!(duration_ms("500ms"), Some(500));
        assert_eq!(duration_ms("2m"), Some(120_000));
        for wrong in ["", "2", "s", "2 s", "-1s", "25h", "99999999999999999999s"] {
            assert_eq!(duration_ms(wrong), None, "{wrong}");
        }
        assert_eq!(mode("0640"), Some(0o640));
        for wrong in ["", "9", "0888", "17777", "rw-"] {
            assert_eq!(mode(wrong), None, "{wrong}");
        }
    }
}
