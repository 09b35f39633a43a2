//! `tandem apply` and `tandem stage`.

use super::Context;
use super::plan::{Start, options};
use crate::arguments::{Aim, Inventory};
use crate::failure::{Exit, Problem};
use crate::observer::Observer;
use crate::session::{self, Eye};
use crate::workspace::operator;
use crate::{interrupt, show, workspace};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use tandem_deploy::{Outcome, Run};
use tandem_generation::RunId;
use tandem_plan::Plan;

/// What to do with a good plan.
enum Intent<'a> {
    Stage,
    Apply { json: bool, saved: Option<&'a Plan> },
}

/// Where a plan comes from.
pub(crate) struct Whence {
    pub(crate) plan: Option<PathBuf>,
    pub(crate) inventory: Option<String>,
    pub(crate) lab: bool,
}

pub(crate) fn run(
    context: &Context,
    whence: &Whence,
    aim: &Aim,
    yes: bool,
    json: bool,
) -> Result<Exit, Problem> {
    let saved = whence.plan.as_deref().map(read_plan).transpose()?;
    let mut aim = aim.clone();
    let mut inventory = whence.inventory.clone();
    if let Some(saved) = &saved {
        // What the plan was made for is what it is applied to.
        inventory = inventory.or_else(|| Some(saved.environment.clone()));
        let release = saved.hosts.values().flat_map(|host| &host.legs).next();
        aim.release = aim
            .release
            .or_else(|| release.map(|leg| leg.release.version.clone()));
    }
    let inventory = Inventory {
        inventory: inventory.unwrap_or_default(),
        lab: whence.lab,
    };
    let intent = Intent::Apply {
        json,
        saved: saved.as_ref(),
    };
    go(context, &inventory, &aim, yes, &intent)
}

pub(crate) fn stage(
    context: &Context,
    inventory: &Inventory,
    aim: &Aim,
    yes: bool,
) -> Result<Exit, Problem> {
    go(context, inventory, aim, yes, &Intent::Stage)
}

fn read_plan(path: &Path) -> Result<Plan, Problem> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::invalid(format!("reading {}: {error}", path.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Problem::invalid(format!("{} is no plan: {error}", path.display())))
}

fn go(
    context: &Context,
    inventory: &Inventory,
    aim: &Aim,
    yes: bool,
    intent: &Intent<'_>,
) -> Result<Exit, Problem> {
    let start = Start::new(context, inventory, aim)?;
    let maker = start.maker()?;
    let fleet = start.fleet();
    let mut options = options(aim);
    let saved = match intent {
        Intent::Apply { saved, .. } => *saved,
        Intent::Stage => None,
    };
    if let Some(saved) = saved {
        options.confirm_within_s = saved.confirm_within_s;
    }
    let make = || session::plan(&maker, &fleet, &options);
    let (mut plan, gathered) = session::settled(make, |plan| match saved {
        Some(saved) => plan.fingerprint == saved.fingerprint,
        None => session::is_settled(plan),
    })?;
    let json = matches!(intent, Intent::Apply { json: true, .. });
    if let Some(saved) = saved {
        // A host that nobody reaches is no changed host.
        if let Some(mut problem) = Problem::of_refusals(&plan)
            && problem.exit == Exit::Unreachable
        {
            problem.hints.extend(session::hints(&gathered));
            return Err(problem);
        }
        refuse_stale(saved, &plan)?;
        // What was shown is what is done, consents included.
        plan = saved.clone();
    }
    if !json {
        context
            .terminal
            .result(&show::plan::text(&plan, context.terminal));
    }
    if let Some(mut problem) = Problem::of_refusals(&plan) {
        problem.hints.extend(session::hints(&gathered));
        return Err(problem);
    }
    if plan.is_empty() {
        if json {
            context
                .terminal
                .result(&show::json(&show::outcome::nothing(&plan))?);
        }
        return Ok(Exit::Done);
    }
    context.terminal.consent(yes, "Apply this plan?")?;
    let run = new_run()?;
    announce(context, &run);
    let observer = Observer::new(context.terminal);
    let requests = maker.requests()?;
    let eye = Eye::new(&start.environment, &maker.rendered, &requests);
    let recheck = || session::recheck(&plan, make);
    let outcome = match intent {
        Intent::Stage => {
            tandem_deploy::stage_only(&fleet, &plan, &run, &maker, &eye, &recheck, &observer)
        }
        Intent::Apply { .. } => {
            tandem_deploy::apply(&fleet, &plan, &run, &maker, &eye, &recheck, &observer)
        }
    };
    conclude(context, &start.space, &run, &outcome, json)
}

