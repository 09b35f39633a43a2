//! Operations on their way: from what the core wants to agents, and back.

use super::Input;
use cluster_agents::{Action, Ended, Ending, Id, Job, Leftover, Noticed, OcfCode, Runner};
use cluster_core::name::{ResourceId, Session};
use cluster_core::operation::{OperationId, OperationKind, Outcome};
use cluster_core::resources::Resources;
use cluster_core::state::Standing;
use cluster_core::{Disk, Node};
use cluster_model::Agent;
use cluster_model::configuration::{Cloned, Configuration, Item, Monitor, Primitive};
use cluster_model::state::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What agents are to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Do this.
    Run(Box<Job>, OperationId),
    /// Remove this.
    Kill(OperationId),
    /// Switch a node off, or on.
    Fence(super::fencing::Wish),
    /// See what is reached, and who has the cluster's addresses.
    Look(super::look::Look),
    /// Tell the neighbours which of these addresses are here.
    Announce(Vec<super::look::Wanted>),
    /// Have the file read by the program that is installed.
    Read(super::reload::Question),
}

/// Operations on their way, as the core's thread knows them. Never more than a few for
/// each resource.
#[derive(Debug)]
pub(crate) struct Agents {
    orders: UnboundedSender<Order>,
    running: BTreeMap<OperationId, Running>,
}

/// Stands for a resource that nobody knows: the log gives numbers from the lowest on.
const NO_RESOURCE: ResourceId = ResourceId(u32::MAX);

/// An operation on its way.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(super) resource: String,
    pub(super) kind: OperationKind,
    /// Looked at again and again: good ends are no news.
    pub(super) recurring: bool,
}

impl Agents {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Order>) {
        let (orders, receiver) = unbounded_channel();
        let running = BTreeMap::new();
        (Self { orders, running }, receiver)
    }

    /// Nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// What an earlier daemon left under way, or nobody heard the end of, as the core is to
    /// know it: it has each killed before anything else is done.
    ///
    /// That nothing is on the disk of a resource does not make its processes harmless. What
    /// nobody knows is killed like the rest, and how it ended says nothing.
    pub(crate) fn take_over(
        &mut self,
        found: Vec<Leftover>,
        disk: &Disk,
    ) -> BTreeMap<OperationId, (ResourceId, OperationKind)> {
        let mut leftovers = BTreeMap::new();
        for leftover in found {
            let id = OperationId {
                session: Session(leftover.id.session),
                number: leftover.id.number,
            };
            let kind = kind(&leftover.action);
            let known = disk.resource_called(&leftover.resource);
            let its = known.map_or((NO_RESOURCE, OperationKind::Probe), |it| (it, kind));
            leftovers.insert(id, its);
            let running = Running {
                resource: leftover.resource,
                kind,
                recurring: kind == OperationKind::Probe,
            };
            self.running.insert(id, running);
        }
        leftovers
    }

    /// Begins; false: it is too late, or there is no such resource.
    pub(crate) fn begin(
        &mut self,
        node: &Node,
        operation: OperationId,
        resource: ResourceId,
        kind: OperationKind,
        late: bool,
    ) -> bool {
        let settings = node.settings();
        let Some(its) = node.definition(resource) else {
            return false;
        };
        // What was taken out of the configuration is stopped as it was started.
        let configured = node.configuration();
        let item = configured.and_then(|all| Some(find(all, &its.name)?.item));
        if late {
            return false;
        }
        let standing = node
            .state()
            .members
            .get(&settings.me)
            .and_then(|member| member.resources.get(&resource))
            .map_or(Standing::Unknown, |local| local.standing);
        let action = action(kind, standing, &its.primitive);
        let running = Running {
            resource: its.name.clone(),
            kind,
            recurring: matches!(action, Action::Monitor { .. }),
        };
        let job = Job {
            id: Id {
                session: operation.session.0,
                number: operation.number,
            },
            resource: its.name.clone(),
            agent: its.primitive.agent.clone(),
            meta: Meta {
                item,
                nodes: settings.nodes.len(),
                instance: &its.name,
            }
            .all(its.timeout(kind), settings.name_of(settings.me)),
            action,
            timeout: its.timeout(kind),
            environment: BTreeMap::new(),
        };
        self.running.insert(operation, running);
        self.orders
            .send(Order::Run(Box::new(job), operation))
            .is_ok()
    }

    pub(super) fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }

    pub(crate) fn kill(&mut self, operation: OperationId) {
        let _ = self.orders.send(Order::Kill(operation));
    }

    /// It came to its end.
    pub(crate) fn ended(&mut self, operation: OperationId) -> Running {
        // Of an earlier daemon, and nothing is left of it: nobody here knows what it was.
        self.running.remove(&operation).unwrap_or(Running {
            resource: String::new(),
            kind: OperationKind::Probe,
            recurring: true,
        })
    }
}

