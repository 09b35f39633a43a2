//! What holds of every plan, whatever it is made from.

use crate::recipes::{SECRET, worlds};
use crate::world::World;
use cluster_model::Redundancy;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tandem_generation::{Content, Digest, Package, PackageId};
use tandem_plan::draft::drafts;
use tandem_plan::{Known, Plan, RefusalKind, Step, StepKind};

type Verdict = Result<(), TestCaseError>;

fn steps_of<'p>(plan: &'p Plan, cluster: &str) -> Vec<&'p Step> {
    plan.steps
        .iter()
        .filter(|step| step.cluster == cluster)
        .collect()
}

fn refused(plan: &Plan, kind: RefusalKind, about: &str) -> bool {
    plan.refusals
        .iter()
        .any(|refusal| refusal.kind == kind && refusal.about == about)
}

fn invariant_same_input_same_plan(world: &World, plan: &Plan) -> Verdict {
    prop_assert_eq!(&world.plan(), plan);
    let text = serde_json::to_string(plan).expect("plans can be written");
    let back: Plan = serde_json::from_str(&text).expect("and read");
    prop_assert_eq!(&back, plan);
    prop_assert!(!text.contains(SECRET));
    Ok(())
}

fn invariant_steps_are_numbered(plan: &Plan) -> Verdict {
    let numbers: Vec<usize> = plan.steps.iter().map(|step| step.number).collect();
    prop_assert_eq!(numbers, (1..=plan.steps.len()).collect::<Vec<_>>());
    if plan.refusals.is_empty() {
        prop_assert_eq!(plan.hosts.is_empty(), plan.steps.is_empty());
    }
    Ok(())
}

/// Every leg of every host is activated once and confirmed once, after that,
/// and before anybody in the cluster begins the next.
fn invariant_legs_are_walked_once_and_in_order(plan: &Plan, cluster: &str) -> Verdict {
    let steps = steps_of(plan, cluster);
    if steps.is_empty() {
        return Ok(());
    }
    let mut activated: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    let mut confirmed: BTreeMap<(&str, u32), usize> = BTreeMap::new();
    for step in &steps {
        let (hosts, leg, map) = match &step.kind {
            StepKind::Activate { hosts, leg } => (hosts, leg, &mut activated),
            StepKind::Confirm { hosts, leg } => (hosts, leg, &mut confirmed),
            _ => continue,
        };
        for host in hosts {
            prop_assert!(map.insert((host, *leg), step.number).is_none());
        }
    }
    let planned: BTreeSet<(&str, u32)> = plan
        .hosts
        .values()
        .filter(|host| host.cluster == cluster)
        .flat_map(|host| host.legs.iter().map(|leg| (host.host.as_str(), leg.leg)))
        .collect();
    prop_assert_eq!(planned, activated.keys().copied().collect::<BTreeSet<_>>());
    for (key, at) in &activated {
        prop_assert!(confirmed.get(key).is_some_and(|confirmed| confirmed > at));
        for (other, begun) in &activated {
            let later = other.1 > key.1;
            prop_assert!(!later || confirmed[key] < *begun, "{key:?} {other:?}");
        }
    }
    Ok(())
}

/// Who holds the cluster's resources, as a reader of the facts would say.
fn holder(world: &World, cluster: &str) -> Option<String> {
    let view = world.views.get(cluster)?;
    let mut holders = view.iter().filter(|(host, status)| {
        let bare = match &world.known[*host] {
            Known::Facts(facts) => facts.generation.is_none(),
            Known::Unreachable(_) => false,
        };
        let stray = bare && matches!(status.redundancy, Redundancy::NoCluster);
        !status.held_here.is_empty() && !stray
    });
    holders.next().map(|(host, _)| host.clone())
}

