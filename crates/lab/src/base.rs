//! The base tree: a Debian that poses as an RPM host, built once and cached.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use crate::apt_sources::{self, SUITE};
use crate::disk;
use crate::error::{Error, IoContext as _, Result};
use crate::lock::Lock;
use crate::place::Places;
use crate::program::last_lines;
use crate::progress::Progress;
use crate::stub::{self, DebianPackage, Found, Kind, Names, Tree};

const PACKAGES: &str = include_str!("../base/packages.txt");
const STUB_NAMES: &str = include_str!("../base/stubs.txt");
const CONFIGURE: &str = include_str!("../base/configure.sh");
const STUBS: &str = include_str!("../base/stubs.sh");

/// Counts up when this file changes what it makes of the recipe.
const BUILDER: &str = "1";

/// What the tree can do without: saves a third of its size.
const EXCLUDED: &[&str] = &[
    // The directories stay: Java's packages put links there.
    "/usr/share/man/*/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    // Descriptions of clouds, for fence agents that no lab has a use for.
    "/usr/lib/python3/dist-packages/botocore/data/*/*",
];

/// The directory of the cached base tree that this version of the lab uses.
pub(crate) fn directory(places: &Places) -> PathBuf {
    let mut digest = Sha256::new();
    for part in [BUILDER, SUITE, PACKAGES, STUB_NAMES, CONFIGURE, STUBS]
        .iter()
        .chain(EXCLUDED)
    {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut hash = String::new();
    for byte in &digest.finalize()[..6] {
        let _ = write!(hash, "{byte:02x}");
    }
    places.cache.join(format!("base-{hash}"))
}

/// Returns the base tree, building it first if it is not cached. Of several processes one builds,
/// the others wait.
pub(crate) fn ensure(places: &Places, progress: &dyn Fn(Progress)) -> Result<PathBuf> {
    let base = directory(places);
    let tree = base.join("tree");
    if tree.is_dir() {
        progress(Progress::BaseReady {
            tree: tree.clone(),
            built_in: None,
        });
        return Ok(tree);
    }
    let lock = lock(places, progress)?;
    if tree.is_dir() {
        progress(Progress::BaseReady {
            tree: tree.clone(),
            built_in: None,
        });
        return Ok(tree);
    }
    let started = Instant::now();
    let building = places.cache.join("building");
    let log = places.cache.join("build.log");
    // A killed build may have left the machine's /dev mounted in it.
    disk::detach_all(&[&building])?;
    remove_tree(&building)?;
    fs::create_dir_all(&building).on("make the directory", &building)?;
    progress(Progress::BuildingBase { log: log.clone() });
    build(&building, &log, &lock, progress)?;
    fs::rename(&building, &base).on("move the finished base tree to", &base)?;
    progress(Progress::BaseReady {
        tree: tree.clone(),
        built_in: Some(started.elapsed()),
    });
    Ok(tree)
}

/// Removes all cached base trees.
pub(crate) fn purge(places: &Places) -> Result<()> {
    if !places.cache.is_dir() {
        return Ok(());
    }
    let _lock = lock(places, &crate::progress::silent)?;
    fs::remove_dir_all(&places.cache).on("remove", &places.cache)
}

fn lock(places: &Places, progress: &dyn Fn(Progress)) -> Result<Lock> {
    let path = places.cache.join("build.lock");
    Lock::take(&path, "another process that builds the base tree", progress)
}

fn remove_tree(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).on("remove", path),
        _ => Ok(()),
    }
}

fn build(building: &Path, log: &Path, lock: &Lock, progress: &dyn Fn(Progress)) -> Result<()> {
    let tree = building.join("tree");
    File::create(log).on("open the log", log)?;
    progress(Progress::BaseStep {
        what: "installing Debian packages",
    });
    let sources = apt_sources::read(Path::new("/etc/apt"))?;
    let mut command = Command::new("mmdebstrap");
    command
        .args(["--mode=root", "--variant=minbase", "--format=directory"])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!("--include={}", package_list(PACKAGES).join(",")));
    for pattern in EXCLUDED {
        command.arg(format!("--dpkgopt=path-exclude={pattern}"));
    }
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    command.arg(SUITE).arg(&tree);
    for (text, name) in [
        (&sources.one_line, "apt.list"),
        (&sources.deb822, "apt.sources"),
    ] {
        if !text.is_empty() {
            let file = building.join(name);
            fs::write(&file, text).on("write", &file)?;
            command.arg(file);
        }
    }
    logged(&mut command, log, lock)?;

    progress(Progress::BaseStep {
        what: "configuring the tree",
    });
    let script = tree.join("configure.sh");
    fs::write(&script, CONFIGURE).on("write", &script)?;
    logged(
        Command::new("chroot")
            .arg(&tree)
            .args(["/bin/sh", "/configure.sh"])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        log,
        lock,
    )?;
    fs::remove_file(&script).on("remove", &script)?;

    progress(Progress::BaseStep {
        what: "filling the rpm database",
    });
    let names = Names::parse(STUB_NAMES).map_err(|reason| Error::Base {
        reason: format!("base/stubs.txt: {reason}"),
        log: log.into(),
    })?;
    let packages = dpkg_database(&tree)?;
    let spec = building.join("stubs.spec");
    fs::write(
        &spec,
        stub::spec_text(&packages, &names, &OnDisk::new(&tree)?),
    )
    .on("write", &spec)?;
    let script = building.join("stubs.sh");
    fs::write(&script, STUBS).on("write", &script)?;
    logged(
        Command::new("unshare")
            .args(["--mount", "--propagation", "private", "/bin/sh"])
            .arg(&script)
            .arg(&tree)
            .arg(&spec),
        log,
        lock,
    )
}

