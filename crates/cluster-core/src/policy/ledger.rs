//! Where each score came from, and what rules a node out: written down while
//! the policy works, turned into words at the end.

use super::table::{NodeId, ResourceId, Table};
use cluster_model::Score;
use cluster_model::constraint::FailoverDomain;
use cluster_model::state::{Direction, Role};

/// What was added to scores, in order.
#[derive(Debug, Default)]
pub(super) struct Ledger<'a> {
    entries: Vec<LedgerEntry<'a>>,
}

/// One addition.
#[derive(Clone, Debug)]
pub(super) struct LedgerEntry<'a> {
    pub(super) resource: ResourceId,
    pub(super) node: NodeId,
    pub(super) score: Score,
    pub(super) why: Why<'a>,
}

/// Why something was added.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why<'a> {
    /// A location constraint.
    Location(&'a str),
    /// A location constraint for promoted instances; no part of the score by
    /// which nodes are chosen for instances.
    PromotedLocation(&'a str),
    /// The cluster places nothing where nothing lets it.
    NothingAllows,
    /// Its place in a failover domain.
    Domain(&'a FailoverDomain),
    /// Outside of a restricted failover domain.
    OutsideDomain(&'a FailoverDomain),
    /// A domain without fail-back: it stays where it is.
    NoFailBack(&'a FailoverDomain),
    /// What an operator asked for.
    Move(&'a Direction, u64),
    /// Only this node has the newest copy of its data.
    Outdated(&'a str),
    /// It runs there.
    Stickiness,
    /// There is no quorum.
    NoQuorum,
    /// It runs there and nobody may touch it.
    LeftAlone,
    /// Its own failures, and their limit.
    Failures(u32, u32),
    /// The failures of its group together, and their limit.
    GroupFailures(u32, u32),
    /// A start that failed, or a failure that no number of tries mends.
    FatalFailure,
    /// This operation failed on this node, and it is to stay stopped.
    StoppedByFailure(&'static str, NodeId),
    /// It follows another resource.
    With(Follow<'a>),
    /// Others follow it, and would like it there.
    FollowedBy(Follow<'a>),
    /// No more instances are wanted there.
    InstancesThere(u32),
    /// No more instances are wanted at all.
    InstancesEnough(u32),
    /// It is wanted stopped.
    WantedStopped,
    /// What the agent says of promotion there.
    PromotionScore,
}

/// A colocation that was applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follow<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) other: ResourceId,
    pub(super) role: Option<Role>,
}

impl<'a> Ledger<'a> {
    pub(super) fn add(&mut self, resource: ResourceId, node: NodeId, score: Score, why: Why<'a>) {
        self.entries.push(LedgerEntry {
            resource,
            node,
            score,
            why,
        });
    }

    /// Two resources take each other's entries.
    pub(super) fn trade(&mut self, one: ResourceId, other: ResourceId) {
        for entry in &mut self.entries {
            if entry.resource == one {
                entry.resource = other;
            } else if entry.resource == other {
                entry.resource = one;
            }
        }
    }

    /// A place to come back to.
    pub(super) fn mark(&self) -> usize {
        self.entries.len()
    }

    /// Forgets what was written since: it was taken back.
    pub(super) fn back_to(&mut self, mark: usize) {
        self.entries.truncate(mark);
    }

    pub(super) fn entries(&self) -> &[LedgerEntry<'a>] {
        &self.entries
    }
}

impl Why<'_> {
    /// In plain words.
    pub(super) fn words(&self, table: &Table) -> String {
        match self {
            Self::Location(id) => format!("location {id}"),
            Self::PromotedLocation(id) => format!("location {id}, for the promoted role"),
            Self::NothingAllows => {
                "nothing allows it there, and the cluster is asymmetric".to_owned()
            }
            Self::Domain(domain) if domain.ordered => {
                format!("its place in failover domain {}", domain.name)
            }
            Self::Domain(domain) => format!("a member of failover domain {}", domain.name),
            Self::OutsideDomain(domain) => {
                format!(
                    "outside of failover domain {}, which is restricted",
                    domain.name
                )
            }
            Self::NoFailBack(domain) => {
                format!(
                    "it runs there, and failover domain {} has no fail-back",
                    domain.name
                )
            }
            Self::Move(Direction::To(node), until) => {
                format!("an operator moved it to {node}, until {until} ms")
            }
            Self::Move(Direction::AwayFrom(node), until) => {
                format!("an operator moved it away from {node}, until {until} ms")
            }
            Self::Outdated(newest) => format!(
                "its copy of the data may be out of date: {newest} has the newest one (fence-peer)"
            ),
            Self::Stickiness => "stickiness: it runs there".to_owned(),
            Self::NoQuorum => "without quorum nothing starts and nothing moves".to_owned(),
            Self::LeftAlone => "it runs there and is left alone".to_owned(),
            Self::Failures(count, limit) => {
                format!("it failed {count} times there, and its migration threshold is {limit}")
            }
            Self::GroupFailures(count, limit) => format!(
                "the members of the group failed {count} times there together, and the limit of their sum is {limit}"
            ),
            Self::FatalFailure => {
                "it could not be started there, or failed in a way that trying again does not mend"
                    .to_owned()
            }
            Self::StoppedByFailure(operation, node) => format!(
                "its {operation} failed on {}, and it stays stopped until somebody cleans up (on-fail: stop)",
                table.nodes[*node].name
            ),
            Self::With(follow) => follow.words("follows", table),
            Self::FollowedBy(follow) => follow.words("is followed by", table),
            Self::InstancesThere(max) => format!("there are {max} instances on that node already"),
            Self::InstancesEnough(max) => format!("there are {max} instances already"),
            Self::WantedStopped => "it is wanted stopped".to_owned(),
            Self::PromotionScore => "the agent's promotion score".to_owned(),
        }
    }
}

impl Follow<'_> {
    fn words(&self, verb: &str, table: &Table) -> String {
        let other = &table.resources[self.other].name;
        let role = match self.role {
            Some(Role::Promoted) => " where promoted",
            _ => "",
        };
        match self.id {
            Some(id) => format!("{verb} {other}{role} (colocation {id})"),
            None => format!("{verb} {other} (same group)"),
        }
    }
}
