//! The daemon: sockets, clock, disk, agents and watchdog around `cluster-core`.
//!
//! One thread steps the core and never waits for anything but the watchdog. Threads for
//! each network and for the disk feed it, as urgent as it is; a last one runs tokio, for agents
//! and for the sockets of operators. Nothing of those can delay a heartbeat.

mod agents;
mod agreement;
mod ailing;
mod attributes;
mod clock;
mod disk;
mod events;
mod fencing;
pub(crate) mod guest;
mod idle;
mod journal;
mod lease;
mod links;
mod look;
mod machine;
mod notes;
mod ping;
mod program;
mod reached;
mod refused;
mod reload;
mod report;
mod restart;
mod run;
mod signals;
#[cfg(test)]
mod situations;
mod survival;
mod thread;
mod tools;
mod trouble;
mod wished;

pub(crate) use look::{LONGEST as LONGEST_LOOK, unseen};
pub(crate) use refused::Refused;
pub(crate) use run::run;

use cluster_agents::tools::protocol::{Answer, Call};
use cluster_core::arbitration::FenceOutcome;
use cluster_core::disk::Ticket;
use cluster_core::operation::OperationId;
use cluster_model::report::Report;
use cluster_model::{Command, Model};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::sync::oneshot;

/// What the thread of the core hears.
#[derive(Debug)]
pub(crate) enum Input {
    /// Something came in on a network.
    Datagram {
        /// The network.
        link: u8,
        /// From where.
        from: SocketAddr,
        /// What.
        datagram: Vec<u8>,
    },
    /// All up to this ticket is on the disk.
    Persisted(Ticket),
    /// The disk refuses, and why.
    Disk(Option<String>),
    /// An operation came to its end.
    Done {
        /// Which.
        operation: OperationId,
        /// How.
        ended: cluster_agents::Ended,
    },
    /// What an agent started ended by itself.
    Noticed(cluster_agents::Noticed),
    /// What this node knows of itself changed: names and values, or no value any more.
    Attributes(BTreeMap<String, Option<String>>),
    /// An operator wants something.
    Command {
        /// What.
        command: Command,
        /// In the log, or why not.
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// How do things stand?
    Report(oneshot::Sender<Report>),
    /// An agent asks or says something.
    Tool {
        /// What, and for whom.
        call: Call,
        /// The answer.
        answer: oneshot::Sender<Answer>,
    },
    /// An attempt to fence came to its end.
    Fenced {
        /// Which.
        number: u64,
        /// How.
        outcome: FenceOutcome,
        /// What was not good.
        said: String,
    },
    /// A look around came to an end.
    Reached {
        /// Which.
        number: u64,
        /// So many of the listed addresses answered.
        reached: usize,
        /// Somebody else has an address of the cluster.
        owned: bool,
    },
    /// A fencing device was tested.
    DeviceTested {
        /// Of which node.
        node: String,
        /// Which of its devices.
        place: usize,
        /// What is wrong with it.
        fault: Option<String>,
    },
    /// An operator, who typed the node's name, says that it is off.
    ConfirmedOff {
        /// Which node.
        node: String,
        /// Taken, or why not.
        answer: oneshot::Sender<Result<(), Refused>>,
    },
    /// The files are to be read again.
    Reload(reload::Answer),
    /// The program that is installed has read the file, for this one that it replaces.
    Read {
        /// What it takes, or why it does not.
        text: Result<String, String>,
        /// Who asked.
        answers: Vec<reload::Answer>,
    },
    /// What is the policy asked?
    Model(oneshot::Sender<Model>),
    /// The daemon is to end: what runs here goes elsewhere first.
    Leave,
    /// The daemon is to be replaced by the program that is installed now.
    Renew,
}
