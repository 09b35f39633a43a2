//! Puts the parts together: differences, reactions, rolling order, refusals.

use crate::change::{Before, Change, compare};
use crate::desired::{Desired, DesiredCluster, DesiredHost, Known, Options, View, probe_name};
use crate::fingerprint::fingerprint;
use crate::plan::{HostPlan, LegPlan, Note, Plan};
use crate::reaction::reaction;
use crate::rolling;
use crate::{Refusal, RefusalKind};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tandem_generation::{Action, Cause, FORMAT, Facts, LegState};

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
    let members: Vec<String> = cluster.hosts.iter().map(|host| host.host.clone()).collect();
    for loss in &cluster.without {
        note(
            plan,
            &cluster.name,
            format!("engine {} {loss}", cluster.engine),
        );
    }
    let wanted = |host: &str| {
        options
            .limit
            .as_ref()
            .is_none_or(|limit| limit.contains(host))
    };
    let mut changed: Vec<HostPlan> = Vec::new();
    for host in &cluster.hosts {
        match known.get(&host.host) {
            Some(Known::Facts(facts)) => {
                check_host(host, facts, &members, options, wanted(&host.host), plan);
                match plan_host(cluster, host, facts, &members, options, plan) {
                    Some(found) if wanted(&host.host) => changed.push(found),
                    Some(_) => note(plan, &host.host, "differs, left out by --limit".to_owned()),
                    None => plan.unchanged.push(host.host.clone()),
                }
            }
            Some(Known::Unreachable(why)) => unreachable(plan, &host.host, why, options),
            None => unreachable(plan, &host.host, "it was not asked", options),
        }
    }
    if changed.is_empty() {
        return Vec::new();
    }
    refuse_split_phase(cluster, &changed, options, plan);
    refuse_without_redundancy(cluster, &changed, view, options, plan);
    let refs: BTreeMap<&str, &HostPlan> = changed
        .iter()
        .map(|host| (host.host.as_str(), host))
        .collect();
    let (steps, refusals) = rolling::steps(cluster, view, &refs, options.accept_outage);
    plan.refusals.extend(refusals);
    for host in changed {
        plan.hosts.insert(host.host.clone(), host);
    }
    steps
}

fn plan_host(
    cluster: &DesiredCluster,
    host: &DesiredHost,
    facts: &Facts,
    members: &[String],
    options: &Options,
    plan: &mut Plan,
) -> Option<HostPlan> {
    let current = facts.generation.as_ref();
    let last = host.legs.last()?;
    explain_rollback(host, facts, options, plan);
    let now = Before {
        content: current
            .map(|generation| generation.content.clone())
            .unwrap_or_default(),
        texts: BTreeMap::new(),
        facts: Some(facts),
    };
    if compare(&now, last).is_empty()
        && uninitialised(now.facts, last).is_empty()
        && current.is_some_and(|generation| generation.members == *members)
    {
        return None;
    }
    let mut legs: Vec<LegPlan> = Vec::new();
    let mut before = now;
    let mut drift = Vec::new();
    let mut number = facts.next_number;
    for (index, leg) in host.legs.iter().enumerate() {
        let change = compare(&before, leg);
        if change.is_empty() && index + 1 < host.legs.len() {
            continue;
        }
        if index == 0 {
            drift.clone_from(&change.drift);
        }
        let leg_number = u32::try_from(legs.len() + 1).unwrap_or(u32::MAX);
        legs.push(leg_plan(leg_number, number, &before, leg, change));
        number += 2;
        before = Before {
            content: leg.content.clone(),
            texts: leg.texts.clone(),
            facts: None,
        };
    }
    for leg in &legs {
        check_way_back(host, facts, leg, plan);
        if !leg.irreversible.is_empty() && !options.accept_irreversible {
            plan.refusals.push(Refusal {
                kind: RefusalKind::NeedsConsent,
                about: host.host.clone(),
                what: format!("cannot be undone: {}", leg.irreversible.join("; ")),
                hint: "--accept-irreversible accepts it".to_owned(),
            });
        }
    }
    Some(HostPlan {
        host: host.host.clone(),
        cluster: cluster.name.clone(),
        members: members.to_vec(),
        from: current.cloned(),
        legs,
        drift,
    })
}

