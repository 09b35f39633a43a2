//! Which configurations are refused, and why: what is in the log has to make sense to
//! every node.

use crate::definition::Definition;
use crate::instances::Instances;
use crate::settings::Settings;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, OperationOptions, Primitive,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// So many resources, instances counted, are more than anybody means.
const INSTANCES_MAX: u32 = 2_000;

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Its nodes are not those of the cluster, whose members do not change at run time.
    OtherNodes {
        /// Those that the cluster has.
        members: BTreeSet<String>,
    },
    /// A name is empty, or has a character that a name must not have.
    Name(String),
    /// Two resources have this name.
    Twice(String),
    /// A group, or the group in a clone, has no members.
    Empty(String),
    /// More than one instance on a node needs instances that can be told apart.
    NotUnique(String),
    /// There are too many resources, instances counted.
    TooMany,
    /// A constraint names something that is not there.
    NoSuchThing {
        /// The constraint, or the resource whose failover domain it is.
        named_by: String,
        /// What is not there.
        name: String,
    },
    /// Each of these needs the next one, and the last one the first.
    Circle(Vec<String>),
    /// The daemon cannot do this yet.
    NotYet {
        /// The resource; empty: all, by default.
        resource: String,
        /// The operation.
        operation: &'static str,
        /// What was asked for.
        on_fail: OnFail,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherNodes { members } => {
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                write!(to, "the nodes of this cluster are {}", members.join(", "))
            }
            Self::Name(name) => write!(to, "\"{name}\" is no name for a resource"),
            Self::Twice(name) => write!(to, "two resources are called {name}"),
            Self::Empty(name) => write!(to, "{name} has no members"),
            Self::NotUnique(name) => write!(
                to,
                "{name}: more than one instance on a node needs unique instances"
            ),
            Self::TooMany => write!(to, "there are more than {INSTANCES_MAX} resources"),
            Self::NoSuchThing { named_by, name } => {
                write!(to, "{named_by} names {name}, which is not there")
            }
            Self::Circle(names) => {
                write!(to, "{} need each other in a circle", names.join(", "))
            }
            Self::NotYet {
                resource,
                operation,
                on_fail,
            } => {
                let of = if resource.is_empty() {
                    "by default".to_owned()
                } else {
                    format!("of {resource}")
                };
                let word = word(*on_fail);
                write!(
                    to,
                    "the {operation} {of} says on-fail: {word}, which clusterd cannot do yet"
                )
            }
        }
    }
}

impl std::error::Error for Unfit {}

fn word(on_fail: OnFail) -> &'static str {
    match on_fail {
        OnFail::Ignore => "ignore",
        OnFail::Restart => "restart",
        OnFail::Stop => "stop",
        OnFail::Block => "block",
        OnFail::Standby => "standby",
        OnFail::Fence => "fence",
    }
}

/// Is this a configuration for the cluster that these settings are of?
///
/// # Errors
///
/// [`Unfit`]: the first thing that is wrong with it.
pub fn check(configuration: &Configuration, settings: &Settings) -> Result<(), Unfit> {
    let members = settings.nodes.iter();
    let members: BTreeSet<String> = members
        .map(|node| settings.name_of(*node).to_owned())
        .collect();
    if configuration.nodes != members {
        return Err(Unfit::OtherNodes { members });
    }
    let nodes = u32::try_from(members.len()).unwrap_or(u32::MAX);
    let mut check = Check {
        configuration,
        names: BTreeSet::new(),
        instances: 0,
    };
    for item in &configuration.resources {
        match item {
            Item::Primitive(primitive) => check.primitive(primitive, 1)?,
            Item::Group(group) => check.group(group, 1)?,
            Item::Clone(clone) => check.clone(clone, nodes)?,
        }
    }
    check.constraints()?;
    // Only now: what is too much is not spread out.
    circle(&Instances::of(configuration).all).map_or(Ok(()), |names| Err(Unfit::Circle(names)))
}

struct Check<'a> {
    configuration: &'a Configuration,
    names: BTreeSet<&'a str>,
    instances: u32,
}

impl<'a> Check<'a> {
    fn name(&mut self, name: &'a str) -> Result<(), Unfit> {
        // A colon separates the number of an instance.
        let odd = |character: char| character.is_whitespace() || ":/\"'".contains(character);
        if name.is_empty() || name.contains(odd) {
            return Err(Unfit::Name(name.to_owned()));
        }
        if self.names.insert(name) {
            Ok(())
        } else {
            Err(Unfit::Twice(name.to_owned()))
        }
    }

