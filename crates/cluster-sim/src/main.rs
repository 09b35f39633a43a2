//! Runs seeds from the command line.

#[cfg(feature = "planted-bugs")]
use anyhow::Context;
use clap::Parser;
#[cfg(feature = "planted-bugs")]
use cluster_core::planted::Bug;
use cluster_sim::coverage::Coverage;
use cluster_sim::run::{Options, Report, run, run_plan, shrink};
use cluster_sim::topology::Topology;
use serde_json::json;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "Examples:
  cluster-sim --topology witness --seeds 1000
  cluster-sim --topology five --from 5000 --seeds 100 --json
  cluster-sim --topology three --seed 4711 --trace";

/// Simulates whole clusters of clusterd, each from a seed, and says what must never
/// happen and did.
#[derive(Parser)]
#[command(name = "cluster-sim", version, after_help = EXAMPLES)]
struct Arguments {
    /// Which cluster; all of them, if none is named
    #[arg(long)]
    topology: Option<Topology>,
    /// How many seeds to run
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run only this one
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Print what happened, the last lines of it
    #[arg(long, requires = "seed")]
    trace: bool,
    /// How many lines of it
    #[arg(long, default_value_t = 400, requires = "trace")]
    lines: usize,
    /// Leave out faults of a seed that fails, as long as it fails
    #[arg(long)]
    shrink: bool,
    /// Stop at the first seed that fails
    #[arg(long)]
    stop: bool,
    /// Plant a bug of this name, to see whether it is found
    #[cfg(feature = "planted-bugs")]
    #[arg(long)]
    bug: Option<String>,
    /// Say what was hit by what, as a table of Markdown, and what was not
    #[arg(long)]
    coverage: bool,
    /// For machines
    #[arg(long)]
    json: bool,
}

