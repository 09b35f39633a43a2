//! The configuration as it was applied, and the numbers that resources have by it.
//!
//! A number stands for one thing that runs: a name, and an agent with its parameters. It
//! is given once and never again. Whoever changes the parameters of a resource, or takes
//! it out of the configuration, *retires* its number: what may run under it has to be
//! stopped with the old parameters, everywhere, and only then it is forgotten. Until
//! then nothing else of that name starts.

use crate::definition::Definition;
use crate::instances::Instances;
use crate::name::ResourceId;
use cluster_model::configuration::Configuration;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to run, and what there was and may still run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Where in the log it stands; 0: there is no configuration yet.
    configured: u64,
    configuration: Configuration,
    definitions: BTreeMap<ResourceId, Definition>,
    /// Those of the configuration, by the name of the instance.
    current: BTreeMap<String, ResourceId>,
    retired: BTreeSet<ResourceId>,
    /// What each item is made of.
    items: BTreeMap<String, Vec<ResourceId>>,
    /// The last number that was given.
    last: u32,
}

impl Resources {
    /// Where in the log the configuration stands; 0: there is none yet.
    pub fn configured(&self) -> u64 {
        self.configured
    }

    /// The configuration; an empty one, if there is none yet.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// A resource, also one that is retired.
    pub fn get(&self, id: ResourceId) -> Option<&Definition> {
        self.definitions.get(&id)
    }

    /// Everything that may run, by number.
    pub fn all(&self) -> impl Iterator<Item = (ResourceId, &Definition)> {
        self.definitions.iter().map(|(id, its)| (*id, its))
    }