    fn primitive(&mut self, primitive: &'a Primitive, instances: u32) -> Result<(), Unfit> {
        self.name(&primitive.name)?;
        self.instances = self.instances.saturating_add(instances);
        if self.instances > INSTANCES_MAX {
            return Err(Unfit::TooMany);
        }
        let domain = primitive.options.domain.as_ref();
        self.domain(&primitive.name, domain)?;
        self.on_fail(primitive)
    }

    fn group(&mut self, group: &'a Group, instances: u32) -> Result<(), Unfit> {
        self.name(&group.name)?;
        if group.members.is_empty() {
            return Err(Unfit::Empty(group.name.clone()));
        }
        self.domain(&group.name, group.options.domain.as_ref())?;
        let mut members = group.members.iter();
        members.try_for_each(|member| self.primitive(member, instances))
    }

    fn clone(&mut self, clone: &'a CloneOf, nodes: u32) -> Result<(), Unfit> {
        self.name(&clone.name)?;
        if clone.node_max > 1 && !clone.unique {
            return Err(Unfit::NotUnique(clone.name.clone()));
        }
        self.domain(&clone.name, clone.options.domain.as_ref())?;
        let instances = if clone.unique {
            clone.max.unwrap_or(nodes)
        } else {
            1
        };
        match &clone.of {
            Cloned::Primitive(primitive) => self.primitive(primitive, instances),
            Cloned::Group(group) => self.group(group, instances),
        }
    }

