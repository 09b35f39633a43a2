//! Whether what was asked for is so, as a report shows it. Pure.

use cluster_model::Command;
use cluster_model::configuration::TargetRole;
use cluster_model::report::{Condition, Health, MemberStanding, Report, Resource, ResourceKind};
use cluster_model::state::{Direction, Role};

/// It is as it was asked for; or why it is not.
pub(super) fn carried_out(command: &Command, report: &Report) -> Result<(), String> {
    if report.verdict.health == Health::Unknown {
        return Err(report.verdict.because.clone());
    }
    match command {
        Command::Standby { node, on: true } => {
            match report.members.get(node).map(|member| member.standing) {
                // Not there, it runs nothing; in maintenance it is left alone.
                Some(MemberStanding::Offline | MemberStanding::Maintenance) => Ok(()),
                Some(MemberStanding::Standby) => {
                    let held = held_by(node, report);
                    if held.is_empty() {
                        Ok(())
                    } else {
                        Err(format!("{node} still runs {}", held.join(", ")))
                    }
                }
                Some(_) | None => Err(format!("{node} is not in standby yet")),
            }
        }
        Command::Standby { node, on: false } => {
            let member = report.members.get(node);
            let still = member.is_some_and(|one| one.standing == MemberStanding::Standby);
            (!still)
                .then_some(())
                .ok_or_else(|| format!("{node} is still in standby"))
        }
        Command::Maintenance { node: None, on } => {
            let is = report.operators.maintenance;
            (is == *on)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Maintenance {
            node: Some(node),
            on,
        } => {
            let member = report.members.get(node);
            let is = member.is_some_and(|one| one.standing == MemberStanding::Maintenance);
            let there = member.is_some_and(|one| one.standing <= MemberStanding::Maintenance);
            // All of the cluster may be in maintenance besides.
            let right = is == *on || !there || report.operators.maintenance;
            right
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Target {
            resource,
            role: Some(TargetRole::Stopped),
        } => each(report, resource, |one| {
            let up = up(one);
            let running = || format!("{} still runs on {}", one.name, up.join(", "));
            if up.is_empty() {
                Ok(())
            } else {
                Err(running())
            }
        }),
        Command::Target { resource, .. } => each(report, resource, |one| match one.condition {
            Condition::Disabled => Err(format!(
                "{} stays stopped: the configuration, or a group or clone around it, wants it so",
                one.name
            )),
            _ => runs_or_is_disabled(one),
        }),
        Command::Unmanage { resource, on } => {
            let is = report.operators.unmanaged.contains(resource);
            (is == *on)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Move {
            resource,
            direction: Direction::To(node),
            ..
        } => each(report, resource, |one| {
            let here = up(one).iter().any(|at| *at == node);
            let why = || format!("{} does not run on {node}: {}", one.name, one.why);
            if here { Ok(()) } else { Err(why()) }
        }),
        Command::Move {
            resource,
            direction: Direction::AwayFrom(node),
            ..
        } => each(report, resource, |one| {
            let here = up(one).iter().any(|at| *at == node);
            let why = || format!("{} still runs on {node}: {}", one.name, one.why);
            if here { Err(why()) } else { Ok(()) }
        }),
        Command::Halt { on } => {
            if report.operators.halted.is_some() != *on {
                return Err("it is not in the log yet".to_owned());
            }
            if *on {
                halted(report)
            } else {
                (report.resources.iter()).try_for_each(|one| below(one, &mut runs_or_is_disabled))
            }
        }
        // Nobody waits for it: agents and DRBD are told once it is in the log.
        Command::Property { .. } | Command::Outdate { .. } | Command::Alike { .. } => Ok(()),
        Command::Unmove { resource } => {
            let moves = &report.operators.moves;
            let still = moves.iter().any(|one| one.resource == *resource);
            (!still)
                .then_some(())
                .ok_or_else(|| "it is not in the log yet".to_owned())
        }
        Command::Cleanup { resource, node } => {
            let mut is_clean = |one: &Resource| clean(one, node.as_deref());
            match resource {
                Some(name) => each(report, name, is_clean),
                None => (report.resources.iter()).try_for_each(|one| below(one, &mut is_clean)),
            }
        }
    }
}

/// Nothing runs that is not left alone.
fn halted(report: &Report) -> Result<(), String> {
    if report.operators.maintenance {
        return Err("the cluster is in maintenance: what runs is left alone".to_owned());
    }
    let members = report.members.iter();
    let left_alone = |standing: MemberStanding| standing == MemberStanding::Maintenance;
    let nodes = members.filter(|(_, member)| !left_alone(member.standing));
    let running = nodes.map(|(node, _)| (node, held_by(node, report)));
    let mut running = running.filter(|(_, held)| !held.is_empty());
    match running.next() {
        Some((node, held)) => Err(format!("{node} still runs {}", held.join(", "))),
        None => Ok(()),
    }
}

fn runs_or_is_disabled(one: &Resource) -> Result<(), String> {
    match one.condition {
        Condition::Good | Condition::Scarred | Condition::Disabled => Ok(()),
        Condition::Changing | Condition::Down | Condition::Failed | Condition::Stuck => {
            Err(format!("{} does not run as wanted: {}", one.name, one.why))
        }
    }
}

/// The first primitive of this name, or below it, that is not as wanted.
fn each(
    report: &Report,
    name: &str,
    mut is_right: impl FnMut(&Resource) -> Result<(), String>,
) -> Result<(), String> {
    let found = find(&report.resources, name);
    let Some(resource) = found else {
        return Ok(());
    };
    below(resource, &mut is_right)
}

fn below(
    resource: &Resource,
    is_right: &mut impl FnMut(&Resource) -> Result<(), String>,
) -> Result<(), String> {
    if resource.kind == ResourceKind::Primitive {
        return is_right(resource);
    }
    resource
        .members
        .iter()
        .try_for_each(|one| below(one, is_right))
}

fn find<'a>(resources: &'a [Resource], name: &str) -> Option<&'a Resource> {
    resources.iter().find_map(|one| {
        if one.name == name {
            Some(one)
        } else {
            find(&one.members, name)
        }
    })
}

/// `zape (db:1)` is an instance on zape.
fn node_of(place: &str) -> &str {
    place.split(' ').next().unwrap_or(place)
}

fn up(resource: &Resource) -> Vec<&str> {
    let instances = resource.instances.iter();
    let up = instances.filter(|(_, one)| one.observed.role() > Role::Stopped);
    up.map(|(place, _)| node_of(place)).collect()
}

/// What runs on a node and is not left alone.
fn held_by(node: &str, report: &Report) -> Vec<String> {
    fn add(resources: &[Resource], node: &str, unmanaged: &[String], held: &mut Vec<String>) {
        for resource in resources {
            if unmanaged.contains(&resource.name) {
                continue;
            }
            if up(resource).contains(&node) {
                held.push(resource.name.clone());
            }
            add(&resource.members, node, unmanaged, held);
        }
    }
    let mut held = Vec::new();
    if !report.operators.maintenance {
        add(
            &report.resources,
            node,
            &report.operators.unmanaged,
            &mut held,
        );
    }
    held
}

fn clean(resource: &Resource, node: Option<&str>) -> Result<(), String> {
    let instances = resource.instances.iter();
    let mut here = instances.filter(|(place, _)| node.is_none_or(|node| node == node_of(place)));
    match here.find(|(_, one)| one.failures > 0) {
        Some((place, one)) => Err(format!(
            "{} failed on {} again, {} in all",
            resource.name, place, one.failures
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::report::Halted;

    fn situation(name: &str) -> Report {
        let path = format!(
            "{}/tests/situations/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(path).expect("there")).expect("a report")
    }

    fn standby(node: &str, on: bool) -> Command {
        let node = node.to_owned();
        Command::Standby { node, on }
    }

    fn target(resource: &str, role: Option<TargetRole>) -> Command {
        let resource = resource.to_owned();
        Command::Target { resource, role }
    }

    #[test]
    fn standby_is_carried_out_once_nothing_runs_there() {
        let report = situation("standby");
        assert_eq!(carried_out(&standby("zape", true), &report), Ok(()));
        let why = carried_out(&standby("zape", false), &report).expect_err("not yet");
        assert!(why.contains("still in standby"), "{why}");
        let mut early = report.clone();
        early.members.get_mut("zipi").expect("a node").standing = MemberStanding::Standby;
        let why = carried_out(&standby("zipi", true), &early).expect_err("it holds web");
        assert_eq!(why, "zipi still runs vip, httpd, ping");
        early.operators.unmanaged = vec!["vip".to_owned(), "httpd".to_owned(), "ping".to_owned()];
        assert_eq!(carried_out(&standby("zipi", true), &early), Ok(()));
    }

    #[test]
    fn a_start_and_a_stop_look_at_every_member_of_a_group() {
        let healthy = situation("healthy-pair");
        assert_eq!(carried_out(&target("web", None), &healthy), Ok(()));
        let stopped = target("web", Some(TargetRole::Stopped));
        let why = carried_out(&stopped, &healthy).expect_err("it runs");
        assert_eq!(why, "vip still runs on zipi");
        let failed = situation("failed-resource");
        let why = carried_out(&target("web", None), &failed).expect_err("httpd failed");
        assert!(why.starts_with("httpd does not run as wanted"), "{why}");
    }

    #[test]
    fn a_stop_of_everything_looks_at_every_node_and_a_start_at_every_resource() {
        let (stop, start) = (Command::Halt { on: true }, Command::Halt { on: false });
        let mut report = situation("healthy-pair");
        assert_eq!(carried_out(&start, &report), Ok(()));
        let why = carried_out(&stop, &report).expect_err("nobody asked");
        assert_eq!(why, "it is not in the log yet");
        report.operators.halted = Some(Halted {
            at: "zipi".to_owned(),
            since_ms: 1_000,
        });
        let why = carried_out(&stop, &report).expect_err("it runs");
        assert_eq!(why, "zape still runs ping");
        assert!(carried_out(&start, &report).is_err());
        report.resources.clear();
        assert_eq!(carried_out(&stop, &report), Ok(()));
        let mut failed = situation("failed-resource");
        let why = carried_out(&start, &failed).expect_err("httpd failed");
        assert!(why.starts_with("httpd does not run as wanted"), "{why}");
        failed.operators.maintenance = true;
        failed.operators.halted = Some(Halted::default());
        let why = carried_out(&stop, &failed).expect_err("it is left alone");
        assert!(why.contains("maintenance"), "{why}");
    }

    #[test]
    fn a_move_is_carried_out_when_all_of_it_is_there() {
        let to = |node: &str| Command::Move {
            resource: "web".to_owned(),
            direction: Direction::To(node.to_owned()),
            for_ms: 3_600_000,
        };
        let report = situation("move-in-force");
        assert_eq!(carried_out(&to("zape"), &report), Ok(()));
        assert!(carried_out(&to("zipi"), &report).is_err());
        let unmove = Command::Unmove {
            resource: "web".to_owned(),
        };
        assert!(carried_out(&unmove, &report).is_err());
    }

    #[test]
    fn a_cleanup_counts_only_where_it_was_asked_for() {
        let cleanup = |resource: Option<&str>, node: Option<&str>| Command::Cleanup {
            resource: resource.map(str::to_owned),
            node: node.map(str::to_owned),
        };
        let failed = situation("failed-resource");
        assert!(carried_out(&cleanup(None, None), &failed).is_err());
        assert_eq!(carried_out(&cleanup(None, Some("zape")), &failed), Ok(()));
        assert_eq!(carried_out(&cleanup(Some("vip"), None), &failed), Ok(()));
    }

    #[test]
    fn nothing_is_carried_out_where_nobody_decides() {
        let report = situation("no-quorum");
        assert!(carried_out(&standby("zape", false), &report).is_err());
    }
}
