//! What each primitive is to become, once it is known what needs what: nothing
//! runs whose needs are not met.

use super::placer::Placer;
use super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::constraint::{Order, OrderKind, OrderedAction};
use cluster_model::state::Role;

/// A role on a node.
pub(super) type Goal = Option<(NodeId, Role)>;

/// A primitive needs one of some others, or just comes after them.
#[derive(Clone, Debug)]
pub(super) struct Need<'a> {
    /// The order constraint; `None`: the order of a group.
    pub(super) id: Option<&'a str>,
    /// Who needs.
    pub(super) who: ResourceId,
    /// For what: to be started, or promoted.
    pub(super) level: Role,
    /// Whom; any one of them is enough.
    pub(super) on: Vec<ResourceId>,
    /// Who must outlast it on the way down.
    pub(super) outlast: Vec<ResourceId>,
    /// What they must be.
    pub(super) required: Role,
    /// `false`: it only comes after them when both happen.
    pub(super) mandatory: bool,
    /// It also goes before them on the way down.
    pub(super) symmetrical: bool,
}

/// Needs, by both ends.
#[derive(Debug)]
pub(super) struct Needs<'a> {
    pub(super) all: Vec<Need<'a>>,
    /// Per resource: what it needs.
    pub(super) of: Vec<Vec<usize>>,
    /// Per resource: who needs it.
    pub(super) on: Vec<Vec<usize>>,
    /// Orders that begin with something going down: what, then what.
    pub(super) downward: Vec<(&'a Order, Vec<ResourceId>, Vec<ResourceId>)>,
    pub(super) notes: Vec<String>,
}

impl<'a> Needs<'a> {
    /// `chosen`: where instances are; those of interleaved clones need their
    /// neighbours only.
    pub(super) fn new(table: &Table<'a>, chosen: &[Option<NodeId>]) -> Self {
        let mut needs = Self {
            all: Vec::new(),
            of: vec![Vec::new(); table.resources.len()],
            on: vec![Vec::new(); table.resources.len()],
            downward: Vec::new(),
            notes: Vec::new(),
        };
        for (id, entry) in table.resources.iter().enumerate() {
            if let Shape::Group { members, .. } = &entry.shape {
                let outer = table.outermost(id);
                for pair in members.windows(2) {
                    needs.add(None, pair[1], Role::Started, vec![pair[0]], Role::Started);
                    if table.promotable(outer).is_some() {
                        needs.add(None, pair[1], Role::Promoted, vec![pair[0]], Role::Promoted);
                    }
                }
            }
        }
        for order in &table.configuration.orders {
            needs.order(table, chosen, order);
        }
        needs
    }

    fn add(
        &mut self,
        id: Option<&'a str>,
        who: ResourceId,
        level: Role,
        on: Vec<ResourceId>,
        required: Role,
    ) {
        self.push(Need {
            id,
            who,
            level,
            outlast: on.clone(),
            on,
            required,
            mandatory: true,
            symmetrical: true,
        });
    }

    fn push(&mut self, need: Need<'a>) {
        let number = self.all.len();
        self.of[need.who].push(number);
        for on in &need.on {
            self.on[*on].push(number);
        }
        for on in &need.outlast {
            if !need.on.contains(on) {
                self.on[*on].push(number);
            }
        }
        self.all.push(need);
    }

    fn order(&mut self, table: &Table<'a>, chosen: &[Option<NodeId>], order: &'a Order) {
        let ends = (
            table.item_called(&order.first),
            table.item_called(&order.then),
        );
        let (Some(first), Some(then)) = ends else {
            self.notes.push(format!(
                "order {} names a resource that does not exist; it counts for nothing",
                order.id
            ));
            return;
        };
        let up = |action: OrderedAction| match action {
            OrderedAction::Start => Some(Role::Started),
            OrderedAction::Promote => Some(Role::Promoted),
            OrderedAction::Demote | OrderedAction::Stop => None,
        };
        let (Some(required), Some(level)) = (up(order.first_action), up(order.then_action)) else {
            self.downward
                .push((order, table.primitives(first), table.primitives(then)));
            return;
        };
        // A group is up once its last member is, and waits with its first.
        let ons: Vec<ResourceId> = instances(table, first)
            .into_iter()
            .filter_map(|it| table.primitives(it).last().copied())
            .collect();
        for it in instances(table, then) {
            let Some(who) = table.primitives(it).first().copied() else {
                continue;
            };
            // Neighbours, where they will be and where they are.
            let (on, outlast) = if is_interleaved(table, then) && is_clone(table, first) {
                let meets =
                    |on: &&ResourceId| chosen[**on].is_some() && chosen[**on] == chosen[who];
                let met = |on: &&ResourceId| table.share_a_node(**on, who);
                (
                    ons.iter().filter(meets).copied().collect(),
                    ons.iter().filter(met).copied().collect(),
                )
            } else {
                (ons.clone(), ons.clone())
            };
            self.push(Need {
                id: Some(&order.id),
                who,
                level,
                on,
                outlast,
                required,
                mandatory: order.kind == OrderKind::Mandatory,
                symmetrical: order.symmetrical,
            });
        }
    }
}