    fn domain(&self, named_by: &str, domain: Option<&String>) -> Result<(), Unfit> {
        let mut known = self.configuration.domains.iter();
        match domain {
            Some(name) if !known.any(|domain| domain.name == *name) => Err(Unfit::NoSuchThing {
                named_by: named_by.to_owned(),
                name: name.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn constraints(&self) -> Result<(), Unfit> {
        let configuration = self.configuration;
        let locations = configuration.locations.iter();
        let locations = locations.map(|one| (&one.id, &one.resource));
        let colocations = configuration.colocations.iter();
        let colocations =
            colocations.flat_map(|one| [(&one.id, &one.resource), (&one.id, &one.with)]);
        let orders = configuration.orders.iter();
        let orders = orders.flat_map(|one| [(&one.id, &one.first), (&one.id, &one.then)]);
        for (id, name) in locations.chain(colocations).chain(orders) {
            if !self.names.contains(name.as_str()) {
                return Err(Unfit::NoSuchThing {
                    named_by: id.clone(),
                    name: name.clone(),
                });
            }
        }
        Ok(())
    }

    /// What a failure means can be chosen of monitors and stops, and not freely yet.
    fn on_fail(&self, primitive: &Primitive) -> Result<(), Unfit> {
        let default = self.configuration.operation_defaults.on_fail;
        let operations = &primitive.operations;
        let can =
            |operation: &'static str, options: &OperationOptions, those: &[OnFail]| match options
                .on_fail
                .or(default)
            {
                Some(on_fail) if !those.contains(&on_fail) => Err(Unfit::NotYet {
                    resource: primitive.name.clone(),
                    operation,
                    on_fail,
                }),
                _ => Ok(()),
            };
        let again = [OnFail::Restart];
        can("start", &operations.start, &again)?;
        can("promotion", &operations.promote, &again)?;
        can("demotion", &operations.demote, &again)?;
        // A stop that failed: its node goes down, or somebody mends it.
        let ends = [OnFail::Fence, OnFail::Block, OnFail::Restart];
        can("stop", &operations.stop, &ends)?;
        for monitor in &operations.monitors {
            can(
                "monitor",
                &monitor.options,
                &[OnFail::Restart, OnFail::Ignore],
            )?;
        }
        // All are one look: either its failures count or they do not.
        let mut ignored = operations
            .monitors
            .iter()
            .map(|monitor| monitor.options.on_fail.or(default) == Some(OnFail::Ignore));
        let first = ignored.next();
        if ignored.any(|other| Some(other) != first) {
            return Err(Unfit::NotYet {
                resource: primitive.name.clone(),
                operation: "monitor",
                on_fail: OnFail::Ignore,
            });
        }
        Ok(())
    }
}

/// Resources that need each other in a circle could never start, and never stop.
fn circle(all: &[Definition]) -> Option<Vec<String>> {
    let mut open: BTreeMap<&str, &BTreeSet<String>> = all
        .iter()
        .map(|its| (its.name.as_str(), &its.after))
        .collect();
    loop {
        let free =
            |after: &BTreeSet<String>| after.iter().all(|one| !open.contains_key(one.as_str()));
        let ready: Vec<&str> = open
            .iter()
            .filter(|(_, after)| free(after))
            .map(|(name, _)| *name)
            .collect();
        if ready.is_empty() {
            let left = open.into_keys().map(str::to_owned).collect::<Vec<_>>();
            return (!left.is_empty()).then_some(left);
        }
        for name in ready {
            open.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::NodeId;
    use crate::settings::tests::three_voters;
    use cluster_model::configuration::{Monitor, Operations, ResourceOptions};
    use cluster_model::constraint::{Colocation, Order, OrderKind, OrderedAction};
    use cluster_model::resource::Agent;
    use cluster_model::score::Score;

    fn settings() -> Settings {
        let mut settings = three_voters(NodeId(1));
        settings.names = [(1, "zipi"), (2, "zape"), (3, "witness")]
            .map(|(node, name)| (NodeId(node), name.to_owned()))
            .into();
        settings
    }

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

    fn with(names: &[&str]) -> Configuration {
        let primitives = names.iter().map(|name| Item::Primitive(primitive(name)));
        Configuration {
            nodes: ["zipi", "zape"].map(str::to_owned).into(),
            resources: primitives.collect(),
            ..Configuration::default()
        }
    }

    fn refused(configuration: &Configuration) -> String {
        let checked = check(configuration, &settings());
        checked.expect_err("it is refused").to_string()
    }

    #[test]
    fn a_good_one_is_accepted_and_one_for_other_nodes_is_not() {
        let mut configuration = with(&["mail", "web"]);
        assert_eq!(check(&configuration, &settings()), Ok(()));
        configuration.nodes.insert("witness".to_owned());
        let words = "the nodes of this cluster are zape, zipi";
        assert_eq!(refused(&configuration), words);
    }

    #[test]
    fn names_are_names_and_nobody_has_two() {
        assert_eq!(
            refused(&with(&["mail", "mail"])),
            "two resources are called mail"
        );
        for name in ["", "a b", "mail:0"] {
            assert_eq!(
                refused(&with(&[name])),
                format!("\"{name}\" is no name for a resource")
            );
        }
    }

    #[test]
    fn more_instances_than_anybody_means_are_refused_before_they_are_made() {
        let mut configuration = with(&[]);
        configuration.resources = vec![Item::Clone(CloneOf {
            name: "many".to_owned(),
            of: Cloned::Primitive(primitive("one")),
            options: ResourceOptions::default(),
            max: Some(u32::MAX),
            node_max: 1,
            unique: true,
            interleave: false,
            promotable: None,
        })];
        assert_eq!(
            refused(&configuration),
            "there are more than 2000 resources"
        );
    }

    fn order(first: &str, then: &str) -> Order {
        Order {
            id: format!("{first}-{then}"),
            first: first.to_owned(),
            then: then.to_owned(),
            first_action: OrderedAction::Start,
            then_action: OrderedAction::Start,
            kind: OrderKind::Mandatory,
            symmetrical: true,
        }
    }

    #[test]
    fn constraints_name_what_is_there_and_do_not_run_in_circles() {
        let mut configuration = with(&["mail", "web"]);
        configuration.orders = vec![order("mail", "web"), order("web", "mail")];
        configuration.colocations = vec![Colocation {
            id: "together".to_owned(),
            resource: "mail".to_owned(),
            role: None,
            with: "web".to_owned(),
            with_role: None,
            score: Score::INFINITY,
        }];
        assert_eq!(
            refused(&configuration),
            "mail, web need each other in a circle"
        );
        configuration.orders = vec![order("mail", "wbe")];
        assert_eq!(
            refused(&configuration),
            "mail-wbe names wbe, which is not there"
        );
    }

    #[test]
    fn what_the_daemon_cannot_do_yet_is_refused_by_name() {
        for on_fail in [OnFail::Stop, OnFail::Block, OnFail::Standby, OnFail::Fence] {
            let mut configuration = with(&["mail"]);
            if let Item::Primitive(mail) = &mut configuration.resources[0] {
                mail.operations.monitors = vec![Monitor {
                    interval_ms: 1_000,
                    role: None,
                    depth: 0,
                    options: OperationOptions {
                        timeout_ms: None,
                        on_fail: Some(on_fail),
                    },
                }];
            }
            let words = format!(
                "the monitor of mail says on-fail: {}, which clusterd cannot do yet",
                word(on_fail)
            );
            assert_eq!(refused(&configuration), words);
        }
        let mut configuration = with(&["mail"]);
        configuration.operation_defaults.on_fail = Some(OnFail::Ignore);
        assert!(refused(&configuration).starts_with("the start of mail"));
    }
}
