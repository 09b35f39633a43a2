//! `tandem check`.

use super::Context;
use crate::environment::Environment;
use crate::failure::{Exit, Problem};
use crate::show;
use serde_json::json;
use tandem_generation::FORMAT;
use tandem_model::{Mistakes, Project, Source};

pub(crate) fn run(context: &Context, inventory: Option<&str>, json: bool) -> Result<Exit, Problem> {
    let space = context.workspace()?;
    let project = Project::load(&Source::work_tree(&space.root))?;
    let names = match inventory {
        Some(name) => vec![name.to_owned()],
        None => project.inventories(),
    };
    let mut mistakes = Mistakes::default();
    let mut problem: Option<Problem> = None;
    let mut hosts = 0;
    let mut files = 0;
    for (name, spec) in project.specs.iter().flatten() {
        for wrong in tandem_package::check(spec) {
            let all = problem.get_or_insert_with(nothing);
            all.lines.push(format!("specs/{name}.yaml: {wrong}"));
        }
    }
    for name in &names {
        match Environment::of_work_tree(&space, name).and_then(|found| found.render_all()) {
            Ok(rendered) => {
                hosts += rendered.len();
                files += rendered.iter().map(|host| host.files.len()).sum::<usize>();
            }
            Err(found) => {
                if let Some(found) = found.mistakes {
                    mistakes.extend(found);
                }
                if !found.lines.is_empty() {
                    let all = problem.get_or_insert_with(nothing);
                    all.lines.extend(found.lines);
                    all.hints.extend(found.hints);
                }
            }
        }
    }
    if json {
        let lines = problem
            .as_ref()
            .map(|problem| problem.lines.clone())
            .unwrap_or_default();
        let document = json!({
            "api_version": FORMAT,
            "inventories": names,
            "hosts": hosts,
            "files": files,
            "mistakes": mistakes,
            "errors": lines,
        });
        context.terminal.result(&show::json(&document)?);
        let good = mistakes.is_empty() && problem.is_none();
        return Ok(if good { Exit::Done } else { Exit::Invalid });
    }
    if !mistakes.is_empty() {
        let mut whole = Problem::from(mistakes);
        if let Some(problem) = problem {
            whole.lines = problem.lines;
            whole.hints = problem.hints;
        }
        return Err(whole);
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    context.terminal.result(&format!(
        "{}: good ({hosts} hosts, {files} files)\n",
        names.join(", ")
    ));
    Ok(Exit::Done)
}

/// What is wrong, before anything is.
fn nothing() -> Problem {
    Problem {
        exit: Exit::Invalid,
        lines: Vec::new(),
        hints: Vec::new(),
        mistakes: None,
    }
}
