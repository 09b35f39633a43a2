//! What makes a host of the base tree this host: its name, addresses, keys. Written once, before its
//! first boot, and kept across power cycles.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::bmc;
use crate::error::{IoContext as _, Result};
use crate::lock::Lock;
use crate::place::LabPlaces;
use crate::program;
use crate::topology::{Host, Topology};

/// Where the network's script is inside a host: nothing of the platform ever has reason to touch it.
const NETWORK_SCRIPT: &str = "usr/lib/tandem-lab/network.sh";
const NETWORK_UNIT: &str = "etc/systemd/system/lab-network.service";

const UNIT_TEXT: &str = "\
[Unit]
Description=Addresses of the lab's host
DefaultDependencies=no
After=local-fs.target systemd-sysctl.service
Before=network-pre.target network.target network-online.target sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /usr/lib/tandem-lab/network.sh

[Install]
WantedBy=sysinit.target
";

/// Makes the operator's key and one key per host, where they are missing, and writes `known_hosts`.
pub(crate) fn make_keys(topology: &Topology, places: &LabPlaces, lock: &Lock) -> Result<()> {
    make_key(
        &places.identity(),
        &format!("operator@{}", topology.name),
        lock,
    )?;
    let mut known = String::new();
    for host in &topology.hosts {
        let own = places.host(&host.name);
        fs::create_dir_all(&own.state).on("make the directory", &own.state)?;
        make_key(&own.host_key(), &host.name, lock)?;
        let public = public_half(&own.host_key())?;
        let key: Vec<&str> = public.split_whitespace().take(2).collect();
        let mut names = vec![host.name.clone()];
        names.extend(host.nics.iter().map(|n| n.address.to_string()));
        let _ = writeln!(known, "{} {}", names.join(","), key.join(" "));
    }
    let path = places.known_hosts();
    fs::write(&path, known).on("write", &path)
}

fn make_key(path: &Path, comment: &str, lock: &Lock) -> Result<()> {
    if path.exists() && path.with_extension("pub").exists() {
        return Ok(());
    }
    let _ = fs::remove_file(path);
    let attempted = format!("make the key {}", path.display());
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
        .arg(path);
    program::run(&attempted, &mut command, lock)
}

fn public_half(private: &Path) -> Result<String> {
    let path = private.with_extension("pub");
    fs::read_to_string(&path).on("read", &path)
}

/// Writes what is the host's own into its mounted tree, unless that was done before.
pub(crate) fn plant(topology: &Topology, host: &Host, places: &LabPlaces) -> Result<()> {
    let own = places.host(&host.name);
    // On the disk itself, not beside it: a disk in memory is empty again after a reboot.
    let done = own.disk().join("seeded");
    if done.exists() {
        return Ok(());
    }
    let root = own.root();
    let private = fs::read(own.host_key()).on("read", own.host_key())?;
    let files: [(&str, Vec<u8>, u32); 8] = [
        ("etc/hostname", format!("{}\n", host.name).into(), 0o644),
        ("etc/hosts", hosts_text(topology).into(), 0o644),
        (NETWORK_SCRIPT, network_script(topology, host).into(), 0o755),
        (NETWORK_UNIT, UNIT_TEXT.into(), 0o644),
        (
            "root/.ssh/authorized_keys",
            public_half(&places.identity())?.into(),
            0o600,
        ),
        ("etc/ssh/ssh_host_ed25519_key", private, 0o600),
        (
            "etc/ssh/ssh_host_ed25519_key.pub",
            public_half(&own.host_key())?.into(),
            0o644,
        ),
        (
            "etc/tandem-lab",
            format!("{}\n", topology.name).into(),
            0o644,
        ),
    ];
    for (path, content, mode) in files {
        let path = root.join(path);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).on("make the directory", dir)?;
        }
        fs::write(&path, content).on("write", &path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))
            .on("set the mode of", &path)?;
    }
    let wants = root.join("etc/systemd/system/sysinit.target.wants");
    fs::create_dir_all(&wants).on("make the directory", &wants)?;
    let link = wants.join("lab-network.service");
    if link.symlink_metadata().is_err() {
        symlink("../lab-network.service", &link).on("make the link", &link)?;
    }
    fs::write(&done, "").on("write", &done)
}

fn hosts_text(topology: &Topology) -> String {
    let mut lines: BTreeMap<IpAddr, Vec<String>> = BTreeMap::new();
    for host in &topology.hosts {
        let main = topology.management_nic(host).map(|n| n.address);
        // The name of a host in the network of the BMCs is its BMC's.
        if let Some(address) = bmc::address(topology, &host.name) {
            let name = format!("{}-{}", host.name, bmc::NETWORK);
            lines.entry(address.into()).or_default().push(name);
        }
        for nic in host.nics.iter().filter(|n| n.network != bmc::NETWORK) {
            let names = lines.entry(nic.address).or_default();
            if Some(nic.address) == main {
                names.push(host.name.clone());
            }
            names.push(format!("{}-{}", host.name, nic.network));
        }
    }
    for client in &topology.clients {
        lines
            .entry(client.address)
            .or_default()
            .push(client.name.clone());
    }
    let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
    for (address, names) in lines {
        let _ = writeln!(text, "{address} {}", names.join(" "));
    }
    text
}

fn network_script(topology: &Topology, host: &Host) -> String {
    let mut text = String::from(
        "#!/bin/sh\n# The cabling of this host in the lab; not part of the platform.\nip link set lo up\n",
    );
    for nic in &host.nics {
        let no_detection = if nic.address.is_ipv6() { " nodad" } else { "" };
        let _ = write!(
            text,
            "ip addr add {}/{} dev {name}{no_detection}\nip link set {name} up\n",
            nic.address,
            nic.prefix,
            name = nic.name
        );
    }
    if let Some(nic) = topology.management_nic(host)
        && let Some(network) = topology.network(&nic.network)
        && let Some(gateway) = network.gateways.first()
    {
        let family = if gateway.is_ipv6() { "-6 " } else { "" };
        let _ = writeln!(
            text,
            "ip {family}route add default via {gateway} dev {}",
            nic.name
        );
    }
    text.push_str("exit 0\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab() -> Topology {
        serde_json::from_value(serde_json::json!({
            "name": "t",
            "management": "om",
            "networks": [
                {"name": "om", "cidr": "10.0.0.0/24", "gateways": ["10.0.0.1"]},
                {"name": "ext", "cidr": "10.0.1.0/24", "gateways": ["10.0.1.1"]}],
            "hosts": [{"name": "zipi", "nics": [
                {"name": "eth1", "network": "ext", "address": "10.0.1.11", "prefix": 24},
                {"name": "eth2", "network": "om", "address": "10.0.0.11", "prefix": 24}]}]
        }))
        .unwrap()
    }

    #[test]
    fn a_host_is_named_by_its_address_of_management() {
        let text = hosts_text(&lab());
        assert!(text.contains("10.0.0.11 zipi zipi-om\n"), "{text}");
        assert!(text.contains("10.0.1.11 zipi-ext\n"), "{text}");
    }

    #[test]
    fn the_default_route_leads_by_the_network_of_management() {
        let topology = lab();
        let text = network_script(&topology, &topology.hosts[0]);
        assert!(
            text.contains("ip addr add 10.0.1.11/24 dev eth1\n"),
            "{text}"
        );
        assert!(
            text.contains("ip route add default via 10.0.0.1 dev eth2\n"),
            "{text}"
        );
        assert_eq!(text.matches("default").count(), 1, "{text}");
    }
}
