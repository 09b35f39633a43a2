//! How things stand, as this member sees it.

use super::ailing::ailing;
use super::idle::idle;
use super::machine::Machine;
use super::reached::{promise_ms, without_reach, word};
use super::survival::{Voters, survival, without_devices};
use super::wished::wished;
use cluster_core::Time;
use cluster_core::name::NodeId;
use cluster_core::policy::{self, Aftermath};
use cluster_core::view::View;
use cluster_model::configuration::{Cloned, Configuration, Item, Primitive, TargetRole};
use cluster_model::decision::Decision;
use cluster_model::model::{Model, Votes};
use cluster_model::report::{
    API_VERSION, Arbitration, Condition, Health, Instance, Link, Member, MemberStanding, Report,
    Resource, ResourceKind, Verdict,
};
use cluster_model::resource::Agent;
use cluster_model::state::{Authority, ClusterState, Observed, Presence, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Of what runs as an earlier configuration had it.
const EARLIER: &str = "runs with the agent or parameters of before, and is to be started anew";

/// How things stand now.
pub(crate) fn report(machine: &mut Machine, now: Time) -> Report {
    let mut problems = machine.own.trouble.list(now, |address| {
        let mut members = machine.file.members();
        let its = members.find(|(_, one)| one.addresses.values().any(|its| *its == address));
        its.map(|(name, _)| name.clone())
    });
    if let Some(refusal) = &machine.own.disk_refuses {
        problems.push(format!("the disk refuses what is written: {refusal}"));
    }
    problems.extend(machine.file_problems());
    problems.extend(machine.risk.clone());
    let view = machine.node.view(now);
    if view.disk_hangs {
        problems.push("the disk does not answer: this node leads nothing until it does".to_owned());
    }
    problems.extend(machine.unfenced(&view));
    let settings = machine.node.settings();
    let asked = machine.node.question(now);
    let configuration = machine.node.configuration().cloned().unwrap_or_default();
    let decision = policy::decide(&configuration, &asked);
    let aftermath = policy::aftermath(&configuration, &asked);
    let members = members(machine, &view, &asked, &aftermath, now);
    let heard: BTreeSet<_> = settings
        .voters
        .iter()
        .filter(|voter| **voter == settings.me || is_there(&view, **voter))
        .map(|voter| settings.name_of(*voter).to_owned())
        .collect();
    let known = view.coordinator.is_some() && heard.len() >= needed(machine);
    let mut teller = Teller {
        machine,
        configuration: &configuration,
        asked: &asked,
        decision: &decision,
        aftermath: &aftermath,
        now_ms: asked.now_ms,
    };
    let items = configuration.resources.iter();
    let resources: Vec<_> = items.map(|item| teller.item(item)).collect();
    let mut survival = if known {
        let voters = Voters {
            heard: heard.clone(),
            needed: needed_without_one(machine),
        };
        survival(&configuration, &asked, &voters)
    } else {
        Vec::new()
    };
    let devices = machine.devices(now);
    problems.extend(without_devices(&mut survival, &devices));
    let reach = machine.reach();
    if let Some(reach) = reach {
        without_reach(&mut survival, &members, &asked, reach.listed);
    }
    problems.extend(decision.explanation.notes.iter().cloned());
    problems.extend(idle(settings, machine.node.state(), &aftermath));
    for (name, member) in &members {
        for link in member.links.iter().filter(|link| !link.up) {
            if matches!(
                member.standing,
                MemberStanding::Online | MemberStanding::Standby
            ) {
                problems.push(format!(
                    "{name} is not heard on {} ({}), only on another network",
                    link.name, link.address
                ));
            }
        }
    }
    let needed = u32::try_from(needed(machine)).unwrap_or(u32::MAX);
    let mut report = Report {
        api_version: API_VERSION,
        cluster: machine.file.cluster.clone(),
        asked: settings.name_of(settings.me).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        verdict: Verdict {
            health: Health::Unknown,
            because: String::new(),
        },
        arbitration: Arbitration {
            mode: word(settings.arbitration).to_owned(),
            coordinator: view
                .coordinator
                .map(|node| settings.name_of(node).to_owned()),
            voters_heard: u32::try_from(heard.len()).unwrap_or(u32::MAX),
            voters: u32::try_from(settings.voters.len()).unwrap_or(u32::MAX),
            needed,
            lease_ms: view.lease.map(ms),
            watchdog: machine.watchdog_words.clone(),
            armed: view.armed,
            promise_ms: promise_ms(settings),
            fencing: devices,
            reach,
        },
        members,
        resources,
        survival,
        operators: wished(machine, asked.now_ms),
        in_transition: !asked.pending.is_empty() || !decision.transition.actions.is_empty(),
        problems,
    };
    report.verdict = verdict(&report);
    report
}

/// The cluster as the policy is asked about it now.
pub(crate) fn model(machine: &Machine, now: Time) -> Model {
    let view = machine.node.view(now);
    let settings = machine.node.settings();
    let voters = settings.voters.iter();
    let heard: BTreeMap<_, _> = voters
        .map(|voter| {
            let there = *voter == settings.me || is_there(&view, *voter);
            (settings.name_of(*voter).to_owned(), there)
        })
        .collect();
    let mut state = machine.node.question(now);
    if heard.values().filter(|there| **there).count() < needed(machine) {
        state.authority = Authority::None;
        state.may_fence = false;
    }
    Model {
        api_version: cluster_model::model::API_VERSION,
        cluster: machine.file.cluster.clone(),
        asked: settings.name_of(settings.me).to_owned(),
        votes: Votes {
            heard,
            needed: u32::try_from(needed_without_one(machine)).unwrap_or(u32::MAX),
            promise_ms: promise_ms(settings),
            by_reach: settings.arbitration.reach().is_some(),
        },
        configuration: machine.node.configuration().cloned().unwrap_or_default(),
        state,
    }
}

/// How many voters have to be left for others to take over: the other one of a lone pair
/// is switched off, or taken for gone.
fn needed_without_one(machine: &Machine) -> usize {
    let settings = machine.node.settings();
    let lone = settings.arbitration.is_of_a_lone_pair();
    if lone { 1 } else { settings.majority() }
}

/// How many voters have to be heard for anything to be decided.
fn needed(machine: &Machine) -> usize {
    let settings = machine.node.settings();
    let alone = machine.node.state().alone == Some(settings.me);
    if alone { 1 } else { settings.majority() }
}

pub(super) fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn is_there(view: &View, node: NodeId) -> bool {
    view.peers.get(&node).is_some_and(|peer| peer.there)
}

fn members(
    machine: &Machine,
    view: &View,
    asked: &ClusterState,
    aftermath: &Aftermath,
    now: Time,
) -> BTreeMap<String, Member> {
    let settings = machine.node.settings();
    let state = machine.node.state();
    let mut members = BTreeMap::new();
    for (id, name) in &settings.names {
        let me = *id == settings.me;
        let witness = !settings.nodes.contains(id);
        let known = state.members.get(id);
        let peer = view.peers.get(id);
        let there = me || peer.is_some_and(|peer| peer.there);
        let standing = if witness {
            if there {
                MemberStanding::Online
            } else {
                MemberStanding::Offline
            }
        } else if known.is_some_and(|known| known.condemned && !known.lost) {
            MemberStanding::Condemned
        } else {
            match asked.nodes.get(name).map(|node| (node.presence, node)) {
                Some((Presence::Online, node)) if node.maintenance || asked.maintenance => {
                    MemberStanding::Maintenance
                }
                Some((Presence::Online, node))
                    if node.standby || aftermath.standby.contains_key(name) =>
                {
                    MemberStanding::Standby
                }
                Some((Presence::Online, _)) if !me || machine.node.has_lease(now) => {
                    MemberStanding::Online
                }
                Some((Presence::Online | Presence::Joining, _)) => MemberStanding::Joining,
                _ if there => MemberStanding::Joining,
                Some((Presence::Unclean, _)) => MemberStanding::Unclean,
                Some((Presence::Gone, _)) | None => MemberStanding::Offline,
            }
        };
        let links = peer.iter().flat_map(|peer| &peer.links);
        let member = Member {
            id: id.0,
            witness,
            standing,
            heard_ms: if me {
                Some(0)
            } else {
                peer.and_then(|peer| peer.heard).map(ms)
            },
            incarnation: known.map_or(0, |known| known.incarnation.0),
            links: links
                .filter_map(|(link, (up, heard))| {
                    Some(Link {
                        name: machine.links.name(link.0).to_owned(),
                        address: machine.links.address(id.0, link.0)?.to_string(),
                        up: *up,
                        heard_ms: heard.map(ms),
                    })
                })
                .collect(),
            attributes: known.map_or_else(BTreeMap::new, |known| {
                let all = known.attributes.clone().into_iter();
                all.filter(|(name, _)| !name.starts_with('#')).collect()
            }),
        };
        members.insert(name.clone(), member);
    }
    members
}

struct Teller<'a> {
    machine: &'a Machine,
    configuration: &'a Configuration,
    asked: &'a ClusterState,
    decision: &'a Decision,
    aftermath: &'a Aftermath,
    now_ms: u64,
}

