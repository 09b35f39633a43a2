//! The lines that a run keeps as it goes, and what they say when it ended early: one for
//! each outage, cost and failure, words separated by tabs.

use super::cases::{Case, Outage};
use super::cost::Cost;
use super::engine::Engine;
use super::pair::HOSTS;
use super::project::Site;
use super::tally::{Cell, Tally};
use anyhow::{Context as _, Result, bail};

/// What a run said of itself before it began.
pub(super) const ABOUT: &str = "about";
/// What it said at its end.
pub(super) const END: &str = "end";

/// An outage.
pub(super) fn outage((site, engine, case): Cell, outage: &Outage) -> String {
    format!(
        "{site:?}\t{}\t{}\t{}\t{}\t{}",
        engine.title(),
        case.title(),
        outage.active,
        outage.away_ms.map_or("-".to_owned(), |ms| ms.to_string()),
        if outage.twice { "both" } else { "" }
    )
}

/// What a manager costs.
pub(super) fn cost(engine: Engine, cost: &Cost) -> String {
    format!("cost\t{}\t{cost:?}", engine.title())
}

/// A run as far as it came: what it said of itself, and what it measured.
pub(super) fn read(text: &str) -> Result<(String, Tally)> {
    let mut about = String::new();
    let mut end = "The run was ended before everything was measured.".to_owned();
    let mut tally = Tally::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            [ABOUT, said] => said.clone_into(&mut about),
            [END, said] => said.clone_into(&mut end),
            ["failed", why] => tally.failed.push(why.to_owned()),
            ["cost without", ms] => tally.without_ms = Some(ms.parse()?),
            ["cost", title, numbers] => {
                let numbers: Vec<u64> = numbers
                    .split(|letter: char| !letter.is_ascii_digit())
                    .filter_map(|word| word.parse().ok())
                    .collect();
                let [active, passive, processes, busy, idle] = numbers[..] else {
                    bail!("a line that no run wrote: {line}");
                };
                let cost = Cost {
                    memory_kb: [active, passive],
                    processes: usize::try_from(processes)?,
                    busy_ms: [busy, idle],
                };
                tally.costs.insert(engine(title)?, cost);
            }
            [site, title, case, active, away_ms, twice] => {
                let site = Site::ALL
                    .into_iter()
                    .find(|known| format!("{known:?}") == site)
                    .with_context(|| format!("a line that no run wrote: {line}"))?;
                let case = Case::ALL
                    .into_iter()
                    .find(|known| known.title() == case)
                    .with_context(|| format!("no such case: {case}"))?;
                let active = HOSTS
                    .into_iter()
                    .find(|host| *host == active)
                    .with_context(|| format!("no such host: {active}"))?;
                let cell = (site, engine(title)?, case);
                tally.outages.entry(cell).or_default().push(Outage {
                    away_ms: match away_ms {
                        "-" => None,
                        ms => Some(ms.parse()?),
                    },
                    active,
                    twice: twice == "both",
                });
            }
            _ => bail!("a line that no run wrote: {line}"),
        }
    }
    Ok((format!("{about} {end}"), tally))
}

fn engine(title: &str) -> Result<Engine> {
    Engine::ALL
        .into_iter()
        .find(|engine| engine.title() == title)
        .with_context(|| format!("no such contender: {title}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_says_the_same_again() {
        let cell = (Site::Both, Engine::PacemakerFence, Case::DaemonKilled);
        let outages = [(Some(1266), true), (None, false)].map(|(away_ms, twice)| Outage {
            away_ms,
            active: "zape",
            twice,
        });
        let spent = Cost {
            memory_kb: [29_836, 27_640],
            processes: 1,
            busy_ms: [560, 480],
        };
        let text = format!(
            "about\tToday.\n{}\n{}\n{}\ncost without\t50\nfailed\twhy\n",
            outage(cell, &outages[0]),
            outage(cell, &outages[1]),
            cost(Engine::Witness, &spent)
        );
        let (about, tally) = read(&text).expect("lines of a run");
        assert_eq!(
            about,
            "Today. The run was ended before everything was measured."
        );
        assert_eq!(tally.outages[&cell], outages);
        assert_eq!(tally.costs[&Engine::Witness], spent);
        assert_eq!(tally.without_ms, Some(50));
        assert_eq!(tally.failed, ["why"]);
    }

    #[test]
    fn other_lines_are_refused() {
        assert!(read("nonsense\n").is_err());
        assert!(read("Active\tnobody\tpower cut\tzipi\t1\t\n").is_err());
    }
}
