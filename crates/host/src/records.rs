//! Generations as this host remembers them.

use crate::disk;
use crate::place::Place;
use crate::refusal::{Refused, Result};
use tandem_generation::{Order, Record, RunId, Verdict};

/// Number of the current generation, 0 for none.
pub fn current_number(place: &Place) -> Result<u64> {
    number_in(&place.current())
}

fn number_in(path: &std::path::Path) -> Result<u64> {
    match disk::read_text_if_there(path)? {
        None => Ok(0),
        Some(text) => text.trim().parse().map_err(|_| {
            Refused::failed(format!(
                "{} is damaged: `{}` is not a number",
                path.display(),
                text.trim()
            ))
        }),
    }
}

/// Makes a generation the current one.
pub fn set_current(place: &Place, number: u64) -> Result<()> {
    disk::write(&place.current(), format!("{number}\n").as_bytes())
}

/// The record of a generation.
pub fn read(place: &Place, number: u64) -> Result<Option<Record>> {
    disk::read_document(&path(place, number))
}

/// Writes a record.
pub fn write(place: &Place, record: &Record) -> Result<()> {
    disk::write_document(&path(place, record.generation.number), record)
}

/// The record of the current generation.
pub fn current(place: &Place) -> Result<Option<Record>> {
    match current_number(place)? {
        0 => Ok(None),
        number => read(place, number),
    }
}

/// All records, oldest first, and what is wrong with those that cannot be read.
pub fn all(place: &Place) -> Result<(Vec<Record>, Vec<Refused>)> {
    let mut records = Vec::new();
    let mut damaged = Vec::new();
    for name in disk::names(&place.generations())? {
        let Some(number) = name
            .strip_suffix(".json")
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        match read(place, number) {
            Ok(record) => records.extend(record),
            Err(refused) => damaged.push(refused),
        }
    }
    records.sort_by_key(|record: &Record| record.generation.number);
    Ok((records, damaged))
}

/// Changes the verdict of a generation, where there is a record of it.
pub fn judge(place: &Place, number: u64, verdict: Verdict) -> Result<()> {
    if let Some(mut record) = read(place, number)?
        && record.verdict != verdict
    {
        record.verdict = verdict;
        write(place, &record)?;
    }
    Ok(())
}

/// Remembers that the numbers of an order are taken.
pub fn take_numbers(place: &Place, order: &Order) -> Result<()> {
    let taken = [&order.forward, &order.undo]
        .iter()
        .filter_map(|transaction| transaction.target.as_ref())
        .map(|generation| generation.number)
        .max()
        .unwrap_or(0);
    if taken > number_in(&place.last_number())? {
        disk::write(&place.last_number(), format!("{taken}\n").as_bytes())?;
    }
    Ok(())
}

/// The next number that was never used, damaged records included.
pub fn next_number(place: &Place) -> Result<u64> {
    let recorded = disk::names(&place.generations())?
        .iter()
        .filter_map(|name| name.strip_suffix(".json")?.parse::<u64>().ok())
        .max()
        .unwrap_or(0);
    Ok(recorded.max(number_in(&place.last_number())?) + 1)
}

/// The order of a leg.
pub fn order(place: &Place, run: &RunId, leg: u32) -> Result<Order> {
    disk::read_document(&place.order(run, leg))?.ok_or_else(|| {
        Refused::invalid(format!("leg {leg} of run {run} is not staged on this host"))
            .hint("`tandem status` shows the runs of each host")
    })
}

/// Runs on this host and their legs, in order.
pub fn legs(place: &Place) -> Result<Vec<(RunId, u32)>> {
    let mut legs = Vec::new();
    for name in disk::names(&place.runs())? {
        let Ok(run) = name.parse::<RunId>() else {
            continue;
        };
        legs.extend(
            legs_of(place, &run)?
                .into_iter()
                .map(|leg| (run.clone(), leg)),
        );
    }
    Ok(legs)
}

/// Legs of a run on this host, in order.
pub fn legs_of(place: &Place, run: &RunId) -> Result<Vec<u32>> {
    let mut legs: Vec<u32> = disk::names(&place.run(run))?
        .iter()
        .filter_map(|name| {
            name.strip_prefix("order-")?
                .strip_suffix(".json")?
                .parse()
                .ok()
        })
        .collect();
    legs.sort_unstable();
    Ok(legs)
}

fn path(place: &Place, number: u64) -> std::path::PathBuf {
    place.generations().join(format!("{number}.json"))
}