impl Teller<'_> {
    fn item(&mut self, item: &Item) -> Resource {
        match item {
            Item::Primitive(primitive) => self.primitive(primitive),
            Item::Group(group) => {
                let members = group.members.iter().map(|one| self.primitive(one));
                let members = members.collect();
                self.made_of(&group.name, ResourceKind::Group, members)
            }
            Item::Clone(clone) => {
                let of = match &clone.of {
                    Cloned::Primitive(primitive) => self.primitive(primitive),
                    Cloned::Group(group) => {
                        let members = group.members.iter().map(|one| self.primitive(one));
                        let members = members.collect();
                        self.made_of(&group.name, ResourceKind::Group, members)
                    }
                };
                self.made_of(&clone.name, ResourceKind::Clone, vec![of])
            }
        }
    }

    fn made_of(&self, name: &str, kind: ResourceKind, members: Vec<Resource>) -> Resource {
        let worst = members.iter().map(|member| member.condition).max();
        Resource {
            name: name.to_owned(),
            kind,
            condition: worst.unwrap_or(Condition::Good),
            agent: None,
            instances: BTreeMap::new(),
            why: self.why(name),
            members,
        }
    }

    fn why(&self, name: &str) -> String {
        let explained = self.decision.explanation.resources.get(name);
        explained.map_or_else(String::new, |explained| explained.summary.clone())
    }

    fn primitive(&mut self, primitive: &Primitive) -> Resource {
        let name = &primitive.name;
        let mut instances = BTreeMap::new();
        let mut changed = false;
        let numbered = format!("{name}:");
        for (instance, nodes) in &self.asked.resources {
            if instance != name && !instance.starts_with(&numbered) {
                continue;
            }
            let wanted = self.decision.placement.get(instance);
            for (node, seen) in nodes {
                let wanted = wanted.and_then(|wanted| wanted.get(node)).copied();
                let wanted = wanted.unwrap_or_default();
                let pending = self.asked.pending.iter();
                let pending = pending
                    .filter(|one| one.resource == *instance && one.node == *node)
                    .map(|one| one.operation)
                    .next();
                let dull = seen.observed == Observed::Stopped
                    && seen.fail_count == 0
                    && wanted == Role::Stopped
                    && pending.is_none();
                if dull {
                    continue;
                }
                let place = (instance.clone(), node.clone());
                let replaced = self.asked.replaced.get(instance);
                let replaced = replaced.is_some_and(|nodes| nodes.contains(node));
                changed |= replaced;
                let (observed, said) = match (replaced, seen.observed) {
                    // It runs well, and as it should not any more.
                    (true, Observed::Failed { role }) => {
                        let runs = match role {
                            Role::Promoted => Observed::Promoted,
                            Role::Started | Role::Stopped => Observed::Started,
                        };
                        (runs, Some(EARLIER.to_owned()))
                    }
                    (_, Observed::Failed { role }) if self.aftermath.blocked.contains(&place) => {
                        (Observed::Blocked { role }, self.said(instance, node))
                    }
                    (_, observed) => (observed, self.said(instance, node)),
                };
                let told = Instance {
                    observed,
                    wanted,
                    pending,
                    failures: seen.fail_count,
                    failed_ms: (seen.fail_count > 0)
                        .then(|| self.now_ms.saturating_sub(seen.last_failure_ms)),
                    said,
                };
                let place = if instance == name {
                    node.clone()
                } else {
                    format!("{node} ({instance})")
                };
                instances.insert(place, told);
            }
        }
        let condition = self.condition(primitive, &instances);
        let condition = if changed && condition < Condition::Down {
            Condition::Changing
        } else {
            condition
        };
        Resource {
            name: name.clone(),
            kind: ResourceKind::Primitive,
            condition,
            agent: Some(agent(&primitive.agent)),
            instances,
            why: self.why(name),
            members: Vec::new(),
        }
    }

    fn said(&self, instance: &str, node: &str) -> Option<String> {
        let settings = self.machine.node.settings();
        let here = settings.name_of(settings.me) == node;
        self.machine
            .own
            .said
            .get(instance)
            .filter(|_| here)
            .cloned()
    }

    fn condition(&self, primitive: &Primitive, all: &BTreeMap<String, Instance>) -> Condition {
        let any = |test: &dyn Fn(&Instance) -> bool| all.values().any(test);
        if any(&|one| one.observed == Observed::StopFailed) {
            Condition::Stuck
        } else if any(&|one| {
            matches!(
                one.observed,
                Observed::Failed { .. } | Observed::Blocked { .. }
            )
        }) {
            Condition::Failed
        } else if any(&|one| one.pending.is_some() || one.observed.role() != one.wanted) {
            Condition::Changing
        } else if !any(&|one| one.observed.role() > Role::Stopped) {
            if self.is_disabled(primitive) {
                Condition::Disabled
            } else {
                Condition::Down
            }
        } else if any(&|one| one.failures > 0) {
            Condition::Scarred
        } else {
            Condition::Good
        }
    }

    /// Stopped because somebody wants it so.
    fn is_disabled(&self, primitive: &Primitive) -> bool {
        if self.asked.halted {
            return true;
        }
        let items = self.configuration.resources.iter();
        let mut around = items.filter(|item| {
            crate::configuration::members_of(item).any(|one| one.name == primitive.name)
        });
        let item = around.next();
        let asked = item
            .and_then(|item| self.asked.target_roles.get(item.name()))
            .or_else(|| self.asked.target_roles.get(&primitive.name));
        let options = match item {
            Some(Item::Group(group)) => Some(&group.options),
            Some(Item::Clone(clone)) => Some(&clone.options),
            _ => None,
        };
        let configured = primitive.options.target_role;
        let configured = configured.or_else(|| options.and_then(|options| options.target_role));
        let target = asked.copied().or(configured);
        target == Some(TargetRole::Stopped)
    }
}

