//! Which configurations are refused, and why: what is in the log has to make sense to
//! every node.

use crate::definition::Definition;
use crate::instances::Instances;
use crate::settings::Settings;
use cluster_model::configuration::{
    CloneOf, Cloned, Configuration, Group, Item, OnFail, Primitive,
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
    /// A failure of this operation cannot mean this.
    OnFail {
        /// The resource.
        resource: String,
        /// The operation.
        operation: &'static str,
        /// What was asked for.
        on_fail: OnFail,
    },
    /// Failures of the monitors of this resource are to mean different things.
    MonitorsDiffer(String),
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
            Self::OnFail {
                resource,
                operation,
                on_fail,
            } => {
                let word = on_fail.word();
                write!(
                    to,
                    "the {operation} of {resource} says on-fail: {word}, which it cannot mean"
                )
            }
            Self::MonitorsDiffer(resource) => write!(
                to,
                "the monitors of {resource} say different things of on-fail; they are one look"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

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
        on_fail(primitive, self.configuration.operation_defaults.on_fail)
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
}

/// What a failure may mean depends on what fails; `default` is what is said of all
/// operations.
///
/// # Errors
///
/// [`Unfit::OnFail`], [`Unfit::MonitorsDiffer`].
pub fn on_fail(primitive: &Primitive, default: Option<OnFail>) -> Result<(), Unfit> {
    let operations = &primitive.operations;
    let cannot = |operation: &'static str, on_fail: OnFail| {
        Err(Unfit::OnFail {
            resource: primitive.name.clone(),
            operation,
            on_fail,
        })
    };
    // Whoever takes these for done may have it twice.
    let unignored = [("stop", &operations.stop), ("demotion", &operations.demote)];
    for (operation, options) in unignored {
        if options.on_fail.or(default) == Some(OnFail::Ignore) {
            return cannot(operation, OnFail::Ignore);
        }
    }
    // It cannot be stopped: its node goes down, or somebody mends it. A default for all
    // operations is not meant so.
    if let Some(on_fail @ (OnFail::Stop | OnFail::Standby)) = operations.stop.on_fail {
        return cannot("stop", on_fail);
    }
    // All are one look, whose failures mean one thing.
    let monitors = operations.monitors.iter();
    let said = monitors.map(|monitor| monitor.options.on_fail.or(default));
    let said: BTreeSet<OnFail> = said.map(|one| one.unwrap_or(OnFail::Restart)).collect();
    if said.len() > 1 {
        return Err(Unfit::MonitorsDiffer(primitive.name.clone()));
    }
    Ok(())
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
    use cluster_model::configuration::{Monitor, OperationOptions, Operations, ResourceOptions};
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

    fn monitor(on_fail: OnFail) -> Monitor {
        Monitor {
            interval_ms: 1_000,
            role: None,
            depth: 0,
            options: OperationOptions {
                timeout_ms: None,
                on_fail: Some(on_fail),
            },
        }
    }

    fn mail_that(change: impl Fn(&mut Operations)) -> Configuration {
        let mut configuration = with(&["mail"]);
        if let Item::Primitive(mail) = &mut configuration.resources[0] {
            change(&mut mail.operations);
        }
        configuration
    }

    const ALL: [OnFail; 6] = [
        OnFail::Ignore,
        OnFail::Restart,
        OnFail::Block,
        OnFail::Stop,
        OnFail::Standby,
        OnFail::Fence,
    ];

    #[test]
    fn the_failure_of_a_monitor_or_a_start_may_mean_anything() {
        for on_fail in ALL {
            let configuration = mail_that(|operations| {
                operations.monitors = vec![monitor(on_fail), monitor(on_fail)];
                operations.start.on_fail = Some(on_fail);
                operations.promote.on_fail = Some(on_fail);
            });
            assert_eq!(check(&configuration, &settings()), Ok(()), "{on_fail:?}");
        }
    }

    #[test]
    fn what_a_failure_cannot_mean_is_refused_by_name() {
        for on_fail in [OnFail::Ignore, OnFail::Stop, OnFail::Standby] {
            let configuration = mail_that(|operations| operations.stop.on_fail = Some(on_fail));
            let words = format!(
                "the stop of mail says on-fail: {}, which it cannot mean",
                on_fail.word()
            );
            assert_eq!(refused(&configuration), words);
        }
        let configuration =
            mail_that(|operations| operations.demote.on_fail = Some(OnFail::Ignore));
        assert!(refused(&configuration).starts_with("the demotion of mail"));
        for on_fail in ALL {
            let mut configuration = with(&["mail"]);
            configuration.operation_defaults.on_fail = Some(on_fail);
            let is_fit = check(&configuration, &settings()).is_ok();
            assert_eq!(is_fit, on_fail != OnFail::Ignore, "{on_fail:?} by default");
        }
    }

    #[test]
    fn monitors_are_one_look_and_say_one_thing() {
        let configuration = mail_that(|operations| {
            operations.monitors = vec![monitor(OnFail::Stop), monitor(OnFail::Fence)];
        });
        let words = "the monitors of mail say different things of on-fail; they are one look";
        assert_eq!(refused(&configuration), words);
    }
}
