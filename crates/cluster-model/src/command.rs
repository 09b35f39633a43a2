//! What an operator asks of a cluster.

use crate::configuration::TargetRole;
use crate::state::Direction;
use serde::{Deserialize, Serialize};

/// Something that an operator asks for. It counts once it is in the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// A node takes no resources, and gives away what it has; or takes them again.
    Standby {
        /// Its name.
        node: String,
        /// Into standby, or out of it.
        on: bool,
    },
    /// A node, or the whole cluster, is left alone; or is not any more.
    Maintenance {
        /// Its name; `None`: the cluster.
        node: Option<String>,
        /// Left alone, or not any more.
        on: bool,
    },
    /// The most that is wanted of a resource.
    Target {
        /// Its name.
        resource: String,
        /// `None`: what the configuration says.
        role: Option<TargetRole>,
    },
    /// A resource is left alone; or is not any more.
    Unmanage {
        /// Its name.
        resource: String,
        /// Left alone, or not any more.
        on: bool,
    },
    /// A resource is moved, for a time. It replaces an earlier move of the same one.
    Move {
        /// Its name.
        resource: String,
        /// Where to, or away from where.
        direction: Direction,
        /// Milliseconds until it counts no more.
        for_ms: u64,
    },
    /// Everything is stopped, in order, and stays so whatever becomes of the daemons; or
    /// may run again.
    Halt {
        /// Stopped, or not any more.
        on: bool,
    },
    /// A property that agents keep for the whole cluster.
    Property {
        /// Properties are in sets (`crm_attribute -s`).
        set: String,
        /// Its name.
        name: String,
        /// `None`: away with it.
        value: Option<String>,
    },
    /// The copies of a resource's data may be out of date on all nodes but one: what DRBD's
    /// `fence-peer` wants to be sure of. It is promoted, or run if it cannot be promoted,
    /// nowhere else. What another node said before stands.
    Outdate {
        /// Its name.
        resource: String,
        /// The node with the newest copy.
        but: String,
    },
    /// All copies are the same again, unless somebody said otherwise since.
    Alike {
        /// The resource's name.
        resource: String,
        /// When it was said that they are not, in milliseconds of the cluster's time.
        since_ms: u64,
    },
    /// An earlier move counts no more.
    Unmove {
        /// Its name.
        resource: String,
    },
    /// Failures are forgotten, and what stands still because of them is looked at anew.
    Cleanup {
        /// Its name; `None`: all.
        resource: Option<String>,
        /// Where; `None`: everywhere.
        node: Option<String>,
    },
}

impl Command {
    /// The node that it names.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Standby { node, .. } | Self::Outdate { but: node, .. } => Some(node),
            Self::Maintenance { node, .. } | Self::Cleanup { node, .. } => node.as_deref(),
            Self::Move { direction, .. } => Some(match direction {
                Direction::To(node) | Direction::AwayFrom(node) => node,
            }),
            Self::Target { .. }
            | Self::Unmanage { .. }
            | Self::Unmove { .. }
            | Self::Alike { .. }
            | Self::Halt { .. }
            | Self::Property { .. } => None,
        }
    }

    /// The resource that it names.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::Target { resource, .. }
            | Self::Unmanage { resource, .. }
            | Self::Move { resource, .. }
            | Self::Outdate { resource, .. }
            | Self::Unmove { resource } => Some(resource),
            Self::Cleanup { resource, .. } => resource.as_deref(),
            Self::Standby { .. }
            | Self::Maintenance { .. }
            | Self::Halt { .. }
            | Self::Property { .. }
            // It may have been taken out meanwhile.
            | Self::Alike { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_names_its_node_whichever_way_it_goes() {
        for direction in [
            Direction::To("zipi".to_owned()),
            Direction::AwayFrom("zipi".to_owned()),
        ] {
            let command = Command::Move {
                resource: "web".to_owned(),
                direction,
                for_ms: 1,
            };
            assert_eq!(command.node(), Some("zipi"));
            assert_eq!(command.resource(), Some("web"));
        }
    }
}
