//! What happened between two reports. Pure.

use cluster_model::report::{Health, Instance, MemberStanding, Report, Resource};
use cluster_model::state::{Observed, Role};
use std::collections::BTreeMap;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What.
    pub(crate) kind: Kind,
    /// Whom, or where.
    pub(crate) node: Option<String>,
    /// What it happened to.
    pub(crate) resource: Option<String>,
    /// What was before: a node, a coordinator, a health.
    pub(crate) from: Option<String>,
    /// In a sentence.
    pub(crate) text: String,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another one coordinates, or nobody does.
    CoordinatorChanged,
    /// A node is a member again, or a witness is heard.
    NodeJoined,
    /// A node or witness is not heard any more.
    NodeLost,
    /// A node is to reset itself.
    NodeCondemned,
    /// A resource failed.
    ResourceFailed,
    /// A resource runs on another node than before.
    ResourceMoved,
    /// A resource runs on a node.
    ResourceStarted,
    /// A resource does not run on a node any more.
    ResourceStopped,
    /// A resource is promoted on a node.
    ResourcePromoted,
    /// A resource is not promoted on a node any more.
    ResourceDemoted,
    /// The cluster is better or worse than before.
    VerdictChanged,
}

impl Kind {
    /// The word in `CLUSTERD_EVENT`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::CoordinatorChanged => "coordinator-changed",
            Self::NodeJoined => "node-joined",
            Self::NodeLost => "node-lost",
            Self::NodeCondemned => "node-condemned",
            Self::ResourceFailed => "resource-failed",
            Self::ResourceMoved => "resource-moved",
            Self::ResourceStarted => "resource-started",
            Self::ResourceStopped => "resource-stopped",
            Self::ResourcePromoted => "resource-promoted",
            Self::ResourceDemoted => "resource-demoted",
            Self::VerdictChanged => "verdict-changed",
        }
    }
}

/// What happened between two reports of the same member.
pub(crate) fn events(before: &Report, after: &Report) -> Vec<Event> {
    let mut events = Vec::new();
    coordinator(before, after, &mut events);
    // Who does not know what the others know sees no events, but its own blindness.
    if after.verdict.health != Health::Unknown {
        members(before, after, &mut events);
        resources(before, after, &mut events);
    }
    verdict(before, after, &mut events);
    events
}

fn coordinator(before: &Report, after: &Report, events: &mut Vec<Event>) {
    let (was, is) = (
        &before.arbitration.coordinator,
        &after.arbitration.coordinator,
    );
    if was == is {
        return;
    }
    let text = match is {
        Some(name) => format!("{name} coordinates"),
        None => "nobody coordinates".to_owned(),
    };
    events.push(Event {
        kind: Kind::CoordinatorChanged,
        node: is.clone(),
        resource: None,
        from: was.clone(),
        text,
    });
}

fn members(before: &Report, after: &Report, events: &mut Vec<Event>) {
    use MemberStanding::{Condemned, Joining, Maintenance, Offline, Unclean};
    for (name, member) in &after.members {
        let Some(known) = before.members.get(name) else {
            continue;
        };
        let (was, is) = (known.standing, member.standing);
        let what = if member.witness {
            format!("witness {name}")
        } else {
            name.clone()
        };
        let gone = |standing| matches!(standing, Unclean | Offline);
        let (kind, text) = if was != Condemned && is == Condemned {
            (
                Kind::NodeCondemned,
                format!("{what} is to reset itself: it holds what it cannot stop"),
            )
        } else if was > Maintenance && is <= Maintenance {
            (Kind::NodeJoined, format!("{what} joined"))
        } else if !gone(was) && gone(is) {
            (Kind::NodeLost, format!("{what} is not heard any more"))
        } else if was <= Maintenance && is == Joining {
            (
                Kind::NodeLost,
                format!("{what} lost its place and joins anew"),
            )
        } else {
            continue;
        };
        events.push(Event {
            kind,
            node: Some(name.clone()),
            resource: None,
            from: None,
            text,
        });
    }
}

