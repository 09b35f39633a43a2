//! Bringing packages to a target whatever state a crash left them in: strays
//! removed, database set right, everything of the target installed again.

use crate::before::{self, wanted};
use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use crate::rpm::{self, Listing, Manner};
use crate::verify;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use tandem_generation::{Order, Transaction};

/// Right after a crash rpm may stumble over what it left; it does not for long.
const ATTEMPTS: u32 = 5;

/// Brings the packages of an order to a transaction's target, by force. Unless
/// a transaction had `begun`, files that no package owns are foreign and stay.
pub fn repair(place: &Place, order: &Order, transaction: &Transaction, begun: bool) -> Result<()> {
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        match once(place, order, transaction, begun, attempt) {
            Ok(complaints) if complaints.is_empty() => return Ok(()),
            Ok(complaints) => last = complaints.join("; "),
            Err(refused) => last = refused.message,
        }
    }
    Err(Refused::failed(format!(
        "the packages do not reach their target in {ATTEMPTS} attempts: {last}"
    )))
}

fn once(
    place: &Place,
    order: &Order,
    transaction: &Transaction,
    begun: bool,
    attempt: u32,
) -> Result<Vec<String>> {
    let known = known_files(place, order)?;
    remove_strays(place, &known)?;
    forget_others(place, order, transaction, attempt)?;
    let target: Vec<PathBuf> = wanted(transaction)
        .iter()
        .map(|package| place.package(&package.file))
        .collect();
    if !target.is_empty() {
        let manner = Manner {
            force: true,
            // A dependency that broke meanwhile must not keep us in between.
            without_dependencies: attempt > 2,
            ..Manner::default()
        };
        let ended = rpm::upgrade(place, &target, manner)?;
        if !ended.is_good() {
            return Err(Refused::failed(format!(
                "rpm could not install the target ({}): {}",
                ended.how(),
                ended.said()
            )));
        }
    }
    remove_strays(place, &known)?;
    if begun {
        remove_leftovers(place, &known, transaction)?;
    }
    let mut complaints = verify::packages(place, order, transaction)?;
    if complaints.is_empty() {
        let wanted = wanted(transaction);
        let names: Vec<&str> = wanted
            .iter()
            .map(|package| package.id.name.as_str())
            .collect();
        complaints = rpm::verify(place, &names)?;
    }
    Ok(complaints)
}

/// Files of every package of an order, from the store and from the database.
pub fn known_files(place: &Place, order: &Order) -> Result<Listing> {
    let mut paths = BTreeSet::new();
    for transaction in [&order.forward, &order.undo] {
        for package in wanted(transaction).iter().chain(&transaction.install) {
            let path = place.package(&package.file);
            if path.exists() {
                paths.insert(path);
            }
        }
    }
    let mut known = rpm::files_of(&paths.into_iter().collect::<Vec<_>>())?;
    let names = before::names(order);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let installed = match rpm::installed_files(place, &names) {
        Ok(installed) => installed,
        Err(refused) => {
            // An old Berkeley database may be torn; what is lost in it is
            // installed again afterwards.
            let rebuilt = rpm::rebuild_database(place)?;
            if !rebuilt.is_good() {
                return Err(refused);
            }
            rpm::installed_files(place, &names)?
        }
    };
    known.files.extend(installed.files);
    known.packages.extend(installed.packages);
    Ok(known)
}

