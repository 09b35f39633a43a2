//! Test transactions: forth on the host's database, forth and back on a copy.

use crate::before::{files_to_install, names, wanted};
use crate::place::{Place, make_private};
use crate::refusal::{Attempt, Refused, Result};
use crate::rpm::{self, Manner};
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tandem_generation::{Order, Transaction};

/// Proves that every leg can go forth, and back from there; one sentence each.
pub fn prove(place: &Place, orders: &[Order]) -> Result<Vec<String>> {
    make_private(&place.scratch())?;
    let directory = place.scratch().join("proof");
    let _ = fs::remove_dir_all(&directory);
    let result = prove_in(place, orders, &directory);
    let _ = fs::remove_dir_all(&directory);
    result
}

fn prove_in(place: &Place, orders: &[Order], directory: &Path) -> Result<Vec<String>> {
    let mut proofs = Vec::new();
    let there = directory.join("there");
    copy_database(&place.rpm_database(), &there)?;
    for (index, order) in orders.iter().enumerate() {
        let leg = order.leg;
        if index == 0 {
            attempt(
                place,
                &order.forward,
                order,
                Manner {
                    test: true,
                    ..Manner::default()
                },
                &format!("leg {leg} cannot be installed on this host"),
            )?;
            proofs.push(format!(
                "leg {leg}: rpm --test accepts the transaction on this host"
            ));
        }
        let there_seen = place.as_host_sees(&there);
        let on_copy = Manner {
            database: Some(&there_seen),
            ..Manner::default()
        };
        if index > 0 {
            attempt(
                place,
                &order.forward,
                order,
                Manner {
                    test: true,
                    ..on_copy
                },
                &format!("leg {leg} cannot follow the legs before it"),
            )?;
        }
        attempt(
            place,
            &order.forward,
            order,
            Manner {
                database_only: true,
                ..on_copy
            },
            &format!("leg {leg} fails on a copy of the rpm database"),
        )?;
        must_be(place, &order.forward, order, &there_seen, "forth")?;
        let back = directory.join(format!("back-{leg}"));
        copy_database(&there, &back)?;
        let back_seen = place.as_host_sees(&back);
        let on_second_copy = Manner {
            database: Some(&back_seen),
            ..Manner::default()
        };
        attempt(
            place,
            &order.undo,
            order,
            Manner {
                test: true,
                ..on_second_copy
            },
            &format!("leg {leg} could not be undone"),
        )?;
        attempt(
            place,
            &order.undo,
            order,
            Manner {
                database_only: true,
                ..on_second_copy
            },
            &format!("the undo of leg {leg} fails on a copy of the rpm database"),
        )?;
        must_be(place, &order.undo, order, &back_seen, "back")?;
        proofs.push(format!(
            "leg {leg}: on a copy of the rpm database it goes forth and back to exactly its packages"
        ));
    }
    Ok(proofs)
}

fn attempt(
    place: &Place,
    transaction: &Transaction,
    order: &Order,
    manner: Manner,
    what: &str,
) -> Result<()> {
    let ended = if transaction.target.is_some() {
        rpm::upgrade(place, &files_to_install(place, transaction), manner)?
    } else {
        let names = in_database(place, order, manner.database)?;
        if names.is_empty() {
            return Ok(());
        }
        rpm::erase(place, &names, manner)?
    };
    if ended.is_good() {
        return Ok(());
    }
    let message = format!("{what}: {}", ended.said());
    // "installing package x needs 5MB more space on the / filesystem"
    if ended.stderr.contains(" needs ") && ended.stderr.contains("filesystem") {
        return Err(Refused::no_space(message));
    }
    Err(Refused::unproven(message))
}

fn in_database(place: &Place, order: &Order, database: Option<&Path>) -> Result<Vec<String>> {
    let all = names(order);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut found: Vec<String> = rpm::installed_in(place, &all, database)?
        .into_iter()
        .map(|package| package.id.name)
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Refuses unless the copy holds exactly the target's packages.
fn must_be(
    place: &Place,
    transaction: &Transaction,
    order: &Order,
    database: &Path,
    way: &str,
) -> Result<()> {
    let all = names(order);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut found: Vec<_> = rpm::installed_in(place, &all, Some(database))?
        .into_iter()
        .map(|package| (package.id, package.header))
        .collect();
    let mut shall: Vec<_> = wanted(transaction)
        .into_iter()
        .map(|package| (package.id, Some(package.header)))
        .collect();
    found.sort();
    shall.sort();
    if found == shall {
        return Ok(());
    }
    let list = |packages: &[(
        tandem_generation::PackageId,
        Option<tandem_generation::Digest>,
    )]| {
        packages
            .iter()
            .map(|(id, header)| {
                format!(
                    "{id} ({})",
                    header
                        .as_ref()
                        .map_or("no header digest", |header| header.short())
                )
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    Err(Refused::unproven(format!(
        "leg {} {way} would leave [{}] installed instead of [{}]",
        order.leg,
        list(&found),
        list(&shall)
    ))
    .hint("the order does not lead to its target: plan again"))
}

/// Copies an rpm database while nobody writes to it.
fn copy_database(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("copy the rpm database {}", from.display());
    make_private(to)?;
    let _quiet = quiet(from)?;
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(cause).attempt(what),
    };
    for entry in entries {
        let entry = entry.attempt(what)?;
        let name = entry.file_name();
        let is_file = entry.file_type().attempt(what)?.is_file();
        // The index of the write-ahead log is rebuilt from the log.
        if is_file && name != ".rpm.lock" && !name.to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(&name)).attempt(what)?;
        }
    }
    Ok(())
}

/// rpm's own transaction lock: while it is held no transaction writes.
fn quiet(database: &Path) -> Result<Option<File>> {
    let path: PathBuf = database.join(".rpm.lock");
    let Ok(file) = File::options().read(true).write(true).open(&path) else {
        return Ok(None);
    };
    // The constants are small; the types differ between systems.
    #[allow(clippy::cast_possible_truncation)]
    let lock = nix::libc::flock {
        l_type: nix::libc::F_WRLCK as _,
        l_whence: nix::libc::SEEK_SET as _,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&file, FcntlArg::F_SETLKW(&lock))
        .attempt(|| format!("wait for rpm's lock {}", path.display()))?;
    Ok(Some(file))
}
