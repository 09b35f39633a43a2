//! The lab's network: one closed namespace with a bridge per network and the operator's addresses, a
//! second one for gateways, and one per client.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};

use crate::bmc;
use crate::error::{Error, IoContext as _, Result, SystemContext as _};
use crate::lock::Lock;
use crate::place::netns_path;
use crate::program;
use crate::topology::Topology;

/// The namespace with the bridges, where the operator is.
pub(crate) fn lab_netns(lab: &str) -> String {
    format!("tandem-{lab}")
}

/// The namespace of the gateways. A dot cannot be part of a lab's name.
fn gateway_netns(lab: &str) -> String {
    format!("tandem-{lab}.gw")
}

/// The namespace of the BMCs.
pub(crate) fn bmc_netns(lab: &str) -> String {
    format!("tandem-{lab}.bmc")
}

/// Addresses of BMCs share no range, or the kernel would take all of them away with the first.
const ALONE: u8 = 32;

/// Gives a BMC its address, or takes it away: without power nothing answers, not even for an address.
pub(crate) fn set_bmc_address(
    lab: &str,
    address: Ipv4Addr,
    there: bool,
    lock: &Lock,
) -> Result<()> {
    let netns = bmc_netns(lab);
    let whole = format!("{address}/{ALONE}");
    let verb = if there { "replace" } else { "delete" };
    let mut command = Command::new("ip");
    command.args(["-n", &netns, "address", verb, &whole, "dev", "eth0"]);
    match program::run("switch a BMC", &mut command, lock) {
        // It had none.
        Err(Error::Program { .. }) if !there => Ok(()),
        other => other,
    }
}

/// The namespace of a client.
pub(crate) fn client_netns(lab: &str, client: &str) -> String {
    format!("tandem-{lab}.{client}")
}

/// Names of the bridges' ports. They are numbered, since NIC and network names may be as long as the
/// kernel allows; `ip link` shows the full names as aliases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports<'a>(&'a Topology);

impl<'a> Ports<'a> {
    pub(crate) fn new(topology: &'a Topology) -> Self {
        Self(topology)
    }

    pub(crate) fn bridge(self, network: &str) -> Option<String> {
        let at = self.0.networks.iter().position(|n| n.name == network)?;
        Some(format!("br{at}"))
    }

    pub(crate) fn gateway(self, network: &str) -> Option<String> {
        let at = self.0.networks.iter().position(|n| n.name == network)?;
        (!self.0.networks[at].gateways.is_empty()).then(|| format!("g{at}"))
    }

    pub(crate) fn of_nic(self, host: &str, nic: &str) -> Option<String> {
        let at = self.0.hosts.iter().position(|h| h.name == host)?;
        let nic_at = self.0.hosts[at].nics.iter().position(|n| n.name == nic)?;
        Some(format!("v{at}n{nic_at}"))
    }

    /// The ports by which a host or client takes part in a network.
    pub(crate) fn of_member(self, member: &str, network: &str) -> Vec<String> {
        let hosts = self
            .0
            .hosts
            .iter()
            .filter(|h| h.name == member)
            .flat_map(|h| {
                h.nics
                    .iter()
                    .filter(|n| n.network == network)
                    .filter_map(|n| self.of_nic(&h.name, &n.name))
            });
        let clients = self
            .0
            .clients
            .iter()
            .enumerate()
            .filter(|(_, c)| c.name == member && c.network == network)
            .map(|(at, _)| format!("c{at}"));
        hosts.chain(clients).collect()
    }

    /// Port, NIC and bridge of every NIC of a host, as the keeper takes them.
    pub(crate) fn of_host(self, host: &str) -> Vec<[String; 3]> {
        self.0
            .host(host)
            .into_iter()
            .flat_map(|h| &h.nics)
            .filter_map(|nic| {
                Some([
                    self.of_nic(host, &nic.name)?,
                    nic.name.clone(),
                    self.bridge(&nic.network)?,
                ])
            })
            .collect()
    }
}

/// Whether the lab's network is there.
pub(crate) fn exists(lab: &str) -> bool {
    netns_path(&lab_netns(lab)).exists()
}

