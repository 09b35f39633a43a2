//! Heartbeat 3 in R1 style: `ha.cf`, `authkeys`, `haresources`, and one
//! resource script that starts and stops systemd units.
//!
//! R1 knows two nodes, has no monitoring and no failcounts. Connectivity is
//! ipfail's. Rules are those of ha.cf(5), authkeys(5) and the comments of the
//! package's own example files.

use crate::keys::describe;
use crate::pieces::{command, file};
use crate::{Engine, Keys, Part, Problem, Seat};
use cluster_model::{Agent, ClusterStatus, Feature, NodeState, Redundancy};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tandem_generation::{Command, CommandResult, Facts, UnitPolicy, UnitRun};
use tandem_model::EngineKind;
use tandem_render::RenderedFile;

/// UDP port of ha.cf's `udpport`: the one assigned to ha-cluster.
const PORT: u16 = 694;
/// Name of the value that two nodes must share to hear each other.
const WIRE: &str = "engine.wire";
const ENGINE: &str = "engine";
/// Name of the value that tells who belongs to the cluster: Heartbeat hears
/// nobody else.
const MEMBERS: &str = "engine.members";
const AUTHKEYS: &str = "/etc/ha.d/authkeys";

pub(crate) struct Heartbeat;

impl Heartbeat {
    fn unit<'a>(seat: &'a Seat<'_>) -> Result<&'a str, Problem> {
        named(&seat.profile.units, "heartbeat", "units", seat)
    }
}

fn named<'a>(
    map: &'a BTreeMap<String, String>,
    name: &str,
    section: &str,
    seat: &Seat<'_>,
) -> Result<&'a str, Problem> {
    map.get(name).map(String::as_str).ok_or_else(|| {
        Problem(format!(
            "profile {} has no `{section}.{name}`, which engine heartbeat needs",
            seat.profile.name
        ))
    })
}

/// Milliseconds in the way ha.cf(5) writes them.
fn millis(value: u64) -> String {
    format!("{value}ms")
}

fn ha_cf(seat: &Seat<'_>) -> Result<String, Problem> {
    let timing = &seat.choice.timing;
    let mut text = format!(
        "# Heartbeat on {} in cluster {}. Owned by tandem-config; see ha.cf(5).\n\
         logfacility daemon\n\
         udpport {PORT}\n\
         keepalive {}\n\
         warntime {}\n\
         deadtime {}\n\
         initdead {}\n\
         # What moved stays where it is: moving back is a decision.\n\
         auto_failback off\n\
         crm off\n",
        seat.host,
        seat.cluster.name,
        millis(timing.keepalive_ms),
        millis(timing.warntime_ms),
        millis(timing.deadtime_ms),
        millis(timing.initdead_ms),
    );
    for link in &seat.cluster.links {
        let own = seat.inventory.nic(seat.host, link);
        for peer in peers(seat) {
            if let (Some(own), Some(other)) = (own, seat.inventory.nic(peer, link)) {
                let _ = writeln!(text, "ucast {} {}", own.name, other.address);
            }
        }
    }
    for node in &seat.cluster.nodes {
        let _ = writeln!(text, "node {node}");
    }
    if !seat.resources.ping.is_empty() {
        let ipfail = named(&seat.profile.programs, "heartbeat_ipfail", "programs", seat)?;
        text.push_str("# The node that reaches fewer of these gives its resources away.\n");
        for address in &seat.resources.ping {
            let _ = writeln!(text, "ping {address}");
        }
        let _ = writeln!(text, "respawn hacluster {ipfail}");
        text.push_str("apiauth ipfail gid=haclient uid=hacluster\n");
    }
    Ok(text)
}

fn authkeys(keys: &Keys) -> String {
    let mut text = format!(
        "# Owned by tandem-config; see authkeys(5).\nauth {}\n",
        keys.sign
    );
    for (number, key) in &keys.accepted {
        let _ = writeln!(text, "{number} sha1 {}", key.reveal());
    }
    text.push_str(&tandem_render::salt_line(keys.salt.reveal(), AUTHKEYS, "#"));
    text
}

fn haresources(seat: &Seat<'_>) -> String {
    let first = seat.cluster.nodes.first().map_or("", String::as_str);
    let mut words = vec![first.to_owned()];
    for member in seat.resources.members() {
        words.push(match &member.agent {
            Agent::Address {
                address,
                prefix,
                interface,
            } => {
                format!("IPaddr2::{address}/{prefix}/{interface}")
            }
            Agent::Systemd { unit } => format!("tandem-unit::{unit}"),
            Agent::Ocf { kind, .. } => kind.clone(), // refused by `problems`
            Agent::Lsb { script } => script.clone(), // looked up below /etc/init.d
        });
    }
    format!(
        "# What {} starts, in this order; the same on all nodes. Owned by tandem-config.\n{}\n",
        seat.cluster.name,
        words.join(" ")
    )
}

