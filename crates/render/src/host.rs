//! Puts together what one host shall be.

use crate::context::{self, Names};
use crate::output::redundancy_name;
use crate::templates::{Templates, inline};
use crate::{HostFiles, RenderedFile, salt};
use cluster_model::{Agent, Member, Resource, ResourceSet};
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::health::HealthCheck;
use tandem_generation::{Action, Command, Digest, Edit, OwnedFile, Probe, UnitPolicy, Validator};
use tandem_model::role::{
    Condition, ProgramCall, RoleFile, RoleHealth, RoleMember, RoleMemberKind, RoleProbe,
};
use tandem_model::secrets::SALT;
use tandem_model::{
    Cluster, Host, Inventory, Mistake, Mistakes, Profile, Role, Secrets, Spanned, Value,
};

/// Everything about the host that is being rendered.
pub(crate) struct Rendering<'a> {
    pub(crate) templates: &'a Templates,
    pub(crate) inventory: &'a Inventory,
    pub(crate) secrets: &'a Secrets,
    pub(crate) cluster: &'a Cluster,
    pub(crate) host: &'a Host,
    pub(crate) role: &'a Role,
    pub(crate) profile: &'a Profile,
    pub(crate) names: Names,
    pub(crate) values: BTreeMap<&'a str, &'a Value>,
    pub(crate) mistakes: Mistakes,
}

