//! Colocations between resources, those inside of groups included.

use super::table::{ResourceId, Shape, Table};
use cluster_model::Score;
use cluster_model::state::Role;

/// Place of a colocation in [`Links::all`].
pub(super) type LinkId = usize;

/// One colocation.
#[derive(Clone, Debug)]
pub(super) struct Link<'a> {
    /// `None`: members of one group.
    pub(super) id: Option<&'a str>,
    pub(super) dependent: ResourceId,
    pub(super) dependent_role: Option<Role>,
    pub(super) primary: ResourceId,
    pub(super) primary_role: Option<Role>,
    pub(super) score: Score,
}

/// All colocations, by both ends.
#[derive(Debug)]
pub(super) struct Links<'a> {
    pub(super) all: Vec<Link<'a>>,
    /// Colocations in which the resource follows.
    pub(super) following: Vec<Vec<LinkId>>,
    /// Colocations in which the resource is followed.
    pub(super) followed: Vec<Vec<LinkId>>,
}

impl<'a> Links<'a> {
    pub(super) fn new(table: &mut Table<'a>) -> Self {
        let mut all = Vec::new();
        for resource in &table.resources {
            let Shape::Group { members, .. } = &resource.shape else {
                continue;
            };
            for pair in members.windows(2) {
                all.push(Link {
                    id: None,
                    dependent: pair[1],
                    dependent_role: None,
                    primary: pair[0],
                    primary_role: None,
                    score: Score::INFINITY,
                });
            }
        }
        for colocation in &table.configuration.colocations {
            let ends = (
                table.item_called(&colocation.resource),
                table.item_called(&colocation.with),
            );
            let (Some(dependent), Some(primary)) = ends else {
                table.notes.push(format!(
                    "colocation {} names a resource that does not exist; it counts for nothing",
                    colocation.id
                ));
                continue;
            };
            if colocation.score != Score::ZERO && dependent != primary {
                all.push(Link {
                    id: Some(&colocation.id),
                    dependent,
                    dependent_role: colocation.role,
                    primary,
                    primary_role: colocation.with_role,
                    score: colocation.score,
                });
            }
        }
        let mut links = Self {
            following: vec![Vec::new(); table.resources.len()],
            followed: vec![Vec::new(); table.resources.len()],
            all,
        };
        for (id, link) in links.all.iter().enumerate() {
            links.following[link.dependent].push(id);
            links.followed[link.primary].push(id);
        }
        links
    }

    /// What a resource follows, most important first. The first member of a
    /// group follows for the group, and instances for their clone: `spread`
    /// says that the clone has room on every node, so that what is neither
    /// "always" nor negative does not bind instances.
    pub(super) fn following_of(&self, table: &Table, id: ResourceId, spread: bool) -> Vec<LinkId> {
        self.effective(table, id, spread, &self.following, true)
    }

    /// What follows a resource, most important first; the last member of a
    /// group is followed for the group.
    pub(super) fn followed_of(&self, table: &Table, id: ResourceId, spread: bool) -> Vec<LinkId> {
        self.effective(table, id, spread, &self.followed, false)
    }

    fn effective(
        &self,
        table: &Table,
        id: ResourceId,
        spread: bool,
        by_resource: &[Vec<LinkId>],
        following: bool,
    ) -> Vec<LinkId> {
        let mut found = by_resource[id].clone();
        let mut at = id;
        while let Some(parent) = table.resources[at].parent {
            match &table.resources[parent].shape {
                Shape::Group { members, .. } => {
                    let end = if following {
                        members.first()
                    } else {
                        members.last()
                    };
                    if end != Some(&at) {
                        break;
                    }
                    found.extend(&by_resource[parent]);
                }
                Shape::Clone { .. } => {
                    found.extend(by_resource[parent].iter().filter(|link| {
                        let score = self.all[**link].score;
                        !spread || score < Score::ZERO || score.is_always()
                    }));
                }
                Shape::Primitive(_) => break,
            }
            at = parent;
        }
        if found.len() > 1 {
            let other = |link: &LinkId| {
                let link = &self.all[*link];
                if following {
                    link.primary
                } else {
                    link.dependent
                }
            };
            found.sort_by_cached_key(|link| {
                let other = other(link);
                let entry = &table.resources[other];
                let weight = match entry.shape {
                    Shape::Clone { .. } => 2,
                    Shape::Group { .. } => 1,
                    Shape::Primitive(_) => 0,
                };
                (
                    std::cmp::Reverse(entry.settled.priority),
                    std::cmp::Reverse(weight),
                    table.promotable(other).is_none(),
                    entry.name.clone(),
                )
            });
        }
        found
    }
}
