//! Web application archives: zip files that are the same bytes each time.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use tandem_model::spec::Spec;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Where a Java archive says what it is.
const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// Makes an archive of files by their names. Unless they bring a manifest of
/// their own it gets one with the package's name and version, so that an
/// application can say which one it is.
pub(crate) fn war(spec: &Spec, mut files: BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, String> {
    let manifest = files.remove(MANIFEST).unwrap_or_else(|| {
        let text = format!(
            "Manifest-Version: 1.0\r\nImplementation-Title: {}\r\nImplementation-Version: {}-{}\r\n",
            spec.name, spec.version, spec.release
        );
        text.into_bytes()
    });
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(time(spec))
        .unix_permissions(0o644);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    // Readers of Java archives look for the manifest at the beginning.
    let all = std::iter::once((MANIFEST.to_owned(), manifest)).chain(files);
    for (name, content) in all {
        writer
            .start_file(name, options)
            .map_err(|error| error.to_string())?;
        writer
            .write_all(&content)
            .map_err(|error| error.to_string())?;
    }
    let archive = writer.finish().map_err(|error| error.to_string())?;
    Ok(archive.into_inner())
}

/// Reads all of an archive: `Err` says what is wrong with it.
pub(crate) fn look_into(content: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(|error| error.to_string())?;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|error| error.to_string())?;
        let name = member
            .name()
            .map_err(|error| error.to_string())?
            .into_owned();
        // Its checksum is compared at the end.
        std::io::copy(&mut member, &mut std::io::sink())
            .map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Noon of the newest change: zip has local times without a zone, and none
/// before 1980.
fn time(spec: &Spec) -> DateTime {
    let newest = spec.changelog.first().and_then(|change| {
        let mut parts = change.date.split('-');
        let year = parts.next()?.parse().ok()?;
        let month = parts.next()?.parse().ok()?;
        let day = parts.next()?.parse().ok()?;
        DateTime::from_date_and_time(year, month, day, 12, 0, 0).ok()
    });
    newest.unwrap_or(DateTime::DEFAULT)
}
