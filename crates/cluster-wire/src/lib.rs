//! Packets between nodes: sealed, numbered, whole.
//!
//! A [`Wire`] turns messages into datagrams and datagrams into messages. It opens no
//! socket and reads no clock. What comes out of it was said by a node that has the
//! cluster's key, to this node, and is said once; [`Opened::proven`] tells whether it
//! was sent after this daemon started.
//!
//! A datagram is a clear header, a nonce and a sealed rest (XChaCha20-Poly1305: RFC 8439
//! with the longer nonce of draft-irtf-cfrg-xchacha). The header is authenticated, too.

mod fragments;
mod header;
mod key;
mod peer;
mod refused;
mod sealed;
mod window;
mod wire;

pub use fragments::FragmentFault;
pub use header::{CLUSTER_MAX, VERSION};
pub use key::{Key, KeyError, KeyRing};
pub use refused::{Refused, TooLong};
pub use wire::{DATAGRAM_MAX, Identity, MESSAGE_MAX, Opened, Wire};
