//! A small world: clusters as they are and as they shall be, and what the
//! planner makes of both, in few words.

use crate::contents::{APACHE, HEARTBEAT, site};
use cluster_model::{ClusterStatus, NodeState, Redundancy};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tandem_generation::facts::{FileFact, Space, UnitFact};
use tandem_generation::manifest::Source;
use tandem_generation::{
    Cause, Command, Content, Digest, FORMAT, Facts, Generation, InstalledPackage, Record,
    UnitPolicy, UnitRun,
};
use tandem_plan::{
    Desired, DesiredCluster, DesiredHost, DesiredLeg, HostPlan, Known, LegPlan, Options, Plan,
    RefusalKind, StepKind, View,
};

/// Everything that goes into a plan.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) desired: Desired,
    pub(crate) known: BTreeMap<String, Known>,
    pub(crate) views: BTreeMap<String, View>,
    pub(crate) options: Options,
}

impl World {
    /// Two hosts with nothing of ours, and nothing serves.
    pub(crate) fn bare() -> Self {
        let mut world = Self {
            desired: Desired {
                environment: "dev".to_owned(),
                inventory: source("now"),
                tandem: "0.1.0".to_owned(),
                clusters: Vec::new(),
            },
            known: BTreeMap::new(),
            views: BTreeMap::new(),
            options: Options {
                confirm_within_s: 120,
                ..Options::default()
            },
        };
        world.add_cluster("web", &["zipi", "zape"]);
        world
    }

    /// A pair in generation 1 that is as it should be; `zipi` serves.
    pub(crate) fn pair() -> Self {
        let mut world = Self::bare();
        world.settle("web", "zipi");
        world
    }

    /// As [`World::pair`], with a third node.
    pub(crate) fn three() -> Self {
        let mut world = Self::bare();
        world.desired.clusters.clear();
        world.add_cluster("web", &["alfa", "zape", "zipi"]);
        world.settle("web", "zipi");
        world
    }

    /// One more cluster of bare hosts.
    pub(crate) fn add_cluster(&mut self, name: &str, hosts: &[&str]) {
        let mut view = View::new();
        let mut switchover = BTreeMap::new();
        let mut all = Vec::new();
        for host in hosts {
            let nodes = [((*host).to_owned(), NodeState::Offline)].into();
            view.insert(
                (*host).to_owned(),
                ClusterStatus {
                    nodes,
                    ..ClusterStatus::default()
                },
            );
            switchover.insert((*host).to_owned(), vec![command(&format!("give {host}"))]);
            all.push(DesiredHost {
                host: (*host).to_owned(),
                legs: vec![site()],
                base: vec!["apache2".to_owned()],
            });
            let facts = facts(host, None);
            self.known
                .insert((*host).to_owned(), Known::Facts(Box::new(facts)));
        }
        self.views.insert(name.to_owned(), view);
        self.desired.clusters.push(DesiredCluster {
            name: name.to_owned(),
            engine: "heartbeat".to_owned(),
            without: Vec::new(),
            switchover,
            switchover_seconds: 1.5,
            hold: None,
            hosts: all,
        });
    }

    /// Every host of a cluster becomes what is desired last, in generation 1.
    pub(crate) fn settle(&mut self, cluster: &str, holder: &str) {
        let index = self.index(cluster);
        let hosts = self.desired.clusters[index].hosts.clone();
        for host in &hosts {
            self.settle_host(cluster, &host.host, 1);
        }
        let names: Vec<&str> = hosts.iter().map(|host| host.host.as_str()).collect();
        self.views.insert(cluster.to_owned(), whole(&names, holder));
        self.starts(holder);
    }

