//! The network of the BMCs: which addresses they have, and how hosts reach them.
//!
//! Every lab has one more network than its topology, `bmc`. Host number N of the topology, counted from 1,
//! has its BMC at 10.255.0.N and reaches all BMCs by a NIC `bmc` of its own, with 10.255.1.N. So NIC and
//! network take faults as any others do, and a BMC lives on when its host does not.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::topology::{Host, Network, Nic, Topology};

/// Name of the network, and of the NIC that each host has in it.
pub(crate) const NETWORK: &str = "bmc";
/// The user that every BMC knows. IPMI's level of privilege: administrator.
pub(crate) const USER: &str = "admin";
/// Its password, no secret: the lab's network is closed.
pub(crate) const PASSWORD: &str = "secret";
/// The port of RMCP (IPMI 2.0 specification, 13.1.2).
pub(crate) const PORT: u16 = 623;

const PREFIX: u8 = 23;
/// The addresses of each kind, with 0 and the highest left out.
const MOST: usize = 253;

/// What is wrong with a BMC on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BmcTrouble {
    /// It has no power: nobody has its address.
    Off,
    /// Its address is there, and it answers nothing.
    Hang,
    /// It says what it was told to do, and does nothing.
    Lie,
    /// It agrees at once and acts later.
    Slow {
        /// How much later, in seconds.
        seconds: u16,
    },
}

/// The range of the network.
pub(crate) fn range() -> IpNet {
    let range = Ipv4Net::new_assert(Ipv4Addr::new(10, 255, 0, 0), PREFIX);
    IpNet::V4(range)
}

/// The address of a host's BMC.
pub(crate) fn address(topology: &Topology, host: &str) -> Option<Ipv4Addr> {
    let number = topology.hosts.iter().position(|h| h.name == host)? + 1;
    numbered(0, number)
}

fn numbered(block: u8, number: usize) -> Option<Ipv4Addr> {
    let last = u8::try_from(number).ok()?;
    Some(Ipv4Addr::new(10, 255, block, last))
}

/// What contradicts the rule in a topology, if anything does: place and words.
pub(crate) fn mistake(topology: &Topology) -> Option<(String, String)> {
    if topology.hosts.len() > MOST {
        return Some((
            "hosts".into(),
            format!("there are BMCs for {MOST} hosts, and no more"),
        ));
    }
    let own = range();
    for network in &topology.networks {
        let path = format!("networks.{}", network.name);
        if network.name == NETWORK {
            let what = format!("the name {NETWORK} is that of the lab's own network of BMCs");
            return Some((path, what));
        }
        if network.cidr.contains(&own) || own.contains(&network.cidr) {
            let what = format!("{} overlaps with {own}, where BMCs are", network.cidr);
            return Some((path, what));
        }
    }
    let taken = topology
        .hosts
        .iter()
        .find(|h| h.nics.iter().any(|n| n.name == NETWORK));
    taken.map(|host| {
        (
            format!("hosts.{}.nics.{NETWORK}", host.name),
            format!("the name {NETWORK} is that of the NIC that leads to the BMCs"),
        )
    })
}

/// The topology as it is built: with the network of the BMCs.
pub(crate) fn with_network(topology: &Topology) -> Topology {
    let mut whole = topology.clone();
    let bmcs = (1..=whole.hosts.len()).filter_map(|number| numbered(0, number));
    whole.networks.push(Network {
        name: NETWORK.into(),
        cidr: range(),
        gateways: Vec::new(),
        operator: None,
        reserved: bmcs.map(Into::into).collect(),
    });
    for (at, host) in whole.hosts.iter_mut().enumerate() {
        host.nics.extend(numbered(1, at + 1).map(|address| Nic {
            name: NETWORK.into(),
            network: NETWORK.into(),
            address: address.into(),
            prefix: PREFIX,
        }));
    }
    whole
}

/// The topology as it was asked for.
pub(crate) fn without_network(mut whole: Topology) -> Topology {
    whole.networks.retain(|n| n.name != NETWORK);
    for host in &mut whole.hosts {
        host.nics.retain(|n| n.network != NETWORK);
    }
    whole
}

/// The two files that `ipmi_sim` reads, see `ipmi_lan(5)` and `ipmi_sim_cmd(5)`: users and addresses, and
/// the one controller there is.
pub(crate) fn simulator_files(
    host: &Host,
    address: Ipv4Addr,
    chassis: &str,
) -> [(&'static str, String); 2] {
    let [.., last] = address.octets();
    let lan = format!(
        "name \"{name}\"\n\
         set_working_mc 0x20\n\
         startlan 1\n\
         addr {address} {PORT}\n\
         priv_limit admin\n\
         allowed_auths_callback none md2 md5 straight\n\
         allowed_auths_user none md2 md5 straight\n\
         allowed_auths_operator none md2 md5 straight\n\
         allowed_auths_admin none md2 md5 straight\n\
         guid a123456789abcdefa123456789abcd{last:02x}\n\
         endlan\n\
         chassis_control \"{chassis}\"\n\
         user 2 true \"{USER}\" \"{PASSWORD}\" admin 10 none md2 md5 straight\n",
        name = host.name,
    );
    let emulator = "mc_setbmc 0x20\n\
                    mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
                    mc_enable 0x20\n";
    [("lan.conf", lan), ("sim.emu", emulator.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::tests::{network, nic, sound};

    #[test]
    fn the_number_of_a_host_is_the_end_of_its_addresses() {
        let whole = with_network(&sound());
        assert_eq!(address(&whole, "zape").unwrap().to_string(), "10.255.0.2");
        assert_eq!(address(&whole, "zipo"), None);
        let own = whole.host("zape").unwrap().nics.last().unwrap();
        assert_eq!(own.address.to_string(), "10.255.1.2");
        assert!(range().contains(&own.address));
        // It never takes the place of the host's own way to its operator.
        assert_eq!(
            whole
                .management_nic(whole.host("zape").unwrap())
                .unwrap()
                .name,
            "eth1"
        );
    }

    #[test]
    fn what_was_asked_for_can_be_told_from_what_was_added() {
        assert_eq!(without_network(with_network(&sound())), sound());
    }

    #[test]
    fn whoever_is_in_the_way_of_the_bmcs_is_named() {
        let said = |change: &dyn Fn(&mut Topology)| {
            let mut topology = sound();
            change(&mut topology);
            mistake(&topology).map(|(path, what)| format!("{path}: {what}"))
        };
        assert_eq!(said(&|_| ()), None);
        let wide = said(&|t| t.networks.push(network("wide", "10.0.0.0/8"))).unwrap();
        assert!(
            wide.contains("networks.wide: 10.0.0.0/8 overlaps"),
            "{wide}"
        );
        let name = said(&|t| t.networks.push(network("bmc", "10.9.0.0/24"))).unwrap();
        assert!(name.contains("networks.bmc: the name bmc"), "{name}");
        let taken = said(&|t| t.hosts[1].nics.push(nic("bmc", "om", "10.77.2.99"))).unwrap();
        assert!(taken.contains("hosts.zape.nics.bmc"), "{taken}");
    }

    #[test]
    fn the_simulator_listens_where_the_rule_says() {
        let whole = with_network(&sound());
        let [(_, lan), _] =
            simulator_files(&whole.hosts[0], "10.255.0.1".parse().unwrap(), "/bin/x y");
        assert!(lan.contains("\naddr 10.255.0.1 623\n"), "{lan}");
        assert!(lan.contains("chassis_control \"/bin/x y\"\n"), "{lan}");
    }
}
