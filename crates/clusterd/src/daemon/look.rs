//! Where what is reached decides (arbitration `reach`): a look around, once the peer is not
//! heard any more, and word to the neighbours once it is heard again.

use super::Input;
use super::agents::Order;
use super::machine::Machine;
use super::ping::{Requests, wait};
use cluster_agents::neighbours::{self, Held, Inquiry};
use cluster_model::configuration::{Configuration, Item, Primitive};
use cluster_model::resource::Agent;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd as _;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// So long a look lasts at most.
pub(crate) const LONGEST: Duration = Duration::from_millis(250);

/// Between two questions to who did not answer the first one.
const AGAIN: Duration = Duration::from_millis(50);

/// How often is asked: of several packets lost on the way not all are lost.
const TIMES: u32 = 2;

/// So long the owner of an address may take to say so. Its kernel answers, in its own
/// network: what is not there by then does not come.
const QUIET: Duration = Duration::from_millis(100);

/// An address of the cluster, and the interface that would carry it if the configuration
/// names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    address: IpAddr,
    interface: Option<String>,
}

/// What a look is for.
#[derive(Debug)]
pub(super) struct Look {
    number: u64,
    listed: Vec<IpAddr>,
    wanted: Vec<Wanted>,
}

/// The address that a resource brings up, if a look can see it: our own, and one of the
/// agent `IPaddr2` that is written as a plain number.
fn address_of(primitive: &Primitive) -> Option<Wanted> {
    match &primitive.agent {
        Agent::Address {
            address, interface, ..
        } => Some(Wanted {
            address: *address,
            interface: Some(interface.clone()),
        }),
        Agent::Ocf {
            kind, parameters, ..
        } if kind == "IPaddr2" => Some(Wanted {
            address: parameters.get("ip")?.parse().ok()?,
            interface: parameters.get("nic").cloned(),
        }),
        _ => None,
    }
}

/// The addresses that the resources of a configuration bring up.
fn wanted(configuration: &Configuration) -> Vec<Wanted> {
    let items = configuration.resources.iter();
    let all = items.flat_map(crate::configuration::members_of);
    all.filter_map(address_of).collect()
}

/// Items that run once and bring up no address: a node that looks around sees nothing of
/// them on the other one.
pub(crate) fn unseen(items: &[Item]) -> Vec<&str> {
    let once = items.iter().filter(|item| !matches!(item, Item::Clone(_)));
    let is_unseen =
        |item: &&Item| !crate::configuration::members_of(item).any(|it| address_of(it).is_some());
    once.filter(is_unseen).map(Item::name).collect()
}

/// Is it served here? On the loopback interface hosts behind a load balancer have an
/// address for good.
fn is_here(held: &[Held], address: IpAddr) -> bool {
    held.iter()
        .any(|it| it.address == address && it.interface != "lo")
}

/// Whether somebody else has one of the addresses that are not here.
struct Owners {
    inquiries: Vec<Inquiry>,
    /// Of version 6: whoever answers at all has it.
    six: Requests,
}

impl Owners {
    /// An address whose interface is not there, or down, cannot be brought up here anyway:
    /// nobody is asked for it.
    fn of(look: &Look) -> std::io::Result<Self> {
        let held = neighbours::held()?;
        let mut four: BTreeMap<&str, Vec<Ipv4Addr>> = BTreeMap::new();
        let mut six = Vec::new();
        let elsewhere = look.wanted.iter();
        for one in elsewhere.filter(|one| !is_here(&held, one.address)) {
            let interface = match &one.interface {
                Some(interface) => Some(interface.as_str()),
                None => neighbours::interface_for(&held, one.address),
            };
            match (one.address, interface) {
                (IpAddr::V4(address), Some(interface)) => {
                    four.entry(interface).or_default().push(address);
                }
                (IpAddr::V4(_), None) => {}
                (IpAddr::V6(_), _) => six.push(one.address),
            }
        }
        let mut inquiries = Vec::new();
        for (interface, addresses) in four {
            inquiries.extend(Inquiry::open(interface, addresses)?);
        }
        let six = Requests::open(&six, id(), look.round());
        Ok(Self { inquiries, six })
    }

    fn ask(&self) {
        for inquiry in &self.inquiries {
            inquiry.ask();
        }
        self.six.ask();
    }

    fn hear(&mut self) -> bool {
        self.six.hear();
        // All of them are emptied, or waiting for one ends at once.
        let answered = self.inquiries.iter().filter(|it| it.is_owned()).count();
        answered > 0 || self.six.answered().any(|it| it)
    }
}

/// Not the one of who asks all the time.
fn id() -> u16 {
    !((std::process::id() & 0xffff) as u16)
}

impl Look {
    fn round(&self) -> u16 {
        (self.number & 0xffff) as u16
    }

    /// How many listed addresses answer, and whether somebody else has an address of the
    /// cluster.
    fn around(&self) -> std::io::Result<(usize, bool)> {
        let mut listed = Requests::open(&self.listed, id(), self.round());
        let mut owners = Owners::of(self)?;
        let began = Instant::now();
        let (mut asked, mut owned) = (0, false);
        loop {
            if asked < TIMES && began.elapsed() >= AGAIN * asked {
                asked += 1;
                listed.ask();
                owners.ask();
            }
            listed.hear();
            owned |= owners.hear();
            let quiet = owned || began.elapsed() >= QUIET;
            let done = quiet && listed.answered().all(|it| it);
            if done || began.elapsed() >= LONGEST {
                break;
            }
            let next = if asked < TIMES {
                AGAIN * asked
            } else if quiet {
                LONGEST
            } else {
                QUIET
            };
            let sockets = owners.inquiries.iter().map(|inquiry| inquiry.as_fd());
            let sockets = sockets.filter(|_| !quiet).chain(owners.six.waiting());
            wait(
                listed.waiting().chain(sockets),
                next.saturating_sub(began.elapsed()),
            );
        }
        Ok((listed.answered().filter(|it| *it).count(), owned))
    }

