//! `clusterd failcount`: how often resources failed since somebody last cleaned up.

use crate::api::client::Client;
use crate::arguments::FailcountArguments;
use crate::failure::{Exit, Problem};
use crate::show::failcount::Failures;
use crate::terminal::{self, Styles};
use cluster_model::report::{Report, Resource};

pub(super) fn failcount(client: &Client, what: &FailcountArguments) -> Result<Exit, Problem> {
    let report: Report = client.get("/v1/status")?;
    if let Some(name) = &what.resource
        && !is_there(&report.resources, name)
    {
        let problem = Problem::failed(format!("there is no resource {name}"));
        return Err(problem.with_names_of(client));
    }
    if let Some(name) = &what.node
        && !report.members.contains_key(name)
    {
        let problem = Problem::failed(format!("there is no node {name}"));
        return Err(problem.with_names_of(client));
    }
    let failures = Failures::new(&report, what.resource.as_deref(), what.node.as_deref());
    if what.json {
        terminal::document(&failures)?;
    } else {
        terminal::result(&failures.text(Styles::of_output()));
    }
    Ok(Exit::Done)
}

fn is_there(resources: &[Resource], name: &str) -> bool {
    let mut resources = resources.iter();
    resources.any(|one| one.name == name || is_there(&one.members, name))
}
