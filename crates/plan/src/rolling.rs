//! The order of a cluster's change: who first, what moves, what stands still.

use crate::desired::{DesiredCluster, Hold};
use crate::plan::{HostPlan, Impact, Step, StepKind};
use crate::standing::Standing;
use crate::{Refusal, RefusalKind};
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Action, UnitVerb};

/// Predicted seconds without service while a cluster stands still.
const HOLD_SECONDS: f64 = 30.0;
/// Predicted seconds without a unit that restarts where it serves.
const RESTART_SECONDS: f64 = 5.0;

/// A step without a number: what, why, what it interrupts.
pub(crate) type Bare = (StepKind, String, Impact);

/// The steps for one cluster, and what forbids them.
pub(crate) fn steps(
    cluster: &DesiredCluster,
    standing: &Standing<'_>,
    hosts: &BTreeMap<&str, &HostPlan>,
    accept_outage: bool,
) -> (Vec<Bare>, Vec<Refusal>) {
    if hosts.is_empty() {
        return (Vec::new(), Vec::new());
    }
    if !standing.doubled.is_empty() {
        let refusal = Refusal {
            kind: RefusalKind::NotRedundant,
            about: cluster.name.clone(),
            what: format!(
                "{} both hold resources: the cluster is split",
                standing.doubled.join(" and ")
            ),
            hint: "heal the split first; a deployment would only add to it".to_owned(),
        };
        return (Vec::new(), vec![refusal]);
    }
    let mut roller = Roller {
        cluster,
        standing,
        hosts,
        accept_outage,
        holder: standing.holder.clone(),
        changed: BTreeSet::new(),
        steps: Vec::new(),
        refusals: Vec::new(),
    };
    let legs: BTreeSet<u32> = hosts
        .values()
        .flat_map(|host| host.legs.iter().map(|leg| leg.leg))
        .collect();
    let last = legs.last().copied();
    for leg in legs {
        roller.leg(leg);
        if Some(leg) == last {
            roller.check_all("the cluster is whole, and what it serves answers");
        } else if roller.holder.is_some() {
            roller.check_all("everybody still talks to everybody before the next phase");
        }
    }
    (roller.steps, roller.refusals)
}

/// A cluster on its way.
struct Roller<'a> {
    cluster: &'a DesiredCluster,
    standing: &'a Standing<'a>,
    hosts: &'a BTreeMap<&'a str, &'a HostPlan>,
    accept_outage: bool,
    /// Who holds the resources by now.
    holder: Option<String>,
    /// Nodes with at least one leg behind them.
    changed: BTreeSet<String>,
    steps: Vec<Bare>,
    refusals: Vec<Refusal>,
}