fn instances(table: &Table, id: ResourceId) -> Vec<ResourceId> {
    match &table.resources[id].shape {
        Shape::Clone { instances, .. } => instances.clone(),
        _ => vec![id],
    }
}

fn is_clone(table: &Table, id: ResourceId) -> bool {
    matches!(table.resources[id].shape, Shape::Clone { .. })
}

fn is_interleaved(table: &Table, id: ResourceId) -> bool {
    matches!(&table.resources[id].shape, Shape::Clone { clone, .. } if clone.interleave)
}

/// What each primitive is to become, and why less than its place would let it.
#[derive(Debug)]
pub(super) struct Goals {
    /// Per resource: what it is to become.
    pub(super) of: Vec<Goal>,
    /// Per resource: the need that is not met.
    pub(super) unmet: Vec<Option<usize>>,
    /// Per resource: something needs it that is active and will not stop, so it
    /// may not stop either: the number of that need.
    pub(super) pinned: Vec<Option<usize>>,
}

impl Goals {
    /// Nothing is done to it.
    pub(super) fn is_fixed(&self, table: &Table, id: ResourceId) -> bool {
        table.is_left_alone(id) || self.pinned[id].is_some()
    }

    /// What is left alone keeps what it needs where that is.
    fn pin(&mut self, table: &Table, needs: &Needs) {
        let mut open: Vec<ResourceId> = (0..table.resources.len())
            .filter(|&id| table.is_left_alone(id))
            .collect();
        while let Some(who) = open.pop() {
            for &number in &needs.of[who] {
                let need = &needs.all[number];
                let active = table.resources[who]
                    .active
                    .iter()
                    .any(|(_, observed)| observed.role() >= need.level);
                let [on] = need.outlast[..] else {
                    // One of several stays, and that is enough.
                    continue;
                };
                if !active || !need.mandatory || !need.symmetrical || self.is_fixed(table, on) {
                    continue;
                }
                let stands = table.resources[on]
                    .active
                    .iter()
                    .find(|(_, observed)| observed.role() >= need.required);
                if let Some((node, observed)) = stands {
                    self.pinned[on] = Some(number);
                    self.of[on] = Some((*node, observed.role()));
                    open.push(on);
                }
            }
        }
    }
}

/// Works them out.
pub(super) fn goals(placer: &Placer, needs: &Needs) -> Goals {
    let table = placer.table;
    let count = table.resources.len();
    let mut work = Goals {
        of: vec![None; count],
        unmet: vec![None; count],
        pinned: vec![None; count],
    };
    let mut open: Vec<ResourceId> = Vec::new();
    for id in 0..count {
        if !matches!(table.resources[id].shape, Shape::Primitive(_)) {
            continue;
        }
        work.of[id] = if table.is_left_alone(id) {
            let mut active = table.resources[id].active.iter();
            active
                .find(|(_, observed)| observed.role() > Role::Stopped)
                .map(|(node, observed)| (*node, observed.role()))
        } else {
            placer.chosen[id].map(|node| (node, placer.role[id]))
        };
        open.push(id);
    }
    // A goal only ever gets lower, so this ends.
    while let Some(id) = open.pop() {
        let Some((node, role)) = work.of[id] else {
            continue;
        };
        if table.is_left_alone(id) {
            continue;
        }
        for &number in &needs.of[id] {
            let need = &needs.all[number];
            if !need.mandatory || need.level > role || is_met(table, need, &work.of) {
                continue;
            }
            work.unmet[id] = Some(number);
            work.of[id] = (need.level == Role::Promoted).then_some((node, Role::Started));
            open.extend(needs.on[id].iter().map(|&number| needs.all[number].who));
            open.push(id);
            break;
        }
    }
    work.pin(table, needs);
    work
}

/// What failed and is blocked is where it is, and of no use to anybody.
fn is_met(table: &Table, need: &Need, goals: &[Goal]) -> bool {
    need.on.iter().any(|&on| {
        !table.is_blocked(on) && goals[on].is_some_and(|(_, role)| role >= need.required)
    })
}