/// The unit of the package cannot reload; heartbeat itself can (heartbeat(8)).
fn drop_in(seat: &Seat<'_>) -> Result<String, Problem> {
    let program = named(&seat.profile.programs, "heartbeat", "programs", seat)?;
    Ok(format!(
        "# Owned by tandem-config: keys change without a restart.\n\
         [Service]\nExecReload={program} -r\n\
         # A stop that hangs is a failure that must be seen, not waited for.\n\
         TimeoutStopSec=90s\n"
    ))
}

/// R1 calls `tandem-unit UNIT start|stop|status`; the answer to `status` must
/// contain `running` or `stopped` (comments in Heartbeat's ResourceManager).
///
/// A start that fails makes R1 stop the group and, half a minute later, offer
/// the other node what is foreign to this one. A group that is this node's own
/// would stay down although the other node could run it: so everything is
/// offered, once R1 is done with the group.
const UNIT_SCRIPT: &str = r#"#!/bin/sh
# Runs a systemd unit as a resource of Heartbeat. Owned by tandem-config.
# Usage: tandem-unit UNIT start|stop|status
unit=$1
case $2 in
start)
    systemctl start "$unit" && exit
    # Whoever refuses or fails offers the group to the other node, which may
    # offer it back: until one of them can, or is told by an operator.
    (sleep 5; exec STANDBY all) >/dev/null 2>&1 </dev/null &
    exit 1
    ;;
stop) exec systemctl stop "$unit" ;;
status)
    if systemctl --quiet is-active "$unit"; then
        echo running
    else
        echo stopped
        exit 3
    fi
    ;;
*)
    echo "usage: $0 UNIT start|stop|status" >&2
    exit 2
    ;;
esac
"#;

fn peers<'a>(seat: &'a Seat<'_>) -> impl Iterator<Item = &'a str> {
    seat.cluster
        .nodes
        .iter()
        .map(String::as_str)
        .filter(|node| *node != seat.host)
}

