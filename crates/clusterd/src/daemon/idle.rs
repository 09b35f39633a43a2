//! Nodes that take no resources because of what happened there, each with the way out.

use cluster_core::Settings;
use cluster_core::policy::Aftermath;
use cluster_core::state::{RESETS_WITHIN, State};
use std::collections::BTreeMap;

/// One sentence for each of them.
pub(super) fn idle(settings: &Settings, state: &State, aftermath: &Aftermath) -> Vec<String> {
    let members = state.members.iter();
    let held = members.filter(|(_, member)| member.resets.hold_back());
    let held: BTreeMap<_, _> = held
        .map(|(node, member)| (settings.name_of(*node), member.resets.count()))
        .collect();
    let minutes = RESETS_WITHIN.as_secs() / 60;
    let resets = held.iter().map(|(node, count)| {
        let what = if aftermath.held_back.contains_key(*node) {
            "takes no resources"
        } else {
            "takes resources only as long as no other node can"
        };
        format!(
            "{node} {what}: it was reset or fenced {count} times in {minutes} minutes; once it is mended, `clusterd online {node}` ends that"
        )
    });
    let others = |those: &BTreeMap<String, String>, way_out: &str| -> Vec<String> {
        let those = those.iter();
        let those = those.filter(|(node, _)| !held.contains_key(node.as_str()));
        those
            .map(|(node, why)| format!("{node} takes no resources: {why}{way_out}"))
            .collect()
    };
    let failures = others(&aftermath.standby, "; `clusterd cleanup` ends that");
    resets
        .chain(failures)
        .chain(others(&aftermath.held_back, ""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{ClusterFile, settings};
    use cluster_core::name::{BootId, Incarnation, NodeId, Session};
    use cluster_core::state::Entry;
    use cluster_model::configuration::Configuration;
    use std::path::Path;
    use std::time::Duration;

    const FILE: &str = "
cluster: web
links: [hb]
nodes:
  zipi: {id: 1, addresses: {hb: 10.77.1.11}}
  zape: {id: 2, addresses: {hb: 10.77.1.12}}
witnesses:
  yoda1: {id: 3, addresses: {hb: 10.77.1.13}}
";

    fn zipi_was_reset(times: u64) -> (Settings, State) {
        let file = ClusterFile::parse(FILE, Path::new("cluster.yaml")).expect("a file");
        let settings = settings(&file, "zipi", Duration::from_secs(2)).expect("a member");
        let mut state = State::default();
        let configuration = Box::new(Configuration::default());
        let request = None;
        let first = Entry::Configured {
            request,
            configuration,
        };
        state.apply(1, 0, &first);
        for number in 0..=times {
            let joined = Entry::Joined {
                node: NodeId(1),
                previous: Incarnation(number),
                boot: BootId(number.into()),
                session: Session(number),
            };
            state.apply(2 + number, 0, &joined);
        }
        (settings, state)
    }

    #[test]
    fn who_is_held_back_is_said_with_the_reason_and_the_way_out() {
        let (settings, state) = zipi_was_reset(3);
        let mut aftermath = Aftermath::default();
        assert_eq!(
            idle(&settings, &state, &aftermath),
            [
                "zipi takes resources only as long as no other node can: it was reset or fenced 3 times in 60 minutes; once it is mended, `clusterd online zipi` ends that"
            ]
        );
        let why = "it was reset too often".to_owned();
        aftermath.held_back.insert("zipi".to_owned(), why);
        let why = "the monitor of vip failed there (on-fail: standby)".to_owned();
        aftermath.standby.insert("zape".to_owned(), why);
        assert_eq!(
            idle(&settings, &state, &aftermath),
            [
                "zipi takes no resources: it was reset or fenced 3 times in 60 minutes; once it is mended, `clusterd online zipi` ends that",
                "zape takes no resources: the monitor of vip failed there (on-fail: standby); `clusterd cleanup` ends that"
            ]
        );
    }

    /// No cleanup helps who reaches less.
    #[test]
    fn who_reaches_less_than_another_node_is_said_to() {
        let (settings, state) = zipi_was_reset(0);
        let mut aftermath = Aftermath::default();
        let why = "another node reaches more of what is listed".to_owned();
        aftermath.held_back.insert("zape".to_owned(), why);
        assert_eq!(
            idle(&settings, &state, &aftermath),
            ["zape takes no resources: another node reaches more of what is listed"]
        );
    }

    #[test]
    fn nobody_is_idle_for_less() {
        let (settings, state) = zipi_was_reset(2);
        let aftermath = Aftermath::default();
        assert!(idle(&settings, &state, &aftermath).is_empty());
    }
}
