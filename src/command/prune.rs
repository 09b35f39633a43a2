//! `tandem prune`: forgets old generations.

use super::Context;
use crate::arguments::Inventory;
use crate::contact::Reach;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::show::counted;
use tandem_generation::protocol::Pruned;

pub(crate) fn run(context: &Context, inventory: &Inventory, keep: u32) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    let reach = Reach::new(context, space, environment, inventory.lab)?;
    let fleet = reach.fleet();
    let keep = keep.to_string();
    let pruned = fleet.all(&fleet.names(), |host| {
        host.ask::<_, Pruned>(&["prune", &keep], &())
    })?;
    for (host, pruned) in pruned {
        context.terminal.result(&format!(
            "{host}: forgot {} and {}, {} KiB\n",
            counted(pruned.generations.len(), "generation"),
            counted(pruned.packages.len(), "package"),
            pruned.freed_bytes / 1024
        ));
    }
    Ok(Exit::Done)
}
