//! Building the nine packages: `tandem build` beside rpmbuild, with the same
//! files, the same compression and the same change log.

use super::place::Place;
use super::samples::Samples;
use super::work;
use crate::checkout::Checkout;
use crate::process::{self, quietly};
use anyhow::{Context as _, Result, bail, ensure};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The packages of the platform, and stand-ins for them where their specs are
/// not in this checkout: bytes of the payload that compress, and that do not.
const STAND_INS: [(&str, usize, usize); 9] = [
    ("gbroker-backend", 60_000, 0),
    ("gbroker-frontend", 120_000, 0),
    ("gbroker-gatekeeper", 400_000, 1_600_000),
    ("gbroker-licensing", 300_000, 1_200_000),
    ("gbroker-o_m", 300_000, 1_600_000),
    ("gbroker-pos", 60_000, 0),
    ("gbroker-snmp", 120_000, 0),
    ("gbroker-swupgrade", 300_000, 1_200_000),
    ("gbrokertunning", 30_000, 0),
];

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Builds {
    pub(super) packages: usize,
    pub(super) stand_ins: bool,
    /// Bytes of the packages' payload.
    pub(super) bytes: u64,
    pub(super) tandem: Samples,
    pub(super) one_after_the_other: Samples,
    pub(super) all_at_once: Samples,
}

