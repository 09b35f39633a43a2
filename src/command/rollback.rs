//! `tandem rollback`: an earlier generation again, from packages that the hosts
//! kept. Neither the release nor the templates of then are needed here.

use super::Context;
use super::apply::{announce, conclude, new_run};
use crate::arguments::Inventory;
use crate::contact::Reach;
use crate::desire::seal;
use crate::environment::{Environment, Keys};
use crate::failure::Exit;
use crate::failure::Problem;
use crate::observer::Observer;
use crate::session::{self, Eye, Gathered, Planned};
use crate::show;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read;
use tandem_deploy::{Sealed, Supplies};
use tandem_generation::{Digest, Facts, Generation, PackageId, Record, Validator, Verdict};
use tandem_model::Cluster;
use tandem_package::SourceDate;
use tandem_plan::desired::Hold;
use tandem_plan::{Desired, DesiredCluster, DesiredHost, DesiredLeg, Options};
use tandem_render::HostFiles;

/// What the operator wants.
pub(crate) struct Wish {
    pub(crate) to: Option<String>,
    pub(crate) because: String,
    pub(crate) accept_outage: bool,
}

pub(crate) fn run(
    context: &Context,
    inventory: &Inventory,
    wish: &Wish,
    yes: bool,
    json: bool,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let environment = Environment::of_work_tree(&space, &inventory.inventory)?;
    let keys = Keys::load(&space, &environment.inventory.environment)?;
    let rendered = environment.render_all()?;
    let reach = Reach::new(context, space, environment, inventory.lab)?;
    let (space, environment) = (&reach.space, &reach.environment);
    let fleet = reach.fleet();
    let requests = session::observing(environment, &rendered)?;
    let eye = Eye::new(environment, &rendered, &requests);
    let options = Options {
        accept_outage: wish.accept_outage,
        confirm_within_s: 120,
        // Whoever names where to go back to means it, also if a way back there was
        // given up before.
        again: true,
        ..Options::default()
    };
    let make = || -> Result<Planned, Problem> {
        let gathered = fleet.facts(&requests);
        let desired = desired(environment, &rendered, &gathered, wish, space.source())?;
        let plan = tandem_plan::plan(
            &desired,
            &session::known(&gathered),
            &eye.views(&gathered),
            &options,
            Timestamp::now(),
        );
        Ok((plan, gathered))
    };
    let (plan, gathered) = session::settled(make, session::is_settled)?;
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
    context.terminal.consent(yes, "Go back?")?;
    let run = new_run()?;
    announce(context, &run);
    let observer = Observer::new(context.terminal);
    let supplies = Kept { keys: &keys };
    let recheck = || session::recheck(&plan, make);
    let outcome = tandem_deploy::apply(&fleet, &plan, &run, &supplies, &eye, &recheck, &observer);
    conclude(context, space, &run, &outcome, json)
}

/// The hosts have all packages but the generation's own.
struct Kept<'a> {
    keys: &'a Keys,
}

impl Supplies for Kept<'_> {
    fn open(&self, _: &Digest) -> Option<Box<dyn Read>> {
        None
    }

    fn seal(&self, generation: &Generation, obsoletes: &[PackageId]) -> Result<Sealed, String> {
        let date =
            SourceDate::new(Timestamp::now().as_second()).map_err(|error| error.to_string())?;
        seal(generation, obsoletes, date, self.keys)
    }

    fn validators(&self, _: &str, _: u32) -> Vec<Validator> {
        Vec::new()
    }

    fn keys(&self) -> Vec<String> {
        self.keys
            .trusted
            .iter()
            .map(|key| key.armoured().to_owned())
            .collect()
    }
}

fn desired(
    environment: &Environment,
    rendered: &[HostFiles],
    gathered: &Gathered,
    wish: &Wish,
    source: tandem_generation::manifest::Source,
) -> Result<Desired, Problem> {
    let mut clusters = Vec::new();
    let mut problems = Vec::new();
    for cluster in &environment.inventory.clusters {
        match one_cluster(environment, rendered, gathered, wish, cluster) {
            Ok(found) => clusters.push(found),
            Err(problem) => problems.extend(problem.lines),
        }
    }
    if !problems.is_empty() {
        return Err(Problem {
            exit: Exit::Invalid,
            lines: problems,
            hints: vec!["`tandem history` shows what is kept".to_owned()],
            mistakes: None,
        });
    }
    Ok(Desired {
        environment: environment.inventory.environment.clone(),
        inventory: source,
        tandem: env!("CARGO_PKG_VERSION").to_owned(),
        clusters,
    })
}

