//! `tandem retire`: a host that left the inventory gives everything back, and
//! its peers forget it.

use super::Context;
use crate::arguments::Inventory;
use crate::contact;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use std::net::IpAddr;
use tandem_deploy::Host;
use tandem_generation::{FORMAT, Facts, FactsRequest};
use tandem_remote::Target;

/// Which host, and what is known of it.
pub(crate) struct Who {
    pub(crate) host: String,
    pub(crate) address: Option<IpAddr>,
    pub(crate) gone: bool,
}

pub(crate) fn run(
    context: &Context,
    inventory: &Inventory,
    who: &Who,
    yes: bool,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    if environment.inventory.cluster_of(&who.host).is_some() {
        return Err(
            Problem::invalid(format!("{} is still a node in the inventory", who.host)).hint(
                "take it out of its cluster first; retiring makes it forget everything of ours",
            ),
        );
    }
    let ssh = contact::ssh(
        &space,
        &environment.inventory,
        inventory.lab,
        &context.global,
    )?;
    let helper = contact::helper(&space)?;
    context.terminal.consent(
        yes,
        &format!(
            "Remove everything of ours from {}? There is no way back.",
            who.host
        ),
    )?;
    if !who.gone {
        let known = environment
            .inventory
            .hosts
            .get(&who.host)
            .map(|host| host.ssh.clone());
        let Some(address) = who.address.or(known.as_ref().map(|ssh| ssh.address)) else {
            return Err(Problem::invalid(format!(
                "the inventory does not know the address of {}",
                who.host
            ))
            .hint("--address names it; --gone says that the host no longer exists"));
        };
        let target = Target {
            host: who.host.clone(),
            address,
            port: known.as_ref().map_or(22, |ssh| ssh.port),
            user: known.map_or_else(|| "root".to_owned(), |ssh| ssh.user),
        };
        let mut host = Host::new(target, &ssh, &helper);
        host.ask::<_, ()>(&["retire"], &())
            .map_err(|error| tandem_deploy::Failure::one(&who.host, error))?;
        context
            .terminal
            .result(&format!("{}: carries nothing of ours any more\n", who.host));
    }
    let fleet = contact::fleet(&environment.inventory, &ssh, &helper);
    let peers = fleet.all(&fleet.names(), |host| {
        let request = FactsRequest {
            format: FORMAT,
            ..FactsRequest::default()
        };
        let facts: Facts = host.ask(&["facts"], &request)?;
        let peer = facts
            .generation
            .is_some_and(|generation| generation.members.contains(&who.host));
        if peer {
            let () = host.ask(&["forget", &who.host], &())?;
        }
        Ok(peer)
    })?;
    for (name, peer) in peers {
        if peer {
            context
                .terminal
                .result(&format!("{name}: no longer expects {}\n", who.host));
        }
    }
    Ok(Exit::Done)
}
