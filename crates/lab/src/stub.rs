//! Makes the Debian base tree pose as an RPM host: one stub package per Debian package, under the
//! name, with the version and with the files that an EL host would have in its rpm database.
//!
//! Everything here is text in, text out; the tree is asked through [`Tree`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// What must be known about a path of the base tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    /// A file or a symbolic link.
    Other,
}

/// A path of the base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// With symbolic links in its *directory* resolved.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// User and group, unless both are root.
    pub(crate) owner: Option<(String, String)>,
}

/// The base tree as far as the spec depends on it.
pub(crate) trait Tree {
    /// `None` if there is nothing at the path.
    fn look(&self, path: &str) -> Option<Found>;
}

/// A package in dpkg's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DebianPackage {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) paths: Vec<String>,
    pub(crate) conffiles: BTreeSet<String>,
}

/// The table in `base/stubs.txt`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// stub -> Debian packages
    members: BTreeMap<String, Vec<String>>,
    provides: BTreeMap<String, Vec<String>>,
    owns: BTreeMap<String, Vec<String>>,
}

impl Names {
    /// Parses the table; the error says which line is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut names = Self::default();
        let mut seen = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let mut words = line.split_whitespace();
            let (Some(stub), Some(verb)) = (words.next(), words.next()) else {
                return Err(format!("line {}: expected NAME and a verb", number + 1));
            };
            let rest: Vec<String> = words.map(str::to_owned).collect();
            if rest.is_empty() {
                return Err(format!("line {}: nothing after `{verb}`", number + 1));
            }
            let table = match verb {
                "=" => {
                    for package in &rest {
                        if let Some(other) = seen.insert(package.clone(), stub.to_owned()) {
                            return Err(format!(
                                "line {}: {package} is already part of {other}",
                                number + 1
                            ));
                        }
                    }
                    &mut names.members
                }
                "provides" => &mut names.provides,
                "owns" => &mut names.owns,
                _ => {
                    return Err(format!(
                        "line {}: `{verb}` is none of = provides owns",
                        number + 1
                    ));
                }
            };
            if table.insert(stub.to_owned(), rest).is_some() {
                return Err(format!("line {}: {stub} {verb} appears twice", number + 1));
            }
        }
        Ok(names)
    }

    fn stub_of<'a>(&'a self, package: &'a str) -> &'a str {
        self.members
            .iter()
            .find(|(_, packages)| packages.iter().any(|p| p == package))
            .map_or(package, |(stub, _)| stub)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Directory,
    File,
    Config,
    /// Changed by any administrator: not part of what `rpm -V` compares.
    Shared,
}

#[derive(Debug)]
struct Entry {
    role: Role,
    owner: Option<(String, String)>,
}

#[derive(Debug)]
struct Stub {
    version: String,
    release: String,
    summary: String,
    entries: BTreeMap<String, Entry>,
}

/// The stub that owns every directory that several packages use, as on EL.
const FILESYSTEM: &str = "filesystem";

/// Directories whose content the kernel or the running system makes.
const NOT_OURS: &[&str] = &["/proc", "/sys", "/dev", "/run", "/mnt"];

