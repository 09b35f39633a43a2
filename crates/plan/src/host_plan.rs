//! What changes on one host: its legs, from what it is to what it shall be.

use crate::change::{Before, Change, compare};
use crate::checks;
use crate::desired::{DesiredCluster, DesiredHost, DesiredLeg, Options, probe_name};
use crate::plan::{HostPlan, LegPlan};
use crate::reaction::{Around, reaction};
use crate::{Refusal, RefusalKind};
use std::collections::BTreeSet;
use tandem_generation::{Action, Content, Facts};

/// What changes on a host, and what forbids it.
pub(crate) struct Found {
    /// Numbers of its legs are those of the cluster's phases until
    /// [`number_legs`] counts them.
    pub(crate) plan: HostPlan,
    pub(crate) refusals: Vec<Refusal>,
}

/// Compares a host with what is desired; `None`: it is as it should be.
pub(crate) fn find(
    cluster: &DesiredCluster,
    host: &DesiredHost,
    facts: &Facts,
    members: &[String],
    options: &Options,
) -> Option<Found> {
    let current = facts.generation.as_ref();
    let last = host.legs.last()?;
    let now = Before {
        content: current
            .map(|generation| generation.content.clone())
            .unwrap_or_default(),
        texts: std::collections::BTreeMap::new(),
        facts: Some(facts),
    };
    let same_members = current.is_some_and(|generation| {
        let mut known = generation.members.clone();
        known.sort();
        known == *members
    });
    if same_members && compare(&now, last).is_empty() && uninitialised(now.facts, last).is_empty() {
        return None;
    }
    // Where everything stops there is nobody to keep talking to.
    let wanted = if cluster.hold.is_some() {
        std::slice::from_ref(last)
    } else {
        &host.legs[..]
    };
    let mut refusals = Vec::new();
    let mut legs: Vec<LegPlan> = Vec::new();
    let mut before = now;
    let mut drift = Vec::new();
    let mut number = next_number(facts);
    for (index, leg) in wanted.iter().enumerate() {
        let to_come = wanted.len() - 1 - index;
        let change = compare(&before, leg);
        if change.is_empty() && to_come > 0 {
            continue;
        }
        if legs.is_empty() {
            drift.clone_from(&change.drift);
        }
        refusals.extend(change.missing.iter().map(|path| Refusal {
            kind: RefusalKind::NotReady,
            about: host.host.clone(),
            what: format!("{path} shall get settings, and it is not there"),
            hint: "bring it back from the package that owns it".to_owned(),
        }));
        // Counted from the end: the last state is the same for all nodes, and
        // some have a part of the way behind them.
        let phase = u32::MAX - u32::try_from(to_come).unwrap_or(u32::MAX);
        let content = kept_files(&leg.content, &before.content, facts);
        let plan = leg_plan(phase, number, &before, leg, content, change);
        before = Before {
            content: plan.content.clone(),
            texts: leg.texts.clone(),
            facts: None,
        };
        legs.push(plan);
        if let Some(next) = number.checked_add(2) {
            number = next;
        } else {
            refusals.push(Refusal {
                kind: RefusalKind::NotReady,
                about: host.host.clone(),
                what: format!("there is no number after generation {number}"),
                hint: "`tandem retire` the host and bring it up again".to_owned(),
            });
        }
    }
    refusals.extend(checks::legs(&host.host, facts, &legs, options));
    Some(Found {
        plan: HostPlan {
            host: host.host.clone(),
            cluster: cluster.name.clone(),
            members: members.to_vec(),
            from: current.cloned(),
            legs,
            drift,
        },
        refusals,
    })
}

/// Counts the legs of a cluster from 1. The same number is the same phase on
/// every host: no node does one before all have done those before it.
pub(crate) fn number_legs(hosts: &mut [HostPlan]) {
    let phases: BTreeSet<u32> = hosts
        .iter()
        .flat_map(|host| host.legs.iter().map(|leg| leg.leg))
        .collect();
    for leg in hosts.iter_mut().flat_map(|host| &mut host.legs) {
        let place = phases.iter().take_while(|phase| **phase <= leg.leg).count();
        leg.leg = u32::try_from(place).unwrap_or(u32::MAX);
    }
}

