//! `cargo xtask test`: all that must hold before a change goes in.

use crate::checkout::Checkout;
use crate::machine::{self, Need};
use crate::nextest::{self, Tally};
use crate::report::{span, stage, table};
use crate::{docs, layers, licences, process};
use anyhow::Result;
use std::time::Duration;

/// How a stage ended: one check, unless it is the tests.
struct Stage {
    name: &'static str,
    took: Duration,
    tally: Tally,
}

/// Runs every stage, also after one that failed. True if all is well.
pub(crate) fn run(checkout: &Checkout, long: bool) -> bool {
    let mut stages = Vec::new();
    let mut add = |name: &'static str, work: &mut dyn FnMut() -> Result<Tally>| {
        let begun = stage(name);
        let tally = work().unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            failed(&format!("{error:#}"))
        });
        let good = tally.failed == 0;
        stages.push(Stage {
            name,
            took: begun.elapsed(),
            tally,
        });
        good
    };

    let equipped = add("what this machine needs", &mut || {
        machine::equip(Need::Test)?;
        Ok(passed())
    });
    if equipped {
        add("format", &mut || {
            Ok(judged(process::succeeds(
                &mut checkout.cargo(&["fmt", "--all", "--check"]),
            )?))
        });
        add("layers", &mut || Ok(objections(layers::check(checkout)?)));
        add("licences", &mut || {
            Ok(objections(licences::check(checkout)?))
        });
        add("advisories", &mut || advisories(checkout));
        add("clippy", &mut || {
            Ok(judged(process::succeeds(&mut checkout.cargo(&[
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--locked",
                "--",
                "--deny=warnings",
            ]))?))
        });
        let mut helper = None;
        add("static helper", &mut || {
            let built = checkout.build_helper()?;
            is_static(&built)?;
            is_static(&built.with_file_name("clusterd"))?;
            helper = Some(built);
            Ok(passed())
        });
        if let Some(helper) = helper {
            add("tests", &mut || nextest::run(checkout, &helper, long));
        }
        add("docs are current", &mut || {
            Ok(judged(docs::run(checkout, true)?))
        });
    }
    conclude(&stages)
}

/// Known holes in what we depend on. The database is somebody else's service:
/// that it cannot be reached is no failure of ours.
fn advisories(checkout: &Checkout) -> Result<Tally> {
    let there = process::caught(&mut checkout.cargo(&["deny", "--version"]))?;
    if !there.status.success() {
        return Ok(skipped("cargo-deny is not installed"));
    }
    let fetched = process::caught(&mut checkout.cargo(&["deny", "fetch", "db"]))?;
    if !fetched.status.success() {
        return Ok(skipped("the advisory database cannot be reached"));
    }
    Ok(judged(process::succeeds(&mut checkout.cargo(&[
        "deny",
        "check",
        "licenses",
        "advisories",
    ]))?))
}

/// The helper runs on hosts with another libc: it may need none of theirs.
fn is_static(helper: &std::path::Path) -> Result<()> {
    let bytes = std::fs::read(helper)?;
    // The ELF program header of type INTERP names the loader that a dynamic
    // program wants; only its path begins like this.
    let interpreted = bytes
        .windows(b"/lib64/ld-linux".len())
        .take(4096)
        .any(|window| window == b"/lib64/ld-linux");
    anyhow::ensure!(
        !interpreted,
        "{} wants a loader: it is not static",
        helper.display()
    );
    Ok(())
}

fn passed() -> Tally {
    Tally {
        passed: 1,
        ..Tally::default()
    }
}

fn failed(note: &str) -> Tally {
    Tally {
        failed: 1,
        notes: vec![note.to_owned()],
        ..Tally::default()
    }
}

fn skipped(note: &str) -> Tally {
    eprintln!("skipped: {note}");
    Tally {
        skipped: 1,
        notes: vec![note.to_owned()],
        ..Tally::default()
    }
}

fn judged(good: bool) -> Tally {
    if good { passed() } else { failed("see above") }
}

fn objections(found: Vec<String>) -> Tally {
    for finding in &found {
        eprintln!("{finding}");
    }
    if found.is_empty() {
        passed()
    } else {
        Tally {
            failed: 1,
            notes: found,
            ..Tally::default()
        }
    }
}

/// The table, the notes, and the counts on the last line.
fn conclude(stages: &[Stage]) -> bool {
    let mut rows = vec![
        ["stage", "took", "passed", "failed", "skipped"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for stage in stages {
        rows.push(vec![
            stage.name.to_owned(),
            span(stage.took),
            stage.tally.passed.to_string(),
            stage.tally.failed.to_string(),
            stage.tally.skipped.to_string(),
        ]);
    }
    let total: Duration = stages.iter().map(|stage| stage.took).sum();
    rows.push(vec!["all".to_owned(), span(total)]);
    println!("\n{}", table(&rows));
    for stage in stages {
        for note in &stage.tally.notes {
            println!("{}: {note}", stage.name);
        }
    }
    let sum = |count: fn(&Tally) -> usize| -> usize {
        stages.iter().map(|stage| count(&stage.tally)).sum()
    };
    let failed = sum(|tally| tally.failed);
    println!(
        "{} passed, {failed} failed, {} skipped",
        sum(|tally| tally.passed),
        sum(|tally| tally.skipped)
    );
    failed == 0
}
