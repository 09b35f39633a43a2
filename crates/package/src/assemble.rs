//! From a recipe that knows every byte to an RPM: the one place that speaks to
//! the `rpm` crate's builder.

use crate::date::SourceDate;
use tandem_generation::{Digest, Package, PackageId};
use tandem_model::spec::{Comparison, Dependency, ScriptletTime};

/// The build host that every package names: packages do not tell where they
/// were built.
const BUILD_HOST: &str = "tandem";

/// zstd's level. Measured on 64 MB of programs and scripts, two cores: 9 takes
/// 1.8 s for 14.7 MB, 19 (the library's own choice) 28.6 s for 12.9 MB.
const COMPRESSION_LEVEL: i32 = 9;

/// A package of ours: what identifies it, and the file's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct BuiltPackage {
    /// What it is called and what its digests are.
    pub package: Package,
    /// The file.
    pub bytes: Vec<u8>,
}

impl BuiltPackage {
    /// The canonical file name, `name-version-release.arch.rpm`.
    pub fn file_name(&self) -> String {
        file_name(&self.package.id)
    }
}

impl std::fmt::Debug for BuiltPackage {
    // Host packages hold secrets: bytes are never shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BuiltPackage")
            .field("package", &self.package)
            .finish_non_exhaustive()
    }
}

/// The canonical file name of a package.
pub fn file_name(id: &PackageId) -> String {
    format!("{id}.rpm")
}

/// Everything that goes into a package.
pub(crate) struct Recipe<'a> {
    pub(crate) id: PackageId,
    pub(crate) summary: &'a str,
    pub(crate) description: &'a str,
    pub(crate) license: &'a str,
    pub(crate) group: &'a str,
    pub(crate) url: Option<&'a str>,
    pub(crate) packager: Option<&'a str>,
    pub(crate) requires: Vec<rpm::Dependency>,
    pub(crate) provides: Vec<rpm::Dependency>,
    pub(crate) conflicts: Vec<rpm::Dependency>,
    pub(crate) obsoletes: Vec<rpm::Dependency>,
    pub(crate) scriptlets: Vec<(ScriptletTime, &'a str)>,
    /// Name with version, text, seconds; newest first.
    pub(crate) changelog: Vec<(String, String, u32)>,
    pub(crate) entries: Vec<Entry>,
}

impl<'a> Recipe<'a> {
    /// A recipe with a name and nothing in it.
    pub(crate) fn new(id: PackageId, summary: &'a str, description: &'a str) -> Self {
        Self {
            id,
            summary,
            description,
            license: "MIT OR Apache-2.0",
            group: "System Environment/Base",
            url: None,
            packager: None,
            requires: Vec::new(),
            provides: Vec::new(),
            conflicts: Vec::new(),
            obsoletes: Vec::new(),
            scriptlets: Vec::new(),
            changelog: Vec::new(),
            entries: Vec::new(),
        }
    }
}

/// An entry of a package.
pub(crate) struct Entry {
    pub(crate) path: String,
    /// Permission bits; without meaning for a symbolic link.
    pub(crate) mode: u32,
    pub(crate) owner: String,
    pub(crate) group: String,
    pub(crate) kind: EntryKind,
}

impl Entry {
    /// An entry of root's.
    pub(crate) fn of_root(path: impl Into<String>, mode: u32, kind: EntryKind) -> Self {
        Self {
            path: path.into(),
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            kind,
        }
    }
}

pub(crate) enum EntryKind {
    File(Vec<u8>),
    Doc(Vec<u8>),
    License(Vec<u8>),
    Directory,
    Symlink(String),
}

/// A dependency as the `rpm` crate has it.
pub(crate) fn dependency(dependency: &Dependency) -> rpm::Dependency {
    let name = dependency.name.as_str();
    match &dependency.version {
        None => rpm::Dependency::any(name),
        Some((comparison, version)) => match comparison {
            Comparison::Less => rpm::Dependency::less(name, version),
            Comparison::LessOrEqual => rpm::Dependency::less_eq(name, version),
            Comparison::Equal => rpm::Dependency::eq(name, version),
            Comparison::GreaterOrEqual => rpm::Dependency::greater_eq(name, version),
            Comparison::Greater => rpm::Dependency::greater(name, version),
        },
    }
}

