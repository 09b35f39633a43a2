//! Rendered files of two corresponding hosts: the same, the same but for values
//! that the inventories give, or other lines.

use super::Carried;
use super::named::{Meaning, meanings};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use tandem_model::Inventory;
use tandem_plan::diff::unified;

/// How a file differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileKind {
    /// Only the first environment's host has it.
    OnlyLeft,
    /// Only the second one's.
    OnlyRight,
    /// Something that the inventories' values do not explain.
    Lines,
    /// Mode, owner or group.
    Attributes,
    /// The same lines with other values of the inventories in them.
    Values,
}

/// A file that is not the same on two corresponding hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileDifference {
    /// The hosts, as [`super::Pair::name`] calls them.
    pub(crate) host: String,
    pub(crate) path: String,
    /// Settings in a file of somebody else.
    pub(crate) edit: bool,
    /// It holds secrets; their values are not compared.
    pub(crate) secret: bool,
    pub(crate) kind: FileKind,
    /// Which of the inventories' values are others: `addresses`, a param's name.
    pub(crate) values: Vec<String>,
    /// Unified, secrets masked; `null` unless it was asked for.
    pub(crate) diff: Option<String>,
}

/// What a host would get as texts, and what the values in them stand for.
pub(super) struct Texts {
    files: BTreeMap<(String, bool), Text>,
    meanings: BTreeMap<String, BTreeSet<Meaning>>,
    /// The same values, longest first.
    longest: Vec<String>,
}

struct Text {
    content: String,
    /// Mode, owner and group.
    attributes: String,
    secret: bool,
}

impl Texts {
    pub(super) fn new(inventory: &Inventory, host: &str, carried: &Carried) -> Self {
        let mut files = BTreeMap::new();
        for file in &carried.files {
            let owned = &file.owned;
            let text = Text {
                content: String::from_utf8_lossy(&file.content).into_owned(),
                attributes: format!("{:04o} {}:{}", owned.mode, owned.owner, owned.group),
                secret: owned.secret,
            };
            files.insert((owned.path.clone(), false), text);
        }
        for edit in &carried.edits {
            let text = Text {
                content: edit.apply(""),
                attributes: String::new(),
                secret: false,
            };
            files.insert((edit.path.clone(), true), text);
        }
        let meanings = meanings(inventory, host);
        let mut longest: Vec<String> = meanings.keys().cloned().collect();
        longest.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self {
            files,
            meanings,
            longest,
        }
    }

    /// The text in pieces: values of the inventory whole, then words, then
    /// everything else character by character.
    fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let length = self
                .value_at(text, at)
                .or_else(|| word(&text[at..]))
                .unwrap_or(first.len_utf8());
            pieces.push(&text[at..at + length]);
            at += length;
        }
        pieces
    }

    /// Length of the value that begins here and is not part of a longer word
    /// or number.
    fn value_at(&self, text: &str, at: usize) -> Option<usize> {
        let before = &text[..at];
        if before.ends_with(char::is_alphanumeric) || joined(before.chars().rev()) {
            return None;
        }
        self.longest
            .iter()
            .find(|value| {
                text[at..].strip_prefix(value.as_str()).is_some_and(|rest| {
                    let cut = value.ends_with(char::is_alphanumeric)
                        && rest.starts_with(char::is_alphanumeric);
                    !cut && !joined(rest.chars())
                })
            })
            .map(String::len)
    }
}

/// True where a number goes on after a point: `4.5` is one.
fn joined(mut characters: impl Iterator<Item = char>) -> bool {
    characters.next() == Some('.') && characters.next().is_some_and(|next| next.is_ascii_digit())
}

fn word(text: &str) -> Option<usize> {
    let end = text
        .find(|character: char| !character.is_alphanumeric())
        .unwrap_or(text.len());
    (end > 0).then_some(end)
}

