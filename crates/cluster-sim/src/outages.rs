//! How long what may run only once ran nowhere: *available*.

use crate::clock::Moment;
use crate::judge::Judge;
use crate::machine::{Daemon, Machine};
use crate::topology::runs_everywhere;
use std::collections::BTreeMap;
use std::time::Duration;

/// Outages so far.
#[derive(Debug, Default)]
pub(crate) struct Outages {
    /// What ran once and runs nowhere, and since when.
    down: BTreeMap<String, Option<Moment>>,
    /// The longest.
    pub(crate) longest: Duration,
}

impl Judge {
    /// Resources, or what is under way with them, changed.
    pub(crate) fn look_for_outages<D: Daemon>(&mut self, machines: &[Machine<D>], now: Moment) {
        let Self { names, outages, .. } = self;
        for (name, forms) in names.all().filter(|(name, _)| !runs_everywhere(name)) {
            let runs = machines.iter().any(|machine| {
                let resources = &machine.agents.resources;
                let mut forms = forms.iter().filter_map(|form| resources.get(form));
                forms.any(|its| its.active)
            });
            match (runs, outages.down.get(name)) {
                (true, None) => {
                    outages.down.insert(name.to_owned(), None);
                }
                (true, Some(Some(since))) => {
                    outages.longest = outages.longest.max(now.since(*since));
                    outages.down.insert(name.to_owned(), None);
                }
                (false, Some(None)) => {
                    outages.down.insert(name.to_owned(), Some(now));
                }
                (true, Some(None)) | (false, None | Some(Some(_))) => {}
            }
        }
    }
}
