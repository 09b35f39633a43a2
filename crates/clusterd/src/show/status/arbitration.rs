//! Who decides, and what makes sure that a lost node has stopped.

use super::super::table::{Table, painted, plain};
use crate::age;
use crate::configuration::RISK;
use crate::terminal::Tone;
use cluster_model::report::{FenceDevice, Reach, Report};

pub(super) fn arbitration(report: &Report) -> Table {
    let mut table = Table::default();
    let its = &report.arbitration;
    let enough = its.voters_heard >= its.needed;
    let coordinator = match &its.coordinator {
        Some(name) => format!("{name} coordinates"),
        None => "nobody coordinates".to_owned(),
    };
    let voters = format!(
        "{} of {} voters heard, {} needed; {coordinator}",
        its.voters_heard, its.voters, its.needed
    );
    table.row(vec![
        plain(&its.mode),
        if enough && its.coordinator.is_some() {
            plain(voters)
        } else {
            painted(Tone::Bad, voters)
        },
    ]);
    let asked = &report.asked;
    let witness = report.members.get(asked).is_some_and(|one| one.witness);
    // In a lone pair a node holds what it has until it is switched off, or reaches nobody.
    if !witness && its.mode == "quorum" {
        table.row(vec![
            plain("lease"),
            match its.lease_ms {
                Some(ms) => plain(format!(
                    "{asked} may run resources for {} without another word of the others",
                    age::span(ms)
                )),
                None => painted(Tone::Warn, format!("{asked} may run no resources")),
            },
        ]);
    }
    if !witness {
        let armed = if its.armed { "armed" } else { "not armed" };
        table.row(vec![
            plain("watchdog"),
            match &its.watchdog {
                Some(words) => plain(format!("{words}: {armed}")),
                None => painted(Tone::Warn, "none: a node that hangs is stopped by nobody"),
            },
        ]);
    }
    if let Some(reach) = its.reach {
        table.row(vec![plain("ping"), reached(asked, reach)]);
        table.row(vec![plain("risk"), painted(Tone::Warn, RISK)]);
        return table;
    }
    let after = its.promise_ms.map_or_else(String::new, |ms| {
        format!(
            "what a lost node ran starts elsewhere at most {} after its last word",
            age::span(ms)
        )
    });
    if its.fencing.is_empty() {
        let text = if after.is_empty() {
            "no devices".to_owned()
        } else {
            format!("no devices: {after}")
        };
        table.row(vec![plain("fencing"), plain(text)]);
    }
    for device in &its.fencing {
        table.row(vec![plain("fencing"), fencing(device)]);
    }
    table
}

fn reached(asked: &str, reach: Reach) -> super::super::table::Cell {
    let listed = reach.listed;
    let Some(reached) = reach.reached else {
        return painted(
            Tone::Warn,
            format!("{asked} has not asked the {listed} listed addresses yet"),
        );
    };
    let text = format!("{asked} reaches {reached} of {listed} listed addresses");
    if reached == 0 {
        painted(Tone::Bad, text)
    } else if !cluster_core::is_more_than_half(reached, listed) {
        painted(Tone::Warn, format!("{text}, too few to take over"))
    } else {
        plain(text)
    }
}

fn fencing(device: &FenceDevice) -> super::super::table::Cell {
    let what = format!("{} switches off {}", device.name, device.nodes.join(", "));
    match (device.tested_ms, &device.fault) {
        (Some(ms), None) => plain(format!("{what}: tested {}", age::ago(ms))),
        (Some(ms), Some(fault)) => painted(
            Tone::Bad,
            format!("{what}: the test {} failed: {fault}", age::ago(ms)),
        ),
        (None, _) => painted(Tone::Warn, format!("{what}: never tested")),
    }
}
