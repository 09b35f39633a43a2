//! Writing to an open store.

use crate::check::guarded;
use crate::disk::{ENTRIES, VALUES, begin, out_of_order, take};
use crate::problem::Problem;
use cluster_core::disk::Write;
use redb::{Database, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Whose store it is: written when it is created, and compared ever after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's name.
    pub cluster: String,
    /// The number of the node or witness.
    pub node: u16,
}

/// A store that is open. No other process can open it meanwhile.
#[derive(Debug)]
pub struct Store {
    database: Database,
    path: PathBuf,
    /// How a write failed.
    broken: Option<String>,
}

impl Store {
    pub(crate) fn new(database: Database, path: &Path) -> Self {
        Self {
            database,
            path: path.to_owned(),
            broken: None,
        }
    }

    /// Writes the rows that each store has.
    pub(crate) fn begin(&mut self, identity: &Identity) -> Result<(), Problem> {
        self.commit(|writing| {
            writing.open_table(ENTRIES)?;
            begin(&mut writing.open_table(VALUES)?, identity)
        })
    }

    /// Does all of `writes`, in their order, or nothing. They are on the disk when this
    /// returns: it waits for that, twice (see `check.rs` for why two phases).
    ///
    /// # Errors
    ///
    /// [`Problem::Full`], [`Problem::Io`]: whether it was written will be known when the
    /// store is opened again, and each further write is [`Problem::Broken`].
    /// [`Problem::Order`]: nothing was done, and the store is as before.
    pub fn write(&mut self, writes: &[Write]) -> Result<(), Problem> {
        if let Some(index) = writes.iter().find_map(out_of_order) {
            let path = self.path.clone();
            return Err(Problem::Order { path, index });
        }
        if writes.iter().all(Write::is_empty) && self.broken.is_none() {
            return Ok(());
        }
        self.commit(|writing| {
            let mut values = writing.open_table(VALUES)?;
            let mut entries = writing.open_table(ENTRIES)?;
            writes
                .iter()
                .try_for_each(|write| take(write, &mut values, &mut entries))
        })
    }

    fn commit(
        &mut self,
        rows: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), Problem> {
        let path = &self.path;
        if let Some(earlier) = self.broken.clone() {
            let path = path.clone();
            return Err(Problem::Broken { path, earlier });
        }
        let done = guarded(path, "write it", || {
            let failed = |error| Problem::redb(path, "write it", error);
            let mut writing = self.database.begin_write().map_err(|e| failed(e.into()))?;
            writing.set_two_phase_commit(true);
            rows(&writing).map_err(failed)?;
            writing.commit().map_err(|e| failed(e.into()))
        });
        if let Err(problem) = &done {
            self.broken = Some(problem.to_string());
        }
        done
    }
}
