//! `tandem build`.

use super::Context;
use crate::contact;
use crate::failure::{Exit, Problem};
use crate::show;
use crate::terminal::Tone;
use crate::workspace::chain;
use std::path::Path;
use tandem_generation::FORMAT;
use tandem_model::spec::Spec;
use tandem_model::{Project, Source};
use tandem_package::KeyRole;
use tandem_package::release::{Outcome, Progress, ReleaseInput, build_release};

pub(crate) fn run(
    context: &Context,
    release: Option<&str>,
    output: &Path,
    json: bool,
) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let project = Project::load(&Source::work_tree(&space.root))?;
    let specs: Vec<Spec> = project
        .specs
        .iter()
        .flatten()
        .map(|(_, spec)| spec.clone())
        .collect();
    let version = match release {
        Some(version) => version.to_owned(),
        None => std::fs::read_to_string(space.root.join("VERSION"))
            .map(|text| text.trim().to_owned())
            .map_err(|_| {
                Problem::invalid("which version shall the release have?")
                    .hint("--release 1.0.0, or a file VERSION in the project")
            })?,
    };
    let key = space.signing_key(&KeyRole::Release)?;
    let helper = contact::helper(&space)?;
    let daemon = contact::daemon()?;
    let source = space.source();
    let input = ReleaseInput {
        version: &version,
        project: &space.root,
        dist: &space.root.join(output),
        specs: &specs,
        source: &source,
        date: space.source_date(&specs)?,
        tandem: env!("CARGO_PKG_VERSION"),
        helper: &helper.bytes,
        daemon: daemon.as_deref(),
        key: &key,
    };
    let terminal = context.terminal;
    let outcome = build_release(&input, &mut |progress| {
        if let Progress::Building {
            package,
            number,
            of,
        } = progress
        {
            terminal.say(&format!("[{number}/{of}] {package}"));
        }
    })
    .map_err(|error| Problem::invalid(chain(&error)))?;
    let built = outcome.release();
    let new = matches!(outcome, Outcome::Built(_));
    if json {
        let document = serde_json::json!({
            "api_version": FORMAT,
            "version": version,
            "directory": built.directory(),
            "digest": built.reference().digest,
            "new": new,
            "packages": built.manifest().packages,
        });
        terminal.result(&show::json(&document)?);
    } else {
        let words = if new {
            "built"
        } else {
            "was built before, with the same content"
        };
        terminal.result(&format!(
            "{} {words}: {} in {}, manifest {}\n",
            terminal.paint(Tone::Strong, &version),
            show::counted(built.manifest().packages.len(), "package"),
            built.directory().display(),
            built.reference().digest.short()
        ));
    }
    Ok(Exit::Done)
}
