//! The cluster daemon and its commands.

mod api;
mod arguments;
mod command;
mod configuration;
mod daemon;

use arguments::Arguments;
use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Agents know it by the names of Pacemaker's tools.
    let mut words = std::env::args();
    let called = words.next().unwrap_or_default();
    let name = called.rsplit('/').next().unwrap_or_default();
    if cluster_agents::tools::NAMES.contains(&name) {
        return cluster_agents::tools::tools_main(name, words);
    }
    command::run(Arguments::parse())
}
