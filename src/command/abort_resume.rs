//! `tandem resume` and `tandem abort`: a run goes on, or back, from any machine.

use super::Context;
use super::apply::conclude;
use crate::arguments::Inventory;
use crate::contact::Reach;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::interrupt;
use crate::observer::Observer;
use crate::session;
use crate::session::Eye;
use crate::workspace::operator;
use jiff::Timestamp;
use tandem_deploy::{Failure, Fleet, Look, Outcome, Run, Watch};
use tandem_generation::RunId;

type Way = fn(&Fleet<'_>, &Run, &dyn Look, &dyn Watch) -> Result<Outcome, Failure>;

pub(crate) fn resume(
    context: &Context,
    run: &str,
    inventory: &Inventory,
    json: bool,
) -> Result<Exit, Problem> {
    go(context, run, inventory, json, tandem_deploy::resume)
}

pub(crate) fn abort(
    context: &Context,
    run: &str,
    inventory: &Inventory,
    json: bool,
) -> Result<Exit, Problem> {
    let result = go(context, run, inventory, json, tandem_deploy::abort);
    match result {
        // What was asked for is what happened.
        Err(problem) if problem.exit == Exit::RolledBack => Ok(Exit::Done),
        other => other,
    }
}

fn go(
    context: &Context,
    run: &str,
    inventory: &Inventory,
    json: bool,
    way: Way,
) -> Result<Exit, Problem> {
    let id: RunId = run
        .parse()
        .map_err(|error| Problem::new(Exit::Usage, format!("{error}")))?;
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    let rendered = environment.render_all()?;
    let reach = Reach::new(context, space, environment, inventory.lab)?;
    let (space, environment) = (&reach.space, &reach.environment);
    let fleet = reach.fleet();
    let requests = session::observing(environment, &rendered)?;
    let eye = Eye::new(environment, &rendered, &requests);
    let observer = Observer::new(context.terminal);
    let run = Run {
        id,
        operator: operator(),
        created: Timestamp::now(),
    };
    interrupt::begun(&run.id);
    let outcome = way(&fleet, &run, &eye, &observer)?;
    conclude(context, space, &run, &outcome, json)
}
