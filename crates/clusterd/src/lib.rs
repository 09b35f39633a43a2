//! The cluster daemon and its commands: results on standard output, everything else on
//! standard error, and an exit code that scripts depend on.
//!
//! A library only so that the fuzz targets reach what they try ([`fuzzed`]); nobody else
//! imports it.

mod age;
mod api;
mod arguments;
mod command;
mod configuration;
mod daemon;
mod explained;
mod failure;
#[doc(hidden)]
pub mod fuzzed;
mod secrets;
mod show;
mod simulation;
mod terminal;

use arguments::Arguments;
use clap::Parser as _;
use failure::Exit;
use std::process::ExitCode;

/// The program.
pub fn main() -> ExitCode {
    // Agents know it by the names of Pacemaker's tools.
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let name = called.rsplit('/').next().unwrap_or_default();
    if cluster_agents::tools::NAMES.contains(&name) {
        return cluster_agents::tools::tools_main(name, words);
    }
    match Arguments::try_parse() {
        Ok(arguments) => command::run(arguments),
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let _ = error.print();
            if error.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}
