//! What a configuration says that cannot be meant: names that nobody has, lists that
//! contradict each other, agents that cannot work. Pure; everything at once.

mod agents;
mod constraints;

use super::members_of;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, ResourceOptions,
};
use cluster_model::resource::Agent;
use cluster_model::state::Role;
use std::collections::{BTreeMap, BTreeSet};

/// Each instance has a place of its own in every decision.
const INSTANCES_MAX: u32 = 1_000;
/// More resets within an hour no machine manages.
const RESETS_MAX: u32 = 60;

/// What is wrong, each with its place. Such a configuration is refused.
pub(crate) fn problems(configuration: &Configuration) -> Vec<String> {
    let mut check = Check::new(configuration);
    check.domains();
    check.resources();
    check.locations();
    check.colocations();
    check.orders();
    check.failures();
    check.problems
}

/// What works and may not be meant.
pub(crate) fn doubts(configuration: &Configuration) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut addresses: BTreeMap<_, &str> = BTreeMap::new();
    for primitive in configuration.resources.iter().flat_map(members_of) {
        let name = &primitive.name;
        let monitors = primitive.operations.monitors.iter();
        let default = configuration.operation_defaults.on_fail;
        let mut said = monitors
            .map(|monitor| &monitor.options)
            .chain([&primitive.operations.start])
            .map(|options| options.on_fail.or(default));
        if !configuration.options.fencing && said.any(|said| said == Some(OnFail::Fence)) {
            doubts.push(format!(
                "resources: {name}: on_fail: fence counts as stop without `options: {{fencing: true}}`"
            ));
        }
        if primitive.operations.monitors.is_empty() {
            doubts.push(format!(
                "resources: {name}: no monitor: nobody notices when it fails"
            ));
        }
        if let Agent::Address { address, .. } = &primitive.agent
            && let Some(other) = addresses.insert(*address, name)
        {
            doubts.push(format!(
                "resources: {name}: {address} is that of {other} too"
            ));
        }
    }
    let used: BTreeSet<&str> = configuration
        .resources
        .iter()
        .filter_map(|item| options(item).domain.as_deref())
        .collect();
    for domain in &configuration.domains {
        if !used.contains(domain.name.as_str()) {
            doubts.push(format!("domains: {}: no resource is in it", domain.name));
        }
    }
    doubts
}

/// The options of an item itself.
fn options(item: &Item) -> &ResourceOptions {
    match item {
        Item::Primitive(primitive) => &primitive.options,
        Item::Group(group) => &group.options,
        Item::Clone(clone) => &clone.options,
    }
}

/// What a name in a constraint stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// It, or what it is in, can be promoted.
    promotable: bool,
}

