//! What runs a cluster's resources, and who decides there.

use super::cluster::text_of;
use crate::inventory::{EngineChoice, EngineKind, Fence, FenceLevel, Lease, Reach};
use crate::shape::{Field, Object, Shape, duration_ms, optional, required};
use crate::yaml::Node;
use crate::{Mistake, Mistakes, Spanned};
use cluster_model::{Feature, Timing};
use std::collections::BTreeMap;

pub(super) static ENGINE: Object = Object {
    help: "What runs a cluster's resources.",
    fields: &[
        required(
            "kind",
            Shape::Word(&["clusterd", "heartbeat"]),
            "which engine",
        ),
        required("key", Shape::Name, "secret that authenticates its messages"),
        optional(
            "without",
            Shape::List(&Shape::Word(FEATURES)),
            "what the operator does without, because this engine cannot do it",
        ),
        optional("keepalive", Shape::Duration, "time between two heartbeats"),
        optional(
            "warntime",
            Shape::Duration,
            "silence after which a peer is late",
        ),
        optional(
            "deadtime",
            Shape::Duration,
            "silence after which a peer is dead",
        ),
        optional(
            "initdead",
            Shape::Duration,
            "heartbeat: the same right after start",
        ),
        optional(
            "witness",
            Shape::Name,
            "clusterd: a host of another cluster that votes here, too, and runs nothing of this one",
        ),
        optional(
            "voters",
            Shape::List(&Shape::Name),
            "clusterd: which nodes vote, beside the witness; by default all, and of more than seven the first ones",
        ),
        optional(
            "fence",
            Shape::Object(&FENCE),
            "clusterd: a pair without a witness switches the other node off before it takes over",
        ),
        optional(
            "reach",
            Shape::Object(&REACH),
            "clusterd: of a pair without a witness that nothing switches off, each node goes by which addresses of `ping` it reaches",
        ),
        optional(
            "lease",
            Shape::Duration,
            "clusterd: how long a node holds resources without another word of the others",
        ),
        optional(
            "stop",
            Shape::Duration,
            "clusterd: how long it may take after that to stop everything before it resets itself",
        ),
        optional(
            "watchdog",
            Shape::Text,
            "clusterd: the device that resets a node that hangs, or `none`",
        ),
        optional(
            "watchdog_timeout",
            Shape::Duration,
            "clusterd: how long the watchdog waits; whole seconds",
        ),
        optional(
            "accept_pause_risk",
            Shape::Boolean,
            "clusterd, virtual machines: one that is paused is paused with its watchdog, and resumes what was taken over meanwhile; that is known",
        ),
        optional(
            "resets_max",
            Shape::Integer { min: 0, max: 60 },
            "clusterd: a node that is reset or fenced so often within an hour takes nothing until an operator says so, or nobody else can; 0: however often",
        ),
        optional(
            "port",
            Shape::Integer {
                min: 1,
                max: 65_535,
            },
            "clusterd: where its nodes hear each other; else 5410 and the cluster's place among the names of all clusters of this engine",
        ),
    ],
};

static FENCE_LEVEL: Object = Object {
    help: "What switches nodes off where the level before it did not.",
    fields: &[AGENT, ADDRESSES, PLUGS, PARAMETERS, PASSWORD, SECRETS],
};

const AGENT: Field = required("agent", Shape::Text, "a fence agent, `fence_ipmilan`");
const ADDRESSES: Field = optional(
    "addresses",
    Shape::Map(&Shape::Text),
    "by node: where its device is, the agent's parameter `ip`",
);
const PLUGS: Field = optional(
    "plugs",
    Shape::Map(&Shape::Text),
    "by node: its outlet of a device that several nodes have, the agent's parameter `plug`",
);
const PARAMETERS: Field = optional(
    "parameters",
    Shape::FreeMap(&Shape::Text),
    "the agent's other parameters, the same for all nodes",
);
const PASSWORD: Field = optional(
    "password",
    Shape::Name,
    "secret that is the devices' password",
);
const SECRETS: Field = optional(
    "secrets",
    Shape::Map(&Shape::Name),
    "by parameter of the agent: the secret that it is, where it is not called `password`",
);

