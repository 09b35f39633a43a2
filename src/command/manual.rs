//! `tandem completions` and `tandem man`.

use super::Context;
use crate::arguments::Cli;
use crate::failure::{Exit, Problem};
use clap::CommandFactory;
use std::path::Path;

pub(crate) fn completions(context: &Context, shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tandem", &mut text);
    context.terminal.result(&String::from_utf8_lossy(&text));
    Exit::Done
}

pub(crate) fn pages(output: &Path) -> Result<Exit, Problem> {
    std::fs::create_dir_all(output)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), output))
        .map_err(|error| {
            Problem::failed(format!(
                "writing man pages to {}: {error}",
                output.display()
            ))
        })?;
    Ok(Exit::Done)
}
