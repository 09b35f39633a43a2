//! Units held: they stay stopped through transactions and boots, whatever
//! policies say, until they are released. So two nodes whose old and new
//! generations cannot hear each other never both start, even when the operator
//! is cut off in between and one of them goes back by itself.

use crate::disk;
use crate::place::Place;
use crate::refusal::{Refused, Result};
use crate::{records, units};
use tandem_generation::UnitPolicy;

/// Units held at present, sorted.
pub fn held(place: &Place) -> Result<Vec<String>> {
    Ok(disk::read_document(&place.held())?.unwrap_or_default())
}

/// Holds units: first written down, then stopped, so that a crash in between
/// leaves more held than running.
pub fn hold(place: &Place, wanted: &[String]) -> Result<()> {
    let mut all = held(place)?;
    all.extend(wanted.iter().cloned());
    all.sort();
    all.dedup();
    disk::write_document(&place.held(), &all)?;
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    units::verb(place, "disable", &names, true)?;
    units::verb(place, "stop", &names, true)?;
    let running: Vec<String> = units::states(place, &all)?
        .into_iter()
        .filter(|state| !matches!(state.active.as_str(), "inactive" | "failed"))
        .map(|state| state.unit)
        .collect();
    if running.is_empty() {
        Ok(())
    } else {
        Err(Refused::failed(format!(
            "{} did not stop",
            running.join(", ")
        )))
    }
}

/// Releases everything that is held; the current generation says how it shall
/// be.
pub fn release(place: &Place) -> Result<()> {
    let names = held(place)?;
    disk::remove(&place.held())?;
    let Some(record) = records::current(place)? else {
        return Ok(());
    };
    let policies: Vec<UnitPolicy> = record
        .generation
        .content
        .units
        .into_iter()
        .filter(|policy| names.contains(&policy.unit))
        .collect();
    units::apply(place, &policies, true)
}
