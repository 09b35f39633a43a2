//! What the lab remembers about itself on disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bmc::BmcTrouble;
use crate::error::{Error, IoContext as _, Result};
use crate::fault::Fault;
use crate::topology::Topology;

/// 2: hosts have watchdogs and BMCs.
const FORMAT: u32 = 2;

/// The lab's record, `lab.json` in its state directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    /// As it is built, with the network of the BMCs.
    pub(crate) topology: Topology,
    /// The base tree below the hosts' disks. A host must keep the one it began with.
    pub(crate) base: PathBuf,
    pub(crate) created: Timestamp,
    /// False from the first step of `up` to its last: tells what a killed `up` left.
    pub(crate) complete: bool,
    /// Written before a fault is put into force, removed after it is undone.
    pub(crate) faults: Vec<Fault>,
}

impl Record {
    pub(crate) fn new(topology: Topology, base: PathBuf) -> Self {
        Self {
            format: FORMAT,
            topology,
            base,
            created: Timestamp::now(),
            complete: false,
            faults: Vec::new(),
        }
    }

    /// Reads a record; `None` if there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.on("read", path)?,
        };
        let damaged = |reason: String| Error::Record {
            path: path.into(),
            reason,
        };
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|e| damaged(e.to_string()))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            other => {
                return Err(damaged(format!(
                    "its format is {other:?}, this version knows {FORMAT}"
                )));
            }
        }
        serde_json::from_value(value)
            .map(Some)
            .map_err(|e| damaged(e.to_string()))
    }

    /// Replaces the record; a reader sees the old one or the new one.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Record {
            path: path.into(),
            reason: e.to_string(),
        })?;
        let new = path.with_extension("json.new");
        let mut file = File::create(&new).on("write", &new)?;
        file.write_all(text.as_bytes()).on("write", &new)?;
        file.sync_all().on("write", &new)?;
        fs::rename(&new, path).on("replace", path)
    }

    /// What is wrong with a host's BMC.
    pub(crate) fn bmc_trouble(&self, host: &str) -> Option<&BmcTrouble> {
        self.faults.iter().find_map(|f| match f {
            Fault::Bmc { host: h, trouble } if h == host => Some(trouble),
            _ => None,
        })
    }

    pub(crate) fn is_silenced(&self, host: &str) -> bool {
        self.faults.iter().any(|f| f.silenced_host() == Some(host))
    }
}