impl Engine for Heartbeat {
    fn name(&self) -> &'static str {
        EngineKind::Heartbeat.word()
    }

    fn features(&self) -> &'static [Feature] {
        &[Feature::Connectivity]
    }

    fn problems(&self, seat: &Seat<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut say = |text: String| problems.push(Problem(text));
        if seat.cluster.nodes.len() != 2 {
            say(format!(
                "engine heartbeat runs pairs, and cluster {} has {} nodes",
                seat.cluster.name,
                seat.cluster.nodes.len()
            ));
        }
        for member in seat.resources.members() {
            if let Agent::Ocf { provider, kind, .. } = &member.agent {
                say(format!(
                    "engine heartbeat cannot run `{}`: its haresources has no way to name \
                     the parameters of ocf:{provider}:{kind}",
                    member.name
                ));
            }
        }
        for peer in peers(seat) {
            let shared = seat.cluster.links.iter().any(|link| {
                seat.inventory.nic(seat.host, link).is_some()
                    && seat.inventory.nic(peer, link).is_some()
            });
            if !shared {
                say(format!(
                    "{} and {peer} share none of the cluster's links",
                    seat.host
                ));
            }
        }
        for (map, section, name) in [
            (&seat.profile.units, "units", "heartbeat"),
            (&seat.profile.programs, "programs", "heartbeat"),
            (&seat.profile.programs, "programs", "heartbeat_status"),
            (&seat.profile.programs, "programs", "heartbeat_standby"),
        ] {
            if let Err(problem) = named(map, name, section, seat) {
                problems.push(problem);
            }
        }
        problems
    }

    fn part(&self, seat: &Seat<'_>, keys: &Keys) -> Result<Part, Problem> {
        let unit = Self::unit(seat)?.to_owned();
        let status = named(&seat.profile.programs, "heartbeat_status", "programs", seat)?;
        let standby = named(
            &seat.profile.programs,
            "heartbeat_standby",
            "programs",
            seat,
        )?;
        let restarted = |mut file: RenderedFile| {
            file.owned.restarts.push(unit.clone());
            file
        };
        let mut names = BTreeMap::new();
        describe(&mut names, &keys.accepted, keys.sign, &keys.salt);
        let mut authkeys = file(AUTHKEYS, 0o600, authkeys(keys), true);
        authkeys.owned.reloads.push(unit.clone());
        let mut files = vec![
            authkeys,
            restarted(file("/etc/ha.d/ha.cf", 0o644, ha_cf(seat)?, false)),
            restarted(file(
                "/etc/ha.d/haresources",
                0o644,
                haresources(seat),
                false,
            )),
            file(
                "/etc/ha.d/resource.d/tandem-unit",
                0o755,
                UNIT_SCRIPT.replace("STANDBY", standby),
                false,
            ),
        ];
        files.push(file(
            &format!("/etc/systemd/system/{unit}.d/60-tandem.conf"),
            0o644,
            drop_in(seat)?,
            false,
        ));
        let mut values = names;
        values.insert(ENGINE.to_owned(), self.name().to_owned());
        values.insert(
            WIRE.to_owned(),
            format!("{PORT} over {}", seat.cluster.links.join(",")),
        );
        let mut members = seat.cluster.nodes.clone();
        members.sort();
        values.insert(MEMBERS.to_owned(), members.join(","));
        let mut guarded_units = vec![unit.clone()];
        for member in seat.resources.members() {
            if let Agent::Systemd { unit } = &member.agent {
                guarded_units.push(unit.clone());
            }
        }
        let mut observe = vec![command("hbstatus", &[status, "hbstatus"], 5_000)];
        for node in peers(seat) {
            observe.push(command(
                &format!("nodestatus {node}"),
                &[status, "nodestatus", node],
                5_000,
            ));
            for link in &seat.cluster.links {
                if let Some(nic) = seat.inventory.nic(seat.host, link) {
                    observe.push(command(
                        &format!("link {node} {}", nic.name),
                        &[status, "hblinkstatus", node, &nic.name],
                        5_000,
                    ));
                }
            }
        }
        observe.push(command("rscstatus", &[status, "rscstatus", "-m"], 5_000));
        Ok(Part {
            files,
            units: vec![UnitPolicy {
                unit,
                enabled: Some(true),
                run: UnitRun::Started,
                restart: None,
            }],
            base: seat
                .profile
                .packages
                .get("heartbeat")
                .cloned()
                .unwrap_or_default(),
            values,
            guarded_units,
            observe,
        })
    }

    fn incompatible(
        &self,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Option<String> {
        if before.get(ENGINE)? != after.get(ENGINE)? {
            return Some(format!("the engine changes from {}", before[ENGINE]));
        }
        // A node that stays does not hear one that is new before it was
        // restarted itself: each would think itself alone and take everything.
        if let (Some(old), Some(new)) = (before.get(MEMBERS), after.get(MEMBERS))
            && old != new
        {
            return Some(format!("the members change from {old} to {new}"));
        }
        let links = |values: &BTreeMap<String, String>| -> Option<(String, Vec<String>)> {
            let (port, links) = values.get(WIRE)?.split_once(" over ")?;
            Some((
                port.to_owned(),
                links.split(',').map(str::to_owned).collect(),
            ))
        };
        let ((old_port, old), (new_port, new)) = (links(before)?, links(after)?);
        if old_port != new_port {
            return Some(format!(
                "heartbeats move from port {old_port} to {new_port}"
            ));
        }
        (!old.iter().any(|link| new.contains(link)))
            .then(|| "old and new configuration have no link in common".to_owned())
    }

    fn read(&self, seat: &Seat<'_>, facts: &Facts) -> ClusterStatus {
        let answer = |name: &str| -> Option<&CommandResult> {
            facts.observed.iter().find(|result| result.name == name)
        };
        let word = |name: &str| answer(name).map_or("", |result| result.stdout.trim());
        let mut status = ClusterStatus::default();
        // Resources are looked for where they would be, whatever the engine
        // believes: `rscstatus` speaks of rights, not of what runs.
        let here = |wanted: &std::net::IpAddr| {
            facts
                .addresses
                .values()
                .flatten()
                .any(|address| address.split('/').next() == Some(&wanted.to_string()))
        };
        for member in seat.resources.members() {
            let held = match &member.agent {
                Agent::Address { address, .. } => here(address),
                Agent::Systemd { unit } => facts
                    .units
                    .iter()
                    .any(|fact| fact.unit == *unit && fact.active == "active"),
                Agent::Ocf { .. } | Agent::Lsb { .. } => false,
            };
            if held {
                status.held_here.push(member.name.clone());
            }
        }
        let runs = answer("hbstatus").is_some_and(|result| result.exit == Some(0));
        if !runs {
            status
                .nodes
                .insert(seat.host.to_owned(), NodeState::Offline);
            status.redundancy = Redundancy::NoCluster;
            return status;
        }
        status.nodes.insert(seat.host.to_owned(), NodeState::Online);
        status.in_transition = word("rscstatus").contains("transition");
        let mut lost = Vec::new();
        for peer in peers(seat) {
            let state = match word(&format!("nodestatus {peer}")) {
                "active" => NodeState::Online,
                "dead" => NodeState::Offline,
                _ => NodeState::Unknown,
            };
            if state != NodeState::Online {
                lost.push(format!("{peer} is not heard"));
            }
            status.nodes.insert(peer.to_owned(), state);
            for link in &seat.cluster.links {
                if let Some(nic) = seat.inventory.nic(seat.host, link) {
                    let up = word(&format!("link {peer} {}", nic.name)) == "up";
                    status.links.insert(format!("{} to {peer}", nic.name), up);
                }
            }
        }
        status.redundancy = if lost.is_empty() {
            Redundancy::Real
        } else {
            Redundancy::Lost {
                because: lost.join(", "),
            }
        };
        status
    }

    fn give(&self, seat: &Seat<'_>) -> Result<Vec<Command>, Problem> {
        let standby = named(
            &seat.profile.programs,
            "heartbeat_standby",
            "programs",
            seat,
        )?;
        Ok(vec![command("standby", &[standby, "all"], 30_000)])
    }

    fn held_units(&self, seat: &Seat<'_>) -> Result<Vec<String>, Problem> {
        Ok(vec![Self::unit(seat)?.to_owned()])
    }

    fn switchover_seconds(&self) -> f64 {
        1.5
    }
}
