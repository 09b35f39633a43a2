//! Former members that left the cluster for good.

use crate::disk;
use crate::place::Place;
use crate::records;
use crate::refusal::Result;

/// Who is no longer waited for, sorted.
pub fn retired(place: &Place) -> Result<Vec<String>> {
    Ok(disk::read_document(&place.retired())?.unwrap_or_default())
}

/// No longer waits for a host.
pub fn forget(place: &Place, host: &str) -> Result<()> {
    let mut all = retired(place)?;
    all.push(host.to_owned());
    all.sort();
    all.dedup();
    disk::write_document(&place.retired(), &all)
}

/// A host that is a member again is one like any other.
pub fn remember_members(place: &Place) -> Result<()> {
    let all = retired(place)?;
    if all.is_empty() {
        return Ok(());
    }
    let members =
        records::current(place)?.map_or_else(Vec::new, |record| record.generation.members);
    let kept: Vec<String> = all
        .into_iter()
        .filter(|host| !members.contains(host))
        .collect();
    disk::write_document(&place.retired(), &kept)
}