/// Who holds resources changes last, and is disturbed only after it gave them
/// away, under a hold, or because the operator said so.
fn invariant_the_holder_is_spared(world: &World, plan: &Plan, cluster: &str) -> Verdict {
    let mut holder = holder(world, cluster);
    let mut held = false;
    let mut moves = BTreeSet::new();
    let steps = steps_of(plan, cluster);
    for (index, step) in steps.iter().enumerate() {
        match &step.kind {
            StepKind::Hold { .. } => held = true,
            StepKind::Release { .. } => held = false,
            StepKind::Switchover { from, to, give, .. } => {
                prop_assert_eq!(Some(from), holder.as_ref());
                prop_assert!(from != to && !give.is_empty());
                // What the new holder serves is looked at before anything else.
                let after = steps.get(index + 1).map(|step| &step.kind);
                let Some(StepKind::CheckCluster { hosts }) = after else {
                    return Err(TestCaseError::fail(format!("{after:?}")));
                };
                prop_assert!(hosts.contains(to) && hosts.contains(from));
                // The switchover is for the leg that begins right after.
                let next = steps.get(index + 2).map(|step| &step.kind);
                let leg = match next {
                    Some(StepKind::Activate { hosts, leg })
                        if hosts == std::slice::from_ref(from) =>
                    {
                        *leg
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert!(moves.insert(leg), "two moves in leg {leg}");
                // Who takes over was asked right before.
                let before = index.checked_sub(1).map(|index| &steps[index].kind);
                let Some(StepKind::CheckCluster { hosts }) = before else {
                    return Err(TestCaseError::fail(format!("{before:?}")));
                };
                prop_assert!(hosts.contains(to) && hosts.contains(from));
                holder = Some(to.clone());
            }
            StepKind::Activate { hosts, leg } => {
                let Some(holder) = &holder else { continue };
                if held {
                    continue;
                }
                prop_assert_eq!(hosts.len(), 1, "several at once beside a holder");
                if hosts[0] != *holder {
                    continue;
                }
                let others_later = steps[index + 1..].iter().any(|step| {
                    matches!(&step.kind, StepKind::Activate { leg: other, .. } if other == leg)
                });
                prop_assert!(!others_later, "the holder is not the last one");
                let mut legs = plan.hosts[holder].legs.iter();
                let disturbs = legs.any(|plan| plan.leg == *leg && !plan.disturbs.is_empty());
                prop_assert!(
                    !disturbs
                        || world.options.accept_outage
                        || refused(plan, RefusalKind::NotRedundant, cluster)
                );
                prop_assert_eq!(disturbs, !step.impact.restarts.is_empty());
            }
            _ => {}
        }
    }
    prop_assert!(!held, "a hold without a release");
    Ok(())
}

/// Only hosts that answer and that nobody left out take part.
fn invariant_nobody_is_asked_who_does_not_answer(world: &World, plan: &Plan) -> Verdict {
    let limit = world.options.limit.as_ref();
    for host in plan.hosts.keys() {
        prop_assert!(limit.is_none_or(|limit| limit.contains(host)));
        prop_assert!(!world.options.without.contains(host));
    }
    for step in &plan.steps {
        let pair;
        let hosts = match &step.kind {
            StepKind::Activate { hosts, .. } | StepKind::Confirm { hosts, .. } => {
                prop_assert!(hosts.iter().all(|host| plan.hosts.contains_key(host)));
                hosts
            }
            StepKind::Hold { hosts, .. }
            | StepKind::Release { hosts, .. }
            | StepKind::CheckCluster { hosts } => hosts,
            StepKind::Switchover { from, to, .. } => {
                pair = vec![from.clone(), to.clone()];
                &pair
            }
        };
        prop_assert!(!hosts.is_empty());
        for host in hosts {
            let answers = matches!(world.known.get(host), Some(Known::Facts(_)));
            prop_assert!(answers, "{host} in step {}", step.number);
        }
    }
    Ok(())
}

fn invariant_numbers_mean_one_thing(world: &World, plan: &Plan) -> Verdict {
    for host in plan.hosts.values() {
        let Some(Known::Facts(facts)) = world.known.get(&host.host) else {
            return Err(TestCaseError::fail("a host without facts"));
        };
        let mut last = facts.generation.as_ref().map_or(0, |now| now.number);
        last = last.max(facts.next_number.saturating_sub(1));
        for leg in &host.legs {
            if refused(plan, RefusalKind::NotReady, &host.host) && last > u64::MAX - 3 {
                break;
            }
            prop_assert!(leg.generation > last);
            prop_assert_eq!(leg.undo_generation, leg.generation + 1);
            last = leg.undo_generation;
        }
    }
    Ok(())
}

type Names = BTreeMap<String, Option<Digest>>;

fn names(content: &Content) -> Names {
    let packages = content.packages.iter();
    packages
        .map(|package| (package.id.name.clone(), Some(package.header.clone())))
        .collect()
}

fn applied(mut names: Names, install: &[Package], erase: &[PackageId]) -> Names {
    for id in erase {
        names.remove(&id.name);
    }
    for package in install {
        let header = Some(package.header.clone());
        names.insert(package.id.name.clone(), header);
    }
    names
}

/// Forth leads from what is installed to the target, back leads from the
/// target to what the generation before said, file for file.
fn invariant_the_way_back_is_the_inverse(world: &World, plan: &Plan) -> Verdict {
    for host in plan.hosts.values() {
        let Some(Known::Facts(facts)) = world.known.get(&host.host) else {
            continue;
        };
        let mut now: Names = facts
            .packages
            .iter()
            .map(|there| (there.id.name.clone(), there.header.clone()))
            .collect();
        let mut before = host
            .from
            .as_ref()
            .map(|from| names(&from.content))
            .unwrap_or_default();
        let mut files = host.from.as_ref().map(|from| from.content.files.clone());
        for draft in drafts(plan, host) {
            let target = draft.forward.target.clone().expect("a target");
            let order = draft.order(
                plan,
                &tandem_plan::draft::Circumstances {
                    run: "20261120T104950Z-alice-3f2a".parse().expect("a run"),
                    operator: String::new(),
                    created: jiff::Timestamp::UNIX_EPOCH,
                },
                None,
                None,
                Vec::new(),
            );
            let (forth, back) = (&order.forward, &order.undo);
            now = applied(now, &forth.install, &forth.erase);
            prop_assert_eq!(&now, &names(&target.content));
            let undone = applied(now.clone(), &back.install, &back.erase);
            prop_assert_eq!(&undone, &before);
            prop_assert_eq!(
                back.target
                    .as_ref()
                    .map(|target| target.content.files.clone()),
                files
            );
            // The host accepts only packages that the target lists, as listed.
            for transaction in [forth, back] {
                for package in &transaction.install {
                    let listed = transaction
                        .target
                        .as_ref()
                        .and_then(|target| target.content.package(&package.id.name));
                    prop_assert_eq!(listed, Some(package));
                }
            }
            before = now.clone();
            files = Some(target.content.files);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_plan_keeps_its_promises(world in worlds()) {
        let plan = world.plan();
        invariant_same_input_same_plan(&world, &plan)?;
        invariant_steps_are_numbered(&plan)?;
        invariant_nobody_is_asked_who_does_not_answer(&world, &plan)?;
        invariant_numbers_mean_one_thing(&world, &plan)?;
        invariant_the_way_back_is_the_inverse(&world, &plan)?;
        for cluster in &world.desired.clusters {
            invariant_legs_are_walked_once_and_in_order(&plan, &cluster.name)?;
            invariant_the_holder_is_spared(&world, &plan, &cluster.name)?;
        }
    }

    /// What a plan makes of a host is what the next plan finds as it should be.
    #[test]
    fn a_plan_that_was_applied_leaves_nothing_to_do(mut world in worlds()) {
        let plan = world.plan();
        for host in plan.hosts.values() {
            let legs = &mut world.desired_host(&host.host).legs;
            let mut last = legs.pop().expect("a leg");
            // What was initialised answers its probe; nobody asks here.
            last.initialisers.clear();
            *legs = vec![last];
            world.settle_host(&host.cluster, &host.host, 9);
        }
        let again = world.plan();
        for host in plan.hosts.keys() {
            prop_assert!(again.unchanged.contains(host), "{:#?}", again.hosts.get(host));
        }
    }
}
