//! `cargo xtask docs`: what is generated from the program itself, so that it
//! cannot say something else than the program does.

use crate::checkout::Checkout;
use crate::{process, situations};
use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Directories that hold nothing but what is generated.
const DIRECTORIES: &[&str] = &["docs/man", "docs/completions", "docs/schema"];
/// Generated files outside of them.
const FILES: &[&str] = &[
    "docs/cli.md",
    "docs/clusterd-cli.md",
    "docs/clusterd-situations.md",
    "Vagrantfile",
];
/// Shells with completions, and what comes before and after the program's name in the
/// name of their file.
const SHELLS: &[(&str, &str, &str)] = &[
    ("bash", "", ".bash"),
    ("zsh", "_", ""),
    ("fish", "", ".fish"),
];
/// Characters in a line of a help text.
const WIDTH: &str = "100";

/// Makes them, or compares them. True if they are current.
pub(crate) fn run(checkout: &Checkout, check: bool) -> Result<bool> {
    let fresh = checkout.target.join("docs");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).with_context(|| format!("removing {}", fresh.display()))?;
    }
    generate(checkout, &fresh)?;
    let kept = &checkout.root;
    let (new, old) = (read(&fresh)?, read(kept)?);
    let mut differing = Vec::new();
    for name in new.keys().chain(old.keys()) {
        if new.get(name) != old.get(name) && !differing.contains(&name) {
            differing.push(name);
        }
    }
    if check {
        for name in &differing {
            eprintln!(
                "{}: not current; `cargo xtask docs` makes it so",
                name.display()
            );
        }
        return Ok(differing.is_empty());
    }
    for name in differing {
        let path = kept.join(name);
        if let Some(bytes) = new.get(name) {
            let parent = path.parent().context("it lies in a directory")?;
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, bytes))
                .with_context(|| format!("writing {}", path.display()))?;
            eprintln!("wrote {}", path.display());
        } else {
            std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
            eprintln!("removed {}", path.display());
        }
    }
    Ok(true)
}

fn generate(checkout: &Checkout, fresh: &Path) -> Result<()> {
    let programs = checkout.build_all()?;
    let (tandem, clusterd) = (programs.join("tandem"), programs.join("clusterd"));
    for directory in DIRECTORIES {
        let path = fresh.join(directory);
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    }
    let heading = "The command line";
    command_line(
        "tandem",
        &tandem,
        heading,
        &fresh.join("docs/cli.md"),
        fresh,
    )?;
    let heading = "The command line of clusterd";
    let reference = fresh.join("docs/clusterd-cli.md");
    command_line("clusterd", &clusterd, heading, &reference, fresh)?;
    let page = situations::page(&checkout.root, &clusterd)?;
    let path = fresh.join("docs/clusterd-situations.md");
    std::fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    process::must(
        process::command(&programs.join("schemas").to_string_lossy())
            .arg(fresh.join("docs/schema")),
    )?;
    process::must(
        process::command(&tandem.to_string_lossy())
            .current_dir(&checkout.root)
            .args(["vagrant", "-i", "dev", "-o"])
            .arg(fresh.join("Vagrantfile"))
            .stdout(Stdio::null()),
    )?;
    Ok(())
}

/// Man pages, completions and reference of a program.
fn command_line(
    name: &str,
    program: &Path,
    heading: &str,
    reference: &Path,
    fresh: &Path,
) -> Result<()> {
    process::must(
        process::command(&program.to_string_lossy())
            .args(["man", "-o"])
            .arg(fresh.join("docs/man")),
    )?;
    for (shell, before, after) in SHELLS {
        let text = process::text(
            process::command(&program.to_string_lossy()).args(["completions", shell]),
        )?;
        let file = format!("{before}{name}{after}");
        std::fs::write(fresh.join("docs/completions").join(file), text)?;
    }
    let mut text =
        format!("# {heading}\n\nMade from the program's own help by `cargo xtask docs`.\n");
    describe(name, program, &[], &mut text)?;
    std::fs::write(reference, text).with_context(|| format!("writing {}", reference.display()))
}

/// A command's help, then that of its commands.
fn describe(program: &str, path: &Path, words: &[String], text: &mut String) -> Result<()> {
    let mut command = Command::new(path);
    // The width of the terminal, where there is one, is nobody else's business.
    let help = process::text(
        command
            .args(words)
            .arg("--help")
            .env("COLUMNS", WIDTH)
            .env("NO_COLOR", "1"),
    )?;
    let name = [vec![program.to_owned()], words.to_vec()]
        .concat()
        .join(" ");
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        text,
        "\n## {name}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    for next in commands(&help) {
        describe(program, path, &[words, &[next]].concat(), text)?;
    }
    Ok(())
}

/// Names in the section "Commands:" of a help text.
fn commands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// What is generated, below a root, by its path there.
fn read(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut add = |name: PathBuf| -> Result<()> {
        let path = directory.join(&name);
        if path.is_file() {
            let bytes =
                std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            files.insert(name, bytes);
        }
        Ok(())
    };
    for file in FILES {
        add(PathBuf::from(file))?;
    }
    for part in DIRECTORIES {
        for entry in std::fs::read_dir(directory.join(part))
            .into_iter()
            .flatten()
        {
            add(Path::new(part).join(entry?.file_name()))?;
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_help() {
        let help = "What\n\nUsage: x\n\nCommands:\n  check  Validate;\n         more\n  lab    A twin\n  help   Print\n\nOptions:\n  -h\n";
        assert_eq!(commands(help), ["check", "lab"]);
        assert!(commands("Usage: x\n\nOptions:\n  -h\n").is_empty());
    }
}
