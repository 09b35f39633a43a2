//! What a node has to know of each resource to run it, taken from the configuration.

use crate::name::ResourceId;
use crate::operation::OperationKind;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, OperationOptions, Primitive,
};
use cluster_model::constraint::{OrderKind, OrderedAction};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an operation may take where nobody says anything.
const TIMEOUT_MS: u64 = 20_000;

/// A resource as the node that runs it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceSettings {
    /// Its name, as in states and decisions.
    pub name: String,
    /// Started only after these, on the same node, and stopped before them.
    pub after: BTreeSet<ResourceId>,
    /// It is no clone: active on one node at most.
    pub alone: bool,
    /// Of a clone that can be promoted: on one node at most.
    pub promoted_alone: bool,
    /// How often to look whether it still runs.
    pub monitor: Option<Duration>,
    /// What such a look finds wrong counts for nothing (`on-fail: ignore`).
    pub ignores_failures: bool,
    /// Longest start.
    pub start_timeout: Duration,
    /// Longest stop.
    pub stop_timeout: Duration,
    /// Longest look whether it runs.
    pub probe_timeout: Duration,
    /// Longest promotion.
    pub promote_timeout: Duration,
    /// Longest demotion.
    pub demote_timeout: Duration,
}

impl ResourceSettings {
    /// Must this be so on one node only?
    pub fn is_alone(&self, kind: OperationKind) -> bool {
        match kind {
            OperationKind::Start => self.alone,
            OperationKind::Promote => self.promoted_alone,
            OperationKind::Probe | OperationKind::Stop | OperationKind::Demote => false,
        }
    }

    /// How long an operation may take.
    pub fn timeout(&self, kind: OperationKind) -> Duration {
        match kind {
            OperationKind::Probe => self.probe_timeout,
            OperationKind::Start => self.start_timeout,
            OperationKind::Stop => self.stop_timeout,
            OperationKind::Promote => self.promote_timeout,
            OperationKind::Demote => self.demote_timeout,
        }
    }
}

/// All resources of a configuration, numbered in its order.
pub fn resources(configuration: &Configuration) -> BTreeMap<ResourceId, ResourceSettings> {
    find(configuration).resources
}

/// What each primitive, group and clone is made of, by its name.
pub fn items(configuration: &Configuration) -> BTreeMap<String, Vec<ResourceId>> {
    let items = find(configuration).items.into_iter();
    items.map(|(name, ids)| (name.to_owned(), ids)).collect()
}

fn find(configuration: &Configuration) -> Found<'_> {
    let mut found = Found {
        configuration,
        resources: BTreeMap::new(),
        items: BTreeMap::new(),
    };
    for item in &configuration.resources {
        let instances = match item {
            Item::Primitive(primitive) => vec![found.primitive(primitive, "")],
            Item::Group(group) => found.group(group, ""),
            Item::Clone(clone) => found.clone(clone),
        };
        found.items.insert(item.name(), instances);
    }
    found.constraints();
    found
}

struct Found<'a> {
    configuration: &'a Configuration,
    resources: BTreeMap<ResourceId, ResourceSettings>,
    /// What each item, and each member of a group, is made of.
    items: BTreeMap<&'a str, Vec<ResourceId>>,
}

impl<'a> Found<'a> {
    fn primitive(&mut self, primitive: &'a Primitive, number: &str) -> ResourceId {
        let next = self.resources.len() + 1;
        let id = ResourceId(u16::try_from(next).unwrap_or(u16::MAX));
        let operations = &primitive.operations;
        let looks = operations.monitors.iter();
        let interval = looks.clone().map(|monitor| monitor.interval_ms).min();
        let default = self.configuration.operation_defaults.on_fail;
        let said = |options: &OperationOptions| options.on_fail.or(default);
        let mut failures = looks.map(|monitor| said(&monitor.options));
        let ignores_failures = failures.all(|said| said == Some(OnFail::Ignore));
        let settings = ResourceSettings {
            name: format!("{}{number}", primitive.name),
            after: BTreeSet::new(),
            alone: true,
            promoted_alone: true,
            monitor: interval.map(Duration::from_millis),
            ignores_failures,
            start_timeout: self.timeout(&operations.start),
            stop_timeout: self.timeout(&operations.stop),
            probe_timeout: self.timeout(&operations.probe),
            promote_timeout: self.timeout(&operations.promote),
            demote_timeout: self.timeout(&operations.demote),
        };
        self.resources.insert(id, settings);
        self.items.entry(&primitive.name).or_default().push(id);
        id
    }

    fn timeout(&self, options: &OperationOptions) -> Duration {
        let defaults = &self.configuration.operation_defaults;
        let ms = options.timeout_ms.or(defaults.timeout_ms);
        Duration::from_millis(ms.unwrap_or(TIMEOUT_MS))
    }

    fn group(&mut self, group: &'a Group, number: &str) -> Vec<ResourceId> {
        let mut members = Vec::new();
        for member in &group.members {
            let id = self.primitive(member, number);
            if let (Some(before), Some(settings)) = (members.last(), self.resources.get_mut(&id)) {
                settings.after.insert(*before);
            }
            members.push(id);
        }
        members
    }

    /// Instances of an anonymous clone share a name: a node has one of them at most.
    fn clone(&mut self, clone: &'a CloneOf) -> Vec<ResourceId> {
        let numbers: Vec<String> = if clone.unique {
            let all = u32::try_from(self.configuration.nodes.len()).unwrap_or(u32::MAX);
            let max = clone.max.unwrap_or(all);
            (0..max).map(|number| format!(":{number}")).collect()
        } else {
            vec![String::new()]
        };
        let mut instances = Vec::new();
        for number in numbers {
            match &clone.of {
                Cloned::Primitive(primitive) => instances.push(self.primitive(primitive, &number)),
                Cloned::Group(group) => instances.extend(self.group(group, &number)),
            }
        }
        // Instances that have numbers are alone; the others share their name.
        let promoted = clone.promotable.map_or(1, |promotable| promotable.max);
        for id in &instances {
            if let Some(settings) = self.resources.get_mut(id) {
                settings.alone = clone.unique;
                settings.promoted_alone = promoted == 1;
            }
        }
        instances
    }