    /// A host becomes what is desired last, in this generation.
    pub(crate) fn settle_host(&mut self, cluster: &str, host: &str, number: u64) {
        let content = self.leg(host).content.clone();
        let cluster = &self.desired.clusters[self.index(cluster)];
        let mut members: Vec<String> = cluster.hosts.iter().map(|host| host.host.clone()).collect();
        members.sort();
        let generation = Generation {
            cluster: Some(cluster.name.clone()),
            members,
            ..generation(host, number, content)
        };
        let facts = facts(host, Some(generation));
        self.known
            .insert(host.to_owned(), Known::Facts(Box::new(facts)));
    }

    fn starts(&mut self, holder: &str) {
        for unit in &mut self.facts(holder).units {
            if unit.unit == APACHE {
                "active".clone_into(&mut unit.active);
            }
        }
    }

    fn index(&self, cluster: &str) -> usize {
        let mut clusters = self.desired.clusters.iter();
        clusters
            .position(|other| other.name == cluster)
            .expect("a cluster of this world")
    }

    pub(crate) fn cluster(&mut self) -> &mut DesiredCluster {
        &mut self.desired.clusters[0]
    }

    pub(crate) fn view(&mut self) -> &mut View {
        let name = self.desired.clusters[0].name.clone();
        self.views.entry(name).or_default()
    }

    pub(crate) fn facts(&mut self, host: &str) -> &mut Facts {
        match self.known.get_mut(host) {
            Some(Known::Facts(facts)) => facts,
            other => panic!("{host} has no facts: {other:?}"),
        }
    }

    pub(crate) fn desired_host(&mut self, host: &str) -> &mut DesiredHost {
        let mut hosts = self
            .desired
            .clusters
            .iter_mut()
            .flat_map(|cluster| &mut cluster.hosts);
        hosts
            .find(|other| other.host == host)
            .expect("a host of this world")
    }

    /// What a host shall be in the end.
    pub(crate) fn leg(&mut self, host: &str) -> &mut DesiredLeg {
        let legs = &mut self.desired_host(host).legs;
        legs.last_mut().expect("hosts of this world have a leg")
    }

    /// Something else is desired on all hosts.
    pub(crate) fn want(&mut self, change: impl Fn(&mut DesiredLeg)) -> &mut Self {
        for cluster in &mut self.desired.clusters {
            for host in &mut cluster.hosts {
                change(host.legs.last_mut().expect("a leg"));
            }
        }
        self
    }

    /// All hosts go through these states.
    pub(crate) fn want_legs(&mut self, legs: &[DesiredLeg]) {
        for host in &mut self.cluster().hosts {
            host.legs = legs.to_vec();
        }
    }

    /// A host does not answer; `heard`: its peers hear it all the same.
    pub(crate) fn silence(&mut self, host: &str, heard: bool) {
        let why = "no route to host".to_owned();
        self.known.insert(host.to_owned(), Known::Unreachable(why));
        self.view().remove(host);
        if !heard {
            self.unheard(host);
        }
    }

    /// A host answers, but its engine does not run.
    pub(crate) fn break_engine(&mut self, host: &str) {
        let status = self.view().get_mut(host).expect("a node");
        *status = ClusterStatus {
            nodes: [(host.to_owned(), NodeState::Offline)].into(),
            ..ClusterStatus::default()
        };
        if let Known::Facts(facts) = &mut self.known.get_mut(host).expect("a host") {
            for unit in &mut facts.units {
                "inactive".clone_into(&mut unit.active);
            }
        }
        self.unheard(host);
    }