static FENCE: Object = Object {
    help: "What switches nodes off.",
    fields: &[
        AGENT,
        ADDRESSES,
        PLUGS,
        PARAMETERS,
        PASSWORD,
        SECRETS,
        optional(
            "next",
            Shape::List(&Shape::Object(&FENCE_LEVEL)),
            "other devices, tried one after the other where the first one did not do it: a BMC dies with the power of its node. Each of them alone has to take all of a node's power: two supplies on two strips are not two of these",
        ),
        optional(
            "first",
            Shape::Name,
            "the node that fences at once; the other one waits",
        ),
        optional(
            "limit",
            Shape::Duration,
            "longest attempt with all devices, and with seeing that the node is off; 10s for each of them",
        ),
        optional(
            "delay",
            Shape::Duration,
            "how long the other one waits: longer than the limit, or both go off",
        ),
        optional(
            "power_on",
            Shape::Boolean,
            "whoever was switched off gets its power again, once its resources may be taken",
        ),
    ],
};

static REACH: Object = Object {
    help: "How a pair goes by what it reaches.",
    fields: &[
        required(
            "accept_split_brain_risk",
            Shape::Boolean,
            "`true`: while neither node hears the other, both may run everything at once, and what one of them decided is dropped afterwards",
        ),
        optional(
            "pause",
            Shape::Duration,
            "time between two looks around, after one that found too little",
        ),
        optional(
            "wait",
            Shape::Duration,
            "how long a node that was just started waits for the other one",
        ),
    ],
};

const FEATURES: &[&str] = &[
    "monitor",
    "migration-threshold",
    "connectivity",
    "many-nodes",
    "fencing",
];

fn feature(word: &str) -> Option<Feature> {
    [
        Feature::Monitor,
        Feature::MigrationThreshold,
        Feature::Connectivity,
        Feature::ManyNodes,
        Feature::Fencing,
    ]
    .into_iter()
    .find(|feature| feature.word() == word)
}

pub(super) fn engine(node: &Node, mistakes: &mut Mistakes) -> EngineChoice {
    let kind = match node.get("kind").and_then(Node::text) {
        Some("heartbeat") => EngineKind::Heartbeat,
        _ => EngineKind::Clusterd,
    };
    let time = |key: &str, default: u64| {
        node.get(key)
            .and_then(Node::text)
            .and_then(duration_ms)
            .unwrap_or(default)
    };
    let default = Timing::default();
    let deadtime_ms = time("deadtime", default.deadtime_ms);
    let timing = Timing {
        keepalive_ms: time("keepalive", default.keepalive_ms),
        warntime_ms: time("warntime", default.warntime_ms.min(deadtime_ms / 2)),
        deadtime_ms,
        initdead_ms: time("initdead", default.initdead_ms.max(deadtime_ms * 2)),
    };
    let in_order = timing.keepalive_ms > 0
        && timing.keepalive_ms < timing.warntime_ms
        && timing.warntime_ms < timing.deadtime_ms
        && timing.deadtime_ms <= timing.initdead_ms;
    if !in_order {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "keepalive {} ms, warntime {} ms, deadtime {} ms, initdead {} ms",
                    timing.keepalive_ms, timing.warntime_ms, timing.deadtime_ms, timing.initdead_ms
                ))
                .expected("keepalive < warntime < deadtime <= initdead"),
        );
    }
    let without = node
        .get("without")
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|item| feature(item.text()?))
        .collect();
    EngineChoice {
        kind,
        without,
        key: node
            .get("key")
            .and_then(Node::spanned)
            .unwrap_or_else(|| Spanned::new(String::new(), node.at.clone())),
        timing,
        lease: lease(kind, node, deadtime_ms, &time, mistakes),
        at: node.at.clone(),
    }
}

