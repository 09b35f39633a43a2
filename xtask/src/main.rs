//! The workspace's own commands: demo, test, benchmarks, docs and checks.
//!
//! They know the product as its operators do, by the `tandem` command, and the
//! workspace by `cargo metadata` and its sources.

mod bench;
mod checkout;
mod demo;
mod docs;
mod layers;
mod licences;
mod machine;
mod nextest;
mod process;
mod report;
mod situations;
mod test;

use anyhow::Result;
use checkout::Checkout;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Demo, test, benchmarks, docs and checks of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that must hold: format, layers, licences, clippy, tests, docs.
    Test {
        /// Run the tests marked `#[ignore]` too: they take long.
        #[arg(long)]
        long: bool,
    },
    /// A pair of hosts, a web site on it, an upgrade, a power cut, and back.
    Demo(demo::Wish),
    /// The deploy wing beside its rivals, in one run on this machine.
    Bench(bench::Wish),
    /// What is generated: docs/'s man pages, reference, completions, schemas; the Vagrantfile.
    Docs {
        /// Change nothing; fail if one of them is not current.
        #[arg(long)]
        check: bool,
    },
    /// Who may know whom, and what only some may do.
    Layers,
    /// Licences of everything that is linked in, against deny.toml.
    Licences,
    /// Ask a site again and again; part of the demo.
    #[command(hide = true)]
    Poll(demo::PollArguments),
    /// Hosts that are far away; part of the benchmarks.
    #[command(hide = true)]
    Relay(bench::RelayArguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    if let Command::Poll(arguments) = command {
        demo::poll(arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Relay(arguments) = command {
        bench::relay(arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    let checkout = Checkout::find()?;
    let good = match command {
        Command::Test { long } => test::run(&checkout, *long),
        Command::Demo(wish) => demo::run(&checkout, wish)?,
        Command::Bench(wish) => bench::run(&checkout, wish)?,
        Command::Docs { check } => docs::run(&checkout, *check)?,
        Command::Layers => report::findings(&layers::check(&checkout)?),
        Command::Licences => report::findings(&licences::check(&checkout)?),
        Command::Poll(_) | Command::Relay(_) => true,
    };
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
