//! The order of a cluster's change: who first, what moves, what stands still.

use crate::desired::{DesiredCluster, View};
use crate::plan::{HostPlan, Impact, Step, StepKind};
use crate::{Refusal, RefusalKind};
use cluster_model::Redundancy;
use std::collections::BTreeMap;

/// Who holds what before the change.
pub(crate) struct Standing {
    /// Node that holds resources.
    pub(crate) holder: Option<String>,
    /// Nodes that run the cluster's engine and are heard.
    pub(crate) serving: Vec<String>,
    /// Why redundancy is not real; empty: it is.
    pub(crate) lost: Vec<String>,
    /// Nodes that hold resources although another one does too.
    pub(crate) doubled: Vec<String>,
}

/// Reads a view.
pub(crate) fn standing(view: &View) -> Standing {
    let holders: Vec<String> = view
        .iter()
        .filter(|(_, status)| !status.held_here.is_empty())
        .map(|(node, _)| node.clone())
        .collect();
    let serving = view
        .iter()
        .filter(|(_, status)| !matches!(status.redundancy, Redundancy::NoCluster))
        .map(|(node, _)| node.clone())
        .collect();
    let lost = view
        .iter()
        .filter_map(|(node, status)| match &status.redundancy {
            Redundancy::Lost { because } => Some(format!("{node}: {because}")),
            Redundancy::NoCluster => Some(format!("{node}: the cluster does not run there")),
            Redundancy::Real => None,
        })
        .collect();
    Standing {
        holder: holders.first().cloned(),
        serving,
        lost,
        doubled: if holders.len() > 1 {
            holders
        } else {
            Vec::new()
        },
    }
}

/// A step without a number: what, why, what it interrupts.
pub(crate) type Bare = (StepKind, String, Impact);

/// The steps for one cluster, and what forbids them.
pub(crate) fn steps(
    cluster: &DesiredCluster,
    view: &View,
    hosts: &BTreeMap<&str, &HostPlan>,
    accept_outage: bool,
) -> (Vec<Bare>, Vec<Refusal>) {
    let standing = standing(view);
    let mut steps = Vec::new();
    let mut refusals = Vec::new();
    if hosts.is_empty() {
        return (steps, refusals);
    }
    if !standing.doubled.is_empty() {
        refusals.push(Refusal {
            kind: RefusalKind::NotRedundant,
            about: cluster.name.clone(),
            what: format!(
                "{} both hold resources: the cluster is split",
                standing.doubled.join(" and ")
            ),
            hint: "heal the split first; a deployment would only add to it".to_owned(),
        });
        return (steps, refusals);
    }
    let legs = hosts
        .values()
        .map(|host| host.legs.len())
        .max()
        .unwrap_or(0);
    for leg in 1..=u32::try_from(legs).unwrap_or(u32::MAX) {
        one_leg(
            cluster,
            &standing,
            hosts,
            leg,
            accept_outage,
            &mut steps,
            &mut refusals,
        );
    }
    let expected: Vec<String> = cluster
        .hosts
        .iter()
        .map(|host| host.host.clone())
        .filter(|host| view.contains_key(host))
        .collect();
    steps.push((
        StepKind::CheckCluster { hosts: expected },
        "the cluster is whole, and what it serves answers".to_owned(),
        Impact::default(),
    ));
    (steps, refusals)
}

