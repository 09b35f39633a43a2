//! `clusterd completions` and `clusterd man`: made from the command line's own help.

use crate::arguments::Arguments;
use crate::failure::{Exit, Problem};
use crate::terminal;
use clap::CommandFactory as _;
use std::path::Path;

/// System administration, man-pages(7).
const SECTION: &str = "8";

pub(super) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "clusterd", &mut text);
    terminal::result(&String::from_utf8_lossy(&text));
    Exit::Done
}

/// `clusterd.8`, and one page for each command.
pub(super) fn pages(output: &Path) -> Result<Exit, Problem> {
    let failed = |error: std::io::Error| {
        Problem::failed(format!(
            "writing man pages to {}: {error}",
            output.display()
        ))
    };
    std::fs::create_dir_all(output).map_err(failed)?;
    let mut top = Arguments::command().disable_help_subcommand(true);
    top.build();
    page(&top, "clusterd", output).map_err(failed)?;
    for command in top.get_subcommands().filter(|one| !one.is_hide_set()) {
        let name = format!("clusterd-{}", command.get_name());
        page(command, &name, output).map_err(failed)?;
    }
    Ok(Exit::Done)
}

fn page(command: &clap::Command, name: &str, output: &Path) -> std::io::Result<()> {
    let command = command.clone().display_name(name);
    let page = clap_mangen::Man::new(command).section(SECTION);
    let mut text = Vec::new();
    page.render(&mut text)?;
    std::fs::write(output.join(format!("{name}.{SECTION}")), text)
}