/// Builds the unsigned package. All contents come from memory and all metadata
/// from the recipe: nothing of this machine (times, modes, links, users, order
/// of directories) gets in. No epoch is set; rpm would print it into every
/// dependency.
pub(crate) fn assemble(recipe: Recipe<'_>, date: SourceDate) -> Result<rpm::Package, rpm::Error> {
    let config = rpm::BuildConfig::v4()
        .compression(rpm::CompressionWithLevel::Zstd(COMPRESSION_LEVEL))
        .source_date(date.seconds())
        .reserved_space(None);
    let mut builder = rpm::PackageBuilder::new(
        &recipe.id.name,
        &recipe.id.version,
        recipe.license,
        &recipe.id.arch,
        recipe.summary,
    );
    builder
        .using_config(config)
        .release(recipe.id.release)
        .description(recipe.description)
        .group(recipe.group)
        .build_host(BUILD_HOST);
    if let Some(url) = recipe.url {
        builder.url(url);
    }
    if let Some(packager) = recipe.packager {
        builder.packager(packager);
    }
    for requires in recipe.requires {
        builder.requires(requires);
    }
    for provides in recipe.provides {
        builder.provides(provides);
    }
    for conflicts in recipe.conflicts {
        builder.conflicts(conflicts);
    }
    for obsoletes in recipe.obsoletes {
        builder.obsoletes(obsoletes);
    }
    for (when, script) in recipe.scriptlets {
        let script = rpm::Scriptlet::new(script).prog(vec!["/bin/sh"]);
        match when {
            ScriptletTime::Pre => builder.pre_install_script(script),
            ScriptletTime::Post => builder.post_install_script(script),
            ScriptletTime::Preun => builder.pre_uninstall_script(script),
            ScriptletTime::Postun => builder.post_uninstall_script(script),
            ScriptletTime::Pretrans => builder.pre_trans_script(script),
            ScriptletTime::Posttrans => builder.post_trans_script(script),
        };
    }
    for (name, text, seconds) in recipe.changelog {
        builder.add_changelog_entry(name, text, seconds);
    }
    for entry in recipe.entries {
        add(&mut builder, entry)?;
    }
    builder.build()
}

fn add(builder: &mut rpm::PackageBuilder, entry: Entry) -> Result<(), rpm::Error> {
    // Twelve bits of permission; the model's parser allows no more.
    let mode = u16::try_from(entry.mode & 0o7777).unwrap_or(0o644);
    let owned = |options: rpm::FileOptionsBuilder| options.user(entry.owner).group(entry.group);
    let path = entry.path;
    match entry.kind {
        EntryKind::File(content) => {
            let options = owned(rpm::FileOptions::new(path).permissions(mode));
            builder.with_file_contents(content, options)?;
        }
        EntryKind::Doc(content) => {
            let options = owned(rpm::FileOptions::new(path).permissions(mode)).doc();
            builder.with_file_contents(content, options)?;
        }
        EntryKind::License(content) => {
            let options = owned(rpm::FileOptions::new(path).permissions(mode)).license();
            builder.with_file_contents(content, options)?;
        }
        EntryKind::Directory => {
            builder.with_dir_entry(owned(rpm::FileOptions::dir(path).permissions(mode)))?;
        }
        EntryKind::Symlink(target) => {
            builder.with_symlink(owned(rpm::FileOptions::symlink(path, target)))?;
        }
    }
    Ok(())
}

/// The identity that rpm calls SHA256HEADER.
pub(crate) fn header_digest(package: &rpm::Package) -> Result<Digest, rpm::Error> {
    Ok(Digest::of(package.header_bytes()?))
}

/// Writes a package out.
pub(crate) fn finish(
    package: &rpm::Package,
    id: PackageId,
    restarts: Vec<String>,
) -> Result<BuiltPackage, rpm::Error> {
    let mut bytes = Vec::with_capacity(package.payload.len() + 16 * 1024);
    package.write(&mut bytes)?;
    Ok(BuiltPackage {
        package: Package {
            id,
            header: header_digest(package)?,
            file: Digest::of(&bytes),
            size: bytes.len() as u64,
            restarts,
            reloads: Vec::new(),
        },
        bytes,
    })
}
