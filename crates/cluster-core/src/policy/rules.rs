//! Conditions on the attributes of nodes.

use super::table::NodeEntry;
use cluster_model::Score;
use cluster_model::constraint::{Comparison, Rule, RuleScore, ValueKind};
use std::cmp::Ordering;

/// Whether a node fulfils a rule.
pub(super) fn holds(rule: &Rule, node: &NodeEntry) -> bool {
    match rule {
        Rule::All(rules) => rules.iter().all(|rule| holds(rule, node)),
        Rule::Any(rules) => rules.iter().any(|rule| holds(rule, node)),
        Rule::Defined(attribute) => value_of(node, attribute).is_some(),
        Rule::NotDefined(attribute) => value_of(node, attribute).is_none(),
        Rule::Compare {
            attribute,
            comparison,
            value,
            kind,
        } => compare(value_of(node, attribute), *comparison, value, *kind),
    }
}

/// How much a rule counts for a node that fulfils it.
pub(super) fn score(score: &RuleScore, node: &NodeEntry) -> Score {
    match score {
        RuleScore::Fixed(score) => *score,
        RuleScore::Attribute(attribute) => value_of(node, attribute).map_or(Score::ZERO, parse),
    }
}

fn value_of<'a>(node: &'a NodeEntry, attribute: &str) -> Option<&'a str> {
    if attribute == "#uname" {
        return Some(node.name);
    }
    let known = node.known?;
    known.attributes.get(attribute).map(String::as_str)
}

/// A score as it is written: a number, or an infinity.
fn parse(text: &str) -> Score {
    match text.trim() {
        "INFINITY" | "+INFINITY" => Score::INFINITY,
        "-INFINITY" => Score::MINUS_INFINITY,
        number => number.parse::<i64>().map_or(Score::ZERO, Score::from),
    }
}

fn compare(
    found: Option<&str>,
    comparison: Comparison,
    value: &str,
    kind: Option<ValueKind>,
) -> bool {
    let Some(found) = found else {
        return comparison == Comparison::Ne;
    };
    let ordered = !matches!(comparison, Comparison::Eq | Comparison::Ne);
    let kind = kind.unwrap_or(if ordered {
        ValueKind::Integer
    } else {
        ValueKind::Text
    });
    let order = match kind {
        ValueKind::Text => found.to_ascii_lowercase().cmp(&value.to_ascii_lowercase()),
        ValueKind::Integer => integer(found).cmp(&integer(value)),
    };
    match comparison {
        Comparison::Eq => order == Ordering::Equal,
        Comparison::Ne => order != Ordering::Equal,
        Comparison::Lt => order == Ordering::Less,
        Comparison::Lte => order != Ordering::Greater,
        Comparison::Gt => order == Ordering::Greater,
        Comparison::Gte => order != Ordering::Less,
    }
}

/// What is no number counts as the lowest: a node whose connectivity cannot be
/// read has none.
fn integer(text: &str) -> i64 {
    text.trim().parse().unwrap_or(i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::state::Node;

    fn with(pingd: Option<&str>, check: impl Fn(&NodeEntry)) {
        let mut node = Node::default();
        if let Some(value) = pingd {
            node.attributes.insert("pingd".to_owned(), value.to_owned());
        }
        check(&NodeEntry {
            name: "zipi",
            known: Some(&node),
            fence: None,
            standby: None,
            held_back: None,
        });
    }

    /// The connectivity constraint of the thesis.
    fn unreached() -> Rule {
        Rule::Any(vec![
            Rule::NotDefined("pingd".to_owned()),
            Rule::Compare {
                attribute: "pingd".to_owned(),
                comparison: Comparison::Lt,
                value: "1".to_owned(),
                kind: None,
            },
        ])
    }

    #[test]
    fn a_node_without_connectivity_fulfils_the_ping_rule() {
        with(Some("0"), |node| assert!(holds(&unreached(), node)));
        with(None, |node| assert!(holds(&unreached(), node)));
        with(Some("garbage"), |node| assert!(holds(&unreached(), node)));
    }

    #[test]
    fn a_node_with_connectivity_does_not() {
        with(Some("1"), |node| assert!(!holds(&unreached(), node)));
        with(Some("1000"), |node| assert!(!holds(&unreached(), node)));
    }

    #[test]
    fn numbers_are_not_compared_as_text() {
        with(Some("10"), |node| {
            let rule = Rule::Compare {
                attribute: "pingd".to_owned(),
                comparison: Comparison::Gt,
                value: "9".to_owned(),
                kind: None,
            };
            assert!(holds(&rule, node));
        });
    }

    #[test]
    fn a_missing_attribute_is_unequal_and_in_no_order() {
        for (comparison, wanted) in [
            (Comparison::Ne, true),
            (Comparison::Eq, false),
            (Comparison::Lt, false),
            (Comparison::Gte, false),
        ] {
            assert_eq!(compare(None, comparison, "1", None), wanted);
        }
    }

    #[test]
    fn a_score_can_stand_in_an_attribute() {
        with(Some("-INFINITY"), |node| {
            let score = score(&RuleScore::Attribute("pingd".to_owned()), node);
            assert_eq!(score, Score::MINUS_INFINITY);
        });
    }
}
