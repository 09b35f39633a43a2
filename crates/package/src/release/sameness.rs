//! Whether two packages of one name, version and release are the same package
//! but for the tool that built them.

use super::manifest::keys;
use crate::read::{OpenPackage, ReadError};
use std::collections::BTreeMap;

/// In what the two differ: paths and parts. Empty means that a host cannot tell
/// them apart, although their bytes may differ: another version of tandem may
/// compress otherwise and names itself in the header.
pub(crate) fn differences(a: &OpenPackage, b: &OpenPackage) -> Result<Vec<String>, ReadError> {
    let (a, b) = (parts(a)?, parts(b)?);
    Ok(keys(&a, &b)
        .filter(|part| a.get(*part) != b.get(*part))
        .cloned()
        .collect())
}

fn parts(package: &OpenPackage) -> Result<BTreeMap<String, String>, ReadError> {
    describe(package.inner()).map_err(|source| package.damaged(source))
}

fn describe(package: &rpm::Package) -> Result<BTreeMap<String, String>, rpm::Error> {
    let metadata = &package.metadata;
    let mut parts = BTreeMap::new();
    let mut part = |name: &str, value: String| parts.insert(name.to_owned(), value);
    part("summary", metadata.get_summary()?.to_owned());
    part("description", metadata.get_description()?.to_owned());
    part("license", metadata.get_license()?.to_owned());
    part("group", metadata.get_group()?.to_owned());
    // Absent and empty are the same.
    part("url", metadata.get_url().unwrap_or_default().to_owned());
    part(
        "packager",
        metadata.get_packager().unwrap_or_default().to_owned(),
    );
    part("provides", dependencies(metadata.get_provides()?));
    part("requires", dependencies(metadata.get_requires()?));
    part(
        "conflicts",
        dependencies(metadata.get_conflicts().unwrap_or_default()),
    );
    part(
        "obsoletes",
        dependencies(metadata.get_obsoletes().unwrap_or_default()),
    );
    part(
        "changelog",
        metadata
            .get_changelog_entries()
            .unwrap_or_default()
            .iter()
            .map(|entry| format!("{} {:?} {}", entry.name, entry.timestamp, entry.description))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    for (name, scriptlet) in [
        ("%pre", metadata.get_pre_install_script()),
        ("%post", metadata.get_post_install_script()),
        ("%preun", metadata.get_pre_uninstall_script()),
        ("%postun", metadata.get_post_uninstall_script()),
        ("%pretrans", metadata.get_pre_trans_script()),
        ("%posttrans", metadata.get_post_trans_script()),
    ] {
        if let Ok(scriptlet) = scriptlet {
            part(
                name,
                format!("{:?} {}", scriptlet.program, scriptlet.script),
            );
        }
    }
    for file in metadata.get_file_entries()? {
        let what = format!(
            "{:o} {}:{} {:?} {} {}",
            file.mode().raw_mode(),
            file.user(),
            file.group(),
            file.flags(),
            file.digest().map_or("", |digest| digest.as_hex()),
            file.linkto().unwrap_or_default(),
        );
        part(&file.path().to_string_lossy(), what);
    }
    Ok(parts)
}

fn dependencies(dependencies: Vec<rpm::Dependency>) -> String {
    let mut lines: Vec<_> = dependencies
        .into_iter()
        .filter(|dependency| !dependency.name.starts_with("rpmlib("))
        .map(|dependency| {
            let rpm::Dependency {
                name,
                flags,
                version,
            } = dependency;
            format!("{name} {:x} {version}\n", flags.bits())
        })
        .collect();
    lines.sort();
    lines.concat()
}