    fn unheard(&mut self, host: &str) {
        for (peer, status) in self.view().iter_mut() {
            if peer != host {
                status.nodes.insert(host.to_owned(), NodeState::Offline);
                if !matches!(status.redundancy, Redundancy::NoCluster) {
                    status.redundancy = Redundancy::Lost {
                        because: format!("{host} is not heard"),
                    };
                }
            }
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        tandem_plan::plan(
            &self.desired,
            &self.known,
            &self.views,
            &self.options,
            Timestamp::UNIX_EPOCH,
        )
    }
}

pub(crate) fn source(commit: &str) -> Source {
    Source {
        commit: Some(commit.to_owned()),
        dirty: false,
    }
}

pub(crate) fn command(name: &str) -> Command {
    Command {
        name: name.to_owned(),
        argv: vec!["/bin/true".to_owned()],
        timeout_ms: 1000,
    }
}

pub(crate) fn generation(host: &str, number: u64, content: Content) -> Generation {
    Generation {
        format: FORMAT,
        number,
        environment: "dev".to_owned(),
        host: host.to_owned(),
        cluster: Some("web".to_owned()),
        members: vec!["zape".to_owned(), "zipi".to_owned()],
        release: site().release,
        inventory: source("then"),
        tandem: "0.1.0".to_owned(),
        cause: Cause::Applied,
        content,
    }
}

pub(crate) fn record(generation: Generation) -> Record {
    let run = "20261120T104950Z-alice-3f2a".parse().expect("a run");
    Record::new(generation, None, run, Timestamp::UNIX_EPOCH)
}

/// Facts of a host that is exactly what its generation says.
pub(crate) fn facts(host: &str, generation: Option<Generation>) -> Facts {
    let content = generation
        .as_ref()
        .map(|generation| generation.content.clone())
        .unwrap_or_default();
    let units = if generation.is_some() {
        content.units.clone()
    } else {
        site().content.units
    };
    Facts {
        format: FORMAT,
        tandem: "0.1.0".to_owned(),
        hostname: host.to_owned(),
        boot: "one".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        os: "debian 12".to_owned(),
        arch: "x86_64".to_owned(),
        addresses: BTreeMap::new(),
        packages: content
            .packages
            .iter()
            .map(|package| InstalledPackage {
                id: package.id.clone(),
                header: Some(package.header.clone()),
            })
            .collect(),
        base: [("apache2".to_owned(), Some("2.4.62-1".to_owned()))].into(),
        next_number: generation.as_ref().map_or(1, |now| now.number + 2),
        records: generation.iter().cloned().map(record).collect(),
        files: Vec::new(),
        units: units
            .iter()
            .map(|policy| unit_fact(policy, generation.is_some()))
            .collect(),
        observed: Vec::new(),
        space: ["/", "/var/lib/tandem", "/var/lib/rpm"]
            .map(|path| Space {
                path: path.to_owned(),
                free_bytes: 1 << 33,
                total_bytes: 1 << 34,
            })
            .to_vec(),
        store: content
            .packages
            .iter()
            .map(|package| package.file.clone())
            .collect(),
        partial: BTreeMap::new(),
        lock: None,
        open: Vec::new(),
        recovery_failed: None,
        held: Vec::new(),
        retired: Vec::new(),
        generation,
    }
}

/// A unit as its policy says, or as a distribution leaves it.
fn unit_fact(policy: &UnitPolicy, ruled: bool) -> UnitFact {
    let (enabled, active) = if ruled {
        (
            policy.enabled == Some(true) && policy.run != UnitRun::Cluster,
            policy.run == UnitRun::Started,
        )
    } else {
        (false, false)
    };
    UnitFact {
        unit: policy.unit.clone(),
        enabled: if enabled { "enabled" } else { "disabled" }.to_owned(),
        active: if active { "active" } else { "inactive" }.to_owned(),
    }
}

/// A file of ours as somebody left it.
pub(crate) fn edited(path: &str, package: &str, owned: &str, text: Option<&str>) -> FileFact {
    FileFact {
        path: path.to_owned(),
        owned: Some(Digest::of(owned)),
        package: Some(package.to_owned()),
        actual: text.map(Digest::of),
        mode: text.map(|_| 0o644),
        owner: None,
        attributes_differ: false,
        content: text.map(str::to_owned),
    }
}

/// All nodes hear each other, and one holds everything.
pub(crate) fn whole(hosts: &[&str], holder: &str) -> View {
    let nodes: BTreeMap<String, NodeState> = hosts
        .iter()
        .map(|host| ((*host).to_owned(), NodeState::Online))
        .collect();
    hosts
        .iter()
        .map(|host| {
            let status = ClusterStatus {
                nodes: nodes.clone(),
                held_here: if *host == holder {
                    vec!["vip".to_owned(), APACHE.to_owned()]
                } else {
                    Vec::new()
                },
                links: BTreeMap::new(),
                redundancy: Redundancy::Real,
                in_transition: false,
            };
            ((*host).to_owned(), status)
        })
        .collect()
}

/// The steps in few words; `#2` is the leg, where it is not the first.
pub(crate) fn order(plan: &Plan) -> Vec<String> {
    let leg_of = |leg: &u32| match leg {
        1 => String::new(),
        leg => format!(" #{leg}"),
    };
    plan.steps
        .iter()
        .map(|step| match &step.kind {
            StepKind::Activate { hosts, leg } => {
                format!("activate {}{}", hosts.join(" "), leg_of(leg))
            }
            StepKind::Confirm { hosts, leg } => {
                format!("confirm {}{}", hosts.join(" "), leg_of(leg))
            }
            StepKind::Switchover { from, to, .. } => format!("move {from} > {to}"),
            StepKind::Hold { hosts, .. } => format!("hold {}", hosts.join(" ")),
            StepKind::Release { hosts, .. } => format!("release {}", hosts.join(" ")),
            StepKind::CheckCluster { hosts } => format!("check {}", hosts.join(" ")),
        })
        .collect()
}

/// The only leg of a host.
pub(crate) fn only<'p>(plan: &'p Plan, host: &str) -> &'p LegPlan {
    let host = plan.hosts.get(host).expect("the host changes");
    match host.legs.as_slice() {
        [leg] => leg,
        legs => panic!("{} has {} legs", host.host, legs.len()),
    }
}