/// Measures in turn, and compares two builds of the same tree byte by byte.
pub(super) fn measure(
    checkout: &Checkout,
    place: &Place,
    runs: usize,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Builds> {
    let root = place.root().join("packages");
    if root.exists() {
        std::fs::remove_dir_all(&root)?;
    }
    let project = root.join("project");
    let mut builds = Builds {
        stand_ins: !take_specs(checkout, &project)?,
        ..Builds::default()
    };
    if builds.stand_ins {
        write_stand_ins(&project)?;
    }
    quietly(&mut place.tandem_in(&project, &["key", "init"]))?;
    // One build to read packages back from: what rpmbuild shall pack is what is in them.
    let first = build(place, &project, "first")?;
    let sources = Sources::of_release(&first.0, &root.join("rpmbuild"))?;
    builds.packages = sources.specs.len();
    builds.bytes = sources.bytes;
    for run in 0..runs {
        go_on()?;
        let (again, took) = build(place, &project, &format!("run{run}"))?;
        must_be_same(&first.0, &again)?;
        builds.tandem.add(took);
        builds.one_after_the_other.add(sources.build(1, run)?);
        builds
            .all_at_once
            .add(sources.build(sources.specs.len(), run)?);
    }
    Ok(builds)
}

/// Copies the checkout's specs; false if it has none.
fn take_specs(checkout: &Checkout, project: &Path) -> Result<bool> {
    for part in ["roles", "profiles", "specs", "templates"] {
        std::fs::create_dir_all(project.join(part))?;
    }
    std::fs::create_dir_all(project.join("inventories"))?;
    let specs = checkout.root.join("specs");
    let any = std::fs::read_dir(&specs)
        .with_context(|| format!("reading {}", specs.display()))?
        .flatten()
        .any(|entry| entry.path().extension().is_some_and(|end| end == "yaml"));
    if !any {
        return Ok(false);
    }
    process::must(
        process::command("cp")
            .args(["--recursive", "--dereference", "--no-target-directory"])
            .args([&specs, &project.join("specs")]),
    )?;
    // Specs name units of roles.
    for part in ["roles", "profiles", "templates"] {
        process::must(
            process::command("cp")
                .args(["--recursive", "--dereference", "--no-target-directory"])
                .args([&checkout.root.join(part), &project.join(part)]),
        )?;
    }
    Ok(true)
}

fn write_stand_ins(project: &Path) -> Result<()> {
    for (number, (name, text, noise)) in STAND_INS.iter().enumerate() {
        let payload = project.join("specs").join(name);
        let mut lines = String::new();
        while lines.len() < *text {
            let _ = writeln!(lines, "setting_{} = {name}", lines.len());
        }
        // Some twenty files, as a configuration or an unpacked application has.
        for (piece, part) in lines.as_bytes().chunks(text.div_ceil(20)).enumerate() {
            work::write(&payload.join(format!("payload/{piece:02}.conf")), part)?;
        }
        if *noise > 0 {
            work::write(
                &payload.join("payload/application.war"),
                &work::noise(number as u64 + 1, *noise),
            )?;
        }
        let spec = format!(
            "summary: Stand-in for {name}\nversion: 1.0.0\nlicense: MIT OR Apache-2.0\n\
             group: Applications/Internet\ndescription: Stands in for {name}.\n\
             files:\n  - {{path: /opt/{name}, tree: payload}}\n\
             changelog:\n  - date: 2026-11-20\n    author: tandem maintainers <maintainers@tandem.invalid>\n    \
             version: 1.0.0-1\n    lines: [First]\n"
        );
        work::write(&project.join(format!("specs/{name}.yaml")), spec.as_bytes())?;
    }
    Ok(())
}

/// `tandem build` into a directory of its own.
fn build(place: &Place, project: &Path, name: &str) -> Result<(PathBuf, Duration)> {
    let dist = format!("dist-{name}");
    let mut command = place.tandem_in(project, &["build", "--release", "1.0.0", "--output", &dist]);
    let begun = Instant::now();
    quietly(&mut command)?;
    let took = begun.elapsed();
    Ok((project.join(dist).join("1.0.0"), took))
}

fn must_be_same(one: &Path, other: &Path) -> Result<()> {
    let difference = process::caught(
        process::command("diff")
            .args(["--recursive", "--brief"])
            .args([one, other]),
    )?;
    if !difference.status.success() {
        bail!(
            "two builds of the same tree differ:\n{}",
            String::from_utf8_lossy(&difference.stdout)
        );
    }
    Ok(())
}

/// What rpmbuild is given.
struct Sources {
    root: PathBuf,
    specs: Vec<PathBuf>,
    bytes: u64,
}

impl Sources {
    /// Unpacks the release's packages and writes a spec file for each.
    fn of_release(release: &Path, root: &Path) -> Result<Self> {
        let mut sources = Self {
            root: root.to_owned(),
            specs: Vec::new(),
            bytes: 0,
        };
        let mut packages = Vec::new();
        collect(release, &mut packages)?;
        packages.sort();
        for package in packages {
            sources.add(&package)?;
        }
        ensure!(!sources.specs.is_empty(), "the release has no packages");
        Ok(sources)
    }

    fn add(&mut self, package: &Path) -> Result<()> {
        let ask = |format: &str| {
            process::text(
                process::command("rpm")
                    .args(["-qp", "--nosignature", "--queryformat", format])
                    .arg(package),
            )
        };
        let name = ask("%{NAME}")?;
        let tree = self.root.join("trees").join(&name);
        std::fs::create_dir_all(&tree)?;
        let unpack = process::caught(
            process::command("sh")
                .args(["-c", "rpm2cpio \"$1\" | cpio --extract --make-directories --quiet --unconditional --no-absolute-filenames"])
                .arg("unpack")
                .arg(package)
                .current_dir(&tree),
        )?;
        ensure!(
            unpack.status.success(),
            "unpacking {}: {}",
            package.display(),
            String::from_utf8_lossy(&unpack.stderr)
        );
        let lines = ask("[%{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\\n]")?;
        let mut files = String::new();
        for line in lines.lines() {
            let mut words = line.splitn(4, ' ');
            let (Some(mode), Some(user), Some(group), Some(path)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let directory = if mode.trim_start_matches('0').starts_with("40") {
                "%dir "
            } else {
                ""
            };
            let bits = &mode[mode.len().saturating_sub(4)..];
            let mode = if mode.trim_start_matches('0').starts_with("12") {
                "-"
            } else {
                bits
            };
            let _ = writeln!(
                files,
                "%attr({mode}, {user}, {group}) {directory}\"{path}\""
            );
        }
        self.bytes += ask("%{LONGSIZE}")?.trim().parse::<u64>().unwrap_or(0);
        let compressor = ask("%{PAYLOADCOMPRESSOR} %{PAYLOADFLAGS}")?;
        let level = compressor
            .strip_prefix("zstd ")
            .with_context(|| format!("{name} is compressed as {compressor}"))?;
        let spec = format!(
            "Name: {name}\nVersion: {}\nRelease: {}\nSummary: {}\nLicense: {}\nGroup: {}\n\
             BuildArch: {}\nAutoReqProv: no\n%define _binary_payload w{level}.zstdio\n\
             %define _build_id_links none\n%define debug_package %{{nil}}\n\
             %define __os_install_post %{{nil}}\n\
             %description\n{}\n\
             %install\nmkdir -p %{{buildroot}}\ncp -a {}/. %{{buildroot}}\n\
             %files\n{files}\
             %changelog\n* Fri Nov 20 2026 tandem maintainers <maintainers@tandem.invalid> - 1.0.0-1\n- First\n",
            ask("%{VERSION}")?,
            ask("%{RELEASE}")?,
            ask("%{SUMMARY}")?,
            ask("%{LICENSE}")?,
            ask("%{GROUP}")?,
            ask("%{ARCH}")?,
            ask("%{DESCRIPTION}")?,
            tree.display(),
        );
        let path = self.root.join(format!("{name}.spec"));
        work::write(&path, spec.as_bytes())?;
        self.specs.push(path);
        Ok(())
    }

    /// Builds all, so many at the same time.
    fn build(&self, together: usize, run: usize) -> Result<Duration> {
        let top = self.root.join(format!("top-{together}-{run}"));
        let begun = Instant::now();
        for batch in self.specs.chunks(together) {
            let mut children = Vec::new();
            for spec in batch {
                let name = spec.file_stem().unwrap_or_default();
                let log = top.join(name).with_extension("log");
                work::write(&log, b"")?;
                let file = std::fs::File::create(&log)?;
                let child = process::command("rpmbuild")
                    .args(["-bb", "--quiet", "--define"])
                    .arg(format!("_topdir {}", top.join(name).display()))
                    .arg(spec)
                    .stdin(Stdio::null())
                    .stdout(file.try_clone()?)
                    .stderr(file)
                    .spawn()
                    .context("running rpmbuild")?;
                children.push((child, log));
            }
            for (mut child, log) in children {
                if !child.wait()?.success() {
                    bail!(
                        "rpmbuild failed:\n{}",
                        std::fs::read_to_string(&log).unwrap_or_default()
                    );
                }
            }
        }
        let took = begun.elapsed();
        let mut built = Vec::new();
        collect(&top, &mut built)?;
        ensure!(
            built.len() == self.specs.len(),
            "rpmbuild made {} packages of {}",
            built.len(),
            self.specs.len()
        );
        Ok(took)
    }
}

/// All packages below a directory, but not tandem's own helper.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(directory)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, found)?;
        } else if work::is_package(&path) && !name.starts_with("tandem-host") {
            found.push(path);
        }
    }
    Ok(())
}
