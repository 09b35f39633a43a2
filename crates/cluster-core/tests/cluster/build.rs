//! Short ways to write configurations and states in tests.

use cluster_model::Score;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, Monitor, OnFail, OperationOptions, Operations,
    Primitive, Promotable, ResourceOptions,
};
use cluster_model::constraint::{
    Colocation, Comparison, Location, Order, OrderKind, OrderedAction, Preference, Rule, RuleScore,
};
use cluster_model::resource::Agent;
use cluster_model::state::{
    Authority, ClusterState, Failed, Instance, Node, Observed, Presence, Role,
};

/// Both halves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) configuration: Configuration,
    pub(crate) state: ClusterState,
}

pub(crate) fn primitive(name: &str) -> Primitive {
    Primitive {
        name: name.to_owned(),
        agent: Agent::Systemd {
            unit: format!("{name}.service"),
        },
        options: ResourceOptions::default(),
        operations: Operations::default(),
    }
}

impl Case {
    /// Nodes that are online.
    pub(crate) fn on(nodes: &[&str]) -> Self {
        let mut case = Self::default();
        case.state.authority = Authority::Full;
        case.state.may_fence = true;
        case.state.now_ms = 1_700_000_100_000;
        for name in nodes {
            case.configuration.nodes.insert((*name).to_owned());
            let node = Node {
                presence: Presence::Online,
                ..Node::default()
            };
            case.state.nodes.insert((*name).to_owned(), node);
        }
        case
    }

    pub(crate) fn primitive(mut self, name: &str) -> Self {
        self.configuration
            .resources
            .push(Item::Primitive(primitive(name)));
        self
    }

    pub(crate) fn group(mut self, name: &str, members: &[&str]) -> Self {
        self.configuration.resources.push(Item::Group(Group {
            name: name.to_owned(),
            members: members.iter().map(|name| primitive(name)).collect(),
            options: ResourceOptions::default(),
            migration_threshold_sum: None,
        }));
        self
    }

    pub(crate) fn clone_of(mut self, name: &str, of: &str, max: Option<u32>) -> Self {
        self.configuration.resources.push(Item::Clone(CloneOf {
            name: name.to_owned(),
            of: Cloned::Primitive(primitive(of)),
            options: ResourceOptions::default(),
            max,
            node_max: 1,
            unique: false,
            interleave: false,
            promotable: None,
        }));
        self
    }

    pub(crate) fn promotable(self, name: &str, of: &str) -> Self {
        self.clone_of(name, of, None).changed(name, |item| {
            if let Item::Clone(clone) = item {
                clone.promotable = Some(Promotable::default());
            }
        })
    }

    pub(crate) fn changed(mut self, name: &str, change: impl Fn(&mut Item)) -> Self {
        for item in &mut self.configuration.resources {
            if item.name() == name {
                change(item);
            }
        }
        self
    }

    /// Options of an item.
    pub(crate) fn with(self, name: &str, change: impl Fn(&mut ResourceOptions)) -> Self {
        self.changed(name, |item| match item {
            Item::Primitive(it) => change(&mut it.options),
            Item::Group(it) => change(&mut it.options),
            Item::Clone(it) => change(&mut it.options),
        })
    }

    pub(crate) fn defaults(mut self, change: impl Fn(&mut ResourceOptions)) -> Self {
        change(&mut self.configuration.resource_defaults);
        self
    }

    pub(crate) fn located(mut self, resource: &str, node: &str, score: i32) -> Self {
        let id = format!("loc-{}", self.configuration.locations.len());
        self.configuration.locations.push(Location {
            id,
            resource: resource.to_owned(),
            role: None,
            preference: Preference::Node {
                node: node.to_owned(),
                score: Score::new(score),
            },
        });
        self
    }

    pub(crate) fn together(mut self, resource: &str, with: &str, score: i32) -> Self {
        let id = format!("col-{}", self.configuration.colocations.len());
        self.configuration.colocations.push(Colocation {
            id,
            resource: resource.to_owned(),
            role: None,
            with: with.to_owned(),
            with_role: None,
            score: Score::new(score),
        });
        self
    }

    pub(crate) fn with_promoted(self, resource: &str, with: &str, score: i32) -> Self {
        let mut case = self.together(resource, with, score);
        if let Some(last) = case.configuration.colocations.last_mut() {
            last.with_role = Some(Role::Promoted);
        }
        case
    }

    pub(crate) fn ordered(mut self, first: &str, then: &str, kind: OrderKind) -> Self {
        let id = format!("ord-{}", self.configuration.orders.len());
        self.configuration.orders.push(Order {
            id,
            first: first.to_owned(),
            then: then.to_owned(),
            first_action: OrderedAction::Start,
            then_action: OrderedAction::Start,
            kind,
            symmetrical: true,
        });
        self
    }