/// The resources that something which ended stands for.
pub(super) fn concerned(resources: &Resources, noticed: &Noticed) -> Vec<ResourceId> {
    let is_it = |agent: &Agent| match (noticed, agent) {
        // A name without a kind is a service's: systemctl(1).
        (Noticed::Unit(unit), Agent::Systemd { unit: its }) => {
            its == unit || Some(its.as_str()) == unit.strip_suffix(".service")
        }
        (Noticed::Address(gone), Agent::Address { address, .. }) => address == gone,
        // IPaddr2 and those like it.
        (Noticed::Address(gone), Agent::Ocf { parameters, .. }) => {
            parameters.get("ip").and_then(|it| it.parse().ok()) == Some(*gone)
        }
        _ => false,
    };
    if let Noticed::Resource(name) = noticed {
        return resources.called(name).into_iter().collect();
    }
    let all = resources.all();
    all.filter(|(_, its)| is_it(&its.primitive.agent))
        .map(|(id, _)| id)
        .collect()
}

/// Carries orders out for ever, all at the same time.
pub(crate) async fn carry_out(
    runner: std::rc::Rc<Runner>,
    mut orders: UnboundedReceiver<Order>,
    out: Sender<Input>,
) {
    let mut running = BTreeSet::new();
    let (ends, mut ended) = unbounded_channel();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Run(job, operation)) => {
                    running.insert(operation);
                    let (runner, out, ends) = (runner.clone(), out.clone(), ends.clone());
                    tokio::task::spawn_local(async move {
                        let ended = runner.run(*job).await;
                        let _ = out.send(Input::Done { operation, ended });
                        let _ = ends.send(operation);
                    });
                }
                Some(Order::Fence(wish)) => {
                    tokio::task::spawn_local(super::fencing::carry_out(wish, out.clone()));
                }
                Some(Order::Look(look)) => {
                    let out = out.clone();
                    tokio::task::spawn_blocking(move || look.tell(&out));
                }
                Some(Order::Announce(wanted)) => {
                    tokio::task::spawn_blocking(move || super::look::announce(&wanted));
                }
                Some(Order::Read(question)) => {
                    tokio::task::spawn_local(super::reload::ask(question, out.clone()));
                }
                Some(Order::Kill(operation)) => {
                    let known = running.contains(&operation);
                    let (runner, out) = (runner.clone(), out.clone());
                    tokio::task::spawn_local(async move {
                        let id = Id { session: operation.session.0, number: operation.number };
                        let ended = runner.kill(id).await;
                        // Of an earlier daemon: nobody else tells of its end.
                        if let Some(ended) = ended.filter(|_| !known) {
                            let _ = out.send(Input::Done { operation, ended });
                        }
                    });
                }
            },
            Some(operation) = ended.recv() => {
                running.remove(&operation);
            }
        }
    }
}

/// What an agent is asked to do. A look at what runs is a monitor, with the interval
/// and depth of the configuration; a look at anything else is a probe.
fn action(kind: OperationKind, standing: Standing, primitive: &Primitive) -> Action {
    match kind {
        OperationKind::Start => Action::Start,
        OperationKind::Stop => Action::Stop,
        OperationKind::Promote => Action::Promote,
        OperationKind::Demote => Action::Demote,
        OperationKind::Probe => {
            let promoted = standing == Standing::Promoted;
            let runs = promoted || standing == Standing::Running;
            let monitors = primitive.operations.monitors.iter();
            let fitting = |monitor: &&Monitor| match monitor.role {
                None => true,
                Some(Role::Promoted) => promoted,
                Some(Role::Started) => !promoted,
                Some(Role::Stopped) => false,
            };
            match monitors.filter(fitting).min_by_key(|one| one.interval_ms) {
                Some(monitor) if runs => Action::Monitor {
                    interval: Duration::from_millis(monitor.interval_ms),
                    depth: monitor.depth,
                    promoted,
                },
                _ => Action::Probe,
            }
        }
    }
}

