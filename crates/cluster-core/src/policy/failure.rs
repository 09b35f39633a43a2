//! What a failure means, by `on-fail` of the operation that failed.
//!
//! As in "Pacemaker Explained" (operation properties), and as its scheduler does it:
//! of several failures the worst counts; `stop`, `standby` and `fence` outlast the
//! recovery, until somebody cleans up or the failure is forgotten; `block` is never
//! forgotten; where nothing is fenced, `fence` is `stop`.

use cluster_model::configuration::{Configuration, OnFail, OperationOptions, Primitive};
use cluster_model::state::{Failed, Instance};

/// What a failure means, and what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) on_fail: OnFail,
    /// The operation, in a word.
    pub(super) operation: &'static str,
}

/// The worst that the failures of a primitive on a node mean; `None`: no more than that
/// it is started again.
pub(super) fn meaning(
    configuration: &Configuration,
    primitive: &Primitive,
    instance: &Instance,
    is_forgotten: bool,
) -> Option<Meaning> {
    let operations = &primitive.operations;
    let Failed {
        start,
        promote,
        demote,
        monitor,
    } = instance.failed;
    let said = |options: &OperationOptions| {
        let default = configuration.operation_defaults.on_fail;
        let on_fail = options.on_fail.or(default)?;
        let devices = configuration.options.fencing;
        let is_possible = on_fail != OnFail::Fence || devices;
        Some(if is_possible { on_fail } else { OnFail::Stop })
    };
    let monitors = operations.monitors.iter();
    let looks = monitors.filter_map(|one| said(&one.options)).max();
    let looks = if operations.monitors.is_empty() {
        said(&OperationOptions::default())
    } else {
        looks
    };
    let all = [
        (start, said(&operations.start), "start"),
        (promote, said(&operations.promote), "promotion"),
        (demote, said(&operations.demote), "demotion"),
        (monitor, looks, "monitor"),
    ];
    let counts = all.into_iter().filter_map(|(failed, on_fail, operation)| {
        let on_fail = on_fail.filter(|on_fail| failed && *on_fail > OnFail::Restart)?;
        let lasts = !is_forgotten || on_fail == OnFail::Block;
        lasts.then_some(Meaning { on_fail, operation })
    });
    counts.max_by_key(|meaning| meaning.on_fail)
}

/// Was the last failure so long ago that it counts no more?
pub(super) fn is_forgotten(instance: &Instance, timeout_ms: Option<u64>, now_ms: u64) -> bool {
    timeout_ms.is_some_and(|timeout| now_ms > instance.last_failure_ms.saturating_add(timeout))
}
