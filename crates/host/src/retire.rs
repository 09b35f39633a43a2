//! Leaving a host: everything of ours goes, what was before comes back, a log
//! stays.

use crate::journal::Journal;
use crate::place::Place;
use crate::prune::remove_tree;
use crate::refusal::{Refused, Result};
use crate::rpm::{self, Manner};
use crate::{disk, edits, helper, records, units};
use std::collections::BTreeSet;
use std::fs;
use tandem_generation::facts::UnitFact;
use tandem_generation::{LegState, place as constants};

/// Where the log stays.
const LOG: &str = "/var/log/tandem-retired.jsonl";

/// Removes everything of ours. Refused while a run is open.
pub fn retire(place: &Place) -> Result<()> {
    place.check_format()?;
    for (run, leg) in records::legs(place)? {
        let journal = Journal::of(place, &run, leg);
        if journal.exists() && !matches!(journal.state()?, LegState::Finished | LegState::Staged) {
            return Err(
                Refused::invalid(format!("leg {leg} of run {run} is still open"))
                    .hint("bring the run to its end first: `tandem resume` or `tandem abort`"),
            );
        }
    }
    let (all, _) = records::all(place)?;
    let edited: Vec<_> =
        records::current(place)?.map_or_else(Vec::new, |record| record.generation.content.edits);
    let foreseen = edits::foresee(place, &edited, &[])?;
    let origins: Vec<UnitFact> = disk::names(&place.unit_origins())?
        .iter()
        .filter_map(|name| {
            disk::read_document(&place.unit_origins().join(name))
                .ok()
                .flatten()
        })
        .collect();
    quieten(place, &origins)?;
    let mut names: BTreeSet<&str> = [
        constants::GENERATION_PACKAGE,
        constants::CONFIG_PACKAGE,
        constants::HELPER_PACKAGE,
    ]
    .into();
    for record in &all {
        let packages = &record.generation.content.packages;
        names.extend(packages.iter().map(|package| package.id.name.as_str()));
    }
    let names: Vec<&str> = names.into_iter().collect();
    let mut installed: Vec<String> = rpm::installed(place, &names)?
        .into_iter()
        .map(|package| package.id.name)
        .collect();
    installed.dedup();
    if !installed.is_empty() {
        let ended = rpm::erase(place, &installed, Manner::default())?;
        let left = rpm::installed(place, &names)?;
        if !ended.is_good() || !left.is_empty() {
            return Err(Refused::failed(format!(
                "rpm did not erase everything ({}): {}",
                ended.how(),
                ended.said()
            )));
        }
    }
    edits::make(place, &foreseen)?;
    helper::uninstall(place)?;
    units::restore(place, &origins, true)?;
    write_log(place, &all)?;
    remove_tree(&place.state())
}

/// Units that came with our packages: stopped and disabled while they are there.
fn quieten(place: &Place, origins: &[UnitFact]) -> Result<()> {
    for origin in origins
        .iter()
        .filter(|origin| origin.enabled == "not-found")
    {
        for now in units::states(place, std::slice::from_ref(&origin.unit))? {
            if now.enabled == "not-found" {
                continue;
            }
            units::verb(place, "stop", &[&now.unit], true)?;
            if matches!(now.enabled.as_str(), "enabled" | "generated") {
                units::verb(place, "disable", &[&now.unit], true)?;
            }
        }
    }
    Ok(())
}

fn write_log(place: &Place, all: &[tandem_generation::Record]) -> Result<()> {
    let path = place.on_host(LOG);
    let mut text = disk::read_text_if_there(&path)?.unwrap_or_default();
    for record in all {
        let line = serde_json::json!({
            "generation": record.generation.number,
            "release": record.generation.release.version,
            "run": record.run,
            "activated": record.activated,
            "verdict": record.verdict,
            "retired": jiff::Timestamp::now(),
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|cause| {
            Refused::failed(format!("cannot make {}: {cause}", parent.display()))
        })?;
    }
    disk::write(&path, text.as_bytes())
}
