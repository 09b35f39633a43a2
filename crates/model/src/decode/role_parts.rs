//! The parts of a role. Shapes were checked before; what does not fit is
//! skipped here, because its mistake is noted already.

use crate::role::{
    Condition, EndpointPort, ProgramCall, RoleEdit, RoleEndpoint, RoleFile, RoleHealth,
    RoleInitialiser, RoleMember, RoleMemberKind, RoleProbe, RoleRedundancy, RoleResource, RoleUnit,
    RoleValidator,
};
use crate::shape::{duration_ms, is_name, mode};
use crate::yaml::{Kind, Node};
use crate::{Mistake, Mistakes, Spanned};
use std::collections::BTreeMap;
use tandem_generation::health::CheckedOn;
use tandem_generation::{Restart, UnitRun};

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

    /// Units; one may have several ways to be, each under a condition.
    pub(super) fn units(&mut self, root: &Node) -> Vec<RoleUnit> {
        let mut units = Vec::new();
        for (name, node) in root.get("units").map_or(&[][..], Node::entries) {
            let ways = match &node.kind {
                Kind::List(ways) => ways.as_slice(),
                _ => std::slice::from_ref(node),
            };
            for way in ways {
                if ways.len() > 1 && way.get("when").is_none() {
                    self.mistakes.push(
                        Mistake::new(&way.at, format!("when shall `{name}` be like this?"))
                            .found("one of several ways to be, without a condition")
                            .expected("`when`, so that only one of them applies"),
                    );
                }
                units.extend(self.unit(name, way));
            }
        }
        units
    }

    fn unit(&mut self, name: &Spanned<String>, node: &Node) -> Option<RoleUnit> {
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
        let restart = node.get("restart").and_then(|node| match node.text()? {
            "in-place" => Some(Restart::InPlace),
            _ => Some(Restart::Elsewhere),
        });
        Some(RoleUnit {
            restart,
            unit: name.clone(),
            // What the cluster runs must not start by itself.
            enabled: if run == UnitRun::Cluster {
                Some(false)
            } else {
                enabled
            },
            run,
            carries: flag(node, "carries").unwrap_or(false),
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
                migration_threshold: None,
            });
        };
        for (key, _) in node.entries() {
            if !matches!(key.as_str(), "group" | "of" | "migration_threshold") {
                self.mistakes.push(
                    Mistake::new(
                        &key.at,
                        format!("`{key}` belongs to a member, not to the group"),
                    )
                    .expected("`group`, `of` and `migration_threshold`"),
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
            migration_threshold: number(node, "migration_threshold"),
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
            migration_threshold: number(node, "migration_threshold"),
            failure_timeout_ms: time(node, "failure_timeout"),
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

    #[expect(
        clippy::unused_self,
        reason = "called through `named` like its siblings"
    )]
    pub(super) fn redundancy(
        &mut self,
        name: &Spanned<String>,
        node: &Node,
    ) -> Option<RoleRedundancy> {
        Some(RoleRedundancy {
            name: name.clone(),
            call: call(node)?,
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

fn number(node: &Node, key: &str) -> Option<u32> {
    node.get(key)?.text()?.parse().ok()
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
