//! What an operator wants to see after a failure: bounded, without secrets.

use crate::before;
use crate::journal::Journal;
use crate::place::Place;
use crate::process::{self, Bounds};
use crate::refusal::Result;
use crate::{disk, records, rpm};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tandem_generation::protocol::Evidence;
use tandem_generation::{Action, Order, RunId};

const FILE_MAX_BYTES: usize = 64 * 1024;
const LOG_LINES: &str = "200";

/// Gathers what there is about a leg and keeps a copy on the host.
pub fn gather(place: &Place, run: &RunId, leg: u32) -> Result<Evidence> {
    let order = records::order(place, run, leg)?;
    let journal = Journal::of(place, run, leg).read()?;
    let mut files = BTreeMap::new();
    if place.systemctl.is_some() {
        let units = units(place, &order);
        let show = ["systemctl", "status", "--no-pager", "--lines=50", "--"];
        add(&mut files, "units.txt", &show, &units);
        let since = journal.first().map_or_else(
            || "-1h".to_owned(),
            |entry| format!("@{}", entry.at.as_second()),
        );
        for unit in units.iter().chain([&order.run.unit(leg)]) {
            let log = [
                "journalctl",
                "--no-pager",
                "--output=short-iso",
                "--lines",
                LOG_LINES,
                "--since",
                &since,
                "--unit",
                unit,
            ];
            add(&mut files, &format!("log-{unit}.txt"), &log, &[]);
        }
    }
    let names = before::names(&order);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let installed = rpm::installed(place, &names)?;
    let found: Vec<&str> = installed
        .iter()
        .map(|package| package.id.name.as_str())
        .collect();
    let list: Vec<String> = installed
        .iter()
        .map(|package| {
            let header = package
                .header
                .as_ref()
                .map_or("-", |header| header.as_str());
            format!("{} {header}", package.id)
        })
        .collect();
    files.insert("packages.txt".to_owned(), list.join("\n"));
    files.insert(
        "rpm-V.txt".to_owned(),
        rpm::verify(place, &found)?.join("\n"),
    );
    let evidence = Evidence { journal, files };
    let directory = place.state().join("evidence").join(run.as_str());
    crate::place::make_private(&directory)?;
    disk::write_document(&directory.join(format!("leg-{leg}.json")), &evidence)?;
    Ok(evidence)
}

fn units(place: &Place, order: &Order) -> Vec<String> {
    let mut units: BTreeSet<String> = crate::helper::guarded(place, std::slice::from_ref(order))
        .into_iter()
        .collect();
    for transaction in [&order.forward, &order.undo] {
        if let Some(target) = &transaction.target {
            units.extend(
                target
                    .content
                    .units
                    .iter()
                    .map(|policy| policy.unit.clone()),
            );
        }
        for action in transaction.before.iter().chain(&transaction.after) {
            if let Action::Unit { unit, .. } = action {
                units.insert(unit.clone());
            }
        }
    }
    units.into_iter().collect()
}

fn add(files: &mut BTreeMap<String, String>, name: &str, argv: &[&str], more: &[String]) {
    if argv.last() == Some(&"--") && more.is_empty() {
        return;
    }
    let mut all: Vec<&str> = argv.to_vec();
    all.extend(more.iter().map(String::as_str));
    let bounds = Bounds {
        timeout: Some(Duration::from_secs(10)),
        output_bytes: FILE_MAX_BYTES,
    };
    let text = match process::run(&all, bounds) {
        Ok(ended) => format!("{}{}", ended.stdout, ended.stderr),
        Err(cause) => format!("cannot run {}: {cause}", argv.first().unwrap_or(&"")),
    };
    files.insert(name.to_owned(), text);
}
