//! What can be in the log.

use crate::name::{BootId, Incarnation, NodeId, ResourceId, Session};
use crate::operation::OperationKind;
use crate::packet::Report;
use cluster_model::Command;
use cluster_model::configuration::Configuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A start of a node's daemon is admitted.
    Joined {
        /// The node.
        node: NodeId,
        /// What it was before. The entry is void if it is something else by now.
        previous: Incarnation,
        /// The start of its machine.
        boot: BootId,
        /// The start of its daemon.
        session: Session,
    },
    /// A node is given up: nothing of this incarnation runs any more.
    Lost {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// Void if this attempt was called off.
        attempt: u64,
    },
    /// A node was seen to be off: nothing of this incarnation runs any more.
    Fenced {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
    },
    /// All who have a vote vote again. A change of the consensus itself, and nothing else
    /// is proposed until it is applied.
    Reunited,
    /// An attempt to take over is called off: voters may renew the lease again.
    Renewed {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// The next attempt has this number.
        attempt: u64,
    },
    /// A node holds what it cannot stop: it is to go down, and nobody renews its lease.
    Condemned {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
    },
    /// What a node knows of itself: what it reaches, what its agents noted.
    Attributes {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// Void if it is not newer than what is known.
        number: u64,
        /// All of them.
        attributes: BTreeMap<String, String>,
    },
    /// An operator wants something.
    Commanded {
        /// Which request.
        request: Request,
        /// What.
        command: Command,
        /// The node that it names, by number; none: all.
        node: Option<NodeId>,
    },
    /// What there is to run.
    Configured {
        /// Who asked for it; nobody: it is the first one, void if there is one already.
        request: Option<Request>,
        /// All of it.
        configuration: Box<Configuration>,
    },
    /// A node shall do something.
    Ordered {
        /// The node.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// With what.
        resource: ResourceId,
        /// What. Void if it is so anywhere else and must not be so twice.
        kind: OperationKind,
    },
    /// A node found or did something.
    Reported {
        /// The node.
        node: NodeId,
        /// What.
        report: Report,
    },
    /// One of a lone pair goes down in order: the other one votes alone. It is proposed
    /// when all that was decided is known and nothing runs there; nothing else is before
    /// it is applied.
    Parted {
        /// Who goes.
        node: NodeId,
        /// Void for any other incarnation.
        incarnation: Incarnation,
        /// The other one. Void if somebody else votes alone already.
        stays: NodeId,
    },
    /// A member begins with an empty disk: what it said before counts no longer.
    Begun {
        /// Who.
        node: NodeId,
        /// The start of its daemon.
        session: Session,
    },
}

/// Names a request of an operator: it is carried out once, however often it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// Where it was made.
    pub node: NodeId,
    /// To which start of the daemon.
    pub session: Session,
    /// Counts up within a session.
    pub number: u64,
}

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// Something about what there is.
    Command(Command),
    /// Another configuration.
    Configuration(Box<Configuration>),
}
