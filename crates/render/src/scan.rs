//! Finds every name that a template uses and that does not exist. The engine
//! would stop at the first, and a misspelt name in a condition it takes for
//! false; here all of them are found, with their places.

use serde_json::Value as Json;

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undefined {
    /// Byte offset of the segment that does not exist.
    pub(crate) offset: usize,
    /// The segment.
    pub(crate) segment: String,
    /// What leads to it: `params`.
    pub(crate) parent: String,
    /// The names that exist there.
    pub(crate) known: Vec<String>,
}

/// Names such as `params.vip` whose first segment is one of ours and that lead
/// nowhere.
pub(crate) fn undefined(text: &str, names: &Json) -> Vec<Undefined> {
    let tokens = tokens(text);
    let bound = bound(&tokens);
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let begins = index == 0 || !matches!(tokens[index - 1].kind, TokenKind::Dot);
        let TokenKind::Word(root) = token.kind else {
            continue;
        };
        // `name=` is a keyword argument, `name(` and `name::` are functions.
        let is_name = begins
            && !bound.contains(&root)
            && !matches!(
                tokens.get(index + 1).map(|next| next.kind),
                Some(TokenKind::Other('=' | '(' | ':'))
            );
        if !is_name {
            continue;
        }
        let Some(mut here) = names.get(root) else {
            continue;
        };
        let mut parent = root.to_owned();
        let mut next = index + 1;
        while let (Some(dot), Some(word)) = (tokens.get(next), tokens.get(next + 1)) {
            let (TokenKind::Dot, TokenKind::Word(segment)) = (dot.kind, word.kind) else {
                break;
            };
            if here.is_array() {
                break;
            }
            let Some(child) = here.get(segment) else {
                let known = here
                    .as_object()
                    .map_or(Vec::new(), |object| object.keys().cloned().collect());
                found.push(Undefined {
                    offset: word.offset,
                    segment: segment.to_owned(),
                    parent,
                    known,
                });
                break;
            };
            here = child;
            parent = format!("{parent}.{segment}");
            next += 2;
        }
    }
    found
}

#[derive(Clone, Copy)]
struct Token<'a> {
    offset: usize,
    kind: TokenKind<'a>,
}

#[derive(Clone, Copy)]
enum TokenKind<'a> {
    Word(&'a str),
    Dot,
    Text(&'a str),
    Other(char),
}

/// Templates that this one includes.
pub(crate) fn includes(text: &str) -> Vec<String> {
    let tokens = tokens(text);
    tokens
        .windows(2)
        .filter_map(|pair| match (pair[0].kind, pair[1].kind) {
            (TokenKind::Word("include"), TokenKind::Text(name)) => Some(name.to_owned()),
            _ => None,
        })
        .collect()
}

/// Words, dots and signs inside `{{ }}` and `{% %}`; strings, comments and raw
/// blocks are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut raw = false;
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        let end_mark = match text.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let start = open + 2;
        let (inside, end) = block(text, start, end_mark);
        if end_mark == "%}" {
            let first = inside.first().and_then(|token| match token.kind {
                TokenKind::Word(word) => Some(word),
                _ => None,
            });
            match first {
                Some("raw") => raw = true,
                Some("endraw") => raw = false,
                _ => {}
            }
        }
        if !raw && end_mark != "#}" {
            tokens.extend(inside);
        }
        at = end;
    }
    tokens
}

/// The tokens of one block and where it ends.
fn block<'a>(text: &'a str, start: usize, end_mark: &str) -> (Vec<Token<'a>>, usize) {
    let mut inside = Vec::new();
    let mut at = start;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with(end_mark) {
            return (inside, at + end_mark.len());
        }
        let Some(letter) = rest.chars().next() else {
            break;
        };
        if end_mark != "#}" && matches!(letter, '"' | '\'' | '`') {
            let close = rest[1..]
                .find(letter)
                .map_or(text.len(), |found| at + found + 2);
            inside.push(Token {
                offset: at,
                kind: TokenKind::Text(text[at + 1..close].trim_end_matches(letter)),
            });
            at = close;
        } else if letter.is_ascii_alphabetic() || letter == '_' {
            let length = rest
                .find(|other: char| !other.is_ascii_alphanumeric() && other != '_')
                .unwrap_or(rest.len());
            inside.push(Token {
                offset: at,
                kind: TokenKind::Word(&rest[..length]),
            });
            at += length;
        } else {
            let kind = match letter {
                '.' => Some(TokenKind::Dot),
                // `==` is no assignment.
                '=' if rest.starts_with("==") => {
                    at += 1;
                    Some(TokenKind::Other('~'))
                }
                other if other.is_whitespace() => None,
                other => Some(TokenKind::Other(other)),
            };
            if let Some(kind) = kind {
                inside.push(Token { offset: at, kind });
            }
            at += letter.len_utf8();
        }
    }
    (inside, text.len())
}

/// Names that the template makes itself: `for x in`, `for k, v in`, `set x`.
fn bound<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let word = |index: usize| match tokens.get(index).map(|token| token.kind) {
        Some(TokenKind::Word(word)) => Some(word),
        _ => None,
    };
    let mut names = Vec::new();
    for index in 0..tokens.len() {
        match word(index) {
            Some("for") => {
                names.extend(word(index + 1));
                if matches!(
                    tokens.get(index + 2).map(|token| token.kind),
                    Some(TokenKind::Other(','))
                ) {
                    names.extend(word(index + 3));
                }
            }
            Some("set" | "set_global") => names.extend(word(index + 1)),
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn segments(text: &str) -> Vec<String> {
        let names = json!({
            "params": {"vip": "1.2.3.4", "list": [1]},
            "host": {"name": "zipi"},
        });
        undefined(text, &names)
            .into_iter()
            .map(|one| format!("{}.{}@{}", one.parent, one.segment, one.offset))
            .collect()
    }

    #[test]
    fn every_name_that_leads_nowhere_is_found() {
        assert_eq!(
            segments("{{ params.vpi }} {% if host.nmae %}x{% endif %}"),
            ["params.vpi@10", "host.nmae@28"]
        );
        assert_eq!(segments("{{ params.vip.x }}"), ["params.vip.x@14"]);
        assert_eq!(
            segments("{{ f(x=params.nix) | default(value=host.nix) }}").len(),
            2
        );
    }

    #[test]
    fn included_templates_are_known() {
        assert_eq!(
            includes("{% include \"a.conf\" %} {%- include 'b' -%} include 'c' {# include 'd' #}"),
            ["a.conf", "b"]
        );
    }

    #[test]
    fn what_exists_or_is_not_ours_is_left_alone() {
        for text in [
            "{{ params.vip }} {{ host . name }}",
            "{# params.nix #} {% raw %}{{ params.nix }}{% endraw %}",
            "{{ 'params.nix' }} params.nix { params.nix }",
            "{% for host in params.list %}{{ host.nix }}{% endfor %}",
            "{% set params = 1 %}{{ params.nix }}",
            "{{ x.params.nix }}",
            "{{ params.list.0 }}",
            "{{ params",
            "{% \"",
        ] {
            assert_eq!(segments(text), Vec::<String>::new(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[{}%#'\"` a.=(:ä\n\\-]{0,40}|(\\{\\{|%\\}|params|\\.|raw|ä| ){0,20}") {
            let names = json!({"params": {"vip": 1}, "a": {}});
            for one in undefined(&text, &names) {
                proptest::prop_assert!(text[one.offset..].starts_with(&one.segment));
            }
            includes(&text);
        }
    }
}
