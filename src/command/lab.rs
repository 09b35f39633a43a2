//! `tandem lab`: the twin of an inventory on this machine.

use super::Context;
use crate::arguments::LabCommand;
use crate::failure::{Exit, Problem};
use crate::show;
use crate::terminal::{Terminal, Tone};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;
use tandem_lab::{
    Client, FaultAction, Host, Lab, Network, Nic, Places, Progress, Status, Topology, Viewpoint,
};
use tandem_model::{Inventory, Project, Source, Value};

/// How long hosts may take to answer on ssh.
const BOOT: Duration = Duration::from_secs(90);
/// How long a command in a host may take.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(context: &Context, command: &LabCommand) -> Result<Exit, Problem> {
    let terminal = context.terminal;
    let places = Places::default();
    match command {
        LabCommand::Up { lab, disk_limit } => {
            let inventory = load(context, &lab.inventory)?;
            let topology = topology(&inventory, disk_limit)?;
            let lab = Lab::up(&places, &topology, BOOT, &|progress| {
                say(terminal, &progress);
            })?;
            terminal.result(&text(&lab.status()?, terminal));
        }
        LabCommand::Down { lab } => {
            let name = name(context, &lab.inventory)?;
            let gone = Lab::down(&places, &name, &|progress| say(terminal, &progress))?;
            terminal.say(if gone {
                "the lab is gone"
            } else {
                "there was no lab"
            });
        }
        LabCommand::Status { lab, json } => {
            let status = Lab::open(&places, &name(context, &lab.inventory)?)?.status()?;
            if *json {
                terminal.result(&show::json(&status)?);
            } else {
                terminal.result(&text(&status, terminal));
            }
        }
        LabCommand::Shell { lab, host } => {
            let lab = Lab::open(&places, &name(context, &lab.inventory)?)?;
            let status = lab
                .shell(host)?
                .status()
                .map_err(|error| Problem::failed(format!("a shell on {host}: {error}")))?;
            return Ok(if status.success() {
                Exit::Done
            } else {
                Exit::Failed
            });
        }
        LabCommand::Exec { lab, host, command } => {
            let lab = Lab::open(&places, &name(context, &lab.inventory)?)?;
            let clients = lab.topology()?.clients;
            let output = if clients.iter().any(|client| client.name == *host) {
                lab.exec_outside(Viewpoint::Client(host), command, &[], PATIENCE)?
            } else {
                lab.exec(host, command, &[], PATIENCE)?
            };
            terminal.result(&output.text());
            if !output.stderr.is_empty() {
                terminal.say(output.error_text().trim_end());
            }
            return Ok(if output.success() {
                Exit::Done
            } else {
                Exit::Failed
            });
        }
        LabCommand::Fault { lab, words } => {
            let lab = Lab::open(&places, &name(context, &lab.inventory)?)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let action = FaultAction::parse(&words)?;
            lab.fault(&action, &|progress| say(terminal, &progress))?;
            let faults = lab.status()?.faults;
            let active: Vec<String> = faults.iter().map(ToString::to_string).collect();
            terminal.say(&if active.is_empty() {
                "no faults are active".to_owned()
            } else {
                format!("active: {}", active.join("; "))
            });
        }
    }
    Ok(Exit::Done)
}

fn load(context: &Context, inventory: &str) -> Result<Inventory, Problem> {
    let space = context.workspace()?;
    let project = Project::load(&Source::work_tree(&space.root))?;
    Ok(project.inventory(inventory)?)
}

/// The lab's name is the environment's. A lab can be looked at and removed
/// also while its inventory is broken.
fn name(context: &Context, inventory: &str) -> Result<String, Problem> {
    let bare = inventory
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if bare {
        Ok(inventory.to_owned())
    } else {
        Ok(load(context, inventory)?.environment)
    }
}

/// The twin of an inventory, with one small machine in each network from which
/// things can be looked at.
fn topology(inventory: &Inventory, disk_limit: &[String]) -> Result<Topology, Problem> {
    let reserved = virtual_addresses(inventory);
    let networks: Vec<Network> = inventory
        .networks
        .values()
        .map(|network| Network {
            name: network.name.clone(),
            cidr: network.range,
            gateways: network.gateway.into_iter().collect(),
            operator: None,
            reserved: reserved
                .iter()
                .filter(|address| network.range.contains(*address))
                .copied()
                .collect(),
        })
        .collect();
    let mut hosts: Vec<Host> = inventory
        .hosts
        .values()
        .map(|host| Host {
            name: host.name.clone(),
            nics: host
                .nics
                .iter()
                .map(|nic| Nic {
                    name: nic.name.clone(),
                    network: nic.network.clone(),
                    address: nic.address,
                    prefix: nic.prefix,
                })
                .collect(),
            disk_limit_mb: None,
        })
        .collect();
    for limit in disk_limit {
        let parsed = limit.split_once('=').and_then(|(name, size)| {
            let host = hosts.iter_mut().find(|host| host.name == name)?;
            Some((host, size.parse().ok()?))
        });
        let (host, size) = parsed.ok_or_else(|| {
            Problem::invalid(format!(
                "--disk-limit {limit}: HOST=MIB with a host of the inventory is wanted"
            ))
        })?;
        host.disk_limit_mb = Some(size);
    }
    let clients = inventory
        .networks
        .values()
        .filter_map(|network| client(inventory, network, &reserved))
        .collect();
    let management = inventory.hosts.values().next().and_then(|host| {
        host.nics
            .iter()
            .find(|nic| nic.address == host.ssh.address)
            .map(|nic| nic.network.clone())
    });
    Ok(Topology {
        name: inventory.environment.clone(),
        networks,
        hosts,
        clients,
        management,
    })
}

