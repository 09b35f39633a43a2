//! The faults a lab can have: what they are called, and when two of them are the same.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bmc::BmcTrouble;
use crate::error::{Error, Result};
use crate::topology::{Host, Topology};

/// Something that is wrong with a lab on purpose, from when it is injected until it is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The cable of a NIC is pulled: the host sees its carrier go.
    NicDown {
        /// The host.
        host: String,
        /// Its NIC.
        nic: String,
    },
    /// Nothing passes between two hosts (or clients) on a network. Neither sees a carrier go.
    LinkCut {
        /// Host or client whose packets are lost.
        from: String,
        /// Host or client that does not get them.
        to: String,
        /// The network; other networks still join the two.
        network: String,
        /// Only packets from `from` to `to` are lost, those back arrive.
        one_way: bool,
    },
    /// The gateways of a network are gone.
    GatewayDown {
        /// The network.
        network: String,
    },
    /// A share of the packets through a NIC is lost, each direction by itself.
    Loss {
        /// The host.
        host: String,
        /// Its NIC.
        nic: String,
        /// 1 to 100.
        percent: u8,
    },
    /// The host has no power.
    PowerOff {
        /// The host.
        host: String,
    },
    /// All processes of the host stand still. Its part of the kernel does not: it still answers pings
    /// and takes TCP connections that nobody serves.
    Frozen {
        /// The host.
        host: String,
    },
    /// All processes of one program stand still (SIGSTOP); those that it starts later do not.
    Stalled {
        /// The host.
        host: String,
        /// The program, as `ps -o comm` shows it.
        program: String,
    },
    /// The host's BMC does not do what it should.
    Bmc {
        /// The host.
        host: String,
        /// What it does instead.
        trouble: BmcTrouble,
    },
}

/// What can be done about faults, as a command line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultAction {
    /// Make something wrong.
    Inject(Fault),
    /// Put it right again. Matches as described at [`Fault::is_undone_by`].
    Undo(Fault),
    /// Power off and on at once.
    Reset {
        /// The host.
        host: String,
    },
    /// The plug of a host: host and BMC lose their power together, or get it back together.
    Mains {
        /// The host.
        host: String,
        /// Whether it is plugged in.
        on: bool,
    },
    /// Undo everything.
    Heal,
}

/// The words that [`FaultAction::parse`] understands, for help texts.
pub const FAULT_USAGE: &str = "\
nic-down HOST NIC | nic-up HOST NIC | link-cut A B NETWORK [one-way] | link-mend A B NETWORK | \
gateway-down NETWORK | gateway-up NETWORK | loss HOST NIC PERCENT (0 ends it) | power-off HOST | \
power-on HOST | reset HOST | freeze HOST | thaw HOST | stall HOST PROGRAM | unstall HOST PROGRAM | \
bmc-off HOST [with-power] | bmc-hang HOST | bmc-lie HOST | bmc-slow HOST SECONDS | bmc-on HOST [with-power] | heal";

impl FaultAction {
    /// Understands the words of a command line, see [`FAULT_USAGE`]. Names are checked later, against
    /// the lab.
    ///
    /// # Errors
    /// [`Error::FaultWords`].
    pub fn parse(words: &[&str]) -> Result<Self> {
        let own = |s: &str| s.to_owned();
        let cut = |a: &str, b: &str, network: &str, one_way| Fault::LinkCut {
            from: own(a),
            to: own(b),
            network: own(network),
            one_way,
        };
        let stalled = |host: &str, program: &str| Fault::Stalled {
            host: own(host),
            program: own(program),
        };
        let bmc = |host: &str, trouble| Fault::Bmc {
            host: own(host),
            trouble,
        };
        Ok(match *words {
            ["nic-down", host, nic] => Self::Inject(Fault::NicDown {
                host: own(host),
                nic: own(nic),
            }),
            ["nic-up", host, nic] => Self::Undo(Fault::NicDown {
                host: own(host),
                nic: own(nic),
            }),
            ["link-cut", a, b, network] => Self::Inject(cut(a, b, network, false)),
            ["link-cut", a, b, network, "one-way" | "--one-way"] => {
                Self::Inject(cut(a, b, network, true))
            }
            ["link-mend", a, b, network] => Self::Undo(cut(a, b, network, false)),
            ["gateway-down", network] => Self::Inject(Fault::GatewayDown {
                network: own(network),
            }),
            ["gateway-up", network] => Self::Undo(Fault::GatewayDown {
                network: own(network),
            }),
            ["loss", host, nic, percent] => match percent.trim_end_matches('%').parse::<u8>() {
                Ok(0) => Self::Undo(Fault::Loss {
                    host: own(host),
                    nic: own(nic),
                    percent: 0,
                }),
                Ok(percent @ 1..=100) => Self::Inject(Fault::Loss {
                    host: own(host),
                    nic: own(nic),
                    percent,
                }),
                _ => return Err(not_understood(words)),
            },
            ["power-off", host] => Self::Inject(Fault::PowerOff { host: own(host) }),
            ["power-on", host] => Self::Undo(Fault::PowerOff { host: own(host) }),
            ["reset", host] => Self::Reset { host: own(host) },
            ["freeze", host] => Self::Inject(Fault::Frozen { host: own(host) }),
            ["thaw", host] => Self::Undo(Fault::Frozen { host: own(host) }),
            ["stall", host, program] => Self::Inject(stalled(host, program)),
            ["unstall", host, program] => Self::Undo(stalled(host, program)),
            ["bmc-off", host] => Self::Inject(bmc(host, BmcTrouble::Off)),
            ["bmc-hang", host] => Self::Inject(bmc(host, BmcTrouble::Hang)),
            ["bmc-lie", host] => Self::Inject(bmc(host, BmcTrouble::Lie)),
            ["bmc-slow", host, seconds] => match seconds.parse::<u16>() {
                Ok(seconds @ 1..=600) => Self::Inject(bmc(host, BmcTrouble::Slow { seconds })),
                _ => return Err(not_understood(words)),
            },
            // Whatever it is that is wrong with it.
            ["bmc-on", host] => Self::Undo(bmc(host, BmcTrouble::Off)),
            ["bmc-off", host, "with-power"] => Self::Mains {
                host: own(host),
                on: false,
            },
            ["bmc-on", host, "with-power"] => Self::Mains {
                host: own(host),
                on: true,
            },
            ["heal"] => Self::Heal,
            _ => return Err(not_understood(words)),
        })
    }
}

