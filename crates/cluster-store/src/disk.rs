//! A [`Disk`] as rows: entries of the log by index, everything else by name.

use crate::store::Identity;
use cluster_core::disk::{Disk, LogEntry, Write};
use redb::{ReadOnlyTable, ReadableTable, Table, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;

// What was not there from the beginning has rows of its own: a daemon of before leaves them
// alone, and a disk without them is as good.
const GIVEN_UP: &str = "given_up";
const LATECOMER: &str = "latecomer";

/// Entries of the log, by index.
pub(crate) const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");

/// Everything else, by name.
pub(crate) const VALUES: TableDefinition<&str, &[u8]> = TableDefinition::new("values");

/// The format of this release. Readable in all formats: 4 bytes, little-endian.
pub(crate) const FORMAT: u32 = 1;

/// What can be wrong with a row.
#[derive(Debug)]
pub(crate) enum Fault {
    Redb(redb::Error),
    /// What is wrong, and where.
    Row(String),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

type Values<'a> = Table<'a, &'static str, &'static [u8]>;
type Entries<'a> = Table<'a, u64, &'static [u8]>;

/// Writes what stays the same for the life of a store.
pub(crate) fn begin(values: &mut Values<'_>, identity: &Identity) -> Result<(), redb::Error> {
    values.insert("format", &FORMAT.to_le_bytes()[..])?;
    put(values, "identity", identity)?;
    put_disk(values, &Disk::default())
}

fn put_disk(values: &mut Values<'_>, disk: &Disk) -> Result<(), redb::Error> {
    put(values, "snapshot", &disk.snapshot)?;
    put(values, "hard", &disk.hard)?;
    put(values, "agreed", &disk.agreed)?;
    put(values, "running", &disk.running)?;
    put(values, "applied", &disk.applied)?;
    put(values, "membership", &disk.membership)?;
    put(values, "stop_failed", &disk.stop_failed)?;
    put(values, GIVEN_UP, &disk.given_up)?;
    put(values, LATECOMER, &disk.latecomer)
}

/// Does to rows what [`Disk::take`] does to a disk.
pub(crate) fn take(
    write: &Write,
    values: &mut Values<'_>,
    entries: &mut Entries<'_>,
) -> Result<(), redb::Error> {
    if let Some(snapshot) = &write.snapshot {
        if write.replaces_log {
            entries.retain(|_, _| false)?;
        } else {
            entries.retain_in(..=snapshot.index, |_, _| false)?;
        }
        put(values, "snapshot", &write.snapshot)?;
    }
    if let Some(first) = write.entries.first() {
        entries.retain_in(first.index.., |_, _| false)?;
    }
    for entry in &write.entries {
        entries.insert(entry.index, &encode(entry)?[..])?;
    }
    if let Some(hard) = &write.hard {
        put(values, "hard", hard)?;
    }
    if let Some(membership) = &write.membership {
        put(values, "membership", membership)?;
    }
    if let Some(applied) = &write.applied {
        put(values, "applied", applied)?;
    }
    if let Some(agreed) = &write.agreed {
        put(values, "agreed", agreed)?;
    }
    if let Some(running) = &write.running {
        put(values, "running", running)?;
    }
    if let Some(given_up) = &write.given_up {
        put(values, GIVEN_UP, given_up)?;
    }
    if let Some(latecomer) = &write.latecomer {
        put(values, LATECOMER, latecomer)?;
    }
    if let Some(stop_failed) = &write.stop_failed {
        put(values, "stop_failed", stop_failed)?;
    }
    Ok(())
}

/// The first entry of a write that does not come after the one before it.
pub(crate) fn out_of_order(write: &Write) -> Option<u64> {
    let mut pairs = write.entries.windows(2);
    let wrong = pairs.find(|pair| pair[1].index <= pair[0].index)?;
    Some(wrong[1].index)
}

/// The format, before anything else is understood.
pub(crate) fn format(
    values: &ReadOnlyTable<&'static str, &'static [u8]>,
) -> Result<Option<u32>, Fault> {
    let Some(row) = values.get("format")? else {
        return Ok(None);
    };
    let bytes = row.value().try_into();
    let bytes = bytes.map_err(|_| Fault::Row("the value 'format' is not a number".to_owned()))?;
    Ok(Some(u32::from_le_bytes(bytes)))
}

/// Whose it is.
pub(crate) fn identity(
    values: &ReadOnlyTable<&'static str, &'static [u8]>,
) -> Result<Identity, Fault> {
    get(values, "identity")
}

/// Everything that was written.
pub(crate) fn read(
    values: &ReadOnlyTable<&'static str, &'static [u8]>,
    entries: &ReadOnlyTable<u64, &'static [u8]>,
) -> Result<Disk, Fault> {
    let mut log = Vec::new();
    for row in entries.iter()? {
        let (index, row) = row?;
        let index = index.value();
        let entry: Option<LogEntry> = decode(row.value());
        let entry = entry.filter(|entry| entry.index == index);
        let unreadable = || Fault::Row(format!("entry {index} of the log cannot be understood"));
        log.push(entry.ok_or_else(unreadable)?);
    }
    Ok(Disk {
        snapshot: get(values, "snapshot")?,
        entries: log,
        hard: get(values, "hard")?,
        applied: get(values, "applied")?,
        membership: get(values, "membership")?,
        agreed: get(values, "agreed")?,
        running: get(values, "running")?,
        stop_failed: get(values, "stop_failed")?,
        given_up: get_if_there(values, GIVEN_UP)?,
        latecomer: get_if_there(values, LATECOMER)?,
    })
}

fn put(
    values: &mut Values<'_>,
    name: &'static str,
    value: &impl Serialize,
) -> Result<(), redb::Error> {
    values.insert(name, &encode(value)?[..])?;
    Ok(())
}

fn get<T: DeserializeOwned>(
    values: &ReadOnlyTable<&'static str, &'static [u8]>,
    name: &'static str,
) -> Result<T, Fault> {
    let row = values.get(name)?;
    let row = row.ok_or_else(|| Fault::Row(format!("the value '{name}' is not there")))?;
    decode(row.value())
        .ok_or_else(|| Fault::Row(format!("the value '{name}' cannot be understood")))
}

/// Of a daemon that knew of no such thing: what it would have begun with.
fn get_if_there<T: DeserializeOwned + Default>(
    values: &ReadOnlyTable<&'static str, &'static [u8]>,
    name: &'static str,
) -> Result<T, Fault> {
    match values.get(name)? {
        Some(_) => get(values, name),
        None => Ok(T::default()),
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, redb::Error> {
    // Nothing of ours fails to encode; if it ever does, it is not written.
    postcard::to_stdvec(value).map_err(|error| redb::Error::Io(std::io::Error::other(error)))
}

/// All of it, or nothing.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}
