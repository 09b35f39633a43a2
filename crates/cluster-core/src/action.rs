//! What a node wants done.

use crate::arbitration::{Epoch, FenceOutcome};
use crate::check::Unfit;
use crate::disk::{Ticket, Write};
use crate::name::{LinkId, NodeId, ResourceId};
use crate::operation::{OperationId, OperationKind};
use crate::packet::Packet;

/// Something to do. Actions are begun in the order given; only `Persist`, `Start`
/// and `Fence` are answered, by `Event::Persisted`, `Event::Done` and `Event::Fenced`.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a packet. It may be lost.
    Send {
        /// To whom.
        to: NodeId,
        /// On which network.
        link: LinkId,
        /// What.
        packet: Packet,
    },
    /// Write, and sync. Writes are done in the order of their tickets; a crash keeps
    /// a prefix of them.
    Persist {
        /// What `Event::Persisted` will name.
        ticket: Ticket,
        /// What to write, all or nothing.
        write: Write,
    },
    /// Run an operation of a resource's agent. Its time limit is the configuration's;
    /// when it is over, all its processes are removed, and only then it is done.
    Start {
        /// What `Event::Done` will name.
        operation: OperationId,
        /// Of which resource.
        resource: ResourceId,
        /// What.
        kind: OperationKind,
        /// Whoever does it reads the clock right before, after an `Arm` that came before
        /// it, and does not do it if it is too late: the process may have been stopped in
        /// between. It is done then, with `Outcome::Killed`.
        not_after: Option<crate::time::Time>,
    },
    /// Remove all processes of an operation; it is done afterwards, with
    /// `Outcome::Killed` unless it came to an end before.
    Kill(OperationId),
    /// Arm the watchdog. Done when this returns.
    Arm,
    /// The watchdog may wait once more for its whole time. Whoever does it reads the
    /// clock right before, and lets it be if it is too late: the process may have been
    /// stopped in between, and a promise counts on the last time.
    Pet {
        /// The end of the right to hold anything.
        not_after: crate::time::Time,
    },
    /// Disarm the watchdog: nothing is held here.
    Disarm,
    /// Power this node off, and ask the device whether it is off: never "reboot" nor
    /// "cycle", of which nobody can tell afterwards that it was off.
    Fence {
        /// What `Event::Fenced` will name; counts up within a session.
        number: u64,
        /// Which node.
        node: NodeId,
    },
    /// Ask all addresses of the reach list, and whether somebody else has an address that
    /// resources of the cluster stand for; answered by `Event::Reached`.
    LookAround {
        /// What `Event::Reached` will name; counts up within a session.
        number: u64,
    },
    /// Give a fenced node its power again. Nobody waits for it.
    PowerOn {
        /// Which node.
        node: NodeId,
    },
    /// Reset this machine at once: it holds what it may not hold.
    Reset {
        /// For the journal, if it still gets there.
        why: &'static str,
    },
    /// Tell the operator.
    Answer {
        /// Which request.
        number: u64,
        /// It is in the log, or why it never will be.
        answer: Result<(), Refusal>,
    },
    /// For the journal.
    Note(Note),
}

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no node of this name.
    NoSuchNode(String),
    /// There is no resource of this name.
    NoSuchResource(String),
    /// It is no configuration for this cluster.
    Unfit(Unfit),
    /// Agents keep too much already, or this is too long.
    NoRoom,
    /// It did not get into the log in time: nobody coordinates, or nobody hears this node.
    /// It is told no more; what was told before may still get there.
    NotInTime,
    /// It is heard: it is not off.
    StillHeard(NodeId),
    /// Nobody's word decides here: a majority does.
    NotByWord,
    /// Each node may go on alone by what it reaches: nothing binds the other one.
    NotByReach,
    /// This node has no vote: it does not have everything that was decided.
    NoVote,
    /// This node has not read on in its own log to where the other one votes again.
    Reading,
}

/// What an operator wants to read in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A peer is heard, or no longer, on a network.
    Link {
        /// The peer.
        peer: NodeId,
        /// The network.
        link: LinkId,
        /// Heard?
        up: bool,
    },
    /// This node coordinates, or no longer.
    Coordinator(bool),
    /// This node may run resources, or no longer.
    Lease(bool),
    /// A node was admitted.
    Joined(NodeId),
    /// A node was told to go down.
    Condemned(NodeId),
    /// A node is being fenced: which attempt.
    Fencing(NodeId, u64),
    /// An attempt to fence a node came to an end.
    Fenced(NodeId, FenceOutcome),
    /// So many of the listed addresses answered, and somebody else has an address of the
    /// cluster, or not.
    Reached(usize, bool),
    /// This node goes on alone.
    Alone(Epoch),
    /// The peer went on without this node, which begins with nothing.
    Yielded {
        /// The peer's line of the log.
        to: Epoch,
        /// How many decisions of its own line are dropped, if it began one since this daemon
        /// was started.
        dropped: Option<u64>,
    },
    /// Both vote again.
    Reunited,
    /// This node's disk is empty: it takes no part until the cluster knows that.
    Blank,
    /// This node's disk is older than what it acknowledged: a copy was put back. It takes no
    /// part until the cluster knows that.
    OldDisk,
    /// The cluster knows that this node begins with an empty disk, or it is new: it takes
    /// part.
    BeginsAnew,
    /// This peer begins with an empty disk.
    EmptyDisk(NodeId),
    /// A node was given up, and why it was safe to.
    Lost(NodeId, crate::state::Proof),
    /// The configuration at this place of the log counts from now on.
    Configured(u64),
    /// The configuration that this node was started with is none for this cluster: it is
    /// not proposed.
    Unfit(Unfit),
}