impl Rendering<'_> {
    /// The whole.
    pub(crate) fn run(mut self) -> Result<HostFiles, Mistakes> {
        let role = self.role;
        let (files, judged) = self.files();
        let edits = self.edits();
        let mut units: Vec<UnitPolicy> = role
            .units
            .iter()
            .filter(|unit| self.applies(unit.when.as_ref()))
            .map(|unit| UnitPolicy {
                unit: self.unit(&unit.unit),
                enabled: unit.enabled,
                run: unit.run,
                restart: unit.restart,
            })
            .collect();
        // What starts others comes first: a service that is stopped before its
        // socket is back with the next packet.
        units.sort_by_key(|policy| (!starts_others(&policy.unit), policy.unit.clone()));
        self.only_one_way(&units);
        let resources = self.resources();
        let health = role
            .health
            .iter()
            .filter_map(|health| self.health(health))
            .collect();
        let validators = self.validators(&judged);
        let initialisers = self.initialisers();
        let redundancy = role
            .redundancy
            .iter()
            .filter_map(|one| self.command(&redundancy_name(&one.name), &one.call))
            .collect();
        let carriers = role
            .units
            .iter()
            .filter(|unit| unit.carries && self.applies(unit.when.as_ref()))
            .map(|unit| self.unit(&unit.unit))
            .collect();
        let mut base: Vec<String> = role
            .base
            .iter()
            .filter_map(|name| self.profile.packages.get(&name.value))
            .flatten()
            .cloned()
            .collect();
        base.sort();
        base.dedup();
        let mut packages: Vec<String> = role
            .packages
            .iter()
            .map(|name| name.value.clone())
            .collect();
        packages.sort();
        let public: BTreeMap<&str, String> = self
            .values
            .iter()
            .map(|(name, value)| (*name, context::public(value, self.secrets)))
            .collect();
        // Plain strings: serialisation cannot fail.
        let params = Digest::of(serde_json::to_vec(&public).unwrap_or_default());
        self.mistakes.result()?;
        Ok(HostFiles {
            host: self.host.name.clone(),
            cluster: Some(self.cluster.name.clone()),
            files,
            edits,
            units,
            resources,
            health,
            validators,
            redundancy,
            carriers,
            initialisers,
            base,
            packages,
            params,
        })
    }

    fn applies(&self, when: Option<&Condition>) -> bool {
        when.is_none_or(|when| when.holds(&self.values))
    }

    /// Of the ways that a unit can be, one applies.
    fn only_one_way(&mut self, units: &[UnitPolicy]) {
        for pair in units.windows(2).filter(|pair| pair[0].unit == pair[1].unit) {
            let at = self
                .role
                .units
                .iter()
                .rfind(|unit| self.unit(&unit.unit) == pair[0].unit)
                .map_or(&self.cluster.at, |unit| &unit.unit.at);
            self.mistakes.push(
                Mistake::new(at, format!("`{}` shall be two ways at once", pair[0].unit))
                    .expected("conditions of which one holds"),
            );
        }
    }

    /// A unit's real name; the model has checked that the profile has it.
    fn unit(&self, name: &str) -> String {
        self.profile
            .units
            .get(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    }

    fn text(&mut self, text: &Spanned<String>) -> Option<String> {
        inline(text, &self.names, &mut self.mistakes)
    }

    /// The files, and which validator judges which of them.
    fn files(&mut self) -> (Vec<RenderedFile>, BTreeMap<String, Vec<String>>) {
        let role = self.role;
        let mut files: Vec<RenderedFile> = Vec::new();
        let mut paths = BTreeSet::new();
        let mut judged: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in &role.files {
            if !self.applies(file.when.as_ref()) {
                continue;
            }
            let Some(path) = self.text(&file.path) else {
                continue;
            };
            if !is_plain_path(&path) {
                self.mistakes.push(
                    Mistake::new(&file.path.at, "this is no absolute path")
                        .found(format!("`{path}`")),
                );
            }
            if !paths.insert(path.clone()) {
                self.mistakes.push(
                    Mistake::new(&file.path.at, format!("`{path}` is rendered twice"))
                        .expected("one file for each path")
                        .suggest("set `when` so that only one of them applies"),
                );
            }
            if let Some(validator) = &file.validator {
                judged
                    .entry(validator.value.clone())
                    .or_default()
                    .push(path.clone());
            }
            if let Some(content) = self.content(file, &path) {
                files.push(self.rendered(file, path, content));
            }
        }
        files.sort_by(|left, right| left.owned.path.cmp(&right.owned.path));
        for paths in judged.values_mut() {
            paths.sort();
        }
        (files, judged)
    }

    fn content(&mut self, file: &RoleFile, path: &str) -> Option<Vec<u8>> {
        let mut text =
            self.templates
                .render(&file.template, &self.names, file.secret, &mut self.mistakes)?;
        if file.secret {
            let Some(secret) = self.secrets.get(SALT) else {
                self.mistakes.push(
                    Mistake::new(&file.path.at, "a secret file needs the secret `salt`")
                        .expected(format!(
                            "`salt` in `{}`",
                            self.inventory.secrets_shown.display()
                        ))
                        .suggest(format!(
                            "`tandem secret rekey -i {}` makes one",
                            self.inventory.environment
                        )),
                );
                return None;
            };
            if !text.ends_with('\n') && !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&salt::line(secret.value().reveal(), path, &file.comment));
        }
        Some(text.into_bytes())
    }

    fn rendered(&self, file: &RoleFile, path: String, content: Vec<u8>) -> RenderedFile {
        let units = |names: &[Spanned<String>]| -> Vec<String> {
            let mut units: Vec<String> = names.iter().map(|name| self.unit(name)).collect();
            units.sort();
            units.dedup();
            units
        };
        let account = |name: &str, known: &BTreeMap<String, String>| {
            known.get(name).cloned().unwrap_or_else(|| name.to_owned())
        };
        RenderedFile {
            owned: OwnedFile {
                path,
                digest: Digest::of(&content),
                mode: file.mode,
                owner: account(&file.owner, &self.profile.users),
                group: account(&file.group, &self.profile.groups),
                secret: file.secret,
                restarts: units(&file.restarts),
                reloads: units(&file.reloads),
            },
            content,
        }
    }

    fn edits(&mut self) -> Vec<Edit> {
        let role = self.role;
        let mut edits = Vec::new();
        for edit in &role.edits {
            if !self.applies(edit.when.as_ref()) {
                continue;
            }
            let mut set = BTreeMap::new();
            for (key, value) in &edit.set {
                if let Some(value) = self.text(value) {
                    set.insert(key.clone(), value);
                }
            }
            if let Some(path) = self.text(&edit.path) {
                edits.push(Edit {
                    path,
                    separator: edit.separator.clone(),
                    set,
                });
            }
        }
        edits.sort_by(|left, right| left.path.cmp(&right.path));
        edits
    }

    fn resources(&mut self) -> ResourceSet {
        let role = self.role;
        let mut resources = Vec::new();
        for resource in &role.resources {
            let mut members: Vec<Member> = resource
                .members
                .iter()
                .filter_map(|member| self.member(member))
                .collect();
            match &resource.group {
                _ if members.is_empty() => {}
                Some(name) => resources.push(Resource::Group {
                    name: name.value.clone(),
                    members,
                    migration_threshold: resource.migration_threshold,
                }),
                None => resources.extend(members.pop().map(Resource::Primitive)),
            }
        }
        ResourceSet {
            resources,
            ping: self.cluster.ping.iter().map(ToString::to_string).collect(),
        }
    }

    fn member(&mut self, member: &RoleMember) -> Option<Member> {
        if !self.applies(member.when.as_ref()) {
            return None;
        }
        let agent = match &member.kind {
            RoleMemberKind::Unit(unit) => Agent::Systemd {
                unit: self.unit(unit),
            },
            RoleMemberKind::Address(param) => {
                let Some(Value::Address(address)) = self.values.get(param.value.as_str()) else {
                    return None;
                };
                let nic = self.inventory.nic(&self.host.name, &address.network)?;
                Agent::Address {
                    address: address.address,
                    prefix: address.prefix,
                    interface: nic.name.clone(),
                }
            }
            RoleMemberKind::Ocf {
                provider,
                kind,
                parameters,
            } => {
                let mut rendered = BTreeMap::new();
                for (key, value) in parameters {
                    rendered.insert(key.clone(), self.text(value)?);
                }
                Agent::Ocf {
                    provider: provider.clone(),
                    kind: kind.clone(),
                    parameters: rendered,
                }
            }
        };
        Some(Member {
            name: member.name.value.clone(),
            agent,
            monitor_interval_ms: member.monitor_ms,
            migration_threshold: member.migration_threshold,
            failure_timeout_ms: member.failure_timeout_ms,
            start_timeout_ms: member.start_timeout_ms,
            stop_timeout_ms: member.stop_timeout_ms,
        })
    }

    fn health(&mut self, health: &RoleHealth) -> Option<HealthCheck> {
        if !self.applies(health.when.as_ref()) {
            return None;
        }
        let probe = match &health.probe {
            RoleProbe::Unit(unit) => Probe::Unit {
                unit: self.unit(unit),
            },
            RoleProbe::Command(call) => Probe::Command(self.command(&health.name, call)?),
            RoleProbe::Http {
                url,
                status,
                contains,
            } => Probe::Http {
                url: self.text(url)?,
                status: *status,
                contains: match contains {
                    Some(text) => Some(self.text(text)?),
                    None => None,
                },
            },
        };
        Some(HealthCheck {
            name: health.name.value.clone(),
            probe,
            within_ms: health.within_ms,
            on: health.on,
        })
    }

    fn command(&mut self, name: &str, call: &ProgramCall) -> Option<Command> {
        let program = self.profile.programs.get(&call.program.value)?.clone();
        let mut argv = vec![program];
        for argument in &call.arguments {
            argv.push(self.text(argument)?);
        }
        Some(Command {
            name: name.to_owned(),
            argv,
            timeout_ms: call.timeout_ms,
        })
    }

    fn validators(&mut self, judged: &BTreeMap<String, Vec<String>>) -> Vec<Validator> {
        let role = self.role;
        let mut validators = Vec::new();
        for (name, files) in judged {
            let Some(validator) = role.validators.get(name) else {
                continue;
            };
            if let Some(command) = self.command(name, &validator.call) {
                validators.push(Validator {
                    name: name.clone(),
                    files: files.clone(),
                    command,
                });
            }
        }
        validators
    }

    fn initialisers(&mut self) -> Vec<Action> {
        let role = self.role;
        let mut actions = Vec::new();
        for one in &role.initialisers {
            if !self.applies(one.when.as_ref()) {
                continue;
            }
            let mut step = |what: &str, call: &ProgramCall| {
                self.command(&format!("{}-{what}", one.name), call)
            };
            let (probe, act, verify) = (
                step("probe", &one.probe),
                step("act", &one.act),
                step("verify", &one.verify),
            );
            if let (Some(probe), Some(act), Some(verify)) = (probe, act, verify) {
                actions.push(Action::Initialise {
                    name: one.name.value.clone(),
                    probe,
                    act,
                    verify,
                });
            }
        }
        actions
    }
}

/// Sockets, paths and timers.
fn starts_others(unit: &str) -> bool {
    [".socket", ".path", ".timer"]
        .iter()
        .any(|suffix| unit.ends_with(suffix))
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() > 1
        && !path.contains(['\n', '\0'])
        && path
            .split('/')
            .skip(1)
            .all(|part| !part.is_empty() && part != "." && part != "..")
}
