//! `clusterd simulate`: what would happen.

use super::source;
use crate::api::client::Client;
use crate::arguments::SimulateArguments;
use crate::configuration::members_of;
use crate::failure::{Exit, Problem, meant};
use crate::simulation::Impossible;
use crate::terminal::{self, Styles};
use crate::{show, simulation};
use cluster_model::Model;

pub(super) fn simulate(client: &Client, what: &SimulateArguments) -> Result<Exit, Problem> {
    let model = source::model(client, what.file.as_deref())?;
    let result = simulation::simulate(&model, &what.faults())
        .map_err(|impossible| refused(&model, impossible))?;
    if what.json {
        terminal::document(&result)?;
    } else {
        let text = show::simulation::simulation(&result, Styles::of_output());
        terminal::result(&text);
    }
    let good = result.lost.is_empty() && result.settled;
    Ok(if good { Exit::Done } else { Exit::Unhealthy })
}

fn refused(model: &Model, impossible: Impossible) -> Problem {
    let hint = match &impossible {
        Impossible::NoSuchNode(name) => {
            let mut known: Vec<_> = model.configuration.nodes.iter().cloned().collect();
            let witnesses = model.votes.heard.keys();
            known.extend(
                witnesses
                    .filter(|name| !model.configuration.nodes.contains(*name))
                    .cloned(),
            );
            Some(meant(name, &known))
        }
        Impossible::NoSuchResource(name) => {
            let items = model.configuration.resources.iter();
            let members = items.flat_map(members_of);
            let known: Vec<_> = members.map(|member| member.name.clone()).collect();
            Some(meant(name, &known))
        }
        Impossible::NotRunning(..) => None,
    };
    let problem = Problem::from(impossible);
    match hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}
