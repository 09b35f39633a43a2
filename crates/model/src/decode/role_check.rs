//! Does what a role names exist: within the role, in the project, and in the
//! profiles of the hosts that carry it?

use crate::inventory::{Cluster, Host, Value};
use crate::role::{
    Condition, EndpointPort, ParamKind, ProgramCall, Role, RoleMemberKind, RoleProbe, RoleUnit,
    Scope,
};
use crate::spec::Spec;
use crate::{Mistake, Mistakes, Profile, Project, SourceFile, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tandem_generation::UnitRun;

/// What needs no inventory to be judged.
pub(crate) fn alone(
    role: &Role,
    templates: &BTreeMap<String, Arc<SourceFile>>,
    packages: Option<&BTreeMap<String, Spec>>,
    mistakes: &mut Mistakes,
) {
    for file in &role.files {
        if !templates.contains_key(&file.template.value) {
            mistakes.push(
                Mistake::new(&file.template.at, "there is no such template")
                    .found(format!("`{}`", file.template))
                    .among(&file.template, templates.keys().map(String::as_str)),
            );
        }
        if let Some(name) = &file.validator
            && !role.validators.contains_key(&name.value)
        {
            mistakes.push(
                Mistake::new(&name.at, "the role has no such validator")
                    .found(format!("`{name}`"))
                    .among(name, role.validators.keys().map(String::as_str)),
            );
        }
    }
    for name in role.validators.values().filter(|validator| {
        let judges = |file: &crate::role::RoleFile| {
            file.validator
                .as_ref()
                .is_some_and(|name| name.value == validator.name)
        };
        !role.files.iter().any(judges)
    }) {
        mistakes.push(
            Mistake::new(
                &name.call.program.at,
                format!("validator `{}` judges no file", name.name),
            )
            .expected(format!("a file with `validator: {}`", name.name)),
        );
    }
    if let Some(packages) = packages {
        for name in &role.packages {
            if !packages.contains_key(&name.value) {
                mistakes.push(
                    Mistake::new(&name.at, "there is no such package")
                        .found(format!("`{name}`"))
                        .expected("a file of specs/")
                        .among(name, packages.keys().map(String::as_str)),
                );
            }
        }
    }
    members(role, mistakes);
    for endpoint in role.endpoints.values() {
        param_of_kind(role, &endpoint.address, &ParamKind::Address, mistakes);
        if let EndpointPort::Param(name) = &endpoint.port {
            param_of_kind(role, name, &ParamKind::Port, mistakes);
        }
    }
    for condition in conditions(role) {
        check_condition(role, condition, mistakes);
    }
}

fn members(role: &Role, mistakes: &mut Mistakes) {
    let mut names = BTreeSet::new();
    let groups = role
        .resources
        .iter()
        .filter_map(|resource| resource.group.as_ref());
    for name in groups.chain(role.members().map(|member| &member.name)) {
        if !names.insert(name.value.clone()) {
            mistakes.push(
                Mistake::new(&name.at, format!("a second resource is called `{name}`"))
                    .expected("a name of its own, `name: ...`"),
            );
        }
    }
    for member in role.members() {
        match &member.kind {
            RoleMemberKind::Address(param) => {
                param_of_kind(role, param, &ParamKind::Address, mistakes);
            }
            RoleMemberKind::Unit(unit) => {
                let is_clusters =
                    |known: &RoleUnit| known.unit == *unit && known.run == UnitRun::Cluster;
                if !role.units.iter().any(is_clusters) {
                    mistakes.push(
                        Mistake::new(
                            &unit.at,
                            format!("the cluster runs `{unit}`, and the role does not say so"),
                        )
                        .expected(format!("`units: {{{unit}: {{run: cluster}}}}`")),
                    );
                }
            }
            RoleMemberKind::Ocf { .. } => {}
        }
    }
    for unit in role
        .units
        .iter()
        .filter(|unit| unit.run == UnitRun::Cluster)
    {
        let is_member = |member: &crate::role::RoleMember| matches!(&member.kind, RoleMemberKind::Unit(name) if *name == unit.unit);
        if !role.members().any(is_member) {
            mistakes.push(
                Mistake::new(&unit.unit.at, format!("`{}` is no resource", unit.unit))
                    .found("`run: cluster`")
                    .expected("a resource with this unit"),
            );
        }
    }
}

fn param_of_kind(role: &Role, name: &Spanned<String>, kind: &ParamKind, mistakes: &mut Mistakes) {
    match role.params.get(&name.value) {
        None => {
            let fitting = role.params.values().filter(|param| param.kind == *kind);
            mistakes.push(
                Mistake::new(&name.at, format!("the role has no param `{name}`"))
                    .among(name, fitting.map(|param| param.name.as_str())),
            );
        }
        Some(param) if param.kind != *kind => mistakes.push(
            Mistake::new(&name.at, format!("param `{name}` is of another type"))
                .found(param.kind.described())
                .expected(kind.described()),
        ),
        Some(param) if param.scope == Scope::Host => mistakes.push(
            Mistake::new(
                &name.at,
                format!("param `{name}` differs from host to host"),
            )
            .expected("a param of the cluster: both nodes bring up the same"),
        ),
        Some(_) => {}
    }
}

fn conditions(role: &Role) -> impl Iterator<Item = &Condition> {
    let files = role.files.iter().filter_map(|one| one.when.as_ref());
    let edits = role.edits.iter().filter_map(|one| one.when.as_ref());
    let units = role.units.iter().filter_map(|one| one.when.as_ref());
    let members = role.members().filter_map(|one| one.when.as_ref());
    let health = role.health.iter().filter_map(|one| one.when.as_ref());
    let initialisers = role.initialisers.iter().filter_map(|one| one.when.as_ref());
    files
        .chain(edits)
        .chain(units)
        .chain(members)
        .chain(health)
        .chain(initialisers)
}

fn check_condition(role: &Role, condition: &Condition, mistakes: &mut Mistakes) {
    let Some(param) = role.params.get(&condition.param) else {
        mistakes.push(
            Mistake::new(
                &condition.at,
                format!("the role has no param `{}`", condition.param),
            )
            .among(&condition.param, role.params.keys().map(String::as_str)),
        );
        return;
    };
    let wanted = condition.wanted.as_str();
    let fits = match &param.kind {
        ParamKind::Boolean => matches!(wanted, "true" | "false"),
        ParamKind::OneOf(words) => words.iter().any(|word| word == wanted),
        ParamKind::Integer { .. } | ParamKind::Port => wanted.parse::<i64>().is_ok(),
        ParamKind::Text => true,
        _ => {
            mistakes.push(
                Mistake::new(
                    &condition.at,
                    format!("`{}` cannot be compared", param.name),
                )
                .found(param.kind.described())
                .expected("a param that is a boolean, a choice, an integer or a text"),
            );
            return;
        }
    };
    if !fits {
        let mistake = Mistake::new(
            &condition.at,
            format!("`{}` is never `{wanted}`", param.name),
        );
        mistakes.push(match &param.kind {
            ParamKind::OneOf(words) => mistake.among(wanted, words.iter().map(String::as_str)),
            kind => mistake.expected(kind.described()),
        });
    }
}

/// Looks up everything that a cluster's role leaves to the profiles, for each
/// profile that its nodes have.
pub(crate) fn against_profiles(
    project: &Project,
    cluster: &Cluster,
    hosts: &BTreeMap<String, Host>,
    mistakes: &mut Mistakes,
) {
    let Some(role) = project.roles.get(&cluster.role) else {
        return;
    };
    for host in cluster.nodes.iter().filter_map(|name| hosts.get(name)) {
        let Some(profile) = project.profiles.get(&host.profile) else {
            continue;
        };
        let values: BTreeMap<&str, &Value> = cluster
            .values
            .iter()
            .chain(&host.values)
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        Lookup {
            profile,
            values,
            mistakes,
        }
        .role(role, project.specs.as_ref());
    }
}

struct Lookup<'a> {
    profile: &'a Profile,
    values: BTreeMap<&'a str, &'a Value>,
    mistakes: &'a mut Mistakes,
}

