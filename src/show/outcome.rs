//! How a run ended, truthfully.

use crate::failure::Problem;
use crate::terminal::{Terminal, Tone};
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use tandem_deploy::{Failure, Outcome, Report, Run};
use tandem_generation::FORMAT;
use tandem_plan::Plan;

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::NotClosed { .. } => "not-closed",
        Outcome::Staged(_) => "staged",
        Outcome::NotActivated(_) => "not-activated",
        Outcome::RolledBack { .. } => "rolled-back",
        Outcome::RollbackFailed { .. } => "rollback-failed",
    }
}

/// One line on standard output.
pub(crate) fn text(run: &Run, outcome: &Outcome, terminal: Terminal) -> String {
    let mut out = String::new();
    let line = match outcome {
        Outcome::Accepted(report) => {
            let total: u64 = report.steps.iter().map(|step| step.took_ms).sum();
            terminal.paint(
                Tone::Good,
                &format!("accepted: {} steps in {:.1} s (run {})", report.steps.len(), seconds(total), run.id),
            )
        }
        Outcome::NotClosed { left, .. } => terminal.paint(
            Tone::Warn,
            &format!(
                "every host is what the plan says, and the run is still open on {} (run {})",
                left.errors.keys().cloned().collect::<Vec<_>>().join(", "),
                run.id
            ),
        ),
        Outcome::Staged(report) => terminal.paint(
            Tone::Good,
            &format!(
                "staged and proven on {} hosts; `tandem resume {} -i INV` activates it, `tandem abort {} -i INV` gives it up",
                report.staged.len(),
                run.id,
                run.id
            ),
        ),
        Outcome::NotActivated(_) => "nothing was changed on any host".to_owned(),
        Outcome::RolledBack { .. } => {
            terminal.paint(Tone::Warn, &format!("rolled back: every host is what it was (run {})", run.id))
        }
        Outcome::RollbackFailed { left, .. } => terminal.paint(
            Tone::Bad,
            &format!(
                "NOT rolled back everywhere: {} (run {})",
                left.errors.keys().cloned().collect::<Vec<_>>().join(", "),
                run.id
            ),
        ),
    };
    let _ = writeln!(out, "{line}");
    out
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn errors(failure: &Failure) -> Value {
    failure
        .errors
        .iter()
        .map(|(about, error)| (about.clone(), json!(error.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The same for scripts; every key is always there.
pub(crate) fn document(run: &Run, outcome: &Outcome, evidence: Option<&Path>) -> Value {
    let empty = Report::default();
    let none = Failure::default();
    let (report, failure, left) = match outcome {
        Outcome::Accepted(report) | Outcome::Staged(report) => (report, &none, &none),
        Outcome::NotClosed { report, left } => (report, left, &none),
        Outcome::NotActivated(failure) => (&empty, failure, &none),
        Outcome::RolledBack { failure, report } => (report, failure, &none),
        Outcome::RollbackFailed {
            failure,
            left,
            report,
        } => (report, failure, left),
    };
    let steps: Vec<Value> = report
        .steps
        .iter()
        .map(|done| json!({"step": done.step, "took_ms": done.took_ms, "seen": done.seen}))
        .collect();
    json!({
        "api_version": FORMAT,
        "run": run.id,
        "outcome": word(outcome),
        "steps": steps,
        "errors": errors(failure),
        "not_back": errors(left),
        "evidence": evidence,
    })
}

/// The document of an apply that had nothing to do.
pub(crate) fn nothing(plan: &Plan) -> Value {
    json!({
        "api_version": FORMAT,
        "run": null,
        "outcome": "nothing-to-do",
        "steps": [],
        "errors": {},
        "not_back": {},
        "evidence": null,
        "unchanged": plan.unchanged,
    })
}

/// Writes what the hosts had to say before they went back.
pub(crate) fn keep_evidence(
    space: &Workspace,
    run: &Run,
    report: &Report,
) -> Result<Option<PathBuf>, Problem> {
    if report.evidence.is_empty() {
        return Ok(None);
    }
    let directory = space.home.join("evidence").join(run.id.as_str());
    let write = || -> std::io::Result<()> {
        for (host, evidence) in &report.evidence {
            let place = directory.join(host);
            std::fs::create_dir_all(&place)?;
            let journal: Vec<String> = evidence
                .journal
                .iter()
                .map(|entry| serde_json::to_string(entry).unwrap_or_default())
                .collect();
            std::fs::write(place.join("journal.jsonl"), journal.join("\n") + "\n")?;
            for (name, text) in &evidence.files {
                // The host names these files; only their last part counts here.
                if let Some(name) = Path::new(name).file_name() {
                    std::fs::write(place.join(name), text)?;
                }
            }
        }
        Ok(())
    };
    write().map_err(|error| {
        Problem::failed(format!(
            "keeping the evidence in {}: {error}",
            directory.display()
        ))
    })?;
    Ok(Some(directory))
}