/// The spec that builds all stubs, from dpkg's database.
pub(crate) fn spec_text(packages: &[DebianPackage], names: &Names, tree: &dyn Tree) -> String {
    let mut stubs: BTreeMap<&str, Stub> = BTreeMap::new();
    let mut directories: BTreeMap<String, (BTreeSet<&str>, Found)> = BTreeMap::new();
    for package in packages {
        let stub_name = names.stub_of(&package.name);
        let leads = names
            .members
            .get(stub_name)
            .is_none_or(|members| members.first() == Some(&package.name));
        let (version, release) = rpm_version(&package.version);
        let stub = stubs.entry(stub_name).or_insert_with(|| Stub {
            version: version.clone(),
            release: release.clone(),
            summary: package.summary.clone(),
            entries: BTreeMap::new(),
        });
        if leads {
            (stub.version, stub.release) = (version, release);
            stub.summary.clone_from(&package.summary);
        }
        for listed in &package.paths {
            let Some(found) = tree.look(listed) else {
                continue; // excluded by the recipe, diverted, or removed by a maintainer script
            };
            if NOT_OURS
                .iter()
                .any(|d| Path::new(&found.path).starts_with(d))
            {
                continue;
            }
            match found.kind {
                Kind::Directory => {
                    let entry = directories.entry(found.path.clone());
                    entry
                        .or_insert_with(|| (BTreeSet::new(), found))
                        .0
                        .insert(stub_name);
                }
                Kind::Other => {
                    let role = if package.conffiles.contains(listed) {
                        Role::Config
                    } else {
                        Role::File
                    };
                    stub.entries.insert(
                        found.path,
                        Entry {
                            role,
                            owner: found.owner,
                        },
                    );
                }
            }
        }
    }
    for (path, (users, found)) in directories {
        let owner = match users.iter().next() {
            Some(only) if users.len() == 1 => *only,
            _ => FILESYSTEM,
        };
        if let Some(stub) = stubs.get_mut(owner) {
            stub.entries.insert(
                path,
                Entry {
                    role: Role::Directory,
                    owner: found.owner,
                },
            );
        }
    }
    for (name, paths) in &names.owns {
        let Some(stub) = stubs.get_mut(name.as_str()) else {
            continue;
        };
        for path in paths {
            if let Some(found) = tree.look(path) {
                let role = match found.kind {
                    Kind::Directory => Role::Directory,
                    Kind::Other if path.starts_with("/etc/") => Role::Shared,
                    Kind::Other => Role::File,
                };
                stub.entries.insert(
                    found.path,
                    Entry {
                        role,
                        owner: found.owner,
                    },
                );
            }
        }
    }
    render(&stubs, names)
}

fn render(stubs: &BTreeMap<&str, Stub>, names: &Names) -> String {
    let mut text = String::from(
        "Name: tandem-lab-stubs\nVersion: 1\nRelease: 1\nSummary: Stubs\nLicense: none\nGroup: System\n\
         AutoReqProv: no\n\n%description\nStubs.\n",
    );
    for (name, stub) in stubs {
        let _ = write!(
            text,
            "\n%package -n {name}\nVersion: {}\nRelease: {}\nSummary: {}\nGroup: System\nAutoReqProv: no\n",
            stub.version,
            stub.release,
            stub.summary.replace('%', "%%"),
        );
        for capability in names.provides.get(*name).into_iter().flatten() {
            let _ = writeln!(text, "Provides: {capability}");
        }
        if stub
            .entries
            .values()
            .any(|e| matches!(e.role, Role::Config | Role::Shared))
        {
            let _ = writeln!(
                text,
                "Provides: config({name}) = {}-{}",
                stub.version, stub.release
            );
        }
        let _ = write!(
            text,
            "\n%description -n {name}\nStands for Debian's package in the lab.\n\n%files -n {name}\n"
        );
        for (path, entry) in &stub.entries {
            // rpmbuild takes modes from the build root, but believes every owner to be root.
            if let Some((user, group)) = &entry.owner {
                let _ = write!(text, "%attr(-,{user},{group}) ");
            }
            let prefix = match entry.role {
                Role::Directory => "%dir ",
                Role::File => "",
                Role::Config => "%config(noreplace) ",
                Role::Shared => "%config(noreplace) %verify(not md5 size mtime) ",
            };
            let _ = writeln!(text, "{prefix}\"{}\"", quoted(path));
        }
    }
    text
}

/// `%files` expands macros and glob characters even between quotes.
fn quoted(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '%' => out.push_str("%%"),
            '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '"' => out.push('?'),
            _ => out.push(c),
        }
    }
    out
}