fn agent(agent: &Agent) -> String {
    match agent {
        Agent::Address {
            address,
            prefix,
            interface,
        } => format!("address {address}/{prefix} on {interface}"),
        Agent::Systemd { unit } => unit.clone(),
        Agent::Lsb { script } => format!("lsb:{script}"),
        Agent::Ocf { provider, kind, .. } => format!("ocf:{provider}:{kind}"),
    }
}

/// The worst first.
pub(super) fn verdict(report: &Report) -> Verdict {
    let say = |health: Health, because: String| Verdict { health, because };
    let arbitration = &report.arbitration;
    if arbitration.voters_heard < arbitration.needed {
        return say(
            Health::Unknown,
            format!(
                "{} hears {} of {} voters and needs {}: it decides nothing",
                report.asked, arbitration.voters_heard, arbitration.voters, arbitration.needed
            ),
        );
    }
    if arbitration.coordinator.is_none() {
        return say(Health::Unknown, "nobody coordinates yet".to_owned());
    }
    if report.operators.maintenance {
        return say(
            Health::Degraded,
            "the cluster is in maintenance: nothing is mended (`clusterd maintenance --off`)"
                .to_owned(),
        );
    }
    let mut all = Vec::new();
    flatten(&report.resources, &mut all);
    if let Some(sentence) = ailing(&all, &report.asked) {
        return say(Health::Failed, sentence);
    }
    let mut parts = Vec::new();
    if let Some(halted) = &report.operators.halted {
        let since = crate::age::ago(halted.since_ms);
        parts.push(format!(
            "the cluster is stopped, as was asked at {} {since} (`clusterd start --cluster`)",
            halted.at
        ));
    }
    parts.extend(absent(report));
    let changing = all.iter();
    let changing = changing.filter(|one| one.condition == Condition::Changing);
    let changing: Vec<_> = changing.map(|one| one.name.as_str()).collect();
    if !changing.is_empty() {
        let names = changing.join(", ");
        parts.push(match changing.len() {
            1 => format!("{names} is on its way"),
            _ => format!("{names} are on their way"),
        });
    } else if let Some(loss) = report.survival.iter().find(|one| !one.survives) {
        let same = report.survival.iter();
        let same = same.filter(|one| !one.survives && one.because == loss.because);
        let names: Vec<_> = same.map(|one| one.losing.as_str()).collect();
        let names = names.join(" or ");
        parts.push(format!(
            "would not survive losing {names}: {}",
            loss.because
        ));
    }
    if !parts.is_empty() {
        return say(Health::Degraded, parts.join("; "));
    }
    if let Some(problem) = report.problems.first() {
        return say(Health::Degraded, problem.clone());
    }
    say(
        Health::Healthy,
        "all runs that should, and any one member may be lost".to_owned(),
    )
}

/// Who is not there, and how.
fn absent(report: &Report) -> Vec<String> {
    let members = report.members.iter();
    let absent = members.filter_map(|(name, member)| {
        Some(
            match member.standing {
                MemberStanding::Online | MemberStanding::Standby | MemberStanding::Maintenance => {
                    return None;
                }
                MemberStanding::Joining => format!("{name} is joining"),
                MemberStanding::Condemned => format!("{name} is to reset itself"),
                MemberStanding::Unclean => {
                    format!("{name} is lost, and not known yet to have stopped what it ran")
                }
                MemberStanding::Offline => format!("{name} is not there"),
            } + refused(report, name),
        )
    });
    absent.collect()
}

/// It is heard after all, as one whose packets cannot be used.
fn refused(report: &Report, name: &str) -> &'static str {
    let its = format!("{name} (");
    if report
        .problems
        .iter()
        .any(|problem| problem.starts_with(&its))
    {
        " (its packets are refused: see `Problems`)"
    } else {
        ""
    }
}

fn flatten<'a>(resources: &'a [Resource], all: &mut Vec<&'a Resource>) {
    for resource in resources {
        if resource.members.is_empty() {
            all.push(resource);
        }
        flatten(&resource.members, all);
    }
}