fn one_cluster(
    environment: &Environment,
    rendered: &[HostFiles],
    gathered: &Gathered,
    wish: &Wish,
    cluster: &Cluster,
) -> Result<DesiredCluster, Problem> {
    let mut hosts = Vec::new();
    let mut switchover = BTreeMap::new();
    let mut seconds = 0.0;
    let mut hold = None;
    for node in &cluster.nodes {
        let Some(Ok(facts)) = gathered.get(node) else {
            hosts.push(DesiredHost {
                host: node.clone(),
                legs: Vec::new(),
                base: Vec::new(),
            });
            continue;
        };
        let legs = legs(node, facts, wish)?;
        let seat = rendered
            .iter()
            .find(|files| files.host == *node)
            .and_then(|files| environment.seat(files));
        if let Some((_, seat)) = seat {
            let engine = tandem_engine::engine(seat.choice.kind);
            let wrong = |error: tandem_engine::Problem| Problem::invalid(error.to_string());
            switchover.insert(node.clone(), engine.give(&seat).map_err(wrong)?);
            seconds = engine.switchover_seconds();
            let mut before = facts
                .generation
                .as_ref()
                .map(|now| &now.content.cluster_values);
            for leg in &legs {
                let after = &leg.content.cluster_values;
                let because = before.and_then(|before| {
                    engine.incompatible(before, after).or_else(|| {
                        (!tandem_engine::understand(before, after)).then(|| {
                            "the cluster keys of then and now have no step in between".to_owned()
                        })
                    })
                });
                if let Some(because) = because {
                    let units = engine.held_units(&seat).map_err(wrong)?;
                    hold = Some(Hold { because, units });
                }
                before = Some(after);
            }
        }
        hosts.push(DesiredHost {
            host: node.clone(),
            legs,
            base: Vec::new(),
        });
    }
    Ok(DesiredCluster {
        name: cluster.name.clone(),
        engine: cluster
            .engine
            .as_ref()
            .map_or_else(|| "none".to_owned(), |choice| choice.kind.word().to_owned()),
        without: Vec::new(),
        switchover,
        switchover_seconds: seconds,
        hold,
        hosts,
    })
}

/// The way back of a host: the target, and before it the kept generations in
/// which cluster keys changed, so that both sides keep talking.
fn legs(host: &str, facts: &Facts, wish: &Wish) -> Result<Vec<DesiredLeg>, Problem> {
    let Some(current) = &facts.generation else {
        return Err(Problem::invalid(format!(
            "{host} is bare: there is nothing to go back to"
        )));
    };
    let target = target(host, facts, current, wish)?;
    let mut legs: Vec<DesiredLeg> = Vec::new();
    if target.generation.content.cluster_values != current.content.cluster_values {
        let mut values = &current.content.cluster_values;
        let between = facts.records.iter().rev().filter(|record| {
            let number = record.generation.number;
            number < current.number
                && number > target.generation.number
                && !matches!(record.verdict, Verdict::RolledBack { .. })
        });
        for record in between {
            let own = &record.generation.content.cluster_values;
            let nearer = own != values && *own != target.generation.content.cluster_values;
            if nearer && tandem_engine::understand(values, own) {
                legs.push(leg(
                    record,
                    wish,
                    format!("by way of generation {}", record.generation.number),
                ));
                values = own;
            }
        }
    }
    legs.push(leg(target, wish, String::new()));
    Ok(legs)
}

fn target<'f>(
    host: &str,
    facts: &'f Facts,
    current: &Generation,
    wish: &Wish,
) -> Result<&'f Record, Problem> {
    let good = |record: &&Record| !matches!(record.verdict, Verdict::RolledBack { .. });
    let earlier = || facts.records.iter().rev().filter(good);
    // A run may have made several generations (phases of a key): the one before
    // is the one before the run.
    let run = facts
        .records
        .iter()
        .find(|record| record.generation.number == current.number)
        .map(|record| &record.run);
    let found = match &wish.to {
        None => earlier().find(|record| {
            record.generation.number < current.number
                && Some(&record.run) != run
                && record.generation.content.identity() != current.content.identity()
        }),
        Some(to) => match to.parse::<u64>() {
            Ok(number) => facts
                .records
                .iter()
                .find(|record| record.generation.number == number),
            Err(_) => earlier().find(|record| record.generation.release.version == *to),
        },
    };
    found.ok_or_else(|| {
        let known: Vec<String> = facts
            .records
            .iter()
            .map(|record| {
                format!(
                    "{} ({})",
                    record.generation.number, record.generation.release.version
                )
            })
            .collect();
        Problem::invalid(match &wish.to {
            None => format!("{host} keeps no earlier generation"),
            Some(to) => format!(
                "{host} keeps no generation {to}; it keeps {}",
                known.join(", ")
            ),
        })
    })
}

fn leg(record: &Record, wish: &Wish, title: String) -> DesiredLeg {
    DesiredLeg {
        title,
        release: record.generation.release.clone(),
        inventory: Some(record.generation.inventory.clone()),
        content: record.generation.content.clone(),
        texts: BTreeMap::new(),
        initialisers: Vec::new(),
        rollback: Some(wish.because.clone()),
    }
}
