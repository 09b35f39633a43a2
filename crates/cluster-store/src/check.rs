//! Is a file whole? Every checksum is verified, without changing the file.
//!
//! redb trusts a file that was closed, and one that was written in two phases, as ours
//! are: it reads them without looking at checksums, and some damage makes it panic or
//! follow pages in circles. So it is shown the file through an [`Overlay`] in which the
//! header says that the file was not closed and is to be verified, and in which the older
//! of the two commits is not to be used: what is wrong with the newer one would otherwise
//! be mended by forgetting it.
//!
//! This needs the layout of the header (redb's `docs/design.md`, file format 3), and a
//! test says so if it changes.

use crate::overlay::Overlay;
use crate::problem::Problem;
use redb::{Builder, DatabaseError, StorageBackend};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const MAGIC: [u8; 9] = [b'r', b'e', b'd', b'b', 0x1a, 0x0a, 0xa9, 0x0d, 0x0a];
const GOD_BYTE: usize = 9;
const SECOND_IS_PRIMARY: u8 = 1;
const NOT_CLOSED: u8 = 2;
const TWO_PHASES: u8 = 4;
/// Page size, pages of a region's header, pages of a region: the same in all our files.
const GEOMETRY: std::ops::Range<usize> = 12..24;
const GEOMETRY_BYTES: [u8; 12] = [0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0];
const FULL_REGIONS: usize = 24;
const PAGES: usize = 28;
const SLOTS: [usize; 2] = [64, 192];
const SLOT_NUMBER: usize = 104;
const SLOT_CHECKSUM: usize = 112;
const HEADER: usize = 320;
const PAGE: u64 = 4096;

/// Bytes of a file that is still looked at: one region. Ours have a few million.
const LENGTH_MAX: u64 = 4 << 30;

/// Memory for pages that were read or are to be written.
pub(crate) const CACHE: usize = 4 << 20;

/// Does something with redb, whose answer to some damage is a panic.
pub(crate) fn guarded<T>(
    path: &Path,
    attempt: &'static str,
    what: impl FnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    // Whatever was under way is dropped with the panic: nobody sees it half done.
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("redb gave up");
        Err(Problem::corrupt(path, format!("cannot {attempt}: {text}")))
    })
}

/// Verifies a file that nobody else writes.
pub(crate) fn check(file: &File, path: &Path) -> Result<(), Problem> {
    let failed = |source| Problem::io(path, "read it", source);
    let length = file.metadata().map_err(failed)?.len();
    let copy = file.try_clone().map_err(failed)?;
    let overlay = Overlay::new(copy, length);
    let mut header = [0; HEADER];
    let there = usize::try_from(length).map_or(HEADER, |length| length.min(HEADER));
    overlay.read(0, &mut header[..there]).map_err(failed)?;
    prepare(&mut header, there, length, path)?;
    overlay.write(0, &header).map_err(failed)?;
    guarded(path, "verify it", || {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE);
        builder.set_repair_callback(|session| {
            // Past its beginning and not yet half done: the checksums were wrong.
            if session.progress() > 0.0 && session.progress() < 0.5 {
                session.abort();
            }
        });
        match builder.create_with_backend(overlay) {
            Ok(_) => Ok(()),
            Err(DatabaseError::RepairAborted) => {
                Err(Problem::corrupt(path, "a page has a wrong checksum"))
            }
            Err(error) => Err(Problem::redb(path, "verify it", error.into())),
        }
    })
}

/// Looks at the header and makes it one that has to be verified.
fn prepare(
    header: &mut [u8; HEADER],
    there: usize,
    length: u64,
    path: &Path,
) -> Result<(), Problem> {
    let corrupt = |what: String| Err(Problem::corrupt(path, what));
    if length == 0 {
        return corrupt("it is empty".to_owned());
    }
    if header[..MAGIC.len()] != MAGIC {
        return Err(Problem::NotOurs {
            path: path.to_owned(),
            what: "it does not begin as one".to_owned(),
        });
    }
    if there < HEADER {
        return corrupt(format!("it ends after {length} bytes, in its header"));
    }
    if header[GEOMETRY] != GEOMETRY_BYTES || number(header, FULL_REGIONS) != 0 {
        return corrupt("its header names sizes that no store has".to_owned());
    }
    let needed = (u64::from(number(header, PAGES)) + 1) * PAGE;
    if length < needed {
        return corrupt(format!("it ends after {length} of {needed} bytes"));
    }
    if length > LENGTH_MAX {
        return corrupt(format!("it has {length} bytes, more than any store"));
    }
    let second = header[GOD_BYTE] & SECOND_IS_PRIMARY != 0;
    let (newer, older) = if second { (1, 0) } else { (0, 1) };
    // In a file that was not closed, the other commit may be one that came to no end.
    let closed = header[GOD_BYTE] & NOT_CLOSED == 0;
    if closed && slot_number(header, SLOTS[newer]) < slot_number(header, SLOTS[older]) {
        return corrupt("its header names the older of two commits".to_owned());
    }
    if header[GOD_BYTE] & TWO_PHASES == 0 {
        return corrupt("its last commit was not done in two phases".to_owned());
    }
    header[GOD_BYTE] |= NOT_CLOSED;
    header[GOD_BYTE] &= !TWO_PHASES;
    // A wrong checksum: this one is not used instead of the other.
    header[SLOTS[older] + SLOT_CHECKSUM] ^= 0xff;
    Ok(())
}

fn number(header: &[u8; HEADER], at: usize) -> u32 {
    let bytes = header[at..].first_chunk();
    bytes.map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
}

fn slot_number(header: &[u8; HEADER], slot: usize) -> u64 {
    let bytes = header[slot + SLOT_NUMBER..].first_chunk();
    bytes.map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::{Database, TableDefinition};
    use std::fs;

    #[test]
    fn the_header_is_laid_out_as_it_is_read_here() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        let table: TableDefinition<u64, &[u8]> = TableDefinition::new("table");
        let database = Database::create(&path).expect("new");
        let mut last = 0;
        for round in 0..3 {
            let mut writing = database.begin_write().expect("good");
            writing.set_two_phase_commit(true);
            let mut open = writing.open_table(table).expect("good");
            open.insert(round, &[1; 10_000][..]).expect("good");
            drop(open);
            writing.commit().expect("good");
            let header = fs::read(&path).expect("there");
            let header: &[u8; HEADER] = header.first_chunk().expect("long");
            assert_eq!(header[..MAGIC.len()], MAGIC);
            assert_eq!(header[GEOMETRY], GEOMETRY_BYTES);
            assert_eq!(
                header[GOD_BYTE] & (NOT_CLOSED | TWO_PHASES),
                NOT_CLOSED | TWO_PHASES
            );
            let newer = usize::from(header[GOD_BYTE] & SECOND_IS_PRIMARY);
            let numbers = SLOTS.map(|slot| slot_number(header, slot));
            assert!(numbers[newer] > numbers[1 - newer] && numbers[newer] > last);
            last = numbers[newer];
            let length = fs::metadata(&path).expect("there").len();
            assert_eq!((u64::from(number(header, PAGES)) + 1) * PAGE, length);
        }
        drop(database);
        let header = fs::read(&path).expect("there");
        assert_eq!(header[GOD_BYTE] & (NOT_CLOSED | TWO_PHASES), TWO_PHASES);
        let file = File::open(&path).expect("there");
        check(&file, &path).expect("whole");
        assert_eq!(fs::read(&path).expect("there"), header, "not changed");
    }
}
