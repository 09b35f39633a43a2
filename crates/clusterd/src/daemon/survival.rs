//! What would happen if something went away: the policy is asked as if it had.

use cluster_core::policy;
use cluster_model::configuration::Configuration;
use cluster_model::decision::{Decision, ResourceExplanation};
use cluster_model::report::{FenceDevice, Survival};
use cluster_model::state::{Authority, ClusterState, Presence, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Who votes, and who of them is heard.
#[derive(Clone, Debug)]
pub(crate) struct Voters {
    pub(crate) heard: BTreeSet<String>,
    pub(crate) needed: usize,
}

/// What happens without each member that is heard, whether or not it votes.
pub(crate) fn survival(
    configuration: &Configuration,
    state: &ClusterState,
    voters: &Voters,
) -> Vec<Survival> {
    let now = policy::decide(configuration, state).placement;
    let online = state
        .nodes
        .iter()
        .filter(|(_, node)| node.presence == Presence::Online);
    let online = online.map(|(name, _)| name);
    let members: BTreeSet<&String> = voters.heard.iter().chain(online).collect();
    members
        .into_iter()
        .map(|losing| without(configuration, state, voters, &now, losing))
        .collect()
}

type Placement = BTreeMap<String, BTreeMap<String, Role>>;

fn without(
    configuration: &Configuration,
    state: &ClusterState,
    voters: &Voters,
    now: &Placement,
    losing: &str,
) -> Survival {
    let answer = |survives: bool, because: String| Survival {
        losing: losing.to_owned(),
        survives,
        because,
    };
    let left = voters.heard.len() - usize::from(voters.heard.contains(losing));
    if left < voters.needed {
        let because = format!("{left} of {} needed voters would be left", voters.needed);
        return answer(false, because);
    }
    if !configuration.nodes.contains(losing) {
        return answer(true, format!("{left} voters are left, and it runs nothing"));
    }
    let mut then = state.clone();
    then.authority = Authority::Full;
    then.pending.clear();
    if let Some(node) = then.nodes.get_mut(losing) {
        node.presence = Presence::Gone;
    }
    for instances in then.resources.values_mut() {
        instances.remove(losing);
    }
    let decision = policy::decide(configuration, &then);
    let lost: BTreeSet<&str> = now
        .iter()
        .filter(|(name, places)| {
            let after = decision.placement.get(*name);
            !places.is_empty() && after.is_none_or(BTreeMap::is_empty)
        })
        .map(|(name, _)| name.as_str())
        .collect();
    if lost.is_empty() {
        let moved = now.values().filter(|places| places.contains_key(losing));
        let because = match moved.count() {
            0 => "nothing that runs is only there".to_owned(),
            1 => "the one resource there would run elsewhere".to_owned(),
            many => format!("all {many} resources there would run elsewhere"),
        };
        answer(true, because)
    } else {
        answer(false, nowhere(configuration, &lost, &decision, losing))
    }
}

/// Whoever cannot be switched off cannot be taken over from. What is wrong with devices.
pub(super) fn without_devices(survival: &mut [Survival], devices: &[FenceDevice]) -> Vec<String> {
    let mut problems = Vec::new();
    for device in devices {
        let Some(fault) = &device.fault else { continue };
        let node = device.nodes.join(", ");
        problems.push(format!("{} cannot switch {node} off: {fault}", device.name));
        let works = |it: &FenceDevice| it.fault.is_none() && it.tested_ms.is_some();
        let mut others = devices.iter().filter(|it| it.nodes == device.nodes);
        if others.any(works) {
            continue;
        }
        for loss in survival.iter_mut().filter(|loss| loss.losing == node) {
            loss.survives = false;
            loss.because = format!("it could not be switched off: {fault}");
        }
    }
    problems
}

/// What would run nowhere without `losing`, and why: what has the same reason, or none of
/// its own, is named together.
fn nowhere(
    configuration: &Configuration,
    lost: &BTreeSet<&str>,
    then: &Decision,
    losing: &str,
) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for name in in_order(configuration, lost) {
        let explained = then.explanation.resources.get(name);
        let why = explained.map_or_else(String::new, |one| ruled_out(one, losing));
        let same = |known: &&mut (String, Vec<&str>)| why.is_empty() || known.0 == why;
        match reasons.iter_mut().find(same) {
            Some((_, names)) => names.push(name),
            None => reasons.push((why, vec![name])),
        }
    }
    let parts = reasons.iter().map(|(why, names)| {
        let names = names.join(", ");
        if why.is_empty() {
            format!("{names} would run nowhere")
        } else {
            format!("{names} would run nowhere ({why})")
        }
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// What rules out each node that is left. Nothing: it follows something else, which has
/// reasons.
fn ruled_out(explained: &ResourceExplanation, losing: &str) -> String {
    let left = explained.nodes.iter().filter(|(node, _)| *node != losing);
    let reasons = left.filter_map(|(node, its)| {
        let why = its.exclusions.first()?;
        (!why.starts_with("follows ")).then(|| format!("{node}: {why}"))
    });
    let reasons: Vec<String> = reasons.collect();
    let nobody = explained
        .nodes
        .values()
        .all(|its| its.exclusions.is_empty());
    if nobody {
        return plain(&explained.summary).to_owned();
    }
    reasons.join("; ")
}

/// As the configuration has them.
fn in_order<'a>(configuration: &'a Configuration, lost: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let items = configuration.resources.iter();
    let names: Vec<&str> = items
        .flat_map(crate::configuration::members_of)
        .map(|one| one.name.as_str())
        .collect();
    let place = |name: &&str| {
        let base = name.split(':').next().unwrap_or(name);
        names.iter().position(|known| *known == base)
    };
    let mut all: Vec<&str> = lost.iter().copied().collect();
    all.sort_by_key(place);
    all
}

/// A summary of the policy without what whoever says it has said already.
pub(super) fn plain(summary: &str) -> &str {
    summary.strip_prefix(policy::NOWHERE).unwrap_or(summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::tests::pair;

    fn without_zipi(change: impl FnOnce(&mut cluster_model::Model)) -> Survival {
        let mut model = pair();
        change(&mut model);
        let voters = Voters {
            heard: ["zape", "zipi", "yoda1"].map(str::to_owned).into(),
            needed: 2,
        };
        let all = survival(&model.configuration, &model.state, &voters);
        let mut all = all.into_iter().filter(|one| one.losing == "zipi");
        all.next().expect("it votes")
    }

    #[test]
    fn what_runs_elsewhere_survives() {
        let told = without_zipi(|_| {});
        assert!(told.survives, "{told:?}");
        assert_eq!(told.because, "all 3 resources there would run elsewhere");
    }

    #[test]
    fn who_does_not_vote_is_asked_about_too() {
        let mut model = pair();
        let zape = model.state.nodes.get_mut("zape").expect("a node");
        zape.standby = true;
        let voters = Voters {
            heard: ["yoda1", "yoda2", "yoda3"].map(str::to_owned).into(),
            needed: 3,
        };
        let told = survival(&model.configuration, &model.state, &voters);
        let losing: Vec<&str> = told.iter().map(|one| one.losing.as_str()).collect();
        assert_eq!(losing, ["yoda1", "yoda2", "yoda3", "zape", "zipi"]);
        let without = |name: &str| told.iter().find(|one| one.losing == name);
        let zipi = without("zipi").expect("asked about");
        assert!(zipi.because.contains("would run nowhere"), "{zipi:?}");
        assert!(without("zape").expect("asked about").survives);
        let yoda = without("yoda1").expect("asked about");
        assert_eq!(yoda.because, "2 of 3 needed voters would be left");
    }

    #[test]
    fn a_reason_is_said_once_for_all_that_have_it() {
        let told = without_zipi(|model| {
            let zape = model.state.nodes.get_mut("zape").expect("a node");
            zape.standby = true;
            let ping = model.state.resources.get_mut("ping").expect("known");
            ping.get_mut("zape").expect("known").observed = cluster_model::state::Observed::Stopped;
        });
        assert!(!told.survives);
        assert_eq!(
            told.because,
            "vip, httpd, ping would run nowhere (zape: it is in standby)"
        );
    }

    #[test]
    fn other_reasons_are_said_beside_it() {
        let told = without_zipi(|model| {
            let zape = model.state.nodes.get_mut("zape").expect("a node");
            zape.attributes.insert("pingd".to_owned(), "0".to_owned());
        });
        assert_eq!(
            told.because,
            "vip, httpd would run nowhere (zape: location clients)"
        );
    }
}
