//! Repository metadata, so that a release directory is a dnf repository.
//!
//! Written here and not by createrepo_c: what that writes depends on its
//! version, and the same tree must be the same release on two machines. The
//! tests hold the result against createrepo_c's.

use super::xml::Document;
use crate::assemble::file_name;
use crate::read::{OpenPackage, ReadError};
use std::io::Write as _;
use tandem_generation::{Digest, Package};

const COMMON: &str = "http://linux.duke.edu/metadata/common";
const RPM: &str = "http://linux.duke.edu/metadata/rpm";

/// The files of `repodata/`, by path. `repomd.xml` is the last.
pub(crate) fn repodata(
    packages: &[(Package, OpenPackage)],
    date: u32,
) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
    let count = packages.len().to_string();
    let mut primary = Document::new();
    let mut filelists = Document::new();
    let mut other = Document::new();
    primary.open(
        "metadata",
        &[("xmlns", COMMON), ("xmlns:rpm", RPM), ("packages", &count)],
    );
    for (document, name) in [(&mut filelists, "filelists"), (&mut other, "otherdata")] {
        let namespace = match name {
            "filelists" => "http://linux.duke.edu/metadata/filelists",
            _ => "http://linux.duke.edu/metadata/other",
        };
        document.open(name, &[("xmlns", namespace), ("packages", &count)]);
    }
    for (package, opened) in packages {
        let damaged = |source| opened.damaged(source);
        primary_package(&mut primary, package, opened, date).map_err(damaged)?;
        filelists_package(&mut filelists, package, opened).map_err(damaged)?;
        other_package(&mut other, package, opened);
    }
    primary.close("metadata");
    filelists.close("filelists");
    other.close("otherdata");
    let timestamp = date.to_string();
    let mut index = Document::new();
    index.open(
        "repomd",
        &[
            ("xmlns", "http://linux.duke.edu/metadata/repo"),
            ("xmlns:rpm", RPM),
        ],
    );
    index.text("revision", &[], &timestamp);
    let mut files = Vec::new();
    for (kind, document) in [
        ("primary", primary),
        ("filelists", filelists),
        ("other", other),
    ] {
        let open = document.into_bytes();
        let packed = gzip(&open);
        let digest = Digest::of(&packed);
        let path = format!("repodata/{digest}-{kind}.xml.gz");
        index.open("data", &[("type", kind)]);
        index.text("checksum", &[("type", "sha256")], digest.as_str());
        index.text(
            "open-checksum",
            &[("type", "sha256")],
            Digest::of(&open).as_str(),
        );
        index.empty("location", &[("href", &path)]);
        index.text("timestamp", &[], &timestamp);
        index.text("size", &[], &packed.len().to_string());
        index.text("open-size", &[], &open.len().to_string());
        index.close("data");
        files.push((path, packed));
    }
    index.close("repomd");
    files.push(("repodata/repomd.xml".to_owned(), index.into_bytes()));
    Ok(files)
}

/// gzip without name and time.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), flate2::Compression::new(6));
    // Writing to memory cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn version(document: &mut Document, package: &Package) {
    document.empty(
        "version",
        &[
            ("epoch", "0"),
            ("ver", &package.id.version),
            ("rel", &package.id.release),
        ],
    );
}

fn primary_package(
    document: &mut Document,
    package: &Package,
    opened: &OpenPackage,
    date: u32,
) -> Result<(), rpm::Error> {
    let metadata = &opened.inner().metadata;
    let offsets = metadata.get_package_segment_offsets();
    document.open("package", &[("type", "rpm")]);
    document.text("name", &[], &package.id.name);
    document.text("arch", &[], &package.id.arch);
    version(document, package);
    document.text(
        "checksum",
        &[("type", "sha256"), ("pkgid", "YES")],
        package.file.as_str(),
    );
    document.text("summary", &[], metadata.get_summary()?);
    document.text("description", &[], metadata.get_description()?);
    document.text("packager", &[], metadata.get_packager().unwrap_or_default());
    document.text("url", &[], metadata.get_url().unwrap_or_default());
    document.empty(
        "time",
        &[
            ("file", &date.to_string()),
            ("build", &metadata.get_build_time()?.to_string()),
        ],
    );
    document.empty(
        "size",
        &[
            ("package", &package.size.to_string()),
            ("installed", &metadata.get_installed_size()?.to_string()),
            // Not in the header; nothing reads it.
            ("archive", "0"),
        ],
    );
    let location = format!("packages/{}", file_name(&package.id));
    document.empty("location", &[("href", &location)]);
    document.open("format", &[]);
    document.text("rpm:license", &[], metadata.get_license()?);
    document.text("rpm:vendor", &[], metadata.get_vendor().unwrap_or_default());
    document.text("rpm:group", &[], metadata.get_group()?);
    document.text(
        "rpm:buildhost",
        &[],
        metadata.get_build_host().unwrap_or_default(),
    );
    document.text(
        "rpm:sourcerpm",
        &[],
        metadata.get_source_rpm().unwrap_or_default(),
    );
    document.empty(
        "rpm:header-range",
        &[
            ("start", &offsets.header.to_string()),
            ("end", &offsets.payload.to_string()),
        ],
    );
    for (name, list) in [
        ("rpm:provides", metadata.get_provides()?),
        ("rpm:requires", metadata.get_requires()?),
        (
            "rpm:conflicts",
            metadata.get_conflicts().unwrap_or_default(),
        ),
        (
            "rpm:obsoletes",
            metadata.get_obsoletes().unwrap_or_default(),
        ),
        (
            "rpm:recommends",
            metadata.get_recommends().unwrap_or_default(),
        ),
    ] {
        dependencies(document, name, &list);
    }
    for file in metadata.get_file_entries()? {
        let path = file.path().to_string_lossy().into_owned();
        if is_primary(&path) {
            file_element(document, &path, file.file_type());
        }
    }
    document.close("format");
    document.close("package");
    Ok(())
}

