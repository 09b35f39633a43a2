//! Opening a store, or creating it where there is none.

use crate::check::{CACHE, check, guarded};
use crate::disk::{ENTRIES, FORMAT, Fault, VALUES, format, identity, read};
use crate::problem::Problem;
use crate::store::{Identity, Store};
use cluster_core::disk::Disk;
use redb::{Builder, Database, ReadableDatabase, TableError};
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where a store comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// There was none. A voter that had one has lost its memory.
    Created,
    /// It was there.
    Found,
}

/// Opens the store at `path`, and reads it. If there is no file, one is created, with
/// mode 0600 in a directory of mode 0700: it appears under its name once it is complete.
///
/// # Errors
///
/// [`Problem`], and which. The file is as it was, unless it is whole.
pub fn open(path: &Path, identity: &Identity) -> Result<(Store, Disk, Origin), Problem> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => {
            let (store, disk) = find(file, path, identity)?;
            Ok((store, disk, Origin::Found))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let store = create(path, identity)?;
            Ok((store, Disk::default(), Origin::Created))
        }
        Err(error) => Err(Problem::io(path, "open it", error)),
    }
}

fn find(file: File, path: &Path, expected: &Identity) -> Result<(Store, Disk), Problem> {
    let metadata = file.metadata();
    let metadata = metadata.map_err(|error| Problem::io(path, "read it", error))?;
    if !metadata.is_file() {
        return Err(Problem::NotOurs {
            path: path.to_owned(),
            what: "it is not a file".to_owned(),
        });
    }
    lock(&file, path)?;
    check(&file, path)?;
    let database = database(file, path)?;
    let disk = guarded(path, "read it", || load(&database, path, expected))?;
    Ok((Store::new(database, path), disk))
}

/// redb's own lock is the same one, of the same open file: it gets it again.
fn lock(file: &File, path: &Path) -> Result<(), Problem> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Problem::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(Problem::io(path, "lock it", error)),
    }
}

fn database(file: File, path: &Path) -> Result<Database, Problem> {
    guarded(path, "open it", || {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE);
        let database = builder.create_file(file);
        database.map_err(|error| Problem::redb(path, "open it", error.into()))
    })
}

fn load(database: &Database, path: &Path, expected: &Identity) -> Result<Disk, Problem> {
    let fault = |fault| match fault {
        Fault::Redb(error) => Problem::redb(path, "read it", error),
        Fault::Row(what) => Problem::corrupt(path, what),
    };
    let not_ours = |what: &str| Problem::NotOurs {
        path: path.to_owned(),
        what: what.to_owned(),
    };
    let reading = database.begin_read().map_err(|e| fault(e.into()))?;
    let values = match reading.open_table(VALUES) {
        Ok(values) => values,
        Err(TableError::Storage(error)) => return Err(fault(error.into())),
        Err(_) => return Err(not_ours("it is a database of something else")),
    };
    match format(&values).map_err(fault)? {
        None => return Err(not_ours("it names no format")),
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => {
            return Err(Problem::NewerFormat {
                path: path.to_owned(),
                found,
                known: FORMAT,
            });
        }
        Some(found) => return Err(not_ours(&format!("there was never a format {found}"))),
    }
    let found = identity(&values).map_err(fault)?;
    if found.cluster != expected.cluster {
        return Err(Problem::OtherCluster {
            path: path.to_owned(),
            found: found.cluster,
            expected: expected.cluster.clone(),
        });
    }
    if found.node != expected.node {
        return Err(Problem::OtherNode {
            path: path.to_owned(),
            found: found.node,
            expected: expected.node,
        });
    }
    let entries = reading.open_table(ENTRIES).map_err(|e| fault(e.into()))?;
    read(&values, &entries).map_err(fault)
}

/// Makes a store under another name, and gives it its own once it is on the disk: a
/// crash in between leaves no store, and the next start makes one.
fn create(path: &Path, identity: &Identity) -> Result<Store, Problem> {
    let parent = parent(path);
    let directory = directory(parent)?;
    // Of two daemons that create it at the same time, one does.
    lock(&directory, path)?;
    let unfinished = unfinished(path);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(Problem::io(&unfinished, "remove it", error));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = options.open(&unfinished);
    let file = file.map_err(|error| Problem::io(&unfinished, "create it", error))?;
    lock(&file, &unfinished)?;
    let mut store = Store::new(database(file, path)?, path);
    store.begin(identity)?;
    // Not a rename: that would replace a store that somebody put there meanwhile.
    match fs::hard_link(&unfinished, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Problem::InUse {
                path: path.to_owned(),
            });
        }
        linked => linked.map_err(|error| Problem::io(path, "create it", error))?,
    }
    let removed = fs::remove_file(&unfinished);
    removed.map_err(|error| Problem::io(&unfinished, "remove it", error))?;
    let synced = directory.sync_all();
    synced.map_err(|error| Problem::io(parent, "write this directory", error))?;
    Ok(store)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

/// The directory of a store; made if it is not there.
fn directory(path: &Path) -> Result<File, Problem> {
    let failed = |error| Problem::io(path, "open this directory", error);
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => return opened.map_err(failed),
    }
    let above = directory(parent(path))?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.map_err(|error| Problem::io(path, "create this directory", error))?,
    }
    let synced = above.sync_all();
    synced.map_err(|error| Problem::io(path, "create this directory", error))?;
    File::open(path).map_err(failed)
}
