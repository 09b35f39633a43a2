//! The role's validators, run against the staged files of the new host package
//! before anything is activated.

use crate::place::{Place, make_private};
use crate::process;
use crate::refusal::{Attempt, Refused, Result};
use crate::rpm;
use std::fs;
use std::path::Path;
use tandem_generation::{Command, Order, Validator, place as constants};

/// Runs all validators of an order: what was proven, and what could not be run.
pub fn run(place: &Place, order: &Order) -> Result<(Vec<String>, Vec<String>)> {
    if order.validators.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    make_private(&place.scratch())?;
    let tree = place.scratch().join("staged");
    let _ = fs::remove_dir_all(&tree);
    make_private(&tree)?;
    let result = lay_out(place, order, &tree).and_then(|()| judge(order, &tree));
    // Secrets are in there.
    let removed = fs::remove_dir_all(&tree).attempt(|| format!("remove {}", tree.display()));
    let proven = result?;
    removed?;
    Ok(proven)
}

fn judge(order: &Order, tree: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let mut proven = Vec::new();
    let mut skipped = Vec::new();
    for validator in &order.validators {
        let program = validator.command.argv.first().map_or("", String::as_str);
        if !Path::new(program).exists() && !program.contains('{') {
            skipped.push(format!(
                "{}: {program} is not on this host yet",
                validator.name
            ));
            continue;
        }
        for command in commands(validator, tree) {
            let result = process::run_command(&command);
            if result.exit != Some(0) {
                return Err(refusal(order, validator, &result, tree));
            }
        }
        proven.push(format!(
            "{} accepts {}",
            validator.name,
            validator.files.join(", ")
        ));
    }
    Ok((proven, skipped))
}

/// One command, or one for each file where an argument asks for the path.
fn commands(validator: &Validator, tree: &Path) -> Vec<Command> {
    let with = |path: &str| Command {
        argv: validator
            .command
            .argv
            .iter()
            .map(|argument| {
                argument
                    .replace("{root}", &tree.display().to_string())
                    .replace("{path}", path)
            })
            .collect(),
        ..validator.command.clone()
    };
    let by_file = validator
        .command
        .argv
        .iter()
        .any(|argument| argument.contains("{path}"));
    if !by_file {
        return vec![with("")];
    }
    validator
        .files
        .iter()
        .map(|file| {
            let staged = tree.join(file.trim_start_matches('/'));
            if staged.exists() {
                with(&staged.display().to_string())
            } else {
                with(file)
            }
        })
        .collect()
}

fn refusal(
    order: &Order,
    validator: &Validator,
    result: &tandem_generation::CommandResult,
    tree: &Path,
) -> Refused {
    let secret = order.forward.target.as_ref().is_some_and(|target| {
        validator
            .files
            .iter()
            .any(|path| target.content.file(path).is_some_and(|file| file.secret))
    });
    let how = result.exit.map_or_else(
        || "did not end".to_owned(),
        |exit| format!("exit status {exit}"),
    );
    let said = if secret {
        // A parser quotes the line that it does not like.
        "its output is not shown, because it judges a secret file".to_owned()
    } else {
        format!("{}\n{}", result.stdout.trim(), result.stderr.trim())
            .trim()
            .replace(&tree.display().to_string(), "")
    };
    Refused::unproven(format!(
        "{} does not accept {} ({how}): {said}",
        validator.name,
        validator.files.join(", ")
    ))
}

fn lay_out(place: &Place, order: &Order, tree: &Path) -> Result<()> {
    let Some(package) = order
        .forward
        .target
        .as_ref()
        .and_then(|target| target.content.package(constants::CONFIG_PACKAGE))
    else {
        return Ok(());
    };
    // rpm itself unpacks it, into a root of its own: neither cpio nor tar need
    // be there.
    let ended = rpm::run(
        &[
            "rpm",
            "--root",
            &tree.display().to_string(),
            "--dbpath",
            "/.rpm",
            "-U",
            "--nodeps",
            "--noscripts",
            "--notriggers",
            "--nosignature",
            "--",
            &place.package(&package.file).display().to_string(),
        ]
        .map(str::to_owned),
    )?;
    if ended.is_good() {
        return Ok(());
    }
    Err(Refused::failed(format!(
        "cannot lay out the files of {} for validation ({}): {}",
        package.id,
        ended.how(),
        ended.said()
    )))
}
