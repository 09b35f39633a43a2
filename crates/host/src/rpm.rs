//! rpm as a program: queries and transactions, always on the host's database,
//! never interrupted.

use crate::place::Place;
use crate::process::{self, Bounds, Ended};
use crate::refusal::{Attempt, Refused, Result};
use std::collections::BTreeMap;
use std::path::Path;
use tandem_generation::{Digest, InstalledPackage, PackageId, place as constants};

const PACKAGE_FORMAT: &str = "P\\t%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SHA256HEADER}\\n";
const FILE_FORMAT: &str = "[F\\t%{=NAME}\\t%{FILENAMES}\\t%{FILEDIGESTS}\\t%{FILEMODES:octal}\\t%{FILEFLAGS}\\t%{FILEUSERNAME}\\t%{FILEGROUPNAME}\\t%{FILELINKTOS}\\n]";
/// `RPMFILE_GHOST`: owned without content.
const GHOST: u32 = 1 << 6;

/// A file, directory or link of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackagedFile {
    /// Absolute path.
    pub path: String,
    /// Name of the package.
    pub package: String,
    /// Digest of a regular file's content.
    pub digest: Option<Digest>,
    /// File type and permission bits.
    pub mode: u32,
    /// Owner and group by name.
    pub owner: (String, String),
    /// Target of a symbolic link.
    pub link: Option<String>,
    /// Owned, but not brought by the package.
    pub ghost: bool,
}

impl PackagedFile {
    /// True for a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & 0o170_000 == 0o040_000
    }

    /// What identifies its content: the digest of a file, or of a link's target.
    pub fn identity(&self) -> Option<Digest> {
        match &self.link {
            Some(target) => Some(Digest::of(target)),
            None => self.digest.clone(),
        }
    }
}

/// Packages with their files.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The packages; two of one name where a transaction broke off.
    pub packages: Vec<InstalledPackage>,
    /// Their files.
    pub files: Vec<PackagedFile>,
}

/// How a transaction differs from an ordinary one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'a> {
    /// Only test it.
    pub test: bool,
    /// Only write it into the database, run nothing.
    pub database_only: bool,
    /// Install what is installed already, over anything.
    pub force: bool,
    /// Ignore dependencies.
    pub without_dependencies: bool,
    /// Another database than the host's, as the host sees its path.
    pub database: Option<&'a Path>,
}

impl Manner<'_> {
    fn arguments(self) -> Vec<&'static str> {
        let mut arguments = Vec::new();
        if self.test {
            arguments.push("--test");
        }
        if self.database_only {
            arguments.extend(["--justdb", "--noscripts", "--notriggers"]);
        }
        if self.without_dependencies {
            arguments.push("--nodeps");
        }
        arguments
    }
}

/// Packages of these names in the host's database.
pub fn installed(place: &Place, names: &[&str]) -> Result<Vec<InstalledPackage>> {
    installed_in(place, names, None)
}

/// Packages of these names in another database, as the host sees its path.
pub fn installed_in(
    place: &Place,
    names: &[&str],
    database: Option<&Path>,
) -> Result<Vec<InstalledPackage>> {
    Ok(query(place, names, PACKAGE_FORMAT, database)?.packages)
}

/// Packages of these names with their files.
pub fn installed_files(place: &Place, names: &[&str]) -> Result<Listing> {
    query(
        place,
        names,
        &format!("{PACKAGE_FORMAT}{FILE_FORMAT}"),
        None,
    )
}

fn query(place: &Place, names: &[&str], format: &str, database: Option<&Path>) -> Result<Listing> {
    if names.is_empty() || !place.rpm_database().is_dir() {
        return Ok(Listing::default());
    }
    let mut argv = rpm(place, database);
    argv.extend(["-q", "--nosignature", "--qf", format, "--"].map(str::to_owned));
    argv.extend(names.iter().map(|name| (*name).to_owned()));
    let ended = run(&argv)?;
    // Names that are not installed make the exit status; errors say so.
    if ended.stderr.lines().any(|line| line.starts_with("error:")) {
        return Err(Refused::failed(format!(
            "rpm could not read its database: {}",
            ended.stderr.trim()
        )));
    }
    Ok(parse(&ended.stdout))
}

