//! Params of a role: what may vary, and how.

use super::param::shape_of;
use super::role_parts::Parts;
use super::role_shape::TYPES;
use crate::role::{DefaultValue, Param, ParamKind, Scope};
use crate::yaml::Node;
use crate::{Mistake, Spanned};

impl Parts<'_> {
    pub(super) fn param(&mut self, name: &Spanned<String>, node: &Node) -> Option<Param> {
        let kind = self.param_kind(node)?;
        if !name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            self.mistakes.push(
                Mistake::new(&name.at, "templates cannot use this name")
                    .found(format!("`{name}`"))
                    .expected("letters, digits and `_`"),
            );
        }
        let scope = match node.get("scope").and_then(Node::text) {
            Some("host") => Scope::Host,
            _ => Scope::Cluster,
        };
        if scope == Scope::Host && kind == ParamKind::Endpoint {
            self.mistakes.push(
                Mistake::new(&name.at, "an endpoint is the cluster's, not a host's")
                    .suggest("remove `scope: host`"),
            );
        }
        let unique = node.get("unique").and_then(Node::text) == Some("true");
        if unique && scope == Scope::Cluster {
            self.mistakes.push(
                Mistake::new(&name.at, "only what hosts set can be unique among them")
                    .suggest("add `scope: host`"),
            );
        }
        let default = node
            .get("default")
            .and_then(|default| self.default(&kind, default));
        Some(Param {
            name: name.value.clone(),
            kind,
            default,
            help: node.get("help").and_then(Node::text).map(str::to_owned),
            scope,
            unique,
            at: name.at.clone(),
        })
    }

    fn param_kind(&mut self, node: &Node) -> Option<ParamKind> {
        if let Some(word) = node.text() {
            return self.simple_kind(node, word, None);
        }
        let ways = ["type", "one_of", "list_of"];
        let given: Vec<&Node> = ways.iter().filter_map(|key| node.get(key)).collect();
        let [only] = given.as_slice() else {
            self.mistakes.push(
                Mistake::new(&node.at, "what does this param take?")
                    .expected("exactly one of `type`, `one_of`, `list_of`"),
            );
            return None;
        };
        let kind = if node.get("one_of").is_some() {
            let words: Vec<String> = only
                .items()
                .iter()
                .filter_map(|item| item.text().map(str::to_owned))
                .collect();
            if words.is_empty() {
                self.mistakes
                    .push(Mistake::new(&only.at, "`one_of` without words"));
                return None;
            }
            ParamKind::OneOf(words)
        } else {
            let inner = self.simple_kind(only, only.text()?, Some(node))?;
            if node.get("list_of").is_none() {
                inner
            } else {
                if inner == ParamKind::Endpoint {
                    self.mistakes.push(
                        Mistake::new(&only.at, "a list of endpoints is not supported")
                            .suggest("declare a param for each"),
                    );
                }
                ParamKind::List(Box::new(inner))
            }
        };
        let bounded = matches!(&kind, ParamKind::Integer { .. })
            || matches!(&kind, ParamKind::List(item) if matches!(**item, ParamKind::Integer { .. }));
        for key in ["min", "max"] {
            if let Some(bound) = node.get(key)
                && !bounded
            {
                self.mistakes.push(
                    Mistake::new(&bound.at, format!("`{key}` is for integers"))
                        .expected(kind.described()),
                );
            }
        }
        Some(kind)
    }

    fn simple_kind(&mut self, at: &Node, word: &str, whole: Option<&Node>) -> Option<ParamKind> {
        let bound = |key: &str, default: i64| {
            whole
                .and_then(|whole| whole.get(key))
                .and_then(Node::text)
                .and_then(|text| text.parse().ok())
                .unwrap_or(default)
        };
        Some(match word {
            "address" => ParamKind::Address,
            "boolean" => ParamKind::Boolean,
            "endpoint" => ParamKind::Endpoint,
            "integer" => ParamKind::Integer {
                min: bound("min", i64::MIN),
                max: bound("max", i64::MAX),
            },
            "port" => ParamKind::Port,
            "secret" => ParamKind::Secret,
            "text" => ParamKind::Text,
            _ => {
                // A mapping's `type` was judged by its shape.
                if whole.is_none() {
                    self.mistakes.push(
                        Mistake::new(&at.at, "an unknown type")
                            .found(at.described())
                            .among(word, TYPES.iter().copied()),
                    );
                }
                return None;
            }
        })
    }

    fn default(&mut self, kind: &ParamKind, node: &Node) -> Option<DefaultValue> {
        let before = self.mistakes.len();
        let value = match kind {
            ParamKind::Integer { .. } | ParamKind::Port => {
                shape_of(kind).check(node, self.mistakes);
                DefaultValue::Integer(node.text()?.parse().ok()?)
            }
            ParamKind::Boolean => {
                shape_of(kind).check(node, self.mistakes);
                DefaultValue::Boolean(node.text()? == "true")
            }
            ParamKind::Text => {
                shape_of(kind).check(node, self.mistakes);
                DefaultValue::Text(node.text()?.to_owned())
            }
            ParamKind::OneOf(words) => {
                let word = node.text().unwrap_or_default();
                if !words.iter().any(|known| known == word) {
                    self.mistakes.push(
                        Mistake::new(&node.at, "the default is none of the choices")
                            .found(node.described())
                            .among(word, words.iter().map(String::as_str)),
                    );
                }
                DefaultValue::Text(word.to_owned())
            }
            ParamKind::List(item) => {
                shape_of(kind).check(node, self.mistakes);
                let items = node.items().iter();
                DefaultValue::List(items.filter_map(|node| self.default(item, node)).collect())
            }
            ParamKind::Address | ParamKind::Endpoint | ParamKind::Secret => {
                self.mistakes.push(
                    Mistake::new(&node.at, "this type has no default")
                        .found(node.described())
                        .expected("the inventory to set it: a role knows no environment"),
                );
                return None;
            }
        };
        (self.mistakes.len() == before).then_some(value)
    }
}
