//! One run: from a seed to a report.

use crate::clock::Moment;
use crate::coverage::Coverage;
use crate::faults::Plan;
use crate::invariants::Violation;
use crate::liveness;
use crate::machine::Daemon;
use crate::topology::{LINKS, Topology};
use crate::trace::Trace;
use crate::world::World;
use cluster_core::{Node, Settings};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which cluster.
    pub topology: Topology,
    /// Which seed.
    pub seed: u64,
    /// The faults of its plan.
    pub plan: Plan,
    /// How much happened.
    pub events: u64,
    /// Equal for equal runs.
    pub digest: u64,
    /// What must not happen, and did.
    pub violation: Option<Violation>,
    /// From the end of the faults until all was well.
    pub recovered: Option<Duration>,
    /// How often a resource came up elsewhere than before.
    pub moves: u64,
    /// Those without a fault to explain them.
    pub unexplained: u64,
    /// The longest time for which something that may run only once ran nowhere.
    pub outage: Duration,
    /// How many operations began that change something.
    pub changes: u64,
    /// What was tried.
    pub coverage: Coverage,
    /// Simulated time.
    pub simulated: Duration,
    /// The last lines of the record, if they were asked for.
    pub lines: Vec<String>,
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How many of the last lines of the record to keep.
    pub keep: usize,
    /// A bug to be found; without the feature `planted-bugs` it does nothing.
    pub bug: Option<cluster_core::planted::Bug>,
}

impl Options {
    fn prepare(self, settings: &mut Settings) {
        settings.bug = self.bug;
    }
}

/// Runs a seed.
pub fn run(topology: Topology, seed: u64, options: Options) -> Report {
    let plan = Plan::draw(topology, usize::from(LINKS), seed);
    run_plan(topology, seed, &plan, options)
}

/// Runs a seed with another plan than its own: a part of it.
pub fn run_plan(topology: Topology, seed: u64, plan: &Plan, options: Options) -> Report {
    run_with::<Node>(topology, seed, plan, options)
}

/// The same for any daemon.
pub fn run_with<D: Daemon>(topology: Topology, seed: u64, plan: &Plan, options: Options) -> Report {
    let trace = Trace::keeping(options.keep);
    let mut world = World::<D>::new(topology, seed, plan.clone(), trace, |settings| {
        options.prepare(settings);
    });
    // The world is looked at after a panic only to say when it happened.
    let recovered = catch_unwind(AssertUnwindSafe(|| {
        let heal = world.heals_at();
        world.run_until(heal);
        if world.violation.is_some() {
            return None;
        }
        world.heal();
        liveness::recover(&mut world)
    }));
    let recovered = recovered.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned().or_else(|| {
            panic
                .downcast_ref::<&str>()
                .map(|words| (*words).to_owned())
        });
        let words = words.unwrap_or_else(|| "a panic without words".into());
        world.violation = Some(Violation::of("panic", words).at(world.now));
        None
    });
    Report {
        topology,
        seed,
        plan: plan.clone(),
        events: world.trace.events(),
        digest: world.trace.digest(),
        violation: world.violation,
        recovered,
        moves: world.judge.moves,
        unexplained: world.judge.unexplained,
        outage: world.judge.outages.longest,
        changes: world.judge.changes,
        coverage: world.coverage,
        simulated: world.now.since(Moment(0)),
        lines: world.trace.into_lines(),
    }
}

/// Most runs that shrinking may take.
const SHRINK_RUNS: u32 = 300;

/// Leaves out faults as long as the same invariant is broken; the smallest plan found.
pub fn shrink(report: &Report, mut options: Options) -> Plan {
    let mut plan = report.plan.clone();
    let Some(violation) = &report.violation else {
        return plan;
    };
    options.keep = 0;
    let mut runs = 0;
    let mut size = plan.faults.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let mut shrunk = false;
        while at < plan.faults.len() && runs < SHRINK_RUNS {
            let mut smaller = plan.clone();
            let end = (at + size).min(smaller.faults.len());
            smaller.faults.drain(at..end);
            runs += 1;
            let again = run_plan(report.topology, report.seed, &smaller, options);
            if again
                .violation
                .is_some_and(|found| found.invariant == violation.invariant)
            {
                plan = smaller;
                shrunk = true;
            } else {
                at += size;
            }
        }
        if runs >= SHRINK_RUNS || (size == 1 && !shrunk) {
            break;
        }
        if size > 1 || !shrunk {
            size /= 2;
        }
    }
    plan
}