/// All runs of a topology.
struct Sum {
    topology: Topology,
    runs: u64,
    failed: Vec<Report>,
    coverage: Coverage,
    simulated: Duration,
    took: Duration,
    moves: u64,
    unexplained: u64,
    slowest: Duration,
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            keep: if self.trace { self.lines } else { 0 },
            ..Options::default()
        }
    }

    #[cfg(feature = "planted-bugs")]
    fn bug(&self) -> anyhow::Result<Option<Bug>> {
        let Some(name) = &self.bug else {
            return Ok(None);
        };
        let mut all = Bug::ALL.into_iter();
        let bug = all.find(|bug| format!("{bug:?}") == *name);
        bug.map(Some)
            .with_context(|| format!("no bug is named {name}: there are {:?}", Bug::ALL))
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let options = Options {
        #[cfg(feature = "planted-bugs")]
        bug: arguments.bug()?,
        ..arguments.options()
    };
    let topologies = match arguments.topology {
        Some(topology) => vec![topology],
        None => Topology::ALL.to_vec(),
    };
    let sums: Vec<Sum> = topologies
        .into_iter()
        .map(|topology| run_all(topology, &arguments, options))
        .collect();
    let mut to = io::stdout().lock();
    if arguments.json {
        let all: Vec<_> = sums.iter().map(as_json).collect();
        serde_json::to_writer_pretty(&mut to, &all)?;
        writeln!(to)?;
    } else {
        for sum in &sums {
            print(&mut to, sum, &arguments, options)?;
        }
    }
    let good = sums.iter().all(|sum| sum.failed.is_empty());
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_all(topology: Topology, arguments: &Arguments, options: Options) -> Sum {
    let (first, count) = match arguments.seed {
        Some(seed) => (seed, 1),
        None => (arguments.from, arguments.seeds),
    };
    let begun = Instant::now();
    let mut sum = Sum {
        topology,
        runs: 0,
        failed: Vec::new(),
        coverage: Coverage::default(),
        simulated: Duration::ZERO,
        took: Duration::ZERO,
        moves: 0,
        unexplained: 0,
        slowest: Duration::ZERO,
    };
    for seed in first..first.saturating_add(count) {
        let report = run(topology, seed, options);
        sum.runs += 1;
        sum.coverage.add(&report.coverage);
        sum.simulated += report.simulated;
        sum.moves += report.moves;
        sum.unexplained += report.unexplained;
        sum.slowest = sum.slowest.max(report.recovered.unwrap_or_default());
        let failed = report.violation.is_some();
        if failed || arguments.trace {
            sum.failed.push(report);
        }
        if failed && arguments.stop {
            break;
        }
    }
    sum.took = begun.elapsed();
    sum
}

fn speed(sum: &Sum) -> f64 {
    sum.simulated.as_secs_f64() / sum.took.as_secs_f64().max(1e-9)
}

fn print(
    to: &mut impl Write,
    sum: &Sum,
    arguments: &Arguments,
    options: Options,
) -> io::Result<()> {
    let failed: Vec<_> = sum
        .failed
        .iter()
        .filter(|report| report.violation.is_some())
        .collect();
    for report in &sum.failed {
        print_report(to, report, arguments, options)?;
    }
    writeln!(
        to,
        "{}: {} of {} seeds failed; {} simulated in {:.1} s: {:.0} cluster-seconds per second",
        sum.topology.name(),
        failed.len(),
        sum.runs,
        hours(sum.simulated),
        sum.took.as_secs_f64(),
        speed(sum),
    )?;
    writeln!(
        to,
        "  moves {}, without a cause {}; slowest recovery {:.1} s",
        sum.moves,
        sum.unexplained,
        sum.slowest.as_secs_f64()
    )?;
    if arguments.coverage {
        print_coverage(to, sum)?;
    }
    Ok(())
}

fn hours(span: Duration) -> String {
    format!("{:.1} h", span.as_secs_f64() / 3_600.0)
}

fn print_report(
    to: &mut impl Write,
    report: &Report,
    arguments: &Arguments,
    options: Options,
) -> io::Result<()> {
    for line in &report.lines {
        writeln!(to, "{line}")?;
    }
    let Some(violation) = &report.violation else {
        return writeln!(
            to,
            "seed {} of {}: good, digest {:016x}",
            report.seed,
            report.topology.name(),
            report.digest
        );
    };
    writeln!(
        to,
        "seed {} of {}: {} at {}: {} (digest {:016x})",
        report.seed,
        report.topology.name(),
        violation.invariant,
        violation.at,
        violation.what,
        report.digest
    )?;
    if !arguments.shrink {
        return Ok(());
    }
    let plan = shrink(report, options);
    writeln!(
        to,
        "  {} of {} faults suffice:",
        plan.faults.len(),
        report.plan.faults.len()
    )?;
    for fault in &plan.faults {
        writeln!(
            to,
            "  {} for {:?}: {:?}",
            fault.at, fault.lasts, fault.trouble
        )?;
    }
    if arguments.trace {
        let again = run_plan(report.topology, report.seed, &plan, options);
        for line in &again.lines {
            writeln!(to, "| {line}")?;
        }
        if let Some(violation) = again.violation {
            writeln!(to, "| {}: {}", violation.invariant, violation.what)?;
        }
    }
    Ok(())
}

fn print_coverage(to: &mut impl Write, sum: &Sum) -> io::Result<()> {
    write!(to, "{}", sum.coverage.table(sum.topology))?;
    let missing = sum.coverage.missing(sum.topology);
    if missing.is_empty() {
        return writeln!(to, "nothing is missing");
    }
    writeln!(to, "missing: {}", missing.join(", "))
}

fn as_json(sum: &Sum) -> serde_json::Value {
    let failed = sum
        .failed
        .iter()
        .filter(|report| report.violation.is_some());
    let failed: Vec<_> = failed
        .map(|report| {
            json!({
                "seed": report.seed,
                "digest": format!("{:016x}", report.digest),
                "violation": report.violation,
                "trace": report.lines,
            })
        })
        .collect();
    let faults: Vec<_> = sum
        .coverage
        .faults
        .iter()
        .map(|((kind, role), count)| json!({"fault": kind, "role": role, "count": count}))
        .collect();
    let crashes: Vec<_> = sum
        .coverage
        .crashes
        .iter()
        .map(|((point, role), count)| json!({"point": point, "role": role, "count": count}))
        .collect();
    json!({
        "topology": sum.topology,
        "seeds": sum.runs,
        "failed": failed,
        "moves": sum.moves,
        "moves_without_a_cause": sum.unexplained,
        "slowest_recovery_s": sum.slowest.as_secs_f64(),
        "simulated_s": sum.simulated.as_secs_f64(),
        "took_s": sum.took.as_secs_f64(),
        "cluster_seconds_per_second": speed(sum),
        "faults": faults,
        "crashes_at_a_write": crashes,
    })
}
