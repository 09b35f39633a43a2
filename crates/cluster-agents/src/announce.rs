//! Tells the neighbours where an address is now: gratuitous ARP (RFC 5227, section 3,
//! "ARP announcements") and unsolicited neighbour advertisements (RFC 4861, 7.2.6).

use crate::netlink;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, bind, send, socket};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

/// How often, and how far apart: some switches and neighbours miss the first ones, as
/// the port may still be coming up.
const TIMES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes of the thread that says it again: the daemon locks its memory, stacks included.
const STACK: usize = 128 * 1024;

const BROADCAST: [u8; 6] = [0xff; 6];
/// ff02::1 on Ethernet (RFC 2464, section 7).
const ALL_NODES: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// Says it once, now, and goes on for a second in a thread of its own: as long as the
/// address is here, and no longer.
pub(crate) fn announce(interface: &str, address: IpAddr) {
    let interface = interface.to_owned();
    // An interface without hardware address has no neighbours to tell.
    let Ok(Some(port)) = Port::open(&interface) else {
        return;
    };
    let frames = frames(port.hardware, address);
    port.send(&frames);
    let thread = std::thread::Builder::new().stack_size(STACK);
    // Without a thread it was said once.
    let _ = thread.spawn(move || {
        for _ in 1..TIMES {
            std::thread::sleep(PAUSE);
            let here = netlink::held().is_ok_and(|held| {
                held.iter()
                    .any(|it| it.address == address && it.interface == interface)
            });
            if !here {
                break;
            }
            port.send(&frames);
        }
    });
}

struct Port {
    socket: OwnedFd,
    hardware: [u8; 6],
}

impl Port {
    fn open(interface: &str) -> io::Result<Option<Self>> {
        let Some(link) = link(interface)? else {
            return Ok(None);
        };
        let Some(hardware) = hardware(&link) else {
            return Ok(None);
        };
        // Protocol 0: nothing is received (packet(7)).
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            None,
        )?;
        bind(socket.as_raw_fd(), &link)?;
        Ok(Some(Self { socket, hardware }))
    }

    fn send(&self, frames: &[Vec<u8>]) {
        for frame in frames {
            // A frame that is lost is like one that the network loses: others follow.
            let _ = send(self.socket.as_raw_fd(), frame, MsgFlags::empty());
        }
    }
}

pub(crate) fn link(interface: &str) -> io::Result<Option<LinkAddr>> {
    Ok(getifaddrs()?
        .filter(|entry| entry.interface_name == interface)
        .find_map(|entry| entry.address?.as_link_addr().copied()))
}

/// Its hardware address, if it has one.
pub(crate) fn hardware(link: &LinkAddr) -> Option<[u8; 6]> {
    link.addr().filter(|it| *it != [0; 6])
}

pub(crate) fn frames(hardware: [u8; 6], address: IpAddr) -> Vec<Vec<u8>> {
    match address {
        // Hosts differ in which of the two they believe.
        IpAddr::V4(four) => vec![arp(hardware, four, 1), arp(hardware, four, 2)],
        IpAddr::V6(six) => vec![advertisement(hardware, six)],
    }
}

/// An ARP packet about oneself; 1: request, 2: reply (RFC 826).
fn arp(hardware: [u8; 6], address: Ipv4Addr, operation: u8) -> Vec<u8> {
    packet(hardware, address, address, operation)
}

/// Asks who has an address without saying that it is here (RFC 5227, section 2.1.1).
pub(crate) fn probe(hardware: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    packet(hardware, Ipv4Addr::UNSPECIFIED, address, 1)
}

fn packet(hardware: [u8; 6], sender: Ipv4Addr, target: Ipv4Addr, operation: u8) -> Vec<u8> {
    let whose = if operation == 1 { [0; 6] } else { hardware };
    let mut frame = ethernet(BROADCAST, hardware, 0x0806);
    frame.extend([0, 1, 0x08, 0x00, 6, 4, 0, operation]);
    frame.extend(hardware);
    frame.extend(sender.octets());
    frame.extend(whose);
    frame.extend(target.octets());
    frame
}

/// A neighbour advertisement to all nodes, with the override flag (RFC 4861, 4.4).
fn advertisement(hardware: [u8; 6], address: Ipv6Addr) -> Vec<u8> {
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let mut message = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
    message.extend(address.octets());
    message.extend([2, 1]); // target link-layer address, one unit of eight bytes
    message.extend(hardware);
    let length = u8::try_from(message.len()).unwrap_or(u8::MAX);
    let mut pseudo = Vec::new();
    pseudo.extend(address.octets());
    pseudo.extend(all_nodes.octets());
    pseudo.extend([0, 0, 0, length, 0, 0, 0, 58]);
    pseudo.extend(&message);
    message[2..4].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    let mut frame = ethernet(ALL_NODES, hardware, 0x86dd);
    frame.extend([0x60, 0, 0, 0, 0, length, 58, 255]);
    frame.extend(address.octets());
    frame.extend(all_nodes.octets());
    frame.extend(message);
    frame
}

fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(86);
    frame.extend(to);
    frame.extend(from);
    frame.extend(kind.to_be_bytes());
    frame
}

/// The internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // Folded to sixteen bits just now.
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 9];

    #[test]
    fn an_arp_announcement_is_about_oneself() {
        let frame = arp(HARDWARE, Ipv4Addr::new(10, 0, 0, 7), 1);
        assert_eq!(frame.len(), 14 + 28);
        assert_eq!(frame[12..14], [0x08, 0x06]);
        assert_eq!(frame[28..32], [10, 0, 0, 7]);
        assert_eq!(frame[38..42], [10, 0, 0, 7]);
    }

    #[test]
    fn an_advertisement_has_a_checksum_that_adds_up() {
        let address: Ipv6Addr = "fd00::7".parse().expect("an address");
        let frame = advertisement(HARDWARE, address);
        assert_eq!(frame.len(), 14 + 40 + 32);
        let mut pseudo = frame[22..54].to_vec();
        pseudo.extend([0, 0, 0, 32, 0, 0, 0, 58]);
        pseudo.extend(&frame[54..]);
        assert_eq!(checksum(&pseudo), 0);
    }

    #[test]
    fn the_example_of_the_rfc() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }
}
