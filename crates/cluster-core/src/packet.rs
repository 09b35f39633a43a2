//! What nodes say to each other. Packets are authenticated and numbered by whoever
//! carries them; here they are only what was said.

use crate::arbitration::Epoch;
use crate::disk::{Agreement, LogEntry, Snapshot};
use crate::name::{BootId, Incarnation, NodeId, OrderId, ResourceId, Session};
use crate::state::{Asked, Request, Standing};
use cluster_model::configuration::Configuration;
use cluster_model::state::Failed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packet {
    /// I am here. Each `keepalive`, to everybody, on every network.
    Beat(Beat),
    /// A voter renewed the lease that was asked for.
    Echo {
        /// Whose question.
        session: Session,
        /// Which question.
        nonce: u64,
    },
    /// The coordinator asks a voter to renew this node's lease no more.
    AgreeAsk {
        /// From whom resources are to be taken.
        node: NodeId,
        /// What to agree to.
        agreement: Agreement,
    },
    /// A voter will not renew it, and its earlier promises are over.
    Agreed {
        /// From whom resources are to be taken.
        node: NodeId,
        /// What it agreed to.
        agreement: Agreement,
    },
    /// What a node found or did, told until it is in the log.
    Report(Report),
    /// What a node knows of itself, told until it is in the log.
    Attributes {
        /// As whom it speaks.
        incarnation: Incarnation,
        /// Counts up in a session, with each change.
        number: u64,
        /// All of them.
        attributes: BTreeMap<String, String>,
    },
    /// What an operator wants, told until it is in the log.
    Request {
        /// Which request.
        request: Request,
        /// What.
        asked: Asked,
    },
    /// The configuration that a node was started with, told while there is none.
    First(Box<Configuration>),
    /// A message of the consensus.
    Raft(Box<RaftMessage>),
}

/// A heartbeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Which start of the machine.
    pub boot: BootId,
    /// Which start of the daemon.
    pub session: Session,
    /// Counts up within a session.
    pub number: u64,
    /// The line of the log that the sender follows.
    pub epoch: Epoch,
    /// The latest entry of it that the sender has applied.
    pub applied: u64,
    /// The latest heartbeat that was heard from the receiver: proves that this one
    /// was sent after it.
    pub heard: Option<(Session, u64)>,
    /// The incarnation in which this session was admitted.
    pub incarnation: Option<Incarnation>,
    /// Asks a voter to renew the lease, with a number to be echoed.
    pub lease: Option<u64>,
    /// The sender has a lease.
    pub leased: bool,
    /// Of a session that is not admitted: nothing of an earlier one is under way, and
    /// nothing runs that was taken away from this node.
    pub ready: bool,
    /// The takeovers that this voter agreed to, until the cluster decides.
    pub agreed: BTreeMap<NodeId, Agreement>,
    /// Whether the sender knows all that it ever said.
    pub memory: Memory,
    /// Of a coordinator: which start of the receiver with an empty disk is in the log, and a
    /// term that is not before that of the entry.
    pub begun: Option<(Session, u64)>,
}

/// Whether a member knows all that it ever said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Memory {
    /// It does, and it knows of something that was committed.
    Whole,
    /// It does, and nothing was committed yet, as far as it knows.
    Founder,
    /// It began with an empty disk.
    Blank,
    /// The same, and what it said before is not under way any more.
    Settled,
}

/// What a node tells the coordinator about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// As whom it speaks.
    pub incarnation: Incarnation,
    /// Of which resource.
    pub resource: ResourceId,
    /// Counts up in an incarnation: of two reports on one resource, the later one is true.
    pub number: u64,
    /// How things stand now.
    pub standing: Standing,
    /// What its failures in this incarnation count, together: one each, and
    /// [`Instance::FATAL`](cluster_model::state::Instance::FATAL) if no other try on this
    /// node mends it.
    pub failures: u64,
    /// What failed since the log had a report of this.
    pub failed: Failed,
    /// The order that came to its end with this.
    pub order: Option<OrderId>,
}

/// A message of raft, field by field: its own encoding is never read from a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RaftMessage {
    pub epoch: Epoch,
    pub kind: u8,
    pub to: u64,
    pub from: u64,
    pub term: u64,
    pub log_term: u64,
    pub index: u64,
    pub entries: Vec<LogEntry>,
    pub snapshot: Option<Snapshot>,
    pub commit: u64,
    pub commit_term: u64,
    pub request_snapshot: u64,
    pub reject: bool,
    pub reject_hint: u64,
    pub context: Vec<u8>,
    pub priority: i64,
}
