//! The lease is over: everything is stopped, in order.

use super::{Local, Rights, is_active};
use crate::action::Action;
use crate::name::ResourceId;
use crate::operation::OperationKind;
use crate::out::Out;
use crate::settings::Settings;
use crate::state::Standing;

impl Local {
    /// Stops everything, what depends on others first: the lease is over.
    pub(crate) fn make_safe(&mut self, rights: Rights, settings: &Settings, out: &mut Out) {
        let waiting: Vec<_> = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.waits.is_some())
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.call_off(id, rights);
        }
        for (id, operation) in &mut self.operations {
            if operation.kind.goes_up() && !operation.killed {
                operation.killed = true;
                out.act(Action::Kill(*id));
            }
        }
        let all = self.resources.all().map(|(resource, _)| resource);
        let stop: Vec<_> = all
            .filter(|resource| self.is_to_be_stopped(*resource))
            .collect();
        for resource in stop {
            // Two forms of one resource go one after the other.
            if self.is_busy(resource) {
                continue;
            }
            // What is promoted goes down step by step; what is not well, at once.
            let kind = match self.standing(resource) {
                Standing::Promoted => OperationKind::Demote,
                _ => OperationKind::Stop,
            };
            self.begin(resource, kind, None, settings, out);
        }
    }

    fn is_to_be_stopped(&self, resource: ResourceId) -> bool {
        self.may_run(resource)
            && !self.is_busy(resource)
            && !self.again.contains_key(&resource)
            && !self.is_needed_here(resource)
            && self.is_clear()
    }

    /// What is unknown may run, if an earlier daemon was here.
    fn may_run(&self, resource: ResourceId) -> bool {
        let standing = self.standing(resource);
        is_active(standing) || (self.inherited && standing == Standing::Unknown)
    }

    /// May something run here that needs it?
    pub(super) fn is_needed_here(&self, resource: ResourceId) -> bool {
        let Some(name) = self.resources.get(resource).map(|its| &its.name) else {
            return false;
        };
        self.resources.all().any(|(other, its)| {
            its.after.contains(name) && (self.may_run(other) || self.is_busy(other))
        })
    }

    /// Nothing is held here: the watchdog may sleep.
    pub(crate) fn disarm(&mut self, out: &mut Out) {
        let starts = self
            .operations
            .values()
            .any(|operation| operation.kind.goes_up());
        if self.armed && !starts && !self.holds() {
            self.armed = false;
            self.inherited = false;
            out.act(Action::Disarm);
        }
    }
}
