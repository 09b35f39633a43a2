//! Packages on this host: received piece by piece, named by their digests.

use crate::disk;
use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tandem_generation::{Digest, Package};

/// Space that must remain on the file system after an upload: the journal has
/// to fit.
const RESERVE_BYTES: u64 = 4 << 20;

/// Appends the rest of a package file; complete and right, it enters the store.
pub fn receive(
    place: &Place,
    digest: &Digest,
    size: u64,
    offset: u64,
    rest: &mut impl Read,
) -> Result<()> {
    place.prepare()?;
    let path = place.package(digest);
    if path.exists() {
        return Ok(());
    }
    let part = place.partial(digest);
    let there = fs::metadata(&part).map_or(0, |metadata| metadata.len());
    if offset != there || offset > size {
        return Err(Refused::invalid(format!(
            "package {} is to continue at byte {offset} of {size}, and {there} are here",
            digest.short()
        ))
        .hint("ask for facts again: they say how much of an upload is here"));
    }
    let free = free_bytes(&place.store())?;
    if size - offset + RESERVE_BYTES > free {
        return Err(Refused::no_space(format!(
            "package {} needs {} bytes and {free} are free for {}",
            digest.short(),
            size - offset,
            place.store().display()
        )));
    }
    let what = || format!("receive package {}", digest.short());
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&part)
        .attempt(what)?;
    let copied = copy(rest, &mut file, size - offset).and_then(|more| {
        file.sync_all()?;
        Ok(more)
    });
    match copied {
        Ok(Copied::TooMuch) => {
            disk::remove(&part)?;
            return Err(Refused::invalid(format!(
                "package {} is longer than the {size} bytes announced",
                digest.short()
            )));
        }
        Ok(Copied::All) => {}
        Err(cause) => {
            if matches!(
                cause.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ) {
                // Give the space back at once: the host has to go on living.
                disk::remove(&part)?;
            }
            return Err(cause).attempt(what);
        }
    }
    let length = file.metadata().attempt(what)?.len();
    if length < size {
        return Err(Refused::failed(format!(
            "the upload of package {} ended after {length} of {size} bytes",
            digest.short()
        ))
        .hint("send the rest: it continues where it broke off"));
    }
    let actual = disk::digest(&part).attempt(what)?;
    if actual != *digest {
        disk::remove(&part)?;
        return Err(Refused::untrusted(format!(
            "package {} arrived with digest {}",
            digest.short(),
            actual.short()
        ))
        .hint("send it again from the beginning"));
    }
    fs::rename(&part, &path).attempt(what)?;
    disk::sync_parent(&path).attempt(what)
}

enum Copied {
    All,
    TooMuch,
}

fn copy(from: &mut impl Read, to: &mut File, most: u64) -> std::io::Result<Copied> {
    let mut left = most;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(Copied::All);
        }
        if read as u64 > left {
            return Ok(Copied::TooMuch);
        }
        to.write_all(&buffer[..read])?;
        left -= read as u64;
    }
}

/// Complete packages.
pub fn complete(place: &Place) -> Result<Vec<Digest>> {
    Ok(disk::names(&place.store())?
        .iter()
        .filter_map(|name| name.strip_suffix(".rpm")?.parse().ok())
        .collect())
}

/// Uploads that broke off, and how much of them is there.
pub fn partial(place: &Place) -> Result<BTreeMap<Digest, u64>> {
    Ok(disk::names(&place.store())?
        .iter()
        .filter_map(|name| {
            let digest = name.strip_suffix(".part")?.parse().ok()?;
            let size = fs::metadata(place.store().join(name)).ok()?.len();
            Some((digest, size))
        })
        .collect())
}

/// Refuses unless every package is in the store with its digest.
pub fn must_hold<'a>(place: &Place, packages: impl IntoIterator<Item = &'a Package>) -> Result<()> {
    let mut missing = Vec::new();
    let mut checked = std::collections::BTreeSet::new();
    for package in packages {
        if !checked.insert(&package.file) {
            continue;
        }
        let path = place.package(&package.file);
        if !path.exists() {
            missing.push(format!("{} ({})", package.id, package.file));
            continue;
        }
        let actual = disk::digest(&path).attempt(|| format!("read {}", path.display()))?;
        if actual != package.file {
            return Err(Refused::untrusted(format!(
                "{} in the store of this host is damaged: its digest is {}, not {}",
                package.id,
                actual.short(),
                package.file.short()
            ))
            .hint(format!("remove {} and push it again", path.display())));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Refused::invalid(format!(
        "not in the store of this host: {}",
        missing.join(", ")
    ))
    .hint("push these packages first"))
}

/// Bytes free for root on the file system of a directory.
pub fn free_bytes(directory: &Path) -> Result<u64> {
    Ok(space(directory)?.0)
}

/// Bytes free for root, and in all, on the file system of a directory.
pub fn space(directory: &Path) -> Result<(u64, u64)> {
    let found = nix::sys::statvfs::statvfs(directory)
        .attempt(|| format!("ask for the space of {}", directory.display()))?;
    let unit = found.fragment_size();
    Ok((found.blocks_free() * unit, found.blocks() * unit))
}
