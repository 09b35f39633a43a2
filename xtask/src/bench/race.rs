//! The order of things: contenders take turns, so that whatever else this
//! machine does meanwhile hits all of them.

use super::contender::{Cell, Contender, Scenario};
use super::fleet::{Field, Fleet};
use super::interrupt;
use super::place::Place;
use super::samples::{Samples, seconds};
use super::surroundings::load;
use super::work::Package;
use crate::report::{span, stage};
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::time::Duration;

/// What takes longer than this is measured once.
const ONCE: Duration = Duration::from_secs(30);
/// What is expected to take longer than this is left out.
const TOO_LONG: Duration = Duration::from_secs(90);

/// What is measured and what came out.
#[derive(Debug)]
pub(super) struct Race {
    contenders: Vec<Contender>,
    scenarios: Vec<Scenario>,
    runs: usize,
    patient: bool,
    pub(super) samples: BTreeMap<Cell, Samples>,
    /// How long it would have taken.
    pub(super) left_out: BTreeMap<Cell, Duration>,
    /// Load average before and after each field.
    pub(super) loads: BTreeMap<Field, (String, String)>,
}

impl Race {
    pub(super) fn new(
        contenders: Vec<Contender>,
        scenarios: Vec<Scenario>,
        runs: usize,
        patient: bool,
    ) -> Self {
        Self {
            contenders,
            scenarios,
            runs,
            patient,
            samples: BTreeMap::new(),
            left_out: BTreeMap::new(),
            loads: BTreeMap::new(),
        }
    }

    /// Everything that is measured with so many hosts.
    pub(super) fn field(&mut self, place: &Place, package: &Package, field: Field) -> Result<()> {
        stage(&field.title());
        let before = load();
        if self.scenarios.contains(&Scenario::First) {
            for _ in 0..self.runs {
                for contender in self.contenders.clone() {
                    self.first(place, package, field, contender)?;
                }
            }
        }
        let unchanged: Vec<Scenario> = [Scenario::Plan, Scenario::Again]
            .into_iter()
            .filter(|scenario| self.scenarios.contains(scenario))
            .collect();
        if !unchanged.is_empty() {
            self.unchanged(place, package, field, &unchanged)?;
        }
        self.loads.insert(field, (before, load()));
        Ok(())
    }

    /// A first apply, on hosts that were just made.
    fn first(
        &mut self,
        place: &Place,
        package: &Package,
        field: Field,
        contender: Contender,
    ) -> Result<()> {
        let cell = Cell {
            field,
            scenario: Scenario::First,
            contender,
        };
        if !self.wants(cell) {
            return Ok(());
        }
        let fleet = Fleet::up(place, field)?;
        contender.prepare(place, &fleet, package)?;
        let before = fleet.starts()?;
        self.measure(place, &fleet, cell)?;
        fleet
            .must_be_done(package)
            .with_context(|| contender.title())?;
        let after = fleet.starts()?;
        ensure!(
            before
                .iter()
                .all(|(host, start)| after.get(host) != Some(start)),
            "{} did not restart the service everywhere",
            contender.title()
        );
        Ok(())
    }

    /// Everything that changes nothing, on hosts where it is done already: the
    /// same hosts for all.
    fn unchanged(
        &mut self,
        place: &Place,
        package: &Package,
        field: Field,
        scenarios: &[Scenario],
    ) -> Result<()> {
        let fleet = Fleet::up(place, field)?;
        // Who keeps records on the hosts comes first; the others find the same
        // package, files and service.
        let first = self.contenders.first().context("nobody is compared")?;
        first.prepare(place, &fleet, package)?;
        first.run(place, &fleet, Scenario::First)?;
        fleet.must_be_done(package)?;
        let before = fleet.starts()?;
        for contender in self.contenders.clone() {
            contender.prepare(place, &fleet, package)?;
        }
        for _ in 0..self.runs {
            for &scenario in scenarios {
                for contender in self.contenders.clone() {
                    let cell = Cell {
                        field,
                        scenario,
                        contender,
                    };
                    if self.wants(cell) {
                        self.measure(place, &fleet, cell)?;
                    }
                }
            }
        }
        fleet.must_be_done(package)?;
        ensure!(
            fleet.starts()? == before,
            "somebody restarted the service though nothing changed"
        );
        Ok(())
    }

    fn measure(&mut self, place: &Place, fleet: &Fleet<'_>, cell: Cell) -> Result<()> {
        interrupt::check()?;
        let took = cell.contender.run(place, fleet, cell.scenario);
        // A contender that Ctrl-C ended did not fail.
        interrupt::check()?;
        let took = took?;
        eprintln!(
            "{:<18} {:<18} {} s",
            cell.contender.title(),
            cell.scenario.title(),
            seconds(took)
        );
        self.samples.entry(cell).or_default().add(took);
        Ok(())
    }

    /// Whether it is to be measured once more.
    fn wants(&mut self, cell: Cell) -> bool {
        let so_far = self.samples.get(&cell).and_then(Samples::median);
        if so_far.is_some_and(|median| median > ONCE) && !self.patient {
            return false;
        }
        if so_far.is_none()
            && !self.patient
            && let Some(expected) = self.expected(cell)
            && expected > TOO_LONG
        {
            if self.left_out.insert(cell, expected).is_none() {
                eprintln!(
                    "{:<18} {:<18} left out: some {}",
                    cell.contender.title(),
                    cell.scenario.title(),
                    span(expected)
                );
            }
            return false;
        }
        true
    }

    /// How long it will take, by the largest fleet that was measured and is not
    /// farther away: so much more as there are more hosts.
    fn expected(&self, cell: Cell) -> Option<Duration> {
        self.samples
            .iter()
            .filter(|(other, _)| {
                other.contender == cell.contender
                    && other.scenario == cell.scenario
                    && other.field.round_trip_ms <= cell.field.round_trip_ms
                    && other.field.hosts <= cell.field.hosts
            })
            .max_by_key(|(other, _)| other.field.hosts)
            .and_then(|(other, samples)| {
                let of = |hosts: usize| u32::try_from(hosts).unwrap_or(u32::MAX);
                Some(samples.median()? * of(cell.field.hosts) / of(other.field.hosts))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(hosts: usize, round_trip_ms: u64) -> Cell {
        Cell {
            field: Field {
                hosts,
                round_trip_ms,
            },
            scenario: Scenario::Plan,
            contender: Contender::Ansible,
        }
    }

    fn race(hosts: usize, took_s: u64) -> Race {
        let mut race = Race::new(Contender::ALL.to_vec(), Scenario::ALL.to_vec(), 3, false);
        let samples = race.samples.entry(cell(hosts, 0)).or_default();
        samples.add(Duration::from_secs(took_s));
        race
    }

    #[test]
    fn what_would_take_minutes_is_left_out_and_said_so() {
        let mut race = race(16, 60);
        assert!(!race.wants(cell(64, 0)));
        assert_eq!(race.left_out[&cell(64, 0)], Duration::from_secs(240));
        race.patient = true;
        assert!(race.wants(cell(64, 0)));
    }

    #[test]
    fn what_is_slow_is_measured_once_and_what_is_quick_again() {
        assert!(!race(16, 31).wants(cell(16, 0)));
        assert!(race(16, 29).wants(cell(16, 0)));
        assert!(race(16, 29).wants(cell(16, 20)));
    }
}
