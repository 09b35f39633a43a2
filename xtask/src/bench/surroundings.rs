//! The machine and the versions that numbers belong to.

use super::place::Place;
use crate::checkout::Checkout;
use crate::process;
use anyhow::Result;
use std::time::Duration;

/// What stands beside the tables.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Processors, memory, kernel.
    pub(super) machine: String,
    /// Programs with their versions.
    pub(super) versions: Vec<String>,
    /// Day of the run.
    pub(super) day: String,
    pub(super) took: Duration,
}

/// Load average over one minute.
pub(super) fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

pub(super) fn look(checkout: &Checkout, place: &Place) -> Result<Surroundings> {
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = field(&processors, "model name").unwrap_or("unknown processor");
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let gigabytes = field(&memory, "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        .div_ceil(1 << 20);
    let kernel = process::text(process::command("uname").arg("-r"))?;
    let commit = process::text(process::command("git").current_dir(&checkout.root).args([
        "rev-parse",
        "--short",
        "HEAD",
    ]))?;
    let mut versions = vec![format!(
        "{}, commit {}",
        first_line(process::command(&place.tandem.to_string_lossy()).arg("--version")),
        commit.trim()
    )];
    let pip = place.venv().join("bin/pip");
    if pip.exists() {
        let list = process::text(process::command(&pip.to_string_lossy()).args([
            "list",
            "--disable-pip-version-check",
            "--format=freeze",
        ]))?;
        versions.extend(
            list.lines()
                .filter(|line| {
                    ["ansible-core==", "mitogen==", "pyinfra=="]
                        .iter()
                        .any(|name| line.starts_with(name))
                })
                .map(|line| line.replace("==", " ")),
        );
    }
    versions.push(first_line(process::command("rpm").arg("--version")));
    versions.push(ssh_version()?);
    Ok(Surroundings {
        machine: format!(
            "{count} processors ({model}), {gigabytes} GB, Linux {}",
            kernel.trim()
        ),
        versions,
        day: process::text(process::command("date").args(["-u", "+%Y-%m-%d"]))?
            .trim()
            .to_owned(),
        took: Duration::ZERO,
    })
}

/// ssh says its version on standard error.
fn ssh_version() -> Result<String> {
    let output = process::caught(process::command("ssh").arg("-V"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text
        .split([',', ' '])
        .next()
        .unwrap_or_default()
        .replace('_', " "))
}

fn first_line(command: &mut std::process::Command) -> String {
    process::text(command)
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or("unknown")
        .to_owned()
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_kernel_s_tables_are_found() {
        assert_eq!(
            field("a: 1\nmodel name\t: X y\n", "model name"),
            Some("X y")
        );
        assert_eq!(field("a: 1\n", "b"), None);
    }
}