/// The next number that was never used, with one left for the way back.
fn next_number(facts: &Facts) -> u64 {
    let seen = facts
        .records
        .iter()
        .map(|record| record.generation.number)
        .chain(facts.generation.iter().map(|generation| generation.number))
        .max();
    let after = seen.map_or(1, |number| number.saturating_add(1));
    facts.next_number.max(after).min(u64::MAX - 1)
}

/// The wanted content with the files that the host has: a package that was
/// signed again is the same one, and the store knows it by its file.
fn kept_files(wanted: &Content, before: &Content, facts: &Facts) -> Content {
    let mut content = wanted.clone();
    for package in &mut content.packages {
        let there = before
            .package(&package.id.name)
            .filter(|there| there.id == package.id && there.header == package.header);
        if let Some(there) = there
            && facts.store.contains(&there.file)
        {
            package.file.clone_from(&there.file);
            package.size = there.size;
        }
    }
    content
}

fn leg_plan(
    phase: u32,
    number: u64,
    before: &Before<'_>,
    desired: &DesiredLeg,
    content: Content,
    change: Change,
) -> LegPlan {
    let from = &before.content;
    // The content's own words for what is installed: with the host's files.
    let install: Vec<_> = change
        .install
        .iter()
        .filter_map(|package| content.package(&package.id.name))
        .cloned()
        .collect();
    let running = before.facts.map(|facts| {
        facts
            .units
            .iter()
            .filter(|unit| unit.active != "inactive" && unit.active != "failed")
            .map(|unit| unit.unit.as_str())
            .collect()
    });
    let forth = Around {
        touched: &change.drift,
        installed: &install,
        running,
    };
    let forward = reaction(from, &content, &forth);
    let undo = reaction(&content, from, &Around::default());
    let missing = uninitialised(before.facts, desired);
    let mut after = forward.after;
    after.extend(missing.iter().map(|one| one.action.clone()));
    LegPlan {
        leg: phase,
        title: desired.title.clone(),
        generation: number,
        undo_generation: number.saturating_add(1),
        release: desired.release.clone(),
        inventory: desired.inventory.clone(),
        rollback: desired.rollback.clone(),
        packages: change.packages,
        files: change.files,
        units: change.units,
        install,
        erase: change.erase,
        unedit: change.unedit,
        release_units: change.release_units,
        before: forward.before,
        after,
        undo_before: undo.before,
        undo_after: undo.after,
        disturbs: forward.disturbs,
        in_place: forward.in_place,
        irreversible: missing.iter().map(Missing::described).collect(),
        content,
    }
}

/// What must be initialised.
struct Missing<'d> {
    name: &'d str,
    action: &'d Action,
    /// What its probe found instead, one line each; the plan shows it.
    found: String,
}

impl Missing<'_> {
    /// A probe that talks much is cut off here.
    const FOUND_MAX_CHARS: usize = 200;

    fn described(&self) -> String {
        let found: Vec<&str> = self.found.lines().map(str::trim).collect();
        let found: String = found
            .join(", ")
            .chars()
            .take(Self::FOUND_MAX_CHARS)
            .collect();
        if found.is_empty() {
            format!("initialise {}", self.name)
        } else {
            format!("initialise {} ({found})", self.name)
        }
    }
}

/// What must be initialised. Without facts of their own (a later leg) the first
/// leg has done it.
fn uninitialised<'d>(facts: Option<&Facts>, desired: &'d DesiredLeg) -> Vec<Missing<'d>> {
    let Some(facts) = facts else {
        return Vec::new();
    };
    desired
        .initialisers
        .iter()
        .filter_map(|action| {
            let Action::Initialise { name, .. } = action else {
                return None;
            };
            let probe = probe_name(name);
            let answer = facts.observed.iter().find(|result| result.name == probe);
            let is_there = answer.is_some_and(|result| result.exit == Some(0));
            (!is_there).then(|| Missing {
                name,
                action,
                found: answer.map_or_else(String::new, |result| result.stdout.trim().to_owned()),
            })
        })
        .collect()
}
