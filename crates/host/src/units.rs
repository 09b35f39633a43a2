//! Units: their states, and verbs on them. Where there is no systemd, states
//! are `not-found` and verbs have nothing to do.

use crate::hold;
use crate::place::Place;
use crate::process::{self, Bounds, Ended};
use crate::refusal::{Attempt, Refused, Result};
use std::time::{Duration, Instant};
use tandem_generation::facts::UnitFact;
use tandem_generation::{UnitPolicy, UnitRun};

/// A unit that takes longer to start or stop has hung; systemd's own limits
/// are lower unless somebody raised them.
const VERB_TIMEOUT: Duration = Duration::from_secs(600);

/// So long a unit that is started anew may be on its way before that is a fault.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// States of these units, in their order, from one `systemctl show`.
pub fn states(place: &Place, units: &[String]) -> Result<Vec<UnitFact>> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    if place.systemctl.is_none() {
        return Ok(units.iter().map(|unit| missing(unit)).collect());
    }
    let mut arguments = vec![
        "show".to_owned(),
        "--property=LoadState,UnitFileState,ActiveState".to_owned(),
        "--".to_owned(),
    ];
    arguments.extend(units.iter().cloned());
    let ended = run(place, &arguments)?;
    if !ended.is_good() {
        return Err(Refused::failed(format!(
            "systemctl show failed ({}): {}",
            ended.how(),
            ended.said()
        )));
    }
    Ok(parse(units, &ended.stdout))
}

fn parse(units: &[String], output: &str) -> Vec<UnitFact> {
    let mut blocks = output.split("\n\n");
    units
        .iter()
        .map(|unit| {
            let block = blocks.next().unwrap_or_default();
            let value = |key: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
                    .unwrap_or_default()
            };
            let enabled = match (value("LoadState"), value("UnitFileState")) {
                ("not-found" | "", _) => "not-found",
                ("masked", _) => "masked",
                (_, "") => "static",
                (_, state) => state,
            };
            UnitFact {
                unit: unit.clone(),
                enabled: enabled.to_owned(),
                active: match value("ActiveState") {
                    "" => "inactive".to_owned(),
                    state => state.to_owned(),
                },
            }
        })
        .collect()
}

fn missing(unit: &str) -> UnitFact {
    UnitFact {
        unit: unit.to_owned(),
        enabled: "not-found".into(),
        active: "inactive".into(),
    }
}

/// True where systemd knows no such unit.
pub fn is_missing(place: &Place, unit: &str) -> Result<bool> {
    let states = states(place, &[unit.to_owned()])?;
    Ok(states.iter().all(|state| state.enabled == "not-found"))
}

/// A verb on units; `Ok` where there is no systemd.
pub fn verb(place: &Place, verb: &str, units: &[&str], wait: bool) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let mut arguments = vec![verb.to_owned()];
    if !wait {
        arguments.push("--no-block".into());
    }
    arguments.push("--".into());
    arguments.extend(units.iter().map(|unit| (*unit).to_owned()));
    checked(place, &arguments)
}

/// Enables a unit of which systemd need not hear before the next boot: reading
/// all units anew is the most expensive thing that it can be asked for.
pub fn enable_for_boot(place: &Place, unit: &str) -> Result<()> {
    checked(
        place,
        &["enable", "--no-reload", "--", unit].map(str::to_owned),
    )
}

/// True while the host shuts down.
pub fn host_goes_down(place: &Place) -> bool {
    run(place, &["is-system-running".to_owned()])
        .is_ok_and(|ended| ended.stdout.trim() == "stopping")
}

/// `systemctl daemon-reload`.
pub fn daemon_reload(place: &Place) -> Result<()> {
    checked(place, &["daemon-reload".to_owned()])
}

/// Masks units until the next boot or [`unmask`].
pub fn mask(place: &Place, units: &[String]) -> Result<()> {
    with_runtime(place, "mask", units)
}

/// Takes the runtime mask away.
pub fn unmask(place: &Place, units: &[String]) -> Result<()> {
    with_runtime(place, "unmask", units)
}

fn with_runtime(place: &Place, verb: &str, units: &[String]) -> Result<()> {
    if units.is_empty() {
        return Ok(());
    }
    let mut arguments = vec![verb.to_owned(), "--runtime".into(), "--".into()];
    arguments.extend(units.iter().cloned());
    checked(place, &arguments)
}

/// Policies of units that nobody holds.
fn not_held(place: &Place, policies: &[UnitPolicy]) -> Result<Vec<UnitPolicy>> {
    let held = hold::held(place)?;
    let free = |policy: &&UnitPolicy| !held.contains(&policy.unit);
    Ok(policies.iter().filter(free).cloned().collect())
}