type Instances<'a> = BTreeMap<(&'a str, &'a str), &'a Instance>;

fn instances<'a>(resources: &'a [Resource], into: &mut Instances<'a>) {
    for resource in resources {
        for (node, instance) in &resource.instances {
            into.insert((&resource.name, node), instance);
        }
        instances(&resource.members, into);
    }
}

fn resources(before: &Report, after: &Report, events: &mut Vec<Event>) {
    let (mut was, mut is) = (Instances::new(), Instances::new());
    instances(&before.resources, &mut was);
    instances(&after.resources, &mut is);
    let role = |of: &Instances, place: &(&str, &str)| {
        of.get(place)
            .map_or(Role::Stopped, |one| one.observed.role())
    };
    let mut add = |kind, (name, node): (&str, &str), text: String| {
        events.push(Event {
            kind,
            node: Some(node.to_owned()),
            resource: Some(name.to_owned()),
            from: None,
            text,
        });
    };
    // First what went wrong, then what ended, then what began.
    for (place, now) in &is {
        let known = was.get(place);
        if has_failed(known.copied(), now) {
            let (name, node) = place;
            let said = now.said.as_ref();
            let said = said.map_or_else(String::new, |said| format!(": {said}"));
            add(
                Kind::ResourceFailed,
                *place,
                format!("{name} failed on {node}{said}"),
            );
        }
    }
    for place in was.keys() {
        let (name, node) = place;
        match (role(&was, place), role(&is, place)) {
            (Role::Started | Role::Promoted, Role::Stopped) => add(
                Kind::ResourceStopped,
                *place,
                format!("{name} is stopped on {node}"),
            ),
            (Role::Promoted, Role::Started) => add(
                Kind::ResourceDemoted,
                *place,
                format!("{name} is not promoted on {node} any more"),
            ),
            _ => {}
        }
    }
    for place in is.keys() {
        let (name, node) = place;
        match (role(&was, place), role(&is, place)) {
            (Role::Stopped, Role::Started) => add(
                Kind::ResourceStarted,
                *place,
                format!("{name} runs on {node}"),
            ),
            (Role::Stopped | Role::Started, Role::Promoted) => add(
                Kind::ResourcePromoted,
                *place,
                format!("{name} is promoted on {node}"),
            ),
            _ => {}
        }
    }
}

fn has_failed(before: Option<&Instance>, after: &Instance) -> bool {
    let bad = |observed: Observed| {
        matches!(
            observed,
            Observed::Failed { .. } | Observed::Blocked { .. } | Observed::StopFailed
        )
    };
    let (failures, was_bad) = before.map_or((0, false), |one| (one.failures, bad(one.observed)));
    after.failures > failures || (bad(after.observed) && !was_bad)
}

fn verdict(before: &Report, after: &Report, events: &mut Vec<Event>) {
    if before.verdict.health == after.verdict.health {
        return;
    }
    let word = |health| match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Failed => "failed",
        Health::Unknown => "unknown",
    };
    events.push(Event {
        kind: Kind::VerdictChanged,
        node: None,
        resource: None,
        from: Some(word(before.verdict.health).to_owned()),
        text: format!(
            "{} is {}: {}",
            after.cluster,
            word(after.verdict.health),
            after.verdict.because
        ),
    });
}

/// Where resources stopped last: a start elsewhere is a move, also if a report in
/// between saw it nowhere.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    left: BTreeMap<String, String>,
}

