//! Ansible three times: as it comes, tuned, and with mitogen's strategy. The
//! playbook is `xtask/bench/site.yml` for all of them.

use super::contender::{Contender, Scenario};
use super::fleet::Fleet;
use super::place::Place;
use super::work::{self, Package};
use crate::process;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

const PLAYBOOK: &str = include_str!("../../bench/site.yml");

fn own(contender: Contender, place: &Place) -> PathBuf {
    place.scratch(match contender {
        Contender::Mitogen => "mitogen",
        Contender::AnsibleTuned => "ansible-tuned",
        _ => "ansible",
    })
}

fn sockets(place: &Place) -> PathBuf {
    place.scratch("cp")
}

/// `ansible.cfg`: nothing but what the contender is named for.
fn settings(contender: Contender, place: &Place) -> Result<String> {
    let common = "[defaults]\ninventory = hosts\n";
    let tuned = "forks = 64\ngathering = explicit\n";
    let ssh = format!(
        "[ssh_connection]\ncontrol_path_dir = {}\n",
        sockets(place).display()
    );
    Ok(match contender {
        Contender::Mitogen => {
            let strategies = strategies(place)?;
            format!(
                "{common}{tuned}strategy_plugins = {}\nstrategy = mitogen_linear\n",
                strategies.display()
            )
        }
        Contender::AnsibleTuned => format!(
            "{common}{tuned}{ssh}pipelining = true\nssh_args = -o ControlMaster=auto -o ControlPersist=60s\n"
        ),
        _ => format!("{common}{ssh}"),
    })
}

fn strategies(place: &Place) -> Result<PathBuf> {
    let text = process::text(process::command(&place.venv().join("bin/python").to_string_lossy()).args([
        "-c",
        "import ansible_mitogen, os; print(os.path.join(ansible_mitogen.__path__[0], 'plugins', 'strategy'))",
    ]))
    .context("looking for mitogen's strategies")?;
    Ok(PathBuf::from(text.trim()))
}

pub(super) fn prepare(
    contender: Contender,
    place: &Place,
    fleet: &Fleet<'_>,
    package: &Package,
) -> Result<()> {
    let own = own(contender, place);
    let mut hosts = String::from("[all]\n");
    for host in &fleet.hosts {
        let _ = writeln!(
            hosts,
            "{} ansible_host={} ansible_port={}",
            host.name, host.address, host.port
        );
    }
    let _ = write!(
        hosts,
        "\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file={}\n\
         ansible_ssh_common_args=-F none -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none \
         -o StrictHostKeyChecking=yes\n",
        fleet.identity.display(),
        fleet.known_hosts.display()
    );
    if contender != Contender::Ansible {
        hosts.push_str("ansible_python_interpreter=/usr/bin/python3\n");
    }
    let files: Vec<String> = (1..=work::FILES).map(work::file_name).collect();
    let variables = serde_json::json!({
        "package_file": package.file,
        "package_digest": package.digest,
        "templates": place.project().join("templates/bench"),
        "files": files,
        "params": {"greeting": work::GREETING},
        "host": {"name": "{{ inventory_hostname }}"},
    });
    work::write(&own.join("hosts"), hosts.as_bytes())?;
    work::write(
        &own.join("ansible.cfg"),
        settings(contender, place)?.as_bytes(),
    )?;
    work::write(
        &own.join("group_vars/all.json"),
        variables.to_string().as_bytes(),
    )?;
    work::write(&own.join("site.yml"), PLAYBOOK.as_bytes())?;
    std::fs::create_dir_all(sockets(place))?;
    Ok(())
}

pub(super) fn command(
    contender: Contender,
    place: &Place,
    fleet: &Fleet<'_>,
    scenario: Scenario,
) -> Command {
    let program = place.venv().join("bin/ansible-playbook");
    let mut command = fleet.inside(&program.to_string_lossy());
    command.current_dir(own(contender, place));
    command.env("ANSIBLE_NOCOLOR", "1").env("LC_ALL", "C.UTF-8");
    command.arg("site.yml");
    if scenario == Scenario::Plan {
        command.arg("--check");
    }
    command
}

/// Ends the connections that a run left open.
pub(super) fn hang_up(place: &Place) {
    for entry in std::fs::read_dir(sockets(place))
        .into_iter()
        .flatten()
        .flatten()
    {
        // One that is gone already needs no end.
        let _ = process::caught(
            process::command("ssh")
                .args(["-F", "none", "-O", "exit", "-S"])
                .arg(entry.path())
                .arg("host"),
        );
    }
}