    /// What must follow something else, and must be where it is, needs it there.
    fn constraints(&mut self) {
        let configuration = self.configuration;
        let together = |left: &str, right: &str| {
            configuration.colocations.iter().any(|colocation| {
                let names = [colocation.resource.as_str(), colocation.with.as_str()];
                colocation.score.is_always() && (names == [left, right] || names == [right, left])
            })
        };
        for order in &configuration.orders {
            let starts = order.first_action == OrderedAction::Start
                && order.then_action == OrderedAction::Start;
            let strict = order.kind == OrderKind::Mandatory && order.symmetrical;
            if !starts || !strict || !together(&order.first, &order.then) {
                continue;
            }
            let first = self.items.get(order.first.as_str()).cloned();
            let then = self.items.get(order.then.as_str()).cloned();
            for id in then.into_iter().flatten() {
                if let Some(settings) = self.resources.get_mut(&id) {
                    settings.after.extend(first.iter().flatten().copied());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::configuration::{Monitor, Operations, ResourceOptions};
    use cluster_model::constraint::{Colocation, Order};
    use cluster_model::resource::Agent;
    use cluster_model::score::Score;

    fn primitive(name: &str) -> Primitive {
        Primitive {
            name: name.to_owned(),
            agent: Agent::Systemd {
                unit: format!("{name}.service"),
            },
            options: ResourceOptions::default(),
            operations: Operations::default(),
        }
    }

    fn group(name: &str, members: &[&str]) -> Group {
        Group {
            name: name.to_owned(),
            members: members.iter().map(|name| primitive(name)).collect(),
            options: ResourceOptions::default(),
            migration_threshold_sum: None,
        }
    }

    fn clone(name: &str, unique: bool) -> CloneOf {
        CloneOf {
            name: format!("{name}-clone"),
            of: Cloned::Primitive(primitive(name)),
            options: ResourceOptions::default(),
            max: Some(2),
            node_max: 1,
            unique,
            interleave: false,
            promotable: None,
        }
    }

    fn names(resources: &BTreeMap<ResourceId, ResourceSettings>) -> Vec<&str> {
        resources.values().map(|its| its.name.as_str()).collect()
    }

    #[test]
    fn members_of_a_group_follow_each_other() {
        let configuration = Configuration {
            resources: vec![Item::Group(group("web", &["address", "server"]))],
            ..Configuration::default()
        };
        assert_eq!(items(&configuration)["web"], [1, 2].map(ResourceId));
        let resources = resources(&configuration);
        assert_eq!(names(&resources), ["address", "server"]);
        let after: Vec<_> = resources.values().map(|its| its.after.clone()).collect();
        assert_eq!(after, [BTreeSet::new(), BTreeSet::from([ResourceId(1)])]);
    }

    #[test]
    fn an_anonymous_clone_has_one_name_and_a_unique_one_numbers() {
        let configuration = Configuration {
            resources: vec![
                Item::Clone(clone("ping", false)),
                Item::Clone(clone("worker", true)),
            ],
            ..Configuration::default()
        };
        assert_eq!(
            names(&resources(&configuration)),
            ["ping", "worker:0", "worker:1"]
        );
    }

    #[test]
    fn order_alone_needs_nothing_on_the_same_node_and_with_colocation_it_does() {
        let order = Order {
            id: "o".to_owned(),
            first: "files".to_owned(),
            then: "web".to_owned(),
            first_action: OrderedAction::Start,
            then_action: OrderedAction::Start,
            kind: OrderKind::Mandatory,
            symmetrical: true,
        };
        let mut configuration = Configuration {
            resources: vec![
                Item::Primitive(primitive("files")),
                Item::Group(group("web", &["address", "server"])),
            ],
            orders: vec![order],
            ..Configuration::default()
        };
        let needs =
            |configuration: &Configuration| resources(configuration)[&ResourceId(2)].after.len();
        assert_eq!(needs(&configuration), 0);
        configuration.colocations.push(Colocation {
            id: "c".to_owned(),
            resource: "web".to_owned(),
            role: None,
            with: "files".to_owned(),
            with_role: None,
            score: Score::INFINITY,
        });
        assert_eq!(needs(&configuration), 1);
    }

    #[test]
    fn times_come_from_the_operation_then_from_the_defaults() {
        let mut quick = primitive("quick");
        quick.operations.start.timeout_ms = Some(1_000);
        let every = |interval_ms| Monitor {
            interval_ms,
            role: None,
            depth: 0,
            options: OperationOptions::default(),
        };
        quick.operations.monitors = vec![every(30_000), every(10_000)];
        let mut configuration = Configuration {
            resources: vec![Item::Primitive(quick)],
            ..Configuration::default()
        };
        let its = resources(&configuration)[&ResourceId(1)].clone();
        assert_eq!(its.start_timeout, Duration::from_secs(1));
        assert_eq!(its.stop_timeout, Duration::from_secs(20));
        assert_eq!(its.monitor, Some(Duration::from_secs(10)));
        configuration.operation_defaults.timeout_ms = Some(60_000);
        let its = resources(&configuration)[&ResourceId(1)].clone();
        assert_eq!(its.stop_timeout, Duration::from_secs(60));
    }
}
