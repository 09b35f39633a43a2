//! The words for roles, operations and conditions.

use cluster_model::decision::Task;
use cluster_model::report::{Condition, Health, MemberStanding};
use cluster_model::state::{Observed, Operation, Role};

pub(super) fn health(health: Health) -> &'static str {
    match health {
        Health::Healthy => "healthy",
        Health::Degraded => "degraded",
        Health::Failed => "failed",
        Health::Unknown => "unknown",
    }
}

pub(super) fn standing(standing: MemberStanding) -> &'static str {
    match standing {
        MemberStanding::Online => "online",
        MemberStanding::Standby => "standby",
        MemberStanding::Maintenance => "maintenance",
        MemberStanding::Joining => "joining",
        MemberStanding::Condemned => "condemned",
        MemberStanding::Unclean => "unclean",
        MemberStanding::Offline => "offline",
    }
}

pub(super) fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Good => "good",
        Condition::Disabled => "disabled",
        Condition::Changing => "changing",
        Condition::Scarred => "scarred",
        Condition::Down => "down",
        Condition::Failed => "failed",
        Condition::Stuck => "stuck",
    }
}

pub(super) fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Probe => "probe",
        Operation::Start => "start",
        Operation::Stop => "stop",
        Operation::Promote => "promote",
        Operation::Demote => "demote",
    }
}

/// What is done, without where.
pub(super) fn task(task: &Task) -> String {
    match task {
        Task::Operate {
            operation: kind,
            resource,
        } => format!("{} {resource}", operation(*kind)),
        Task::Fence => "fence".to_owned(),
    }
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Stopped => "stopped",
        Role::Started => "started",
        Role::Promoted => "promoted",
    }
}

pub(super) fn observed(observed: Observed) -> &'static str {
    match observed {
        Observed::Unknown => "nobody looked yet",
        Observed::Stopped => "stopped",
        Observed::Started => "started",
        Observed::Promoted => "promoted",
        Observed::Failed { .. } => "failed",
        Observed::StopFailed => "could not be stopped",
        Observed::Blocked { .. } => "failed, and is left alone",
    }
}

/// `once`, `2 times`; what no number of tries mends is said to be so.
pub(super) fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        cluster_model::state::Instance::FATAL.. => "for good".to_owned(),
        many => format!("{many} times"),
    }
}
