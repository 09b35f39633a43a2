//! Durable files: temporary, fsync, rename, fsync of the directory. After a
//! power cut a file is the old one or the new one.

use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tandem_generation::{Digest, FORMAT, digest::Hasher};

/// Replaces a file; mode 0600.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = beside(path);
    let result = write_new(&temporary, bytes, 0o600)
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_parent(path));
    if result.is_err() {
        // A full disk must not be filled further by what did not fit.
        let _ = fs::remove_file(&temporary);
    }
    result.attempt(|| format!("write {}", path.display()))
}

/// Sets space aside: a file of so many bytes, which are taken from the disk.
pub fn set_aside(path: &Path, bytes: u64) -> Result<()> {
    let what = || format!("set {bytes} bytes aside in {}", path.display());
    let length = i64::try_from(bytes).unwrap_or(i64::MAX);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .attempt(what)?;
    let taken = nix::fcntl::posix_fallocate(&file, 0, length)
        .map_err(io::Error::from)
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_parent(path));
    if taken.is_err() {
        // A full disk must not be filled further by what did not fit.
        let _ = fs::remove_file(path);
    }
    taken.attempt(what)
}

/// Replaces a document; mode 0600.
pub fn write_document<T: Serialize>(path: &Path, document: &T) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(document)
        .attempt(|| format!("put {} into words", path.display()))?;
    bytes.push(b'\n');
    write(path, &bytes)
}

/// Writes a file that is not there yet and fsyncs it.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The name of the temporary beside a file.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Makes a rename, creation or removal in the file's directory last.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Brings everything that programs wrote on this host's file systems to disk:
/// rpm does not fsync what it installs.
pub fn sync_all(place: &Place) -> Result<()> {
    let mut devices = BTreeSet::new();
    for directory in [
        "/",
        "/etc",
        "/usr",
        "/opt",
        "/srv",
        "/var",
        "/var/lib",
        "/var/lib/rpm",
    ] {
        let path = place.on_host(directory);
        let Ok(open) = File::open(&path) else {
            continue;
        };
        let what = || format!("sync {}", path.display());
        if devices.insert(open.metadata().attempt(what)?.dev()) {
            nix::unistd::syncfs(&open).attempt(what)?;
        }
    }
    Ok(())
}

/// Removes a file durably; one that is not there is fine.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path).attempt(|| format!("sync the directory of {}", path.display())),
        Err(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        Err(cause) => Err(cause).attempt(|| format!("remove {}", path.display())),
    }
}

/// The text of a file, or `None` where there is none.
pub fn read_text_if_there(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause).attempt(|| format!("read {}", path.display())),
    }
}

/// A document, or `None` where there is none. A newer format is refused.
pub fn read_document<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match read_text_if_there(path)? {
        Some(text) => parse_document(&text, &path.display().to_string()).map(Some),
        None => Ok(None),
    }
}

/// Parses a document; `what` names it. A newer format is refused by name
/// before its unknown fields are.
pub fn parse_document<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    #[derive(serde::Deserialize)]
    struct Probe {
        #[serde(default)]
        format: u32,
    }
    match serde_json::from_str::<T>(text) {
        Ok(document) => match serde_json::from_str::<Probe>(text) {
            Ok(probe) if probe.format > FORMAT => Err(newer(what, probe.format)),
            _ => Ok(document),
        },
        Err(cause) => match serde_json::from_str::<Probe>(text) {
            Ok(probe) if probe.format > FORMAT => Err(newer(what, probe.format)),
            _ => Err(Refused::invalid(format!(
                "cannot understand {what}: {cause}"
            ))),
        },
    }
}

fn newer(what: &str, found: u32) -> Refused {
    Refused::invalid(format!(
        "{what} is of format {found}; this tandem-host knows {FORMAT}"
    ))
    .hint("use the newer version of tandem that wrote it")
}

/// The digest of a file's content.
pub fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..read]);
    }
}

/// Names in a directory, sorted; none where there is no directory.
pub fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(cause).attempt(|| format!("list {}", directory.display())),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.attempt(|| format!("list {}", directory.display()))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        format: u32,
    }

    #[test]
    fn a_newer_document_is_refused_as_newer_even_with_unknown_fields() {
        let error = parse_document::<Document>(r#"{"format": 9, "x": 1}"#, "order.json")
            .expect_err("newer");
        assert!(error.message.contains("format 9"), "{error}");
    }

    #[test]
    fn a_written_file_is_private_and_leaves_no_temporary() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("a");
        write(&path, b"1").expect("write");
        write(&path, b"2").expect("write");
        assert_eq!(fs::read(&path).expect("read"), b"2");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(names(directory.path()).expect("names"), ["a"]);
    }
}
