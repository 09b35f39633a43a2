//! One file per command.

mod abort_resume;
mod apply;
mod build;
mod check;
mod diff_env;
mod history;
mod init;
mod key;
mod lab;
mod lock;
mod manual;
mod plan;
mod prepare;
mod prune;
mod render;
mod retire;
mod rollback;
mod secret;
mod status;
mod trust;
mod vagrant;

use crate::arguments::{Cli, Command, Global};
use crate::failure::{Exit, Problem};
use crate::terminal::Terminal;
use crate::workspace::Workspace;

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) terminal: Terminal,
}

impl Context {
    pub(crate) fn workspace(&self) -> Result<Workspace, Problem> {
        Workspace::find(self.global.directory.as_deref())
    }
}

/// Runs a command.
pub(crate) fn run(cli: Cli, terminal: Terminal) -> Result<Exit, Problem> {
    let context = Context {
        global: cli.global,
        terminal,
    };
    match cli.command {
        Command::Init { directory } => init::run(&context, &directory),
        Command::Check { inventory, json } => check::run(&context, inventory.as_deref(), json),
        Command::Render {
            inventory,
            host,
            output,
            with_secrets,
        } => render::run(&context, &inventory, host.as_deref(), &output, with_secrets),
        Command::Build {
            release,
            output,
            json,
        } => build::run(&context, release.as_deref(), &output, json),
        Command::DiffEnv {
            left,
            right,
            diff,
            json,
            detailed_exitcode,
        } => {
            let wish = diff_env::Wish {
                left,
                right,
                diff,
                json,
                detailed_exitcode,
            };
            diff_env::run(&context, &wish)
        }
        Command::Vagrant {
            inventory,
            memory,
            output,
        } => vagrant::run(&context, &inventory, memory, output.as_deref()),
        Command::Prepare { inventory, yes } => prepare::run(&context, &inventory, yes),
        Command::Plan {
            inventory,
            aim,
            out,
            json,
            detailed_exitcode,
        } => plan::run(
            &context,
            &inventory,
            &aim,
            out.as_deref(),
            json,
            detailed_exitcode,
        ),
        Command::Stage {
            inventory,
            aim,
            yes,
        } => apply::stage(&context, &inventory, &aim, yes),
        Command::Apply {
            plan,
            inventory,
            lab,
            aim,
            yes,
            json,
        } => {
            let whence = apply::Whence {
                plan,
                inventory,
                lab,
            };
            apply::run(&context, &whence, &aim, yes, json)
        }
        Command::Resume {
            run,
            inventory,
            json,
        } => abort_resume::resume(&context, &run, &inventory, json),
        Command::Abort {
            run,
            inventory,
            json,
        } => abort_resume::abort(&context, &run, &inventory, json),
        Command::Rollback {
            inventory,
            to,
            because,
            accept_outage,
            yes,
            json,
        } => {
            let wish = rollback::Wish {
                to,
                because,
                accept_outage,
            };
            rollback::run(&context, &inventory, &wish, yes, json)
        }
        Command::Retire {
            host,
            inventory,
            address,
            gone,
            yes,
        } => {
            let who = retire::Who {
                host,
                address,
                gone,
            };
            retire::run(&context, &inventory, &who, yes)
        }
        Command::Prune { inventory, keep } => prune::run(&context, &inventory, keep),
        Command::Status { inventory, json } => status::run(&context, &inventory, json),
        Command::History { inventory, json } => history::run(&context, &inventory, json),
        Command::Lock(command) => lock::run(&context, &command),
        Command::Lab(command) => lab::run(&context, &command),
        Command::Key(command) => key::run(&context, &command),
        Command::Secret(command) => secret::run(&context, &command),
        Command::Trust {
            hosts,
            inventory,
            yes,
        } => trust::run(&context, &hosts, &inventory, yes),
        Command::Completions { shell } => Ok(manual::completions(&context, shell)),
        Command::Man { output } => manual::pages(&output),
    }
}
