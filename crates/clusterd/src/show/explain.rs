//! `clusterd explain` as text: a sentence, then each node with what speaks for and
//! against it, then what is about to happen and what it waits for.

use super::table::{Table, painted, plain};
use super::words;
use crate::age;
use crate::terminal::{Styles, Tone};
use cluster_model::decision::{NodeExplanation, ResourceExplanation, Task};
use cluster_model::model::Explained;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Everything in it.
pub(crate) fn explain(explained: &Explained, styles: Styles) -> String {
    let mut text = String::new();
    for (name, resource) in &explained.resources {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "{}: {}",
            styles.paint(Tone::Strong, name),
            resource.summary
        );
        text.push_str(&nodes(resource, styles));
    }
    text.push_str(&steps(explained, styles));
    if let Some(ms) = explained.reconsider_in_ms {
        let _ = writeln!(
            text,
            "\nIn {} time alone may change this: a move ends, or failures are forgotten.",
            age::whole(ms)
        );
    }
    text
}

/// Those that may run it first, the best of them at the top.
fn nodes(resource: &ResourceExplanation, styles: Styles) -> String {
    let mut table = Table::default();
    let mut nodes: Vec<_> = resource.nodes.iter().collect();
    nodes.sort_by_key(|(_, node)| (!node.exclusions.is_empty(), Reverse(node.score)));
    for (name, node) in nodes {
        let ruled_out = !node.exclusions.is_empty() || node.score.is_never();
        let score = node.score.to_string();
        table.row(vec![
            plain(name),
            if ruled_out {
                painted(Tone::Bad, "no")
            } else {
                painted(Tone::Good, score)
            },
        ]);
        for words in parts(node) {
            table.note(painted(Tone::Quiet, format!("  {words}")));
        }
        for exclusion in exclusions(node) {
            table.note(plain(format!("  - {exclusion}")));
        }
    }
    table.text(styles)
}

/// The parts of the score that count for something.
fn parts(node: &NodeExplanation) -> Vec<String> {
    let parts = node.contributions.iter();
    let parts = parts.filter(|part| part.score != cluster_model::Score::ZERO);
    parts
        .map(|part| {
            let score = part.score.to_string();
            let sign = if score.starts_with('-') { "" } else { "+" };
            format!("{:>9}  {}", format!("{sign}{score}"), part.why)
        })
        .collect()
}

/// Each once, in the order in which they were found.
fn exclusions(node: &NodeExplanation) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let all = node.exclusions.iter().map(String::as_str);
    // What a part of the score says already is not said twice.
    let said = |why: &&str| node.contributions.iter().all(|part| part.why != **why);
    all.filter(said).filter(|why| seen.insert(*why)).collect()
}

fn steps(explained: &Explained, styles: Styles) -> String {
    let mut text = String::new();
    let words = |task: &Task, node: &str| match task {
        Task::Operate { .. } => format!("{} on {node}", words::task(task)),
        Task::Fence => format!("fence {node}"),
    };
    let mut table = Table::default();
    for action in &explained.actions {
        table.row(vec![
            plain(words(&action.task, &action.node)),
            plain(&action.reason),
        ]);
    }
    if !table.is_empty() {
        let _ = write!(
            text,
            "\n{}\n{}",
            styles.paint(Tone::Strong, "To be done, in this order"),
            table.text(styles)
        );
    }
    let mut table = Table::default();
    for waiting in &explained.waiting {
        table.row(vec![
            plain(words(&waiting.task, &waiting.node)),
            plain(&waiting.because),
        ]);
    }
    if !table.is_empty() {
        let _ = write!(
            text,
            "\n{}\n{}",
            styles.paint(Tone::Strong, "Waits"),
            table.text(styles)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explained;
    use crate::simulation::tests::pair;
    use cluster_model::state::{Direction, Move, Observed, Presence, Role};

    fn shown(model: &cluster_model::Model, name: &str) -> String {
        let explained = explained::one(model, name).expect("a resource");
        explain(&explained, Styles::default())
    }

    #[test]
    fn where_it_is_and_why_not_elsewhere() {
        insta::assert_snapshot!("explain-web", shown(&pair(), "web"));
    }

    #[test]
    fn a_node_that_reaches_nobody_is_ruled_out_by_name() {
        let mut model = pair();
        let zape = model.state.nodes.get_mut("zape").expect("a node");
        zape.attributes.insert("pingd".to_owned(), "0".to_owned());
        insta::assert_snapshot!("explain-unreachable", shown(&model, "vip"));
    }

    #[test]
    fn a_failure_says_what_is_done_and_what_waits() {
        let mut model = pair();
        let httpd = model.state.resources.get_mut("httpd").expect("known");
        let here = httpd.get_mut("zipi").expect("known");
        here.observed = Observed::Failed {
            role: Role::Started,
        };
        here.fail_count = 3;
        insta::assert_snapshot!("explain-failed", shown(&model, "web"));
    }

    #[test]
    fn what_a_lost_node_holds_waits_for_its_end() {
        let mut model = pair();
        let zipi = model.state.nodes.get_mut("zipi").expect("a node");
        zipi.presence = Presence::Unclean;
        model.state.being_fenced.insert("zipi".to_owned());
        insta::assert_snapshot!("explain-lost", shown(&model, "vip"));
    }

    #[test]
    fn a_move_counts_and_its_end_is_announced() {
        let mut model = pair();
        model.state.moves.push(Move {
            resource: "web".to_owned(),
            direction: Direction::To("zape".to_owned()),
            until_ms: model.state.now_ms + 45 * 60_000,
        });
        insta::assert_snapshot!("explain-move", shown(&model, "web"));
    }
}
