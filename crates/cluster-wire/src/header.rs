//! What is readable in a datagram by everybody, so that an operator can be told what is
//! wrong with one that cannot be opened. It is believed only once the rest is open.

use crate::key::NONCE;
use crate::refused::Refused;

/// The version of this format.
pub const VERSION: u8 = 2;

/// Bytes of a cluster's name that a datagram carries. What is longer is authenticated
/// all the same.
pub const CLUSTER_MAX: usize = 32;

const MAGIC: [u8; 4] = *b"tndm";

/// Begins a datagram: magic, version, length and bytes of the name, number of the key.
pub(crate) fn begin(cluster: &str, key: u32) -> Vec<u8> {
    let name = carried(cluster);
    let mut header = Vec::with_capacity(length(cluster));
    header.extend(MAGIC);
    header.push(VERSION);
    // At most `CLUSTER_MAX`.
    header.push(u8::try_from(name.len()).unwrap_or_default());
    header.extend(name);
    header.extend(key.to_le_bytes());
    header
}

/// Bytes of the header of this cluster.
pub(crate) fn length(cluster: &str) -> usize {
    MAGIC.len() + 2 + carried(cluster).len() + 4
}

/// What is authenticated beside the sealed part: the header and the rest of the name.
pub(crate) fn authenticated(header: &[u8], cluster: &str) -> Vec<u8> {
    let rest = &cluster.as_bytes()[carried(cluster).len()..];
    [header, rest].concat()
}

fn carried(cluster: &str) -> &[u8] {
    &cluster.as_bytes()[..cluster.len().min(CLUSTER_MAX)]
}

/// A datagram, cut into its parts.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a [u8],
    pub(crate) key: u32,
    pub(crate) nonce: &'a [u8],
    pub(crate) sealed: &'a [u8],
}

/// Cuts a datagram of this cluster.
pub(crate) fn cut<'a>(datagram: &'a [u8], cluster: &str) -> Result<Parts<'a>, Refused> {
    let rest = datagram.strip_prefix(&MAGIC).ok_or(Refused::NotOurs)?;
    let (&version, rest) = rest.split_first().ok_or(Refused::NotOurs)?;
    if version != VERSION {
        return Err(Refused::OtherVersion { theirs: version });
    }
    let (&length, rest) = rest.split_first().ok_or(Refused::NotOurs)?;
    let length = usize::from(length);
    if length > CLUSTER_MAX {
        return Err(Refused::NotOurs);
    }
    let (name, rest) = rest.split_at_checked(length).ok_or(Refused::NotOurs)?;
    if name != carried(cluster) {
        // Whoever reads this reads it in a journal: no line breaks or escapes of others.
        let name = String::from_utf8_lossy(name).escape_debug().collect();
        return Err(Refused::OtherCluster { name });
    }
    let (key, rest) = rest.split_first_chunk().ok_or(Refused::NotOurs)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(Refused::NotOurs)?;
    Ok(Parts {
        header: &datagram[..datagram.len() - rest.len()],
        key: u32::from_le_bytes(*key),
        nonce,
        sealed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_cut_as_it_was_begun() {
        let long = "x".repeat(40);
        for cluster in ["", "web", &long] {
            let mut datagram = begin(cluster, 7);
            assert_eq!(datagram.len(), length(cluster));
            let header = datagram.clone();
            datagram.extend([1; NONCE]);
            datagram.extend([2; 5]);
            let parts = cut(&datagram, cluster).expect("ours");
            assert_eq!((parts.header, parts.key), (&header[..], 7));
            assert_eq!((parts.nonce, parts.sealed), (&[1; NONCE][..], &[2; 5][..]));
        }
        assert_eq!(authenticated(b"h", &long), [&b"h"[..], &[b'x'; 8]].concat());
    }
}
