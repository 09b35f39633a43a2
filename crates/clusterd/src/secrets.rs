//! What looks like a secret is removed: where its name says so, and wherever its value
//! turns up besides.

use cluster_model::Model;
use cluster_model::configuration::{Cloned, Item, Primitive};
use cluster_model::resource::Agent;
use serde_json::Value;
use std::collections::BTreeSet;

/// Names that contain one of these have a secret behind them.
const NAMES: [&str; 6] = ["password", "passwd", "secret", "token", "key", "passphrase"];

/// What takes its place.
const REMOVED: &str = "(removed)";

/// Shorter values turn up by chance.
const SHORTEST: usize = 4;

/// A model for those who may look and not touch: what decides where resources run is no
/// secret.
pub(crate) fn hide(model: &mut Model) {
    for item in &mut model.configuration.resources {
        let primitives: &mut [Primitive] = match item {
            Item::Primitive(primitive) => std::slice::from_mut(primitive),
            Item::Group(group) => &mut group.members,
            Item::Clone(clone) => match &mut clone.of {
                Cloned::Primitive(primitive) => std::slice::from_mut(primitive),
                Cloned::Group(group) => &mut group.members,
            },
        };
        for primitive in primitives {
            if let Agent::Ocf { parameters, .. } = &mut primitive.agent {
                for (name, value) in parameters {
                    if is_secret(name) {
                        REMOVED.clone_into(value);
                    }
                }
            }
        }
    }
    for node in model.state.nodes.values_mut() {
        for (name, value) in &mut node.attributes {
            if is_secret(name) {
                REMOVED.clone_into(value);
            }
        }
    }
}

/// Values behind such names.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    values: BTreeSet<String>,
}

impl Secrets {
    pub(crate) fn found_in(document: &Value) -> Self {
        let mut secrets = Self::default();
        secrets.find(document);
        secrets
    }

    fn find(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if is_secret(name) => {
                            if text.len() >= SHORTEST {
                                self.values.insert(text.clone());
                            }
                        }
                        Value::String(text) => self.find_in_text(text),
                        other => self.find(other),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.find(value)),
            Value::String(text) => self.find_in_text(text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `password=VALUE`, `passwd: VALUE` and their like in what agents say.
    fn find_in_text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(['=', ':']) {
            let (before, after) = rest.split_at(at);
            let name = before
                .rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
                .next()
                .unwrap_or_default();
            rest = &after[1..];
            if !is_secret(name) {
                continue;
            }
            let value = rest.trim_start_matches([' ', '"', '\'']);
            let end = value.find(|letter: char| letter.is_whitespace() || "\"',;".contains(letter));
            let value = &value[..end.unwrap_or(value.len())];
            if value.len() >= SHORTEST {
                self.values.insert(value.to_owned());
            }
        }
    }

    pub(crate) fn remove_from(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if is_secret(name) => REMOVED.clone_into(text),
                        Value::Number(_) if is_secret(name) => {
                            *value = Value::String(REMOVED.to_owned());
                        }
                        other => self.remove_from(other),
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    self.remove_from(value);
                }
            }
            Value::String(text) => {
                // The longest first, so that no part of one is left.
                let mut longest: Vec<_> = self.values.iter().collect();
                longest.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
                for secret in longest {
                    if text.contains(secret.as_str()) {
                        *text = text.replace(secret.as_str(), REMOVED);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn without_secrets(mut value: Value) -> Value {
        Secrets::found_in(&value).remove_from(&mut value);
        value
    }

    #[test]
    fn secrets_are_removed_where_their_name_says_so_and_where_they_turn_up() {
        let cleaned = without_secrets(json!({
            "parameters": {"replication_passwd": "hunter22", "pid": "/run/x.pid", "API_Token": "abcd1234"},
            "journal": [
                {"MESSAGE": "mysql -phunter22 failed"},
                {"CLUSTERD_OUTPUT": "connect(user=u, password='s3cr3t!', host=h); s3cr3t!\nabcd1234"},
            ],
        }));
        let text = cleaned.to_string();
        for secret in ["hunter22", "abcd1234", "s3cr3t!"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(cleaned["parameters"]["pid"], "/run/x.pid");
        assert_eq!(cleaned["journal"][0]["MESSAGE"], "mysql -p(removed) failed");
    }

    #[test]
    fn numbers_behind_such_names_are_secrets_too() {
        let cleaned = without_secrets(json!({"key": 1234, "port": 1234}));
        assert_eq!(cleaned, json!({"key": "(removed)", "port": 1234}));
    }

    #[test]
    fn who_may_only_look_sees_no_secrets_and_the_rest_as_it_is() {
        let mut model = crate::simulation::tests::pair();
        let whole = model.clone();
        let Some(Item::Clone(clone)) = model.configuration.resources.get_mut(1) else {
            panic!("a clone")
        };
        let Cloned::Primitive(primitive) = &mut clone.of else {
            panic!("a primitive")
        };
        let Agent::Ocf { parameters, .. } = &mut primitive.agent else {
            panic!("an OCF agent")
        };
        parameters.insert("passwd".to_owned(), "hunter22".to_owned());
        hide(&mut model);
        let text = serde_json::to_string(&model).expect("JSON");
        assert!(!text.contains("hunter22"));
        let shown = text.replace(",\"passwd\":\"(removed)\"", "");
        assert_eq!(shown, serde_json::to_string(&whole).expect("JSON"));
    }

    #[test]
    fn a_model_without_secrets_stays_as_it_is() {
        let text = include_str!("../tests/models/pair.json");
        let model: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(without_secrets(model.clone()), model);
    }
}