/// The core's word for what an earlier daemon began, as its scope names it.
fn kind(action: &str) -> OperationKind {
    match action {
        "start" => OperationKind::Start,
        "stop" => OperationKind::Stop,
        "promote" => OperationKind::Promote,
        "demote" => OperationKind::Demote,
        _ => OperationKind::Probe,
    }
}

/// A primitive and what it is in.
pub(super) struct Found<'a> {
    pub(super) primitive: &'a Primitive,
    pub(super) item: &'a Item,
}

/// The primitive of an instance: `NAME`, or `NAME:NUMBER` in a unique clone.
pub(super) fn find<'a>(configuration: &'a Configuration, instance: &str) -> Option<Found<'a>> {
    let name = instance.split_once(':').map_or(instance, |(name, _)| name);
    configuration.resources.iter().find_map(|item| {
        let primitive = crate::configuration::members_of(item).find(|one| one.name == name)?;
        Some(Found { primitive, item })
    })
}

/// What an agent is told about its place in the cluster.
struct Meta<'a> {
    item: Option<&'a Item>,
    nodes: usize,
    instance: &'a str,
}

impl Meta<'_> {
    /// `OCF_RESKEY_CRM_meta_*`, as agents know them from Pacemaker.
    fn all(&self, timeout: Duration, node: &str) -> BTreeMap<String, String> {
        let mut meta = BTreeMap::from([
            ("timeout".to_owned(), timeout.as_millis().to_string()),
            ("on_node".to_owned(), node.to_owned()),
        ]);
        if let Some(Item::Clone(clone)) = self.item {
            let max = clone
                .max
                .unwrap_or(u32::try_from(self.nodes).unwrap_or(u32::MAX));
            let number = self
                .instance
                .split_once(':')
                .map_or("0", |(_, number)| number);
            let mut put = |name: &str, value: String| meta.insert(name.to_owned(), value);
            put("clone", number.to_owned());
            put("clone_max", max.to_string());
            put("clone_node_max", clone.node_max.to_string());
            put("globally_unique", clone.unique.to_string());
            put("interleave", clone.interleave.to_string());
            put("notify", "false".to_owned());
            if let Some(promotable) = &clone.promotable {
                put("promotable", "true".to_owned());
                for name in ["promoted_max", "master_max"] {
                    put(name, promotable.max.to_string());
                }
                for name in ["promoted_node_max", "master_node_max"] {
                    put(name, promotable.node_max.to_string());
                }
            }
            if matches!(clone.of, Cloned::Group(_)) {
                put("group", clone.name.clone());
            }
        }
        meta
    }
}

impl Running {
    /// What it means to the core.
    pub(super) fn outcome(&self, ended: &Ended) -> Outcome {
        let code = match &ended.ending {
            Ending::Exit(code) => code,
            Ending::TimedOut => return Outcome::TimedOut,
            Ending::Killed => return Outcome::Killed,
            Ending::NotStarted(_) => return Outcome::Failed,
        };
        let looks = self.kind == OperationKind::Probe;
        match code {
            OcfCode::Success | OcfCode::Degraded => Outcome::Good,
            OcfCode::RunningPromoted | OcfCode::DegradedPromoted if looks => Outcome::Promoted,
            OcfCode::NotRunning if looks => Outcome::NotRunning,
            // What is not installed does not run.
            OcfCode::NotInstalled if looks && !self.recurring => Outcome::NotRunning,
            OcfCode::Args
            | OcfCode::Unimplemented
            | OcfCode::Permission
            | OcfCode::NotInstalled
            | OcfCode::NotConfigured => Outcome::Fatal,
            _ => Outcome::Failed,
        }
    }

