//! *durable*: what was committed is never lost.

use crate::invariants::{Verdict, Violation};
use crate::judge::{Judge, digest, entry_at, replaced};
use crate::machine::{Daemon, Machine};
use cluster_core::name::NodeId;
use cluster_core::state::State;
use std::collections::BTreeMap;

impl Judge {
    /// *durable*: what is applied anywhere is, or was before one was lost, on the disks
    /// of a majority. Where what is reached decides, who went on alone may have dropped what
    /// the other one, which does not know that yet, still hears the acknowledgement of.
    pub(crate) fn invariant_written_by_a_majority<D: Daemon>(
        &self,
        machines: &[Machine<D>],
        node: NodeId,
        state: &State,
    ) -> Verdict {
        let Some(first) = machines.first() else {
            return Ok(());
        };
        let went_on = |machine: &Machine<D>| machine.storage.epoch > state.epoch;
        if first.goes_by_reach() && machines.iter().any(went_on) {
            return Ok(());
        }
        let voters = match state.alone {
            Some(only) => [only].into(),
            None => first.settings.voters.clone(),
        };
        let mut copies: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        let mut snapshots = 0;
        for (machine, dealings) in machines.iter().zip(&self.dealings) {
            if !voters.contains(&machine.node) {
                continue;
            }
            let disks = std::iter::once(&machine.storage.kept).chain(&dealings.lost);
            let found = disks.clone().find_map(|disk| entry_at(disk, state.applied));
            if disks.clone().any(|disk| replaced(disk) >= state.applied) {
                snapshots += 1;
            } else if let Some(entry) = found {
                *copies.entry(digest(entry)).or_default() += 1;
            }
        }
        let most = copies.values().max().copied().unwrap_or(0);
        if most + snapshots > voters.len() / 2 {
            return Ok(());
        }
        Err(Violation::of(
            "durable",
            format!(
                "{node} applied entry {}, which no majority has on disk: {copies:?}",
                state.applied
            ),
        ))
    }
}