/// Runs a step of the build with its output in the log.
fn logged(command: &mut Command, log: &Path, lock: &Lock) -> Result<()> {
    let failed = |reason: String| Error::Base {
        reason,
        log: log.into(),
    };
    let out = File::options()
        .append(true)
        .open(log)
        .on("open the log", log)?;
    let err = out.try_clone().on("open the log", log)?;
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(lock.lend()?)
        .stdout(out)
        .stderr(err)
        .status()
        .map_err(|e| failed(format!("{program} could not be run: {e}")))?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read_to_string(log).unwrap_or_default();
    Err(failed(format!(
        "{program} ended with {status}: {}",
        last_lines(&text, 4)
    )))
}

fn package_list(text: &str) -> Vec<&str> {
    text.lines()
        .map(|l| l.split('#').next().unwrap_or_default().trim())
        .filter(|l| !l.is_empty())
        .collect()
}

/// The tree as unpacked, with its own users and groups.
struct OnDisk<'a> {
    tree: &'a Path,
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl<'a> OnDisk<'a> {
    fn new(tree: &'a Path) -> Result<Self> {
        let names = |file: &str| {
            let path = tree.join(file);
            fs::read_to_string(&path)
                .on("read", path)
                .map(|text| names_by_id(&text))
        };
        Ok(Self {
            tree,
            users: names("etc/passwd")?,
            groups: names("etc/group")?,
        })
    }
}

/// `/etc/passwd` and `/etc/group` both begin with name, password and number.
fn names_by_id(text: &str) -> BTreeMap<u32, String> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
        })
        .collect()
}

impl Tree for OnDisk<'_> {
    fn look(&self, path: &str) -> Option<Found> {
        let path = path.strip_suffix("/.").unwrap_or(path);
        if path.is_empty() {
            return Some(Found {
                path: "/".to_owned(),
                kind: Kind::Directory,
                owner: None,
            });
        }
        let relative = Path::new(path.trim_start_matches('/'));
        let name = relative.file_name()?;
        // Only /bin, /sbin, /lib* lead elsewhere; their targets are relative, so this stays inside.
        let parent = self.tree.join(relative.parent()?).canonicalize().ok()?;
        let full = parent.join(name);
        let meta = full.symlink_metadata().ok()?;
        let inside = full.strip_prefix(self.tree).ok()?;
        let owner = ((meta.uid(), meta.gid()) != (0, 0))
            .then(|| {
                Some((
                    self.users.get(&meta.uid())?.clone(),
                    self.groups.get(&meta.gid())?.clone(),
                ))
            })
            .flatten();
        Some(Found {
            path: format!("/{}", inside.to_str()?),
            kind: if meta.is_dir() {
                Kind::Directory
            } else {
                Kind::Other
            },
            owner,
        })
    }
}

fn dpkg_database(tree: &Path) -> Result<Vec<DebianPackage>> {
    let status_path = tree.join("var/lib/dpkg/status");
    let status = fs::read_to_string(&status_path).on("read", &status_path)?;
    let mut packages = parse_status(&status);
    for (package, architecture) in &mut packages {
        let info = tree.join("var/lib/dpkg/info");
        let plain = info.join(format!("{}.list", package.name));
        let list = if plain.exists() {
            plain
        } else {
            info.join(format!("{}:{architecture}.list", package.name))
        };
        let text = fs::read_to_string(&list).on("read", &list)?;
        package.paths = text.lines().map(str::to_owned).collect();
    }
    Ok(packages.into_iter().map(|(package, _)| package).collect())
}

fn parse_status(text: &str) -> Vec<(DebianPackage, String)> {
    text.split("\n\n")
        .filter_map(|stanza| {
            let field = |key: &str| {
                stanza
                    .lines()
                    .find_map(|l| l.strip_prefix(key)?.strip_prefix(": "))
                    .map(str::to_owned)
            };
            if field("Status")? != "install ok installed" {
                return None;
            }
            let conffiles = stanza
                .lines()
                .skip_while(|l| *l != "Conffiles:")
                .skip(1)
                .take_while(|l| l.starts_with(' '))
                .filter_map(|l| l.split_whitespace().next())
                .map(str::to_owned)
                .collect();
            let package = DebianPackage {
                name: field("Package")?,
                version: field("Version")?,
                summary: field("Description").unwrap_or_else(|| "A Debian package".into()),
                paths: Vec::new(),
                conffiles,
            };
            Some((package, field("Architecture")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_list_has_what_a_host_cannot_do_without() {
        let list = package_list(PACKAGES);
        for needed in [
            "systemd-sysv",
            "openssh-server",
            "rpm",
            "netbase",
            "heartbeat",
        ] {
            assert!(list.contains(&needed), "{needed}");
        }
        assert!(list.iter().all(|p| !p.contains(' ')));
    }

    #[test]
    fn dpkg_status_gives_versions_and_configuration_files() {
        let text = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nConffiles:\n /etc/a 0123\n /etc/b 4567 obsolete\nDescription: it is a\n more\n\nPackage: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n";
        let parsed = parse_status(text);
        assert_eq!(parsed.len(), 1);
        let (package, architecture) = &parsed[0];
        assert_eq!(
            (package.version.as_str(), architecture.as_str()),
            ("1:2-3", "amd64")
        );
        assert_eq!(package.conffiles.len(), 2);
        assert!(package.conffiles.contains("/etc/b"));
    }
}
