//! What operators ask for, applied: commands, and what there is to run.

use super::{Change, Request, Standing, State};
use crate::action::Refusal;
use crate::name::{NodeId, ResourceId};
use cluster_model::Command;
use cluster_model::configuration::Configuration;
use cluster_model::state::Failed;
use std::sync::Arc;

impl State {
    pub(super) fn command(
        &mut self,
        request: Request,
        command: &Command,
        node: Option<NodeId>,
    ) -> Vec<Change> {
        if !self.is_new(request) {
            return Vec::new();
        }
        let named = command.resource();
        let those = named.map(|name| self.with_predecessors(name));
        let those = match those {
            None => None,
            Some(Some(those)) => Some(those),
            Some(None) => {
                let name = named.unwrap_or_default().to_owned();
                let refused = Err(Refusal::NoSuchResource(name));
                return vec![Change::Commanded(request, refused)];
            }
        };
        if let Command::Property {
            set,
            name,
            value: Some(value),
        } = command
            && !self.operators.has_room_for(set, name, value)
        {
            return vec![Change::Commanded(request, Err(Refusal::NoRoom))];
        }
        self.operators.take(command, request.node, self.clock_ms);
        match command {
            Command::Cleanup { .. } => self.clean_up(those.as_deref(), node),
            Command::Standby { on: false, .. } => self.forgive(node),
            // Nobody knows what was done by hand meanwhile: everything is looked at.
            Command::Maintenance { on: false, .. } => self.forget_standings(node),
            _ => {}
        }
        vec![Change::Commanded(request, Ok(()))]
    }

    /// Told twice, it is done once: numbers of a session go up.
    fn is_new(&mut self, request: Request) -> bool {
        let last = self.requests.get(&request.node);
        let done = last
            .is_some_and(|last| last.session == request.session && last.number >= request.number);
        if !done {
            self.requests.insert(request.node, request);
        }
        !done
    }

    pub(super) fn configure(
        &mut self,
        index: u64,
        request: Option<Request>,
        configuration: &Configuration,
    ) -> Vec<Change> {
        let counts = match request {
            Some(request) => self.is_new(request),
            None => self.resources.configured() == 0,
        };
        if !counts {
            return Vec::new();
        }
        let resources = Arc::make_mut(&mut self.resources);
        resources.configure(index, configuration);
        self.operators.keep(|name| resources.item(name).is_some());
        let answer = request.map(|request| Change::Commanded(request, Ok(())));
        std::iter::once(Change::Defined).chain(answer).collect()
    }

    /// What an item is made of, and was before, as far as it may still run.
    fn with_predecessors(&self, item: &str) -> Option<Vec<ResourceId>> {
        let resources = &self.resources;
        let those = resources.item(item)?.iter().copied();
        let names = those.clone().filter_map(|id| resources.get(id));
        let before = names.flat_map(|its| resources.predecessors(&its.name));
        Some(those.chain(before).collect())
    }

    /// What is retired and stopped on all nodes that may have it is known no more.
    pub(super) fn forget_what_is_stopped(&mut self) -> bool {
        let members = &self.members;
        let is_stopped = |id: ResourceId| {
            let mut there = members.values().filter(|member| !member.lost);
            there.all(|member| {
                let local = member.resources.get(&id);
                local.is_some_and(|local| {
                    local.standing == Standing::Stopped && local.pending.is_none()
                })
            })
        };
        let retired = self.resources.retired().map(|(id, _)| id);
        let stopped: Vec<_> = retired.filter(|id| is_stopped(*id)).collect();
        for id in &stopped {
            Arc::make_mut(&mut self.resources).forget(*id);
            for member in self.members.values_mut() {
                member.resources.remove(id);
            }
        }
        !stopped.is_empty()
    }

    fn forget_standings(&mut self, node: Option<NodeId>) {
        for (id, member) in &mut self.members {
            if node.is_none_or(|node| node == *id) {
                for local in member.resources.values_mut() {
                    if local.standing != Standing::StopFailed {
                        local.standing = Standing::Unknown;
                    }
                }
            }
        }
    }