/// Makes namespaces, bridges, gateways and clients. Nothing of them may exist.
pub(crate) fn create(topology: &Topology, lock: &Lock) -> Result<()> {
    let lab = &topology.name;
    let main = lab_netns(lab);
    let gateways = gateway_netns(lab);
    let bmcs = bmc_netns(lab);
    let mut namespaces = vec![main.clone(), gateways.clone(), bmcs.clone()];
    namespaces.extend(topology.clients.iter().map(|c| client_netns(lab, &c.name)));
    for name in &namespaces {
        let attempted = format!("make the network namespace {name}");
        program::run(
            &attempted,
            Command::new("ip").args(["netns", "add", name]),
            lock,
        )?;
        // Several interfaces in one namespace: each answers for its own addresses alone.
        inside(&netns_path(name), || {
            for (key, value) in [("arp_ignore", "1"), ("arp_announce", "2")] {
                let file = PathBuf::from("/proc/sys/net/ipv4/conf/all").join(key);
                std::fs::write(&file, value).on("write", &file)?;
            }
            Ok(())
        })??;
    }
    let ports = Ports::new(topology);
    let mut in_main = String::from("link set lo up\n");
    let mut in_gateways = String::from("link set lo up\n");
    for network in &topology.networks {
        let Some(bridge) = ports.bridge(&network.name) else {
            continue;
        };
        let _ = write!(
            in_main,
            "link add {bridge} type bridge mcast_snooping 0\nlink set {bridge} alias {}\n",
            network.name
        );
        if let Some(address) = topology.operator_address(network) {
            in_main.push_str(&add_address(address, network.cidr.prefix_len(), &bridge));
        }
        let _ = writeln!(in_main, "link set {bridge} up");
        if let Some(port) = ports.gateway(&network.name) {
            let _ = write!(
                in_main,
                "link add {port} type veth peer name gw-{port} netns {gateways}\n\
                 link set {port} master {bridge} alias gateway:{}\nlink set {port} up\n",
                network.name
            );
            for address in &network.gateways {
                in_gateways.push_str(&add_address(
                    *address,
                    network.cidr.prefix_len(),
                    &format!("gw-{port}"),
                ));
            }
            let _ = writeln!(in_gateways, "link set gw-{port} up");
        }
    }
    for (at, client) in topology.clients.iter().enumerate() {
        let Some(bridge) = ports.bridge(&client.network) else {
            continue;
        };
        let _ = write!(
            in_main,
            "link add c{at} type veth peer name eth0 netns {}\n\
             link set c{at} master {bridge} alias client:{}\nlink set c{at} up\n",
            client_netns(lab, &client.name),
            client.name
        );
    }
    if let Some(bridge) = ports.bridge(bmc::NETWORK) {
        let _ = write!(
            in_main,
            "link add bmc type veth peer name eth0 netns {bmcs}\n\
             link set bmc master {bridge} alias bmc\nlink set bmc up\n"
        );
    }
    batch(&main, &in_main, lock)?;
    let mut way = format!(
        "link set lo up\nlink set eth0 up\nroute add {} dev eth0\n",
        bmc::range()
    );
    for host in &topology.hosts {
        if let Some(address) = bmc::address(topology, &host.name) {
            way.push_str(&add_address(address.into(), ALONE, "eth0"));
        }
    }
    batch(&bmcs, &way, lock)?;
    batch(&gateways, &in_gateways, lock)?;
    for client in &topology.clients {
        let text = format!(
            "link set lo up\n{}link set eth0 up\n",
            add_address(client.address, client.prefix, "eth0")
        );
        batch(&client_netns(lab, &client.name), &text, lock)?;
    }
    Ok(())
}

/// A line for `ip -batch`. Duplicate address detection would only delay the first packets.
fn add_address(address: IpAddr, prefix: u8, device: &str) -> String {
    let no_detection = if address.is_ipv6() { " nodad" } else { "" };
    format!("addr add {address}/{prefix} dev {device}{no_detection}\n")
}

fn batch(netns: &str, text: &str, lock: &Lock) -> Result<()> {
    let attempted = format!("set up the network in {netns}");
    program::run_with_input(
        &attempted,
        Command::new("ip").args(["-n", netns, "-batch", "-"]),
        text,
        lock,
    )
}

/// Sets ports up or down. Ports that do not exist (their host is off) are passed over.
pub(crate) fn set_ports(lab: &str, states: &[(String, bool)], lock: &Lock) -> Result<()> {
    let mut text = String::new();
    for (port, up) in states {
        let _ = writeln!(text, "link set {port} {}", if *up { "up" } else { "down" });
    }
    let netns = lab_netns(lab);
    let attempted = format!("switch ports in {netns}");
    let mut command = Command::new("ip");
    command.args(["-n", &netns, "-force", "-batch", "-"]);
    match program::run_with_input(&attempted, &mut command, &text, lock) {
        Err(Error::Program { stderr, .. }) if stderr.contains("Cannot find device") => Ok(()),
        other => other,
    }
}

/// Removes the ports of a host, as its power goes.
pub(crate) fn remove_ports(lab: &str, ports: &[[String; 3]], lock: &Lock) {
    let mut text = String::new();
    for [port, ..] in ports {
        let _ = writeln!(text, "link delete {port}");
    }
    let mut command = Command::new("ip");
    command.args(["-n", &lab_netns(lab), "-force", "-batch", "-"]);
    // Those that went with the container already are no loss.
    let _ = program::run_with_input("remove ports", &mut command, &text, lock);
}

/// Puts an nft script into force in the lab's namespace.
pub(crate) fn apply_rules(lab: &str, script: &str, lock: &Lock) -> Result<()> {
    let netns = netns_path(&lab_netns(lab));
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", netns.display()))
        .args(["nft", "-f", "-"]);
    program::run_with_input(
        "set the packet filter of the lab",
        &mut command,
        script,
        lock,
    )
}

/// The namespaces of a lab that exist, however it was described when they were made.
pub(crate) fn namespaces(lab: &str) -> Vec<String> {
    let main = lab_netns(lab);
    let prefix = format!("{main}.");
    std::fs::read_dir(crate::place::NETNS_DIR)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|name| *name == main || name.starts_with(&prefix))
        .collect()
}

/// Removes a namespace. With it go its bridges, ports and filters.
pub(crate) fn remove_namespace(name: &str, lock: &Lock) -> Result<()> {
    let attempted = format!("remove the network namespace {name}");
    program::run(
        &attempted,
        Command::new("ip").args(["netns", "delete", name]),
        lock,
    )
}

/// Runs `work` on a thread inside a network namespace. Sockets it opens stay there, wherever they are
/// used afterwards.
pub(crate) fn inside<T: Send>(netns: &Path, work: impl FnOnce() -> T + Send) -> Result<T> {
    let file = File::open(netns).on("open the network namespace", netns)?;
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            setns(&file, CloneFlags::CLONE_NEWNET)
                .during(|| format!("enter the network namespace {}", netns.display()))?;
            Ok(work())
        });
        match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