/// Packages in files, with their files.
pub fn files_of(packages: &[std::path::PathBuf]) -> Result<Listing> {
    if packages.is_empty() {
        return Ok(Listing::default());
    }
    let format = format!("{PACKAGE_FORMAT}{FILE_FORMAT}");
    let mut argv: Vec<String> = ["rpm", "-qp", "--nosignature", "--qf", &format, "--"]
        .map(str::to_owned)
        .to_vec();
    argv.extend(packages.iter().map(|path| path.display().to_string()));
    let ended = run(&argv)?;
    if !ended.is_good() {
        return Err(Refused::untrusted(format!(
            "rpm cannot read a package of the store: {}",
            ended.said()
        )));
    }
    Ok(parse(&ended.stdout))
}

/// `version-release` of distribution packages; `None` where one is missing.
pub fn versions(place: &Place, names: &[String]) -> Result<BTreeMap<String, Option<String>>> {
    let known = installed(place, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(names
        .iter()
        .map(|name| {
            let version = known
                .iter()
                .find(|package| package.id.name == *name)
                .map(|package| package.id.version_release());
            (name.clone(), version)
        })
        .collect())
}

/// One `rpm -U` of all these package files.
pub fn upgrade(place: &Place, packages: &[std::path::PathBuf], manner: Manner) -> Result<Ended> {
    let mut argv = rpm(place, manner.database);
    // Signatures were checked against tandem's own keyring when the packages
    // were staged; the host's keyring knows nothing of them.
    argv.extend(["-U", "--oldpackage", "--replacepkgs", "--nosignature"].map(str::to_owned));
    if manner.force {
        argv.push("--force".into());
    }
    argv.extend(manner.arguments().into_iter().map(str::to_owned));
    argv.push("--".into());
    argv.extend(packages.iter().map(|path| path.display().to_string()));
    run(&argv)
}

/// One `rpm -e` of all these packages.
pub fn erase(place: &Place, packages: &[String], manner: Manner) -> Result<Ended> {
    let mut argv = rpm(place, manner.database);
    argv.extend(["-e", "--allmatches"].map(str::to_owned));
    argv.extend(manner.arguments().into_iter().map(str::to_owned));
    argv.push("--".into());
    argv.extend(packages.iter().cloned());
    run(&argv)
}

/// Which of these existing paths no installed package owns.
pub fn unowned(place: &Place, paths: &[String]) -> Result<Vec<String>> {
    let mut unowned = Vec::new();
    for some in paths.chunks(500) {
        let mut argv = rpm(place, None);
        argv.extend(["-qf", "--nosignature", "--qf", "O\\n", "--"].map(str::to_owned));
        argv.extend(some.iter().cloned());
        let ended = run(&argv)?;
        unowned.extend(
            ended
                .stdout
                .lines()
                .chain(ended.stderr.lines())
                .filter_map(unowned_path)
                .map(str::to_owned),
        );
    }
    Ok(unowned)
}

/// The path in rpm's words for one without owner. With `--root` it looks for
/// the file outside and says that it is not there; the caller has seen it.
fn unowned_path(line: &str) -> Option<&str> {
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = line.strip_prefix("file ")?;
    line.strip_suffix(" is not owned by any package")
        .or_else(|| line.strip_suffix(": No such file or directory"))
}

/// What `rpm -V` finds wrong with these packages; times of files do not count.
pub fn verify(place: &Place, names: &[&str]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut argv = rpm(place, None);
    argv.extend(["-V", "--nomtime", "--nosignature", "--"].map(str::to_owned));
    argv.extend(names.iter().map(|name| (*name).to_owned()));
    let ended = run(&argv)?;
    let mut complaints: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
    if !ended.is_good() && complaints.is_empty() {
        complaints.push(ended.said().to_owned());
    }
    Ok(complaints)
}

/// Rebuilds a database that cannot be read.
pub fn rebuild_database(place: &Place) -> Result<Ended> {
    let mut argv = rpm(place, None);
    argv[0] = "rpmdb".into();
    argv.push("--rebuilddb".into());
    run(&argv)
}

/// Complaints in rpm's output that do not show in its exit status: a failing
/// `%post` only warns.
pub fn hidden_failures(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| {
            line.starts_with("error:")
                || line.contains("scriptlet failed")
                || line.contains("script failed")
                || line.contains("install failed")
                || line.contains("erase failed")
        })
        .collect()
}