/// Whoever leads the others' votes may die, and the next one as well: two elections of up
/// to one and a half deadtimes each must not end a lease.
fn lease(
    kind: EngineKind,
    node: &Node,
    deadtime_ms: u64,
    time: &dyn Fn(&str, u64) -> u64,
    mistakes: &mut Mistakes,
) -> Lease {
    const OWN: [&str; 11] = [
        "witness",
        "voters",
        "fence",
        "reach",
        "lease",
        "stop",
        "watchdog",
        "watchdog_timeout",
        "accept_pause_risk",
        "resets_max",
        "port",
    ];
    if kind == EngineKind::Heartbeat {
        for key in OWN {
            if let Some(value) = node.get(key) {
                mistakes.push(
                    Mistake::new(&value.at, format!("engine heartbeat has no `{key}`"))
                        .suggest("remove it, or use engine `clusterd`"),
                );
            }
        }
    }
    let lease = Lease {
        lease_ms: time("lease", deadtime_ms.saturating_mul(5)),
        stop_ms: time("stop", 3_000),
        watchdog_ms: time("watchdog_timeout", 2_000),
        resets_max: number(node, "resets_max"),
        port: number(node, "port"),
        watchdog: match node.get("watchdog").and_then(Node::text) {
            Some("none") => None,
            Some(path) => Some(path.to_owned()),
            None => Some("/dev/watchdog".to_owned()),
        },
        accept_pause_risk: is_true(node, "accept_pause_risk"),
        witness: node.get("witness").and_then(Node::spanned),
        voters: node.get("voters").map(Node::spanned_items),
        fence: node.get("fence").map(fence),
        reach: node.get("reach").map(|node| reach(node, mistakes)),
    };
    let ways = ["witness", "fence", "reach"].map(|key| node.get(key));
    if let [_, second, ..] = ways.into_iter().flatten().collect::<Vec<_>>()[..] {
        mistakes.push(
            Mistake::new(
                &second.at,
                "a pair has a witness, or fences, or goes by what it reaches: one of them",
            )
            .suggest("keep one of `witness`, `fence` and `reach`"),
        );
    }
    if let (Some(fence), Some(node)) = (&lease.fence, node.get("fence"))
        && fence.delay_ms <= fence.limit_ms
    {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "limit {} ms, delay {} ms",
                    fence.limit_ms, fence.delay_ms
                ))
                .expected("a delay that is longer than the limit, or both nodes go off"),
        );
    }
    if kind == EngineKind::Clusterd && lease.lease_ms < deadtime_ms.saturating_mul(3) {
        mistakes.push(
            Mistake::new(&node.at, "these times contradict each other")
                .found(format!(
                    "lease {} ms, deadtime {deadtime_ms} ms",
                    lease.lease_ms
                ))
                .expected("a lease of at least three deadtimes: an election must not end it"),
        );
    }
    lease
}

fn number<T: std::str::FromStr>(node: &Node, key: &str) -> Option<T> {
    node.get(key)?.text()?.parse().ok()
}

fn is_true(node: &Node, key: &str) -> bool {
    node.get(key).and_then(Node::text) == Some("true")
}

/// So long each level of fencing may take where nothing else is said.
const LEVEL_MS: u64 = 10_000;

fn fence(node: &Node) -> Fence {
    let time = |key: &str| node.get(key).and_then(Node::text).and_then(duration_ms);
    let next = node.get("next").map_or(&[][..], Node::items);
    let levels: Vec<_> = std::iter::once(node).chain(next).map(fence_level).collect();
    let limit_ms = time("limit").unwrap_or_else(|| levels.iter().map(|_| LEVEL_MS).sum());
    Fence {
        levels,
        first: node.get("first").and_then(Node::text).map(str::to_owned),
        limit_ms,
        delay_ms: time("delay").unwrap_or(limit_ms.saturating_add(5_000)),
        power_on: is_true(node, "power_on"),
    }
}

fn fence_level(node: &Node) -> FenceLevel {
    let texts = |key: &str| -> BTreeMap<String, String> {
        let entries = node.get(key).map_or(&[][..], Node::entries).iter();
        entries
            .filter_map(|(name, value)| Some((name.value.clone(), value.text()?.to_owned())))
            .collect()
    };
    let entries = node.get("secrets").map_or(&[][..], Node::entries).iter();
    let others = entries.filter_map(|(name, value)| Some((name.value.clone(), value.spanned()?)));
    let password = node.get("password").and_then(Node::spanned);
    let password = password.map(|name| ("password".to_owned(), name));
    FenceLevel {
        agent: text_of(node.get("agent")),
        parameters: texts("parameters"),
        addresses: texts("addresses"),
        plugs: texts("plugs"),
        secrets: others.chain(password).collect(),
    }
}

fn reach(node: &Node, mistakes: &mut Mistakes) -> Reach {
    let accepted = node.get("accept_split_brain_risk");
    if let Some(no) = accepted.filter(|node| node.text() == Some("false")) {
        mistakes.push(
            Mistake::new(
                &no.at,
                "`reach` is nothing for who does not accept its risk",
            )
            .expected("`accept_split_brain_risk: true`, or a `witness`, or `fence`"),
        );
    }
    let time = |key: &str| node.get(key).and_then(Node::text).and_then(duration_ms);
    Reach {
        pause_ms: time("pause"),
        wait_ms: time("wait"),
    }
}
