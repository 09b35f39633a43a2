//! What operators do to the configuration, and undo.

use crate::topology::{ITEMS, configuration, primitive};
use cluster_model::configuration::{Cloned, Configuration, Item, OnFail, Primitive};
use cluster_model::resource::Agent;
use cluster_model::score::Score;

/// A change of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// There is one more resource.
    Extra,
    /// An item is taken out.
    Without(usize),
    /// A resource has other parameters.
    Parameter(usize),
    /// Something is said that makes no difference to what runs.
    Option,
    /// Failures mean something else, wherever they can.
    OnFail(OnFail),
}

/// Whose parameters change: alone, in the middle of a group, under everything, in clones.
pub const CHANGED: [&str; 6] = ["mail", "files", "device", "address", "ping", "data"];

const EXTRA: &str = "extra";

impl Edit {
    /// What a failure may mean besides.
    pub const MEANINGS: [OnFail; 5] = [
        OnFail::Ignore,
        OnFail::Block,
        OnFail::Stop,
        OnFail::Standby,
        OnFail::Fence,
    ];

    /// The configuration with this change, or with it taken back.
    pub fn make(self, known: &Configuration, on: bool) -> Configuration {
        let mut edited = known.clone();
        match self {
            Self::Extra => {
                edited.resources.retain(|item| item.name() != EXTRA);
                if on {
                    edited.resources.push(Item::Primitive(primitive(EXTRA)));
                }
            }
            Self::Without(number) => {
                let name = ITEMS[number % ITEMS.len()];
                let mut first = configuration(known.nodes.clone()).resources.into_iter();
                let there = edited.resources.iter().any(|item| item.name() == name);
                if on {
                    edited.resources.retain(|item| item.name() != name);
                } else if !there {
                    edited
                        .resources
                        .extend(first.find(|item| item.name() == name));
                }
            }
            Self::Parameter(number) => {
                let name = CHANGED[number % CHANGED.len()];
                let form = if on { "@other" } else { "" };
                for one in primitives(&mut edited).filter(|one| one.name == name) {
                    one.agent = Agent::Systemd {
                        unit: format!("{name}{form}.service"),
                    };
                }
            }
            Self::OnFail(on_fail) => {
                let said = on.then_some(on_fail);
                for one in primitives(&mut edited) {
                    one.operations.start.on_fail = said;
                    for monitor in &mut one.operations.monitors {
                        monitor.options.on_fail = said;
                    }
                }
            }
            Self::Option => {
                let (stickiness, interval_ms) = if on { (120, 3_000) } else { (100, 4_000) };
                edited.resource_defaults.stickiness = Some(Score::new(stickiness));
                for one in primitives(&mut edited) {
                    for monitor in &mut one.operations.monitors {
                        monitor.interval_ms = interval_ms;
                    }
                }
            }
        }
        edited
    }
}

fn primitives(configuration: &mut Configuration) -> impl Iterator<Item = &mut Primitive> {
    let items = configuration.resources.iter_mut();
    items.flat_map(|item| match item {
        Item::Primitive(one) => std::slice::from_mut(one),
        Item::Group(group) => group.members.as_mut_slice(),
        Item::Clone(clone) => match &mut clone.of {
            Cloned::Primitive(one) => std::slice::from_mut(one),
            Cloned::Group(group) => group.members.as_mut_slice(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_one_and_can_be_taken_back() {
        let first = configuration(["n1".to_owned()].into());
        let many = (0..6).map(Edit::Parameter);
        let items = (0..3).map(Edit::Without);
        let others = [Edit::Extra, Edit::Option, Edit::OnFail(OnFail::Block)];
        for edit in many.chain(items).chain(others) {
            let changed = edit.make(&first, true);
            assert_ne!(changed, first, "{edit:?}");
            let mut back = edit.make(&changed, false);
            let mut before = first.clone();
            for one in [&mut back, &mut before] {
                one.resources
                    .sort_by(|one, other| one.name().cmp(other.name()));
            }
            assert_eq!(back, before, "{edit:?}");
        }
    }
}