fn rpm(place: &Place, database: Option<&Path>) -> Vec<String> {
    let mut argv = vec!["rpm".to_owned()];
    if !place.is_live() {
        argv.extend(["--root".to_owned(), place.root.display().to_string()]);
    }
    argv.push("--dbpath".into());
    argv.push(match database {
        Some(path) => path.display().to_string(),
        None => constants::RPM_DATABASE.to_owned(),
    });
    argv
}

/// Runs rpm or one of its sisters to its end, without Debian's remark that
/// packages should be converted.
pub fn run(argv: &[String]) -> Result<Ended> {
    let mut ended = process::run(argv, Bounds::UNINTERRUPTED)
        .attempt(|| format!("start {}", argv.first().map_or("rpm", String::as_str)))?;
    ended.stderr = without_alien(&ended.stderr);
    Ok(ended)
}

fn without_alien(said: &str) -> String {
    said.lines()
        .filter(|line| {
            !line.starts_with("rpm: RPM should not be used directly")
                && !line.starts_with("rpm: However assuming you know")
        })
        .fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        })
}

fn parse(output: &str) -> Listing {
    let mut listing = Listing::default();
    for line in output.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields.as_slice() {
            ["P", name, version, release, arch, header] => {
                listing.packages.push(InstalledPackage {
                    id: PackageId {
                        name: (*name).to_owned(),
                        version: (*version).to_owned(),
                        release: (*release).to_owned(),
                        arch: (*arch).to_owned(),
                    },
                    header: header.parse().ok(),
                });
            }
            ["F", package, path, digest, mode, flags, user, group, link]
                if path.starts_with('/') =>
            {
                let mode = u32::from_str_radix(mode, 8).unwrap_or(0);
                listing.files.push(PackagedFile {
                    path: (*path).to_owned(),
                    package: (*package).to_owned(),
                    digest: digest.parse().ok(),
                    mode,
                    owner: ((*user).to_owned(), (*group).to_owned()),
                    link: (mode & 0o170_000 == 0o120_000).then(|| (*link).to_owned()),
                    ghost: flags.parse::<u32>().unwrap_or(0) & GHOST != 0,
                });
            }
            _ => {}
        }
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_packages_files_links_and_skips_what_is_not_installed() {
        let digest = Digest::of("x");
        let text = format!(
            "package nil is not installed\nP\tweb\t1\t2\tnoarch\t{digest}\n\
             F\tweb\t/opt/web\t\t40755\t0\troot\troot\t\nF\tweb\t/opt/web/f\t{digest}\t100644\t1\troot\tweb\t\n\
             F\tweb\t/opt/web/l\t\t120777\t0\troot\troot\tf\nP\told\t1\t1\tnoarch\t(none)\n"
        );
        let listing = parse(&text);
        assert_eq!(listing.packages.len(), 2);
        assert_eq!(listing.packages[1].header, None);
        assert!(listing.files[0].is_directory());
        assert_eq!(listing.files[1].digest, Some(digest));
        assert_eq!(listing.files[2].link.as_deref(), Some("f"));
    }

    #[test]
    fn a_scriptlet_that_failed_shows_although_rpm_exits_with_0() {
        let said = "warning: %post(web-1-1.noarch) scriptlet failed, exit status 1\n";
        assert_eq!(hidden_failures(said).len(), 1);
        assert!(hidden_failures("warning: /etc/x saved as /etc/x.rpmsave\n").is_empty());
    }

    #[test]
    fn debians_remark_is_dropped() {
        let said = "rpm: RPM should not be used directly install RPM packages, use Alien instead!\n\
                    rpm: However assuming you know what you are doing...\nerror: x\n";
        assert_eq!(without_alien(said), "error: x\n");
    }
}
