//! What was tried: which fault hit whom.

use crate::faults::Kind;
use crate::machine::{PersistPoint, Role};
use crate::topology::Topology;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts of faults that took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By kind, and by the part that the machine played; none: no single machine.
    pub faults: BTreeMap<(Kind, Option<Role>), u64>,
    /// Crashes between a write being asked and done.
    pub crashes: BTreeMap<(PersistPoint, Role), u64>,
}

impl Coverage {
    /// One more.
    pub fn fault(&mut self, kind: Kind, role: Option<Role>) {
        *self.faults.entry((kind, role)).or_default() += 1;
    }

    /// One more.
    pub fn crash(&mut self, point: PersistPoint, role: Role) {
        *self.crashes.entry((point, role)).or_default() += 1;
    }

    /// Adds what another run tried.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.faults {
            *self.faults.entry(*key).or_default() += count;
        }
        for (key, count) in &other.crashes {
            *self.crashes.entry(*key).or_default() += count;
        }
    }

    /// How often a kind of fault took effect, whomever it hit.
    pub fn of(&self, kind: Kind) -> u64 {
        let those = self.faults.iter().filter(|((known, _), _)| *known == kind);
        those.map(|(_, count)| count).sum()
    }

    /// All that can happen to such a cluster, by what it is and by the part of whom it hits
    /// (and none of these, last): how often it did. Nothing: it cannot.
    pub fn cells(&self, topology: Topology) -> Vec<(String, Vec<Option<u64>>)> {
        let faults = Kind::of(topology).into_iter().map(|kind| {
            let count = |role| self.faults.get(&(kind, role)).copied().unwrap_or(0);
            let hits = Role::ALL.iter().map(|role| {
                let can = kind.can_hit(*role);
                can.then(|| count(Some(*role)))
            });
            // Agents misbehave on one machine or on all.
            let all = kind.is_of_all() || kind == Kind::BadAgents;
            let all = all.then(|| count(None));
            (format!("{kind:?}"), hits.chain([all]).collect())
        });
        let points = PersistPoint::of(topology).into_iter().map(|point| {
            let count = |role: &Role| self.crashes.get(&(point, *role)).copied();
            let hits = Role::ALL.iter().map(|role| Some(count(role).unwrap_or(0)));
            (format!("crash at {point:?}"), hits.chain([None]).collect())
        });
        faults.chain(points).collect()
    }

    /// What never happened and can.
    pub fn missing(&self, topology: Topology) -> Vec<String> {
        let mut missing = Vec::new();
        for (name, cells) in self.cells(topology) {
            for (place, count) in cells.iter().enumerate() {
                if *count == Some(0) {
                    let role = Role::ALL.get(place);
                    let role = role.map_or("all".to_owned(), |role| format!("{role:?}"));
                    missing.push(format!("{name} of {role}"));
                }
            }
        }
        missing
    }

    /// As a table of Markdown.
    pub fn table(&self, topology: Topology) -> String {
        let roles: Vec<_> = Role::ALL.iter().map(|role| format!("{role:?}")).collect();
        let mut table = format!("| {} | {} | all |\n", topology.name(), roles.join(" | "));
        table.push_str("|---|---:|---:|---:|---:|---:|\n");
        for (name, cells) in self.cells(topology) {
            let cells = cells.iter().map(|count| match count {
                Some(count) => count.to_string(),
                None => String::new(),
            });
            let cells: Vec<_> = cells.collect();
            let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
        }
        table
    }
}
