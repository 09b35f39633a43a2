//! Adding and removing addresses, and hearing that one was removed: messages of
//! rtnetlink(7), without a program.

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrStorage, bind,
    recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd as _, OwnedFd};

// From linux/netlink.h, linux/rtnetlink.h and linux/if_addr.h.
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_NODAD: u8 = 2;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR.
const IFADDR_GROUPS: u32 = 0x10 | 0x100;

/// The kernel answers at once; more means that it does not.
const PATIENCE_S: i64 = 5;

/// An address that an interface has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub interface: String,
    /// The address.
    pub address: IpAddr,
    /// How many of its first bits name the network.
    pub prefix: u8,
}

impl Held {
    /// Is this an address of the same network?
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        let (ours, its, bits) = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(its)) => {
                (ours.to_bits().into(), its.to_bits().into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(its)) => (ours.to_bits(), its.to_bits(), 128),
            _ => return false,
        };
        let differing: u128 = ours ^ its;
        // A shift by all bits, of prefix 0, leaves nothing.
        let rest = u32::from(bits - self.prefix.min(bits));
        differing.checked_shr(rest).unwrap_or(0) == 0
    }
}

/// All addresses of this host.
///
/// # Errors
/// The kernel does not say.
pub fn held() -> io::Result<Vec<Held>> {
    let entries = getifaddrs()?;
    Ok(entries
        .filter_map(|entry| {
            let address = ip(entry.address.as_ref()?)?;
            let prefix = match ip(entry.netmask.as_ref()?)? {
                IpAddr::V4(mask) => mask.to_bits().count_ones(),
                IpAddr::V6(mask) => mask.to_bits().count_ones(),
            };
            // An IPv4 address with a label is listed under it: `eth0:1`.
            let interface = entry.interface_name.split(':').next()?.to_owned();
            Some(Held {
                interface,
                address,
                prefix: u8::try_from(prefix).ok()?,
            })
        })
        .collect())
}

fn ip(storage: &SockaddrStorage) -> Option<IpAddr> {
    if let Some(four) = storage.as_sockaddr_in() {
        return Some(IpAddr::V4(four.ip()));
    }
    storage.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip()))
}

/// Is an interface set up? `None`: there is no such.
pub(crate) fn is_up(interface: &str) -> io::Result<Option<bool>> {
    let mut entries = getifaddrs()?;
    Ok(entries
        .find(|entry| entry.interface_name == interface)
        .map(|entry| entry.flags.contains(InterfaceFlags::IFF_UP)))
}

/// `ip address add ADDRESS/PREFIX dev INTERFACE`, for IPv6 with `nodad`: an address
/// under duplicate address detection cannot be bound to for a second or two, and that
/// nobody else has it is the cluster's promise. Adding what is there is good.
pub(crate) fn add(interface: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    match change(RTM_NEWADDR, flags, interface, address, prefix) {
        Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => Ok(()),
        result => result,
    }
}

/// `ip address delete ADDRESS/PREFIX dev INTERFACE`. Removing what is not there is good.
pub(crate) fn remove(interface: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    match change(RTM_DELADDR, 0, interface, address, prefix) {
        Err(error) if error.raw_os_error() == Some(Errno::EADDRNOTAVAIL as i32) => Ok(()),
        result => result,
    }
}

fn change(kind: u16, flags: u16, interface: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    let index = if_nametoindex(interface)?;
    let message = message(kind, flags, index, address, prefix);
    let socket = open()?;
    send(socket.as_raw_fd(), &message, MsgFlags::empty())?;
    let mut answer = [0; 4096];
    let count = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    acknowledged(&answer[..count])
}

fn open() -> io::Result<OwnedFd> {
    let socket = listening(0)?;
    let patience = TimeVal::seconds(PATIENCE_S);
    setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
    Ok(socket)
}

/// A socket that hears these groups.
fn listening(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(socket)
}

