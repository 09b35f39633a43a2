//! What says where resources run, together with what, and after what.

use crate::score::Score;
use crate::state::Role;
use serde::{Deserialize, Serialize};

/// Where a resource may or should run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Named in explanations.
    pub id: String,
    /// A primitive, group, member of a group, or clone.
    pub resource: String,
    /// `Promoted`: where instances are promoted, not where they run. `None`
    /// and `Started` mean the same.
    #[serde(default)]
    pub role: Option<Role>,
    /// Which nodes, and how much.
    pub preference: Preference,
}

/// Which nodes, and how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preference {
    /// One node.
    Node {
        /// Its name.
        node: String,
        /// How much.
        score: Score,
    },
    /// Every node whose attributes fulfil a rule.
    Rule {
        /// The rule.
        rule: Rule,
        /// How much.
        score: RuleScore,
    },
}

/// How much a rule counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleScore {
    /// So much.
    Fixed(Score),
    /// As much as the number in this attribute of the node.
    Attribute(String),
}

/// A condition on the attributes of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// All of them; of nothing: true.
    All(Vec<Rule>),
    /// At least one; of nothing: false.
    Any(Vec<Rule>),
    /// The node has the attribute.
    Defined(String),
    /// The node does not have the attribute.
    NotDefined(String),
    /// A comparison. `#uname` is the name of the node.
    Compare {
        /// The attribute.
        attribute: String,
        /// How.
        comparison: Comparison,
        /// With what.
        value: String,
        /// As what; `None`: as numbers if they are ordered, as text if not.
        #[serde(default)]
        kind: Option<ValueKind>,
    },
}

/// How values are compared. Order between a value and none is always false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal; true for a missing attribute.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

/// As what values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// As text, without regard to case.
    Text,
    /// As whole numbers.
    Integer,
}

/// What should run where something else runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Colocation {
    /// Named in explanations.
    pub id: String,
    /// Follows.
    pub resource: String,
    /// Counts only in this role.
    #[serde(default)]
    pub role: Option<Role>,
    /// Is placed first.
    pub with: String,
    /// Counts only where it has this role.
    #[serde(default)]
    pub with_role: Option<Role>,
    /// Together (positive) or apart (negative).
    pub score: Score,
}

/// What waits for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Named in explanations.
    pub id: String,
    /// Comes first.
    pub first: String,
    /// Comes then.
    pub then: String,
    /// What is waited for.
    #[serde(default)]
    pub first_action: OrderedAction,
    /// What waits.
    #[serde(default)]
    pub then_action: OrderedAction,
    /// How strictly.
    #[serde(default)]
    pub kind: OrderKind,
    /// The reverse holds on the way down.
    #[serde(default = "yes")]
    pub symmetrical: bool,
}

fn yes() -> bool {
    true
}

/// An action that takes part in an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderedAction {
    /// Start.
    #[default]
    Start,
    /// Promote.
    Promote,
    /// Demote.
    Demote,
    /// Stop.
    Stop,
}

/// How strictly an order is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderKind {
    /// What comes then needs what comes first.
    #[default]
    Mandatory,
    /// Only when both happen in one transition.
    Optional,
}

/// A list of nodes for a resource, in the manner of Red Hat Cluster Suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverDomain {
    /// Its name.
    pub name: String,
    /// Its nodes; when ordered, the most wanted first.
    pub members: Vec<String>,
    /// Earlier members are preferred to later ones.
    #[serde(default)]
    pub ordered: bool,
    /// Nothing runs outside of it.
    #[serde(default)]
    pub restricted: bool,
    /// A resource returns to a better member once it is there again.
    #[serde(default = "yes")]
    pub fail_back: bool,
}

impl FailoverDomain {
    /// What one place in an ordered domain is worth. A location or stickiness
    /// of less does not outweigh it.
    pub const STEP: i32 = 100;

    /// What the place of a node is worth; `None`: not a member.
    pub fn worth(&self, node: &str) -> Option<Score> {
        let place = self.members.iter().position(|member| member == node)?;
        let steps = if self.ordered {
            self.members.len() - place
        } else {
            1
        };
        let steps = i32::try_from(steps).unwrap_or(i32::MAX);
        Some(Score::new(steps.saturating_mul(Self::STEP)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordered_domain_prefers_its_first_members() {
        let mut domain = FailoverDomain {
            name: "web".to_owned(),
            members: vec!["zipi".to_owned(), "zape".to_owned()],
            ordered: true,
            restricted: false,
            fail_back: true,
        };
        assert!(domain.worth("zipi") > domain.worth("zape"));
        assert!(domain.worth("zape") > Some(Score::ZERO));
        assert_eq!(domain.worth("other"), None);
        domain.ordered = false;
        assert_eq!(domain.worth("zipi"), domain.worth("zape"));
    }
}
