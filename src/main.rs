//! The `tandem` command: arguments in, results on standard output, everything
//! else on standard error, and an exit code that scripts depend on.

mod arguments;
mod command;
mod comparison;
mod contact;
mod desire;
mod environment;
mod failure;
mod interrupt;
mod observer;
mod session;
mod show;
mod terminal;
mod unbuilt;
mod vagrantfile;
mod workspace;

use arguments::Cli;
use clap::Parser;
use failure::Exit;
use std::process::ExitCode;
use terminal::Terminal;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is wrong usage.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let terminal = Terminal::new(cli.global.color, cli.global.verbose);
    interrupt::watch(terminal);
    match command::run(cli, terminal) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(problem) => {
            terminal.problem(&problem);
            ExitCode::from(problem.exit as u8)
        }
    }
}
