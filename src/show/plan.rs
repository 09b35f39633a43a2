//! A plan for people: what changes on each host, in which order, what it
//! interrupts, and what forbids it.

use crate::show::counted;
use crate::terminal::{Terminal, Tone};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use tandem_generation::{Action, UnitVerb};
use tandem_plan::{FileChange, FileChangeKind, HostPlan, Impact, LegPlan, Plan, Step, StepKind};

/// The whole plan.
pub(crate) fn text(plan: &Plan, terminal: Terminal) -> String {
    let mut out = String::new();
    for host in plan.hosts.values() {
        write_host(&mut out, host, terminal);
    }
    if !plan.steps.is_empty() {
        out.push_str(&terminal.paint(Tone::Strong, "Order\n"));
        for step in &plan.steps {
            let impact = impact(&step.impact);
            let _ = writeln!(
                out,
                "  {:>2}. {}: {}{}",
                step.number,
                self::step(step),
                step.why,
                if impact.is_empty() {
                    String::new()
                } else {
                    terminal.paint(Tone::Warn, &format!(" [{impact}]"))
                }
            );
        }
        out.push('\n');
    }
    for note in &plan.notes {
        let _ = writeln!(
            out,
            "{} {}: {}",
            terminal.paint(Tone::Warn, "note:"),
            note.about,
            note.text
        );
    }
    for refusal in &plan.refusals {
        let _ = writeln!(
            out,
            "{} {}: {}\n         {}",
            terminal.paint(Tone::Bad, "refused:"),
            refusal.about,
            refusal.what,
            refusal.hint
        );
    }
    let _ = writeln!(out, "{}", terminal.paint(Tone::Strong, &summary(plan)));
    out
}

/// One line: what changes, and what that interrupts.
fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return format!(
            "{}: no change ({} as they should be)",
            plan.environment,
            counted(plan.unchanged.len(), "host")
        );
    }
    let packages: usize = plan
        .hosts
        .values()
        .flat_map(|h| &h.legs)
        .map(|leg| leg.packages.len())
        .sum();
    let files: usize = plan
        .hosts
        .values()
        .flat_map(|h| &h.legs)
        .map(|leg| leg.files.len())
        .sum();
    let interrupts = impact(&plan.impact);
    format!(
        "{}: {} to change, {} as they should be; {}, {}; {}{}",
        plan.environment,
        plan.hosts.len(),
        plan.unchanged.len(),
        counted(packages, "package"),
        counted(files, "file"),
        if interrupts.is_empty() {
            "nothing that serves is interrupted".to_owned()
        } else {
            interrupts
        },
        if plan.refusals.is_empty() {
            ""
        } else {
            "; refused as it stands"
        }
    )
}

fn impact(impact: &Impact) -> String {
    let mut parts = Vec::new();
    if impact.moves == 1 {
        parts.push("resources move once".to_owned());
    } else if impact.moves > 1 {
        parts.push(format!("resources move {} times", impact.moves));
    }
    // The same unit on several hosts is told once.
    let units: BTreeSet<&str> = impact.restarts.iter().map(String::as_str).collect();
    if !units.is_empty() {
        let verb = if units.len() == 1 {
            "restarts"
        } else {
            "restart"
        };
        let units: Vec<&str> = units.into_iter().collect();
        parts.push(format!("{} {verb} while serving", units.join(", ")));
    }
    if impact.seconds > 0.0 {
        parts.push(format!("about {:.1} s without service", impact.seconds));
    }
    parts.join(", ")
}

/// A step in words.
pub(crate) fn step(step: &Step) -> String {
    let leg_of = |leg: &u32| {
        if *leg > 1 {
            format!(" (phase {leg})")
        } else {
            String::new()
        }
    };
    match &step.kind {
        StepKind::Activate { hosts, leg } => {
            format!("change {}{}", hosts.join(" and "), leg_of(leg))
        }
        StepKind::Confirm { hosts, leg } => {
            format!("confirm {}{}", hosts.join(" and "), leg_of(leg))
        }
        StepKind::Switchover { from, to, .. } => format!("move resources from {from} to {to}"),
        StepKind::Hold { hosts, .. } => format!("stop the cluster on {}", hosts.join(" and ")),
        StepKind::Release { hosts, .. } => format!("start the cluster on {}", hosts.join(" and ")),
        StepKind::CheckCluster { .. } => format!("check cluster {}", step.cluster),
    }
}

