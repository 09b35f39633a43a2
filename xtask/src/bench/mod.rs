//! `cargo xtask bench`: the deploy wing beside its rivals, in one run on this
//! machine; with `--part cluster` the cluster wing beside its own. The numbers go to
//! docs/benchmarks.md; none of them decides a test.

mod ansible;
mod bare;
mod careful;
mod cluster;
mod contender;
mod fleet;
mod interrupt;
mod packages;
mod page;
mod place;
mod pyinfra;
mod race;
mod relay;
mod samples;
mod surroundings;
mod work;

pub(crate) use relay::{RelayArguments, relay};

use crate::checkout::Checkout;
use crate::machine::{self, Need};
use crate::process::{self, quietly};
use crate::report::{span, stage};
use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use contender::{Contender, Scenario};
use fleet::Field;
use place::{ENVIRONMENT, Place};
use race::Race;
use std::path::PathBuf;
use std::time::Instant;
use work::Package;

const REQUIREMENTS: &str = include_str!("../../bench/requirements.txt");
/// The round trip of hosts that are far away, and how many of them there are.
const FAR: Field = Field {
    hosts: 16,
    round_trip_ms: 20,
};
/// A lab network has addresses for so many.
const MOST_HOSTS: usize = 200;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// Sizes of the fleets.
    #[arg(long, value_delimiter = ',', default_value = "4,16,64")]
    hosts: Vec<usize>,
    /// How often each thing is measured: 3 times, and 20 power cuts of a cluster.
    #[arg(long)]
    runs: Option<usize>,
    /// Only these contenders.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Contender>,
    /// Only these scenarios.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
    /// Only these cluster managers, of the part `cluster`.
    #[arg(long, value_enum, value_delimiter = ',')]
    engine: Vec<cluster::Engine>,
    /// Only where these serve, of the part `cluster`.
    #[arg(long, value_enum, value_delimiter = ',')]
    site: Vec<cluster::Site>,
    /// Part `cluster`: begin no power cuts but the first few once so many minutes are over.
    #[arg(long)]
    minutes: Option<u64>,
    /// Part `cluster`: measure nothing, write the page from the lines that a run kept
    /// (target/bench/cluster/raw.tsv).
    #[arg(long)]
    raw: Option<PathBuf>,
    /// Measure also what is expected to take longer than 90 s each time.
    #[arg(long)]
    patient: bool,
    /// Write docs/benchmarks.md also where not everything was measured.
    #[arg(long)]
    write: bool,
    /// Does it work at all: 4 hosts, one run, tandem and bare ssh.
    #[arg(long)]
    smoke: bool,
}

/// Parts of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Hosts on this machine.
    Near,
    /// Hosts 20 ms away.
    Far,
    /// Building packages.
    Packages,
    /// Cluster managers; only where it is asked for, and then alone.
    Cluster,
}

/// How often each thing is measured, if nothing else is asked for.
const RUNS: usize = 3;

impl Wish {
    fn is_full(&self) -> bool {
        !self.smoke
            && self.only.is_empty()
            && self.scenario.is_empty()
            && self.part.is_empty()
            && self.runs() >= RUNS
            && self.hosts == [4, 16, 64]
    }

    fn runs(&self) -> usize {
        if self.smoke {
            1
        } else {
            self.runs.unwrap_or(RUNS)
        }
    }

    fn has(&self, part: Part) -> bool {
        if self.smoke {
            return part == Part::Near;
        }
        self.part.is_empty() || self.part.contains(&part)
    }

    fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        if self.has(Part::Near) {
            let mut hosts = if self.smoke {
                vec![4]
            } else {
                self.hosts.clone()
            };
            hosts.sort_unstable();
            hosts.dedup();
            fields.extend(hosts.into_iter().map(|hosts| Field {
                hosts,
                round_trip_ms: 0,
            }));
        }
        if self.has(Part::Far) {
            fields.push(FAR);
        }
        fields
    }

    fn contenders(&self) -> Vec<Contender> {
        let wanted: &[Contender] = if self.smoke {
            &[Contender::Tandem, Contender::Bare]
        } else {
            &self.only
        };
        Contender::ALL
            .into_iter()
            .filter(|contender| wanted.is_empty() || wanted.contains(contender))
            .collect()
    }

    fn scenarios(&self) -> Vec<Scenario> {
        Scenario::ALL
            .into_iter()
            .filter(|scenario| self.scenario.is_empty() || self.scenario.contains(scenario))
            .collect()
    }
}

