//! Two environments side by side, the answer first.

use crate::comparison::{Comparison, FileKind, Subject, number};
use crate::show;
use crate::terminal::{Terminal, Tone};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The whole comparison.
pub(crate) fn text(comparison: &Comparison, terminal: Terminal) -> String {
    let mut out = terminal.paint(Tone::Strong, &comparison.verdict);
    out.push('\n');
    let rows = [hosts(comparison), differences(comparison)].concat();
    if !rows.is_empty() {
        out.push('\n');
        headed(&mut out, &rows, terminal);
    }
    let rows = files(comparison);
    if !rows.is_empty() {
        out.push('\n');
        headed(&mut out, &rows, terminal);
    }
    let files = (comparison.same_files, ("file", "files"));
    let counts = comparison.same_counts.iter();
    let same: Vec<String> = counts
        .map(|(subject, count)| (*count, subject.words()))
        .chain([files])
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| number(count, words))
        .collect();
    if !same.is_empty() {
        let _ = writeln!(out, "\nthe same: {}", same.join(", "));
    }
    diffs(&mut out, comparison, terminal);
    out
}

/// Diffs by path; hosts with the same one share it.
fn diffs(out: &mut String, comparison: &Comparison, terminal: Terminal) {
    let mut hosts: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for file in &comparison.files {
        if let Some(diff) = &file.diff {
            hosts
                .entry((&file.path, diff))
                .or_default()
                .push(&file.host);
        }
    }
    for ((path, diff), hosts) in hosts {
        let title = format!("{path} on {}", hosts.join(", "));
        let _ = writeln!(out, "\n{}", terminal.paint(Tone::Strong, &title));
        for line in diff.lines() {
            let tone = match line.chars().next() {
                Some('+') => Tone::Good,
                Some('-') => Tone::Bad,
                Some('@') => Tone::Quiet,
                _ => Tone::Plain,
            };
            let _ = writeln!(out, "  {}", terminal.paint(tone, line));
        }
    }
}

/// Rows as a table; those that are not indented are headings.
fn headed(out: &mut String, rows: &[Vec<String>], terminal: Terminal) {
    for line in show::table(rows).lines() {
        let tone = if line.starts_with(' ') {
            Tone::Plain
        } else {
            Tone::Strong
        };
        let _ = writeln!(out, "{}", terminal.paint(tone, line));
    }
}

/// Which host stands for which, where that is not plain.
fn hosts(comparison: &Comparison) -> Vec<Vec<String>> {
    if comparison.hosts.iter().all(|pair| pair.left == pair.right) {
        return Vec::new();
    }
    let mut rows = vec![heading("hosts, by cluster and position", comparison)];
    for pair in &comparison.hosts {
        let place = match (&pair.cluster, pair.position) {
            (Some(cluster), Some(position)) => format!("  {cluster}[{position}]"),
            _ => "  in no cluster".to_owned(),
        };
        rows.push(vec![
            place,
            cell(pair.left.as_ref()),
            cell(pair.right.as_ref()),
        ]);
    }
    rows
}

fn differences(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for subject in Subject::ALL {
        let mut found = comparison
            .differences
            .iter()
            .filter(|difference| difference.subject == subject)
            // The table of hosts says it.
            .filter(|difference| difference.subject != Subject::Host)
            .peekable();
        if found.peek().is_some() {
            rows.push(heading(subject.words().1, comparison));
        }
        for difference in found {
            rows.push(vec![
                format!("  {}", difference.about),
                cell(difference.left.as_ref()),
                cell(difference.right.as_ref()),
            ]);
        }
    }
    rows
}

fn heading(what: &str, comparison: &Comparison) -> Vec<String> {
    vec![
        what.to_owned(),
        comparison.left.clone(),
        comparison.right.clone(),
    ]
}

fn cell(text: Option<&String>) -> String {
    text.cloned().unwrap_or_else(|| "-".to_owned())
}

/// Files by path: hosts with the same difference share a row.
fn files(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut hosts: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for file in &comparison.files {
        let words = match file.kind {
            FileKind::OnlyLeft => format!("only in {}", comparison.left),
            FileKind::OnlyRight => format!("only in {}", comparison.right),
            FileKind::Lines => "other lines".to_owned(),
            FileKind::Attributes => "another mode or owner".to_owned(),
            FileKind::Values => format!("values only: {}", file.values.join(", ")),
        };
        let path = match (file.edit, file.secret) {
            (true, _) => format!("  {} (settings)", file.path),
            (_, true) => format!("  {} ••••", file.path),
            _ => format!("  {}", file.path),
        };
        hosts.entry((path, words)).or_default().push(&file.host);
    }
    let mut rows = Vec::new();
    for ((path, words), hosts) in hosts {
        rows.push(vec![path, hosts.join(" "), words]);
    }
    if !rows.is_empty() {
        let title = ["files", "on", "what differs"].map(str::to_owned);
        rows.insert(0, title.to_vec());
    }
    rows
}