impl Roller<'_> {
    fn leg(&mut self, leg: u32) {
        let concerned: Vec<&HostPlan> = self
            .hosts
            .values()
            .copied()
            .filter(|host| host.legs.iter().any(|plan| plan.leg == leg))
            .collect();
        let names: Vec<String> = concerned.iter().map(|host| host.host.clone()).collect();
        let lives = self.holder.is_some() || self.standing.runs_somewhere();
        if let Some(hold) = self.cluster.hold.as_ref().filter(|_| lives) {
            self.hold(hold, &names, leg);
            return;
        }
        if let Some(holder) = self.holder.clone() {
            self.roll(&holder, &concerned, leg);
        } else if let Some(away) = &self.standing.out_of_reach {
            let why = format!("it holds nothing: {away} serves, out of reach");
            for name in &names {
                self.change(std::slice::from_ref(name), leg, &why);
            }
        } else if self.cluster.switchover.is_empty() {
            self.without_engine(&concerned, leg);
        } else {
            self.change(&names, leg, "nothing serves here");
        }
    }

    /// Everything stops, changes together, and starts together.
    fn hold(&mut self, hold: &Hold, names: &[String], leg: u32) {
        let serves = self.holder.is_some();
        if serves && !self.accept_outage {
            self.refusals.push(Refusal {
                kind: RefusalKind::NeedsConsent,
                about: self.cluster.name.clone(),
                what: format!("{}: everything must stop first", hold.because),
                hint: "--accept-outage accepts the interruption".to_owned(),
            });
        }
        let all: Vec<String> = self
            .standing
            .nodes()
            .chain(names)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        let outage = Impact {
            restarts: Vec::new(),
            moves: usize::from(serves),
            seconds: if serves { HOLD_SECONDS } else { 0.0 },
        };
        self.push(
            StepKind::Hold {
                hosts: all.clone(),
                hold: hold.clone(),
            },
            &hold.because,
            outage,
        );
        self.change(names, leg, "while the cluster stands still");
        self.push(
            StepKind::Release {
                hosts: all,
                hold: hold.clone(),
            },
            "every node has the same generation",
            Impact::default(),
        );
    }

    /// Nobody can tell who serves: what is bare changes together, then one host
    /// after the other.
    fn without_engine(&mut self, concerned: &[&HostPlan], leg: u32) {
        let (bare, living): (Vec<&HostPlan>, Vec<&HostPlan>) = concerned
            .iter()
            .copied()
            .partition(|host| host.from.is_none() && !self.changed.contains(&host.host));
        if !bare.is_empty() {
            let names: Vec<String> = bare.iter().map(|host| host.host.clone()).collect();
            self.change(&names, leg, "nothing serves here");
        }
        for host in living {
            // Any of them may serve: what restarts is told.
            let impact = Impact {
                restarts: restarted(host, leg),
                ..Impact::default()
            };
            self.change_with(
                std::slice::from_ref(&host.host),
                leg,
                "one host after the other: no engine tells which one serves",
                impact,
            );
        }
    }

    /// A broken node first: the rest follows if it heals. Then those that hold
    /// nothing. The holder last, with its resources elsewhere if it must be
    /// disturbed.
    fn roll(&mut self, holder: &str, concerned: &[&HostPlan], leg: u32) {
        let (mine, others): (Vec<&HostPlan>, Vec<&HostPlan>) = concerned
            .iter()
            .copied()
            .partition(|host| host.host == holder);
        let (sound, broken): (Vec<&HostPlan>, Vec<&HostPlan>) = others
            .into_iter()
            .partition(|host| self.is_sound(&host.host));
        let mut checked: BTreeSet<String> = [holder.to_owned()].into();
        for host in &broken {
            let name = std::slice::from_ref(&host.host);
            self.change(name, leg, "it is broken: it may heal");
            checked.insert(host.host.clone());
        }
        if !broken.is_empty() && !sound.is_empty() {
            self.check(checked.clone(), "the rest follows only if it healed");
        }
        for host in &sound {
            let name = std::slice::from_ref(&host.host);
            self.change(name, leg, "it holds nothing");
            checked.insert(host.host.clone());
        }
        let Some(mine) = mine.first() else {
            return;
        };
        let (disturbs, in_place) = mine
            .legs
            .iter()
            .find(|plan| plan.leg == leg)
            .map(|plan| (plan.disturbs.clone(), plan.in_place.clone()))
            .unwrap_or_default();
        let peer = self.peer_of(holder);
        checked.extend(peer.clone());
        if checked.len() > 1 {
            let names: Vec<&str> = checked
                .iter()
                .map(String::as_str)
                .filter(|name| *name != holder)
                .collect();
            let why = format!("{} must be good before {holder} changes", names.join(", "));
            self.check(checked, &why);
        }
        let name = [holder.to_owned()];
        if disturbs.is_empty() && in_place.is_empty() {
            self.change(&name, leg, "nothing that serves restarts");
            return;
        }
        if disturbs.is_empty() {
            let why = format!("only {} restarts, where it serves", in_place.join(", "));
            let impact = Impact {
                restarts: in_place,
                moves: 0,
                seconds: RESTART_SECONDS,
            };
            self.change_with(&name, leg, &why, impact);
            return;
        }
        let give = self.cluster.switchover.get(holder);
        match (peer, give) {
            // Only a node whose engine runs can hand over in good order.
            (Some(peer), Some(give)) if !give.is_empty() && self.runs(holder) => {
                self.switch(holder, &peer, give.clone(), &disturbs);
                self.change(&name, leg, "it holds nothing any more");
            }
            _ => self.interrupt(holder, leg, disturbs),
        }
    }

    fn switch(
        &mut self,
        holder: &str,
        peer: &str,
        give: Vec<tandem_generation::Command>,
        disturbs: &[String],
    ) {
        let give_back = self.cluster.switchover.get(peer);
        self.push(
            StepKind::Switchover {
                from: holder.to_owned(),
                to: peer.to_owned(),
                give,
                give_back: give_back.cloned().unwrap_or_default(),
            },
            &format!("{} restarts on {holder}", disturbs.join(", ")),
            Impact {
                restarts: Vec::new(),
                moves: 1,
                seconds: self.cluster.switchover_seconds,
            },
        );
        self.holder = Some(peer.to_owned());
        // Before anything else changes: a release that does not serve goes back
        // at once, to a node that still has the old one.
        let both = [holder.to_owned(), peer.to_owned()].into();
        self.check(both, &format!("what {peer} serves now must answer"));
    }

    fn interrupt(&mut self, holder: &str, leg: u32, disturbs: Vec<String>) {
        if !self.accept_outage {
            self.refusals.push(Refusal {
                kind: RefusalKind::NotRedundant,
                about: self.cluster.name.clone(),
                what: format!(
                    "{holder} holds the resources, {} must restart, and no other node can take over",
                    disturbs.join(", ")
                ),
                hint: "mend the other node first, or --accept-outage".to_owned(),
            });
        }
        let impact = Impact {
            restarts: disturbs,
            moves: 0,
            seconds: self.cluster.switchover_seconds,
        };
        self.change_with(
            &[holder.to_owned()],
            leg,
            "no other node can take over: its resources restart",
            impact,
        );
    }

    /// In good standing, from the beginning or because it was changed and
    /// checked since.
    fn is_sound(&self, node: &str) -> bool {
        self.standing.is_sound(node) || self.changed.contains(node)
    }

    fn runs(&self, node: &str) -> bool {
        self.standing.runs(node) || self.changed.contains(node)
    }

    /// The first node in the inventory's order that can take over, those
    /// before others that were never broken.
    fn peer_of(&self, holder: &str) -> Option<String> {
        let candidates = || {
            self.cluster
                .hosts
                .iter()
                .map(|host| &host.host)
                .filter(|host| *host != holder && !self.standing.stands_by(host))
        };
        candidates()
            .find(|host| self.standing.is_sound(host))
            .or_else(|| candidates().find(|host| self.changed.contains(*host)))
            .cloned()
    }

    fn check_all(&mut self, why: &str) {
        if self.holder.is_none() && self.standing.out_of_reach.is_some() {
            // Who serves cannot be asked, and nobody else must hold anything.
            return;
        }
        let mut hosts: BTreeSet<String> = self
            .standing
            .nodes()
            .filter(|node| self.is_sound(node))
            .cloned()
            .collect();
        hosts.extend(self.changed.iter().cloned());
        hosts.extend(self.holder.clone());
        self.check(hosts, why);
    }

    /// A check, unless the step before is the same one.
    fn check(&mut self, hosts: BTreeSet<String>, why: &str) {
        let kind = StepKind::CheckCluster {
            hosts: hosts.into_iter().collect(),
        };
        if self.steps.last().is_none_or(|(last, _, _)| *last != kind) {
            self.push(kind, why, Impact::default());
        }
    }

    fn change(&mut self, hosts: &[String], leg: u32, why: &str) {
        self.change_with(hosts, leg, why, Impact::default());
    }

    fn change_with(&mut self, hosts: &[String], leg: u32, why: &str, impact: Impact) {
        let hosts = hosts.to_vec();
        self.changed.extend(hosts.iter().cloned());
        let activate = StepKind::Activate {
            hosts: hosts.clone(),
            leg,
        };
        self.push(activate, why, impact);
        self.push(
            StepKind::Confirm { hosts, leg },
            "come back on a new connection, check, stop the dead man",
            Impact::default(),
        );
    }

    fn push(&mut self, kind: StepKind, why: &str, impact: Impact) {
        self.steps.push((kind, why.to_owned(), impact));
    }
}

/// Units that a leg restarts, once each.
fn restarted(host: &HostPlan, leg: u32) -> Vec<String> {
    let actions = host.legs.iter().filter(|plan| plan.leg == leg);
    let units: BTreeSet<&str> = actions
        .flat_map(|plan| &plan.after)
        .filter_map(|action| match action {
            Action::Unit {
                unit,
                verb: UnitVerb::Restart | UnitVerb::TryRestart,
                ..
            } => Some(unit.as_str()),
            _ => None,
        })
        .collect();
    units.into_iter().map(str::to_owned).collect()
}

/// Numbers the steps of all clusters.
pub(crate) fn number(per_cluster: Vec<(String, Vec<Bare>)>) -> (Vec<Step>, Impact) {
    let mut all = Vec::new();
    let mut total = Impact::default();
    for (cluster, steps) in per_cluster {
        for (kind, why, impact) in steps {
            total.add(&impact);
            all.push(Step {
                number: all.len() + 1,
                cluster: cluster.clone(),
                kind,
                why,
                impact,
            });
        }
    }
    (all, total)
}
