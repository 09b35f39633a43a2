//! Messages to datagrams and back.

use crate::fragments::FragmentFault;
use crate::header;
use crate::key::{KeyRing, NONCE, TAG};
use crate::peer::Peer;
use crate::refused::{Refused, TooLong};
use crate::sealed::Envelope;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Bytes of a datagram at most: no fragments of IP on an Ethernet, and a little space
/// for what tunnels add.
pub const DATAGRAM_MAX: usize = 1400;

/// Bytes of a message at most.
pub const MESSAGE_MAX: usize = 1 << 20;

/// Who this daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name, at most 32 bytes.
    pub cluster: String,
    /// The number of this node or witness.
    pub me: u16,
    /// This start of the daemon: drawn at random, not 0.
    pub session: u64,
}

/// Seals messages for the peers of a node, and opens theirs.
#[derive(Debug)]
pub struct Wire {
    identity: Identity,
    keys: KeyRing,
    peers: BTreeMap<u16, Peer>,
}

/// A message that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Who sent it.
    pub from: u16,
    /// On which network.
    pub link: u8,
    /// What.
    pub message: Vec<u8>,
    /// It was sent after this session began. If not, it may be older than this daemon:
    /// it says that the peer may be there, and nothing else can be built on it.
    pub proven: bool,
}

impl Wire {
    /// Begins to talk to `peers`.
    pub fn new(identity: Identity, keys: KeyRing, peers: BTreeSet<u16>) -> Self {
        let peers = peers.into_iter().map(|peer| (peer, Peer::default()));
        Self {
            identity,
            keys,
            peers: peers.collect(),
        }
    }

    /// Accepts and uses other keys from now on. What is known of sessions stays.
    pub fn set_keys(&mut self, keys: KeyRing) {
        self.keys = keys;
    }

    /// The datagrams that carry `message` to `to`: each at most [`DATAGRAM_MAX`] bytes.
    /// None, as if they were lost, if `to` is no peer or the kernel has no random numbers.
    ///
    /// # Errors
    ///
    /// [`TooLong`]: more than [`MESSAGE_MAX`] bytes.
    pub fn seal(&mut self, to: u16, link: u8, message: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let too_long = TooLong {
            length: message.len(),
        };
        if message.len() > MESSAGE_MAX {
            return Err(too_long);
        }
        let Some(peer) = self.peers.get_mut(&to) else {
            return Ok(Vec::new());
        };
        let sign = self.keys.sign();
        let Some(key) = self.keys.get(sign) else {
            return Ok(Vec::new());
        };
        let cluster = &self.identity.cluster;
        let header = header::begin(cluster, sign);
        let authenticated = header::authenticated(&header, cluster);
        let around = header.len() + NONCE + Envelope::LENGTH + TAG;
        let piece_max = DATAGRAM_MAX - around;
        let count = message.len().div_ceil(piece_max).max(1);
        let count = u16::try_from(count).map_err(|_| too_long)?;
        let (to_session, heard) = peer.heard();
        let mut datagrams = Vec::with_capacity(usize::from(count));
        for index in 0..count {
            let begin = usize::from(index) * piece_max;
            let piece = &message[begin..message.len().min(begin + piece_max)];
            let envelope = Envelope {
                from: self.identity.me,
                to,
                link,
                session: self.identity.session,
                counter: peer.next_counter(),
                to_session,
                heard,
                index,
                count,
            };
            let mut nonce = [0; NONCE];
            if getrandom::fill(&mut nonce).is_err() {
                return Ok(Vec::new());
            }
            let mut datagram = Vec::with_capacity(around + piece.len());
            datagram.extend(&header);
            datagram.extend(nonce);
            let sealed_from = datagram.len();
            envelope.write(&mut datagram);
            datagram.extend(piece);
            let Some(tag) = key.seal(&nonce, &authenticated, &mut datagram[sealed_from..]) else {
                return Ok(Vec::new());
            };
            datagram.extend(tag);
            datagrams.push(datagram);
        }
        Ok(datagrams)
    }

    /// Opens a datagram that came at `now`, a reading of any clock that only goes
    /// forward. `None`: a piece of a message, and more are to come.
    ///
    /// # Errors
    ///
    /// [`Refused`], and why. Nothing of it may be used; what is known of the peer is as
    /// before, unless the datagram was authentic.
    pub fn open(&mut self, datagram: &[u8], now: Duration) -> Result<Option<Opened>, Refused> {
        let cluster = &self.identity.cluster;
        let parts = header::cut(datagram, cluster)?;
        let number = parts.key;
        let key = self
            .keys
            .get(number)
            .ok_or(Refused::UnknownKey { number })?;
        let authenticated = header::authenticated(parts.header, cluster);
        let tag_at = parts.sealed.len().checked_sub(TAG).ok_or(Refused::Forged)?;
        let (text, tag) = parts.sealed.split_at(tag_at);
        let mut text = text.to_vec();
        key.open(parts.nonce, &authenticated, &mut text, tag)
            .ok_or(Refused::Forged)?;
        let (envelope, piece) =
            Envelope::read(&text).ok_or(Refused::Fragment(FragmentFault::Short))?;
        if envelope.to != self.identity.me {
            return Err(Refused::NotForMe);
        }
        let from = envelope.from;
        let peer = self.peers.get_mut(&from);
        let peer = peer.ok_or(Refused::UnknownPeer(from))?;
        let proven = peer.hear(&envelope, self.identity.session)?;
        let whole = peer.fragments.take(&envelope, piece, proven, now);
        Ok(whole.map_err(Refused::Fragment)?.map(|whole| Opened {
            from,
            link: envelope.link,
            message: whole.message,
            proven: whole.proven,
        }))
    }
}
