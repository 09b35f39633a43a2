//! What would happen if something went away: the policy is asked as if it had.

use cluster_core::policy;
use cluster_model::configuration::Configuration;
use cluster_model::report::Survival;
use cluster_model::state::{Authority, ClusterState, Presence, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Who votes, and who of them is heard.
#[derive(Clone, Debug)]
pub(crate) struct Voters {
    pub(crate) heard: BTreeSet<String>,
    pub(crate) needed: usize,
}

/// What happens without each member that is heard.
pub(crate) fn survival(
    configuration: &Configuration,
    state: &ClusterState,
    voters: &Voters,
) -> Vec<Survival> {
    let now = policy::decide(configuration, state).placement;
    let voter = voters.heard.iter();
    voter
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
    let left = voters.heard.len() - 1;
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
    let lost: Vec<_> = now
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
        let reason = lost
            .first()
            .and_then(|name| decision.explanation.resources.get(*name))
            .map_or_else(String::new, |explained| format!(": {}", explained.summary));
        answer(
            false,
            format!("{} would run nowhere{reason}", lost.join(", ")),
        )
    }
}
