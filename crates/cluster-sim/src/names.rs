//! What the numbers of resources stand for, as far as any daemon ever applied it.

use crate::invariants::{Verdict, Violation};
use cluster_core::Definition;
use cluster_core::name::{NodeId, ResourceId};
use cluster_core::resources::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// All numbers that were ever given.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: BTreeMap<ResourceId, Definition>,
    forms: BTreeMap<String, BTreeSet<ResourceId>>,
    configured: u64,
}

impl Names {
    /// *named*: a number stands for the same thing for ever.
    pub(crate) fn learn(&mut self, resources: &Resources) -> Verdict {
        if resources.configured() <= self.configured {
            return Ok(());
        }
        self.configured = resources.configured();
        for (id, its) in resources.all() {
            let known = self.known.insert(id, its.clone());
            if known.is_some_and(|known| !known.is_same_thing(its)) {
                let what = format!("{id} is {} with other parameters than before", its.name);
                return Err(Violation::of("named", what));
            }
            self.forms.entry(its.name.clone()).or_default().insert(id);
        }
        Ok(())
    }

    /// What it was, when it was last seen.
    pub(crate) fn get(&self, id: ResourceId) -> Option<&Definition> {
        self.known.get(&id)
    }

    /// Its name.
    pub(crate) fn of(&self, id: ResourceId) -> String {
        let known = self.known.get(&id);
        known.map_or_else(|| id.to_string(), |its| its.name.clone())
    }

    /// Are these forms of one resource?
    pub(crate) fn are_same(&self, one: ResourceId, other: ResourceId) -> bool {
        one == other || self.of(one) == self.of(other)
    }

    /// All resources, and the numbers of all their forms.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &BTreeSet<ResourceId>)> {
        self.forms
            .iter()
            .map(|(name, forms)| (name.as_str(), forms))
    }
}

/// *named*: an operation is begun of something that is in no configuration.
pub(crate) fn nobody_gave(node: NodeId, id: ResourceId) -> Verdict {
    let what = format!("{node} begins an operation of {id}, which is nothing");
    Err(Violation::of("named", what))
}