/// Splits a Debian version `[epoch:]upstream[-revision]` into an RPM version and release.
///
/// The epoch is dropped: EL's packages rarely have the same one.
pub(crate) fn rpm_version(debian: &str) -> (String, String) {
    let without_epoch = debian.split_once(':').map_or(debian, |(_, rest)| rest);
    let (version, release) = without_epoch
        .rsplit_once('-')
        .unwrap_or((without_epoch, "1"));
    (version.replace('-', "_"), release.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;
    impl Tree for Fake {
        fn look(&self, path: &str) -> Option<Found> {
            let path = path
                .strip_prefix("/bin")
                .map_or(path.to_owned(), |r| format!("/usr/bin{r}"));
            let kind = match path.as_str() {
                "/usr" | "/usr/bin" | "/etc" | "/etc/apache2" => Kind::Directory,
                "/gone" => return None,
                _ => Kind::Other,
            };
            let owner = path
                .ends_with("a%b")
                .then(|| ("www-data".into(), "adm".into()));
            Some(Found { path, kind, owner })
        }
    }

    fn package(name: &str, version: &str, paths: &[&str], conf: &[&str]) -> DebianPackage {
        DebianPackage {
            name: name.into(),
            version: version.into(),
            summary: format!("{name} at 100%"),
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            conffiles: conf.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    fn sample() -> String {
        let names = Names::parse(
            "httpd = apache2 apache2-bin\nfilesystem = base-files\nbash = bash\nbash provides /bin/sh\nfilesystem owns /etc/passwd # shared\n",
        )
        .unwrap();
        let packages = [
            package(
                "apache2-bin",
                "2.4.62-1~deb12u2",
                &["/usr", "/usr/bin", "/usr/bin/[x"],
                &[],
            ),
            package(
                "apache2",
                "2.4.62-1~deb12u2",
                &["/usr", "/etc", "/etc/apache2", "/etc/apache2/a%b", "/gone"],
                &["/etc/apache2/a%b"],
            ),
            package("base-files", "12.4+deb12u1", &["/usr", "/etc"], &[]),
            package("bash", "5.2.15-2+b13", &["/bin", "/bin/bash"], &[]),
            package("zlib", "1:1.2.13.dfsg-1", &[], &[]),
        ];
        spec_text(&packages, &names, &Fake)
    }

    fn section<'a>(spec: &'a str, name: &str) -> &'a str {
        let start = spec.find(&format!("%files -n {name}\n")).unwrap();
        let rest = &spec[start..];
        rest[1..]
            .find("\n%package")
            .map_or(rest, |end| &rest[..=end])
    }

    #[test]
    fn several_debian_packages_become_one_stub_of_the_el_name() {
        let spec = sample();
        assert!(!spec.contains("-n apache2\n"));
        let httpd = section(&spec, "httpd");
        assert!(httpd.contains("%dir \"/etc/apache2\"\n"), "{httpd}");
        assert!(
            httpd.contains("%attr(-,www-data,adm) %config(noreplace) \"/etc/apache2/a%%b\"\n"),
            "{httpd}"
        );
        assert!(httpd.contains("\"/usr/bin/?x\"\n"), "{httpd}");
        assert!(
            spec.contains("Provides: config(httpd) = 2.4.62-1~deb12u2\n"),
            "{spec}"
        );
        assert!(!httpd.contains("gone"));
    }

    #[test]
    fn a_directory_of_several_packages_belongs_to_filesystem() {
        let spec = sample();
        assert!(section(&spec, "filesystem").contains("%dir \"/usr/bin\"\n"));
        assert!(!section(&spec, "bash").contains("%dir"));
        assert!(
            section(&spec, "filesystem").contains("%verify(not md5 size mtime) \"/etc/passwd\"\n")
        );
    }

    #[test]
    fn paths_through_the_merged_usr_are_written_as_el_has_them() {
        let spec = sample();
        assert!(section(&spec, "bash").contains("\n\"/usr/bin/bash\"\n"));
        assert!(spec.contains("Provides: /bin/sh\n"));
    }

    #[test]
    fn versions_lose_the_epoch_and_keep_the_revision_as_release() {
        assert_eq!(
            rpm_version("1:3.0.6-13+b2"),
            ("3.0.6".into(), "13+b2".into())
        );
        assert_eq!(
            rpm_version("252.39-1~deb12u2"),
            ("252.39".into(), "1~deb12u2".into())
        );
        assert_eq!(rpm_version("37~deb12u1"), ("37~deb12u1".into(), "1".into()));
    }

    #[test]
    fn mistakes_in_the_table_are_named_by_line() {
        assert!(
            Names::parse("a = x\nb = x\n")
                .unwrap_err()
                .starts_with("line 2: x is already part of a")
        );
        assert!(Names::parse("a like x").unwrap_err().contains("like"));
        assert!(Names::parse(include_str!("../base/stubs.txt")).is_ok());
    }
}
