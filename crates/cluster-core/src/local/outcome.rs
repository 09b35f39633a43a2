//! What the end of an operation says of its resource.

use super::{Local, Operation, is_well};
use crate::operation::{OperationKind, Outcome};
use crate::planted::Bug;
use crate::settings::Settings;
use crate::state::Standing;
use cluster_model::state::{Failed, Instance};

impl Local {
    pub(super) fn judge(
        &self,
        operation: &Operation,
        outcome: Outcome,
        settings: &Settings,
    ) -> Standing {
        let trusted = outcome == Outcome::TimedOut && settings.has(Bug::StopTimeoutTrusted);
        let before = self.standing(operation.resource);
        let was_promoted = matches!(before, Standing::Promoted | Standing::FailedPromoted);
        let failed = !operation.killed && outcome != Outcome::Killed;
        match (operation.kind, outcome) {
            // Whatever a look says: it counts as running until it is stopped, or the machine
            // is started anew.
            (OperationKind::Probe, _) if before == Standing::StopFailed => before,
            (
                OperationKind::Start | OperationKind::Probe | OperationKind::Demote,
                Outcome::Good,
            ) => Standing::Running,
            (OperationKind::Promote, Outcome::Good) | (OperationKind::Probe, Outcome::Promoted) => {
                Standing::Promoted
            }
            // The operator does not care.
            (OperationKind::Probe, _) if is_monitor(operation) && self.ignores(operation) => before,
            (OperationKind::Start, _) if failed && self.ignores(operation) => Standing::Running,
            (OperationKind::Promote, _) if failed && self.ignores(operation) => Standing::Promoted,
            (OperationKind::Probe, Outcome::NotRunning)
                if is_monitor(operation) && self.blocks(operation) =>
            {
                if was_promoted {
                    Standing::FailedPromoted
                } else {
                    Standing::Failed
                }
            }
            (OperationKind::Probe, Outcome::NotRunning) | (OperationKind::Stop, Outcome::Good) => {
                Standing::Stopped
            }
            // A look that was cut short says nothing.
            (OperationKind::Probe, Outcome::Killed) => before,
            // Whose agent is not even there was never started here; it cannot be stopped
            // either, and the node would go down for it.
            (OperationKind::Probe, Outcome::Fatal) if self.never_ran(before) => Standing::Stopped,
            (OperationKind::Stop, _) if trusted => Standing::Stopped,
            (OperationKind::Stop, _) => Standing::StopFailed,
            (OperationKind::Start, _) if settings.has(Bug::FailedStartForgotten) => before,
            (OperationKind::Promote, _) => Standing::FailedPromoted,
            _ if was_promoted => Standing::FailedPromoted,
            _ => Standing::Failed,
        }
    }

    fn ignores(&self, operation: &Operation) -> bool {
        let its = self.resources.get(operation.resource);
        let ignores = its.is_some_and(|its| its.ignores.contains(&operation.kind));
        let is_monitor = operation.kind == OperationKind::Probe;
        ignores && (!is_monitor || is_well(self.standing(operation.resource)))
    }

    fn blocks(&self, operation: &Operation) -> bool {
        let its = self.resources.get(operation.resource);
        is_well(self.standing(operation.resource)) && its.is_some_and(|its| its.blocks)
    }

    fn never_ran(&self, before: Standing) -> bool {
        before == Standing::Stopped || (before == Standing::Unknown && !self.inherited)
    }
}

/// A look that nobody ordered: it is made again and again.
fn is_monitor(operation: &Operation) -> bool {
    operation.kind == OperationKind::Probe && operation.order.is_none()
}

/// What failed, if this did.
pub(super) fn failed(operation: &Operation) -> Failed {
    Failed {
        start: operation.kind == OperationKind::Start,
        promote: operation.kind == OperationKind::Promote,
        demote: operation.kind == OperationKind::Demote,
        monitor: is_monitor(operation),
    }
}

/// What this operation counts among the failures of its resource. Who could not be
/// started is not tried again in the same place (Pacemaker's `start-failure-is-fatal`).
pub(super) fn failures_in(
    operation: &Operation,
    outcome: Outcome,
    before: Standing,
    standing: Standing,
) -> u32 {
    // What was cut short, or came too late to begin, says nothing about the resource.
    if operation.killed || outcome == Outcome::Killed {
        return 0;
    }
    let fatal = outcome == Outcome::Fatal;
    match operation.kind {
        OperationKind::Stop => 0,
        OperationKind::Probe if fatal && standing != before => Instance::FATAL,
        OperationKind::Probe => u32::from(is_well(before) && standing != before),
        _ if is_well(standing) => 0,
        OperationKind::Start => Instance::FATAL,
        OperationKind::Promote | OperationKind::Demote if fatal => Instance::FATAL,
        OperationKind::Promote | OperationKind::Demote => 1,
    }
}
