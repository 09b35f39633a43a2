//! All that was measured, and how it stands in tables.

use super::cases::{Case, Outage};
use super::cost::{Cost, IDLE};
use super::engine::Engine;
use super::project::Site;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a row and a column of a table are about.
pub(super) type Cell = (Site, Engine, Case);

/// Everything of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) outages: BTreeMap<Cell, Vec<Outage>>,
    pub(super) costs: BTreeMap<Engine, Cost>,
    /// Milliseconds of a processor that a host without a manager takes.
    pub(super) without_ms: Option<u64>,
    /// What could not be measured, and why.
    pub(super) failed: Vec<String>,
}

/// Goals of the design: milliseconds without service at most.
const ADDRESS_MOVES_MS: u64 = 300;
/// Lease, stop and watchdog of `clusterd-witness.yaml`, and what is allowed beside the
/// start.
const WITNESS_MS: u64 = 6_000 + 300;
/// In mode `reach`, at a deadtime of half a second.
const REACH_MS: u64 = 1_000;
/// kB on a node.
const MEMORY_KB: u64 = 20 * 1024;

impl Tally {
    fn times(&self, cell: Cell, active: Option<&str>) -> Vec<u64> {
        let all = self.outages.get(&cell).into_iter().flatten();
        let mut times: Vec<u64> = all
            .filter(|outage| active.is_none_or(|host| outage.active == host))
            .filter_map(|outage| outage.away_ms)
            .collect();
        times.sort_unstable();
        times
    }

    fn text(&self, cell: Cell) -> String {
        let (_, engine, case) = cell;
        let Some(all) = self.outages.get(&cell).filter(|all| !all.is_empty()) else {
            return "-".to_owned();
        };
        let mut parts = Vec::new();
        if engine.spares_zipi() && case == Case::PowerCut {
            for (how, lost) in [("at once", "zape"), ("waiting", "zipi")] {
                let times = self.times(cell, Some(lost));
                if !times.is_empty() {
                    parts.push(format!("{how} {}", summary(&times)));
                }
            }
        } else {
            let times = self.times(cell, None);
            if !times.is_empty() {
                parts.push(summary(&times));
            }
        }
        let endless = all.iter().filter(|outage| outage.away_ms.is_none()).count();
        if endless > 0 {
            parts.push(format!("not by itself ({endless})"));
        }
        let twice = all.iter().filter(|outage| outage.twice).count();
        if twice > 0 {
            parts.push(format!("**both nodes had the address** ({twice})"));
        }
        parts.join("; ")
    }

    fn table(&self, site: Site, cases: &[Case]) -> String {
        let mut text = "| |".to_owned();
        for case in cases {
            let _ = write!(text, " {} |", case.title());
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(cases.len()));
        text.push('\n');
        for engine in Engine::ALL {
            let cells: Vec<String> = cases
                .iter()
                .map(|&case| self.text((site, engine, case)))
                .collect();
            if cells.iter().any(|cell| cell != "-") {
                let _ = writeln!(text, "| {} | {} |", engine.title(), cells.join(" | "));
            }
        }
        text
    }

