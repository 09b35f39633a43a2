//! Forgetting: old generations, and packages that nothing refers to.

use crate::before::wanted;
use crate::disk;
use crate::journal::Journal;
use crate::place::Place;
use crate::records;
use crate::refusal::{Attempt, Refused, Result};
use crate::store;
use std::collections::BTreeSet;
use std::fs;
use tandem_generation::protocol::Pruned;
use tandem_generation::{Digest, LegState, Order, RunId, Verdict};

/// Keeps the last `keep` generations that could be gone back to, the current
/// one, and whatever open legs refer to.
pub fn prune(place: &Place, keep: usize) -> Result<Pruned> {
    place.check_format()?;
    let (records, damaged) = records::all(place)?;
    if let Some(refused) = damaged.into_iter().next() {
        // What cannot be read may refer to anything.
        return Err(refused);
    }
    let current = records::current_number(place)?;
    let mut kept: BTreeSet<u64> = records
        .iter()
        .rev()
        .filter(|record| !matches!(record.verdict, Verdict::RolledBack { .. }))
        .take(keep)
        .map(|record| record.generation.number)
        .collect();
    kept.insert(current);
    let mut needed: BTreeSet<Digest> = BTreeSet::new();
    let mut runs: BTreeSet<RunId> = BTreeSet::new();
    for (run, leg) in records::legs(place)? {
        let order = records::order(place, &run, leg)?;
        let journal = Journal::of(place, &run, leg);
        if !journal.exists() || journal.state()? != LegState::Finished {
            needed.extend(packages(&order));
            runs.insert(run);
            for transaction in [&order.forward, &order.undo] {
                kept.extend(transaction.target.as_ref().map(|target| target.number));
            }
        }
    }
    let mut pruned = Pruned::default();
    for record in &records {
        let number = record.generation.number;
        if kept.contains(&number) {
            runs.insert(record.run.clone());
            needed.extend(record.package.iter().map(|package| package.file.clone()));
            let packages = &record.generation.content.packages;
            needed.extend(packages.iter().map(|package| package.file.clone()));
        } else {
            disk::remove(&place.generations().join(format!("{number}.json")))?;
            pruned.generations.push(number);
        }
    }
    // Between pushing and staging nothing on disk refers to what was pushed.
    let holder = crate::lock::holder(place)?;
    let is_pushing = match &holder {
        Some(lock) => records::legs_of(place, &lock.run)?.is_empty(),
        None => false,
    };
    for digest in store::complete(place)? {
        if !is_pushing && !needed.contains(&digest) {
            pruned.freed_bytes += size(&place.package(&digest));
            disk::remove(&place.package(&digest))?;
            pruned.packages.push(digest);
        }
    }
    if holder.is_none() {
        for (digest, size) in store::partial(place)? {
            disk::remove(&place.partial(&digest))?;
            pruned.freed_bytes += size;
        }
    }
    for name in disk::names(&place.runs())? {
        if name.parse::<RunId>().is_ok_and(|run| !runs.contains(&run)) {
            for directory in ["runs", "drift", "evidence"] {
                remove_tree(&place.state().join(directory).join(&name))?;
            }
        }
    }
    prune_helpers(place)?;
    Ok(pruned)
}

/// Removes helpers that are neither the one recovery uses nor this one.
fn prune_helpers(place: &Place) -> Result<()> {
    let used = [
        std::env::current_exe().ok(),
        fs::canonicalize(place.helpers().join("current/tandem-host")).ok(),
    ];
    for name in disk::names(&place.helpers())? {
        let directory = place.helpers().join(&name);
        let program = fs::canonicalize(directory.join("tandem-host")).ok();
        if name.parse::<Digest>().is_ok() && !used.contains(&program) {
            remove_tree(&directory)?;
        }
    }
    Ok(())
}

fn packages(order: &Order) -> Vec<Digest> {
    [&order.forward, &order.undo]
        .iter()
        .flat_map(|transaction| {
            let mut packages = wanted(transaction);
            packages.extend(transaction.install.iter().cloned());
            packages
        })
        .map(|package| package.file)
        .collect()
}

/// Removes a directory and everything in it; one that is not there is fine.
pub fn remove_tree(path: &std::path::Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err::<(), Refused>(
            Refused::failed(format!("cannot remove {}: {cause}", path.display())),
        ),
        _ => Ok(()),
    }
}

fn size(path: &std::path::Path) -> u64 {
    fs::metadata(path)
        .attempt(|| format!("read {}", path.display()))
        .map_or(0, |metadata| metadata.len())
}
