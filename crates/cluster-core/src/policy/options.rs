//! What a resource's options come to once groups, clones, defaults and
//! operators have had their say.

use cluster_model::Score;
use cluster_model::configuration::{Configuration, OnFail, Primitive, ResourceOptions, TargetRole};
use cluster_model::state::ClusterState;

/// The options of a resource, settled.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) priority: i32,
    pub(super) stickiness: Score,
    pub(super) migration_threshold: Option<u32>,
    pub(super) failure_timeout_ms: Option<u64>,
    pub(super) target: TargetRole,
    pub(super) managed: bool,
}

/// What stands above a resource, nearest first: its group, its clone, the
/// defaults of the cluster.
#[derive(Clone, Debug)]
pub(super) struct Inherited<'a> {
    state: &'a ClusterState,
    above: Vec<&'a ResourceOptions>,
    in_clone: bool,
    /// What operators said of something above.
    target: Option<TargetRole>,
    unmanaged: bool,
}

impl<'a> Inherited<'a> {
    pub(super) fn new(configuration: &'a Configuration, state: &'a ClusterState) -> Self {
        Self {
            state,
            above: vec![&configuration.resource_defaults],
            in_clone: false,
            target: None,
            unmanaged: state.maintenance,
        }
    }

    /// The same, for instances: they stay where they are by default.
    pub(super) fn in_clone(&self) -> Self {
        Self {
            in_clone: true,
            ..self.clone()
        }
    }

    /// What members or instances of this one inherit.
    pub(super) fn under(&self, name: &str, options: &'a ResourceOptions) -> Self {
        let mut above = Vec::with_capacity(self.above.len() + 1);
        above.push(options);
        above.extend(&self.above);
        Self {
            above,
            target: self.state.target_roles.get(name).copied().or(self.target),
            unmanaged: self.unmanaged || self.state.unmanaged.contains(name),
            ..self.clone()
        }
    }

    /// The options of a resource.
    pub(super) fn settle(&self, name: &str, own: &ResourceOptions) -> Settled {
        let maintenance = self.first(own, |options| options.maintenance);
        let managed = self.first(own, |options| options.managed).unwrap_or(true)
            && !maintenance.unwrap_or(false)
            && !self.unmanaged
            && !self.state.unmanaged.contains(name);
        let stickiness = self.first(own, |options| options.stickiness);
        let asked = self.state.target_roles.get(name).copied();
        Settled {
            priority: self.first(own, |options| options.priority).unwrap_or(0),
            stickiness: stickiness.unwrap_or(Score::new(i32::from(self.in_clone))),
            migration_threshold: self
                .first(own, |options| options.migration_threshold)
                .filter(|threshold| *threshold > 0),
            failure_timeout_ms: self
                .first(own, |options| options.failure_timeout_ms)
                .filter(|timeout| *timeout > 0),
            target: if self.state.halted {
                TargetRole::Stopped
            } else {
                asked
                    .or(self.target)
                    .or_else(|| self.first(own, |options| options.target_role))
                    .unwrap_or(TargetRole::Started)
            },
            managed,
        }
    }

    fn first<T>(
        &self,
        own: &ResourceOptions,
        option: impl Fn(&ResourceOptions) -> Option<T>,
    ) -> Option<T> {
        option(own).or_else(|| self.above.iter().find_map(|options| option(options)))
    }
}

/// Whether a stop that failed asks for fencing, where there is any. Of a stop `stop` and
/// `standby` mean nothing: they leave it what it is by default.
pub(crate) fn fences_on_stop(configuration: &Configuration, primitive: &Primitive) -> bool {
    let said = primitive
        .operations
        .stop
        .on_fail
        .or(configuration.operation_defaults.on_fail);
    matches!(
        said,
        None | Some(OnFail::Fence | OnFail::Stop | OnFail::Standby)
    )
}