/// Addresses that resources of clusters bring up.
fn virtual_addresses(inventory: &Inventory) -> BTreeSet<IpAddr> {
    fn collect(value: &Value, found: &mut BTreeSet<IpAddr>) {
        match value {
            Value::Address(address) => {
                found.insert(address.address);
            }
            Value::List(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for cluster in &inventory.clusters {
        cluster
            .values
            .values()
            .for_each(|value| collect(value, &mut found));
    }
    found
}

/// `client-NETWORK`, at the second highest free address: the lab takes the
/// highest for itself.
fn client(
    inventory: &Inventory,
    network: &tandem_model::Network,
    reserved: &BTreeSet<IpAddr>,
) -> Option<Client> {
    let taken: BTreeSet<IpAddr> = inventory
        .hosts
        .values()
        .flat_map(|host| &host.nics)
        .map(|nic| nic.address)
        .chain(network.gateway)
        .chain(reserved.iter().copied())
        .collect();
    let last = match network.range {
        ipnet::IpNet::V4(range) => u32::from(range.broadcast()),
        ipnet::IpNet::V6(_) => return None,
    };
    let address = (1..64)
        .filter_map(|back| last.checked_sub(back))
        .map(|address| IpAddr::from(std::net::Ipv4Addr::from(address)))
        .filter(|address| network.range.contains(address) && !taken.contains(address))
        .nth(1)?;
    Some(Client {
        name: format!("client-{}", network.name),
        network: network.name.clone(),
        address,
        prefix: network.range.prefix_len(),
    })
}

fn say(terminal: Terminal, progress: &Progress) {
    match progress {
        Progress::Waiting { on } => terminal.say(&format!("waiting: {on}")),
        Progress::BuildingBase { log } => terminal.say(&format!(
            "building the base tree, once; about a minute (log: {})",
            log.display()
        )),
        Progress::BaseStep { what } => terminal.say(&format!("  {what}")),
        Progress::BaseReady {
            built_in: Some(took),
            ..
        } => {
            terminal.say(&format!("base tree built in {:.0} s", took.as_secs_f64()));
        }
        Progress::RemovingLeftovers => terminal.say("removing what a broken attempt left"),
        Progress::HostReady { host, after } => {
            terminal.say(&format!(
                "{host} answers after {:.1} s",
                after.as_secs_f64()
            ));
        }
        Progress::HostStopped { host } => terminal.detail(&format!("{host} is off")),
        Progress::BaseReady { built_in: None, .. }
        | Progress::NetworkReady
        | Progress::HostStarting { .. } => {}
    }
}

fn text(status: &Status, terminal: Terminal) -> String {
    let mut rows = vec![
        ["host", "state", "address", "bmc", "boots", "networks"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for host in &status.hosts {
        let nics: Vec<String> = host
            .nics
            .iter()
            .map(|nic| format!("{} {} {}", nic.name, nic.network, nic.address))
            .collect();
        rows.push(vec![
            host.name.clone(),
            host.state.to_string(),
            host.address
                .map(|address| address.to_string())
                .unwrap_or_default(),
            host.bmc
                .as_ref()
                .map(|bmc| bmc.address.to_string())
                .unwrap_or_default(),
            host.boots.to_string(),
            nics.join(", "),
        ]);
    }
    for client in &status.clients {
        rows.push(vec![
            client.name.clone(),
            "client".to_owned(),
            client.address.to_string(),
            String::new(),
            String::new(),
            client.network.clone(),
        ]);
    }
    let mut out = show::table(&rows);
    if let Some(bmc) = status.hosts.iter().find_map(|host| host.bmc.as_ref()) {
        let _ = writeln!(
            out,
            "BMCs: lanplus, user {}, password {}, cipher 3",
            bmc.user, bmc.password
        );
    }
    for fault in &status.faults {
        out.push_str(&terminal.paint(Tone::Bad, &format!("fault: {fault}\n")));
    }
    out
}
