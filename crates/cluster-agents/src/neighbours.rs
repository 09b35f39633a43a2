//! Addresses and the neighbours: which addresses are here, whether somebody else has one,
//! and telling the others where one is.

use crate::announce;
pub use crate::netlink::{Held, held};
use nix::sys::socket::{MsgFlags, bind, recv, send};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// Of `linux/if_ether.h`, in the order of the network.
const ETH_P_ARP: i32 = 0x0806_u16.to_be() as i32;

/// So many frames are read at a time: of more the rest waits, and time goes on.
const FRAMES_MAX: usize = 1_000;

/// Tells the neighbours that an address is here, now and for a second: gratuitous ARP, or
/// unsolicited neighbour advertisements.
pub fn announce(held: &Held) {
    announce::announce(&held.interface, held.address);
}

/// Whether one of some IPv4 addresses is somebody else's: ARP probes (RFC 5227, section
/// 2.1.1), which change nobody's table. What has an address answers them in its kernel,
/// however busy it is.
#[derive(Debug)]
pub struct Inquiry {
    socket: OwnedFd,
    hardware: [u8; 6],
    addresses: Vec<Ipv4Addr>,
}

impl Inquiry {
    /// Asks nobody yet. `None`: there is no such interface, or nobody behind it who could
    /// be asked by Ethernet.
    ///
    /// # Errors
    /// No raw socket: it wants `CAP_NET_RAW`.
    pub fn open(interface: &str, addresses: Vec<Ipv4Addr>) -> io::Result<Option<Self>> {
        let Some(link) = announce::link(interface)? else {
            return Ok(None);
        };
        let Some(hardware) = announce::hardware(&link) else {
            return Ok(None);
        };
        let socket = Socket::new(
            Domain::PACKET,
            Type::RAW.cloexec().nonblocking(),
            Some(Protocol::from(ETH_P_ARP)),
        )?;
        let socket = OwnedFd::from(socket);
        // The link names no protocol: that of the socket stays (packet(7)).
        bind(socket.as_raw_fd(), &link)?;
        Ok(Some(Self {
            socket,
            hardware,
            addresses,
        }))
    }

    /// Sends one probe for each address. One that is lost is like one that nobody answers.
    pub fn ask(&self) {
        for address in &self.addresses {
            let frame = announce::probe(self.hardware, *address);
            let _ = send(self.socket.as_raw_fd(), &frame, MsgFlags::empty());
        }
    }

    /// Reads what came in meanwhile: does somebody else have one of the addresses?
    pub fn is_owned(&self) -> bool {
        let mut frame = [0; 128];
        for _ in 0..FRAMES_MAX {
            let Ok(length) = recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::empty()) else {
                return false;
            };
            if is_an_owners(&frame[..length], self.hardware, &self.addresses) {
                return true;
            }
        }
        false
    }
}

impl AsFd for Inquiry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A request or a reply that somebody else sent *from* one of the addresses. Another one
/// who only asks for it, as we do, has none.
fn is_an_owners(frame: &[u8], own: [u8; 6], addresses: &[Ipv4Addr]) -> bool {
    // Ethernet, and an ARP packet of Ethernet and IPv4 (RFC 826).
    let Some(packet) = frame.get(14..42) else {
        return false;
    };
    if frame[12..14] != [0x08, 0x06] || packet[..6] != [0, 1, 0x08, 0x00, 6, 4] {
        return false;
    }
    let sender = Ipv4Addr::new(packet[14], packet[15], packet[16], packet[17]);
    packet[8..14] != own && addresses.contains(&sender)
}

/// Where an address would be: on the interface that has others of its network.
pub fn interface_for(held: &[Held], address: IpAddr) -> Option<&str> {
    let around = held.iter().filter(|it| it.covers(address));
    let nearest = around.max_by_key(|it| it.prefix)?;
    Some(&nearest.interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [u8; 6] = [2, 0, 0, 0, 0, 9];
    const OTHER: [u8; 6] = [2, 0, 0, 0, 0, 7];
    const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

    #[test]
    fn whoever_sends_from_an_address_has_it() {
        let frames = announce::frames(OTHER, IpAddr::V4(VIP));
        assert_eq!(frames.len(), 2);
        for frame in &frames {
            assert!(is_an_owners(frame, OWN, &[VIP]));
            assert!(!is_an_owners(frame, OTHER, &[VIP]), "that is oneself");
            assert!(!is_an_owners(frame, OWN, &[Ipv4Addr::LOCALHOST]));
            assert!(!is_an_owners(&frame[..41], OWN, &[VIP]), "it is cut off");
        }
    }

    #[test]
    fn whoever_asks_for_an_address_does_not_have_it() {
        let frame = announce::probe(OTHER, VIP);
        assert_eq!(frame.len(), 14 + 28);
        assert_eq!(frame[28..32], [0; 4], "nobody's table changes");
        assert_eq!(frame[38..42], VIP.octets());
        assert!(!is_an_owners(&frame, OWN, &[VIP]));
    }

    #[test]
    fn where_nobody_can_be_asked_there_is_no_inquiry() {
        for interface in ["none0", "lo"] {
            let inquiry = Inquiry::open(interface, vec![VIP]).expect("nothing is opened");
            assert!(inquiry.is_none(), "{interface}");
        }
    }

    #[test]
    fn an_address_would_be_on_the_interface_of_its_network() {
        let at = |interface: &str, address: [u8; 4], prefix| Held {
            interface: interface.to_owned(),
            address: IpAddr::from(address),
            prefix,
        };
        let held = [
            at("eth0", [10, 0, 0, 1], 8),
            at("eth1", [10, 0, 4, 1], 24),
            at("eth2", [192, 0, 2, 1], 24),
        ];
        let on = |address: [u8; 4]| interface_for(&held, IpAddr::from(address));
        assert_eq!(on([10, 0, 4, 7]), Some("eth1"));
        assert_eq!(on([10, 0, 5, 7]), Some("eth0"));
        assert_eq!(on([198, 51, 100, 7]), None);
        let six: IpAddr = "fd00::7".parse().expect("an address");
        assert_eq!(interface_for(&held, six), None);
    }
}
