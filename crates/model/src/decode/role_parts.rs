//! The parts of a role. Shapes were checked before; what does not fit is
//! skipped here, because its mistake is noted already.

use super::param::shape_of;
use crate::role::{
    Condition, DefaultValue, EndpointPort, Param, ParamKind, ProgramCall, RoleEdit, RoleEndpoint,
    RoleFile, RoleHealth, RoleInitialiser, RoleMember, RoleMemberKind, RoleProbe, RoleResource,
    RoleUnit, RoleValidator, Scope,
};
use crate::shape::{duration_ms, is_name, mode};
use crate::yaml::{Kind, Node};
use crate::{Mistake, Mistakes, Spanned};
use std::collections::BTreeMap;
use tandem_generation::UnitRun;
use tandem_generation::health::CheckedOn;

/// Reads parts and notes what is wrong with them.
pub(super) struct Parts<'a> {
    pub(super) mistakes: &'a mut Mistakes,
}

type ReadNamed<'m, T> = fn(&mut Parts<'m>, &Spanned<String>, &Node) -> Option<T>;

impl<'m> Parts<'m> {
    /// The items of a list.
    pub(super) fn listed<T>(
        &mut self,
        root: &Node,
        key: &str,
        read: fn(&mut Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        let items = root.get(key).map_or(&[][..], Node::items);
        items.iter().filter_map(|node| read(self, node)).collect()
    }

    /// The entries of a map, in the order of the file.
    pub(super) fn named<T>(&mut self, root: &Node, key: &str, read: ReadNamed<'m, T>) -> Vec<T> {
        let entries = root.get(key).map_or(&[][..], Node::entries);
        entries
            .iter()
            .filter_map(|(name, node)| read(self, name, node))
            .collect()
    }

    /// The entries of a map, by name.
    pub(super) fn each<T>(
        &mut self,
        root: &Node,
        key: &str,
        read: ReadNamed<'m, T>,
    ) -> BTreeMap<String, T> {
        let entries = root.get(key).map_or(&[][..], Node::entries);
        entries
            .iter()
            .filter_map(|(name, node)| Some((name.value.clone(), read(self, name, node)?)))
            .collect()
    }

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
        let default = node
            .get("default")
            .and_then(|default| self.default(&kind, default));
        Some(Param {
            name: name.value.clone(),
            kind,
            default,
            help: node.get("help").and_then(Node::text).map(str::to_owned),
            scope,
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
                            .among(word, super::role_shape::TYPES.iter().copied()),
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

    pub(super) fn file(&mut self, node: &Node) -> Option<RoleFile> {
        let secret = flag(node, "secret").unwrap_or(false);
        let given = node.get("mode").and_then(Node::text).and_then(mode);
        let mode = given.unwrap_or(if secret { 0o600 } else { 0o644 });
        if secret
            && mode & 0o027 != 0
            && let Some(at) = node.get("mode")
        {
            self.mistakes.push(
                Mistake::new(&at.at, "a secret file that others can read")
                    .found(at.described())
                    .expected("`0600` or `0640`"),
            );
        }
        let root = |key: &str| {
            node.get(key)
                .and_then(Node::spanned)
                .unwrap_or_else(|| Spanned::new("root".to_owned(), node.at.clone()))
        };
        Some(RoleFile {
            path: node.get("path")?.spanned()?,
            template: node.get("template")?.spanned()?,
            mode,
            owner: root("owner"),
            group: root("group"),
            secret,
            comment: text(node, "comment").unwrap_or_else(|| "#".to_owned()),
            restarts: one_or_more(node, "restarts"),
            reloads: one_or_more(node, "reloads"),
            validator: node.get("validator").and_then(Node::spanned),
            when: self.when(node),
        })
    }

    pub(super) fn edit(&mut self, node: &Node) -> Option<RoleEdit> {
        let set = node.get("set")?.entries().iter();
        Some(RoleEdit {
            path: node.get("path")?.spanned()?,
            separator: text(node, "separator")?,
            set: set
                .filter_map(|(key, value)| Some((key.value.clone(), value.spanned()?)))
                .collect(),
            when: self.when(node),
        })
    }

    pub(super) fn unit(&mut self, name: &Spanned<String>, node: &Node) -> Option<RoleUnit> {
        let run = match node.get("run")?.text()? {
            "started" => UnitRun::Started,
            "stopped" => UnitRun::Stopped,
            "cluster" => UnitRun::Cluster,
            _ => UnitRun::Untouched,
        };
        let enabled = flag(node, "enabled");
        if run == UnitRun::Cluster && enabled == Some(true) {
            self.mistakes.push(
                Mistake::new(&node.at, format!("`{name}` would be started twice"))
                    .found("the cluster runs it, and it is enabled at boot")
                    .suggest("remove `enabled`"),
            );
        }
        Some(RoleUnit {
            unit: name.clone(),
            // What the cluster runs must not start by itself.
            enabled: if run == UnitRun::Cluster {
                Some(false)
            } else {
                enabled
            },
            run,
            when: self.when(node),
        })
    }

    #[expect(
        clippy::unused_self,
        reason = "called through `each` like its siblings"
    )]
    pub(super) fn validator(
        &mut self,
        name: &Spanned<String>,
        node: &Node,
    ) -> Option<RoleValidator> {
        Some(RoleValidator {
            name: name.value.clone(),
            call: call(node)?,
        })
    }

    pub(super) fn resource(&mut self, node: &Node) -> Option<RoleResource> {
        let Some(group) = node.get("group") else {
            if let Some(of) = node.get("of") {
                self.mistakes.push(
                    Mistake::new(&of.at, "members without a group").expected("`group: NAME`"),
                );
            }
            return Some(RoleResource {
                group: None,
                members: vec![self.member(node)?],
            });
        };
        for (key, _) in node.entries() {
            if !matches!(key.as_str(), "group" | "of") {
                self.mistakes.push(
                    Mistake::new(
                        &key.at,
                        format!("`{key}` belongs to a member, not to the group"),
                    )
                    .expected("`group` and `of`"),
                );
            }
        }
        let members: Vec<RoleMember> = self.listed(node, "of", Self::member);
        if members.is_empty() {
            self.mistakes
                .push(Mistake::new(&group.at, "a group without members").expected("`of: [...]`"));
        }
        Some(RoleResource {
            group: group.spanned(),
            members,
        })
    }

    fn member(&mut self, node: &Node) -> Option<RoleMember> {
        let of_kind = ["address", "unit", "ocf"];
        let given: Vec<(&str, &Node)> = of_kind
            .iter()
            .filter_map(|key| Some((*key, node.get(key)?)))
            .collect();
        let [(key, what)] = given.as_slice() else {
            self.mistakes.push(
                Mistake::new(&node.at, "what kind of resource is this?")
                    .expected("exactly one of `address`, `unit`, `ocf`"),
            );
            return None;
        };
        let what = what.spanned()?;
        if let Some(parameters) = node.get("parameters")
            && *key != "ocf"
        {
            self.mistakes.push(Mistake::new(
                &parameters.at,
                "only OCF agents have parameters",
            ));
        }
        let kind = match *key {
            "address" => RoleMemberKind::Address(what.clone()),
            "unit" => RoleMemberKind::Unit(what.clone()),
            _ => self.ocf(&what, node)?,
        };
        let name = node.get("name").and_then(Node::spanned);
        let name = match (&kind, name) {
            (_, Some(name)) => name,
            (RoleMemberKind::Ocf { kind, .. }, None) => {
                Spanned::new(kind.to_lowercase(), what.at.clone())
            }
            (_, None) => what,
        };
        Some(RoleMember {
            name,
            kind,
            monitor_ms: time(node, "monitor"),
            migration_threshold: text(node, "migration_threshold")
                .and_then(|text| text.parse().ok()),
            start_timeout_ms: time(node, "start_timeout").unwrap_or(60_000),
            stop_timeout_ms: time(node, "stop_timeout").unwrap_or(60_000),
            when: self.when(node),
        })
    }

    fn ocf(&mut self, what: &Spanned<String>, node: &Node) -> Option<RoleMemberKind> {
        let full = what.strip_prefix("ocf:").unwrap_or(what);
        match full.split_once(':') {
            Some((provider, kind)) if is_name(provider) && is_name(kind) => {
                let parameters = node.get("parameters").map_or(&[][..], Node::entries).iter();
                Some(RoleMemberKind::Ocf {
                    provider: provider.to_owned(),
                    kind: kind.to_owned(),
                    parameters: parameters
                        .filter_map(|(key, value)| Some((key.value.clone(), value.spanned()?)))
                        .collect(),
                })
            }
            _ => {
                self.mistakes.push(
                    Mistake::new(&what.at, "this is no OCF agent")
                        .found(format!("`{what}`"))
                        .expected("`PROVIDER:TYPE`, such as `heartbeat:Filesystem`"),
                );
                None
            }
        }
    }

    pub(super) fn health(&mut self, name: &Spanned<String>, node: &Node) -> Option<RoleHealth> {
        let kinds = ["http", "unit", "command"];
        let given: Vec<&Node> = kinds.iter().filter_map(|key| node.get(key)).collect();
        let [what] = given.as_slice() else {
            self.mistakes.push(
                Mistake::new(&node.at, "what does this check ask?")
                    .expected("exactly one of `http`, `unit`, `command`"),
            );
            return None;
        };
        for key in ["status", "contains"] {
            if let Some(at) = node.get(key)
                && node.get("http").is_none()
            {
                self.mistakes
                    .push(Mistake::new(&at.at, format!("`{key}` belongs to `http`")));
            }
        }
        let probe = if node.get("http").is_some() {
            RoleProbe::Http {
                url: what.spanned()?,
                status: text(node, "status")
                    .and_then(|status| status.parse().ok())
                    .unwrap_or(200),
                contains: node.get("contains").and_then(Node::spanned),
            }
        } else if node.get("unit").is_some() {
            RoleProbe::Unit(what.spanned()?)
        } else {
            RoleProbe::Command(call(what)?)
        };
        Some(RoleHealth {
            name: name.clone(),
            probe,
            within_ms: time(node, "within").unwrap_or(10_000),
            on: match node.get("on")?.text()? {
                "each" => CheckedOn::Each,
                _ => CheckedOn::Holder,
            },
            when: self.when(node),
        })
    }

    #[expect(
        clippy::unused_self,
        reason = "called through `each` like its siblings"
    )]
    pub(super) fn endpoint(&mut self, name: &Spanned<String>, node: &Node) -> Option<RoleEndpoint> {
        let port = node.get("port")?.spanned()?;
        Some(RoleEndpoint {
            name: name.value.clone(),
            address: node.get("address")?.spanned()?,
            port: match port.parse::<u16>() {
                Ok(number) if number > 0 => EndpointPort::Fixed(number),
                _ => EndpointPort::Param(port),
            },
        })
    }

    pub(super) fn initialiser(
        &mut self,
        name: &Spanned<String>,
        node: &Node,
    ) -> Option<RoleInitialiser> {
        Some(RoleInitialiser {
            name: name.clone(),
            probe: call(node.get("probe")?)?,
            act: call(node.get("act")?)?,
            verify: call(node.get("verify")?)?,
            when: self.when(node),
        })
    }

    fn when(&mut self, node: &Node) -> Option<Condition> {
        let at = node.get("when")?;
        let text = at.text()?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let (param, wanted, negated) = match words.as_slice() {
            [param] => (*param, "true", false),
            ["not", param] => (*param, "true", true),
            [param, "==", value] => (*param, *value, false),
            [param, "!=", value] => (*param, *value, true),
            _ => {
                self.mistakes.push(
                    Mistake::new(&at.at, "this is no condition")
                        .found(at.described())
                        .expected("`param == value`, `param != value`, `param` or `not param`"),
                );
                return None;
            }
        };
        Some(Condition {
            param: param.to_owned(),
            wanted: wanted.to_owned(),
            negated,
            at: at.at.clone(),
        })
    }
}

fn call(node: &Node) -> Option<ProgramCall> {
    Some(ProgramCall {
        program: node.get("program")?.spanned()?,
        arguments: node
            .get("arguments")
            .map_or(Vec::new(), Node::spanned_items),
        timeout_ms: time(node, "timeout").unwrap_or(30_000),
    })
}

fn text(node: &Node, key: &str) -> Option<String> {
    Some(node.get(key)?.text()?.to_owned())
}

fn time(node: &Node, key: &str) -> Option<u64> {
    duration_ms(node.get(key)?.text()?)
}

fn flag(node: &Node, key: &str) -> Option<bool> {
    Some(node.get(key)?.text()? == "true")
}

fn one_or_more(node: &Node, key: &str) -> Vec<Spanned<String>> {
    match node.get(key) {
        Some(node) if matches!(node.kind, Kind::List(_)) => node.spanned_items(),
        Some(node) => node.spanned().into_iter().collect(),
        None => Vec::new(),
    }
}
