//! Why a datagram or a message is refused, as an operator wants to read it.

use crate::fragments::FragmentFault;
use crate::header::VERSION;
use crate::wire::MESSAGE_MAX;

/// Why a datagram is not opened. The first four are read from its clear header, which
/// anybody can write: they are hints, not facts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a packet of this kind of daemon.
    #[error(
        "it is not a packet of clusterd, or is cut off; see who else sends to this port (`ss -uanp` there)"
    )]
    NotOurs,
    /// Another version of the format.
    #[error(
        "it has version {theirs} of the format and this daemon reads {VERSION}; bring both nodes to the same release"
    )]
    OtherVersion {
        /// The sender's.
        theirs: u8,
    },
    /// Another cluster.
    #[error("it belongs to the cluster '{name}'; give one of the clusters another port or network")]
    OtherCluster {
        /// Its name, with escapes for what cannot be printed.
        name: String,
    },
    /// A key that is not accepted here.
    #[error(
        "it is sealed with key {number}, which is not accepted here; give this node that key, or finish the change of keys on the sender"
    )]
    UnknownKey {
        /// Its number.
        number: u32,
    },
    /// Sealed with other bytes under a known number, or changed on its way.
    #[error(
        "its seal is broken: the sender has another key under the same number, or somebody changed it on its way; compare the key files of both nodes"
    )]
    Forged,
    /// Sent to another node.
    #[error(
        "it is for another node; see that the addresses of nodes in the configuration are not exchanged"
    )]
    NotForMe,
    /// From somebody who is not of the cluster.
    #[error(
        "it comes from node {0}, which is not in the configuration of this node; bring both to the same configuration"
    )]
    UnknownPeer(u16),
    /// It was heard before, or is too old to know.
    #[error(
        "it was heard before, or comes far too late; if that goes on, somebody repeats packets"
    )]
    Replayed,
    /// From a start of the peer's daemon that a later one replaced.
    #[error(
        "it was sent by an earlier start of the peer's daemon; if that goes on, two machines have the number of the same node, or somebody repeats packets"
    )]
    OldSession,
    /// A piece of a message that does not fit.
    #[error("{0}; the sender is broken or of another release")]
    Fragment(FragmentFault),
}

/// A message that is too long to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {length} bytes cannot be sent: {MESSAGE_MAX} bytes are the limit")]
pub struct TooLong {
    /// Its bytes.
    pub length: usize,
}
