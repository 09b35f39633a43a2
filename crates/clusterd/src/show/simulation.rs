//! `clusterd simulate` as text.

use super::table::{Table, painted, plain};
use super::{places, words};
use crate::simulation::{Simulation, Step};
use crate::terminal::{Styles, Tone};
use cluster_model::decision::Task;
use std::fmt::Write as _;

/// What is supposed, what happens then, and where everything is in the end.
pub(crate) fn simulation(simulation: &Simulation, styles: Styles) -> String {
    let mut text = String::new();
    let supposed = match simulation.faults.as_slice() {
        [] => "nothing happens from outside".to_owned(),
        faults => faults.join(", and "),
    };
    let strong = |words: &str| styles.paint(Tone::Strong, words);
    let _ = writeln!(text, "{} {supposed}", strong("Suppose:"));
    for (number, step) in (1..).zip(&simulation.steps) {
        let _ = write!(text, "\n{}", one(number, step, styles));
    }
    if simulation.steps.is_empty() {
        text.push_str("\nNothing follows from that.\n");
    }
    let _ = writeln!(text, "\n{}", strong("In the end"));
    text.push_str(&ending(simulation, styles));
    let changed = places::changes(&simulation.before, &simulation.after);
    let verdict = if !simulation.settled {
        styles.paint(Tone::Bad, "It never comes to rest.")
    } else if !simulation.lost.is_empty() {
        let names: Vec<_> = simulation.lost.keys().map(String::as_str).collect();
        styles.paint(
            Tone::Bad,
            &format!("Lost: {} would run nowhere.", names.join(", ")),
        )
    } else if changed.is_empty() {
        styles.paint(Tone::Good, "Everything stays where it is.")
    } else {
        styles.paint(Tone::Good, "Everything that ran runs.")
    };
    let _ = writeln!(text, "\n{verdict}");
    for (name, why) in &simulation.lost {
        let _ = writeln!(text, "  {name}: {why}");
    }
    for note in &simulation.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    text
}

fn one(number: usize, step: &Step, styles: Styles) -> String {
    let event = match &step.event {
        Some(event) => event.as_str(),
        None if number == 1 => "At once",
        None => "Then",
    };
    let mut text = format!(
        "{}\n",
        styles.paint(Tone::Strong, &format!("{number}. {event}"))
    );
    let mut table = Table::default();
    for done in &step.actions {
        let what = match &done.task {
            Task::Operate { .. } => format!("{} on {}", words::task(&done.task), done.node),
            Task::Fence => format!("fence {}", done.node),
        };
        table.row(vec![plain(what), painted(Tone::Quiet, &done.reason)]);
    }
    for waiting in &step.waiting {
        let what = match &waiting.task {
            Task::Operate { .. } => format!("{} on {}", words::task(&waiting.task), waiting.node),
            Task::Fence => format!("fence {}", waiting.node),
        };
        table.row(vec![
            plain(format!("({what})")),
            painted(Tone::Quiet, format!("waits: {}", waiting.because)),
        ]);
    }
    if table.is_empty() {
        table.note(painted(Tone::Quiet, "nothing has to be done"));
    }
    text.push_str(&table.text(styles));
    text
}

fn ending(simulation: &Simulation, styles: Styles) -> String {
    let mut table = Table::default();
    let words = |name: &str, of: &crate::simulation::Places| {
        let places = of.get(name).into_iter().flatten();
        let words: Vec<_> = places
            .map(|(node, role)| match role {
                cluster_model::state::Role::Promoted => format!("{node} (promoted)"),
                _ => node.clone(),
            })
            .collect();
        if words.is_empty() {
            "nowhere".to_owned()
        } else {
            words.join(", ")
        }
    };
    for name in simulation.after.keys() {
        let (was, is) = (
            words(name, &simulation.before),
            words(name, &simulation.after),
        );
        let before = if was == is {
            painted(Tone::Quiet, "as now")
        } else {
            plain(format!("now: {was}"))
        };
        let is = if simulation.lost.contains_key(name) {
            painted(Tone::Bad, is)
        } else {
            plain(is)
        };
        table.row(vec![plain(name), is, before]);
    }
    table.text(styles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::tests::pair;
    use crate::simulation::{Fault, simulate};

    fn shown(faults: &[Fault]) -> String {
        let result = simulate(&pair(), faults).expect("possible");
        simulation(&result, Styles::default())
    }

    #[test]
    fn a_lost_node() {
        let fault = Fault::Lose("zipi".to_owned());
        insta::assert_snapshot!("simulate-lose", shown(&[fault]));
    }

    #[test]
    fn a_lost_majority() {
        let faults = ["zipi", "yoda1"].map(|name| Fault::Lose(name.to_owned()));
        insta::assert_snapshot!("simulate-no-majority", shown(&faults));
    }

    #[test]
    fn a_failure_mended_in_place() {
        let fault = Fault::Fail {
            resource: "httpd".to_owned(),
            node: Some("zipi".to_owned()),
        };
        insta::assert_snapshot!("simulate-fail", shown(&[fault]));
    }

    #[test]
    fn standby_moves_everything_in_order() {
        let fault = Fault::Standby("zipi".to_owned());
        insta::assert_snapshot!("simulate-standby", shown(&[fault]));
    }

    #[test]
    fn nothing_follows_from_nothing() {
        insta::assert_snapshot!("simulate-nothing", shown(&[]));
    }
}
