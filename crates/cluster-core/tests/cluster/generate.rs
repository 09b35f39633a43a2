//! Clusters by chance, and smaller ones when something is found.

use super::build::Case;
use cluster_model::Score;
use cluster_model::configuration::{Item, OnFail, Promotable, TargetRole};
use cluster_model::constraint::OrderKind;
use cluster_model::state::{Observed, Presence, Role};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NODES: [&str; 3] = ["a", "b", "c"];

/// What kinds of things a generated cluster has in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breadth {
    pub(crate) clones: bool,
    pub(crate) promotables: bool,
    pub(crate) orders: bool,
    /// Nodes in maintenance and unmanaged resources.
    pub(crate) left_alone: bool,
    /// Failures that mean more than that it is started again.
    pub(crate) on_fail: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Primitive,
    Group(usize),
    Clone(Option<u32>),
    Promotable,
}

#[derive(Clone, Debug)]
struct Part {
    kind: Kind,
    stickiness: Option<i32>,
    priority: Option<i32>,
    threshold: Option<u32>,
    target: Option<TargetRole>,
    /// Where it runs, for what is no clone; several for clones.
    place: Option<usize>,
    also: Option<usize>,
    /// Member, node, count; whether it has failed at this moment.
    failure: Option<(usize, usize, u32, bool)>,
    /// What that means.
    on_fail: Option<OnFail>,
    promotion: [Option<i32>; 3],
    unmanaged: bool,
}

fn score() -> impl Strategy<Value = i32> {
    prop_oneof![
        3 => Just(Score::INFINITY.value()),
        2 => Just(Score::MINUS_INFINITY.value()),
        5 => -300..600,
        1 => Just(1),
    ]
}

fn part(breadth: Breadth) -> impl Strategy<Value = Part> {
    let clones = u32::from(breadth.clones);
    let promotables = u32::from(breadth.promotables);
    let kind = prop_oneof![
        4 => Just(Kind::Primitive),
        3 => (1..4_usize).prop_map(Kind::Group),
        2 * clones => prop::option::of(1..4_u32).prop_map(Kind::Clone),
        2 * promotables => Just(Kind::Promotable),
    ];
    let failure = (0..3_usize, 0..3_usize, 1..4_u32, any::<bool>());
    let promotion = prop::option::of(prop_oneof![Just(5), 0..40]);
    let meanings: &[Option<OnFail>] = if breadth.on_fail {
        &[
            None,
            Some(OnFail::Block),
            Some(OnFail::Stop),
            Some(OnFail::Standby),
        ]
    } else {
        &[None]
    };
    let on_fail = prop::sample::select(meanings);
    (
        kind,
        prop::option::weighted(0.3, 0..300),
        prop::option::weighted(0.2, -10..20),
        prop::option::weighted(0.3, 1..4_u32),
        prop::option::weighted(0.1, Just(TargetRole::Stopped)),
        prop::option::weighted(0.7, 0..3_usize),
        prop::option::weighted(0.7, 0..3_usize),
        (prop::option::weighted(0.3, failure), on_fail),
        [promotion.clone(), promotion.clone(), promotion],
        prop::bool::weighted(if breadth.left_alone { 0.05 } else { 0.0 }),
    )
        .prop_map(
            |(
                kind,
                stickiness,
                priority,
                threshold,
                target,
                place,
                also,
                (failure, on_fail),
                promotion,
                unmanaged,
            )| Part {
                kind,
                stickiness,
                priority,
                threshold,
                target,
                place,
                also,
                failure,
                on_fail,
                promotion,
                unmanaged,
            },
        )
}

/// A cluster of three nodes with a few resources.
pub(crate) fn case(breadth: Breadth) -> impl Strategy<Value = Case> {
    let pair = (0..5_usize, 0..5_usize, score());
    let orders = if breadth.orders { 3 } else { 0 };
    (
        prop::collection::vec(part(breadth), 1..6),
        prop::collection::vec((0..5_usize, 0..3_usize, score()), 0..5),
        prop::collection::vec(pair, 0..4),
        prop::collection::vec((0..5_usize, 0..5_usize, any::<bool>()), 0..=orders),
        prop::option::weighted(0.5, 0..200),
        prop::collection::vec(
            prop_oneof![6 => Just(0), 1 => Just(1), 1 => Just(2), u32::from(breadth.left_alone) => Just(3)],
            3,
        ),
    )
        .prop_map(|(parts, locations, pairs, orders, stickiness, nodes)| {
            assemble(&parts, &locations, &pairs, &orders, stickiness, &nodes)
        })
}

