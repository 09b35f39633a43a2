//! What happens to a pair, and how long clients go without service.

use super::pair::{HOSTS, Pair, other};
use crate::demo::now_us;
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// How long an outage may take before it is called endless.
const LIMIT: Duration = Duration::from_secs(60);
/// How long the death of a process is looked at: a monitor looks every 10 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// Where clients come from.
const CLIENTS: &str = "eth4";
/// How long is looked at what may have no effect on clients, or one that comes late: who
/// waits before it fences waits for 6 s.
const LOOK: Duration = Duration::from_secs(12);
/// After the first good answer: does it stay so?
const AFTERMATH: Duration = Duration::from_secs(1);
/// How long a pair rests after it became whole.
const REST: Duration = Duration::from_secs(1);

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    /// The active node has no power any more.
    PowerCut,
    /// The daemon on the active node that hears the peer is killed.
    DaemonKilled,
    /// Apache is killed where it serves.
    ApacheKilled,
    /// The active node is cut off from its clients.
    ConnectivityLost,
    /// Tomcat is killed where it serves.
    TomcatKilled,
    /// An operator moves everything.
    Switchover,
}

impl Case {
    pub(super) const ALL: [Self; 6] = [
        Self::PowerCut,
        Self::Switchover,
        Self::DaemonKilled,
        Self::ApacheKilled,
        Self::ConnectivityLost,
        Self::TomcatKilled,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::PowerCut => "power cut",
            Self::DaemonKilled => "daemon killed",
            Self::ApacheKilled => "Apache killed",
            Self::ConnectivityLost => "connectivity lost",
            Self::TomcatKilled => "Tomcat killed",
            Self::Switchover => "switchover",
        }
    }
}

/// One outage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outage {
    /// Milliseconds without service; nothing if it did not come back by itself.
    pub(super) away_ms: Option<u64>,
    /// Who served before.
    pub(super) active: &'static str,
    /// Whether both nodes had the address at the end.
    pub(super) twice: bool,
}

/// Lets it happen to a pair that is whole, and mends what it broke.
pub(super) fn happen(pair: &Pair<'_>, case: Case) -> Result<Outage> {
    pair.wait_until_whole()?;
    let active = pair.active()?;
    std::thread::sleep(REST);
    match case {
        Case::PowerCut => power_cut(pair, active),
        Case::DaemonKilled => daemon_killed(pair, active),
        Case::ApacheKilled => killed(pair, active, "apache2"),
        Case::TomcatKilled => killed(pair, active, "tomcat10"),
        Case::ConnectivityLost => connectivity_lost(pair, active),
        Case::Switchover => switchover(pair, active),
    }
    .with_context(|| format!("{}, {}", pair.engine.title(), case.title()))
}

fn away(pair: &Pair<'_>, from_us: u64) -> Result<u64> {
    std::thread::sleep(AFTERMATH);
    let away = pair.client()?.since(from_us)?.away;
    Ok(u64::try_from(away.as_millis()).unwrap_or(u64::MAX))
}

fn power_cut(pair: &Pair<'_>, active: &'static str) -> Result<Outage> {
    let from_us = now_us();
    pair.fault(&format!("power-off {active}"))?;
    pair.wait_for(other(active), from_us, LIMIT)?;
    let away_ms = away(pair, from_us)?;
    pair.power_on(active)?;
    if away_ms == 0 {
        bail!("a power cut that no client noticed");
    }
    Ok(Outage {
        away_ms: Some(away_ms),
        active,
        twice: false,
    })
}

fn switchover(pair: &Pair<'_>, active: &'static str) -> Result<Outage> {
    let from_us = now_us();
    pair.run(active, pair.engine.kind().give())?;
    pair.wait_for(other(active), from_us, LIMIT)?;
    let away_ms = away(pair, from_us)?;
    pair.run(active, pair.engine.kind().take_again())?;
    Ok(Outage {
        away_ms: Some(away_ms),
        active,
        twice: false,
    })
}

fn daemon_killed(pair: &Pair<'_>, active: &'static str) -> Result<Outage> {
    let unit = pair.engine.kind().units()[0];
    let from_us = now_us();
    pair.run(
        active,
        &format!("systemctl kill --kill-whom=main --signal=KILL {unit}"),
    )?;
    std::thread::sleep(LOOK);
    let served = pair.client()?.wait("an answer", now_us(), LIMIT, |_| true);
    let away_ms = away(pair, from_us)?;
    let twice = pair.holders().len() > 1;
    // Where both nodes have the address, nothing but a reset makes one of them let go.
    if twice || !pair.becomes_whole(PATIENCE) {
        mend(pair, active)?;
    }
    Ok(Outage {
        away_ms: served.is_ok().then_some(away_ms),
        active,
        twice,
    })
}

/// A node that was switched off gets its power; one that is confused is reset.
fn mend(pair: &Pair<'_>, host: &'static str) -> Result<()> {
    if pair.is_up(host) {
        pair.fault(&format!("reset {host}"))?;
    } else {
        pair.fault(&format!("power-on {host}"))?;
    }
    if pair.becomes_whole(Duration::from_secs(60)) {
        return Ok(());
    }
    for host in HOSTS {
        pair.fault(&format!("reset {host}"))?;
    }
    Ok(())
}

fn connectivity_lost(pair: &Pair<'_>, active: &'static str) -> Result<Outage> {
    let from_us = now_us();
    pair.fault(&format!("nic-down {active} {CLIENTS}"))?;
    let moved = pair.wait_for(other(active), from_us, PATIENCE * 2);
    let away_ms = away(pair, from_us)?;
    let twice = pair.holders().len() > 1;
    pair.fault(&format!("nic-up {active} {CLIENTS}"))?;
    Ok(Outage {
        away_ms: moved.is_ok().then_some(away_ms),
        active,
        twice,
    })
}

fn killed(pair: &Pair<'_>, active: &'static str, unit: &str) -> Result<Outage> {
    let from_us = now_us();
    pair.run(
        active,
        &format!("systemctl kill --kill-whom=all --signal=KILL {unit}.service"),
    )?;
    std::thread::sleep(Duration::from_millis(300));
    let back = pair
        .client()?
        .wait("an answer", now_us(), PATIENCE, |_| true);
    let away_ms = away(pair, from_us)?;
    if back.is_err() {
        pair.run(
            active,
            &format!("systemctl reset-failed {unit}\nsystemctl start {unit}"),
        )?;
    }
    Ok(Outage {
        away_ms: back.is_ok().then_some(away_ms),
        active,
        twice: false,
    })
}
