//! Puts the parts together: differences, reactions, rolling order, refusals.

use crate::checks;
use crate::desired::{Desired, DesiredCluster, Known, Options, View};
use crate::fingerprint::fingerprint;
use crate::host_plan::{self, number_legs};
use crate::plan::{HostPlan, Note, Plan};
use crate::rolling;
use crate::standing::Standing;
use crate::{Refusal, RefusalKind};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::FORMAT;

/// The plan that brings every host from what it is to what it shall be.
///
/// `created` is the time at which the facts were taken; it is only shown.
pub fn plan(
    desired: &Desired,
    known: &BTreeMap<String, Known>,
    views: &BTreeMap<String, View>,
    options: &Options,
    created: Timestamp,
) -> Plan {
    let mut plan = Plan {
        api_version: FORMAT,
        environment: desired.environment.clone(),
        inventory: desired.inventory.clone(),
        tandem: desired.tandem.clone(),
        created,
        fingerprint: fingerprint(known, views),
        hosts: BTreeMap::new(),
        unchanged: Vec::new(),
        steps: Vec::new(),
        refusals: Vec::new(),
        notes: Vec::new(),
        impact: crate::Impact::default(),
        confirm_within_s: options.confirm_within_s,
    };
    let empty = View::new();
    let mut per_cluster = Vec::new();
    for cluster in &desired.clusters {
        let view = views.get(&cluster.name).unwrap_or(&empty);
        let steps = plan_cluster(cluster, known, view, options, &mut plan);
        per_cluster.push((cluster.name.clone(), steps));
    }
    (plan.steps, plan.impact) = rolling::number(per_cluster);
    plan
}

fn plan_cluster(
    cluster: &DesiredCluster,
    known: &BTreeMap<String, Known>,
    view: &View,
    options: &Options,
    plan: &mut Plan,
) -> Vec<rolling::Bare> {
    for loss in &cluster.without {
        note(
            plan,
            &cluster.name,
            format!("engine {} {loss}", cluster.engine),
        );
    }
    let (mut changed, busy) = plan_hosts(cluster, known, options, plan);
    if changed.is_empty() {
        return Vec::new();
    }
    plan.refusals.extend(busy);
    number_legs(&mut changed);
    let bare: BTreeSet<&str> = cluster
        .hosts
        .iter()
        .map(|host| host.host.as_str())
        .filter(|host| match known.get(*host) {
            Some(Known::Facts(facts)) => facts.generation.is_none(),
            _ => false,
        })
        .collect();
    let standing = Standing::of(cluster, view, &bare);
    for stray in &standing.strays {
        let text = "it runs what the cluster will run, and no cluster";
        note(plan, stray, text.to_owned());
    }
    for (refusals, notes) in [
        checks::split_phase(cluster, &changed, options),
        checks::redundancy(cluster, &standing, &changed, options),
    ] {
        plan.refusals.extend(refusals);
        for text in notes {
            note(plan, &cluster.name, text);
        }
    }
    if let Some(away) = &standing.out_of_reach {
        let text = "it does not answer, but its peers hear it, and none of them holds anything: \
                    it is taken for the one that serves";
        note(plan, away, text.to_owned());
    }
    let refs: BTreeMap<&str, &HostPlan> = changed
        .iter()
        .map(|host| (host.host.as_str(), host))
        .collect();
    let (steps, refusals) = rolling::steps(cluster, &standing, &refs, options.accept_outage);
    plan.refusals.extend(refusals);
    for host in changed {
        plan.hosts.insert(host.host.clone(), host);
    }
    steps
}

/// Hosts of a cluster that change, and why nobody should touch it at all: a
/// run that is open on a node that this one leaves out.
fn plan_hosts(
    cluster: &DesiredCluster,
    known: &BTreeMap<String, Known>,
    options: &Options,
    plan: &mut Plan,
) -> (Vec<HostPlan>, Vec<Refusal>) {
    let mut members: Vec<String> = cluster.hosts.iter().map(|host| host.host.clone()).collect();
    members.sort();
    let mut changed = Vec::new();
    let mut busy = Vec::new();
    for host in &cluster.hosts {
        let name = &host.host;
        let facts = match known.get(name) {
            Some(Known::Facts(facts)) => facts,
            Some(Known::Unreachable(why)) => {
                unreachable(plan, name, why, options);
                continue;
            }
            None => {
                unreachable(plan, name, "it was not asked", options);
                continue;
            }
        };
        let repeats = checks::rolled_back(host, facts, options).and_then(|(text, refusal)| {
            note(plan, name, text);
            refusal
        });
        let found = host_plan::find(cluster, host, facts, &members, options);
        if let Some(left_out) = left_out(name, options) {
            busy.extend(checks::locked(name, facts));
            if found.is_some() {
                note(plan, name, format!("differs, left out by {left_out}"));
            }
            continue;
        }
        plan.refusals.extend(repeats);
        plan.refusals.extend(checks::locked(name, facts));
        plan.refusals
            .extend(checks::host(cluster, host, facts, &members, options));
        match found {
            Some(found) => {
                plan.refusals.extend(found.refusals);
                changed.push(found.plan);
            }
            None => plan.unchanged.push(name.clone()),
        }
    }
    (changed, busy)
}

/// The option that leaves a host out, though it answers.
fn left_out(host: &str, options: &Options) -> Option<&'static str> {
    let limited = options.limit.as_ref();
    if limited.is_some_and(|limit| !limit.contains(host)) {
        Some("--limit")
    } else if options.without.contains(host) {
        Some("--without")
    } else {
        None
    }
}

fn unreachable(plan: &mut Plan, host: &str, why: &str, options: &Options) {
    match left_out(host, options) {
        Some("--without") => note(
            plan,
            host,
            format!("left out as down ({why}); it will be behind"),
        ),
        Some(_) => note(plan, host, format!("does not answer: {why}")),
        None => plan.refusals.push(Refusal {
            kind: RefusalKind::Unreachable,
            about: host.to_owned(),
            what: why.to_owned(),
            hint: format!("mend the way to it, or --without {host}"),
        }),
    }
}

fn note(plan: &mut Plan, about: &str, text: String) {
    plan.notes.push(Note {
        about: about.to_owned(),
        text,
    });
}
