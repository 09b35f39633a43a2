//! Who is compared, and how each is asked to do the work.

use super::fleet::{Field, Fleet};
use super::place::{ENVIRONMENT, Place};
use super::work::Package;
use super::{ansible, bare, careful, pyinfra};
use crate::process;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The product and its rivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Contender {
    /// This product.
    Tandem,
    /// One `ssh` process per host, all at once, one round trip, a shell script.
    Bare,
    /// The same with what tandem makes sure of before, afterwards and with the
    /// way back.
    Careful,
    /// pyinfra.
    Pyinfra,
    /// Ansible with mitogen's strategy, 64 forks, no facts.
    Mitogen,
    /// Ansible with pipelining, `ControlPersist`, 64 forks, no facts.
    AnsibleTuned,
    /// Ansible as it comes.
    Ansible,
}

impl Contender {
    pub(super) const ALL: [Self; 7] = [
        Self::Tandem,
        Self::Bare,
        Self::Careful,
        Self::Pyinfra,
        Self::Mitogen,
        Self::AnsibleTuned,
        Self::Ansible,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Tandem => "tandem",
            Self::Bare => "bare ssh",
            Self::Careful => "bare ssh, as safe",
            Self::Pyinfra => "pyinfra",
            Self::Mitogen => "Ansible, mitogen",
            Self::AnsibleTuned => "Ansible, tuned",
            Self::Ansible => "Ansible, default",
        }
    }

    /// Needs programs from PyPI.
    pub(super) fn is_rival(self) -> bool {
        !matches!(self, Self::Tandem | Self::Bare | Self::Careful)
    }

    /// Everything that is the same in each run, before the clock starts.
    pub(super) fn prepare(self, place: &Place, fleet: &Fleet<'_>, package: &Package) -> Result<()> {
        match self {
            Self::Tandem => Ok(()),
            Self::Bare => bare::prepare(place, fleet, package),
            Self::Careful => careful::prepare(place, fleet, package),
            Self::Pyinfra => pyinfra::prepare(place, fleet, package),
            Self::Mitogen | Self::AnsibleTuned | Self::Ansible => {
                ansible::prepare(self, place, fleet, package)
            }
        }
    }

    fn command(self, place: &Place, fleet: &Fleet<'_>, scenario: Scenario) -> Command {
        match self {
            Self::Tandem => tandem(place, fleet, scenario),
            Self::Bare => bare::command(place, fleet, "bare", scenario),
            Self::Careful => bare::command(place, fleet, "careful", scenario),
            Self::Pyinfra => pyinfra::command(place, fleet, scenario),
            Self::Mitogen | Self::AnsibleTuned | Self::Ansible => {
                ansible::command(self, place, fleet, scenario)
            }
        }
    }

    /// Runs it once; how long it took, from the start of the program to its end.
    pub(super) fn run(
        self,
        place: &Place,
        fleet: &Fleet<'_>,
        scenario: Scenario,
    ) -> Result<Duration> {
        let log = std::fs::File::create(place.log())
            .with_context(|| format!("writing {}", place.log().display()))?;
        let mut command = self.command(place, fleet, scenario);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let begun = Instant::now();
        let status = command
            .status()
            .with_context(|| format!("running {}", process::shown(&command)))?;
        let took = begun.elapsed();
        let said = std::fs::read_to_string(place.log()).unwrap_or_default();
        if !status.success() {
            bail!("{} ended with {status}\n{said}", process::shown(&command));
        }
        if self == Self::AnsibleTuned || self == Self::Ansible {
            // The next run finds no open connections, as everybody else's does.
            ansible::hang_up(place);
        }
        let changed = self.says_change(&said, fleet.hosts.len());
        if changed != (scenario == Scenario::First) {
            bail!(
                "{} ({}) says that it {} something\n{said}",
                self.title(),
                scenario.title(),
                if changed {
                    "changes"
                } else {
                    "does not change"
                }
            );
        }
        Ok(took)
    }

    /// Whether it says that something differs: each was asked with the hosts in
    /// a known state.
    fn says_change(self, said: &str, hosts: usize) -> bool {
        match self {
            Self::Tandem => !said.contains("no change ("),
            Self::Bare | Self::Careful => bare::says_change(said),
            Self::Pyinfra => pyinfra::says_change(said),
            Self::Mitogen | Self::AnsibleTuned | Self::Ansible => {
                said.matches("changed=0 ").count() < hosts
            }
        }
    }
}

fn tandem(place: &Place, fleet: &Fleet<'_>, scenario: Scenario) -> Command {
    let mut command = fleet.inside(&place.tandem.to_string_lossy());
    command.envs(place.environment_of_tandem());
    let words: &[&str] = match scenario {
        Scenario::Plan => &["plan"],
        Scenario::First | Scenario::Again => &["apply", "--yes"],
    };
    command
        .args(words)
        .args(["-i", ENVIRONMENT, "--identity"])
        .arg(&fleet.identity);
    command
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Scenario {
    /// What would change, where nothing does.
    Plan,
    /// Everything is new.
    First,
    /// The same once more, where nothing is to be done.
    Again,
}

impl Scenario {
    pub(super) const ALL: [Self; 3] = [Self::Plan, Self::First, Self::Again];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Plan => "plan, no change",
            Self::First => "first apply",
            Self::Again => "apply, no change",
        }
    }
}

/// What is measured where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) field: Field,
    pub(super) scenario: Scenario,
    pub(super) contender: Contender,
}