/// Removes rpm's temporaries `path;xxxxxxxx` of our files: in their
/// directories and for their names only.
pub fn remove_strays(place: &Place, known: &Listing) -> Result<usize> {
    let mut by_directory: BTreeMap<&Path, BTreeSet<&str>> = BTreeMap::new();
    for file in &known.files {
        let path = Path::new(&file.path);
        if let (Some(parent), Some(name)) = (path.parent(), path.file_name()) {
            let names = by_directory.entry(parent).or_default();
            names.extend(name.to_str());
        }
    }
    let mut removed = 0;
    for (directory, ours) in by_directory {
        let there = place.on_host(&directory.display().to_string());
        let Ok(entries) = fs::read_dir(&there) else {
            continue;
        };
        for entry in entries {
            let entry = entry.attempt(|| format!("list {}", there.display()))?;
            let name = entry.file_name();
            let Some(base) = name.to_str().and_then(base_of_stray) else {
                continue;
            };
            if ours.contains(base) {
                let path = entry.path();
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let result = if is_directory {
                    fs::remove_dir(&path)
                } else {
                    fs::remove_file(&path)
                };
                result.attempt(|| format!("remove rpm's stray file {}", path.display()))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// `site.conf` for `site.conf;5f3a9c01`.
fn base_of_stray(name: &str) -> Option<&str> {
    let (base, mark) = name.rsplit_once(';')?;
    let is_mark = mark.len() == 8
        && mark
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (is_mark && !base.is_empty()).then_some(base)
}

/// Makes the database forget packages of ours that are not the target's, and
/// those that it has twice. Their files go as leftovers.
fn forget_others(
    place: &Place,
    order: &Order,
    transaction: &Transaction,
    attempt: u32,
) -> Result<()> {
    let names = before::names(order);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = rpm::installed(place, &names)?;
    let wanted = wanted(transaction);
    let mut others = BTreeSet::new();
    for package in &found {
        let is_wanted = wanted.iter().any(|wanted| {
            wanted.id == package.id && Some(&wanted.header) == package.header.as_ref()
        });
        let times = found.iter().filter(|other| other.id == package.id).count();
        if !is_wanted || times > 1 {
            others.insert(package.id.to_string());
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let ended = rpm::erase(
        place,
        &others.into_iter().collect::<Vec<_>>(),
        Manner {
            database_only: true,
            without_dependencies: true,
            ..Manner::default()
        },
    )?;
    if ended.is_good() {
        Ok(())
    } else {
        Err(Refused::failed(format!(
            "rpm could not set its database right in attempt {attempt}: {}",
            ended.said()
        )))
    }
}

/// Removes files of our packages, new and old, that nobody owns now, and
/// directories that are empty then.
pub fn remove_leftovers(place: &Place, known: &Listing, transaction: &Transaction) -> Result<()> {
    let paths: Vec<PathBuf> = wanted(transaction)
        .iter()
        .map(|package| place.package(&package.file))
        .collect();
    let kept = rpm::files_of(&paths)?;
    let kept: BTreeSet<&str> = kept.files.iter().map(|file| file.path.as_str()).collect();
    let mut directories = BTreeSet::new();
    let mut candidates = BTreeSet::new();
    for file in &known.files {
        let there = place.on_host(&file.path);
        if kept.contains(file.path.as_str()) || file.ghost {
            continue;
        }
        match fs::symlink_metadata(&there) {
            Ok(metadata) if metadata.is_dir() => directories.insert(file.path.clone()),
            Ok(_) => candidates.insert(file.path.clone()),
            Err(_) => continue,
        };
    }
    let candidates: Vec<String> = candidates
        .into_iter()
        .chain(directories.iter().cloned())
        .collect();
    if candidates.is_empty() {
        return Ok(());
    }
    let unowned: BTreeSet<String> = rpm::unowned(place, &candidates)?.into_iter().collect();
    for path in unowned.iter().filter(|path| !directories.contains(*path)) {
        crate::disk::remove(&place.on_host(path))?;
    }
    // Deepest first; one with something in it stays.
    for path in directories
        .iter()
        .rev()
        .filter(|path| unowned.contains(*path))
    {
        let _ = fs::remove_dir(place.on_host(path));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::base_of_stray;

    #[test]
    fn only_rpms_temporaries_are_strays() {
        assert_eq!(base_of_stray("site.conf;5f3a9c01"), Some("site.conf"));
        assert_eq!(base_of_stray("a;b;5f3a9c01"), Some("a;b"));
        assert_eq!(base_of_stray("site.conf"), None);
        assert_eq!(base_of_stray("x;5f3a9c0"), None);
        assert_eq!(base_of_stray("x;5F3A9C01"), None);
        assert_eq!(base_of_stray(";5f3a9c01"), None);
    }
}