fn leg_plan(
    leg: u32,
    number: u64,
    before: &Before<'_>,
    desired: &crate::DesiredLeg,
    change: Change,
) -> LegPlan {
    let from = &before.content;
    let forward = reaction(from, &desired.content, &change.drift);
    let undo = reaction(&desired.content, from, &[]);
    let missing = uninitialised(before.facts, desired);
    let mut after = forward.after;
    after.extend(missing.iter().map(|(_, action)| (*action).clone()));
    LegPlan {
        leg,
        title: desired.title.clone(),
        generation: number,
        undo_generation: number + 1,
        release: desired.release.clone(),
        rollback: desired.rollback.clone(),
        content: desired.content.clone(),
        packages: change.packages,
        files: change.files,
        units: change.units,
        install: change.install,
        erase: change.erase,
        unedit: change.unedit,
        release_units: change.release_units,
        before: forward.before,
        after,
        undo_before: undo.before,
        undo_after: undo.after,
        disturbs: forward.disturbs,
        irreversible: missing
            .iter()
            .map(|(name, _)| format!("initialise {name}"))
            .collect(),
    }
}

/// What must be initialised, by name. Without facts of their own (a later leg)
/// the first leg has done it.
fn uninitialised<'d>(
    facts: Option<&Facts>,
    desired: &'d crate::DesiredLeg,
) -> Vec<(&'d str, &'d Action)> {
    let Some(facts) = facts else {
        return Vec::new();
    };
    desired
        .initialisers
        .iter()
        .filter_map(|action| match action {
            Action::Initialise { name, .. } => Some((name.as_str(), action)),
            _ => None,
        })
        .filter(|(name, _)| {
            let probe = probe_name(name);
            let answer = facts.observed.iter().find(|result| result.name == probe);
            answer.is_none_or(|result| result.exit != Some(0))
        })
        .collect()
}

/// Says that a host was rolled back, and refuses to repeat what failed.
fn explain_rollback(host: &DesiredHost, facts: &Facts, options: &Options, plan: &mut Plan) {
    let Some(generation) = &facts.generation else {
        return;
    };
    let Cause::RolledBack {
        of,
        content,
        because,
    } = &generation.cause
    else {
        return;
    };
    note(
        plan,
        &host.host,
        format!(
            "rolled back in generation {}, from generation {of}, because {because}",
            generation.number
        ),
    );
    let repeats = host
        .legs
        .last()
        .is_some_and(|leg| leg.content.identity() == *content);
    if repeats && !options.again {
        plan.refusals.push(Refusal {
            kind: RefusalKind::NeedsConsent,
            about: host.host.clone(),
            what: format!(
                "this is what generation {of} was, and it was rolled back because {because}"
            ),
            hint: "--again applies it once more".to_owned(),
        });
    }
}

fn check_host(
    host: &DesiredHost,
    facts: &Facts,
    members: &[String],
    options: &Options,
    wanted: bool,
    plan: &mut Plan,
) {
    let mut refuse = |kind, what: String, hint: String| {
        if wanted {
            plan.refusals.push(Refusal {
                kind,
                about: host.host.clone(),
                what,
                hint,
            });
        }
    };
    if let Some(lock) = &facts.lock {
        refuse(
            RefusalKind::Locked,
            format!(
                "locked by {} since {} for run {}",
                lock.owner, lock.since, lock.run
            ),
            format!("`tandem resume {0}` or `tandem abort {0}`", lock.run),
        );
    } else if let Some(open) = facts
        .open
        .iter()
        .find(|open| open.state != LegState::Undone)
    {
        refuse(
            RefusalKind::Locked,
            format!(
                "run {} of {} was left {:?}",
                open.run, open.operator, open.state
            ),
            format!("`tandem resume {0}` or `tandem abort {0}`", open.run),
        );
    }
    if let Some(why) = &facts.recovery_failed {
        refuse(
            RefusalKind::NotReady,
            format!("the last recovery failed: {why}"),
            "look at `journalctl -u tandem-recover`, mend, then `systemctl restart tandem-recover`"
                .to_owned(),
        );
    }
    let missing: Vec<&str> = host
        .base
        .iter()
        .filter(|name| facts.base.get(*name).is_none_or(Option::is_none))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        refuse(
            RefusalKind::NotReady,
            format!("distribution packages are missing: {}", missing.join(", ")),
            "`tandem prepare` installs them".to_owned(),
        );
    }
    if let Some(generation) = &facts.generation {
        for orphan in generation
            .members
            .iter()
            .filter(|member| !members.contains(member))
        {
            if !options.without.contains(orphan) && !facts.retired.contains(orphan) {
                refuse(
                    RefusalKind::NotReady,
                    format!(
                        "{orphan} was a member and is no longer in the inventory: it is orphaned"
                    ),
                    format!("`tandem retire {orphan}`, or put it back"),
                );
            }
        }
    }
}

