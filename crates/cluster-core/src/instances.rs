//! From a configuration to the resources that nodes run: groups, clones, defaults and
//! orders settled.

use crate::definition::Definition;
use crate::operation::OperationKind;
use crate::policy;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, OperationOptions, Primitive,
    ResourceOptions,
};
use cluster_model::constraint::{OrderKind, OrderedAction};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an operation may take where nobody says anything.
const TIMEOUT_MS: u64 = 20_000;

/// What there is to run.
pub(crate) struct Instances<'a> {
    configuration: &'a Configuration,
    /// In the order of the configuration.
    pub(crate) all: Vec<Definition>,
    /// What each primitive, group and clone is made of: places in `all`.
    pub(crate) items: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Instances<'a> {
    /// All of a configuration.
    pub(crate) fn of(configuration: &'a Configuration) -> Self {
        let mut found = Self {
            configuration,
            all: Vec::new(),
            items: BTreeMap::new(),
        };
        let none: &[&ResourceOptions] = &[];
        for item in &configuration.resources {
            let instances = match item {
                Item::Primitive(primitive) => vec![found.primitive(primitive, "", none)],
                Item::Group(group) => found.group(group, "", none),
                Item::Clone(clone) => found.clone(clone),
            };
            found.items.insert(item.name(), instances);
        }
        found.constraints();
        found
    }

    /// `above`: what it is in, nearest first.
    fn primitive(
        &mut self,
        primitive: &'a Primitive,
        number: &str,
        above: &[&ResourceOptions],
    ) -> usize {
        let operations = &primitive.operations;
        let looks = operations.monitors.iter();
        let interval = looks.clone().map(|monitor| monitor.interval_ms).min();
        let ignored = |options| self.on_fail(options) == Some(OnFail::Ignore);
        let ignores = [
            (OperationKind::Start, ignored(&operations.start)),
            (OperationKind::Promote, ignored(&operations.promote)),
            (
                OperationKind::Probe,
                looks.clone().all(|monitor| ignored(&monitor.options)),
            ),
        ];
        let ignores = ignores.into_iter().filter(|(_, ignored)| *ignored);
        let defaults = &self.configuration.resource_defaults;
        let mut options = std::iter::once(&primitive.options)
            .chain(above.iter().copied())
            .chain([defaults]);
        let forgets = options.find_map(|options| options.failure_timeout_ms);
        let definition = Definition {
            name: format!("{}{number}", primitive.name),
            primitive: primitive.clone(),
            cloned: false,
            after: BTreeSet::new(),
            alone: true,
            promoted_alone: true,
            monitor: interval.map(Duration::from_millis),
            blocks: operations
                .monitors
                .iter()
                .any(|monitor| self.on_fail(&monitor.options) == Some(OnFail::Block)),
            ignores: ignores.map(|(kind, _)| kind).collect(),
            fences_on_stop: policy::fences_on_stop(self.configuration, primitive),
            failure_timeout: forgets.filter(|ms| *ms > 0).map(Duration::from_millis),
            start_timeout: self.timeout(&operations.start),
            stop_timeout: self.timeout(&operations.stop),
            probe_timeout: self.timeout(&operations.probe),
            promote_timeout: self.timeout(&operations.promote),
            demote_timeout: self.timeout(&operations.demote),
        };
        let place = self.all.len();
        self.all.push(definition);
        self.items.entry(&primitive.name).or_default().push(place);
        place
    }

    fn on_fail(&self, options: &OperationOptions) -> Option<OnFail> {
        let default = self.configuration.operation_defaults.on_fail;
        options.on_fail.or(default)
    }

    fn timeout(&self, options: &OperationOptions) -> Duration {
        let defaults = &self.configuration.operation_defaults;
        let ms = options.timeout_ms.or(defaults.timeout_ms);
        Duration::from_millis(ms.unwrap_or(TIMEOUT_MS))
    }

    fn group(&mut self, group: &'a Group, number: &str, above: &[&ResourceOptions]) -> Vec<usize> {
        let mut options = vec![&group.options];
        options.extend(above);
        let mut members: Vec<usize> = Vec::new();
        for member in &group.members {
            let place = self.primitive(member, number, &options);
            if let Some(before) = members.last() {
                let name = self.all[*before].name.clone();
                self.all[place].after.insert(name);
            }
            members.push(place);
        }
        members
    }

    /// Instances of an anonymous clone share a name: a node has one of them at most.
    fn clone(&mut self, clone: &'a CloneOf) -> Vec<usize> {
        let numbers: Vec<String> = if clone.unique {
            let all = u32::try_from(self.configuration.nodes.len()).unwrap_or(u32::MAX);
            let max = clone.max.unwrap_or(all);
            (0..max).map(|number| format!(":{number}")).collect()
        } else {
            vec![String::new()]
        };
        let above: &[&ResourceOptions] = &[&clone.options];
        let mut instances = Vec::new();
        for number in numbers {
            match &clone.of {
                Cloned::Primitive(primitive) => {
                    instances.push(self.primitive(primitive, &number, above));
                }
                Cloned::Group(group) => instances.extend(self.group(group, &number, above)),
            }
        }
        // Instances that have numbers are alone; the others share their name.
        let promoted = clone.promotable.map_or(1, |promotable| promotable.max);
        for place in &instances {
            let its = &mut self.all[*place];
            its.cloned = true;
            its.alone = clone.unique;
            its.promoted_alone = promoted == 1;
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
            let first = self.items.get(order.first.as_str());
            let first: Vec<String> = first
                .into_iter()
                .flatten()
                .map(|place| self.all[*place].name.clone())
                .collect();
            let then = self.items.get(order.then.as_str()).cloned();
            for place in then.into_iter().flatten() {
                self.all[place].after.extend(first.iter().cloned());
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

    fn names(configuration: &Configuration) -> Vec<String> {
        let all = Instances::of(configuration).all.into_iter();
        all.map(|its| its.name).collect()
    }

    #[test]
    fn members_of_a_group_follow_each_other() {
        let configuration = Configuration {
            resources: vec![Item::Group(group("web", &["address", "server"]))],
            ..Configuration::default()
        };
        let instances = Instances::of(&configuration);
        assert_eq!(instances.items["web"], [0, 1]);
        assert_eq!(names(&configuration), ["address", "server"]);
        let after: Vec<_> = instances.all.iter().map(|its| its.after.clone()).collect();
        let address = "address".to_owned();
        assert_eq!(after, [BTreeSet::new(), BTreeSet::from([address])]);
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
        assert_eq!(names(&configuration), ["ping", "worker:0", "worker:1"]);
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
        let needs = |configuration: &Configuration| Instances::of(configuration).all[1].after.len();
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
        let its = Instances::of(&configuration).all[0].clone();
        assert_eq!(its.start_timeout, Duration::from_secs(1));
        assert_eq!(its.stop_timeout, Duration::from_secs(20));
        assert_eq!(its.monitor, Some(Duration::from_secs(10)));
        assert_eq!(its.failure_timeout, None);
        configuration.operation_defaults.timeout_ms = Some(60_000);
        configuration.resource_defaults.failure_timeout_ms = Some(5_000);
        let its = Instances::of(&configuration).all[0].clone();
        assert_eq!(its.stop_timeout, Duration::from_secs(60));
        assert_eq!(its.failure_timeout, Some(Duration::from_secs(5)));
    }
}
