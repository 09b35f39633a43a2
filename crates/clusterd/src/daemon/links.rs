//! One UDP socket on each network between the members, and a thread that listens to it.

use super::{Input, thread};
use crate::configuration::ClusterFile;
use anyhow::{Context, Result};
use nix::sys::socket::{setsockopt, sockopt};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// Longer datagrams are none of ours.
const LONGEST: usize = 2_048;

/// The networks, seen from one member.
#[derive(Debug)]
pub(crate) struct Links {
    mine: BTreeMap<u8, Arc<UdpSocket>>,
    theirs: BTreeMap<(u16, u8), SocketAddr>,
    names: Vec<String>,
}

impl Links {
    /// Opens all sockets and begins to listen.
    pub(crate) fn open(file: &ClusterFile, me: u16, out: &Sender<Input>) -> Result<Self> {
        let mut theirs = file.sockets();
        let mut mine = BTreeMap::new();
        for (link, address) in own(&mut theirs, me) {
            let socket = Arc::new(bind(address)?);
            let (ear, out) = (Arc::clone(&socket), out.clone());
            let listen = move || listen(link, &ear, &out);
            thread::begin_urgent(&format!("link{link}"), &file.cluster, listen)?;
            mine.insert(link, socket);
        }
        // What this member is not on, it hears nobody on.
        theirs.retain(|(_, link), _| mine.contains_key(link));
        let names = file.links.clone();
        Ok(Self {
            mine,
            theirs,
            names,
        })
    }

    /// Sends; whatever gets lost is sent again by whoever needs it.
    pub(crate) fn send(&self, to: u16, link: u8, datagram: &[u8]) {
        if let (Some(socket), Some(address)) = (self.mine.get(&link), self.theirs.get(&(to, link)))
        {
            let _ = socket.send_to(datagram, address);
        }
    }

    /// What the operator calls a network.
    pub(crate) fn name(&self, link: u8) -> &str {
        self.names.get(usize::from(link)).map_or("", String::as_str)
    }

    /// The address of a member on a network that this one is on, too.
    pub(crate) fn address(&self, of: u16, link: u8) -> Option<IpAddr> {
        self.theirs.get(&(of, link)).map(SocketAddr::ip)
    }
}

/// Takes out this member's own addresses.
fn own(all: &mut BTreeMap<(u16, u8), SocketAddr>, me: u16) -> Vec<(u8, SocketAddr)> {
    let own: Vec<_> = all
        .iter()
        .filter(|((member, _), _)| *member == me)
        .map(|((_, link), address)| (*link, *address))
        .collect();
    all.retain(|(member, _), _| *member != me);
    own
}

fn bind(address: SocketAddr) -> Result<UdpSocket> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, socket};
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let what = || format!("cannot listen on {address} (UDP)");
    let socket =
        socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).with_context(what)?;
    // A network may come up later than the daemon: it listens already.
    if address.is_ipv4() {
        setsockopt(&socket, sockopt::IpFreebind, &true).with_context(what)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6V6Only, &true).with_context(what)?;
    }
    let own = SockaddrStorage::from(address);
    bind(std::os::fd::AsRawFd::as_raw_fd(&socket.as_fd()), &own).with_context(what)?;
    Ok(UdpSocket::from(socket))
}

fn listen(link: u8, socket: &UdpSocket, out: &Sender<Input>) {
    let mut buffer = [0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let datagram = buffer[..length].to_vec();
                if out
                    .send(Input::Datagram {
                        link,
                        from,
                        datagram,
                    })
                    .is_err()
                {
                    return;
                }
            }
            // An answer to an earlier packet that nobody wanted (ICMP).
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
}
