//! `tandem status`.

use super::Context;
use crate::arguments::Inventory;
use crate::contact::Reach;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::session::{self, Eye, Gathered};
use crate::show;
use crate::show::status::{Engines, Status};

/// Facts of all hosts, with the work tree's eyes.
pub(crate) fn gather<T>(
    context: &Context,
    inventory: &Inventory,
    work: impl FnOnce(&Environment, &Gathered, &Eye<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    let rendered = environment.render_all()?;
    let reach = Reach::new(context, space, environment, inventory.lab)?;
    let environment = &reach.environment;
    let fleet = reach.fleet();
    let requests = session::observing(environment, &rendered)?;
    let gathered = fleet.facts(&requests);
    let eye = Eye::new(environment, &rendered, &requests);
    let result = work(environment, &gathered, &eye);
    for hint in session::hints(&gathered) {
        context.terminal.say(&format!("hint: {hint}"));
    }
    result
}

pub(crate) fn run(context: &Context, inventory: &Inventory, json: bool) -> Result<Exit, Problem> {
    gather(context, inventory, |environment, gathered, eye| {
        let engines: Engines = environment
            .inventory
            .clusters
            .iter()
            .map(|cluster| {
                let engine = cluster.engine.as_ref();
                let losses = engine
                    .into_iter()
                    .flat_map(|choice| &choice.without)
                    .map(|feature| format!("without {}: {}", feature.word(), feature.loss()))
                    .collect();
                let name = engine.map(|choice| choice.kind.word().to_owned());
                (cluster.name.clone(), (name, losses))
            })
            .collect();
        let status = Status::new(
            &environment.inventory.environment,
            gathered,
            &eye.views(gathered),
            &engines,
        );
        if json {
            context.terminal.result(&show::json(&status)?);
        } else {
            context.terminal.result(&status.text(context.terminal));
        }
        Ok(if gathered.values().any(Result::is_err) {
            Exit::Unreachable
        } else if status.is_good() {
            Exit::Done
        } else {
            Exit::Changes
        })
    })
}