/// The way back must be on the host before the way forth begins.
fn check_way_back(host: &DesiredHost, facts: &Facts, leg: &LegPlan, plan: &mut Plan) {
    let Some(from) = &facts.generation else {
        return;
    };
    if leg.leg != 1 {
        return;
    }
    let missing: Vec<String> = from
        .content
        .packages
        .iter()
        .filter(|package| {
            let changes = leg.content.package(&package.id.name) != Some(*package);
            changes && !facts.store.contains(&package.file)
        })
        .map(|package| package.id.to_string())
        .collect();
    if !missing.is_empty() {
        plan.refusals.push(Refusal {
            kind: RefusalKind::NotReady,
            about: host.host.clone(),
            what: format!("no way back: {} left the host's store", missing.join(", ")),
            hint: format!(
                "put them back under {}/store from the release directory that they came from",
                tandem_generation::place::STATE
            ),
        });
    }
    let needed: u64 = leg
        .install
        .iter()
        .filter(|package| !facts.store.contains(&package.file))
        .map(|package| package.size)
        .sum();
    for space in &facts.space {
        // Payload unpacked, payload kept, and the copy of rpm's database.
        let wanted = needed * 4 + 32 * 1024 * 1024;
        if space.free_bytes < wanted {
            plan.refusals.push(Refusal {
                kind: RefusalKind::NotReady,
                about: host.host.clone(),
                what: format!(
                    "{} has {} MiB free, {} MiB are wanted",
                    space.path,
                    space.free_bytes / 1_048_576,
                    wanted / 1_048_576
                ),
                hint: "`tandem prune` forgets old generations, or make room".to_owned(),
            });
        }
    }
}

fn unreachable(plan: &mut Plan, host: &str, why: &str, options: &Options) {
    if options.without.contains(host) {
        note(
            plan,
            host,
            format!("left out as down ({why}); it will be behind"),
        );
        return;
    }
    if options
        .limit
        .as_ref()
        .is_some_and(|limit| !limit.contains(host))
    {
        note(plan, host, format!("does not answer: {why}"));
        return;
    }
    plan.refusals.push(Refusal {
        kind: RefusalKind::Unreachable,
        about: host.to_owned(),
        what: why.to_owned(),
        hint: format!("mend the way to it, or --without {host}"),
    });
}

fn refuse_split_phase(
    cluster: &DesiredCluster,
    changed: &[HostPlan],
    options: &Options,
    plan: &mut Plan,
) {
    let phased = cluster.hold.is_some() || changed.iter().any(|host| host.legs.len() > 1);
    let split = options
        .limit
        .as_ref()
        .is_some_and(|limit| cluster.hosts.iter().any(|host| !limit.contains(&host.host)));
    if phased && split {
        plan.refusals.push(Refusal {
            kind: RefusalKind::NotReady,
            about: cluster.name.clone(),
            what: "a cluster-scoped value changes, and --limit would split the cluster".to_owned(),
            hint: "name all of its nodes, or none".to_owned(),
        });
    }
}

fn refuse_without_redundancy(
    cluster: &DesiredCluster,
    changed: &[HostPlan],
    view: &View,
    options: &Options,
    plan: &mut Plan,
) {
    let standing = rolling::standing(view);
    let heals = changed
        .iter()
        .any(|host| !standing.serving.contains(&host.host));
    if standing.holder.is_none() || standing.lost.is_empty() || heals || options.accept_outage {
        return;
    }
    if !options.without.is_empty() {
        note(
            plan,
            &cluster.name,
            format!("not redundant: {}", standing.lost.join("; ")),
        );
        return;
    }
    plan.refusals.push(Refusal {
        kind: RefusalKind::NotRedundant,
        about: cluster.name.clone(),
        what: standing.lost.join("; "),
        hint: "mend it first, or --accept-outage".to_owned(),
    });
}

fn note(plan: &mut Plan, about: &str, text: String) {
    plan.notes.push(Note {
        about: about.to_owned(),
        text,
    });
}
