//! `tandem trust`: first contact. Shows the keys that new hosts show, and
//! writes them to the environment's known_hosts, which operators share.

use super::Context;
use crate::arguments::Inventory;
use crate::contact;
use crate::failure::{Exit, Problem};
use std::io::Write;
use tandem_model::{Project, Source};
use tandem_remote::{Trust, scan};

pub(crate) fn run(
    context: &Context,
    hosts: &[String],
    inventory: &Inventory,
    yes: bool,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let inventory_of =
        Project::load(&Source::work_tree(&space.root))?.inventory(&inventory.inventory)?;
    let ssh = contact::ssh(&space, &inventory_of, inventory.lab, &context.global)?;
    let mut lines = Vec::new();
    for target in contact::targets(&inventory_of) {
        if !hosts.is_empty() && !hosts.contains(&target.host) {
            continue;
        }
        let key = scan(&ssh, &target)
            .map_err(|error| Problem::new(Exit::Unreachable, error.to_string()))?;
        let address = target.address.to_string();
        match ssh.known_hosts.check(&address, target.port, &key) {
            Trust::Trusted => context.terminal.say(&format!("{}: known", target.host)),
            Trust::Unknown => {
                context
                    .terminal
                    .say(&format!("{}: {}", target.host, key.fingerprint()));
                lines.push(key.line(&address, target.port));
            }
            Trust::Changed(file) => {
                return Err(Problem::failed(format!(
                    "{} shows {}, and {} holds another key",
                    target.host,
                    key.fingerprint(),
                    file.display()
                ))
                .hint("remove the old line there, if the host was really installed anew"));
            }
        }
    }
    if lines.is_empty() {
        return Ok(Exit::Done);
    }
    context
        .terminal
        .consent(yes, "Are these the fingerprints on the hosts' consoles?")?;
    let file = ssh.known_hosts.first();
    let mut text = lines.join("\n");
    text.push('\n');
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .map_err(|error| Problem::failed(format!("writing {}: {error}", file.display())))?;
    context.terminal.result(&format!(
        "{} keys added to {}\n",
        lines.len(),
        file.display()
    ));
    Ok(Exit::Done)
}