fn not_understood(words: &[&str]) -> Error {
    Error::FaultWords {
        words: words.join(" "),
        usage: format!("known are: {FAULT_USAGE}"),
    }
}

impl fmt::Display for Fault {
    /// The words that inject it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NicDown { host, nic } => write!(f, "nic-down {host} {nic}"),
            Self::LinkCut {
                from,
                to,
                network,
                one_way,
            } => {
                write!(
                    f,
                    "link-cut {from} {to} {network}{}",
                    if *one_way { " one-way" } else { "" }
                )
            }
            Self::GatewayDown { network } => write!(f, "gateway-down {network}"),
            Self::Loss { host, nic, percent } => write!(f, "loss {host} {nic} {percent}"),
            Self::PowerOff { host } => write!(f, "power-off {host}"),
            Self::Frozen { host } => write!(f, "freeze {host}"),
            Self::Stalled { host, program } => write!(f, "stall {host} {program}"),
            Self::Bmc { host, trouble } => match trouble {
                BmcTrouble::Off => write!(f, "bmc-off {host}"),
                BmcTrouble::Hang => write!(f, "bmc-hang {host}"),
                BmcTrouble::Lie => write!(f, "bmc-lie {host}"),
                BmcTrouble::Slow { seconds } => write!(f, "bmc-slow {host} {seconds}"),
            },
        }
    }
}

impl Fault {
    /// Whether undoing `other` ends this fault: the same place. The share of a loss does not matter, nor
    /// what is wrong with a BMC, and mending a link in both directions also ends a one-way cut of it.
    pub fn is_undone_by(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::LinkCut {
                    from,
                    to,
                    network,
                    one_way,
                },
                Self::LinkCut {
                    from: a,
                    to: b,
                    network: on,
                    one_way: only_one_way,
                },
            ) => {
                let same = from == a && to == b;
                let turned = from == b && to == a;
                network == on
                    && if *only_one_way {
                        *one_way && same
                    } else {
                        same || turned
                    }
            }
            (
                Self::Loss { host, nic, .. },
                Self::Loss {
                    host: h, nic: n, ..
                },
            ) => host == h && nic == n,
            (Self::Bmc { host, .. }, Self::Bmc { host: h, .. }) => host == h,
            _ => self == other,
        }
    }

    /// The host that this fault keeps from answering at all.
    pub(crate) fn silenced_host(&self) -> Option<&str> {
        match self {
            Self::PowerOff { host } | Self::Frozen { host } => Some(host),
            _ => None,
        }
    }

    /// Checks every name against the lab.
    pub(crate) fn check(&self, topology: &Topology) -> Result<()> {
        match self {
            Self::NicDown { host, nic } => expect_nic(topology, host, nic),
            Self::Loss { host, nic, percent } => {
                if *percent > 100 {
                    return Err(not_understood(&[&self.to_string()]));
                }
                expect_nic(topology, host, nic)
            }
            Self::LinkCut {
                from, to, network, ..
            } => {
                expect_network(topology, network)?;
                expect_member(topology, from, network)?;
                expect_member(topology, to, network)
            }
            Self::GatewayDown { network } => {
                let found = expect_network(topology, network)?;
                if found.gateways.is_empty() {
                    let with = topology.networks.iter().filter(|n| !n.gateways.is_empty());
                    return Err(unknown(
                        topology,
                        "gateway in network",
                        network,
                        with.map(|n| n.name.clone()),
                    ));
                }
                Ok(())
            }
            Self::PowerOff { host }
            | Self::Frozen { host }
            | Self::Stalled { host, .. }
            | Self::Bmc { host, .. } => expect_host(topology, host).map(|_| ()),
        }
    }
}

