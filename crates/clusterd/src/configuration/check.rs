//! What a configuration says that cannot be meant: names that nobody has, lists that
//! contradict each other, agents that cannot work. Pure; everything at once.

use super::members_of;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, Operations, Primitive, ResourceOptions,
};
use cluster_model::constraint::{OrderedAction, Preference, Rule};
use cluster_model::resource::Agent;
use cluster_model::state::Role;
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong, each with its place. Such a configuration is refused.
pub(crate) fn problems(configuration: &Configuration) -> Vec<String> {
    let mut check = Check::new(configuration);
    check.domains();
    check.resources();
    check.locations();
    check.colocations();
    check.orders();
    check.problems
}

/// What works and may not be meant.
pub(crate) fn doubts(configuration: &Configuration) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut addresses: BTreeMap<_, &str> = BTreeMap::new();
    for primitive in configuration.resources.iter().flat_map(members_of) {
        let name = &primitive.name;
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

    fn primitive(&mut self, primitive: &Primitive, place: &str, promotable: bool) {
        self.options(place, &primitive.options);
        self.agent(&primitive.agent, place, promotable);
        self.operations(&primitive.operations, place, promotable);
    }

    fn agent(&mut self, agent: &Agent, place: &str, promotable: bool) {
        match agent {
            Agent::Address {
                address,
                prefix,
                interface,
            } => {
                let longest = if address.is_ipv4() { 32 } else { 128 };
                if *prefix == 0 || *prefix > longest {
                    self.wrong(place, format!("prefix: {prefix} is not 1 to {longest}"));
                }
                if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
                    self.wrong(place, format!("address: nobody reaches {address}"));
                }
                // IFNAMSIZ of netdevice(7): 15 bytes and a zero.
                let odd = |letter: char| letter == '/' || letter == ':' || letter.is_whitespace();
                if interface.is_empty() || interface.len() > 15 || interface.contains(odd) {
                    self.wrong(place, format!("interface: `{interface}` is no interface"));
                }
            }
            Agent::Systemd { unit } => self.unit(unit, place),
            Agent::Lsb { script } => {
                if script.is_empty() || script.contains(char::is_whitespace) {
                    self.wrong(place, format!("script: `{script}` is no script"));
                }
            }
            Agent::Ocf { provider, kind, .. } => {
                let odd = |name: &str| {
                    name.is_empty()
                        || name.starts_with('.')
                        || name.contains(['/', ':'])
                        || name.contains(char::is_whitespace)
                };
                if odd(provider) || odd(kind) {
                    self.wrong(place, format!("ocf:{provider}:{kind} is no agent"));
                }
            }
        }
        if promotable && !matches!(agent, Agent::Ocf { .. }) {
            self.wrong(place, "only OCF agents can be promoted");
        }
    }

    /// Names of systemd.unit(5).
    fn unit(&mut self, unit: &str, place: &str) {
        const SUFFIXES: [&str; 6] = ["service", "socket", "mount", "timer", "target", "path"];
        let suffix = unit.rsplit_once('.').map(|(_, suffix)| suffix);
        let right = suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix));
        if !right {
            self.wrong(
                place,
                format!("unit: `{unit}` has no suffix; was `{unit}.service` meant?"),
            );
        }
        if unit.contains('/') || unit.contains(char::is_whitespace) {
            self.wrong(place, format!("unit: `{unit}` is no name of a unit"));
        }
        if unit.ends_with("@.service") {
            self.wrong(
                place,
                format!("unit: `{unit}` is a template; name an instance"),
            );
        }
    }

    fn operations(&mut self, operations: &Operations, place: &str, promotable: bool) {
        let single = [
            ("start", &operations.start),
            ("stop", &operations.stop),
            ("promote", &operations.promote),
            ("demote", &operations.demote),
            ("probe", &operations.probe),
        ];
        for (name, options) in single {
            if options.timeout_ms == Some(0) {
                self.wrong(place, format!("operations: {name}: timeout_ms: 0"));
            }
        }
        let mut seen = BTreeSet::new();
        for monitor in &operations.monitors {
            let ms = monitor.interval_ms;
            let place = format!("{place}: operations: monitors");
            if ms == 0 {
                self.wrong(
                    &place,
                    "interval_ms: 0; a probe is made without asking for it",
                );
            }
            if monitor.options.timeout_ms == Some(0) {
                self.wrong(&place, "timeout_ms: 0");
            }
            if !seen.insert((ms, monitor.depth)) {
                self.wrong(
                    &place,
                    format!("interval_ms: {ms} is there twice; agents tell monitors apart by it"),
                );
            }
            if monitor.role == Some(Role::Promoted) && !promotable {
                self.wrong(&place, "role: it is never promoted");
            }
        }
    }

    fn locations(&mut self) {
        let mut ids = BTreeSet::new();
        for location in &self.configuration.locations {
            let place = format!("locations: {}", location.id);
            if !ids.insert(&location.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &location.resource, location.role);
            match &location.preference {
                Preference::Node { node, .. } => self.node(&place, node),
                Preference::Rule { rule, .. } => self.rule(&place, rule),
            }
        }
    }

    fn rule(&mut self, place: &str, rule: &Rule) {
        match rule {
            Rule::All(rules) | Rule::Any(rules) => {
                if rules.is_empty() {
                    self.wrong(place, "an empty rule");
                }
                for rule in rules {
                    self.rule(place, rule);
                }
            }
            Rule::Compare {
                attribute,
                value,
                kind,
                ..
            } => {
                if attribute == "#uname" {
                    self.node(place, value);
                }
                let integer = *kind == Some(cluster_model::constraint::ValueKind::Integer);
                if integer && value.parse::<i64>().is_err() {
                    self.wrong(place, format!("`{value}` is no whole number"));
                }
            }
            Rule::Defined(_) | Rule::NotDefined(_) => {}
        }
    }

    fn colocations(&mut self) {
        let mut ids = BTreeSet::new();
        for colocation in &self.configuration.colocations {
            let place = format!("colocations: {}", colocation.id);
            if !ids.insert(&colocation.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &colocation.resource, colocation.role);
            self.resource(&place, &colocation.with, colocation.with_role);
            if colocation.resource == colocation.with {
                let name = &colocation.with;
                self.wrong(&place, format!("{name} is always with itself"));
            }
        }
    }

    fn orders(&mut self) {
        let mut ids = BTreeSet::new();
        let role = |action: OrderedAction| match action {
            OrderedAction::Promote | OrderedAction::Demote => Some(Role::Promoted),
            OrderedAction::Start | OrderedAction::Stop => None,
        };
        for order in &self.configuration.orders {
            let place = format!("orders: {}", order.id);
            if !ids.insert(&order.id) {
                self.wrong(&place, "is there twice");
            }
            self.resource(&place, &order.first, role(order.first_action));
            self.resource(&place, &order.then, role(order.then_action));
            if order.first == order.then && order.first_action == order.then_action {
                let name = &order.first;
                self.wrong(&place, format!("{name} would wait for itself"));
            }
        }
        self.circle();
    }

    /// Starts that wait for each other wait for ever.
    fn circle(&mut self) {
        let orders = self.configuration.orders.iter();
        let mandatory = orders.filter(|order| {
            order.kind == cluster_model::constraint::OrderKind::Mandatory
                && order.first_action == OrderedAction::Start
                && order.then_action == OrderedAction::Start
                && order.first != order.then
        });
        let mut after: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for order in mandatory {
            after.entry(&order.then).or_default().insert(&order.first);
        }
        // What waits for nothing that is left is no part of a circle.
        loop {
            let waiting: BTreeSet<&str> = after.keys().copied().collect();
            let before = after.len();
            after.retain(|_, first| first.iter().any(|name| waiting.contains(name)));
            if after.len() == before {
                break;
            }
        }
        if !after.is_empty() {
            let names: Vec<_> = after.keys().copied().collect();
            let names = names.join(", ");
            self.wrong("orders", format!("{names} wait for each other for ever"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "
nodes: [zipi, zape]
domains:
  - {name: main, members: [zipi, zape], ordered: true}
resources:
  - group:
      name: web
      options: {domain: main}
      members:
        - name: vip
          agent: {address: {address: 10.77.4.50, prefix: 24, interface: eth4}}
          operations: {monitors: [{interval_ms: 10000}]}
        - name: httpd
          agent: {systemd: {unit: httpd.service}}
          operations: {monitors: [{interval_ms: 5000}]}
  - clone:
      name: db-clone
      promotable: {}
      of:
        primitive:
          name: db
          agent: {ocf: {provider: heartbeat, kind: mysql, parameters: {}}}
          operations:
            monitors:
              - {interval_ms: 5000, role: promoted}
              - {interval_ms: 6000}
locations:
  - {id: home, resource: web, preference: {node: {node: zipi, score: 50}}}
colocations:
  - {id: with-db, resource: web, with: db-clone, with_role: promoted, score: 1000000}
orders:
  - {id: db-first, first: db-clone, first_action: promote, then: web}
";

    fn configuration(text: &str) -> Configuration {
        serde_saphyr::from_str(text).expect("understood")
    }

    #[test]
    fn what_is_right_is_not_complained_about() {
        assert_eq!(problems(&configuration(RIGHT)), Vec::<String>::new());
        assert_eq!(doubts(&configuration(RIGHT)), Vec::<String>::new());
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        for (from, to, wanted) in [
            (
                "node: zipi, score",
                "node: zippi, score",
                "locations: home: there is no node zippi; was `zipi` meant?",
            ),
            (
                "resource: web, pref",
                "resource: webb, pref",
                "locations: home: there is no resource webb; was `web` meant?",
            ),
            (
                "members: [zipi, zape]",
                "members: [zipi, zipi]",
                "domains: main: zipi is there twice",
            ),
            (
                "members: [zipi, zape]",
                "members: []",
                "domains: main: no members",
            ),
            (
                "domain: main",
                "domain: mein",
                "resources: web: there is no domain mein; was `main` meant?",
            ),
            (
                "- name: vip",
                "- name: vip\n          options: {domain: main}",
                "resources: web: vip: domain main: only what stands by itself has one; say it of its group",
            ),
            (
                "unit: httpd.service",
                "unit: httpd",
                "resources: web: httpd: unit: `httpd` has no suffix; was `httpd.service` meant?",
            ),
            (
                "unit: httpd.service",
                "unit: httpd@.service",
                "resources: web: httpd: unit: `httpd@.service` is a template; name an instance",
            ),
            (
                "prefix: 24",
                "prefix: 33",
                "resources: web: vip: prefix: 33 is not 1 to 32",
            ),
            (
                "prefix: 24",
                "prefix: 0",
                "resources: web: vip: prefix: 0 is not 1 to 32",
            ),
            (
                "address: 10.77.4.50",
                "address: 127.0.0.1",
                "resources: web: vip: address: nobody reaches 127.0.0.1",
            ),
            (
                "interface: eth4",
                "interface: \"\"",
                "resources: web: vip: interface: `` is no interface",
            ),
            (
                "promotable: {}",
                "promotable: {max: 2}\n      max: 1",
                "resources: db-clone: promotable: more promoted instances than instances",
            ),
            (
                "promotable: {}",
                "promotable: {}\n      node_max: 2",
                "resources: db-clone: node_max: more than one instance on a node needs `unique: true`",
            ),
            (
                "kind: mysql",
                "kind: my/sql",
                "resources: db-clone: db: ocf:heartbeat:my/sql is no agent",
            ),
            (
                "interval_ms: 6000",
                "interval_ms: 5000",
                "resources: db-clone: db: operations: monitors: interval_ms: 5000 is there twice; agents tell monitors apart by it",
            ),
            (
                "interval_ms: 10000",
                "interval_ms: 0",
                "resources: web: vip: operations: monitors: interval_ms: 0; a probe is made without asking for it",
            ),
            (
                "interval_ms: 10000",
                "interval_ms: 10000, role: promoted",
                "resources: web: vip: operations: monitors: role: it is never promoted",
            ),
            (
                "with: db-clone, with_role",
                "with: vip, with_role",
                "colocations: with-db: vip is never promoted: it is no `promotable` clone",
            ),
            (
                "resource: web, with: db-clone",
                "resource: db-clone, with: db-clone",
                "colocations: with-db: db-clone is always with itself",
            ),
            (
                "first_action: promote, then: web",
                "then: web}\n  - {id: back, first: web, then: db-clone",
                "orders: db-clone, web wait for each other for ever",
            ),
            (
                "id: db-first, first: db-clone",
                "id: db-first, first: db-cone",
                "orders: db-first: there is no resource db-cone; was `db-clone` meant?",
            ),
        ] {
            let text = RIGHT.replace(from, to);
            assert_ne!(text, RIGHT, "{from}");
            assert_eq!(problems(&configuration(&text)), [wanted], "{to}");
        }
    }

    #[test]
    fn everything_is_said_at_once() {
        let text = RIGHT
            .replace("unit: httpd.service", "unit: httpd")
            .replace("prefix: 24", "prefix: 64")
            .replace("with: db-clone", "with: nothing");
        assert_eq!(problems(&configuration(&text)).len(), 3);
    }

    #[test]
    fn what_may_not_be_meant_is_only_doubted() {
        let text = RIGHT
            .replace(
                "          operations: {monitors: [{interval_ms: 5000}]}\n",
                "",
            )
            .replace("      options: {domain: main}\n", "");
        let configuration = configuration(&text);
        assert_eq!(problems(&configuration), Vec::<String>::new());
        assert_eq!(
            doubts(&configuration),
            [
                "resources: httpd: no monitor: nobody notices when it fails",
                "domains: main: no resource is in it"
            ]
        );
    }

    #[test]
    fn rules_name_nodes_and_numbers_that_exist() {
        let rule = "{rule: {rule: {any: [{compare: {attribute: \"#uname\", comparison: eq, value: zip}}, {compare: {attribute: pingd, comparison: lt, value: one, kind: integer}}]}, score: {fixed: -5}}}";
        let text = RIGHT.replace("{node: {node: zipi, score: 50}}", rule);
        assert_eq!(
            problems(&configuration(&text)),
            [
                "locations: home: there is no node zip; was `zipi` meant?",
                "locations: home: `one` is no whole number"
            ]
        );
    }
}
