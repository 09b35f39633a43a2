//! What there is to run changes while it runs.

use super::{Local, is_active, is_well};
use crate::disk::GivenUp;
use crate::name::ResourceId;
use crate::resources::Resources;
use crate::time::Time;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Local {
    /// What is to be stopped as it was known so far, by the next daemon if need be.
    pub(crate) fn given_up(&self) -> Option<GivenUp> {
        self.holds().then(|| GivenUp {
            boot: Some(self.boot),
            resources: Box::new(Resources::clone(&self.resources)),
        })
    }

    /// All of that is stopped. Without a watchdog nobody says so when it is disarmed.
    pub(crate) fn has_stopped_it(&mut self) {
        self.inherited &= self.armed;
    }

    /// An earlier daemon of this start of the machine gave up what it knew before it had
    /// stopped everything: any of it may run.
    pub(crate) fn inherit(&mut self, given_up: &GivenUp, now: Time) {
        self.inherited = true;
        self.know(&Arc::new(Resources::clone(&given_up.resources)), now);
    }

    /// What there is to run is not the same any more.
    pub(crate) fn know(&mut self, resources: &Arc<Resources>, now: Time) {
        let before = std::mem::replace(&mut self.resources, Arc::clone(resources));
        let under_way = self.operations.values().map(|operation| operation.resource);
        let under_way: BTreeSet<_> = under_way.collect();
        self.forgotten.retain(|id, _| under_way.contains(id));
        for id in under_way {
            if let (None, Some(its)) = (resources.get(id), before.get(id)) {
                self.forgotten.insert(id, its.name.clone());
            }
        }
        for (id, standing) in &self.standing {
            let monitor = |resources: &Resources| resources.get(*id).and_then(|its| its.monitor);
            let interval = monitor(&self.resources);
            if is_well(*standing) && interval != monitor(&before) {
                match interval {
                    Some(interval) => self.due.insert(*id, now + interval),
                    None => self.due.remove(id),
                };
            }
        }
        // What is forgotten was stopped everywhere. If it is not so here, it stays: this
        // machine holds something that nobody knows how to stop.
        let is_known = |id: &ResourceId| resources.get(*id).is_some();
        self.standing
            .retain(|id, standing| is_known(id) || is_active(*standing));
        self.due.retain(|id, _| is_known(id));
        self.reports.retain(|id, _| is_known(id));
        self.failures.retain(|id, _| is_known(id));
    }
}
