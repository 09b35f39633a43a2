//! Every generation of every host.

use crate::session::Gathered;
use std::fmt::Write as _;
use tandem_generation::{Cause, Record, Verdict};

pub(crate) fn text(gathered: &Gathered) -> String {
    let mut out = String::new();
    for (host, facts) in gathered {
        let _ = writeln!(out, "{host}");
        match facts {
            Err(error) => {
                let _ = writeln!(out, "  {error}");
            }
            Ok(facts) => {
                let current = facts
                    .generation
                    .as_ref()
                    .map(|generation| generation.number);
                let rows: Vec<Vec<String>> = facts
                    .records
                    .iter()
                    .map(|record| row(record, current))
                    .collect();
                for line in super::table(&rows).lines() {
                    let _ = writeln!(out, "  {line}");
                }
            }
        }
    }
    out
}

fn row(record: &Record, current: Option<u64>) -> Vec<String> {
    let generation = &record.generation;
    let mark = if current == Some(generation.number) {
        "*"
    } else {
        " "
    };
    let inventory = match generation.inventory.commit.as_deref() {
        Some(commit) => format!(
            "inventory {}{}",
            &commit[..commit.len().min(10)],
            if generation.inventory.dirty { "+" } else { "" }
        ),
        None => "inventory not in git".to_owned(),
    };
    let verdict = match &record.verdict {
        Verdict::Pending => "pending".to_owned(),
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Superseded => "superseded".to_owned(),
        Verdict::RolledBack { because } => format!("rolled back: {because}"),
    };
    let cause = match &generation.cause {
        Cause::Applied => String::new(),
        Cause::RolledBack { of, because, .. } => format!("goes back from {of}: {because}"),
    };
    vec![
        format!("{mark}{}", generation.number),
        record.activated.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        format!("release {}", generation.release.version),
        inventory,
        verdict,
        cause,
    ]
}
