//! What forbids a change: of a host by itself, and of a cluster as a whole.

use crate::desired::{DesiredCluster, DesiredHost, Options};
use crate::plan::{HostPlan, LegPlan};
use crate::standing::Standing;
use crate::{Refusal, RefusalKind};
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Cause, Facts, LegState, place};

fn refusal(kind: RefusalKind, about: &str, what: String, hint: impl Into<String>) -> Refusal {
    Refusal {
        kind,
        about: about.to_owned(),
        what,
        hint: hint.into(),
    }
}

/// Somebody is at work on a host, or was and left it open.
pub(crate) fn locked(host: &str, facts: &Facts) -> Option<Refusal> {
    let (run, what) = if let Some(lock) = &facts.lock {
        let (owner, since, run) = (&lock.owner, lock.since, &lock.run);
        (
            run,
            format!("locked by {owner} since {since} for run {run}"),
        )
    } else {
        // A leg that went back is at rest; its run is closed with the next one.
        let open = facts
            .open
            .iter()
            .find(|open| !matches!(open.state, LegState::Undone | LegState::Finished))?;
        let (run, operator) = (&open.run, &open.operator);
        let words = match open.state {
            LegState::Staged => "is staged and was not activated",
            LegState::Activating => "is being activated, or was interrupted",
            LegState::AwaitingConfirm => "waits to be confirmed",
            LegState::Confirmed => "was confirmed and not finished",
            LegState::Undoing => "is going back",
            LegState::UndoFailed => "could not go back",
            LegState::Undone | LegState::Finished => return None,
        };
        (run, format!("run {run} of {operator} {words}"))
    };
    let hint = format!(
        "let it end; if nobody is at it any more, `tandem resume {run} -i INV` or `tandem abort {run} -i INV`"
    );
    Some(refusal(RefusalKind::Locked, host, what, hint))
}

/// What must be put right on a host before anything else.
pub(crate) fn host(
    cluster: &DesiredCluster,
    host: &DesiredHost,
    facts: &Facts,
    members: &[String],
    options: &Options,
) -> Vec<Refusal> {
    let name = host.host.as_str();
    let mut refusals = Vec::new();
    let mut not_ready = |what: String, hint: String| {
        refusals.push(refusal(RefusalKind::NotReady, name, what, hint));
    };
    if let Some(why) = &facts.recovery_failed {
        not_ready(
            format!("the last recovery failed: {why}"),
            "look at `journalctl -u tandem-recover`, mend, then `systemctl restart tandem-recover`"
                .to_owned(),
        );
    }
    // A run that holds the cluster itself holds and releases these too.
    if !facts.held.is_empty() && cluster.hold.is_none() {
        not_ready(
            format!("{} held by a run that did not end", facts.held.join(", ")),
            "`tandem status` names the run; `tandem resume` or `tandem abort` ends it".to_owned(),
        );
    }
    let missing: Vec<&str> = host
        .base
        .iter()
        .filter(|name| facts.base.get(*name).is_none_or(Option::is_none))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        not_ready(
            format!("distribution packages are missing: {}", missing.join(", ")),
            "`tandem prepare` installs them".to_owned(),
        );
    }
    let former = facts.generation.iter().flat_map(|now| &now.members);
    for orphan in former.filter(|member| !members.contains(member)) {
        if !options.without.contains(orphan) && !facts.retired.contains(orphan) {
            not_ready(
                format!("{orphan} was a member and is no longer in the inventory: it is orphaned"),
                format!("`tandem retire {orphan} -i INV`, or put it back"),
            );
        }
    }
    refusals
}

/// That a host was rolled back, in words; and a refusal to repeat what failed.
pub(crate) fn rolled_back(
    host: &DesiredHost,
    facts: &Facts,
    options: &Options,
) -> Option<(String, Option<Refusal>)> {
    let generation = facts.generation.as_ref()?;
    let Cause::RolledBack {
        of,
        content,
        because,
    } = &generation.cause
    else {
        return None;
    };
    let note = format!(
        "rolled back in generation {}, from generation {of}, because {because}",
        generation.number
    );
    // Any leg counts: a run of several goes back through all of them, and what
    // is remembered last is the first. Who rolls back says so himself.
    let repeats = host
        .legs
        .iter()
        .any(|leg| leg.rollback.is_none() && leg.content.identity() == *content);
    let refusal = (repeats && !options.again).then(|| {
        refusal(
            RefusalKind::NeedsConsent,
            &host.host,
            format!("this is what generation {of} was, and it was rolled back because {because}"),
            "--again applies it once more",
        )
    });
    Some((note, refusal))
}

/// What forbids a host's legs: no way back, nowhere to take packages from, no
/// space, no consent.
pub(crate) fn legs(host: &str, facts: &Facts, legs: &[LegPlan], options: &Options) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    refusals.extend(way_back(host, facts, legs));
    refusals.extend(kept(host, facts, legs));
    refusals.extend(space(host, facts, legs));
    for leg in legs {
        if !leg.irreversible.is_empty() && !options.accept_irreversible {
            refusals.push(refusal(
                RefusalKind::NeedsConsent,
                host,
                format!("cannot be undone: {}", leg.irreversible.join("; ")),
                "--accept-irreversible accepts it",
            ));
        }
    }
    refusals
}