struct Check<'a> {
    configuration: &'a Configuration,
    known: BTreeMap<&'a str, Known>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(configuration: &'a Configuration) -> Self {
        let mut known = BTreeMap::new();
        for item in &configuration.resources {
            let promotable = matches!(item, Item::Clone(clone) if clone.promotable.is_some());
            let its = Known { promotable };
            known.insert(item.name(), its);
            known.extend(members_of(item).map(|member| (member.name.as_str(), its)));
            if let Item::Clone(clone) = item
                && let Cloned::Group(group) = &clone.of
            {
                known.insert(&group.name, its);
            }
        }
        Self {
            configuration,
            known,
            problems: Vec::new(),
        }
    }

    fn wrong(&mut self, place: &str, what: impl AsRef<str>) {
        self.problems.push(format!("{place}: {}", what.as_ref()));
    }

    /// What failures mean.
    fn failures(&mut self) {
        let max = self.configuration.options.resets_max;
        if max > RESETS_MAX {
            self.wrong(
                "options",
                format!("resets_max: {max} is more than {RESETS_MAX}; 0: however often"),
            );
        }
        let default = self.configuration.operation_defaults.on_fail;
        for primitive in self.configuration.resources.iter().flat_map(members_of) {
            if let Err(unfit) = cluster_core::check::on_fail(primitive, default) {
                self.wrong("resources", unfit.to_string());
            }
        }
    }

    fn node(&mut self, place: &str, name: &str) {
        if !self.configuration.nodes.contains(name) {
            let known: Vec<_> = self.configuration.nodes.iter().cloned().collect();
            let meant = crate::failure::meant(name, &known);
            self.wrong(place, format!("there is no node {name}; {meant}"));
        }
    }

    /// A resource is named, perhaps in a role.
    fn resource(&mut self, place: &str, name: &str, role: Option<Role>) {
        let Some(known) = self.known.get(name).copied() else {
            let names: Vec<_> = self.known.keys().map(|&name| name.to_owned()).collect();
            let meant = crate::failure::meant(name, &names);
            return self.wrong(place, format!("there is no resource {name}; {meant}"));
        };
        if role == Some(Role::Promoted) && !known.promotable {
            self.wrong(
                place,
                format!("{name} is never promoted: it is no `promotable` clone"),
            );
        }
        if role == Some(Role::Stopped) {
            self.wrong(place, "`stopped` is no role to wish for; leave it away");
        }
    }

    fn domains(&mut self) {
        let mut names = BTreeSet::new();
        for domain in &self.configuration.domains {
            let place = format!("domains: {}", domain.name);
            if !names.insert(&domain.name) {
                self.wrong(&place, "is there twice");
            }
            if domain.members.is_empty() {
                self.wrong(&place, "no members");
            }
            let mut seen = BTreeSet::new();
            for member in &domain.members {
                self.node(&place, member);
                if !seen.insert(member) {
                    self.wrong(&place, format!("{member} is there twice"));
                }
            }
        }
    }

    fn resources(&mut self) {
        self.options("resource_defaults", &self.configuration.resource_defaults);
        if self.configuration.resource_defaults.domain.is_some() {
            self.wrong("resource_defaults", "a domain is said by each resource");
        }
        for item in &self.configuration.resources {
            match item {
                Item::Primitive(primitive) => {
                    self.primitive(primitive, &format!("resources: {}", primitive.name), false);
                }
                Item::Group(group) => self.group(group, &format!("resources: {}", group.name)),
                Item::Clone(clone) => self.clone_of(clone),
            }
        }
    }

    fn group(&mut self, group: &Group, place: &str) {
        self.options(place, &group.options);
        if group.members.is_empty() {
            self.wrong(place, "a group without members");
        }
        if group.migration_threshold_sum == Some(0) {
            self.wrong(place, "migration_threshold_sum: 0 lets it run nowhere");
        }
        for member in &group.members {
            let place = format!("{place}: {}", member.name);
            self.primitive(member, &place, false);
            self.stands_by_itself(&member.options, &place, "its group");
        }
    }

    fn clone_of(&mut self, clone: &CloneOf) {
        let place = format!("resources: {}", clone.name);
        self.options(&place, &clone.options);
        if clone.max == Some(0) {
            self.wrong(&place, "max: 0 instances; stop it with target_role instead");
        }
        if clone.max.is_some_and(|max| max > INSTANCES_MAX) {
            self.wrong(
                &place,
                format!("max: more than {INSTANCES_MAX} instances are not meant"),
            );
        }
        if clone.node_max == 0 {
            self.wrong(&place, "node_max: 0 lets it run nowhere");
        }
        if clone.node_max > 1 && !clone.unique {
            self.wrong(
                &place,
                "node_max: more than one instance on a node needs `unique: true`",
            );
        }
        let promotable = clone.promotable.is_some();
        if let Some(its) = clone.promotable {
            if its.max == 0 || its.node_max == 0 {
                self.wrong(&place, "promotable: 0 promoted instances; leave it away");
            }
            if clone.max.is_some_and(|max| its.max > max) {
                self.wrong(&place, "promotable: more promoted instances than instances");
            }
        }
        match &clone.of {
            Cloned::Primitive(primitive) => {
                let place = format!("{place}: {}", primitive.name);
                self.primitive(primitive, &place, promotable);
                self.stands_by_itself(&primitive.options, &place, "its clone");
            }
            Cloned::Group(group) => {
                let place = format!("{place}: {}", group.name);
                self.group(group, &place);
                self.stands_by_itself(&group.options, &place, "its clone");
                if promotable {
                    self.wrong(&place, "a group cannot be promoted");
                }
            }
        }
    }

    fn stands_by_itself(&mut self, options: &ResourceOptions, place: &str, around: &str) {
        if let Some(domain) = &options.domain {
            self.wrong(
                place,
                format!("domain {domain}: only what stands by itself has one; say it of {around}"),
            );
        }
    }

    fn options(&mut self, place: &str, options: &ResourceOptions) {
        if let Some(name) = &options.domain {
            let domains = &self.configuration.domains;
            if !domains.iter().any(|domain| domain.name == *name) {
                let known: Vec<_> = domains.iter().map(|domain| domain.name.clone()).collect();
                let meant = if known.is_empty() {
                    "`domains` is empty".to_owned()
                } else {
                    crate::failure::meant(name, &known)
                };
                self.wrong(place, format!("there is no domain {name}; {meant}"));
            }
        }
        if options.migration_threshold == Some(0) {
            self.wrong(place, "migration_threshold: 0 lets it run nowhere");
        }
        if options.failure_timeout_ms == Some(0) {
            self.wrong(
                place,
                "failure_timeout_ms: 0; leave it away to keep failures",
            );
        }
    }
}

#[cfg(test)]
mod tests;
