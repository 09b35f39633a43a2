//! A package to build: `specs/NAME.yaml`, its payload in `specs/NAME/`.

use std::path::PathBuf;

/// A package spec, parsed and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// rpm name; the same as the file name.
    pub name: String,
    /// rpm version.
    pub version: String,
    /// rpm release; `1` unless the spec says otherwise.
    pub release: String,
    /// One line.
    pub summary: String,
    /// Paragraphs.
    pub description: String,
    /// SPDX expression.
    pub license: String,
    /// rpm group, which rpmlint wants.
    pub group: String,
    /// Home page.
    pub url: Option<String>,
    /// `noarch` or a machine architecture.
    pub arch: String,
    /// Dependencies as rpm writes them: `httpd >= 2.4`.
    pub requires: Vec<Dependency>,
    /// Capabilities beyond the package's own name.
    pub provides: Vec<Dependency>,
    /// Packages it cannot live with.
    pub conflicts: Vec<Dependency>,
    /// Packages that it replaces.
    pub obsoletes: Vec<Dependency>,
    /// What it contains.
    pub files: Vec<SpecFile>,
    /// Scriptlets; few, because success is what is verified afterwards.
    pub scriptlets: Vec<Scriptlet>,
    /// Newest first.
    pub changelog: Vec<Change>,
    /// Units of the role to restart when this package changes.
    pub restarts: Vec<String>,
    /// The directory of the payload.
    pub payload: PathBuf,
}

/// `name`, or `name operator version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Package or capability.
    pub name: String,
    /// Version it is compared with, if any.
    pub version: Option<(Comparison, String)>,
}

/// How versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// An entry of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecFile {
    /// Absolute path on the host.
    pub path: String,
    /// What is put there.
    pub kind: SpecFileKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
}

/// Kinds of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecFileKind {
    /// A regular file; the source is relative to the payload directory.
    File(PathBuf),
    /// Every file below a directory of the payload, sorted; `mode` is for the
    /// files, directories get `0755` and belong to the package.
    Tree(PathBuf),
    /// A web application archive of every file below a directory of the
    /// payload, with a manifest that says name and version of the package.
    War(PathBuf),
    /// An empty directory.
    Directory,
    /// Documentation (`%doc`).
    Doc(PathBuf),
    /// A licence text (`%license`).
    License(PathBuf),
    /// A symbolic link.
    Symlink(String),
}

/// A scriptlet, run by `/bin/sh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scriptlet {
    /// When.
    pub when: ScriptletTime,
    /// The text.
    pub script: String,
}

/// When a scriptlet runs; names as in rpm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptletTime {
    /// `%pre`
    Pre,
    /// `%post`
    Post,
    /// `%preun`
    Preun,
    /// `%postun`
    Postun,
    /// `%pretrans`
    Pretrans,
    /// `%posttrans`
    Posttrans,
}

/// An entry of the change log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Day, `YYYY-MM-DD`.
    pub date: String,
    /// `Name <mail>`.
    pub author: String,
    /// `version-release`.
    pub version: String,
    /// One line each.
    pub lines: Vec<String>,
}
