//! What has to happen to each primitive by itself, and to what needs it.

use super::super::goals::{Goals, Needs};
use super::super::table::{NodeId, ResourceId, Shape, Table};
use cluster_model::state::{Authority, Observed, Operation, Presence, Role};

/// What has to happen to a primitive.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) demote: Vec<NodeId>,
    pub(super) stop: Vec<NodeId>,
    pub(super) start: Option<NodeId>,
    pub(super) promote: Option<NodeId>,
    /// It is active there, and only fencing or certainty ends that.
    pub(super) lost: Vec<NodeId>,
    pub(super) cause: Option<Cause>,
}

/// Why something that runs does not go on as it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// Another place, or none, was chosen for it.
    Place,
    /// It failed.
    Failed,
    /// Its stop or demotion is on its way, and it is wanted all the same.
    Falling,
    /// It runs in more than one place.
    TwoPlaces,
    /// What it needs stops for a while: the number of the need.
    Need(usize),
}

/// The courses of all resources; those of groups and clones are empty.
pub(super) fn courses(table: &Table, goals: &Goals, needs: &Needs) -> Vec<Course> {
    let mut courses: Vec<Course> = (0..table.resources.len())
        .map(|id| own_course(table, goals, id))
        .collect();
    let mut open: Vec<ResourceId> = (0..courses.len()).rev().collect();
    // A course only ever gets longer, so this ends.
    while let Some(id) = open.pop() {
        for &number in &needs.of[id] {
            let need = &needs.all[number];
            if !need.mandatory || !need.symmetrical || goals.is_fixed(table, id) {
                continue;
            }
            if holds_on(table, &courses, need.outlast.as_slice(), need.required) {
                continue;
            }
            if interrupt(table, goals, &mut courses[id], id, need.level, number) {
                open.extend(needs.on[id].iter().map(|&number| needs.all[number].who));
            }
        }
    }
    courses
}

/// Whether one of these is what it must be, and stays so all the time.
fn holds_on(table: &Table, courses: &[Course], on: &[ResourceId], required: Role) -> bool {
    on.iter().any(|&on| {
        let course = &courses[on];
        let entry = &table.resources[on];
        let falls = |node: &NodeId| {
            course.stop.contains(node)
                || course.lost.contains(node)
                || (required == Role::Promoted && course.demote.contains(node))
        };
        entry
            .active
            .iter()
            .any(|(node, observed)| observed.role() >= required && !falls(node))
    })
}

fn own_course(table: &Table, goals: &Goals, id: ResourceId) -> Course {
    let entry = &table.resources[id];
    let mut course = Course::default();
    if !matches!(entry.shape, Shape::Primitive(_)) || goals.is_fixed(table, id) {
        return course;
    }
    let goal = goals.of[id];
    // Without quorum nothing starts, so nothing is stopped to be started again.
    let may_restart = table.state.authority != Authority::None;
    let is_up = |observed: Observed| observed.role() > Role::Stopped;
    let scattered = entry.active.iter().filter(|(_, seen)| is_up(*seen)).count() > 1;
    for &(node, observed) in &entry.active {
        let at = &table.nodes[node];
        if at.fence.is_some() || at.presence() == Presence::Unclean {
            course.lost.push(node);
            course.cause.get_or_insert(Cause::Place);
            continue;
        }
        if at.presence() != Presence::Online {
            // It is still joining: nobody may touch it yet.
            course.lost.push(node);
            continue;
        }
        let here = goal.filter(|(place, _)| *place == node);
        if here.is_some() && !is_up(observed) {
            // It is being started there, as it should.
            continue;
        }
        let falls = |operation| entry.pending.contains(&(node, operation));
        let failed = matches!(observed, Observed::Failed { .. });
        let cause = match here {
            None => Some(Cause::Place),
            Some(_) if scattered && may_restart => Some(Cause::TwoPlaces),
            Some(_) if failed && may_restart => Some(Cause::Failed),
            Some(_) if falls(Operation::Stop) => Some(Cause::Falling),
            Some(_) => None,
        };
        // What failed is stopped outright: a demotion that fails again and again
        // would never come to an end, a stop that fails does.
        let promoted = observed.role() == Role::Promoted && !failed;
        let keeps_promotion = here.is_some_and(|(_, role)| role == Role::Promoted);
        if promoted && (cause.is_some() || !keeps_promotion || falls(Operation::Demote)) {
            course.demote.push(node);
        }
        if let Some(cause) = cause {
            course.stop.push(node);
            course.cause.get_or_insert(cause);
        }
    }
    if let Some((node, role)) = goal {
        let stays = entry
            .active
            .iter()
            .find(|(at, seen)| *at == node && is_up(*seen) && !course.stop.contains(at));
        if stays.is_none() {
            course.start = Some(node);
        }
        let is_promoted = stays.is_some_and(|(_, observed)| observed.role() == Role::Promoted)
            && !course.demote.contains(&node);
        if role == Role::Promoted && !is_promoted {
            course.promote = Some(node);
        }
    }
    course
}

/// What something needs goes away for a while: it stops, or is demoted, before,
/// and comes back after. Says whether that changed anything.
fn interrupt(
    table: &Table,
    goals: &Goals,
    course: &mut Course,
    id: ResourceId,
    level: Role,
    need: usize,
) -> bool {
    let mut changed = false;
    for &(node, observed) in &table.resources[id].active {
        if observed.role() == Role::Stopped {
            // It is being started; its next step waits anyway.
            continue;
        }
        if course.lost.contains(&node) || course.stop.contains(&node) {
            continue;
        }
        let failed = matches!(observed, Observed::Failed { .. });
        let promoted = observed.role() == Role::Promoted && !failed;
        if promoted && !course.demote.contains(&node) {
            course.demote.push(node);
            changed = true;
        }
        if level == Role::Started {
            course.stop.push(node);
            changed = true;
        }
    }
    if changed {
        course.cause.get_or_insert(Cause::Need(need));
        if let Some((node, role)) = goals.of[id] {
            if level == Role::Started {
                course.start = Some(node);
            }
            if role == Role::Promoted {
                course.promote = Some(node);
            }
        }
    }
    changed
}