/// Compares the files of two hosts. Returns how many are the same.
pub(super) fn compare(
    host: &str,
    left: &Texts,
    right: &Texts,
    diff: bool,
    out: &mut Vec<FileDifference>,
) -> usize {
    let mut same = 0;
    let all: BTreeSet<&(String, bool)> = left.files.keys().chain(right.files.keys()).collect();
    for key in all {
        let pair = (left.files.get(key), right.files.get(key));
        let (kind, values) = match pair {
            (Some(one), Some(other)) if one.content != other.content => {
                match explained(left, &one.content, right, &other.content) {
                    Some(values) if one.attributes == other.attributes => {
                        (FileKind::Values, values)
                    }
                    Some(values) => (FileKind::Attributes, values),
                    None => (FileKind::Lines, Vec::new()),
                }
            }
            (Some(one), Some(other)) if one.attributes != other.attributes => {
                (FileKind::Attributes, Vec::new())
            }
            (Some(_), None) => (FileKind::OnlyLeft, Vec::new()),
            (None, Some(_)) => (FileKind::OnlyRight, Vec::new()),
            _ => {
                same += 1;
                continue;
            }
        };
        let text = |side: Option<&Text>| {
            side.map(|text| match text.attributes.as_str() {
                // Without it a change of the mode alone would show nothing.
                attributes if kind == FileKind::Attributes => {
                    format!("({attributes})\n{}", text.content)
                }
                _ => text.content.clone(),
            })
        };
        out.push(FileDifference {
            host: host.to_owned(),
            path: key.0.clone(),
            edit: key.1,
            secret: [pair.0, pair.1].iter().flatten().any(|text| text.secret),
            kind,
            values,
            diff: diff.then(|| unified(&key.0, text(pair.0).as_deref(), text(pair.1).as_deref())),
        });
    }
    same
}

/// Kinds of values that make the two texts differ; `None` if there is more to
/// it than values that stand for the same thing on both sides.
fn explained(left: &Texts, one: &str, right: &Texts, other: &str) -> Option<Vec<String>> {
    let (mine, theirs) = (left.pieces(one), right.pieces(other));
    if mine.len() != theirs.len() {
        return None;
    }
    let mut kinds = BTreeSet::new();
    for (here, there) in mine.iter().zip(&theirs) {
        if here == there {
            continue;
        }
        let (here, there) = (left.meanings.get(*here)?, right.meanings.get(*there)?);
        kinds.insert(here.intersection(there).next()?.kind.clone());
    }
    Some(kinds.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[(&str, &str)]) -> Texts {
        let mut meanings: BTreeMap<String, BTreeSet<Meaning>> = BTreeMap::new();
        for (value, what) in values {
            meanings
                .entry((*value).to_owned())
                .or_default()
                .insert(Meaning::new(what, what));
        }
        let mut longest: Vec<String> = meanings.keys().cloned().collect();
        longest.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Texts {
            files: BTreeMap::new(),
            meanings,
            longest,
        }
    }

    #[test]
    fn values_that_stand_for_the_same_explain_a_difference() {
        let dev = texts(&[
            ("dev", "environment"),
            ("10.77.4.50", "vip"),
            ("1", "workers"),
        ]);
        let prod = texts(&[
            ("prod", "environment"),
            ("203.0.113.50", "vip"),
            ("16", "workers"),
        ]);
        let explain = |one, other| explained(&dev, one, &prod, other);
        assert_eq!(
            explain("Listen 10.77.4.50:80\n", "Listen 203.0.113.50:80\n"),
            Some(vec!["vip".to_owned()])
        );
        assert_eq!(
            explain(
                "# dev\nlog /dev/null\nN 1\n",
                "# prod\nlog /dev/null\nN 16\n"
            ),
            Some(vec!["environment".to_owned(), "workers".to_owned()])
        );
        assert_eq!(
            explain("Listen 10.77.4.50:80\n", "Listen 203.0.113.5:80\n"),
            None
        );
        assert_eq!(explain("N 1\n", "N 1\nM 2\n"), None);
        assert_eq!(explain("N 1\n", "N 17\n"), None);
    }

    #[test]
    fn a_value_inside_of_a_longer_one_is_none() {
        let side = texts(&[("1", "workers"), ("10.77.4.5", "address")]);
        assert_eq!(side.pieces("10.77.4.50 1.1 v1 1"), {
            let apart = ["10", ".", "77", ".", "4", ".", "50"];
            [&apart[..], &[" ", "1", ".", "1", " ", "v1", " ", "1"]].concat()
        });
        assert_eq!(side.pieces("(10.77.4.5)"), ["(", "10.77.4.5", ")"]);
        assert_eq!(side.pieces("10.77.4.5."), ["10.77.4.5", "."]);
    }
}
