//! `tandem plan`.

use super::Context;
use crate::arguments::{Aim, Inventory};
use crate::contact;
use crate::desire::Maker;
use crate::environment::{Environment, Keys, open_release, releases};
use crate::failure::{Exit, Problem};
use crate::unbuilt::unbuilt;
use crate::{session, show};
use std::path::Path;
use tandem_deploy::{Fleet, Helper};
use tandem_plan::{Options, Plan, RefusalKind};
use tandem_remote::Ssh;

/// Everything that plan, stage and apply begin with.
pub(crate) struct Start {
    pub(crate) environment: Environment,
    pub(crate) release: tandem_package::release::Release,
    pub(crate) keys: Keys,
    pub(crate) ssh: Ssh,
    pub(crate) helper: Helper,
    pub(crate) space: crate::workspace::Workspace,
}

impl Start {
    pub(crate) fn new(
        context: &Context,
        inventory: &Inventory,
        aim: &Aim,
    ) -> Result<Self, Problem> {
        let space = context.workspace()?;
        let release = open_release(&space, aim.release.as_deref()).or_else(|problem| {
            // Whoever mistyped the environment need not build first to hear of it.
            if releases(&space.dist()).is_empty() {
                Environment::without_secrets(&space, &inventory.inventory)?;
            }
            Err(problem)
        })?;
        let unbuilt = unbuilt(&space, &release);
        if let Some(words) = &unbuilt {
            context.terminal.say(&format!("note: {words}"));
        }
        let environment =
            Environment::of_release(&space, &release, &inventory.inventory).map_err(|problem| {
                match unbuilt {
                    Some(words) => problem.hint(words),
                    None => problem,
                }
            })?;
        let keys = Keys::load(&space, &environment.inventory.environment)?;
        let ssh = contact::ssh(
            &space,
            &environment.inventory,
            inventory.lab,
            &context.global,
        )?;
        // The helper that speaks this program's words; the release's own may be older
        // or newer, and is only a package among others.
        let helper = contact::helper(&space)?;
        check_names(&environment, aim)?;
        Ok(Self {
            environment,
            release,
            keys,
            ssh,
            helper,
            space,
        })
    }

    pub(crate) fn maker(&self) -> Result<Maker<'_>, Problem> {
        Maker::new(&self.space, &self.environment, &self.release, &self.keys)
    }

    pub(crate) fn fleet(&self) -> Fleet<'_> {
        contact::fleet(&self.environment.inventory, &self.ssh, &self.helper)
    }
}

/// Hosts named on the command line must exist: a typing error must not turn
/// into "nothing to do".
fn check_names(environment: &Environment, aim: &Aim) -> Result<(), Problem> {
    let hosts = &environment.inventory.hosts;
    let unknown: Vec<&str> = aim
        .limit
        .iter()
        .flatten()
        .filter(|name| !hosts.contains_key(*name))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = hosts.keys().map(String::as_str).collect();
    Err(Problem::invalid(format!(
        "--limit names {}, which is no host",
        unknown.join(", ")
    ))
    .hint(format!("there are {}", known.join(", "))))
}

pub(crate) fn options(aim: &Aim) -> Options {
    Options {
        limit: aim
            .limit
            .as_ref()
            .map(|hosts| hosts.iter().cloned().collect()),
        without: aim.without.iter().cloned().collect(),
        again: aim.again,
        accept_outage: aim.accept_outage,
        accept_irreversible: aim.accept_irreversible,
        confirm_within_s: aim.confirm_within,
    }
}

pub(crate) fn run(
    context: &Context,
    inventory: &Inventory,
    aim: &Aim,
    out: Option<&Path>,
    json: bool,
    detailed: bool,
) -> Result<Exit, Problem> {
    let start = Start::new(context, inventory, aim)?;
    let maker = start.maker()?;
    let fleet = start.fleet();
    let options = options(aim);
    let make = || session::plan(&maker, &fleet, &options);
    let (plan, gathered) = session::settled(make, session::is_settled)?;
    if json {
        context.terminal.result(&show::json(&plan)?);
    } else {
        context
            .terminal
            .result(&show::plan::text(&plan, context.terminal));
    }
    if let Some(path) = out {
        save(&plan, path)?;
        let lab = if inventory.lab { " --lab" } else { "" };
        context.terminal.say(&format!(
            "saved to {0}; `tandem apply {0}{lab}` applies it",
            path.display()
        ));
    }
    for hint in session::hints(&gathered) {
        context.terminal.say(&format!("hint: {hint}"));
    }
    let refused = |kind| plan.refusals.iter().any(|refusal| refusal.kind == kind);
    Ok(if refused(RefusalKind::Unreachable) {
        Exit::Unreachable
    } else if refused(RefusalKind::Locked) {
        // What is shown may be another by the time that the hosts are free.
        Exit::Locked
    } else if detailed && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Saved plans hold no secrets, but who may read them is the operator's affair.
fn save(plan: &Plan, path: &Path) -> Result<(), Problem> {
    std::fs::write(path, show::json(plan)?)
        .map_err(|error| Problem::failed(format!("saving the plan to {}: {error}", path.display())))
}