    /// What the configuration says, by name.
    pub fn current(&self) -> impl Iterator<Item = (&str, ResourceId)> {
        self.current.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The number that a name has in the configuration.
    pub fn called(&self, name: &str) -> Option<ResourceId> {
        self.current.get(name).copied()
    }

    /// What a primitive, group or clone is made of.
    pub fn item(&self, name: &str) -> Option<&[ResourceId]> {
        self.items.get(name).map(Vec::as_slice)
    }

    /// Is it only known until it is stopped everywhere?
    pub fn is_retired(&self, id: ResourceId) -> bool {
        self.retired.contains(&id)
    }

    /// What is retired.
    pub fn retired(&self) -> impl Iterator<Item = (ResourceId, &Definition)> {
        let retired = self.retired.iter();
        retired.filter_map(|id| Some((*id, self.definitions.get(id)?)))
    }

    /// What a name stood for before, and may still run.
    pub fn predecessors<'a>(&'a self, name: &'a str) -> impl Iterator<Item = ResourceId> + 'a {
        self.retired()
            .filter(move |(_, its)| its.name == name)
            .map(|(id, _)| id)
    }

    /// What is retired and has no successor: nobody but the coordinator stops it.
    pub fn removed(&self) -> impl Iterator<Item = (ResourceId, &Definition)> {
        self.retired()
            .filter(|(_, its)| !self.current.contains_key(&its.name))
    }

    /// The configuration at this place of the log.
    pub(crate) fn configure(&mut self, index: u64, configuration: &Configuration) {
        let instances = Instances::of(configuration);
        let mut before = std::mem::take(&mut self.current);
        let mut ids = Vec::with_capacity(instances.all.len());
        for its in &instances.all {
            let id = self.number_of(its);
            if before.get(&its.name) == Some(&id) {
                before.remove(&its.name);
            }
            self.retired.remove(&id);
            self.definitions.insert(id, its.clone());
            self.current.insert(its.name.clone(), id);
            ids.push(id);
        }
        self.retired.extend(before.into_values());
        // What takes part in the order of the configuration does so as its successor
        // does; what was removed goes down in the order in which it once came up.
        for id in &self.retired {
            let Some(its) = self.definitions.get(id) else {
                continue;
            };
            let successor = self.current.get(&its.name);
            let after = successor
                .and_then(|id| self.definitions.get(id))
                .map(|its| its.after.clone());
            if let (Some(after), Some(its)) = (after, self.definitions.get_mut(id)) {
                its.after = after;
            }
        }
        let items = instances.items.iter();
        self.items = items
            .map(|(name, places)| {
                let those = places.iter().map(|place| ids[*place]);
                ((*name).to_owned(), those.collect())
            })
            .collect();
        self.configuration = configuration.clone();
        self.configured = index;
    }

    /// The number of the same thing, if it may still run; else a new one.
    fn number_of(&mut self, its: &Definition) -> ResourceId {
        let mut known = self.definitions.iter();
        let same = known.find(|(_, known)| known.is_same_thing(its));
        if let Some((id, _)) = same {
            return *id;
        }
        self.last += 1;
        ResourceId(self.last)
    }

    /// It is stopped everywhere.
    pub(crate) fn forget(&mut self, id: ResourceId) {
        if self.retired.remove(&id) {
            self.definitions.remove(&id);
        }
    }
}

/// Resources are the same for a long time, and states are copied often: they share them.
pub(crate) mod shared {
    use super::Resources;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(crate) fn serialize<S: Serializer>(
        resources: &Arc<Resources>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        resources.as_ref().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Arc<Resources>, D::Error> {
        Resources::deserialize(from).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::configuration::{Group, Item, Operations, Primitive, ResourceOptions};
    use cluster_model::resource::Agent;
    use cluster_model::score::Score;

    fn primitive(name: &str, device: &str) -> Primitive {
        let parameters = [("device".to_owned(), device.to_owned())];
        Primitive {
            name: name.to_owned(),
            agent: Agent::Ocf {
                provider: "heartbeat".to_owned(),
                kind: "Filesystem".to_owned(),
                parameters: parameters.into(),
            },
            options: ResourceOptions::default(),
            operations: Operations::default(),
        }
    }

    fn group(members: &[(&str, &str)]) -> Configuration {
        let members = members.iter();
        Configuration {
            resources: vec![Item::Group(Group {
                name: "group".to_owned(),
                members: members
                    .map(|(name, device)| primitive(name, device))
                    .collect(),
                options: ResourceOptions::default(),
                migration_threshold_sum: None,
            })],
            ..Configuration::default()
        }
    }

    fn numbers(resources: &Resources) -> Vec<(&str, u32)> {
        let current = resources.current();
        current.map(|(name, id)| (name, id.0)).collect()
    }

    fn retired(resources: &Resources) -> Vec<u32> {
        resources.retired().map(|(id, _)| id.0).collect()
    }

    #[test]
    fn a_number_stands_for_one_thing_and_is_never_given_again() {
        let mut resources = Resources::default();
        resources.configure(1, &group(&[("a", "1"), ("b", "1")]));
        assert_eq!(numbers(&resources), [("a", 1), ("b", 2)]);
        // Before others, with another option: the same numbers.
        let mut configuration = group(&[("c", "1"), ("a", "1"), ("b", "1")]);
        configuration.resource_defaults.stickiness = Some(Score::new(7));
        resources.configure(2, &configuration);
        assert_eq!(numbers(&resources), [("a", 1), ("b", 2), ("c", 3)]);
        assert!(resources.retired.is_empty());
        resources.configure(3, &group(&[("a", "2"), ("c", "1")]));
        assert_eq!(numbers(&resources), [("a", 4), ("c", 3)]);
        assert_eq!(retired(&resources), [1, 2]);
        let removed: Vec<_> = resources.removed().map(|(id, _)| id.0).collect();
        assert_eq!(removed, [2]);
        assert_eq!(resources.predecessors("a").next(), Some(ResourceId(1)));
        resources.forget(ResourceId(1));
        resources.forget(ResourceId(4));
        assert_eq!(retired(&resources), [2], "what is current is not forgotten");
        resources.configure(4, &group(&[("a", "1"), ("b", "1"), ("c", "1")]));
        assert_eq!(
            numbers(&resources),
            [("a", 5), ("b", 2), ("c", 3)],
            "what may still run is not stopped to be started"
        );
        assert_eq!(retired(&resources), [4]);
        assert_eq!(
            resources.item("group"),
            Some(&[5, 2, 3].map(ResourceId)[..])
        );
    }

    #[test]
    fn what_is_replaced_stops_in_the_new_order_and_what_is_removed_in_the_old_one() {
        let mut resources = Resources::default();
        resources.configure(1, &group(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]));
        resources.configure(2, &group(&[("b", "2"), ("a", "1")]));
        let after = |id| {
            let its: &Definition = &resources.definitions[&ResourceId(id)];
            its.after.iter().map(String::as_str).collect::<Vec<_>>()
        };
        assert_eq!(after(2), [""; 0], "as its successor");
        assert_eq!(after(1), ["b"]);
        assert_eq!(after(3), ["b"]);
        assert_eq!(after(4), ["c"]);
    }

    #[test]
    fn it_comes_back_from_a_snapshot_as_it_was() {
        let mut resources = Resources::default();
        resources.configure(9, &group(&[("a", "1"), ("b", "1")]));
        resources.configure(12, &group(&[("a", "2")]));
        let written = postcard::to_stdvec(&resources).expect("it can be written");
        assert_eq!(postcard::from_bytes(&written), Ok(resources));
    }
}
