//! What was there before a leg: hand edits, foreign files in the way, units,
//! directories. Written down before anything changes, so that the way back
//! needs nothing else.

use crate::disk;
use crate::edits::EditedFile;
use crate::place::{Place, make_private};
use crate::refusal::{Attempt, Result};
use crate::rpm::{self, Listing};
use crate::{edits, units};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tandem_generation::facts::UnitFact;
use tandem_generation::{Digest, FORMAT, Order, Package, Transaction, place as constants};

/// Endings that rpm gives to what it does not want to overwrite.
const LEAVINGS: [&str; 3] = [".rpmsave", ".rpmnew", ".rpmorig"];

/// What was there before a leg.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Before {
    /// Version of this document.
    pub format: u32,
    /// Units that either side has a word on.
    pub units: Vec<UnitFact>,
    /// Files saved under `drift/RUN`.
    pub saved: Vec<Saved>,
    /// Directories that the transaction makes.
    pub absent_directories: Vec<String>,
    /// Files with rpm's endings that were there already.
    pub leavings: Vec<String>,
    /// Foreign files that the leg edits.
    pub edits: Vec<EditedFile>,
    /// Whether the leg may change what systemd reads.
    #[serde(default = "yes")]
    pub systemd: bool,
}

fn yes() -> bool {
    true
}

/// A file saved before it was overwritten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Its path.
    pub path: String,
    /// Nobody's of ours: it comes back with the undo. Otherwise a hand edit of a
    /// file of ours, kept for people.
    pub foreign: bool,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub user: u32,
    /// Group.
    pub group: u32,
    /// Target, where it is a symbolic link; then nothing is saved but this.
    pub link: Option<String>,
}

/// Names of all packages that an order is about, on either side.
pub fn names(order: &Order) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for transaction in [&order.forward, &order.undo] {
        names.extend(
            wanted(transaction)
                .iter()
                .map(|package| package.id.name.clone()),
        );
        names.extend(
            transaction
                .install
                .iter()
                .map(|package| package.id.name.clone()),
        );
        names.extend(transaction.erase.iter().map(|id| id.name.clone()));
    }
    names.insert(constants::GENERATION_PACKAGE.to_owned());
    names.into_iter().collect()
}

/// Everything that is installed once a transaction reached its target.
pub fn wanted(transaction: &Transaction) -> Vec<Package> {
    let mut wanted: Vec<Package> = transaction
        .target
        .iter()
        .flat_map(|target| target.content.packages.iter().cloned())
        .collect();
    wanted.extend(transaction.generation_package.iter().cloned());
    wanted
}

/// The package files of a transaction, the generation package last.
pub fn files_to_install(place: &Place, transaction: &Transaction) -> Vec<PathBuf> {
    transaction
        .install
        .iter()
        .chain(&transaction.generation_package)
        .map(|package| place.package(&package.file))
        .collect()
}

/// Looks and saves; a second call finds the first one's word and keeps it.
pub fn save(place: &Place, order: &Order) -> Result<Before> {
    let path = place.before(&order.run, order.leg);
    if let Some(before) = disk::read_document::<Before>(&path)? {
        return Ok(before);
    }
    let names = names(order);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let installed = rpm::installed_files(place, &names)?;
    let incoming = rpm::files_of(&files_to_install(place, &order.forward))?;
    let forward_edits = order
        .forward
        .target
        .as_ref()
        .map_or(&[][..], |target| &target.content.edits);
    let before = Before {
        format: FORMAT,
        units: units_before(place, order)?,
        saved: save_files(place, order, &installed, &incoming)?,
        absent_directories: absent_directories(place, &incoming),
        leavings: leavings(place, [&installed, &incoming]),
        edits: edits::foresee(place, &order.forward.unedit, forward_edits)?,
        // Edited files may be among those that its generators read.
        systemd: !order.forward.unedit.is_empty()
            || !forward_edits.is_empty()
            || has_units(&installed)
            || has_units(&incoming),
    };
    edits::keep_originals(place, &before.edits)?;
    disk::write_document(&path, &before)?;
    Ok(before)
}

/// Packages with units, drop-ins, generators or settings of systemd, or init
/// scripts. One that makes units in a scriptlet tells systemd there.
fn has_units(listing: &Listing) -> bool {
    listing
        .files
        .iter()
        .any(|file| file.path.contains("/systemd/") || file.path.contains("/init.d/"))
}

/// What was written down, or nothing where the leg never came that far.
pub fn read(place: &Place, order: &Order) -> Result<Before> {
    Ok(disk::read_document(&place.before(&order.run, order.leg))?.unwrap_or_default())
}

fn units_before(place: &Place, order: &Order) -> Result<Vec<UnitFact>> {
    let mut names = BTreeSet::new();
    for transaction in [&order.forward, &order.undo] {
        let policies = transaction
            .target
            .iter()
            .flat_map(|target| &target.content.units)
            .chain(&transaction.release_units);
        names.extend(policies.map(|policy| policy.unit.clone()));
    }
    let states = units::states(place, &names.into_iter().collect::<Vec<_>>())?;
    for state in &states {
        let path = unit_origin(place, &state.unit);
        if !path.exists() {
            disk::write_document(&path, state)?;
        }
    }
    Ok(states)
}

/// A unit as it was before tandem had a word on it.
pub fn origin_of_unit(place: &Place, unit: &str) -> Result<Option<UnitFact>> {
    disk::read_document(&unit_origin(place, unit))
}