fn assemble(
    parts: &[Part],
    locations: &[(usize, usize, i32)],
    pairs: &[(usize, usize, i32)],
    orders: &[(usize, usize, bool)],
    stickiness: Option<i32>,
    nodes: &[i32],
) -> Case {
    let mut case = Case::on(&NODES);
    if let Some(value) = stickiness {
        case = case.defaults(|options| options.stickiness = Some(Score::new(value)));
    }
    for (number, part) in parts.iter().enumerate() {
        case = add(case, number, part);
    }
    case = case.probed();
    for (number, part) in parts.iter().enumerate() {
        case = live(case, number, part);
    }
    for (resource, node, score) in locations {
        if *resource < parts.len() {
            case = case.located(&name(*resource), NODES[*node], *score);
        }
    }
    let mut paired = BTreeSet::new();
    for (one, other, score) in pairs {
        // Only forward, so that nothing runs in circles, and once: of two that
        // contradict each other, Pacemaker's inner order decides.
        if one < other && *other < parts.len() && paired.insert((one, other)) {
            case = case.together(&name(*other), &name(*one), *score);
        }
    }
    let mut ordered = BTreeSet::new();
    for (one, other, mandatory) in orders {
        // Of two orders of one pair, Pacemaker forgets the stricter one.
        if one < other && *other < parts.len() && ordered.insert((one, other)) {
            let kind = if *mandatory {
                OrderKind::Mandatory
            } else {
                OrderKind::Optional
            };
            case = case.ordered(&name(*one), &name(*other), kind);
        }
    }
    for (node, what) in NODES.iter().zip(nodes) {
        case = case.node(node, |node| match what {
            1 => node.standby = true,
            2 => node.presence = Presence::Gone,
            3 => node.maintenance = true,
            _ => {}
        });
    }
    case
}

fn name(number: usize) -> String {
    format!("r{number}")
}

fn members(number: usize, part: &Part) -> Vec<String> {
    match part.kind {
        Kind::Primitive => vec![name(number)],
        Kind::Group(count) => (0..count).map(|m| format!("r{number}m{m}")).collect(),
        Kind::Clone(_) | Kind::Promotable => vec![format!("r{number}i")],
    }
}

fn add(case: Case, number: usize, part: &Part) -> Case {
    let (name, members) = (name(number), members(number, part));
    let names: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut case = match part.kind {
        Kind::Primitive => case.primitive(&name),
        Kind::Group(_) => case.group(&name, &names),
        Kind::Clone(max) => case.clone_of(&name, names[0], max),
        Kind::Promotable => case.clone_of(&name, names[0], None).changed(&name, |item| {
            if let Item::Clone(clone) = item {
                clone.promotable = Some(Promotable::default());
            }
        }),
    };
    if part.unmanaged {
        case.state.unmanaged.insert(name.clone());
    }
    case.with(&name, |options| {
        options.stickiness = part.stickiness.map(Score::new);
        options.priority = part.priority;
        options.migration_threshold = part.threshold;
        options.target_role = part.target;
    })
}

/// What runs, and what has failed.
fn live(mut case: Case, number: usize, part: &Part) -> Case {
    let members = members(number, part);
    let is_clone = matches!(part.kind, Kind::Clone(_) | Kind::Promotable);
    let mut places: Vec<usize> = part.place.into_iter().collect();
    if is_clone {
        places.extend(part.also.filter(|also| part.place != Some(*also)));
        // Of more than it may, Pacemaker keeps whichever it happens to read first.
        if let Kind::Clone(Some(max)) = part.kind {
            places.truncate(max as usize);
        }
    }
    for member in &members {
        for place in &places {
            case = case.runs(member, NODES[*place]);
        }
    }
    if let Kind::Promotable = part.kind {
        for (node, score) in NODES.iter().zip(part.promotion) {
            if let Some(score) = score {
                case = case.promotes(&members[0], node, score);
            }
        }
        if let (Some(place), true) = (part.place, part.promotion[0].is_some()) {
            case = case.seen(&members[0], NODES[place], Observed::Promoted);
        }
    }
    if let Some((member, node, count, now)) = part.failure {
        let member = &members[member % members.len()];
        case = case.failed(member, NODES[node], count);
        if let Some(on_fail) = part.on_fail {
            case = case.on_fail(member, on_fail);
            case.instance(member, NODES[node]).failed.monitor = true;
        }
        if now && places.contains(&node) && !is_clone {
            case = case.seen(
                member,
                NODES[node],
                Observed::Failed {
                    role: Role::Started,
                },
            );
        }
    }
    case
}
