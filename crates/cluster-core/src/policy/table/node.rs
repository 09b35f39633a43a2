//! Nodes: whether they may be given anything, and in which order they come.

use cluster_model::state::{Node, Presence};
use std::cmp::Ordering;

/// A node.
#[derive(Debug)]
pub(in crate::policy) struct NodeEntry<'a> {
    pub(in crate::policy) name: &'a str,
    /// `None`: the state does not know it, so it is gone.
    pub(in crate::policy) known: Option<&'a Node>,
    /// It is to be fenced before anything of it is used elsewhere.
    pub(in crate::policy) fence: Option<String>,
    /// A failure put it into standby, and which.
    pub(in crate::policy) standby: Option<String>,
    /// It takes nothing as long as another one can, and why.
    pub(in crate::policy) held_back: Option<&'static str>,
}

impl NodeEntry<'_> {
    pub(in crate::policy) fn presence(&self) -> Presence {
        self.known.map_or(Presence::Gone, |node| node.presence)
    }

    /// Why no resource may be given to it; `None`: it may.
    pub(in crate::policy) fn unavailable(&self) -> Option<&str> {
        if let Some(fence) = &self.fence {
            return Some(fence);
        }
        let Some(node) = self.known else {
            return Some("it is not there");
        };
        match node.presence {
            Presence::Gone => Some("it is not there"),
            Presence::Unclean => Some("it is lost, and not yet known to have stopped everything"),
            Presence::Joining => Some("it is still joining"),
            Presence::Online if node.standby => Some("it is in standby"),
            Presence::Online if node.maintenance => Some("it is in maintenance"),
            Presence::Online => self.standby.as_deref().or(self.held_back),
        }
    }

    pub(in crate::policy) fn is_available(&self) -> bool {
        self.unavailable().is_none()
    }
}

/// Names in the order in which people count: `node2` before `node10`.
pub(super) fn by_natural_order(left: &str, right: &str) -> Ordering {
    let mut left_rest = left;
    let mut right_rest = right;
    loop {
        let (Some(a), Some(b)) = (left_rest.chars().next(), right_rest.chars().next()) else {
            return left_rest
                .len()
                .cmp(&right_rest.len())
                .then_with(|| left.cmp(right));
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (a, rest_a) = number(left_rest);
            let (b, rest_b) = number(right_rest);
            // Of equally many digits the greater text is the greater number.
            let order = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
            if order != Ordering::Equal {
                return order;
            }
            (left_rest, right_rest) = (rest_a, rest_b);
        } else {
            let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
            if order != Ordering::Equal {
                return order;
            }
            left_rest = &left_rest[a.len_utf8()..];
            right_rest = &right_rest[b.len_utf8()..];
        }
    }
}

/// The digits at the beginning, without leading zeros, and what follows.
fn number(text: &str) -> (&str, &str) {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_ordered_as_people_count() {
        let mut names = ["node10", "node2", "Node1", "node02b", "alpha"];
        names.sort_by(|left, right| by_natural_order(left, right));
        assert_eq!(names, ["alpha", "Node1", "node2", "node02b", "node10"]);
    }
}
