//! `clusterd status` as text: the verdict first, then what it rests on.

mod arbitration;
mod members;
mod resources;

use super::table::{Table, painted, plain};
use super::words;
use crate::age;
use crate::terminal::{Styles, Tone};
use cluster_model::configuration::TargetRole;
use cluster_model::report::{Condition, Health, MemberStanding, Report, Resource};
use cluster_model::state::Direction;
use std::fmt::Write as _;

/// One screen.
pub(crate) fn status(report: &Report, styles: Styles) -> String {
    let mut text = headline(report, styles);
    let (asked, version) = (&report.asked, &report.version);
    let whose = if report.verdict.health == Health::Unknown {
        format!("what {asked} knew last (clusterd {version}); the others may know more")
    } else {
        format!("as {asked} sees it (clusterd {version})")
    };
    let _ = writeln!(text, "{}", styles.paint(Tone::Quiet, &whose));
    let mut section = |name: &str, table: &Table| {
        if !table.is_empty() {
            let name = styles.paint(Tone::Strong, name);
            let _ = write!(text, "\n{name}\n{}", table.text(styles));
        }
    };
    section("Problems", &problems(report));
    section("Members", &members::members(report));
    section("Resources", &resources::resources(report));
    section("Asked for by operators", &operators(report));
    section("Would all run on without", &survival(report));
    section("Arbitration", &arbitration::arbitration(report));
    text
}

/// The first line, also of each change.
pub(crate) fn headline(report: &Report, styles: Styles) -> String {
    let word = words::health(report.verdict.health);
    format!(
        "{} is {}: {}\n",
        styles.paint(Tone::Strong, &report.cluster),
        styles.paint(tone(report.verdict.health), word),
        report.verdict.because
    )
}

/// The next command, if one suggests itself.
pub(crate) fn hint(report: &Report) -> Option<String> {
    let mut all = Vec::new();
    flatten(&report.resources, &mut all);
    let worst = |wanted: Condition| all.iter().find(|one| one.condition == wanted);
    if report.arbitration.voters_heard < report.arbitration.needed {
        return Some(
            "`clusterd status` on the others says whom they hear; `journalctl -u clusterd` what is refused"
                .to_owned(),
        );
    }
    for condition in [Condition::Stuck, Condition::Failed, Condition::Down] {
        if let Some(one) = worst(condition) {
            return Some(format!("`clusterd explain {}` says why", one.name));
        }
    }
    if report.operators.halted.is_some() {
        return Some("`clusterd start --cluster` lets everything run again".to_owned());
    }
    if report.operators.maintenance {
        return Some(
            "`clusterd simulate --maintenance-end` says what its end would change".to_owned(),
        );
    }
    let with = |wanted: &[MemberStanding]| {
        let mut members = report.members.iter();
        members.find(|(_, one)| wanted.contains(&one.standing))
    };
    if let Some((name, member)) = with(&[MemberStanding::Offline, MemberStanding::Unclean]) {
        // It may share its machine with a daemon of another cluster.
        let unit = if member.witness {
            format!("clusterd-witness@{}", report.cluster)
        } else {
            "clusterd".to_owned()
        };
        return Some(format!(
            "`systemctl status {unit}` on {name} says whether it runs there"
        ));
    }
    let says_why = |name: &str| {
        let its = format!("{name} takes no resources: ");
        report.problems.iter().any(|one| one.starts_with(&its))
    };
    if let Some((name, _)) = with(&[MemberStanding::Standby])
        && !says_why(name)
    {
        return Some(format!("`clusterd online {name}` ends its standby"));
    }
    if let Some(loss) = report.survival.iter().find(|one| !one.survives) {
        return Some(format!(
            "`clusterd simulate --lose {}` says what would happen",
            loss.losing
        ));
    }
    if worst(Condition::Scarred).is_some() {
        return Some("`clusterd cleanup` forgets failures that were looked into".to_owned());
    }
    None
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Degraded => Tone::Warn,
        Health::Failed | Health::Unknown => Tone::Bad,
    }
}

fn flatten<'a>(resources: &'a [Resource], all: &mut Vec<&'a Resource>) {
    for resource in resources {
        if resource.members.is_empty() {
            all.push(resource);
        }
        flatten(&resource.members, all);
    }
}

fn problems(report: &Report) -> Table {
    let mut table = Table::default();
    for problem in &report.problems {
        table.row(vec![painted(Tone::Warn, problem)]);
    }
    table
}