impl Memory {
    /// The same events, with moves in place of starts.
    pub(crate) fn complete(&mut self, mut events: Vec<Event>) -> Vec<Event> {
        for event in &mut events {
            let (Some(name), Some(node)) = (&event.resource, &event.node) else {
                continue;
            };
            match event.kind {
                Kind::ResourceStopped => {
                    self.left.insert(name.clone(), node.clone());
                }
                Kind::ResourceStarted => {
                    let from = self.left.remove(name).filter(|from| from != node);
                    if let Some(from) = from {
                        event.kind = Kind::ResourceMoved;
                        event.text = format!("{name} moved from {from} to {node}");
                        event.from = Some(from);
                    }
                }
                _ => {}
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn situation(name: &str) -> Report {
        let path = format!(
            "{}/tests/situations/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(path).expect("there")).expect("a report")
    }

    fn between(before: &str, after: &str) -> Vec<String> {
        let events = events(&situation(before), &situation(after));
        let words = events.iter();
        words
            .map(|event| format!("{}: {}", event.kind.word(), event.text))
            .collect()
    }

    #[test]
    fn nothing_happens_between_a_report_and_itself() {
        assert_eq!(
            between("healthy-pair", "healthy-pair"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_lost_node_and_its_return() {
        assert_eq!(
            between("healthy-pair", "node-down"),
            [
                "node-lost: zape is not heard any more",
                "resource-stopped: ping is stopped on zape",
                "verdict-changed: web is degraded: zape is not there; would not survive losing yoda1 or zipi: 1 of 2 needed voters would be left",
            ]
        );
        let back = between("node-down", "healthy-pair");
        assert_eq!(back[0], "node-joined: zape joined");
        assert_eq!(back[1], "resource-started: ping runs on zape");
        let witness = between("healthy-pair", "witness-down");
        assert_eq!(witness[0], "node-lost: witness yoda1 is not heard any more");
    }

    #[test]
    fn failures_are_told_with_what_the_agent_said() {
        let failed = between("healthy-pair", "failed-resource");
        assert_eq!(
            failed[0],
            "resource-failed: httpd failed on zipi: monitor of httpd: not running (7) after 4 ms: httpd.service is failed (failed: exit-code)"
        );
        assert_eq!(failed.len(), 2);
        let stuck = between("failed-resource", "stuck-stop");
        assert_eq!(
            stuck,
            ["node-condemned: zipi is to reset itself: it holds what it cannot stop"]
        );
    }

    #[test]
    fn who_knows_nothing_tells_of_nothing_but_that() {
        let blind = between("healthy-pair", "no-quorum");
        assert_eq!(blind.len(), 2, "{blind:?}");
        assert_eq!(blind[0], "coordinator-changed: nobody coordinates");
        assert!(blind[1].starts_with("verdict-changed: web is unknown"));
    }

    #[test]
    fn a_move_is_one_also_if_it_was_nowhere_in_between() {
        let (here, there) = (situation("healthy-pair"), situation("move-in-force"));
        let nowhere = situation("down-everywhere");
        let mut memory = Memory::default();
        let mut kinds = |before: &Report, after: &Report| {
            let events = memory.complete(events(before, after));
            let moves = events
                .into_iter()
                .filter(|event| event.resource.as_deref() == Some("vip"));
            moves
                .map(|event| (event.kind, event.from, event.node))
                .collect::<Vec<_>>()
        };
        let some = |node: &str| Some(node.to_owned());
        assert_eq!(
            kinds(&here, &nowhere),
            [(Kind::ResourceStopped, None, some("zipi"))]
        );
        assert_eq!(
            kinds(&nowhere, &there),
            [(Kind::ResourceMoved, some("zipi"), some("zape"))]
        );
        // And seen in one step.
        assert_eq!(
            kinds(&there, &here),
            [
                (Kind::ResourceStopped, None, some("zape")),
                (Kind::ResourceMoved, some("zape"), some("zipi"))
            ]
        );
        // Back to where it was is a start, not a move.
        assert_eq!(kinds(&here, &nowhere).len(), 1);
        assert_eq!(
            kinds(&nowhere, &here),
            [(Kind::ResourceStarted, None, some("zipi"))]
        );
    }
}
