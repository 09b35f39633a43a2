//! The hosts of an inventory as a Vagrantfile.
//!
//! Vagrant gives every machine a NIC of its own first, `eth0`, by which it
//! speaks to it; the inventory's follow as `eth1`, `eth2` and so on, in their
//! order. All networks are closed. Where the operator takes part (SSH), or a
//! gateway must answer, this machine has the gateway's address in it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use tandem_model::{Host, Inventory, Mistake, Mistakes, Network, Project};

/// The file, or every reason why there is none.
pub(crate) fn text(
    project: &Project,
    inventory: &Inventory,
    memory: u32,
) -> Result<String, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut hosts = String::new();
    let mut complained = BTreeSet::new();
    for host in inventory.hosts.values() {
        numbered(host, &mut mistakes);
        let Some(profile) = project.profiles.get(&host.profile) else {
            continue;
        };
        match &profile.vagrant_box {
            Some(name) => machine(&mut hosts, host, name),
            None if complained.insert(&profile.name) => mistakes.push(
                Mistake::new(&profile.at, "this profile names no box for Vagrant")
                    .found(format!(
                        "host `{}` has profile `{}`",
                        host.name, profile.name
                    ))
                    .expected("a key `vagrant_box` on the top level")
                    .suggest("for example `vagrant_box: debian/bookworm64`"),
            ),
            None => {}
        }
    }
    mistakes.result()?;
    let environment = &inventory.environment;
    let mut out = format!(
        "# The hosts of inventory {environment}, for Vagrant. Made by \
         `tandem vagrant -i {environment}`:\n\
         # change the inventory, not this file.\n\
         #\n\
         # All networks are closed. A network of VirtualBox with an address for this machine wants\n\
         # to be listed in /etc/vbox/networks.conf, for example `* 10.0.0.0/8`.\n\
         networks = {{\n"
    );
    for network in inventory.networks.values() {
        self::network(&mut out, inventory, network);
    }
    let _ = write!(
        out,
        "}}\n\n\
         Vagrant.configure('2') do |config|\n  \
         config.vm.synced_folder '.', '/vagrant', disabled: true\n  \
         config.vm.provider(:virtualbox) {{ |machine| machine.memory = {memory} }}\n  \
         config.vm.provider(:libvirt) {{ |machine| machine.memory = {memory} }}\n\n  \
         # tandem logs in by SSH. For root, with your own key, let these two lines speak:\n  \
         # key = File.read(File.expand_path('~/.ssh/id_ed25519.pub')).strip\n  \
         # config.vm.provision 'shell', inline: \"install -d -m 700 /root/.ssh; echo '#{{key}}' >> \
         /root/.ssh/authorized_keys\"\n\
         {hosts}end\n"
    );
    Ok(out)
}

/// Vagrant names no NICs: they come in order and without gaps.
fn numbered(host: &Host, mistakes: &mut Mistakes) {
    for (index, nic) in host.nics.iter().enumerate() {
        let expected = format!("eth{}", index + 1);
        if nic.name != expected {
            mistakes.push(
                Mistake::new(
                    &host.at,
                    "Vagrant's machines call their NICs eth1, eth2 and so on",
                )
                .found(format!("`{}` of `{}`", nic.name, host.name))
                .expected(format!("`{expected}`")),
            );
            return;
        }
    }
}

fn network(out: &mut String, inventory: &Inventory, network: &Network) {
    let name = quoted(&format!(
        "tandem-{}-{}",
        inventory.environment, network.name
    ));
    let mask = match network.range.netmask() {
        IpAddr::V4(mask) => mask.to_string(),
        IpAddr::V6(_) => network.range.prefix_len().to_string(),
    };
    let _ = write!(
        out,
        "  {} => {{\n    netmask: {},\n    libvirt__network_name: {name},\n    \
         libvirt__forward_mode: 'none', libvirt__dhcp_enabled: false,\n",
        quoted(&network.name),
        quoted(&mask),
    );
    let spoken = inventory
        .hosts
        .values()
        .any(|host| network.range.contains(&host.ssh.address));
    if let Some(gateway) = network.gateway {
        let gateway = quoted(&gateway.to_string());
        let _ = writeln!(
            out,
            "    virtualbox__adapter_ip: {gateway}, libvirt__host_ip: {gateway},"
        );
    } else if !spoken {
        let _ = writeln!(out, "    virtualbox__intnet: {name},");
    }
    out.push_str("  },\n");
}

fn machine(out: &mut String, host: &Host, name: &str) {
    let _ = write!(
        out,
        "\n  config.vm.define {name} do |host|\n    host.vm.box = {}\n    host.vm.hostname = {name}\n",
        quoted(name),
        name = quoted(&host.name),
    );
    for nic in &host.nics {
        let _ = writeln!(
            out,
            "    host.vm.network :private_network, ip: {}, **networks[{}]  # {}",
            quoted(&nic.address.to_string()),
            quoted(&nic.network),
            nic.name
        );
    }
    out.push_str("  end\n");
}

/// A string of Ruby that is nothing but itself: in single quotes only `\` and
/// `'` mean something.
fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        if matches!(character, '\\' | '\'') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quoted_text_runs_nothing() {
        assert_eq!(quoted("debian/bookworm64"), "'debian/bookworm64'");
        assert_eq!(quoted("#{exit}"), "'#{exit}'");
        assert_eq!(quoted("it's"), "'it\\'s'");
        assert_eq!(quoted("\\'; exit #"), "'\\\\\\'; exit #'");
    }
}
