//! What operators asked for, as it stands.

use crate::name::NodeId;
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
    /// Everything is to be stopped.
    pub halted: Option<Halted>,
    /// By resource, of whose data only one node has the newest copy.
    pub outdated: BTreeMap<String, Outdated>,
    /// What agents keep for the whole cluster: by set, then name.
    pub properties: BTreeMap<String, BTreeMap<String, String>>,
}

/// Everything is to be stopped: who said so, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// The node at which it was said last.
    pub at: NodeId,
    /// In milliseconds of the cluster's time.
    pub since_ms: u64,
}

/// Copies of a resource's data may be out of date: whose is not, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// The only node whose copy is not.
    pub but: String,
    /// When it was said last, in milliseconds of the cluster's time; later than any time
    /// before.
    pub since_ms: u64,
}

/// How many properties agents may keep.
pub const PROPERTIES_MAX: usize = 256;

/// How long the set, the name and the value of a property may be together, in bytes.
pub const PROPERTY_BYTES_MAX: usize = 4_096;

impl Operators {
    /// An operator at this node asked for something at `now_ms` of the cluster's time.
    pub fn take(&mut self, command: &Command, at: NodeId, now_ms: u64) {
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
            Command::Halt { on } => {
                let since_ms = now_ms;
                self.halted = on.then_some(Halted { at, since_ms });
            }
            Command::Property { set, name, value } => {
                self.keep_property(set, name, value.as_deref());
            }
            Command::Outdate { resource, but } => self.outdate(resource, but, now_ms),
            Command::Alike { resource, since_ms } => {
                let said = |known: &Outdated| known.since_ms == *since_ms;
                if self.outdated.get(resource).is_some_and(said) {
                    self.outdated.remove(resource);
                }
            }
            Command::Unmove { resource } => self.moves.retain(|one| one.resource != *resource),
            Command::Cleanup { .. } => {}
        }
    }

    /// Who said it first has the newest copy. Said again it is newer: whoever was about to
    /// say that all copies are the same again did not know of it.
    fn outdate(&mut self, resource: &str, but: &str, now_ms: u64) {
        let known = self.outdated.get(resource);
        if known.is_some_and(|known| known.but != but) {
            return;
        }
        let after = known.map_or(0, |known| known.since_ms.saturating_add(1));
        let outdated = Outdated {
            but: but.to_owned(),
            since_ms: now_ms.max(after),
        };
        self.outdated.insert(resource.to_owned(), outdated);
    }

    /// By resource, the node that alone has the newest copy of its data.
    pub fn newest(&self) -> BTreeMap<String, String> {
        let known = self.outdated.iter();
        known
            .map(|(resource, known)| (resource.clone(), known.but.clone()))
            .collect()
    }

    /// A property; without a set, of whichever has it.
    pub fn property(&self, set: Option<&str>, name: &str) -> Option<&str> {
        let mut sets = self.properties.iter();
        let found = sets.find_map(|(known, all)| {
            let value = all.get(name)?;
            set.is_none_or(|set| set == known).then_some(value)
        });
        found.map(String::as_str)
    }

    /// Is there room for it? What is too much is refused: all nodes carry it for ever.
    pub fn has_room_for(&self, set: &str, name: &str, value: &str) -> bool {
        let sets = self.properties.values();
        let there = sets.map(BTreeMap::len).sum::<usize>();
        let is_new = self.property(Some(set), name).is_none();
        let bytes = set.len() + name.len() + value.len();
        bytes <= PROPERTY_BYTES_MAX && there + usize::from(is_new) <= PROPERTIES_MAX
    }

    fn keep_property(&mut self, set: &str, name: &str, value: Option<&str>) {
        let Some(value) = value else {
            if let Some(all) = self.properties.get_mut(set) {
                all.remove(name);
            }
            self.properties.retain(|_, all| !all.is_empty());
            return;
        };
        if self.has_room_for(set, name, value) {
            let all = self.properties.entry(set.to_owned()).or_default();
            all.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Forgets what was asked for of items that are not there any more. Data stay outdated,
    /// also if what has them is taken out for a while.
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

    const HERE: NodeId = NodeId(1);

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
        operators.take(&moved("web", "zipi", 1_000), HERE, 0);
        operators.take(&moved("db", "zipi", 5_000), HERE, 0);
        operators.take(&moved("web", "zape", 1_000), HERE, 500);
        let until: Vec<_> = operators.moves.iter().map(|one| one.until_ms).collect();
        assert_eq!(until, [5_000, 1_500]);
        let on = true;
        operators.take(&Command::Maintenance { node: None, on }, HERE, 2_000);
        assert!(operators.all_maintenance);
        assert_eq!(operators.moves.len(), 1);
    }

    #[test]
    fn what_was_asked_for_of_a_resource_ends_with_it() {
        let mut operators = Operators::default();
        for name in ["web", "db"] {
            operators.take(&moved(name, "zipi", 1_000), HERE, 0);
            let (resource, on) = (name.to_owned(), true);
            operators.take(&Command::Unmanage { resource, on }, HERE, 0);
            let (resource, role) = (name.to_owned(), Some(TargetRole::Stopped));
            operators.take(&Command::Target { resource, role }, HERE, 0);
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
            operators.take(&Command::Standby { node, on }, HERE, 0);
            let resource = "web".to_owned();
            operators.take(&Command::Unmanage { resource, on }, HERE, 0);
            let role = on.then_some(TargetRole::Stopped);
            let resource = "web".to_owned();
            operators.take(&Command::Target { resource, role }, HERE, 0);
            assert_eq!(operators == Operators::default(), !on);
        }
    }

    #[test]
    fn the_log_remembers_who_stopped_everything() {
        let mut operators = Operators::default();
        operators.take(&Command::Halt { on: true }, HERE, 700);
        let (at, since_ms) = (HERE, 700);
        assert_eq!(operators.halted, Some(Halted { at, since_ms }));
        operators.take(&Command::Halt { on: false }, HERE, 900);
        assert_eq!(operators, Operators::default());
    }

    #[test]
    fn of_two_that_each_call_the_other_outdated_the_first_one_is_believed() {
        let resource = "db".to_owned();
        let outdate = |but: &str| Command::Outdate {
            resource: resource.clone(),
            but: but.to_owned(),
        };
        let alike = |since_ms| Command::Alike {
            resource: resource.clone(),
            since_ms,
        };
        let mut operators = Operators::default();
        operators.take(&outdate("zipi"), HERE, 10);
        operators.take(&outdate("zape"), HERE, 11);
        assert_eq!(operators.outdated["db"].but, "zipi");
        // The link broke again while the other one was about to say that all is well.
        operators.take(&outdate("zipi"), HERE, 10);
        operators.take(&alike(10), HERE, 12);
        assert_eq!(operators.outdated["db"].since_ms, 11);
        operators.take(&alike(11), HERE, 13);
        assert_eq!(operators, Operators::default());
    }

    fn property(set: &str, name: &str, value: Option<&str>) -> Command {
        Command::Property {
            set: set.to_owned(),
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    #[test]
    fn agents_keep_properties_in_sets_and_take_them_back() {
        let mut operators = Operators::default();
        operators.take(&property("redis", "master", Some("zipi")), HERE, 0);
        operators.take(&property("other", "master", Some("zape")), HERE, 0);
        assert_eq!(operators.property(Some("redis"), "master"), Some("zipi"));
        assert_eq!(operators.property(None, "master"), Some("zape"));
        assert_eq!(operators.property(Some("redis"), "slave"), None);
        for set in ["redis", "other"] {
            operators.take(&property(set, "master", None), HERE, 0);
        }
        assert_eq!(operators, Operators::default());
    }

    #[test]
    fn what_agents_keep_is_bounded() {
        let mut operators = Operators::default();
        for number in 0..=PROPERTIES_MAX {
            let name = number.to_string();
            operators.take(&property("set", &name, Some("")), HERE, 0);
        }
        let last = PROPERTIES_MAX.to_string();
        assert_eq!(operators.property(None, &last), None);
        operators.take(&property("set", "0", Some("other")), HERE, 0);
        assert_eq!(
            operators.property(None, "0"),
            Some("other"),
            "one of them may change"
        );
        let long = "x".repeat(PROPERTY_BYTES_MAX);
        operators.take(&property("set", "0", Some(&long)), HERE, 0);
        assert_eq!(operators.property(None, "0"), Some("other"));
    }
}
