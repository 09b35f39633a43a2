//! Runs all tests of the workspace and counts them: with cargo-nextest, or with
//! `cargo test` where it cannot be had.

use crate::checkout::{AS_TESTED, Checkout};
use crate::process::{self, Stream};
use anyhow::{Context as _, Result};
use std::path::Path;

/// How tests ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Could not run here, or take too long for this run.
    pub(crate) skipped: usize,
    /// Names of those that failed, and reasons of those that were skipped.
    pub(crate) notes: Vec<String>,
}

/// Whether cargo-nextest is there; it is built if it is not.
pub(crate) fn is_there(checkout: &Checkout) -> Result<bool> {
    let asked = || -> Result<bool> {
        let output = process::caught(&mut checkout.cargo(&["nextest", "--version"]))?;
        Ok(output.status.success())
    };
    if asked()? {
        return Ok(true);
    }
    eprintln!("building cargo-nextest, which runs tests apart from each other; some minutes");
    let built = process::succeeds(
        checkout
            .cargo(&["install", "cargo-nextest", "--locked", "--quiet"])
            .env_remove("CARGO_TARGET_DIR"),
    )?;
    Ok(built && asked()?)
}

/// Runs all tests.
pub(crate) fn run(checkout: &Checkout, helper: &Path, long: bool) -> Result<Tally> {
    if is_there(checkout)? {
        with_nextest(checkout, helper, long)
    } else {
        eprintln!("without cargo-nextest: `cargo test`, one test at a time");
        with_cargo(checkout, helper, long)
    }
}

fn with_nextest(checkout: &Checkout, helper: &Path, long: bool) -> Result<Tally> {
    let results = checkout.target.join("nextest/ci/junit.xml");
    if results.exists() {
        std::fs::remove_file(&results)
            .with_context(|| format!("removing the results of last time, {}", results.display()))?;
    }
    let mut command = checkout.cargo(&[
        "nextest",
        "run",
        "--locked",
        "--profile=ci",
        "--no-tests=pass",
    ]);
    command.args(AS_TESTED);
    if long {
        command.arg("--run-ignored=all").env("TANDEM_LONG", "1");
    }
    command
        .env("TANDEM_HOST_BINARY", helper)
        .env("TANDEM_CLUSTERD_BINARY", helper.with_file_name("clusterd"));
    let mut left_out = 0;
    let good = process::overheard(&mut command, Stream::Errors, |line| {
        left_out = number_before(line, "skipped")
            .filter(|_| line.contains("Summary"))
            .unwrap_or(left_out);
    })?;
    let mut tally = match std::fs::read_to_string(&results) {
        Ok(text) => of_results(&text),
        Err(_) => Tally::default(),
    };
    if left_out > 0 {
        tally.skipped += left_out;
        tally
            .notes
            .push(format!("{left_out} tests that take long: --long runs them"));
    }
    if !good && tally.failed == 0 {
        tally.failed += 1;
        tally
            .notes
            .push("the tests could not be built or run".to_owned());
    }
    Ok(tally)
}

/// Reads nextest's JUnit file. Only what nextest writes is understood.
fn of_results(text: &str) -> Tally {
    let mut tally = Tally::default();
    for case in text.split("<testcase ").skip(1) {
        let attribute = |name: &str| {
            case.split_once(&format!("{name}=\""))
                .and_then(|(_, rest)| rest.split_once('"'))
                .map(|(value, _)| value.to_owned())
                .unwrap_or_default()
        };
        let name = format!("{} {}", attribute("classname"), attribute("name"));
        let skipped = case
            .lines()
            .filter_map(|line| line.find("SKIPPED ").map(|at| &line[at..]))
            .map(|line| line.split("</").next().unwrap_or(line))
            .next();
        if case.contains("<failure") || case.contains("<error") {
            tally.failed += 1;
            tally.notes.push(format!("FAILED {name}"));
        } else if let Some(reason) = skipped {
            tally.skipped += 1;
            tally.notes.push(format!("{name}: {reason}"));
        } else {
            tally.passed += 1;
            if case.contains("<flakyFailure") || case.contains("<flakyError") {
                tally
                    .notes
                    .push(format!("FLAKY, passed at the second attempt: {name}"));
            }
        }
    }
    tally
}

fn with_cargo(checkout: &Checkout, helper: &Path, long: bool) -> Result<Tally> {
    let mut command = checkout.cargo(&["test", "--locked", "--no-fail-fast"]);
    command.args(AS_TESTED).arg("--");
    if long {
        command.arg("--include-ignored");
    }
    command
        .env("TANDEM_HOST_BINARY", helper)
        .env("TANDEM_CLUSTERD_BINARY", helper.with_file_name("clusterd"))
        .env("RUST_TEST_THREADS", "1");
    let mut tally = Tally::default();
    let good = process::overheard(&mut command, Stream::Output, |line| {
        if line.starts_with("test result:") {
            tally.passed += number_before(line, "passed").unwrap_or(0);
            tally.failed += number_before(line, "failed").unwrap_or(0);
            tally.skipped += number_before(line, "ignored").unwrap_or(0);
        }
    })?;
    if !good && tally.failed == 0 {
        tally.failed += 1;
        tally
            .notes
            .push("the tests could not be built or run".to_owned());
    }
    Ok(tally)
}

/// `12` in "12 skipped".
fn number_before(line: &str, word: &str) -> Option<usize> {
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| word.trim_end_matches([',', ';']))
        .collect();
    let at = words.iter().position(|found| *found == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted_and_named() {
        let text = r#"<?xml version="1.0"?>
<testsuites name="nextest-run" tests="3" failures="1">
  <testsuite name="tandem-lab::faults" tests="3">
    <testcase name="loss" classname="tandem-lab::faults" time="1.0">
      <system-out>nothing</system-out>
    </testcase>
    <testcase name="power" classname="tandem-lab::faults" time="1.0">
      <system-err>SKIPPED power: labs need root</system-err>
    </testcase>
    <testcase name="cut" classname="tandem-lab::faults" time="1.0">
      <failure type="test failure">panicked</failure>
    </testcase>
    <testcase name="freeze" classname="tandem-lab::faults" time="1.0">
      <flakyFailure type="test failure">panicked</flakyFailure>
    </testcase>
  </testsuite>
</testsuites>"#;
        let tally = of_results(text);
        assert_eq!((tally.passed, tally.failed, tally.skipped), (2, 1, 1));
        assert_eq!(
            tally.notes,
            [
                "tandem-lab::faults power: SKIPPED power: labs need root",
                "FAILED tandem-lab::faults cut",
                "FLAKY, passed at the second attempt: tandem-lab::faults freeze"
            ]
        );
    }

    #[test]
    fn numbers_are_found_in_both_kinds_of_summary() {
        let nextest = "     Summary [   1.2s] 5 tests run: 4 passed, 1 failed, 2 skipped";
        assert_eq!(number_before(nextest, "skipped"), Some(2));
        let cargo = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(number_before(cargo, "ignored"), Some(1));
        assert_eq!(number_before(cargo, "absent"), None);
    }
}