    /// Forgets failures. What stands still because of them is looked at anew.
    fn clean_up(&mut self, resources: Option<&[ResourceId]>, node: Option<NodeId>) {
        for (id, member) in &mut self.members {
            if node.is_some_and(|node| node != *id) {
                continue;
            }
            for (resource, local) in &mut member.resources {
                if resources.is_some_and(|those| !those.contains(resource)) {
                    continue;
                }
                local.failures = 0;
                local.failed = Failed::default();
                if matches!(
                    local.standing,
                    Standing::Failed | Standing::FailedPromoted | Standing::StopFailed
                ) {
                    local.standing = Standing::Unknown;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{BootId, Incarnation, OrderId, Session};
    use crate::operation::OperationKind;
    use crate::packet::Report;
    use crate::state::Entry;
    use cluster_model::configuration::{Item, Operations, Primitive, ResourceOptions};
    use cluster_model::resource::Agent;
    use std::collections::BTreeMap;

    const ONE: NodeId = NodeId(1);
    const TWO: NodeId = NodeId(2);
    const INCARNATION: Incarnation = Incarnation(1);

    fn mail(unit: &str) -> Box<Configuration> {
        let unit = unit.to_owned();
        let mut configuration = Configuration {
            resources: vec![Item::Primitive(Primitive {
                name: "mail".to_owned(),
                agent: Agent::Systemd { unit },
                options: ResourceOptions::default(),
                operations: Operations::default(),
            })],
            ..Configuration::default()
        };
        configuration.resource_defaults.failure_timeout_ms = Some(1_000);
        Box::new(configuration)
    }

    /// Two nodes that are in, and a log.
    struct Log {
        state: State,
        at_ms: u64,
    }

    impl Log {
        fn new() -> Self {
            let state = State::default();
            let mut log = Self { state, at_ms: 0 };
            for node in [ONE, TWO] {
                log.put(&Entry::Joined {
                    node,
                    previous: Incarnation(0),
                    boot: BootId(1),
                    session: Session(node.0.into()),
                });
            }
            log
        }

        fn put(&mut self, entry: &Entry) -> Vec<Change> {
            let index = self.state.applied + 1;
            self.state.apply(index, self.at_ms, entry)
        }

        fn first(&mut self, unit: &str) -> Vec<Change> {
            self.put(&Entry::Configured {
                request: None,
                configuration: mail(unit),
            })
        }

        fn configure(&mut self, number: u64, unit: &str) -> Vec<Change> {
            self.put(&Entry::Configured {
                request: Some(request(number)),
                configuration: mail(unit),
            })
        }

        fn order(&mut self, node: NodeId, resource: u32, kind: OperationKind) -> bool {
            let incarnation = INCARNATION;
            let resource = ResourceId(resource);
            let changes = self.put(&Entry::Ordered {
                node,
                incarnation,
                resource,
                kind,
            });
            !changes.is_empty()
        }

        /// It ended what was ordered.
        fn found(&mut self, node: NodeId, resource: u32, standing: Standing) -> Report {
            self.report(node, resource, standing, 0)
        }

        fn report(&mut self, node: NodeId, id: u32, standing: Standing, failures: u64) -> Report {
            let resource = ResourceId(id);
            let local = self.state.members[&node].resources.get(&resource);
            let local = local.copied().unwrap_or_default();
            let report = Report {
                incarnation: INCARNATION,
                resource,
                number: local.report + 1,
                standing,
                failures,
                failed: Failed::default(),
                order: local.pending.map(|(order, _)| order),
            };
            self.put(&Entry::Reported {
                node,
                report: report.clone(),
            });
            report
        }
    }

    fn request(number: u64) -> Request {
        Request {
            node: ONE,
            session: Session(1),
            number,
        }
    }

    #[test]
    fn only_the_first_first_configuration_counts_and_a_request_counts_once() {
        let mut log = Log::new();
        assert_eq!(log.first("a"), [Change::Defined]);
        assert_eq!(log.first("b"), []);
        assert_eq!(log.state.resources.configuration(), mail("a").as_ref());
        let done = [Change::Defined, Change::Commanded(request(1), Ok(()))];
        assert_eq!(log.configure(1, "b"), done);
        assert_eq!(log.configure(1, "c"), []);
        assert_eq!(log.state.resources.configuration(), mail("b").as_ref());
    }

    #[test]
    fn nothing_starts_before_its_earlier_form_is_stopped_on_all_nodes() {
        use OperationKind::{Probe, Start, Stop};
        let mut log = Log::new();
        log.first("a");
        assert!(log.order(ONE, 1, Start));
        log.found(ONE, 1, Standing::Running);
        log.configure(1, "b");
        assert!(!log.order(TWO, 2, Start) && !log.order(ONE, 2, Start));
        assert!(!log.order(TWO, 1, Start), "what is retired starts nowhere");
        assert!(log.order(ONE, 1, Stop));
        log.found(ONE, 1, Standing::Stopped);
        assert!(!log.order(TWO, 2, Start), "nobody looked there");
        assert!(log.order(TWO, 1, Probe));
        log.found(TWO, 1, Standing::Stopped);
        assert_eq!(log.state.resources.get(ResourceId(1)), None);
        assert!(!log.order(ONE, 1, Stop), "it is nothing any more");
        assert!(log.order(TWO, 2, Start));
    }

    #[test]
    fn a_node_that_is_given_up_has_nothing_that_was_retired() {
        let mut log = Log::new();
        log.first("a");
        log.found(ONE, 1, Standing::Running);
        log.found(TWO, 1, Standing::Stopped);
        log.configure(1, "b");
        let changes = log.put(&Entry::Lost {
            node: ONE,
            incarnation: INCARNATION,
            attempt: 0,
        });
        assert!(changes.contains(&Change::Defined));
        assert!(log.order(TWO, 2, OperationKind::Start));
    }

    #[test]
    fn a_command_for_what_was_removed_meanwhile_is_refused_by_the_log() {
        let mut log = Log::new();
        log.first("a");
        let command = Command::Unmove {
            resource: "web".to_owned(),
        };
        let request = request(1);
        let node = None;
        let refused = Err(Refusal::NoSuchResource("web".to_owned()));
        let changes = log.put(&Entry::Commanded {
            request,
            command,
            node,
        });
        assert_eq!(changes, [Change::Commanded(request, refused)]);
    }

    #[test]
    fn a_report_changes_something_once() {
        let mut log = Log::new();
        log.first("a");
        log.order(ONE, 1, OperationKind::Probe);
        let report = log.found(ONE, 1, Standing::Stopped);
        assert!(log.state.knows(ONE, &report));
        log.order(ONE, 1, OperationKind::Start);
        let OrderId(order) = OrderId(log.state.applied);
        let mut next = Report {
            number: report.number + 1,
            standing: Standing::Running,
            ..report.clone()
        };
        assert!(!log.state.knows(ONE, &next));
        // An old one that ends an order is wanted all the same.
        next.number = report.number;
        next.order = Some(OrderId(order));
        assert!(!log.state.knows(ONE, &next));
    }

    #[test]
    fn failures_that_are_forgotten_do_not_count_when_the_next_one_comes() {
        let mut log = Log::new();
        log.first("a");
        let failures = |log: &Log| log.state.members[&ONE].resources[&ResourceId(1)].failures;
        log.report(ONE, 1, Standing::Failed, 2);
        log.at_ms = 900;
        log.report(ONE, 1, Standing::Failed, 3);
        assert_eq!(failures(&log), 3);
        log.at_ms = 1_901;
        log.report(ONE, 1, Standing::Failed, 4);
        assert_eq!(failures(&log), 1);
    }

    #[test]
    fn older_attributes_do_not_replace_newer_ones() {
        let mut log = Log::new();
        for (number, value) in [(2, "1000"), (1, "0")] {
            let ping = ("ping".to_owned(), value.to_owned());
            log.put(&Entry::Attributes {
                node: ONE,
                incarnation: INCARNATION,
                number,
                attributes: BTreeMap::from([ping]),
            });
        }
        assert_eq!(log.state.members[&ONE].attributes["ping"], "1000");
    }
}
