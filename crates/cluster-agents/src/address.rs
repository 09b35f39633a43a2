//! Addresses as resources, without an agent: what takes `IPaddr2` a tenth of a second of
//! shell is one message to the kernel.

use crate::announce;
use crate::code::OcfCode;
use crate::job::{Action, Ended};
use crate::netlink::{self, Held};
use std::io;
use std::net::IpAddr;

/// Where an address may be for good without being served: hosts behind a load balancer
/// have it there (direct routing).
const LOOPBACK: &str = "lo";

/// Runs one operation. It does not block: the kernel answers at once.
pub(crate) fn run(address: IpAddr, prefix: u8, interface: &str, action: &Action) -> Ended {
    let wanted = Held {
        interface: interface.to_owned(),
        address,
        prefix,
    };
    let done = match action {
        Action::Probe => probe(&wanted),
        Action::Monitor { .. } => monitor(&wanted),
        Action::Start => start(&wanted),
        Action::Stop => stop(&wanted),
        Action::Notify { .. } => Ok(Ended::exit(OcfCode::Success)),
        Action::ValidateAll => validate(&wanted),
        Action::Promote | Action::Demote | Action::MetaData => {
            Ok(Ended::exit(OcfCode::Unimplemented))
        }
    };
    done.unwrap_or_else(|error| {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied => OcfCode::Permission,
            _ => OcfCode::Generic,
        };
        let what = action.word();
        let why = format!("{what} of {address}/{prefix} on {interface}: {error}");
        Ended::because(code, why)
    })
}

/// Of a probe, also an address that is here otherwise than wanted counts as running: it
/// must be stopped before another node may have it.
fn probe(wanted: &Held) -> io::Result<Ended> {
    let held = netlink::held()?;
    if held.contains(wanted) {
        return monitor(wanted);
    }
    Ok(match strays(&held, wanted).first() {
        None => Ended::exit(OcfCode::NotRunning),
        Some(stray) => {
            let why = format!(
                "{} is on {}/{}",
                wanted.address, stray.interface, stray.prefix
            );
            Ended::because(OcfCode::Generic, why)
        }
    })
}

fn monitor(wanted: &Held) -> io::Result<Ended> {
    if !netlink::held()?.contains(wanted) {
        return Ok(Ended::exit(OcfCode::NotRunning));
    }
    Ok(match netlink::is_up(&wanted.interface)? {
        Some(true) => Ended::exit(OcfCode::Success),
        _ => Ended::because(OcfCode::Generic, format!("{} is down", wanted.interface)),
    })
}

fn start(wanted: &Held) -> io::Result<Ended> {
    match netlink::is_up(&wanted.interface)? {
        None => return validate(wanted),
        Some(false) => {
            let why = format!("{} is down", wanted.interface);
            return Ok(Ended::because(OcfCode::Generic, why));
        }
        Some(true) => {}
    }
    netlink::add(&wanted.interface, wanted.address, wanted.prefix)?;
    announce::announce(&wanted.interface, wanted.address);
    Ok(Ended::exit(OcfCode::Success))
}

/// Removes the address from wherever it is, but for the loopback interface: what counts
/// is that this host does not answer for it any more.
fn stop(wanted: &Held) -> io::Result<Ended> {
    let before = netlink::held()?;
    for stray in strays(&before, wanted) {
        netlink::remove(&stray.interface, stray.address, stray.prefix)?;
        restore(&before, stray)?;
    }
    let after = netlink::held()?;
    Ok(match strays(&after, wanted).first() {
        None => Ended::exit(OcfCode::Success),
        Some(stray) => {
            let why = format!("{} is still on {}", wanted.address, stray.interface);
            Ended::because(OcfCode::Generic, why)
        }
    })
}

/// Removing the first IPv4 address of a network takes the others of it along, unless
/// `promote_secondaries` is set (ip-sysctl): those are put back.
fn restore(before: &[Held], removed: &Held) -> io::Result<()> {
    let now = netlink::held()?;
    for held in before {
        let lost = held.interface == removed.interface
            && held.address != removed.address
            && held.address.is_ipv4()
            && !now.contains(held);
        if lost {
            netlink::add(&held.interface, held.address, held.prefix)?;
        }
    }
    Ok(())
}

fn validate(wanted: &Held) -> io::Result<Ended> {
    let longest = if wanted.address.is_ipv4() { 32 } else { 128 };
    if wanted.prefix > longest {
        let why = format!("/{} is no prefix of {}", wanted.prefix, wanted.address);
        return Ok(Ended::because(OcfCode::NotConfigured, why));
    }
    if netlink::is_up(&wanted.interface)?.is_none() {
        let why = format!("there is no interface {}", wanted.interface);
        return Ok(Ended::because(OcfCode::NotInstalled, why));
    }
    Ok(Ended::exit(OcfCode::Success))
}

/// Where the address is; the wanted place is one of them if it is there.
fn strays<'a>(held: &'a [Held], wanted: &Held) -> Vec<&'a Held> {
    held.iter()
        .filter(|it| it.address == wanted.address)
        .filter(|it| it.interface != LOOPBACK || wanted.interface == LOOPBACK)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Ending;

    #[test]
    fn an_address_on_the_loopback_is_not_served() {
        let at = |interface: &str| Held {
            interface: interface.to_owned(),
            address: IpAddr::from([10, 0, 0, 7]),
            prefix: 24,
        };
        let held = [at("lo"), at("eth1")];
        assert_eq!(strays(&held, &at("eth0")), [&at("eth1")]);
        assert_eq!(strays(&held, &at("lo")).len(), 2);
    }

    #[test]
    fn an_interface_that_is_not_there_is_not_installed() {
        let address = IpAddr::from([10, 0, 0, 7]);
        let ended = run(address, 24, "none0", &Action::Start);
        assert_eq!(ended.ending, Ending::Exit(OcfCode::NotInstalled));
        let ended = run(address, 33, "lo", &Action::ValidateAll);
        assert_eq!(ended.ending, Ending::Exit(OcfCode::NotConfigured));
        let ended = run(address, 24, "none0", &Action::Probe);
        assert_eq!(ended.ending, Ending::Exit(OcfCode::NotRunning));
        let ended = run(address, 24, "none0", &Action::Stop);
        assert_eq!(ended.ending, Ending::Exit(OcfCode::Success));
    }
}
