//! *obedient*: nothing is started on a node in standby, nor over its threshold of failures,
//! nor at all while everything is to be left alone.
//!
//! What was ordered before a node knew of that may still begin for a while: it waits for the
//! disk, or for an earlier operation.

use crate::clock::Moment;
use crate::invariants::{Verdict, Violation};
use crate::judge::Judge;
use crate::machine::{Daemon, Machine};
use crate::queue::Place;
use crate::topology::{FAILURE_TIMEOUT, MIGRATION_THRESHOLD, name_of};
use cluster_core::name::ResourceId;
use cluster_core::operation::OperationKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// An order may wait so long: two syncs of the slowest disk (4 s each), and an operation
/// with its limit (4 s) before it.
const BEGINS_WITHIN: Duration = Duration::from_secs(15);

/// Why a node shall start something no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ban {
    /// It is in standby.
    Standby,
    /// Everything is left alone.
    Maintenance,
    /// This failed there too often.
    Threshold(ResourceId),
}

/// What is forbidden to a node, and since when it has applied that.
pub(crate) type Bans = BTreeMap<Ban, Moment>;

impl Judge {
    /// A daemon has applied something.
    pub(crate) fn learn_bans<D: Daemon>(&mut self, machine: &Machine<D>, at: Place, now: Moment) {
        let Some(process) = &machine.process else {
            return;
        };
        let state = process.daemon.state();
        let known = std::mem::take(&mut self.dealings[at].bans);
        let standby = state.operators.standby.contains(&name_of(machine.node));
        let standby = standby.then_some(Ban::Standby);
        let maintenance = state.operators.all_maintenance;
        let maintenance = maintenance.then_some(Ban::Maintenance);
        let member = state.members.get(&machine.node);
        let resources = member.into_iter().flat_map(|member| &member.resources);
        let forgets_ms = u64::try_from(FAILURE_TIMEOUT.as_millis() / 2).unwrap_or(u64::MAX);
        let failed = resources.filter(|(_, local)| {
            let since_ms = state.clock_ms.saturating_sub(local.failed_ms);
            local.failures >= MIGRATION_THRESHOLD && since_ms < forgets_ms
        });
        let bans = failed.map(|(resource, _)| Ban::Threshold(*resource));
        let bans = bans.chain(standby).chain(maintenance);
        let since = |ban: &Ban| known.get(ban).copied().unwrap_or(now);
        self.dealings[at].bans = bans.map(|ban| (ban, since(&ban))).collect();
    }

    /// An operation begins.
    pub(crate) fn invariant_obedient<D: Daemon>(
        &self,
        machine: &Machine<D>,
        at: Place,
        now: Moment,
        resource: ResourceId,
        kind: OperationKind,
    ) -> Verdict {
        let concerns = |ban: &Ban| match ban {
            Ban::Standby | Ban::Maintenance => true,
            Ban::Threshold(which) => *which == resource,
        };
        let holds = |ban: &Ban, since: Moment| {
            let long = now.since(since);
            // Failures are forgotten after a while, and nothing in the log says so.
            let forgotten = matches!(ban, Ban::Threshold(_)) && long >= FAILURE_TIMEOUT / 2;
            long > BEGINS_WITHIN && !forgotten
        };
        let mut bans = self.dealings[at].bans.iter();
        let broken = bans.find(|(ban, since)| concerns(ban) && holds(ban, **since));
        match broken {
            Some((ban, since)) if kind.goes_up() => Err(Violation::of(
                "obedient",
                format!(
                    "{} begins {kind:?} of {resource}; {ban:?} counts since {since}",
                    machine.node
                ),
            )),
            _ => Ok(()),
        }
    }
}