    /// Tells what was seen. It blocks for as long as it looks.
    pub(super) fn tell(&self, out: &Sender<Input>) {
        // Whoever cannot look knows of nobody, and takes nothing.
        let (reached, owned) = self.around().unwrap_or((0, true));
        let _ = out.send(Input::Reached {
            number: self.number,
            reached,
            owned,
        });
    }
}

impl Machine {
    /// The core wants to know what is reached now.
    pub(super) fn look_around(&self, number: u64) {
        self.agents.order(Order::Look(Look {
            number,
            listed: self.file.ping.clone(),
            wanted: self.wanted_addresses(),
        }));
    }

    /// Both may have told the neighbours that an address is theirs while they did not hear
    /// each other: what is here is said again.
    pub(super) fn announce_again(&self) {
        self.agents.order(Order::Announce(self.wanted_addresses()));
    }

    fn wanted_addresses(&self) -> Vec<Wanted> {
        self.node.configuration().map(wanted).unwrap_or_default()
    }
}

/// Tells the neighbours which of these addresses are here. It may block.
pub(super) fn announce(wanted: &[Wanted]) {
    let held = neighbours::held().unwrap_or_default();
    for one in wanted.iter().filter(|one| is_here(&held, one.address)) {
        for it in held.iter().filter(|it| it.address == one.address) {
            neighbours::announce(it);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(resources: &str) -> Configuration {
        let text = format!("{{nodes: [zipi, zape], resources: {resources}}}");
        serde_saphyr::from_str(&text).expect("a configuration")
    }

    #[test]
    fn the_addresses_of_a_configuration_are_found_wherever_they_are() {
        let found = wanted(&configuration(
            "[{group: {name: web, members: [
                {name: vip, agent: {address: {address: 10.0.0.7, prefix: 24, interface: eth0}}},
                {name: www, agent: {systemd: {unit: httpd.service}}}]}},
              {primitive: {name: a, agent: {ocf: {provider: heartbeat, kind: IPaddr2, parameters: {ip: 'fd00::7', nic: eth1}}}}},
              {primitive: {name: b, agent: {ocf: {provider: heartbeat, kind: IPaddr2, parameters: {ip: 10.0.0.8}}}}},
              {primitive: {name: c, agent: {ocf: {provider: heartbeat, kind: IPaddr2, parameters: {ip: vip.example}}}}}]",
        ));
        let one = |address: &str, interface: Option<&str>| Wanted {
            address: address.parse().expect("an address"),
            interface: interface.map(str::to_owned),
        };
        let expected = [
            one("10.0.0.7", Some("eth0")),
            one("fd00::7", Some("eth1")),
            one("10.0.0.8", None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_has_no_address_cannot_be_seen_elsewhere() {
        let vip = "{primitive: {name: vip, agent: {address: {address: 10.0.0.7, prefix: 24, interface: eth0}}}}";
        let data = "{primitive: {name: data, agent: {systemd: {unit: data.service}}}}";
        let named = "{primitive: {name: named, agent: {ocf: {provider: heartbeat, kind: IPaddr2, parameters: {ip: vip.example}}}}}";
        let all = configuration(&format!("[{vip}, {data}, {named}]"));
        assert_eq!(unseen(&all.resources), ["data", "named"]);
    }

    /// 192.0.2.0/24 is nobody's (RFC 5737).
    #[test]
    fn a_look_counts_who_answers_and_ends_in_time() {
        let home = IpAddr::from([127, 0, 0, 1]);
        if Requests::open(&[home], 1, 1).waiting().count() == 0 {
            eprintln!("SKIPPED look: raw sockets want root");
            return;
        }
        let mut look = Look {
            number: 70_000,
            listed: vec![home],
            wanted: vec![
                // On interfaces that are not there nobody is asked.
                Wanted {
                    address: home,
                    interface: Some("none0".to_owned()),
                },
                Wanted {
                    address: IpAddr::from([192, 0, 2, 7]),
                    interface: Some("none0".to_owned()),
                },
            ],
        };
        let began = Instant::now();
        assert_eq!(look.around().expect("a look"), (1, false));
        assert!(began.elapsed() >= QUIET, "an owner has time to answer");
        look.listed.push(IpAddr::from([192, 0, 2, 7]));
        let began = Instant::now();
        assert_eq!(look.around().expect("a look"), (1, false));
        assert!(began.elapsed() >= LONGEST, "a listed one has more");
        // Whoever has it is here, and answers all the same.
        look.wanted.push(Wanted {
            address: "::1".parse().expect("an address"),
            interface: None,
        });
        assert_eq!(look.around().expect("a look"), (1, true));
        let (out, told) = std::sync::mpsc::channel();
        look.tell(&out);
        let answer = told.recv().expect("each look is answered");
        assert!(
            matches!(
                answer,
                Input::Reached {
                    number: 70_000,
                    reached: 1,
                    owned: true
                }
            ),
            "{answer:?}"
        );
    }
}