fn write_host(out: &mut String, host: &HostPlan, terminal: Terminal) {
    let from = host.from.as_ref().map_or_else(
        || "bare".to_owned(),
        |generation| format!("generation {}", generation.number),
    );
    let to = host.legs.last().map_or(0, |leg| leg.generation);
    let release = host
        .legs
        .last()
        .map_or("", |leg| leg.release.version.as_str());
    let _ = writeln!(
        out,
        "{} ({}, {from} -> generation {to}, release {release})",
        terminal.paint(Tone::Strong, &host.host),
        host.cluster
    );
    for leg in &host.legs {
        if !leg.title.is_empty() {
            let _ = writeln!(out, "  phase {}: {}", leg.leg, leg.title);
        }
        write_leg(out, leg, terminal);
    }
    out.push('\n');
}

fn write_leg(out: &mut String, leg: &LegPlan, terminal: Terminal) {
    for package in &leg.packages {
        let (mark, words) = match (&package.from, &package.to) {
            (None, Some(to)) => (terminal.paint(Tone::Good, "+"), to.clone()),
            (Some(from), None) => (terminal.paint(Tone::Bad, "-"), from.clone()),
            (Some(from), Some(to)) if from == to => (terminal.paint(Tone::Warn, "~"), to.clone()),
            (from, to) => (
                terminal.paint(Tone::Warn, "~"),
                format!(
                    "{} -> {}",
                    from.as_deref().unwrap_or_default(),
                    to.as_deref().unwrap_or_default()
                ),
            ),
        };
        let because = package
            .because
            .as_ref()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        let _ = writeln!(out, "  {mark} package {} {words}{because}", package.name);
    }
    for file in &leg.files {
        write_file(out, file, terminal);
    }
    for unit in &leg.units {
        let _ = writeln!(
            out,
            "  {} unit {}: {}",
            terminal.paint(Tone::Warn, "~"),
            unit.unit,
            unit.change
        );
    }
    for action in leg.before.iter().chain(&leg.after) {
        if let Some(words) = self::action(action) {
            let _ = writeln!(out, "  {} {words}", terminal.paint(Tone::Warn, "!"));
        }
    }
    for step in &leg.irreversible {
        let _ = writeln!(
            out,
            "  {} cannot be undone: {step}",
            terminal.paint(Tone::Bad, "!")
        );
    }
}

fn write_file(out: &mut String, file: &FileChange, terminal: Terminal) {
    let (mark, words) = match file.kind {
        FileChangeKind::Added => (terminal.paint(Tone::Good, "+"), "is new"),
        FileChangeKind::Changed => (terminal.paint(Tone::Warn, "~"), "changes"),
        FileChangeKind::Removed => (terminal.paint(Tone::Bad, "-"), "goes"),
        FileChangeKind::EditedByHand => (
            terminal.paint(Tone::Bad, "!"),
            "was edited by hand; saved, then put right",
        ),
        FileChangeKind::RemovedByHand => (
            terminal.paint(Tone::Bad, "!"),
            "was removed by hand; put back",
        ),
        FileChangeKind::Setting => (terminal.paint(Tone::Warn, "~"), "gets settings"),
    };
    let secret = if file.secret { " ••••" } else { "" };
    let _ = writeln!(out, "  {mark} file {} {words}{secret}", file.path);
    // A file that is new speaks for itself; `render` shows it whole.
    if file.kind == FileChangeKind::Added || file.kind == FileChangeKind::Removed {
        return;
    }
    for line in file.diff.iter().flat_map(|diff| diff.lines()) {
        let tone = match line.chars().next() {
            Some('+') => Tone::Good,
            Some('-') => Tone::Bad,
            Some('@') => Tone::Quiet,
            _ => Tone::Plain,
        };
        let _ = writeln!(out, "      {}", terminal.paint(tone, line));
    }
}

fn action(action: &Action) -> Option<String> {
    match action {
        Action::DaemonReload => None,
        Action::Unit { unit, verb, why } => {
            let words = match verb {
                UnitVerb::TryRestart => "restart, where it runs,",
                UnitVerb::TryReloadOrRestart => "reload, where it runs,",
                other => other.systemctl(),
            };
            Some(format!("{words} {unit}: {why}"))
        }
        Action::Command(command) => Some(format!("run {}", command.name)),
        Action::Initialise { name, .. } => Some(format!("initialise {name}, where it is missing")),
    }
}