    /// Memory and processor.
    fn cost_table(&self) -> String {
        let mut text = "| | processes | memory, active | memory, passive | processor, active | processor, passive |\n\
                        |---|---|---|---|---|---|\n"
            .to_owned();
        for (engine, cost) in &self.costs {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                engine.title(),
                cost.processes,
                megabytes(cost.memory_kb[0]),
                megabytes(cost.memory_kb[1]),
                self.share(cost.busy_ms[0]),
                self.share(cost.busy_ms[1])
            );
        }
        text
    }

    /// How much of a processor a host takes more than one without a manager.
    fn share(&self, busy_ms: u64) -> String {
        let Some(without) = self.without_ms else {
            return "-".to_owned();
        };
        let window = u64::try_from(IDLE.as_millis()).unwrap_or(u64::MAX);
        let hundredths = busy_ms.saturating_sub(without) * 10_000 / window;
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    }

    fn goals(&self) -> String {
        let mut text = String::new();
        let mut row = |what: &str, goal: String, measured: String, met: bool| {
            let _ = writeln!(
                text,
                "| {what} | {goal} | {measured} | {} |",
                if met { "met" } else { "missed" }
            );
        };
        if let Some(ms) = median(&self.times((Site::Both, Engine::Witness, Case::Switchover), None))
        {
            row(
                "clusterd: switchover, only the address moves",
                format!("under {ADDRESS_MOVES_MS} ms"),
                format!("{ms} ms"),
                ms < ADDRESS_MOVES_MS,
            );
        }
        if let Some(ms) = median(&self.times((Site::Active, Engine::Witness, Case::PowerCut), None))
        {
            row(
                "clusterd with a witness: power cut, start of Apache included",
                format!("L + S + W + 0.3 s: {WITNESS_MS} ms"),
                format!("{ms} ms"),
                ms <= WITNESS_MS,
            );
        }
        for (what, lost) in [("at once", "zape"), ("waiting", "zipi")] {
            let of =
                |engine| median(&self.times((Site::Active, engine, Case::PowerCut), Some(lost)));
            if let (Some(own), Some(rival)) = (of(Engine::Pair), of(Engine::PacemakerFence)) {
                row(
                    &format!("clusterd with fencing: power cut, {what}"),
                    format!("not slower than Pacemaker's {rival} ms"),
                    format!("{own} ms"),
                    own <= rival,
                );
            }
        }
        let cut = |engine| median(&self.times((Site::Active, engine, Case::PowerCut), None));
        if let Some(ms) = cut(Engine::ReachHalf) {
            row(
                "clusterd, reach, deadtime 0.5 s: power cut, start of Apache included",
                format!("under {REACH_MS} ms"),
                format!("{ms} ms"),
                ms < REACH_MS,
            );
        }
        for rival in [Engine::HeartbeatFast, Engine::Pacemaker] {
            if let (Some(own), Some(theirs)) = (cut(Engine::Reach), cut(rival)) {
                row(
                    "clusterd, reach, deadtime 1 s: power cut",
                    format!("not slower than {}: {theirs} ms", rival.title()),
                    format!("{own} ms"),
                    own <= theirs,
                );
            }
        }
        if let Some(cost) = self.costs.get(&Engine::Witness) {
            let most = cost.memory_kb[0].max(cost.memory_kb[1]);
            row(
                "clusterd: memory on a node",
                format!("under {}", megabytes(MEMORY_KB)),
                megabytes(most),
                most < MEMORY_KB,
            );
        }
        text
    }

    /// All tables.
    pub(super) fn tables(&self) -> String {
        let mut text = "Milliseconds without service: median / worst (how often).\n\n".to_owned();
        for site in Site::ALL {
            let measured: Vec<Case> = Case::ALL
                .into_iter()
                .filter(|case| self.outages.keys().any(|it| (it.0, it.2) == (site, *case)))
                .collect();
            if !measured.is_empty() {
                let _ = write!(
                    text,
                    "### {}\n\n{}\n",
                    site.title(),
                    self.table(site, &measured)
                );
            }
        }
        if !self.costs.is_empty() {
            let _ = write!(
                text,
                "### Memory and processor on a node that is left alone\n\n{}\n",
                self.cost_table()
            );
        }
        let goals = self.goals();
        if !goals.is_empty() {
            let _ = write!(
                text,
                "### Goals for clusterd\n\n| what | goal | measured | |\n|---|---|---|---|\n{goals}\n"
            );
        }
        if !self.failed.is_empty() {
            text.push_str("Not measured, because something went wrong:\n\n");
            for failure in &self.failed {
                let _ = writeln!(text, "- {failure}");
            }
            text.push('\n');
        }
        text
    }
}

/// The middle one, or the mean of the two in the middle, of what is sorted.
fn median(times: &[u64]) -> Option<u64> {
    let upper = *times.get(times.len() / 2)?;
    if times.len() % 2 == 1 {
        return Some(upper);
    }
    Some(times[times.len() / 2 - 1].midpoint(upper))
}

fn summary(times: &[u64]) -> String {
    match (median(times), times.last()) {
        (Some(0), Some(0)) => format!("none ({})", times.len()),
        (Some(middle), Some(worst)) => format!("{middle} / {worst} ({})", times.len()),
        _ => "-".to_owned(),
    }
}

fn megabytes(kilobytes: u64) -> String {
    let tenths = (kilobytes * 10).div_ceil(1024);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(away_ms: Option<u64>, active: &'static str) -> Outage {
        Outage {
            away_ms,
            active,
            twice: false,
        }
    }

    #[test]
    fn a_cell_has_the_median_the_worst_and_how_often() {
        let mut tally = Tally::default();
        let cell = (Site::Active, Engine::Heartbeat, Case::PowerCut);
        let all = [5, 1, 9, 2].map(|ms| outage(Some(ms * 100), "zipi"));
        tally.outages.insert(cell, all.to_vec());
        assert_eq!(tally.text(cell), "350 / 900 (4)");
    }

    #[test]
    fn who_waits_before_fencing_is_told_apart() {
        let mut tally = Tally::default();
        let cell = (Site::Active, Engine::Pair, Case::PowerCut);
        let all = [outage(Some(7800), "zipi"), outage(Some(1800), "zape")];
        tally.outages.insert(cell, all.to_vec());
        assert_eq!(
            tally.text(cell),
            "at once 1800 / 1800 (1); waiting 7800 / 7800 (1)"
        );
    }

    #[test]
    fn what_did_not_come_back_is_no_time() {
        let mut tally = Tally::default();
        let cell = (Site::Active, Engine::Heartbeat, Case::ApacheKilled);
        let mut both = outage(Some(0), "zipi");
        both.twice = true;
        tally.outages.insert(cell, vec![outage(None, "zipi"), both]);
        assert_eq!(
            tally.text(cell),
            "none (1); not by itself (1); **both nodes had the address** (1)"
        );
    }

    #[test]
    fn a_manager_is_charged_with_what_its_host_does_more() {
        let tally = Tally {
            without_ms: Some(120),
            ..Tally::default()
        };
        assert_eq!(tally.share(720), "1.00 %");
        assert_eq!(tally.share(90), "0.00 %");
        assert_eq!(megabytes(20 * 1024), "20.0 MB");
    }
}
