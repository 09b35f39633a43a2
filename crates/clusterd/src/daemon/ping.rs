//! Which addresses of the reach list answer: the attribute `pingd`, as Pacemaker's agent
//! `ping` sets it, so that the same rules can be written.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recv, sendto,
    socket,
};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Between two questions to all.
const EVERY: Duration = Duration::from_secs(1);

/// So long an answer may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// An address that answered within this counts: one lost packet moves nothing.
const DAMPING: Duration = Duration::from_secs(4);

/// So many packets are read at a time: of more the rest waits, and time goes on.
const PACKETS_MAX: usize = 1_000;

/// Asks for ever; `tell` hears how many answer whenever that changes.
pub(crate) fn watch(addresses: &[IpAddr], mut tell: impl FnMut(usize) -> bool) {
    let mut answered: Vec<Option<Instant>> = vec![None; addresses.len()];
    let mut told = None;
    let id = (std::process::id() & 0xffff) as u16;
    for round in (0..=u16::MAX).cycle() {
        let began = Instant::now();
        let mut requests = Requests::open(addresses, id, round);
        requests.ask();
        while began.elapsed() < PATIENCE && requests.answered().any(|it| !it) {
            wait(requests.waiting(), PATIENCE.saturating_sub(began.elapsed()));
            requests.hear();
        }
        for (at, it) in answered.iter_mut().zip(requests.answered()) {
            if it {
                *at = Some(Instant::now());
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

/// Echo requests (RFC 792, RFC 4443) to several addresses, and what answers.
pub(super) struct Requests {
    id: u16,
    round: u16,
    all: Vec<Request>,
}

struct Request {
    address: IpAddr,
    /// None: there is no way there.
    socket: Option<OwnedFd>,
    answered: bool,
}

impl Requests {
    /// Asks nobody yet. `id` and `round` tell apart who asks, and when.
    pub(super) fn open(addresses: &[IpAddr], id: u16, round: u16) -> Self {
        let all = addresses.iter().map(|address| Request {
            address: *address,
            socket: open(*address).ok(),
            answered: false,
        });
        let all = all.collect();
        Self { id, round, all }
    }

    /// Asks all that did not answer yet.
    pub(super) fn ask(&self) {
        for one in self.all.iter().filter(|one| !one.answered) {
            let Some(socket) = &one.socket else { continue };
            let request = request(one.address, self.id, self.round);
            let to = SockaddrStorage::from(SocketAddr::new(one.address, 0));
            // One that gets nowhere is like one that nobody answers.
            let _ = sendto(socket.as_raw_fd(), &request, &to, MsgFlags::MSG_DONTWAIT);
        }
    }

    /// Reads what came in meanwhile.
    pub(super) fn hear(&mut self) {
        let mut buffer = [0; 1_500];
        for one in self.all.iter_mut().filter(|one| !one.answered) {
            let Some(socket) = &one.socket else { continue };
            // A raw socket hears what others asked for, too.
            for _ in 0..PACKETS_MAX {
                match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                    Ok(length) => {
                        let packet = &buffer[..length];
                        one.answered = is_answer(one.address, packet, self.id, self.round);
                        if one.answered {
                            break;
                        }
                    }
                    Err(Errno::EINTR) => {}
                    Err(_) => break,
                }
            }
        }
    }

    /// Whether each of them answered, in their order.
    pub(super) fn answered(&self) -> impl Iterator<Item = bool> {
        self.all.iter().map(|one| one.answered)
    }

    /// What an answer may still come in on.
    pub(super) fn waiting(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let waiting = self.all.iter().filter(|one| !one.answered);
        waiting.filter_map(|one| Some(one.socket.as_ref()?.as_fd()))
    }
}

/// Waits until something came in on one of them, and no longer than this.
pub(super) fn wait<'a>(on: impl Iterator<Item = BorrowedFd<'a>>, longest: Duration) {
    let mut on: Vec<_> = on.map(|one| PollFd::new(one, PollFlags::POLLIN)).collect();
    // Whole milliseconds, and not none of them: this is no place to spin.
    let longest = u16::try_from(longest.as_millis() + 1).unwrap_or(u16::MAX);
    // Whoever is woken too early looks, and waits again.
    let _ = poll(&mut on, longest);
}

fn open(address: IpAddr) -> nix::Result<OwnedFd> {
    let (family, protocol) = match address {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let socket = socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
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
        let mut requests = Requests::open(&[home], 1, 7);
        requests.hear();
        assert!(requests.answered().all(|it| !it), "nobody was asked");
        requests.ask();
        wait(requests.waiting(), PATIENCE);
        requests.hear();
        assert!(requests.answered().all(|it| it));
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
