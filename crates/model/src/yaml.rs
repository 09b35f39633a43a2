//! YAML text as a tree in which every node knows where it was written.
//!
//! Scalars stay text: what `1.10` or `no` means is decided by whoever knows
//! what belongs there. Anchors, aliases and tags are refused; these files are
//! read by people, who should find a value where it counts.

use crate::{Mistake, Mistakes, Position, SourceFile, Spanned};
use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span};
use std::sync::Arc;

/// Deeper nesting than this is no configuration of ours.
const DEPTH_LIMIT: usize = 24;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Nothing: an empty value, `~` or `null`.
    Null,
    /// Text; `plain` when it was written without quotes.
    Scalar { text: String, plain: bool },
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`, in the order of the file.
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// The value of a key of a map.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, node)| name.value == key && !matches!(node.kind, Kind::Null))
            .map(|(_, node)| node)
    }

    /// Keys and values of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[(Spanned<String>, Node)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar with its place.
    pub(crate) fn spanned(&self) -> Option<Spanned<String>> {
        Some(Spanned::new(self.text()?.to_owned(), self.at.clone()))
    }

    /// Scalars of a list, each with its place.
    pub(crate) fn spanned_items(&self) -> Vec<Spanned<String>> {
        self.items().iter().filter_map(Node::spanned).collect()
    }

    /// What was found, in words, for a mistake.
    pub(crate) fn described(&self) -> String {
        match &self.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Scalar { text, .. } => {
                let mut shown: String = text.chars().take(60).collect();
                if shown.len() < text.len() {
                    shown.push('…');
                }
                format!("`{shown}`")
            }
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// A node under construction.
struct Open {
    at: Position,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Vec<(Spanned<String>, Node)>,
        key: Option<Spanned<String>>,
    },
}

/// Reads one document. `None` when it is broken; then the mistakes say why.
pub(crate) fn parse(file: &Arc<SourceFile>, mistakes: &mut Mistakes) -> Option<Node> {
    let mut builder = Builder {
        file,
        stack: Vec::new(),
        root: None,
        documents: 0,
        mistakes,
    };
    for step in Parser::new_from_str(&file.text) {
        let outcome = match step {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let mark = *error.marker();
                let at = builder.position(&Span::empty(mark), String::new());
                Err(Mistake::new(&at, format!("this is not YAML: {}", error.info()))
                    .suggest("look at the indentation, quotes and brackets of this line and the one before")
                    .into())
            }
        };
        if let Err(mistake) = outcome {
            builder.mistakes.push(*mistake);
            return None;
        }
    }
    Some(builder.root.unwrap_or_else(|| Node {
        at: Position::start_of(file),
        kind: Kind::Null,
    }))
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    mistakes: &'a mut Mistakes,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Mistake>> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let at = self.position(&span, String::new());
                    return Err(Mistake::new(&at, "a second document in one file")
                        .suggest("one file holds one document: remove `---`")
                        .into());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(&span, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                if self.expects_key() {
                    self.key(&text, &span);
                } else {
                    let kind = if plain && matches!(&*text, "" | "~" | "null") {
                        Kind::Null
                    } else {
                        Kind::Scalar {
                            text: text.into_owned(),
                            plain,
                        }
                    };
                    let at = self.position(&span, self.path());
                    self.value(Node { at, kind });
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_only(&span, anchor, tag.is_some())?;
                self.open(&span, OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_only(&span, anchor, tag.is_some())?;
                let kind = OpenKind::Map {
                    entries: Vec::new(),
                    key: None,
                };
                self.open(&span, kind)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { at, kind }) = self.stack.pop() {
                    let kind = match kind {
                        OpenKind::List(items) => Kind::List(items),
                        OpenKind::Map { entries, .. } => Kind::Map(entries),
                    };
                    self.value(Node { at, kind });
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let at = self.position(&span, self.path());
                return Err(Mistake::new(&at, "aliases are not supported")
                    .suggest("write the value here: readers should find it where it counts")
                    .into());
            }
            _ => {}
        }
        Ok(())
    }

    fn plain_only(&self, span: &Span, anchor: usize, tagged: bool) -> Result<(), Box<Mistake>> {
        if anchor == 0 && !tagged {
            return Ok(());
        }
        let what = if tagged { "tags" } else { "anchors" };
        let at = self.position(span, self.path());
        Err(Mistake::new(&at, format!("{what} are not supported"))
            .suggest("write the value without it")
            .into())
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.stack.last(),
            Some(Open {
                kind: OpenKind::Map { key: None, .. },
                ..
            })
        )
    }

    fn open(&mut self, span: &Span, kind: OpenKind) -> Result<(), Box<Mistake>> {
        let at = self.position(span, self.path());
        if self.expects_key() {
            return Err(Mistake::new(&at, "a key must be a word")
                .found("a list or mapping as a key")
                .expected("`name: value`")
                .suggest("quote a template at the start of a value: \"{{ ... }}\"")
                .into());
        }
        if self.stack.len() >= DEPTH_LIMIT {
            return Err(
                Mistake::new(&at, format!("nested more than {DEPTH_LIMIT} levels deep")).into(),
            );
        }
        // The span of a collection's start is empty or its bracket: point at
        // the line on which it begins.
        self.stack.push(Open { at, kind });
        Ok(())
    }

    /// Notes a key; a second one of the same name is a mistake and its value
    /// is read and dropped.
    fn key(&mut self, text: &str, span: &Span) {
        let mut path = self.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(text);
        let at = self.position(span, path);
        let mut first = None;
        if let Some(Open {
            kind: OpenKind::Map { entries, key },
            ..
        }) = self.stack.last_mut()
        {
            first = entries
                .iter()
                .find(|(name, _)| name.value == text)
                .map(|(name, _)| name.at.line);
            *key = Some(Spanned::new(text.to_owned(), at.clone()));
        }
        if let Some(line) = first {
            self.mistakes.push(
                Mistake::new(&at, format!("`{text}` is here a second time"))
                    .found(format!("the first one on line {line}"))
                    .suggest("remove one of them"),
            );
        }
    }

    fn value(&mut self, node: Node) {
        match self.stack.last_mut().map(|open| &mut open.kind) {
            Some(OpenKind::List(items)) => items.push(node),
            Some(OpenKind::Map { entries, key }) => {
                if let Some(key) = key.take() {
                    let known = entries.iter().any(|(name, _)| name.value == key.value);
                    if !known {
                        entries.push((key, node));
                    }
                }
            }
            None => self.root = Some(node),
        }
    }

    /// The way to the node that comes next.
    fn path(&self) -> String {
        match self.stack.last() {
            None => String::new(),
            Some(Open {
                at,
                kind: OpenKind::List(items),
            }) => format!("{}[{}]", at.path, items.len()),
            Some(Open {
                at,
                kind: OpenKind::Map { key, .. },
            }) => key
                .as_ref()
                .map_or_else(|| at.path.clone(), |key| key.at.path.clone()),
        }
    }

    fn position(&self, span: &Span, path: String) -> Position {
        let end = self.file.text.len();
        let offset = span.start.byte_offset().unwrap_or(0).min(end);
        let stop = span.end.byte_offset().unwrap_or(offset).clamp(offset, end);
        // A block's span reaches to the next token: one line is enough to
        // point at.
        let length = self.file.text[offset..stop]
            .lines()
            .next()
            .unwrap_or("")
            .trim_end()
            .len();
        Position {
            file: Arc::clone(self.file),
            line: span.start.line().max(1),
            column: span.start.col() + 1,
            offset,
            length,
            path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Mistakes) {
        let mut mistakes = Mistakes::default();
        let node = parse(&SourceFile::new("x.yaml", text), &mut mistakes);
        (node, mistakes)
    }

    #[test]
    fn nodes_know_where_they_are() {
        let (node, mistakes) = read("hosts:\n  zipi:\n    nics: [ä, bb]\n");
        assert!(mistakes.is_empty());
        let node = node.expect("a document");
        let nics = node
            .get("hosts")
            .and_then(|hosts| hosts.get("zipi"))
            .and_then(|zipi| zipi.get("nics"))
            .expect("nics");
        let second = &nics.items()[1];
        assert_eq!(second.at.path, "hosts.zipi.nics[1]");
        assert_eq!((second.at.line, second.at.column), (3, 15));
        assert_eq!(
            &second.at.file.text[second.at.offset..][..second.at.length],
            "bb"
        );
    }

    #[test]
    fn a_key_that_comes_twice_is_a_mistake_and_reading_goes_on() {
        let (node, mistakes) = read("a: 1\nb: 2\na: 3\nb: 4\n");
        assert_eq!(
            node.expect("a document").get("a").and_then(Node::text),
            Some("1")
        );
        assert_eq!(mistakes.len(), 2);
    }

    #[test]
    fn broken_yaml_aliases_tags_and_second_documents_are_refused() {
        for text in [
            "a: [1",
            "a: &x 1\nb: *x\n",
            "a: !t 1",
            "a: 1\n---\nb: 2\n",
            "? [a]\n: b\n",
        ] {
            let (node, mistakes) = read(text);
            assert!(node.is_none(), "{text}");
            assert_eq!(mistakes.len(), 1, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let (node, mistakes) = read(&"[".repeat(5_000));
        assert!(node.is_none());
        assert_eq!(mistakes.len(), 1);
    }
}