/// Tells each address that is removed from an interface, for as long as `tell` wants.
///
/// # Errors
/// The kernel does not tell.
pub(crate) fn removals(mut tell: impl FnMut(IpAddr) -> bool) -> io::Result<()> {
    let socket = listening(IFADDR_GROUPS)?;
    let mut buffer = [0; 8192];
    loop {
        match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(count) => {
                if !removed(&buffer[..count]).into_iter().all(&mut tell) {
                    return Ok(());
                }
            }
            // Something was lost, and monitors find it.
            Err(Errno::ENOBUFS | Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Addresses of the messages RTM_DELADDR among these.
fn removed(mut messages: &[u8]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    while let Some((message, rest)) = cut(messages, |head| {
        let length: [u8; 4] = head.get(..4)?.try_into().ok()?;
        usize::try_from(u32::from_ne_bytes(length)).ok()
    }) {
        messages = rest;
        let kind = message.get(4..6).and_then(|it| it.try_into().ok());
        if kind.map(u16::from_ne_bytes) == Some(RTM_DELADDR)
            && let Some(attributes) = message.get(16 + 8..)
        {
            addresses.extend(address_of(attributes));
        }
    }
    addresses
}

/// IFA_LOCAL if it is there: of a point-to-point interface the other one is the peer's.
fn address_of(mut attributes: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    while let Some((attribute, rest)) = cut(attributes, |head| {
        let length: [u8; 2] = head.get(..2)?.try_into().ok()?;
        Some(u16::from_ne_bytes(length).into())
    }) {
        attributes = rest;
        let kind = u16::from_ne_bytes(attribute.get(2..4)?.try_into().ok()?);
        let value = attribute.get(4..)?;
        let address = match value.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(value).ok()?),
            16 => IpAddr::from(<[u8; 16]>::try_from(value).ok()?),
            _ => continue,
        };
        if kind == IFA_LOCAL || kind == IFA_ADDRESS && found.is_none() {
            found = Some(address);
        }
    }
    found
}

/// The first of several things that say how long they are, header included, each padded
/// to four bytes; and what follows.
fn cut(bytes: &[u8], length: impl Fn(&[u8]) -> Option<usize>) -> Option<(&[u8], &[u8])> {
    let length = length(bytes)?;
    // Shorter than the shortest header: nothing that anybody could step over.
    let first = (length >= 4).then(|| bytes.get(..length))??;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((first, rest))
}

/// struct nlmsghdr, struct ifaddrmsg, and two attributes.
fn message(kind: u16, flags: u16, index: u32, address: IpAddr, prefix: u8) -> Vec<u8> {
    let (family, nodad, bytes) = match address {
        IpAddr::V4(four) => (AF_INET, 0, four.octets().to_vec()),
        IpAddr::V6(six) => (AF_INET6, IFA_F_NODAD, six.octets().to_vec()),
    };
    let mut body = vec![family, prefix, nodad, 0];
    body.extend(index.to_ne_bytes());
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        // Four or sixteen bytes behind a header of four: nothing to pad.
        let length = u16::try_from(4 + bytes.len()).unwrap_or(u16::MAX);
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(&bytes);
    }
    let mut message = Vec::new();
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend(1_u32.to_ne_bytes()); // sequence
    message.extend(0_u32.to_ne_bytes()); // from: the kernel fills it in
    message.extend(body);
    message
}

/// struct nlmsgerr: 0, or minus an error.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let kind = answer.get(4..6).and_then(|it| it.try_into().ok());
    let code = answer.get(16..20).and_then(|it| it.try_into().ok());
    match (kind.map(u16::from_ne_bytes), code.map(i32::from_ne_bytes)) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(code)) => Err(io::Error::from_raw_os_error(-code)),
        _ => Err(io::Error::other("the kernel answered something else")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_found_with_its_prefix() {
        let held = held().expect("Linux");
        let lo = Held {
            interface: "lo".to_owned(),
            address: IpAddr::from([127, 0, 0, 1]),
            prefix: 8,
        };
        assert!(held.contains(&lo), "{held:?}");
        assert_eq!(is_up("lo").expect("Linux"), Some(true));
        assert_eq!(is_up("none0").expect("Linux"), None);
    }

    #[test]
    fn messages_have_the_lengths_that_they_say() {
        let four = message(RTM_NEWADDR, 0, 3, IpAddr::from([10, 0, 0, 1]), 24);
        assert_eq!(four.len(), 16 + 8 + 2 * 8);
        assert_eq!(&four[..4], &40_u32.to_ne_bytes());
        let six = message(RTM_DELADDR, 0, 3, IpAddr::from([0_u16; 8]), 64);
        assert_eq!(six.len(), 16 + 8 + 2 * 20);
        assert_eq!(six[18], IFA_F_NODAD);
    }

    #[test]
    fn what_is_removed_is_read_from_messages() {
        let four = IpAddr::from([10, 0, 0, 1]);
        let six = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 7_u16]);
        let all = [
            message(RTM_DELADDR, 0, 3, four, 24),
            message(RTM_NEWADDR, 0, 3, IpAddr::from([10, 0, 0, 2]), 24),
            message(RTM_DELADDR, 0, 3, six, 64),
        ]
        .concat();
        assert_eq!(removed(&all), [four, six]);
        for length in 0..all.len() {
            // Whatever is missing: no more than that is there, and no panic.
            assert!(removed(&all[..length]).len() <= 2);
        }
        assert_eq!(removed(&[0; 64]), [] as [IpAddr; 0]);
    }

    #[test]
    fn an_error_of_the_kernel_is_one_here() {
        let mut answer = vec![0; 36];
        answer[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        assert!(acknowledged(&answer).is_ok());
        answer[16..20].copy_from_slice(&(-19_i32).to_ne_bytes());
        let error = acknowledged(&answer).expect_err("ENODEV");
        assert_eq!(error.raw_os_error(), Some(19));
        assert!(acknowledged(&[]).is_err());
        assert!(add("none0", IpAddr::from([10, 0, 0, 1]), 24).is_err());
    }
}