/// Puts units as policies say. Units that the cluster runs are only kept from
/// starting at boot by themselves.
pub fn apply(place: &Place, policies: &[UnitPolicy], wait: bool) -> Result<()> {
    let policies = &not_held(place, policies)?;
    let names: Vec<String> = policies.iter().map(|policy| policy.unit.clone()).collect();
    for (policy, now) in policies.iter().zip(states(place, &names)?) {
        let unit = [policy.unit.as_str()];
        let enabled = now.enabled.as_str();
        let off = policy.enabled == Some(false) || policy.run == UnitRun::Cluster;
        if off && matches!(enabled, "enabled" | "generated") {
            verb(place, "disable", &unit, true)?;
        } else if !off && policy.enabled == Some(true) && !matches!(enabled, "enabled" | "static") {
            verb(place, "enable", &unit, true)?;
        }
        match policy.run {
            UnitRun::Started if now.active != "active" => verb(place, "start", &unit, wait)?,
            UnitRun::Stopped if !matches!(now.active.as_str(), "inactive" | "failed") => {
                verb(place, "stop", &unit, wait)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Puts units back as they were found.
pub fn restore(place: &Place, found: &[UnitFact], wait: bool) -> Result<()> {
    let names: Vec<String> = found.iter().map(|before| before.unit.clone()).collect();
    for (before, now) in found.iter().zip(states(place, &names)?) {
        let unit = [before.unit.as_str()];
        // Its unit file came with our packages and has gone with them.
        if before.enabled == "not-found" || now.enabled == "not-found" {
            continue;
        }
        if before.enabled != now.enabled {
            match before.enabled.as_str() {
                "enabled" => verb(place, "enable", &unit, true)?,
                "disabled" => verb(place, "disable", &unit, true)?,
                _ => {}
            }
        }
        let runs = |state: &str| matches!(state, "active" | "reloading" | "activating");
        match (runs(&before.active), runs(&now.active)) {
            (true, false) => verb(place, "start", &unit, wait)?,
            (false, true) => verb(place, "stop", &unit, wait)?,
            _ => {}
        }
    }
    Ok(())
}

/// What is not as the policies say. At boot (`running` false) only what is
/// enabled can be judged.
pub fn complaints(place: &Place, policies: &[UnitPolicy], running: bool) -> Result<Vec<String>> {
    if place.systemctl.is_none() {
        return Ok(Vec::new());
    }
    let policies = &not_held(place, policies)?;
    let units: Vec<String> = policies.iter().map(|policy| policy.unit.clone()).collect();
    let mut complaints = Vec::new();
    let states = if running {
        settled(place, policies, &units)?
    } else {
        states(place, &units)?
    };
    for (policy, state) in policies.iter().zip(states) {
        let unit = &policy.unit;
        let shall = if policy.run == UnitRun::Cluster {
            Some(false)
        } else {
            policy.enabled
        };
        let is_enabled = matches!(state.enabled.as_str(), "enabled" | "enabled-runtime");
        let has_switch = is_enabled || state.enabled == "disabled";
        match shall {
            Some(true) if !is_enabled && state.enabled != "static" => {
                complaints.push(format!("{unit} is {}, not enabled", state.enabled));
            }
            Some(false) if has_switch && is_enabled => {
                complaints.push(format!("{unit} is enabled, and it must not start at boot"));
            }
            _ => {}
        }
        let active = state.active.as_str();
        match policy.run {
            UnitRun::Started if running && active != "active" && active != "reloading" => {
                complaints.push(format!("{unit} is {active}, not active"));
            }
            UnitRun::Stopped if running && matches!(active, "active" | "activating") => {
                complaints.push(format!("{unit} is {active}, and it must not run"));
            }
            _ => {}
        }
    }
    Ok(complaints)
}

/// A daemon that was told to reload may begin anew for that: what is on its way gets a
/// while.
fn settled(place: &Place, policies: &[UnitPolicy], units: &[String]) -> Result<Vec<UnitFact>> {
    let until = Instant::now() + ON_ITS_WAY;
    loop {
        let states = states(place, units)?;
        let mut pairs = policies.iter().zip(&states);
        let waits = pairs
            .any(|(policy, state)| policy.run == UnitRun::Started && state.active == "activating");
        if !waits || Instant::now() >= until {
            return Ok(states);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn checked(place: &Place, arguments: &[String]) -> Result<()> {
    if place.systemctl.is_none() {
        return Ok(());
    }
    let ended = run(place, arguments)?;
    if ended.is_good() {
        return Ok(());
    }
    Err(Refused::failed(format!(
        "`systemctl {}` failed ({}): {}",
        arguments.join(" "),
        ended.how(),
        ended.said()
    )))
}

fn run(place: &Place, arguments: &[String]) -> Result<Ended> {
    let program = place.systemctl.as_deref().unwrap_or("systemctl");
    let mut argv = vec![program.to_owned()];
    argv.extend(arguments.iter().cloned());
    process::run(
        &argv,
        Bounds {
            timeout: Some(VERB_TIMEOUT),
            output_bytes: 1 << 20,
        },
    )
    .attempt(|| format!("run {program}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_systemctl_show_belong_to_the_units_in_order() {
        let output = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n\
                      LoadState=not-found\nActiveState=inactive\nUnitFileState=\n\n\
                      LoadState=loaded\nActiveState=inactive\nUnitFileState=\n";
        let units = ["a.service", "b.service", "c.service"].map(str::to_owned);
        let facts = parse(&units, output);
        assert_eq!(facts[0].enabled, "enabled");
        assert_eq!(facts[0].active, "active");
        assert_eq!(facts[1].enabled, "not-found");
        assert_eq!(facts[2].enabled, "static");
    }
}
