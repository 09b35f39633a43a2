//! What operators asked for, as it stands.

use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::state::Move;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What operators asked for. It outweighs the configuration, and is listed as what it
/// is: nothing is hidden in a constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operators {
    /// Nodes that take no resources.
    pub standby: BTreeSet<String>,
    /// Nodes that are left alone.
    pub maintenance: BTreeSet<String>,
    /// Everything is left alone.
    pub all_maintenance: bool,
    /// The most that is wanted of resources.
    pub targets: BTreeMap<String, TargetRole>,
    /// Resources that are left alone.
    pub unmanaged: BTreeSet<String>,
    /// What is moved, for a time; one for each resource.
    pub moves: Vec<Move>,
}

impl Operators {
    /// An operator asked for something at `now_ms` of the cluster's time.
    pub fn take(&mut self, command: &Command, now_ms: u64) {
        self.moves.retain(|one| now_ms < one.until_ms);
        match command {
            Command::Standby { node, on } => put(&mut self.standby, node, *on),
            Command::Maintenance { node: None, on } => self.all_maintenance = *on,
            Command::Maintenance {
                node: Some(node),
                on,
            } => put(&mut self.maintenance, node, *on),
            Command::Target {
                resource,
                role: Some(role),
            } => {
                self.targets.insert(resource.clone(), *role);
            }
            Command::Target {
                resource,
                role: None,
            } => {
                self.targets.remove(resource);
            }
            Command::Unmanage { resource, on } => put(&mut self.unmanaged, resource, *on),
            Command::Move {
                resource,
                direction,
                for_ms,
            } => {
                self.moves.retain(|one| one.resource != *resource);
                self.moves.push(Move {
                    resource: resource.clone(),
                    direction: direction.clone(),
                    until_ms: now_ms.saturating_add(*for_ms),
                });
            }
            Command::Unmove { resource } => self.moves.retain(|one| one.resource != *resource),
            Command::Cleanup { .. } => {}
        }
    }

    /// Forgets what was asked for of items that are not there any more.
    pub(crate) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.targets.retain(|name, _| is_there(name));
        self.unmanaged.retain(|name| is_there(name));
        self.moves.retain(|one| is_there(&one.resource));
    }
}

fn put(set: &mut BTreeSet<String>, name: &str, on: bool) {
    if on {
        set.insert(name.to_owned());
    } else {
        set.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::state::Direction;

    fn moved(resource: &str, to: &str, for_ms: u64) -> Command {
        Command::Move {
            resource: resource.to_owned(),
            direction: Direction::To(to.to_owned()),
            for_ms,
        }
    }

    #[test]
    fn a_later_move_replaces_an_earlier_one_and_an_old_one_is_gone() {
        let mut operators = Operators::default();
        operators.take(&moved("web", "zipi", 1_000), 0);
        operators.take(&moved("db", "zipi", 5_000), 0);
        operators.take(&moved("web", "zape", 1_000), 500);
        let until: Vec<_> = operators.moves.iter().map(|one| one.until_ms).collect();
        assert_eq!(until, [5_000, 1_500]);
        let on = true;
        operators.take(&Command::Maintenance { node: None, on }, 2_000);
        assert!(operators.all_maintenance);
        assert_eq!(operators.moves.len(), 1);
    }

    #[test]
    fn what_was_asked_for_of_a_resource_ends_with_it() {
        let mut operators = Operators::default();
        for name in ["web", "db"] {
            operators.take(&moved(name, "zipi", 1_000), 0);
            let (resource, on) = (name.to_owned(), true);
            operators.take(&Command::Unmanage { resource, on }, 0);
            let (resource, role) = (name.to_owned(), Some(TargetRole::Stopped));
            operators.take(&Command::Target { resource, role }, 0);
        }
        operators.keep(|name| name == "db");
        assert_eq!(operators.moves.len(), 1);
        assert_eq!(operators.unmanaged, ["db".to_owned()].into());
        assert_eq!(operators.targets.len(), 1);
    }

    #[test]
    fn what_was_asked_for_can_be_taken_back() {
        let mut operators = Operators::default();
        for on in [true, false] {
            let node = "zipi".to_owned();
            operators.take(&Command::Standby { node, on }, 0);
            let resource = "web".to_owned();
            operators.take(&Command::Unmanage { resource, on }, 0);
            let role = on.then_some(TargetRole::Stopped);
            let resource = "web".to_owned();
            operators.take(&Command::Target { resource, role }, 0);
            assert_eq!(operators == Operators::default(), !on);
        }
    }
}