fn unit_origin(place: &Place, unit: &str) -> PathBuf {
    place
        .unit_origins()
        .join(format!("{}.json", Digest::of(unit)))
}

fn save_files(
    place: &Place,
    order: &Order,
    installed: &Listing,
    incoming: &Listing,
) -> Result<Vec<Saved>> {
    let owned: BTreeMap<&str, Option<Digest>> = installed
        .files
        .iter()
        .filter(|file| !file.is_directory() && !file.ghost)
        .map(|file| (file.path.as_str(), file.identity()))
        .collect();
    let paths: BTreeSet<&str> = incoming
        .files
        .iter()
        .filter(|file| !file.is_directory() && !file.ghost)
        .map(|file| file.path.as_str())
        .chain(owned.keys().copied())
        .collect();
    let mut saved = Vec::new();
    for path in paths {
        let there = place.on_host(path);
        let Ok(metadata) = fs::symlink_metadata(&there) else {
            continue;
        };
        if metadata.is_dir() {
            continue;
        }
        let actual = identity_of(&there)?;
        let foreign = match owned.get(path) {
            Some(recorded) if *recorded == actual => continue,
            Some(_) => false,
            None => true,
        };
        let link = metadata
            .is_symlink()
            .then(|| fs::read_link(&there))
            .transpose()
            .attempt(|| format!("read the link {path}"))?
            .map(|target| target.display().to_string());
        if link.is_none() {
            if !metadata.is_file() {
                continue;
            }
            let bytes = fs::read(&there).attempt(|| format!("save {path}"))?;
            let copy = place.drift(&order.run).join(path.trim_start_matches('/'));
            if let Some(parent) = copy.parent() {
                make_private(parent)?;
            }
            disk::write(&copy, &bytes)?;
        }
        saved.push(Saved {
            path: path.to_owned(),
            foreign,
            mode: metadata.mode() & 0o7777,
            user: metadata.uid(),
            group: metadata.gid(),
            link,
        });
    }
    Ok(saved)
}

/// The digest of a file's content or of a link's target; `None`: nothing there.
pub fn identity_of(path: &Path) -> Result<Option<Digest>> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(None);
    };
    let what = || format!("read {}", path.display());
    if metadata.is_symlink() {
        let target = fs::read_link(path).attempt(what)?;
        return Ok(Some(Digest::of(target.display().to_string())));
    }
    if !metadata.is_file() {
        return Ok(None);
    }
    disk::digest(path).attempt(what).map(Some)
}

fn absent_directories(place: &Place, incoming: &Listing) -> Vec<String> {
    let mut absent = BTreeSet::new();
    for file in &incoming.files {
        let mut path = Path::new(&file.path);
        if !file.is_directory() {
            path = path.parent().unwrap_or(path);
        }
        while path != Path::new("/") {
            let text = path.display().to_string();
            if place.on_host(&text).exists() || !absent.insert(text) {
                break;
            }
            match path.parent() {
                Some(parent) => path = parent,
                None => break,
            }
        }
    }
    absent.into_iter().collect()
}

/// Files with rpm's endings beside files of these packages.
fn leavings<'a>(place: &Place, listings: impl IntoIterator<Item = &'a Listing>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for file in listings.into_iter().flat_map(|listing| &listing.files) {
        for ending in LEAVINGS {
            let path = format!("{}{ending}", file.path);
            if place.on_host(&path).exists() {
                found.insert(path);
            }
        }
    }
    found.into_iter().collect()
}

/// Removes what rpm left beside our files in this leg; what people wrote is
/// saved already.
pub fn remove_leavings(place: &Place, before: &Before, listings: &[&Listing]) -> Result<()> {
    for path in leavings(place, listings.iter().copied()) {
        if !before.leavings.contains(&path) {
            disk::remove(&place.on_host(&path))?;
        }
    }
    Ok(())
}

/// Puts foreign files back that stood where ours went.
pub fn restore_foreign(place: &Place, order: &Order, before: &Before) -> Result<()> {
    for saved in before.saved.iter().filter(|saved| saved.foreign) {
        let there = place.on_host(&saved.path);
        if fs::symlink_metadata(&there).is_ok() {
            continue;
        }
        let what = || format!("put {} back", saved.path);
        if let Some(parent) = there.parent() {
            fs::create_dir_all(parent).attempt(what)?;
        }
        let temporary = disk::beside(&there);
        if let Some(target) = &saved.link {
            std::os::unix::fs::symlink(target, &temporary).attempt(what)?;
        } else {
            let copy = place
                .drift(&order.run)
                .join(saved.path.trim_start_matches('/'));
            let bytes = fs::read(&copy).attempt(what)?;
            disk::write_new(&temporary, &bytes, 0o600).attempt(what)?;
            fs::set_permissions(&temporary, fs::Permissions::from_mode(saved.mode))
                .attempt(what)?;
        }
        std::os::unix::fs::lchown(&temporary, Some(saved.user), Some(saved.group)).attempt(what)?;
        fs::rename(&temporary, &there).attempt(what)?;
        disk::sync_parent(&there).attempt(what)?;
    }
    Ok(())
}

/// Removes directories that the leg made, deepest first, where they are empty.
pub fn remove_made_directories(place: &Place, before: &Before) {
    for path in before.absent_directories.iter().rev() {
        // One that is in use, or that a package still owns, stays.
        let _ = fs::remove_dir(place.on_host(path));
    }
}