/// Which files stand in the primary document: those that packages require by
/// path (createrepo_c's rule).
fn is_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

fn file_element(document: &mut Document, path: &str, kind: rpm::FileType) {
    match kind {
        rpm::FileType::Dir => document.text("file", &[("type", "dir")], path),
        _ => document.text("file", &[], path),
    }
}

fn dependencies(document: &mut Document, name: &str, list: &[rpm::Dependency]) {
    let list: Vec<_> = list
        .iter()
        .filter(|dependency| !dependency.name.starts_with("rpmlib("))
        .collect();
    if list.is_empty() {
        return;
    }
    document.open(name, &[]);
    for dependency in list {
        let (epoch, rest) = dependency
            .version
            .split_once(':')
            .unwrap_or(("0", &dependency.version));
        let (ver, rel) = match rest.split_once('-') {
            Some((ver, rel)) => (ver, Some(rel)),
            None => (rest, None),
        };
        let mut attributes = vec![("name", dependency.name.as_str())];
        if let Some(comparison) = comparison(dependency.flags) {
            attributes.extend([("flags", comparison), ("epoch", epoch), ("ver", ver)]);
            attributes.extend(rel.map(|rel| ("rel", rel)));
        }
        if dependency.flags.intersects(
            rpm::DependencyFlags::PREREQ
                | rpm::DependencyFlags::SCRIPT_PRE
                | rpm::DependencyFlags::SCRIPT_POST,
        ) {
            attributes.push(("pre", "1"));
        }
        document.empty("rpm:entry", &attributes);
    }
    document.close(name);
}

fn comparison(flags: rpm::DependencyFlags) -> Option<&'static str> {
    use rpm::DependencyFlags as Flags;
    let less = flags.contains(Flags::LESS);
    let greater = flags.contains(Flags::GREATER);
    match (less, greater, flags.contains(Flags::EQUAL)) {
        (true, _, true) => Some("LE"),
        (true, _, false) => Some("LT"),
        (_, true, true) => Some("GE"),
        (_, true, false) => Some("GT"),
        (false, false, true) => Some("EQ"),
        (false, false, false) => None,
    }
}

fn open_package(document: &mut Document, package: &Package) {
    document.open(
        "package",
        &[
            ("pkgid", package.file.as_str()),
            ("name", &package.id.name),
            ("arch", &package.id.arch),
        ],
    );
    version(document, package);
}

fn filelists_package(
    document: &mut Document,
    package: &Package,
    opened: &OpenPackage,
) -> Result<(), rpm::Error> {
    open_package(document, package);
    for file in opened.inner().metadata.get_file_entries()? {
        let path = file.path().to_string_lossy().into_owned();
        file_element(document, &path, file.file_type());
    }
    document.close("package");
    Ok(())
}

fn other_package(document: &mut Document, package: &Package, opened: &OpenPackage) {
    open_package(document, package);
    let changelog = opened
        .inner()
        .metadata
        .get_changelog_entries()
        .unwrap_or_default();
    // Oldest first, as dnf expects it.
    for entry in changelog.iter().rev() {
        let date = entry.timestamp.to_string();
        document.text(
            "changelog",
            &[("author", &entry.name), ("date", &date)],
            &entry.description,
        );
    }
    document.close("package");
}
