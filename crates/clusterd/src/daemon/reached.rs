//! What is said of arbitration, and of `reach` above all: how much is reached, and what
//! follows if one of the two is lost.

use super::machine::Machine;
use super::report::ms;
use cluster_core::arbitration::Arbitration;
use cluster_core::{Settings, is_more_than_half, reached};
use cluster_model::report::{Member, Reach, Survival};
use cluster_model::state::{ClusterState, Role};
use std::collections::BTreeMap;

/// As the file calls it.
pub(super) fn word(mode: Arbitration) -> &'static str {
    match mode {
        Arbitration::Quorum => "quorum",
        Arbitration::Fencing(_) => "fencing",
        Arbitration::Reach(_) => "reach",
    }
}

/// How long after its last word a lost node has stopped, at the latest. Where what is
/// reached decides, nobody waits for that.
pub(super) fn promise_ms(settings: &Settings) -> Option<u64> {
    let waits = settings.arbitration.reach().is_none();
    waits.then(|| ms(settings.terms.promise()))
}

impl Machine {
    /// What this node reaches, where that decides.
    pub(super) fn reach(&self) -> Option<Reach> {
        let terms = self.node.settings().arbitration.reach()?;
        Some(Reach {
            reached: reached(&self.own.attributes),
            listed: terms.listed,
        })
    }
}

/// Whoever would be left goes on only with enough that it reaches: with anything, if it has
/// all that runs; else with more than half.
pub(super) fn without_reach(
    survival: &mut [Survival],
    members: &BTreeMap<String, Member>,
    state: &ClusterState,
    listed: usize,
) {
    for loss in survival.iter_mut().filter(|loss| loss.survives) {
        let mut others = members.iter().filter(|(name, _)| **name != loss.losing);
        let Some((name, other)) = others.next() else {
            continue;
        };
        let mut places = state.resources.values();
        let holds = places.any(|nodes| {
            let its = nodes.get(&loss.losing);
            its.is_some_and(|seen| seen.observed.role() > Role::Stopped)
        });
        let reached = reached(&other.attributes).unwrap_or(0);
        let enough = if holds {
            is_more_than_half(reached, listed)
        } else {
            reached > 0
        };
        if !enough {
            loss.survives = false;
            let wanted = if holds { "more than half" } else { "one" };
            loss.because = format!(
                "{name} reaches {reached} of {listed} listed addresses, and {wanted} would have to answer it"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_core::REACHED;
    use cluster_model::report::MemberStanding;

    fn member(reached: &str) -> Member {
        Member {
            id: 1,
            witness: false,
            standing: MemberStanding::Online,
            heard_ms: Some(0),
            incarnation: 1,
            links: Vec::new(),
            attributes: BTreeMap::from([(REACHED.to_owned(), reached.to_owned())]),
        }
    }

    /// Whether each of the two could be lost, if zipi has all and they reach so many of two.
    fn survives(zipi: &str, zape: &str) -> [bool; 2] {
        let members = BTreeMap::from([
            ("zape".to_owned(), member(zape)),
            ("zipi".to_owned(), member(zipi)),
        ]);
        let text = "{resources: {vip: {zipi: {observed: started}}}}";
        let state: ClusterState = serde_saphyr::from_str(text).expect("a state");
        let loss = |losing: &str| Survival {
            losing: losing.to_owned(),
            survives: true,
            because: String::new(),
        };
        let mut survival = [loss("zipi"), loss("zape")];
        without_reach(&mut survival, &members, &state, 2);
        survival.map(|loss| loss.survives)
    }

    #[test]
    fn who_takes_over_reaches_more_than_who_keeps() {
        assert_eq!(survives("2", "2"), [true, true]);
        assert_eq!(survives("1", "2"), [true, true]);
        assert_eq!(survives("2", "1"), [false, true]);
        assert_eq!(survives("0", "2"), [true, false]);
        assert_eq!(survives("", "2"), [true, false], "who asked nobody");
    }
}