    /// It is as it should be, or nobody said otherwise yet.
    pub(super) fn is_good(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Good | Outcome::Promoted | Outcome::Killed => true,
            Outcome::NotRunning => !self.recurring,
            Outcome::Failed | Outcome::Fatal | Outcome::TimedOut => false,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            OperationKind::Probe if self.recurring => "monitor",
            OperationKind::Probe => "probe",
            OperationKind::Start => "start",
            OperationKind::Stop => "stop",
            OperationKind::Promote => "promote",
            OperationKind::Demote => "demote",
        }
    }

    /// What happened, in a sentence.
    pub(super) fn sentence(&self, ended: &Ended) -> String {
        let how = match &ended.ending {
            Ending::Exit(code) => code.to_string(),
            Ending::TimedOut => "took too long and was killed".to_owned(),
            Ending::Killed => "was killed".to_owned(),
            Ending::NotStarted(why) => format!("could not begin: {why}"),
        };
        let mut sentence = format!(
            "{} of {}: {how} after {} ms",
            self.word(),
            self.resource,
            ended.took.as_millis()
        );
        let mut lines = ended.output.lines().map(str::trim);
        let last = lines.rfind(|line| !line.is_empty());
        if let Some(reason) = ended.reason.as_deref().or(last) {
            let short: String = reason.chars().take(LINE_MAX).collect();
            sentence.push_str(": ");
            sentence.push_str(&short);
        }
        sentence
    }
}

/// So much of what an agent said last fits into a sentence.
const LINE_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(code: OcfCode, output: &str, reason: Option<&str>) -> String {
        let running = Running {
            resource: "httpd".to_owned(),
            kind: OperationKind::Probe,
            recurring: true,
        };
        running.sentence(&Ended {
            ending: Ending::Exit(code),
            took: Duration::from_millis(12),
            output: output.to_owned(),
            reason: reason.map(str::to_owned),
        })
    }

    #[test]
    fn what_an_agent_said_is_its_reason_or_else_its_last_line() {
        let output = "looking\n  no process  \n\n";
        let said = monitor(OcfCode::NotRunning, output, None);
        assert!(said.ends_with(" after 12 ms: no process"), "{said}");
        let said = monitor(OcfCode::Generic, output, Some("port 80 is taken"));
        assert!(said.ends_with(" after 12 ms: port 80 is taken"), "{said}");
    }

    #[test]
    fn an_agent_that_talks_too_much_is_cut_short() {
        let said = monitor(OcfCode::Generic, &"ä".repeat(10_000), None);
        assert!(said.chars().count() < 300);
    }

    fn taken_over(disk: &Disk, action: &str) -> (Agents, OperationId, (ResourceId, OperationKind)) {
        let (mut agents, _) = Agents::new();
        let leftover = Leftover {
            id: Id {
                session: 1,
                number: 2,
            },
            resource: "db".to_owned(),
            action: action.to_owned(),
        };
        let leftovers = agents.take_over(vec![leftover], disk);
        let (id, its) = leftovers.into_iter().next().expect("it is to be killed");
        (agents, id, its)
    }

    #[test]
    fn what_an_earlier_daemon_began_is_killed_even_if_nobody_knows_its_resource() {
        let (agents, _, (resource, kind)) = taken_over(&Disk::default(), "stop");
        assert!(!agents.is_idle(), "whoever leaves waits for its end");
        assert_eq!(resource, NO_RESOURCE);
        // Else a stop that failed would be kept of a resource that there is not.
        assert_eq!(kind, OperationKind::Probe);
    }

    #[test]
    fn a_stop_of_an_earlier_daemon_that_failed_is_one_that_failed() {
        let (mut agents, id, _) = taken_over(&Disk::default(), "stop");
        let ended = Ended {
            ending: Ending::Exit(OcfCode::Generic),
            took: Duration::ZERO,
            output: String::new(),
            reason: None,
        };
        let running = agents.ended(id);
        assert_eq!(running.outcome(&ended), Outcome::Failed);
        let said = running.sentence(&ended);
        assert!(said.starts_with("stop of db: it failed"), "{said}");
        // Of a look, that would be another thing.
        let ending = Ending::Exit(OcfCode::NotRunning);
        let ended = Ended { ending, ..ended };
        assert_eq!(running.outcome(&ended), Outcome::Failed);
    }
}