    pub(crate) fn instance(&mut self, resource: &str, node: &str) -> &mut Instance {
        self.state
            .resources
            .entry(resource.to_owned())
            .or_default()
            .entry(node.to_owned())
            .or_default()
    }

    pub(crate) fn seen(mut self, resource: &str, node: &str, observed: Observed) -> Self {
        self.instance(resource, node).observed = observed;
        self
    }

    pub(crate) fn runs(self, resource: &str, node: &str) -> Self {
        self.seen(resource, node, Observed::Started)
    }

    pub(crate) fn failed(mut self, resource: &str, node: &str, count: u32) -> Self {
        let now = self.state.now_ms;
        let instance = self.instance(resource, node);
        instance.fail_count = count;
        instance.last_failure_ms = now - 10_000;
        self
    }

    /// It failed once there, and this failure is the last thing that is known of it: it
    /// stands as it is seen.
    pub(crate) fn failed_in(
        self,
        resource: &str,
        node: &str,
        failed: Failed,
        observed: Observed,
    ) -> Self {
        let mut case = self
            .failed(resource, node, 1)
            .seen(resource, node, observed);
        case.instance(resource, node).failed = failed;
        case
    }

    /// What failures of the monitor, and of the start, of this primitive mean.
    pub(crate) fn on_fail(mut self, resource: &str, on_fail: OnFail) -> Self {
        let items = self.configuration.resources.iter_mut();
        let primitives = items.flat_map(|item| match item {
            Item::Primitive(it) => std::slice::from_mut(it),
            Item::Group(it) => it.members.as_mut_slice(),
            Item::Clone(it) => match &mut it.of {
                Cloned::Primitive(it) => std::slice::from_mut(it),
                Cloned::Group(it) => it.members.as_mut_slice(),
            },
        });
        for primitive in primitives.filter(|it| it.name == resource) {
            let options = OperationOptions {
                timeout_ms: None,
                on_fail: Some(on_fail),
            };
            primitive.operations.start = options.clone();
            primitive.operations.monitors = vec![Monitor {
                interval_ms: 10_000,
                role: None,
                depth: 0,
                options,
            }];
        }
        self
    }

    pub(crate) fn promotes(mut self, resource: &str, node: &str, score: i32) -> Self {
        self.instance(resource, node).promotion_score = Some(score);
        self
    }

    pub(crate) fn node(mut self, name: &str, change: impl Fn(&mut Node)) -> Self {
        change(self.state.nodes.entry(name.to_owned()).or_default());
        self
    }

    /// A node that reaches nothing does not run the group `web`.
    pub(crate) fn with_ping(mut self, reached: &[(&str, &str)]) -> Self {
        self.configuration.locations.push(Location {
            id: "ping".to_owned(),
            resource: "web".to_owned(),
            role: None,
            preference: Preference::Rule {
                rule: Rule::Any(vec![
                    Rule::NotDefined("pingd".to_owned()),
                    Rule::Compare {
                        attribute: "pingd".to_owned(),
                        comparison: Comparison::Lt,
                        value: "1".to_owned(),
                        kind: None,
                    },
                ]),
                score: RuleScore::Fixed(Score::MINUS_INFINITY),
            },
        });
        for (node, value) in reached {
            self = self.node(node, |node| {
                node.attributes
                    .insert("pingd".to_owned(), (*value).to_owned());
            });
        }
        self
    }

    /// What nobody said anything of is known to be stopped.
    pub(crate) fn probed(mut self) -> Self {
        let names: Vec<String> = self
            .configuration
            .resources
            .iter()
            .flat_map(|item| match item {
                Item::Primitive(it) => vec![it.name.clone()],
                Item::Group(it) => it.members.iter().map(|it| it.name.clone()).collect(),
                Item::Clone(it) => match &it.of {
                    Cloned::Primitive(of) if it.unique => (0..it.max.unwrap_or(2))
                        .map(|number| format!("{}:{number}", of.name))
                        .collect(),
                    Cloned::Primitive(of) => vec![of.name.clone()],
                    Cloned::Group(of) => of.members.iter().map(|it| it.name.clone()).collect(),
                },
            })
            .collect();
        for name in names {
            for node in self.configuration.nodes.clone() {
                let instance = self.instance(&name, &node);
                if instance.observed == Observed::Unknown {
                    instance.observed = Observed::Stopped;
                }
            }
        }
        self
    }
}
