//! A look at an environment's hosts with everything needed to judge them:
//! facts, views, and the plan that follows from both.

use crate::desire::Maker;
use crate::environment::Environment;
use crate::failure::Problem;
use cluster_model::{ClusterStatus, Redundancy};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tandem_deploy::{DeployError, Failure, Fleet, Look};
use tandem_generation::{Command, Digest, FORMAT, Facts, FactsRequest};
use tandem_plan::{Known, Options, Plan, Refusal, RefusalKind, View};
use tandem_render::HostFiles;

/// Facts of all hosts, and why others gave none.
pub(crate) type Gathered = BTreeMap<String, Result<Facts, DeployError>>;

/// Sees clusters through their engines.
pub(crate) struct Eye<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) rendered: &'a [HostFiles],
    requests: BTreeMap<String, FactsRequest>,
}

impl<'a> Eye<'a> {
    pub(crate) fn new(
        environment: &'a Environment,
        rendered: &'a [HostFiles],
        requests: &BTreeMap<String, FactsRequest>,
    ) -> Self {
        let requests = requests
            .iter()
            .map(|(host, request)| {
                let only_cluster = FactsRequest {
                    format: FORMAT,
                    units: request.units.clone(),
                    observe: request.observe.clone(),
                    ..FactsRequest::default()
                };
                (host.clone(), only_cluster)
            })
            .collect();
        Self {
            environment,
            rendered,
            requests,
        }
    }

    /// What each cluster's nodes say.
    pub(crate) fn views(&self, gathered: &Gathered) -> BTreeMap<String, View> {
        let mut views: BTreeMap<String, View> = BTreeMap::new();
        for (host, facts) in gathered {
            let (Ok(facts), Some(cluster)) = (facts, self.environment.inventory.cluster_of(host))
            else {
                continue;
            };
            if cluster.engine.is_some() {
                let status = self.status(host, facts);
                views
                    .entry(cluster.name.clone())
                    .or_default()
                    .insert(host.clone(), status);
            }
        }
        views
    }
}

impl Look for Eye<'_> {
    fn request(&self, host: &str) -> FactsRequest {
        self.requests.get(host).cloned().unwrap_or_default()
    }

    fn status(&self, host: &str, facts: &Facts) -> ClusterStatus {
        self.rendered
            .iter()
            .find(|files| files.host == host)
            .and_then(|files| Some((files, self.environment.seat(files)?.1)))
            .map(|(files, seat)| {
                let status = tandem_engine::engine(seat.choice.kind).read(&seat, facts);
                weighed(status, &files.redundancy, facts)
            })
            .unwrap_or_default()
    }

    fn has_engine(&self, cluster: &str) -> bool {
        self.environment
            .inventory
            .cluster(cluster)
            .is_some_and(|cluster| cluster.engine.is_some())
    }
}

/// What the role says of its redundancy counts where the engine sees none lost:
/// a node that is heard and whose replica is out of step is no second node.
fn weighed(mut status: ClusterStatus, checks: &[Command], facts: &Facts) -> ClusterStatus {
    if status.redundancy != Redundancy::Real {
        return status;
    }
    let lost: Vec<String> = facts
        .observed
        .iter()
        .filter(|result| checks.iter().any(|check| check.name == result.name))
        .filter(|result| result.exit != Some(0))
        .map(|result| {
            let said = result.stdout.lines().chain(result.stderr.lines()).next();
            format!("{}: {}", result.name, said.unwrap_or("no answer"))
        })
        .collect();
    if !lost.is_empty() {
        status.redundancy = Redundancy::Lost {
            because: lost.join("; "),
        };
    }
    status
}

/// Turns answers into what the planner takes.
pub(crate) fn known(gathered: &Gathered) -> BTreeMap<String, Known> {
    gathered
        .iter()
        .map(|(host, facts)| {
            let known = match facts {
                Ok(facts) => Known::Facts(Box::new(facts.clone())),
                Err(error) => Known::Unreachable(error.to_string()),
            };
            (host.clone(), known)
        })
        .collect()
}

/// Cluster values of the generations in force.
pub(crate) fn present_values(gathered: &Gathered) -> BTreeMap<String, BTreeMap<String, String>> {
    gathered
        .iter()
        .filter_map(|(host, facts)| {
            let generation = facts.as_ref().ok()?.generation.as_ref()?;
            Some((host.clone(), generation.content.cluster_values.clone()))
        })
        .collect()
}

/// A plan, and the facts that it comes from.
pub(crate) type Planned = (Plan, Gathered);

