//! Runs programs: with their output on the terminal, or caught.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

/// A command without what `cargo run` put into our environment: build scripts
/// that look at it would run again and again.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let cargos_own = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || matches!(name, "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "OUT_DIR")
        });
        if cargos_own {
            command.env_remove(name);
        }
    }
    command
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

/// Runs it with our own terminal. True if it ended well.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("running {}", shown(command)))?;
    Ok(status.success())
}

/// As [`succeeds`]; anything else is an error.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    if !succeeds(command)? {
        bail!("{} failed", shown(command));
    }
    Ok(())
}

/// Runs it silently, whatever becomes of it.
pub(crate) fn caught(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {}", shown(command)))
}

/// Runs a command; what it says is shown only if it fails.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    let output = caught(command)?;
    if !output.status.success() {
        bail!(
            "{} ended with {}\n{}{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// What it wrote to standard output; an error, with what it wrote to standard
/// error, if it did not end well.
pub(crate) fn text(command: &mut Command) -> Result<String> {
    let output = caught(command)?;
    if !output.status.success() {
        bail!(
            "{} ended with {}\n{}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} wrote something that is not text", shown(command)))
}

/// Which of a program's outputs is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Errors,
}

/// Runs it, repeats one of its outputs on our standard error and shows each
/// line of it. True if it ended well.
pub(crate) fn overheard(
    command: &mut Command,
    stream: Stream,
    mut line: impl FnMut(&str),
) -> Result<bool> {
    command.stdin(Stdio::null());
    match stream {
        Stream::Output => command.stdout(Stdio::piped()),
        Stream::Errors => command.stderr(Stdio::piped()),
    };
    let mut child = command
        .spawn()
        .with_context(|| format!("running {}", shown(command)))?;
    let pipe: Option<Box<dyn Read>> = match stream {
        Stream::Output => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Stream::Errors => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    if let Some(pipe) = pipe {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            eprint!("{text}");
            line(text.trim_end());
            bytes.clear();
        }
    }
    Ok(child.wait()?.success())
}
