//! What is to be done on each host: the same package, the same twenty files and
//! one service for every contender, and how it looks when it is done.

use crate::process;
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Files to render.
pub(super) const FILES: usize = 20;
/// Lines of each.
const LINES: usize = 20;
/// Pieces of the package.
const PIECES: usize = 8;
/// Bytes of each: 2 MB together.
const PIECE_BYTES: usize = 256 * 1024;
/// A param of the role, and a variable of the rivals.
pub(super) const GREETING: &str = "hello";
/// The service that is there before anybody comes, and restarted once.
pub(super) const SERVICE: &str = "\
[Unit]
Description=The service of the benchmark
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
";
/// Version of the release and of the package in it.
pub(super) const VERSION: &str = "1.0.0";

/// Name of a rendered file.
pub(super) fn file_name(number: usize) -> String {
    format!("{number:02}.conf")
}

/// A template, in the words that tera and Jinja share.
fn template(number: usize) -> String {
    let mut text = String::new();
    for line in 1..=LINES {
        let _ = writeln!(
            text,
            "setting_{number}_{line} = {{{{ params.greeting }}}} from {{{{ host.name }}}}"
        );
    }
    text
}

/// What must come out of a template.
pub(super) fn rendered(number: usize, host: &str) -> String {
    template(number)
        .replace("{{ params.greeting }}", GREETING)
        .replace("{{ host.name }}", host)
}

/// Bytes that no compression makes smaller, the same in every run
/// (xorshift64, G. Marsaglia 2003).
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Writes the project's roles, profiles, templates and the spec; inventories
/// come with the fleets.
pub(super) fn write_project(root: &Path) -> Result<()> {
    let mut files = String::new();
    for number in 1..=FILES {
        let name = file_name(number);
        write(
            &root.join("templates/bench").join(&name),
            template(number).as_bytes(),
        )?;
        let _ = write!(
            files,
            "  - path: /etc/bench/{name}\n    template: bench/{name}\n    restarts: app\n"
        );
    }
    let role = format!(
        "summary: The benchmark's host\n\
         params:\n  greeting: {{type: text, help: stands in every file}}\n\
         packages: [bench-data]\nfiles:\n{files}\
         units:\n  app: {{run: started, enabled: true}}\n"
    );
    write(&root.join("roles/bench.yaml"), role.as_bytes())?;
    write(
        &root.join("profiles/debian12.yaml"),
        b"summary: Debian 12\nunits: {app: bench-app.service}\n",
    )?;
    for piece in 0..PIECES {
        write(
            &root.join(format!("specs/bench-data/data/{piece}.bin")),
            &noise(piece as u64 + 1, PIECE_BYTES),
        )?;
    }
    let spec = format!(
        "summary: Data of the benchmark\nversion: {VERSION}\nlicense: MIT OR Apache-2.0\n\
         group: Applications/Internet\ndescription: Two megabytes that do not compress.\n\
         files:\n  - {{path: /opt/bench, tree: data}}\n\
         changelog:\n  - date: 2026-11-20\n    author: tandem maintainers <maintainers@tandem.invalid>\n    \
         version: {VERSION}-1\n    lines: [Data]\n"
    );
    write(&root.join("specs/bench-data.yaml"), spec.as_bytes())?;
    std::fs::create_dir_all(root.join("inventories"))?;
    Ok(())
}

/// The package that all install.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) file: PathBuf,
    /// rpm's SHA256HEADER, which is the same on a host that has it.
    pub(super) digest: String,
}

impl Package {
    /// Of the release that `tandem build` made.
    pub(super) fn of_release(directory: &Path) -> Result<Self> {
        let file = find(directory, "bench-data-")
            .with_context(|| format!("{} has no package bench-data", directory.display()))?;
        let digest = process::text(
            process::command("rpm")
                .args(["-qp", "--nosignature", "--queryformat", "%{SHA256HEADER}"])
                .arg(&file),
        )?;
        Ok(Self { file, digest })
    }
}

fn find(directory: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().find_map(|path| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        if path.is_dir() {
            find(path, prefix)
        } else {
            (name.starts_with(prefix) && is_package(path)).then(|| path.clone())
        }
    })
}

/// By the file's name.
pub(super) fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "rpm")
}

/// Digests of a host's files, as `sha256sum` prints them, from the content as
/// this program makes it: no contender's rendering is believed.
pub(super) fn expected_sums(scratch: &Path, host: &str) -> Result<String> {
    let directory = scratch.join(host);
    for number in 1..=FILES {
        write(
            &directory.join(file_name(number)),
            rendered(number, host).as_bytes(),
        )?;
    }
    let names: Vec<String> = (1..=FILES).map(file_name).collect();
    let sums = process::text(
        process::command("sha256sum")
            .current_dir(&directory)
            .args(&names),
    )?;
    Ok(sums.replace("  ", "  /etc/bench/"))
}

/// The same for the package's files, which are the same on all hosts.
pub(super) fn package_sums(project: &Path) -> Result<String> {
    let names: Vec<String> = (0..PIECES).map(|piece| format!("{piece}.bin")).collect();
    let sums = process::text(
        process::command("sha256sum")
            .current_dir(project.join("specs/bench-data/data"))
            .args(&names),
    )?;
    Ok(sums.replace("  ", "  /opt/bench/"))
}

/// Writes a file, with its directories.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_template_is_left_in_what_comes_out() {
        let text = rendered(3, "h01");
        assert_eq!(text.lines().count(), LINES);
        assert!(text.starts_with("setting_3_1 = hello from h01\n"), "{text}");
        assert!(!text.contains('{'));
    }

    #[test]
    fn noise_is_the_same_each_time_and_differs_by_seed() {
        assert_eq!(noise(1, 100), noise(1, 100));
        assert_ne!(noise(1, 100), noise(2, 100));
        assert_eq!(noise(3, 13).len(), 13);
    }
}