/// The way back must be on the host before the way forth begins. What the
/// first leg has too is pushed with it.
fn way_back(host: &str, facts: &Facts, legs: &[LegPlan]) -> Option<Refusal> {
    let (from, first) = (facts.generation.as_ref()?, legs.first()?);
    let missing: Vec<String> = from
        .content
        .packages
        .iter()
        .filter(|package| {
            let stays = first
                .content
                .package(&package.id.name)
                .is_some_and(|other| other.id == package.id && other.header == package.header);
            !stays && !facts.store.contains(&package.file)
        })
        .map(|package| package.id.to_string())
        .collect();
    (!missing.is_empty()).then(|| {
        refusal(
            RefusalKind::NotReady,
            host,
            format!("no way back: {} left the host's store", missing.join(", ")),
            format!(
                "put them back under {}/store from the release directory that they came from; \
                 what is the host's own is nowhere else: then take {host} out of its cluster, \
                 `tandem retire {host} -i INV`, put it back, and apply: it begins anew",
                place::STATE
            ),
        )
    })
}

/// A rollback takes everything from the host's store.
fn kept(host: &str, facts: &Facts, legs: &[LegPlan]) -> Option<Refusal> {
    let missing: BTreeSet<String> = legs
        .iter()
        .filter(|leg| leg.rollback.is_some())
        .flat_map(|leg| &leg.content.packages)
        .filter(|package| !facts.store.contains(&package.file))
        .map(|package| package.id.to_string())
        .collect();
    (!missing.is_empty()).then(|| {
        let missing: Vec<String> = missing.into_iter().collect();
        refusal(
            RefusalKind::NotReady,
            host,
            format!("{} left the host's store", missing.join(", ")),
            "go back to a generation whose packages are kept, or apply its release",
        )
    })
}

fn space(host: &str, facts: &Facts, legs: &[LegPlan]) -> Vec<Refusal> {
    let missing: BTreeMap<_, u64> = legs
        .iter()
        .flat_map(|leg| &leg.content.packages)
        .filter(|package| !facts.store.contains(&package.file))
        .map(|package| (&package.file, package.size))
        .collect();
    let needed = missing.values().copied().fold(0, u64::saturating_add);
    // Payload unpacked, payload kept, and the copy of rpm's database.
    let wanted = needed.saturating_mul(4).saturating_add(32 * 1024 * 1024);
    facts
        .space
        .iter()
        .filter(|space| space.free_bytes < wanted)
        .map(|space| {
            refusal(
                RefusalKind::NotReady,
                host,
                format!(
                    "{} has {} MiB free, {} MiB are wanted",
                    space.path,
                    space.free_bytes / 1_048_576,
                    wanted / 1_048_576
                ),
                "`tandem prune` forgets old generations, or make room",
            )
        })
        .collect()
}

/// A change that every node of a cluster must make together, without one.
/// Refusals, and notes where the operator accepted it.
pub(crate) fn split_phase(
    cluster: &DesiredCluster,
    changed: &[HostPlan],
    options: &Options,
) -> (Vec<Refusal>, Vec<String>) {
    let mut refusals = Vec::new();
    let mut notes = Vec::new();
    let phased = cluster.hold.is_some() || changed.iter().any(|host| host.legs.len() > 1);
    if !phased {
        return (refusals, notes);
    }
    let names = || cluster.hosts.iter().map(|host| &host.host);
    if let Some(limit) = &options.limit
        && names().any(|host| !limit.contains(host))
    {
        refusals.push(refusal(
            RefusalKind::NotReady,
            &cluster.name,
            "a cluster-scoped value changes, and --limit would split the cluster".to_owned(),
            "name all of its nodes, or none",
        ));
    }
    for host in names().filter(|host| options.without.contains(*host)) {
        if options.accept_outage {
            notes.push(format!(
                "a cluster-scoped value changes without {host}: it must not start before it \
                 caught up, for it and the others will not hear each other"
            ));
            continue;
        }
        refusals.push(refusal(
            RefusalKind::NotReady,
            &cluster.name,
            format!(
                "a cluster-scoped value changes, and {host} would come back without it: both \
                 sides would take the resources"
            ),
            format!(
                "bring {host} back first, or take it out of the inventory and `tandem retire` it; \
                 --accept-outage goes on"
            ),
        ));
    }
    (refusals, notes)
}

/// Redundancy must be real before the node that serves changes. Refusals, and
/// notes where it is not and need not be.
pub(crate) fn redundancy(
    cluster: &DesiredCluster,
    standing: &Standing<'_>,
    changed: &[HostPlan],
    options: &Options,
) -> (Vec<Refusal>, Vec<String>) {
    let mut notes = Vec::new();
    if !standing.moving.is_empty() && !options.accept_outage {
        let refusal = refusal(
            RefusalKind::NotRedundant,
            &cluster.name,
            format!("resources are on the move: {}", standing.moving.join(", ")),
            "wait until they rest, and plan again",
        );
        return (vec![refusal], notes);
    }
    let Some(holder) = &standing.holder else {
        return (Vec::new(), notes);
    };
    let healing: BTreeSet<&str> = changed
        .iter()
        .map(|host| host.host.as_str())
        .filter(|host| host != holder && !standing.is_sound(host))
        .collect();
    let losses = standing.losses(&healing, &options.without);
    let holder_stays = !changed.iter().any(|host| host.host == *holder);
    let accepted = holder_stays || options.accept_outage;
    let mut told = losses.known;
    if accepted {
        told.extend(losses.real.iter().cloned());
    }
    if !told.is_empty() {
        notes.push(format!("not redundant: {}", told.join("; ")));
    }
    if accepted || losses.real.is_empty() {
        return (Vec::new(), notes);
    }
    let refusal = refusal(
        RefusalKind::NotRedundant,
        &cluster.name,
        losses.real.join("; "),
        "mend it first, or --accept-outage",
    );
    (vec![refusal], notes)
}