pub(crate) fn host<'p>(plan: &'p Plan, host: &str) -> &'p HostPlan {
    plan.hosts.get(host).expect("the host changes")
}

/// Asserts that a plan is refused with this kind, about this, for a reason
/// that contains these words; and with a hint.
#[track_caller]
pub(crate) fn assert_refused(plan: &Plan, kind: RefusalKind, about: &str, words: &str) {
    let found = plan.refusals.iter().any(|refusal| {
        refusal.kind == kind
            && refusal.about == about
            && refusal.what.contains(words)
            && !refusal.hint.is_empty()
    });
    assert!(
        found,
        "no refusal {kind:?} about {about} with `{words}` in {:#?}",
        plan.refusals
    );
}

/// Asserts that nothing forbids applying a plan.
#[track_caller]
pub(crate) fn assert_allowed(plan: &Plan) {
    assert!(plan.refusals.is_empty(), "{:#?}", plan.refusals);
}

/// Asserts that a note about something contains these words.
#[track_caller]
pub(crate) fn assert_noted(plan: &Plan, about: &str, words: &str) {
    let found = plan
        .notes
        .iter()
        .any(|note| note.about == about && note.text.contains(words));
    assert!(
        found,
        "no note about {about} with `{words}` in {:#?}",
        plan.notes
    );
}

/// What units do around a leg, in few words.
pub(crate) fn verbs(actions: &[tandem_generation::Action]) -> Vec<String> {
    actions
        .iter()
        .filter_map(|action| match action {
            tandem_generation::Action::Unit { unit, verb, .. } => {
                Some(format!("{} {unit}", verb.systemctl()))
            }
            tandem_generation::Action::Initialise { name, .. } => {
                Some(format!("initialise {name}"))
            }
            _ => None,
        })
        .collect()
}

/// True when the engine's unit is among these.
pub(crate) fn restarts_engine(verbs: &[String]) -> bool {
    verbs
        .iter()
        .any(|verb| verb == &format!("restart {HEARTBEAT}"))
}