/// Measures, prints the tables, and writes the page if everything was measured.
pub(crate) fn run(checkout: &Checkout, wish: &Wish) -> Result<bool> {
    if !machine::is_root()? {
        bail!("the lab makes containers and networks: start the benchmark as root");
    }
    ensure!(
        wish.runs() > 0 && wish.hosts.iter().all(|n| (1..=MOST_HOSTS).contains(n)),
        "at least one run, and 1 to {MOST_HOSTS} hosts"
    );
    interrupt::listen()?;
    let measured = if wish.part.contains(&Part::Cluster) {
        ensure!(
            wish.part.len() == 1,
            "the part `cluster` wants the machine for itself: measure the others in another run"
        );
        clusters(checkout, wish)
    } else {
        measure(checkout, wish)
    };
    // What Ctrl-C ended did not fail.
    measured.or_else(|error| interrupt::check().and(Err(error)))?;
    Ok(true)
}

/// The cluster wing. The command is not measured, so it need not be optimised; the daemon
/// is, and comes as it is shipped.
fn clusters(checkout: &Checkout, wish: &Wish) -> Result<()> {
    if let Some(lines) = &wish.raw {
        return cluster::again(checkout, lines);
    }
    stage("what is needed, and the program itself");
    machine::equip(Need::Bench)?;
    let tandem = checkout.build_tandem()?;
    let helper = checkout.build_helper()?;
    let place = Place::new(checkout, tandem.clone(), helper.clone());
    let surroundings = surroundings::look(checkout, &place)?;
    let wish = cluster::Wish {
        engines: &wish.engine,
        sites: &wish.site,
        runs: if wish.smoke { Some(1) } else { wish.runs },
        minutes: wish.minutes,
        write: wish.write,
    };
    cluster::run(checkout, &wish, &surroundings, (tandem, helper))
}

fn measure(checkout: &Checkout, wish: &Wish) -> Result<()> {
    let begun = Instant::now();
    stage("what is needed, and the program itself");
    machine::equip(Need::Bench)?;
    let tandem = checkout.build_tandem_release()?;
    let helper = checkout.build_helper()?;
    let place = Place::new(checkout, tandem, helper);
    let contenders = wish.contenders();
    if contenders.iter().any(|contender| contender.is_rival()) && !wish.fields().is_empty() {
        rivals(&place)?;
    }
    let mut surroundings = surroundings::look(checkout, &place)?;

    let mut race = Race::new(contenders, wish.scenarios(), wish.runs(), wish.patient);
    let fields = wish.fields();
    if !fields.is_empty() {
        let package = project(&place)?;
        for field in fields {
            race.field(&place, &package, field)?;
        }
    }
    let mut builds = None;
    if wish.has(Part::Packages) {
        stage("nine packages");
        builds = Some(packages::measure(
            checkout,
            &place,
            wish.runs(),
            &interrupt::check,
        )?);
    }
    surroundings.took = begun.elapsed();
    let text = page::results(&surroundings, &race, builds.as_ref());
    println!("\n{text}");
    if wish.is_full() || wish.write {
        page::write(&checkout.root.join("docs/benchmarks.md"), &text)?;
        eprintln!("written to docs/benchmarks.md");
    }
    eprintln!("all of it: {}", span(begun.elapsed()));
    Ok(())
}

/// The project that tandem deploys, with its release; the package in it is
/// everybody's.
fn project(place: &Place) -> Result<Package> {
    for path in [place.project(), place.scratch("")] {
        if path.exists() {
            std::fs::remove_dir_all(&path)
                .with_context(|| format!("removing {}", path.display()))?;
        }
    }
    for path in [place.project(), place.scratch("output"), place.home()] {
        std::fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
    }
    work::write_project(&place.project())?;
    work::write(&place.inventory(), fleet::smallest(ENVIRONMENT).as_bytes())?;
    quietly(&mut place.tandem(&["key", "init"]))?;
    quietly(&mut place.tandem(&["secret", "init", "-i", ENVIRONMENT]))?;
    quietly(&mut place.tandem(&["build", "--release", work::VERSION]))?;
    Package::of_release(&place.project().join("dist").join(work::VERSION))
}

/// The rivals' programs, in the versions that `xtask/bench/requirements.txt`
/// names.
fn rivals(place: &Place) -> Result<()> {
    let done = place.venv().join("requirements.txt");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(());
    }
    stage("rivals");
    process::must(
        process::command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(place.venv()),
    )?;
    let list = place.root().join("requirements.txt");
    work::write(&list, REQUIREMENTS.as_bytes())?;
    process::must(
        process::command(&place.venv().join("bin/pip").to_string_lossy())
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ])
            .arg(&list),
    )?;
    work::write(&done, REQUIREMENTS.as_bytes())
}