fn one_leg(
    cluster: &DesiredCluster,
    standing: &Standing,
    hosts: &BTreeMap<&str, &HostPlan>,
    leg: u32,
    accept_outage: bool,
    steps: &mut Vec<Bare>,
    refusals: &mut Vec<Refusal>,
) {
    let concerned: Vec<&HostPlan> = hosts
        .values()
        .copied()
        .filter(|host| host.legs.iter().any(|plan| plan.leg == leg))
        .collect();
    let names: Vec<String> = concerned.iter().map(|host| host.host.clone()).collect();
    if let (Some(hold), Some(_)) = (&cluster.hold, &standing.holder) {
        if !accept_outage {
            refusals.push(Refusal {
                kind: RefusalKind::NeedsConsent,
                about: cluster.name.clone(),
                what: format!("{}: everything must stop first", hold.because),
                hint: "--accept-outage accepts the interruption".to_owned(),
            });
        }
        let all: Vec<String> = cluster.hosts.iter().map(|host| host.host.clone()).collect();
        let outage = Impact {
            restarts: Vec::new(),
            moves: 1,
            seconds: 30.0,
        };
        steps.push((
            StepKind::Hold {
                hosts: all.clone(),
                hold: hold.clone(),
            },
            hold.because.clone(),
            outage,
        ));
        push_together(steps, &names, leg, "while the cluster stands still");
        steps.push((
            StepKind::Release {
                hosts: all,
                hold: hold.clone(),
            },
            "every node has the same generation".to_owned(),
            Impact::default(),
        ));
        return;
    }
    let Some(holder) = &standing.holder else {
        push_together(steps, &names, leg, "nothing serves here");
        return;
    };
    // A broken node first: the rest follows if it heals. Then the others.
    let mut others: Vec<&HostPlan> = concerned
        .iter()
        .copied()
        .filter(|host| host.host != *holder)
        .collect();
    others.sort_by_key(|host| (standing.serving.contains(&host.host), host.host.clone()));
    for host in others {
        let broken = !standing.serving.contains(&host.host);
        let why = if broken {
            "it is broken: it may heal"
        } else {
            "it holds nothing"
        };
        push_together(steps, std::slice::from_ref(&host.host), leg, why);
    }
    let Some(last) = concerned.iter().find(|host| host.host == *holder) else {
        return;
    };
    let disturbs = last
        .legs
        .iter()
        .find(|plan| plan.leg == leg)
        .map(|plan| plan.disturbs.clone())
        .unwrap_or_default();
    // The first node in name order that will be able to take over: it serves
    // now, or it was just healed above.
    let peer = cluster.hosts.iter().map(|host| &host.host).find(|host| {
        *host != holder && (standing.serving.contains(host) || hosts.contains_key(host.as_str()))
    });
    if let Some(peer) = peer {
        steps.push((
            StepKind::CheckCluster {
                hosts: vec![holder.clone(), peer.clone()],
            },
            format!("{peer} must be good before {holder} changes"),
            Impact::default(),
        ));
    }
    if disturbs.is_empty() {
        push_together(
            steps,
            std::slice::from_ref(holder),
            leg,
            "nothing that serves restarts",
        );
        return;
    }
    match (peer, cluster.switchover.get(holder.as_str())) {
        (Some(peer), Some(give)) if !give.is_empty() => {
            let impact = Impact {
                restarts: Vec::new(),
                moves: 1,
                seconds: cluster.switchover_seconds,
            };
            steps.push((
                StepKind::Switchover {
                    from: holder.clone(),
                    to: peer.clone(),
                    give: give.clone(),
                    give_back: cluster
                        .switchover
                        .get(peer.as_str())
                        .cloned()
                        .unwrap_or_default(),
                },
                format!("{} restarts on {holder}", disturbs.join(", ")),
                impact,
            ));
            push_together(
                steps,
                std::slice::from_ref(holder),
                leg,
                "it holds nothing any more",
            );
        }
        _ => {
            if !accept_outage {
                refusals.push(Refusal {
                    kind: RefusalKind::NotRedundant,
                    about: cluster.name.clone(),
                    what: format!(
                        "{holder} holds the resources, {} must restart, and no other node can take over",
                        disturbs.join(", ")
                    ),
                    hint: "mend the other node first, or --accept-outage".to_owned(),
                });
            }
            let impact = Impact {
                restarts: disturbs,
                moves: 0,
                seconds: cluster.switchover_seconds,
            };
            steps.push((
                StepKind::Activate {
                    hosts: vec![holder.clone()],
                    leg,
                },
                "no other node can take over: its resources restart".to_owned(),
                impact,
            ));
            push_confirm(steps, std::slice::from_ref(holder), leg);
        }
    }
}

fn push_together(steps: &mut Vec<Bare>, hosts: &[String], leg: u32, why: &str) {
    steps.push((
        StepKind::Activate {
            hosts: hosts.to_vec(),
            leg,
        },
        why.to_owned(),
        Impact::default(),
    ));
    push_confirm(steps, hosts, leg);
}

fn push_confirm(steps: &mut Vec<Bare>, hosts: &[String], leg: u32) {
    steps.push((
        StepKind::Confirm {
            hosts: hosts.to_vec(),
            leg,
        },
        "come back on a new connection, check, stop the dead man".to_owned(),
        Impact::default(),
    ));
}

/// Numbers the steps of all clusters.
pub(crate) fn number(per_cluster: Vec<(String, Vec<Bare>)>) -> (Vec<Step>, Impact) {
    let mut all = Vec::new();
    let mut total = Impact::default();
    for (cluster, steps) in per_cluster {
        for (kind, why, impact) in steps {
            total.add(&impact);
            all.push(Step {
                number: all.len() + 1,
                cluster: cluster.clone(),
                kind,
                why,
                impact,
            });
        }
    }
    (all, total)
}
