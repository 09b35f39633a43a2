//! Where a cluster's resources are, asked of its nodes until it is as wanted.

use crate::{DeployError, Failure, Fleet, Host};
use cluster_model::{ClusterStatus, NodeState, Redundancy};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tandem_generation::health::CheckedOn;
use tandem_generation::{Facts, FactsRequest, HealthCheck, HealthResult};

/// How facts are turned into a cluster's status: the engine's knowledge, lent
/// to a crate that has none.
pub trait Look: Sync {
    /// What to ask this host for.
    fn request(&self, host: &str) -> FactsRequest;
    /// What its answer says.
    fn status(&self, host: &str, facts: &Facts) -> ClusterStatus;
    /// False for a cluster without an engine.
    fn has_engine(&self, cluster: &str) -> bool;
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(150);

/// The status of each of these hosts.
pub(crate) fn look(
    fleet: &Fleet<'_>,
    look: &dyn Look,
    hosts: &[String],
) -> BTreeMap<String, Result<ClusterStatus, DeployError>> {
    fleet.each(hosts, |host| {
        let request = look.request(host.name());
        let facts: Facts = host.ask(&["facts"], &request)?;
        Ok(look.status(host.name(), &facts))
    })
}

/// Waits until exactly `to` holds the resources.
pub(crate) fn wait_for_holder(
    fleet: &Fleet<'_>,
    eye: &dyn Look,
    hosts: &[String],
    to: &str,
    patience: Duration,
) -> Result<(), DeployError> {
    let end = Instant::now() + patience;
    loop {
        let seen = look(fleet, eye, hosts);
        let holders: Vec<&str> = seen
            .iter()
            .filter_map(|(host, status)| {
                let status = status.as_ref().ok()?;
                (!status.held_here.is_empty()).then_some(host.as_str())
            })
            .collect();
        let settled = seen.values().flatten().all(|status| !status.in_transition);
        if holders == [to] && settled {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(DeployError::Check {
                about: to.to_owned(),
                what: if holders.is_empty() {
                    "it did not take the resources over, and nobody holds them".to_owned()
                } else {
                    format!("resources are still on {}", holders.join(" and "))
                },
            });
        }
        std::thread::sleep(PAUSE);
    }
}

/// How long resources may be seen with nobody before that is believed.
const NOBODY: Duration = Duration::from_secs(10);

/// True when all of `hosts` answer, nothing is on the move, and none of them
/// holds anything, for as long as it may take an engine to notice.
pub(crate) fn nobody_holds(fleet: &Fleet<'_>, eye: &dyn Look, hosts: &[String]) -> bool {
    let end = Instant::now() + NOBODY;
    loop {
        let seen = look(fleet, eye, hosts);
        let nobody = seen
            .values()
            .all(|status| matches!(status, Ok(status) if status.held_here.is_empty()));
        if !nobody || Instant::now() >= end {
            return nobody;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Waits until the cluster is whole: exactly one holder, every one of `hosts`
/// heard by the others. Returns the holder.
pub(crate) fn wait_until_whole(
    fleet: &Fleet<'_>,
    eye: &dyn Look,
    cluster: &str,
    hosts: &[String],
    patience: Duration,
) -> Result<String, Failure> {
    let end = Instant::now() + patience;
    loop {
        let seen = look(fleet, eye, hosts);
        match whole(&seen, hosts) {
            Ok(holder) => return Ok(holder),
            Err(what) if Instant::now() >= end => {
                return Err(Failure::one(
                    cluster,
                    DeployError::Check {
                        about: cluster.to_owned(),
                        what,
                    },
                ));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn whole(
    seen: &BTreeMap<String, Result<ClusterStatus, DeployError>>,
    hosts: &[String],
) -> Result<String, String> {
    let mut holders = Vec::new();
    for (host, status) in seen {
        let status = status.as_ref().map_err(ToString::to_string)?;
        if status.in_transition {
            return Err(format!("{host}: resources are on the move"));
        }
        if !status.held_here.is_empty() {
            holders.push(host.clone());
        }
        if matches!(status.redundancy, Redundancy::NoCluster) {
            return Err(format!("{host}: the cluster does not run there"));
        }
        for peer in hosts.iter().filter(|peer| *peer != host) {
            if status.nodes.get(peer) != Some(&NodeState::Online) {
                return Err(format!("{host} does not hear {peer}"));
            }
        }
    }
    match holders.len() {
        1 => Ok(holders.swap_remove(0)),
        0 => Err("nobody holds the resources".to_owned()),
        _ => Err(format!("{} both hold resources", holders.join(" and "))),
    }
}

/// Runs health checks on a host; an error tells which failed and how.
pub(crate) fn check_health(
    host: &mut Host<'_>,
    checks: &[HealthCheck],
    on: CheckedOn,
) -> Result<Vec<HealthResult>, DeployError> {
    let checks: Vec<&HealthCheck> = checks.iter().filter(|check| check.on == on).collect();
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let results: Vec<HealthResult> = host.ask(&["health"], &checks)?;
    let failed: Vec<String> = results
        .iter()
        .filter(|result| !result.ok)
        .map(|result| format!("health check {}: {}", result.name, result.said))
        .collect();
    if failed.is_empty() {
        Ok(results)
    } else {
        Err(DeployError::Check {
            about: host.name().to_owned(),
            what: failed.join("; "),
        })
    }
}
