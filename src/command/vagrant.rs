//! `tandem vagrant`.

use super::Context;
use crate::environment::name_or_path;
use crate::failure::{Exit, Problem};
use crate::vagrantfile;
use std::path::Path;
use tandem_model::{Project, Source};

pub(crate) fn run(
    context: &Context,
    inventory: &str,
    memory: u32,
    output: Option<&Path>,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let project = Project::load(&Source::work_tree(&space.root))?;
    let inventory = project.inventory(&name_or_path(inventory))?;
    let text = vagrantfile::text(&project, &inventory, memory)?;
    let Some(path) = output else {
        context.terminal.result(&text);
        return Ok(Exit::Done);
    };
    std::fs::write(path, text)
        .map_err(|error| Problem::failed(format!("writing {}: {error}", path.display())))?;
    context.terminal.result(&format!("{}\n", path.display()));
    Ok(Exit::Done)
}