fn unknown(
    topology: &Topology,
    kind: &'static str,
    name: &str,
    known: impl Iterator<Item = String>,
) -> Error {
    Error::Unknown {
        lab: topology.name.clone(),
        kind,
        name: name.to_owned(),
        known: known.collect(),
    }
}

pub(crate) fn expect_host<'a>(topology: &'a Topology, name: &str) -> Result<&'a Host> {
    topology.host(name).ok_or_else(|| {
        unknown(
            topology,
            "host",
            name,
            topology.hosts.iter().map(|h| h.name.clone()),
        )
    })
}

fn expect_network<'a>(topology: &'a Topology, name: &str) -> Result<&'a crate::topology::Network> {
    topology.network(name).ok_or_else(|| {
        unknown(
            topology,
            "network",
            name,
            topology.networks.iter().map(|n| n.name.clone()),
        )
    })
}

fn expect_nic(topology: &Topology, host: &str, nic: &str) -> Result<()> {
    let host = expect_host(topology, host)?;
    if host.nics.iter().any(|n| n.name == nic) {
        return Ok(());
    }
    let known = host
        .nics
        .iter()
        .map(|n| format!("{}:{}", host.name, n.name));
    Err(unknown(
        topology,
        "NIC",
        &format!("{}:{nic}", host.name),
        known,
    ))
}

fn expect_member(topology: &Topology, name: &str, network: &str) -> Result<()> {
    let hosts = topology
        .hosts
        .iter()
        .filter(|h| h.nics.iter().any(|n| n.network == network))
        .map(|h| h.name.clone());
    let clients = topology
        .clients
        .iter()
        .filter(|c| c.network == network)
        .map(|c| c.name.clone());
    let members: Vec<String> = hosts.chain(clients).collect();
    if members.iter().any(|m| m == name) {
        return Ok(());
    }
    Err(unknown(
        topology,
        "member of the network",
        name,
        members.into_iter(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FaultAction {
        FaultAction::parse(&text.split(' ').collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_fault_is_shown_in_the_words_that_inject_it() {
        for words in [
            "nic-down zipi eth1",
            "link-cut zipi zape om",
            "link-cut zipi zape om one-way",
            "gateway-down ext",
            "loss zipi eth1 30",
            "power-off zape",
            "freeze zape",
            "stall zape sshd",
            "bmc-off zape",
            "bmc-hang zape",
            "bmc-lie zape",
            "bmc-slow zape 5",
        ] {
            let FaultAction::Inject(fault) = parse(words) else {
                panic!("{words}")
            };
            assert_eq!(fault.to_string(), words);
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_usage() {
        for words in [
            "nic-down zipi",
            "loss zipi eth1 101",
            "loss zipi eth1 x",
            "burn zipi",
            "bmc-slow zipi",
            "bmc-slow zipi 0",
            "",
        ] {
            let error = FaultAction::parse(&words.split(' ').collect::<Vec<_>>()).unwrap_err();
            assert!(error.to_string().contains("nic-down HOST NIC"), "{error}");
        }
    }

    #[test]
    fn mending_a_link_ends_cuts_in_either_direction() {
        let (FaultAction::Inject(one_way), FaultAction::Undo(mend)) = (
            parse("link-cut zape zipi om one-way"),
            parse("link-mend zipi zape om"),
        ) else {
            panic!()
        };
        assert!(one_way.is_undone_by(&mend));
        assert!(
            !mend.is_undone_by(&one_way),
            "a one-way mend leaves the cut in both directions"
        );
        let FaultAction::Undo(other) = parse("link-mend zipi zape hb") else {
            panic!()
        };
        assert!(!one_way.is_undone_by(&other));
    }

    #[test]
    fn a_bmc_has_one_trouble_at_a_time_and_one_way_out() {
        let FaultAction::Undo(on) = parse("bmc-on zape") else {
            panic!()
        };
        for words in ["bmc-hang zape", "bmc-lie zape", "bmc-slow zape 5"] {
            let FaultAction::Inject(fault) = parse(words) else {
                panic!("{words}")
            };
            assert!(fault.is_undone_by(&on), "{words}");
        }
        let FaultAction::Inject(other) = parse("bmc-off zipi") else {
            panic!()
        };
        assert!(!other.is_undone_by(&on));
        assert!(matches!(
            parse("bmc-off zape with-power"),
            FaultAction::Mains { on: false, .. }
        ));
    }

    #[test]
    fn a_loss_is_replaced_whatever_its_share() {
        let (FaultAction::Inject(a), FaultAction::Undo(b)) =
            (parse("loss zipi eth1 30"), parse("loss zipi eth1 0"))
        else {
            panic!()
        };
        assert!(a.is_undone_by(&b));
    }
}