/// A saved plan is applied as it was shown, or not at all.
fn refuse_stale(saved: &Plan, now: &Plan) -> Result<(), Problem> {
    if saved.environment != now.environment {
        return Err(Problem::invalid(format!(
            "the plan is for {}, not for {}",
            saved.environment, now.environment
        )));
    }
    if saved.fingerprint != now.fingerprint {
        return Err(Problem::new(
            Exit::Stale,
            "the plan is stale: its hosts changed since it was made",
        )
        .hint("make a new plan"));
    }
    let content = |plan: &Plan| {
        plan.hosts
            .iter()
            .map(|(host, plan)| {
                let legs: Vec<_> = plan.legs.iter().map(|leg| leg.content.identity()).collect();
                (host.clone(), legs)
            })
            .collect::<Vec<_>>()
    };
    if content(saved) != content(now) {
        return Err(Problem::new(
            Exit::Stale,
            "the plan is stale: inventory or release changed since it was made",
        )
        .hint("make a new plan"));
    }
    // The same facts and content make the same plan: one that differs was
    // edited, and its text above is not what it would do.
    if saved.hosts != now.hosts || saved.steps != now.steps {
        return Err(Problem::invalid(
            "the plan was changed after it was saved: its steps are not what tandem plans",
        )
        .hint("make a new plan"));
    }
    Ok(())
}

/// A new run with a name of its own.
pub(crate) fn new_run() -> Result<Run, Problem> {
    let created = Timestamp::now();
    let operator = operator();
    let user: String = operator
        .split('@')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20)
        .collect();
    let mark =
        u64::from(std::process::id()) ^ u64::from(created.subsec_nanosecond().unsigned_abs());
    let name = format!(
        "{}-{user}-{:04x}",
        created.strftime("%Y%m%dT%H%M%SZ"),
        mark & 0xffff
    );
    let id: RunId = name
        .parse()
        .map_err(|error| Problem::failed(format!("{error}")))?;
    Ok(Run {
        id,
        operator,
        created,
    })
}

/// Names a run: who is cut off in the middle can tell it to somebody else.
pub(crate) fn announce(context: &Context, run: &Run) {
    context.terminal.say(&format!("run {}", run.id));
    interrupt::begun(&run.id);
}

/// Says how a run ended, keeps its evidence, and turns it into an exit code.
pub(crate) fn conclude(
    context: &Context,
    space: &workspace::Workspace,
    run: &Run,
    outcome: &Outcome,
    json: bool,
) -> Result<Exit, Problem> {
    interrupt::ended();
    let evidence = match outcome {
        Outcome::RolledBack { report, .. } | Outcome::RollbackFailed { report, .. } => {
            show::outcome::keep_evidence(space, run, report)?
        }
        _ => None,
    };
    if json {
        let document = show::outcome::document(run, outcome, evidence.as_deref());
        context.terminal.result(&show::json(&document)?);
    } else {
        context
            .terminal
            .result(&show::outcome::text(run, outcome, context.terminal));
    }
    let keep = |problem: Problem| match &evidence {
        Some(path) => problem.hint(format!("the evidence is in {}", path.display())),
        None => problem,
    };
    match outcome {
        Outcome::Accepted(_) | Outcome::Staged(_) => Ok(Exit::Done),
        Outcome::NotClosed { left, .. } => {
            let mut problem = Problem::of_failure(left, Exit::Failed);
            problem
                .hints
                .push(format!("`tandem resume {} -i INV` closes it", run.id));
            Err(problem)
        }
        Outcome::NotActivated(failure) => Err(Problem::of_failure(failure, Exit::Failed)),
        Outcome::RolledBack { failure, .. } => {
            Err(keep(Problem::of_failure(failure, Exit::RolledBack)))
        }
        Outcome::RollbackFailed { failure, left, .. } => {
            let mut problem = Problem::of_failure(failure, Exit::RollbackFailed);
            problem.lines.extend(
                left.errors
                    .iter()
                    .map(|(host, error)| format!("{host} is not known to be back: {error}")),
            );
            problem
                .hints
                .push(format!("`tandem abort {} -i INV` tries again", run.id));
            Err(keep(problem))
        }
    }
}
