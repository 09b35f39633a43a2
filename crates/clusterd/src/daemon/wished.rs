//! What operators asked for, as `status` tells it: with what is left of its time.

use super::machine::Machine;
use cluster_core::operators;
use cluster_model::report::{Halted, Operators, Outdated};
use cluster_model::state::Move;
use std::collections::BTreeMap;

/// What operators asked for, at `now_ms` of the cluster's time.
pub(super) fn wished(machine: &Machine, now_ms: u64) -> Operators {
    let settings = machine.node.settings();
    let asked = &machine.node.state().operators;
    Operators {
        maintenance: asked.all_maintenance,
        moves: moves(&asked.moves, now_ms),
        targets: asked.targets.clone(),
        unmanaged: asked.unmanaged.iter().cloned().collect(),
        halted: asked.halted.map(|halted| Halted {
            at: settings.name_of(halted.at).to_owned(),
            since_ms: now_ms.saturating_sub(halted.since_ms),
        }),
        outdated: outdated(&asked.outdated, now_ms),
    }
}

/// Whose data are the newest, and how long ago that was said.
fn outdated(
    asked: &BTreeMap<String, operators::Outdated>,
    now_ms: u64,
) -> BTreeMap<String, Outdated> {
    asked
        .iter()
        .map(|(resource, known)| {
            let outdated = Outdated {
                but: known.but.clone(),
                since_ms: known.since_ms,
                age_ms: now_ms.saturating_sub(known.since_ms),
            };
            (resource.clone(), outdated)
        })
        .collect()
}

/// Moves, with what is left of their time.
fn moves(moves: &[Move], now_ms: u64) -> Vec<Move> {
    let left = moves.iter().filter(|one| now_ms < one.until_ms);
    left.map(|one| Move {
        until_ms: one.until_ms - now_ms,
        ..one.clone()
    })
    .collect()
}
