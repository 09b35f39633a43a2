//! The role's validators, run against the staged files of the new host package
//! before anything is activated.

use crate::place::{Place, make_private};
use crate::process::{self};
use crate::refusal::{Attempt, Refused, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
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
    extract(&place.package(&package.file), tree)
}

/// Unpacks a package's payload; EL and Debian have both programs.
fn extract(package: &Path, tree: &Path) -> Result<()> {
    let what = || format!("unpack {}", package.display());
    let package_text = package.display().to_string();
    let unpacked = tree.with_extension("cpio");
    let result = (|| {
        let file = fs::File::create(&unpacked).attempt(what)?;
        restrict(&unpacked)?;
        let status = process::command(&["rpm2cpio", &package_text])
            .attempt(what)?
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(Stdio::null())
            .status()
            .attempt(what)?;
        if !status.success() {
            return Err(Refused::failed(format!(
                "cannot {}: rpm2cpio {status}",
                what()
            )));
        }
        let archive = fs::File::open(&unpacked).attempt(what)?;
        let output = process::command(&[
            "cpio",
            "--extract",
            "--make-directories",
            "--no-absolute-filenames",
            "--quiet",
        ])
        .attempt(what)?
        .current_dir(tree)
        .stdin(archive)
        .stdout(Stdio::null())
        .output()
        .attempt(what)?;
        if output.status.success() {
            Ok(())
        } else {
            Err(Refused::failed(format!(
                "cannot {}: cpio: {}",
                what(),
                String::from_utf8_lossy(&output.stderr).trim()
            )))
        }
    })();
    let _ = fs::remove_file(&unpacked);
    result
}

fn restrict(path: &PathBuf) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .attempt(|| format!("make {} private", path.display()))
}