/// So long it is waited for what may pass by itself: a link that was silent for a second, a
/// resource that moves.
const PASSING: Duration = Duration::from_secs(3);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(500);

/// Plans again for a while, until it is as wanted; the last one either way.
pub(crate) fn settled(
    make: impl Fn() -> Result<Planned, Problem>,
    is_as_wanted: impl Fn(&Plan) -> bool,
) -> Result<Planned, Problem> {
    again(make, |planned| is_as_wanted(&planned.0), PASSING, PAUSE)
}

/// Makes it until it is as wanted, or for so long; the last one either way.
fn again<T>(
    make: impl Fn() -> Result<T, Problem>,
    is_as_wanted: impl Fn(&T) -> bool,
    patience: Duration,
    pause: Duration,
) -> Result<T, Problem> {
    let end = Instant::now() + patience;
    loop {
        let made = make()?;
        if is_as_wanted(&made) || Instant::now() >= end {
            return Ok(made);
        }
        std::thread::sleep(pause);
    }
}

/// Nothing is in its way that may pass by itself.
pub(crate) fn is_settled(plan: &Plan) -> bool {
    let passes = |refusal: &Refusal| refusal.kind == RefusalKind::NotRedundant;
    plan.refusals.is_empty() || !plan.refusals.iter().all(passes)
}

/// Whether what was planned still fits, asked under the lock.
pub(crate) fn recheck(
    plan: &Plan,
    make: impl Fn() -> Result<Planned, Problem>,
) -> Result<Digest, Failure> {
    let is_the_same = |now: &Plan| now.fingerprint == plan.fingerprint;
    match settled(make, is_the_same) {
        Ok((now, _)) => Ok(now.fingerprint),
        Err(problem) => Err(Failure::one(
            "plan",
            DeployError::Local(problem.lines.join("; ")),
        )),
    }
}

/// Asks the hosts and plans.
pub(crate) fn plan(
    maker: &Maker<'_>,
    fleet: &Fleet<'_>,
    options: &Options,
) -> Result<Planned, Problem> {
    let requests = maker.requests()?;
    let gathered = fleet.facts(&requests);
    let desired = maker.desired(&present_values(&gathered))?;
    let eye = Eye::new(maker.environment, &maker.rendered, &requests);
    let plan = tandem_plan::plan(
        &desired,
        &known(&gathered),
        &eye.views(&gathered),
        options,
        Timestamp::now(),
    );
    Ok((plan, gathered))
}

/// Hints of hosts that could not be spoken to: a plan only says that they
/// could not.
pub(crate) fn hints(gathered: &Gathered) -> Vec<String> {
    let mut hints: Vec<String> = gathered
        .values()
        .filter_map(|facts| facts.as_ref().err()?.hint())
        .collect();
    hints.dedup();
    hints
}

/// What to ask hosts for where only clusters matter: from the work tree's
/// roles, without a release.
pub(crate) fn observing(
    environment: &Environment,
    rendered: &[HostFiles],
) -> Result<BTreeMap<String, FactsRequest>, Problem> {
    let mut requests = BTreeMap::new();
    for files in rendered {
        let mut request = FactsRequest {
            format: FORMAT,
            units: files.units.iter().map(|unit| unit.unit.clone()).collect(),
            ..FactsRequest::default()
        };
        if let Some((_, seat)) = environment.seat(files) {
            // Keys play no part in how a cluster is looked at.
            let keys = tandem_engine::Keys {
                accepted: BTreeMap::new(),
                sign: 0,
                salt: environment.salt(),
                fence: BTreeMap::new(),
            };
            let part = tandem_engine::engine(seat.choice.kind)
                .part(&seat, &keys)
                .map_err(|error| Problem::invalid(error.to_string()))?;
            request.observe = [part.observe, files.redundancy.clone()].concat();
            request.units.extend(part.guarded_units);
        }
        requests.insert(files.host.clone(), request);
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_passes_is_waited_for_and_what_stays_is_told() {
        let made = Cell::new(0);
        let make = || {
            made.set(made.get() + 1);
            Ok::<_, Problem>(made.get())
        };
        let hour = Duration::from_secs(3_600);
        let third = again(make, |number| *number == 3, hour, Duration::ZERO);
        assert_eq!(third.expect("made"), 3);
        let last = again(make, |_| false, Duration::ZERO, hour);
        assert_eq!(last.expect("made"), 4);
        let failed = again(
            || Err::<u8, _>(Problem::failed("no")),
            |_| false,
            hour,
            hour,
        );
        assert_eq!(failed.expect_err("it fails at once").lines, ["no"]);
    }
}
