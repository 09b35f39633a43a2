//! What each command does; one file for each that is more than a question.

mod bundle;
mod change;
mod check;
mod copies;
mod explain;
mod failcount;
mod give;
mod key;
mod manual;
mod simulate;
mod source;
mod status;

use crate::api::client::Client;
use crate::arguments::{Arguments, Request};
use crate::failure::{Exit, Problem};
use crate::terminal;
use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::report::Report;
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let client = Client::new(&arguments.run);
    let done = match arguments.command {
        // These two have exit codes of their own.
        Request::Check { file: None } => return ExitCode::from(check::cluster(&client)),
        Request::FencePeer(what) => {
            return ExitCode::from(copies::fence_peer(&client, &what) as u8);
        }
        Request::Supervise => return cluster_agents::supervise(),
        Request::Run(mut run) => {
            run.run = arguments.run;
            crate::daemon::run(&run)
                .map(|()| Exit::Done)
                .map_err(Problem::from)
        }
        request => dispatch(&client, request),
    };
    match done {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(problem) => {
            terminal::problem(&problem);
            ExitCode::from(problem.exit as u8)
        }
    }
}

fn dispatch(client: &Client, request: Request) -> Result<Exit, Problem> {
    match request {
        Request::Status(how) => status::status(client, &how),
        Request::Explain(what) => explain::explain(client, &what),
        Request::Simulate(what) => simulate::simulate(client, &what),
        Request::Check { file: Some(file) } => check::file(&file),
        Request::Fence { confirm_off } => {
            client
                .post(
                    "/v1/confirm-off",
                    &serde_json::json!({ "node": confirm_off }),
                )
                .map_err(|error| Problem::from(error).with_names_of(client))?;
            Ok(Exit::Done)
        }
        Request::UnfencePeer(what) => copies::unfence_peer(client, &what),
        Request::Failcount(what) => failcount::failcount(client, &what),
        Request::Bundle(what) => bundle::bundle(client, &what),
        Request::Move(what) => {
            let waiting = what.waiting;
            change::change(client, &change::moving(what), waiting)
        }
        Request::Start(what) => {
            let command = change::target(what.resource, None);
            change::change(client, &command, what.waiting)
        }
        Request::Stop(what) => {
            let command = change::target(what.resource, Some(TargetRole::Stopped));
            change::change(client, &command, what.waiting)
        }
        Request::Standby(what) => {
            let node = node_or_this(client, what.node)?;
            let on = true;
            change::change(client, &Command::Standby { node, on }, what.waiting)
        }
        Request::Online(what) => {
            let node = node_or_this(client, what.node)?;
            let on = false;
            change::change(client, &Command::Standby { node, on }, what.waiting)
        }
        Request::Maintenance(what) => {
            let on = !what.off;
            let command = match (what.resource, what.node) {
                (Some(resource), _) => Command::Unmanage { resource, on },
                (None, node) => Command::Maintenance { node, on },
            };
            change::change(client, &command, what.waiting)
        }
        Request::Cleanup(what) => {
            let command = Command::Cleanup {
                resource: what.resource,
                node: what.node,
            };
            change::change(client, &command, what.waiting)
        }
        Request::Key { number } => key::key(number),
        Request::Renew => {
            client.post("/v1/renew", &())?;
            Ok(Exit::Done)
        }
        Request::Completions { shell } => Ok(manual::completions(shell)),
        Request::Man { output } => manual::pages(&output),
        Request::Run(_)
        | Request::Supervise
        | Request::FencePeer(_)
        | Request::Check { file: None } => Err(Problem::failed("this was to be done elsewhere")),
        Request::Reload => {
            client.post("/v1/reload", &())?;
            Ok(Exit::Done)
        }
        Request::Give { node } => give::give(client, &node_or_this(client, node)?),
    }
}

/// The node that was named, or the one whose daemon is asked.
fn node_or_this(client: &Client, node: Option<String>) -> Result<String, Problem> {
    match node {
        Some(node) => Ok(node),
        None => Ok(client.get::<Report>("/v1/status")?.asked),
    }
}