impl Lookup<'_> {
    fn applies(&self, when: Option<&Condition>) -> bool {
        when.is_none_or(|when| when.holds(&self.values))
    }

    fn role(&mut self, role: &Role, specs: Option<&BTreeMap<String, Spec>>) {
        for name in &role.base {
            self.known("package", name, &self.profile.packages);
        }
        for name in &role.packages {
            let spec = specs.and_then(|specs| specs.get(&name.value));
            for unit in spec.iter().flat_map(|spec| &spec.restarts) {
                self.unit(&Spanned::new(unit.clone(), name.at.clone()));
            }
        }
        for file in &role.files {
            if !self.applies(file.when.as_ref()) {
                continue;
            }
            for unit in file.restarts.iter().chain(&file.reloads) {
                self.unit(unit);
            }
            self.account("user", &file.owner, &self.profile.users);
            self.account("group", &file.group, &self.profile.groups);
        }
        for unit in &role.units {
            if self.applies(unit.when.as_ref()) {
                self.unit(&unit.unit);
            }
        }
        for validator in role.validators.values() {
            self.call(&validator.call);
        }
        for member in role.members() {
            if let RoleMemberKind::Unit(unit) = &member.kind
                && self.applies(member.when.as_ref())
            {
                self.unit(unit);
            }
        }
        for health in &role.health {
            match &health.probe {
                _ if !self.applies(health.when.as_ref()) => {}
                RoleProbe::Http { .. } => {}
                RoleProbe::Unit(unit) => self.unit(unit),
                RoleProbe::Command(call) => self.call(call),
            }
        }
        for one in &role.redundancy {
            self.call(&one.call);
        }
        for one in &role.initialisers {
            if self.applies(one.when.as_ref()) {
                for call in [&one.probe, &one.act, &one.verify] {
                    self.call(call);
                }
            }
        }
    }

    fn unit(&mut self, name: &Spanned<String>) {
        self.known("unit", name, &self.profile.units);
    }

    fn call(&mut self, call: &ProgramCall) {
        self.known("program", &call.program, &self.profile.programs);
    }

    fn account(&mut self, what: &str, name: &Spanned<String>, known: &BTreeMap<String, String>) {
        if name.value != "root" {
            self.known(what, name, known);
        }
    }

    fn known<T>(&mut self, what: &str, name: &Spanned<String>, known: &BTreeMap<String, T>) {
        if !known.contains_key(&name.value) {
            let message = format!("profile `{}` has no {what} `{name}`", self.profile.name);
            self.mistakes.push(
                Mistake::new(&name.at, message)
                    .found(format!("`{name}`"))
                    .among(name, known.keys().map(String::as_str)),
            );
        }
    }
}
