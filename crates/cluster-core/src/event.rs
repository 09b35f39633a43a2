//! What can happen to a node.

use crate::arbitration::FenceOutcome;
use crate::disk::Ticket;
use crate::name::{LinkId, NodeId, ResourceId};
use crate::operation::{OperationId, Outcome};
use crate::packet::Packet;
use cluster_model::Command;
use cluster_model::configuration::Configuration;
use std::collections::BTreeMap;

/// Something that happened. The caller of `step` says when.
#[derive(Clone, Debug)]
pub enum Event {
    /// Time went by: the deadline that was asked for, or earlier, or later.
    Tick,
    /// A packet whose sender was authenticated. Anything else was dropped before.
    Packet {
        /// Who sent it.
        from: NodeId,
        /// On which network it came.
        link: LinkId,
        /// What it says.
        packet: Packet,
    },
    /// What was written up to and including this ticket survives a power cut.
    Persisted(Ticket),
    /// What this node knows of itself: what it reaches, what its agents noted. All of
    /// it, each time.
    Attributes(BTreeMap<String, String>),
    /// An operator wants something.
    Command {
        /// What `Action::Answer` will name; counts up within a session.
        number: u64,
        /// What.
        command: Command,
    },
    /// An operator has another configuration.
    Configure {
        /// What `Action::Answer` will name; counts up together with the numbers of
        /// commands.
        number: u64,
        /// All of it, instead of the one there is.
        configuration: Box<Configuration>,
    },
    /// An attempt to fence came to an end.
    Fenced {
        /// Which, of this session: an answer that an earlier one asked for is dropped.
        number: u64,
        /// How.
        outcome: FenceOutcome,
    },
    /// A look around came to an end.
    Reached {
        /// Which, of this session.
        number: u64,
        /// How many of the listed addresses answered, each asked after this was wanted.
        reached: usize,
        /// Somebody else has an address that a resource of the cluster stands for, and
        /// that is not on this machine (RFC 5227, "address probe").
        owned: bool,
    },
    /// An operator, who typed the node's name, says that it is off, and will not come on
    /// again before this was answered.
    ConfirmedOff {
        /// What `Action::Answer` will name; counts up with those of commands.
        number: u64,
        /// Which node.
        node: NodeId,
    },
    /// The machine says by itself that something happened to what a resource stands for:
    /// its next look is due now. Only an agent says how it is.
    Noticed(ResourceId),
    /// An operation came to an end.
    Done {
        /// Which.
        operation: OperationId,
        /// How.
        outcome: Outcome,
    },
}
