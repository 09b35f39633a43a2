//! Which addresses of the reach list answer: the attribute `pingd`, as Pacemaker's agent
//! `ping` sets it, so that the same rules can be written.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// Between two questions to all.
const EVERY: Duration = Duration::from_secs(1);

/// So long an answer may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// An address that answered within this counts: one lost packet moves nothing.
const DAMPING: Duration = Duration::from_secs(4);

/// Asks for ever; `tell` hears how many answer whenever that changes.
pub(crate) fn watch(addresses: &[IpAddr], mut tell: impl FnMut(usize) -> bool) {
    let mut answered: Vec<Option<Instant>> = vec![None; addresses.len()];
    let mut told = None;
    for round in 0_u16.. {
        let began = Instant::now();
        for (place, address) in addresses.iter().enumerate() {
            if ask(*address, round) {
                answered[place] = Some(Instant::now());
            }
        }
        let count = answered
            .iter()
            .filter(|answered| answered.is_some_and(|at| at.elapsed() < DAMPING))
            .count();
        if told != Some(count) {
            told = Some(count);
            if !tell(count) {
                return;
            }
        }
        std::thread::sleep(EVERY.saturating_sub(began.elapsed()));
    }
}

/// An echo request (RFC 792, RFC 4443) and its answer.
fn ask(address: IpAddr, round: u16) -> bool {
    let Ok(socket) = open(address) else {
        return false;
    };
    let id = (std::process::id() & 0xffff) as u16;
    let request = request(address, id, round);
    let to = SockaddrStorage::from(SocketAddr::new(address, 0));
    if sendto(socket.as_raw_fd(), &request, &to, MsgFlags::empty()).is_err() {
        return false;
    }
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 1_500];
    // A raw socket hears what others asked for, too.
    while Instant::now() < until {
        match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
            Ok(length) if is_answer(address, &buffer[..length], id, round) => return true,
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    false
}

fn open(address: IpAddr) -> nix::Result<OwnedFd> {
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    let patience = TimeVal::new(0, 100_000);
    setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
    // What is not the address itself answers nothing here.
    nix::sys::socket::connect(
        socket.as_raw_fd(),
        &SockaddrStorage::from(SocketAddr::new(address, 0)),
    )?;
    Ok(socket)
}

fn request(address: IpAddr, id: u16, round: u16) -> Vec<u8> {
    let kind = if address.is_ipv4() { 8 } else { 128 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(round.to_be_bytes());
    // Of version 6 the kernel adds it (RFC 3542).
    let sum = checksum(&packet);
    packet[2..4].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// Of RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in packet.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

fn is_answer(address: IpAddr, packet: &[u8], id: u16, round: u16) -> bool {
    // Of version 4 its own header comes first.
    let (start, kind) = match address {
        IpAddr::V4(_) => (
            packet
                .first()
                .map_or(0, |first| usize::from(first & 15) * 4),
            0,
        ),
        IpAddr::V6(_) => (0, 129),
    };
    let Some(answer) = packet.get(start..start + 8) else {
        return false;
    };
    answer[0] == kind && answer[4..6] == id.to_be_bytes() && answer[6..8] == round.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_reaches_itself() {
        let home = IpAddr::from([127, 0, 0, 1]);
        if open(home).is_err() {
            eprintln!("SKIPPED ping: raw sockets want root");
            return;
        }
        assert!(ask(home, 7));
    }

    #[test]
    fn an_answer_to_somebody_else_is_none() {
        let six: IpAddr = "::1".parse().expect("an address");
        let mut packet = vec![129, 0, 0, 0, 0x12, 0x34, 0, 7];
        assert!(is_answer(six, &packet, 0x1234, 7));
        assert!(!is_answer(six, &packet, 0x1234, 8));
        assert!(!is_answer(six, &packet, 0x4321, 7));
        assert!(!is_answer(six, &packet[..7], 0x1234, 7));
        packet[0] = 128;
        assert!(!is_answer(six, &packet, 0x1234, 7), "that is a question");
    }

    #[test]
    fn a_packet_with_its_checksum_sums_up_to_nothing() {
        let packet = request(IpAddr::from([10, 0, 0, 1]), 0x1234, 7);
        assert_eq!(checksum(&packet), 0);
    }
}
