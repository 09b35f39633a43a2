//! What can be supposed.

/// Something that happens to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A node or witness dies, or nobody hears it any more.
    Lose(String),
    /// A monitor finds that a resource failed.
    Fail {
        /// Which.
        resource: String,
        /// Where; nothing: wherever it runs.
        node: Option<String>,
    },
    /// An operator puts a node into standby.
    Standby(String),
    /// An operator takes a node out of standby.
    Online(String),
    /// An operator ends all maintenance.
    MaintenanceEnd,
    /// An attribute of a node changes, as when it reaches fewer hosts.
    Attribute {
        /// Of which node.
        node: String,
        /// Its name.
        name: String,
        /// What it becomes.
        value: String,
    },
}

impl Fault {
    /// In words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Lose(node) => format!("{node} is lost"),
            Self::Fail {
                resource,
                node: Some(node),
            } => format!("{resource} fails on {node}"),
            Self::Fail {
                resource,
                node: None,
            } => format!("{resource} fails"),
            Self::Standby(node) => format!("{node} goes into standby"),
            Self::Online(node) => format!("{node} takes resources again"),
            Self::MaintenanceEnd => "maintenance ends".to_owned(),
            Self::Attribute { node, name, value } => format!("{name} of {node} becomes {value}"),
        }
    }
}
