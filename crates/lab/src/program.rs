//! Runs the programs of the system (ip, nft, mmdebstrap ...) and says which package a missing one is in.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result};
use crate::lock::Lock;

/// Programs the lab calls, and the Debian package of each.
const NEEDED: &[(&str, &str)] = &[
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    ("perl", "perl"),
    ("ssh-keygen", "openssh-client"),
];

/// Checks that the caller is root and that every needed program is there.
///
/// # Errors
/// [`Error::NotRoot`], or [`Error::MissingPrograms`] naming all that is absent at once.
pub fn check_requirements() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::NotRoot);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let missing = missing_from(NEEDED, |program| {
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    });
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<String> = missing.iter().map(|(_, p)| (*p).to_owned()).collect();
    packages.sort();
    packages.dedup();
    Err(Error::MissingPrograms {
        programs: missing.iter().map(|(p, _)| (*p).to_owned()).collect(),
        packages,
    })
}

fn missing_from<'a>(
    needed: &'a [(&'a str, &'a str)],
    found: impl Fn(&str) -> bool,
) -> Vec<&'a (&'a str, &'a str)> {
    needed
        .iter()
        .filter(|(program, _)| !found(program))
        .collect()
}

/// Runs a program that changes something to its end; anything but exit code 0 is an error that carries
/// the end of its standard error. The lock is lent to it.
pub(crate) fn run(attempted: &str, command: &mut Command, lock: &Lock) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(lock.lend()?)
        .output()
        .map_err(|e| failed_to_start(attempted, &name, &e))?;
    judge(attempted, &name, &output)
}

/// As [`run`], with text on standard input.
pub(crate) fn run_with_input(
    attempted: &str,
    command: &mut Command,
    input: &str,
    lock: &Lock,
) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    // Such programs write nothing to standard output, so that is where the lock is lent.
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(lock.lend()?)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed_to_start(attempted, &name, &e))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops reading early says why on stderr; that is the better message.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(|e| failed_to_start(attempted, &name, &e))?;
    judge(attempted, &name, &output)
}

fn failed_to_start(attempted: &str, program: &str, cause: &std::io::Error) -> Error {
    Error::Program {
        attempted: attempted.to_owned(),
        program: program.to_owned(),
        outcome: format!("could not be run ({cause})"),
        stderr: String::new(),
    }
}

fn judge(attempted: &str, program: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Program {
        attempted: attempted.to_owned(),
        program: program.to_owned(),
        outcome: format!("ended with {}", output.status),
        stderr: last_lines(&String::from_utf8_lossy(&output.stderr), 5),
    })
}

/// The last `count` non-empty lines, joined for an error message.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_missing_programs_are_named_at_once() {
        let needed = [("ip", "iproute2"), ("nft", "nftables"), ("mount", "mount")];
        let missing = missing_from(&needed, |p| p == "nft");
        assert_eq!(missing, [&("ip", "iproute2"), &("mount", "mount")]);
    }

    #[test]
    fn a_failed_program_reports_its_own_words() {
        let path =
            std::env::temp_dir().join(format!("tandem-lab-{}-program.lock", std::process::id()));
        let lock = Lock::take(&path, "nobody", &|_| ()).unwrap();
        let error = run(
            "list nothing",
            Command::new("ls").arg("/nonexistent-entry"),
            &lock,
        )
        .unwrap_err();
        lock.remove();
        let text = error.to_string();
        assert!(
            text.starts_with("could not list nothing: ls ended with"),
            "{text}"
        );
        assert!(text.contains("/nonexistent-entry"), "{text}");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines("a\n\nb\nc\n", 2), "b | c");
    }
}
