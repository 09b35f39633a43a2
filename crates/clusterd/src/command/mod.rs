//! What each command does; one file for each that is more than a question.

mod check;
mod explain;
mod give;
mod key;
mod status;

use crate::api::client::Client;
use crate::arguments::{Arguments, Request};
use anyhow::Result;
use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::report::Report;
use cluster_model::state::Direction;
use std::process::ExitCode;

/// Wrong input, as `tandem` has it.
const INVALID: u8 = 3;

/// Does what was asked for.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    match dispatch(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            let invalid = error.is::<crate::configuration::Unusable>();
            ExitCode::from(if invalid { INVALID } else { 1 })
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<ExitCode> {
    let client = Client::new(&arguments.run);
    let ask = |command: Command| {
        client.post("/v1/command", &command)?;
        Ok(ExitCode::SUCCESS)
    };
    match arguments.command {
        Request::Run(mut run) => {
            run.run = arguments.run;
            crate::daemon::run(&run)?;
            Ok(ExitCode::SUCCESS)
        }
        Request::Status(how) => status::status(&client, &how),
        Request::Explain { resource, json } => explain::explain(&client, resource.as_deref(), json),
        Request::Check { file } => check::check(&client, file.as_deref()),
        Request::Move {
            resource,
            to,
            away_from,
            clear,
            minutes,
        } => {
            let direction = match (to, away_from) {
                (Some(node), _) => Direction::To(node),
                (None, Some(node)) => Direction::AwayFrom(node),
                (None, None) => {
                    debug_assert!(clear);
                    return ask(Command::Unmove { resource });
                }
            };
            ask(Command::Move {
                resource,
                direction,
                for_ms: minutes.saturating_mul(60_000),
            })
        }
        Request::Start { resource } => ask(Command::Target {
            resource,
            role: None,
        }),
        Request::Stop { resource } => ask(Command::Target {
            resource,
            role: Some(TargetRole::Stopped),
        }),
        Request::Standby { node } => ask(Command::Standby {
            node: node_or_this(&client, node)?,
            on: true,
        }),
        Request::Online { node } => ask(Command::Standby {
            node: node_or_this(&client, node)?,
            on: false,
        }),
        Request::Maintenance { node, off } => ask(Command::Maintenance { node, on: !off }),
        Request::Cleanup { resource, node } => ask(Command::Cleanup { resource, node }),
        Request::Key { number } => key::key(number),
        Request::Renew => {
            client.post("/v1/renew", &())?;
            Ok(ExitCode::SUCCESS)
        }
        Request::Reload => {
            client.post("/v1/reload", &())?;
            Ok(ExitCode::SUCCESS)
        }
        Request::Give { node } => give::give(&client, &node_or_this(&client, node)?),
        Request::Supervise => Ok(cluster_agents::supervise()),
    }
}

/// The node that was named, or the one whose daemon is asked.
fn node_or_this(client: &Client, node: Option<String>) -> Result<String> {
    match node {
        Some(node) => Ok(node),
        None => Ok(client.get::<Report>("/v1/status")?.asked),
    }
}