fn operators(report: &Report) -> Table {
    let mut table = Table::default();
    let asked = &report.operators;
    if asked.maintenance {
        table.row(vec![
            plain("everything is left alone"),
            painted(Tone::Quiet, "`clusterd maintenance --off`"),
        ]);
    }
    if let Some(halted) = &asked.halted {
        let since = age::ago(halted.since_ms);
        let at = &halted.at;
        table.row(vec![
            plain(format!(
                "everything is stopped, as was asked at {at} {since}"
            )),
            painted(Tone::Quiet, "`clusterd start --cluster`"),
        ]);
    }
    for one in &asked.moves {
        let direction = match &one.direction {
            Direction::To(node) => format!("to {node}"),
            Direction::AwayFrom(node) => format!("away from {node}"),
        };
        let left = age::whole(one.until_ms);
        let name = &one.resource;
        table.row(vec![
            plain(format!("{name} is moved {direction} for another {left}")),
            painted(Tone::Quiet, format!("`clusterd move {name} --clear`")),
        ]);
    }
    for (name, known) in &asked.outdated {
        let (newest, since) = (&known.but, age::ago(known.age_ms));
        table.row(vec![
            plain(format!(
                "{newest} alone has the newest data of {name}, as was said {since}"
            )),
            painted(
                Tone::Quiet,
                format!("once both are in sync: `clusterd unfence-peer {name}`"),
            ),
        ]);
    }
    for (name, role) in &asked.targets {
        let what = match role {
            TargetRole::Stopped => "stopped",
            TargetRole::Unpromoted => "not promoted",
            TargetRole::Started => "started",
        };
        table.row(vec![
            plain(format!("{name} is to be {what}")),
            painted(Tone::Quiet, format!("`clusterd start {name}`")),
        ]);
    }
    for name in &asked.unmanaged {
        table.row(vec![
            plain(format!("{name} is left alone")),
            painted(
                Tone::Quiet,
                format!("`clusterd maintenance --resource {name} --off`"),
            ),
        ]);
    }
    table
}

fn survival(report: &Report) -> Table {
    let mut table = Table::default();
    for one in &report.survival {
        let answer = if one.survives {
            painted(Tone::Good, "yes")
        } else {
            painted(Tone::Bad, "no")
        };
        table.row(vec![plain(&one.losing), answer, plain(&one.because)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::report::Reach;

    /// Each is a file in tests/situations, and a snapshot beside this file.
    const SITUATIONS: [&str; 16] = [
        "healthy-pair",
        "node-down",
        "node-lost",
        "witness-down",
        "no-quorum",
        "failed-resource",
        "down-everywhere",
        "stuck-stop",
        "standby",
        "maintenance",
        "move-in-force",
        "wrong-key",
        "joining",
        "split-link",
        "full-disk",
        "fence-device",
    ];

    fn situation(name: &str) -> Report {
        let path = format!(
            "{}/tests/situations/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).expect("a situation");
        serde_json::from_str(&text).expect("a report")
    }

    #[test]
    fn situations_read_as_they_should() {
        for name in SITUATIONS {
            let report = situation(name);
            let mut text = status(&report, Styles::default());
            if let Some(hint) = hint(&report) {
                let _ = writeln!(text, "hint: {hint}");
            }
            insta::assert_snapshot!(name, text);
        }
    }

    #[test]
    fn every_situation_is_looked_at() {
        let directory = format!("{}/tests/situations", env!("CARGO_MANIFEST_DIR"));
        let files = std::fs::read_dir(directory).expect("situations").count();
        assert_eq!(files, SITUATIONS.len());
    }

    #[test]
    fn a_pair_that_goes_by_what_it_reaches_says_what_that_is_worth() {
        let of = |reached| {
            let mut report = situation("healthy-pair");
            report.arbitration.mode = "reach".to_owned();
            report.arbitration.promise_ms = None;
            report.arbitration.reach = Some(Reach { reached, listed: 2 });
            status(&report, Styles::default())
        };
        let text = of(Some(2));
        assert!(text.contains("both may run everything at once"), "{text}");
        assert!(text.contains("reaches 2 of 2 listed"), "{text}");
        assert!(!text.contains("lease"), "{text}");
        assert!(!text.contains("fencing"), "{text}");
        assert!(of(Some(1)).contains("too few to take over"));
        assert!(of(None).contains("has not asked"));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let report = situation("failed-resource");
        let coloured = status(&report, Styles { colour: true });
        let mut plain = String::new();
        for (place, part) in coloured.split("\x1b[").enumerate() {
            let text = match place {
                0 => part,
                _ => part.split_once('m').expect("a code").1,
            };
            plain.push_str(text);
        }
        assert!(coloured.contains("\x1b[31mfailed\x1b[0m"));
        assert_eq!(plain, status(&report, Styles::default()));
    }
}
