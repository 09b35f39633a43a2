//! What a manager costs on a node that nobody disturbs: memory and processor.

use super::pair::{HOSTS, Pair};
use anyhow::{Context as _, Result};
use std::fmt::Write as _;
use std::time::Duration;

/// How long the processor is looked at.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// On the node that serves, and on the other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Proportional set size of all processes of the manager, in kB.
    pub(super) memory_kb: [u64; 2],
    pub(super) processes: usize,
    /// Of the whole host, its manager and agents included: milliseconds of a processor in
    /// [`IDLE`].
    pub(super) busy_ms: [u64; 2],
}

/// Processes of a service, its children and what it left in scopes of its own.
fn processes_of(pair: &Pair<'_>) -> String {
    let mut script = "cd /sys/fs/cgroup\npids=\n".to_owned();
    for unit in pair.engine.kind().units() {
        let _ = writeln!(
            script,
            "group=$(systemctl show --property=ControlGroup --value {unit})\n\
             for file in $(find . -path \"*$group/*\" -name cgroup.procs -o -path \"*$group/cgroup.procs\"); \
             do pids=\"$pids $(cat $file)\"; done"
        );
    }
    script.push_str("pids=$(echo $pids | tr ' ' '\\n' | sort -un)\n");
    script
}

/// Memory, now.
pub(super) fn memory(pair: &Pair<'_>) -> Result<Cost> {
    let active = pair.active()?;
    let mut cost = Cost::default();
    let script = format!(
        "{}for pid in $pids; do grep ^Pss: /proc/$pid/smaps_rollup 2>/dev/null || true; done",
        processes_of(pair)
    );
    for host in HOSTS {
        let said = pair.run(host, &script)?;
        let sizes: Vec<u64> = said
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse().ok())
            .collect();
        anyhow::ensure!(!sizes.is_empty(), "no process of {}", pair.engine.title());
        cost.memory_kb[usize::from(host != active)] = sizes.iter().sum();
        cost.processes = cost.processes.max(sizes.len());
    }
    Ok(cost)
}

/// Ticks that all processes of a host took so far, those that are gone included: whoever
/// waited for them has their time.
pub(super) fn busy(pair: &Pair<'_>, host: &str) -> Result<u64> {
    let said = pair.run(
        host,
        "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | \
         awk '{ sum += $12 + $13 + $14 + $15 } END { print sum }'",
    )?;
    said.trim()
        .parse()
        .with_context(|| format!("ticks of {host}: {said}"))
}

/// On the active and the passive node, in milliseconds.
pub(super) fn all_busy(pair: &Pair<'_>, active: &str) -> Result<[u64; 2]> {
    let mut busy_ms = [0; 2];
    for host in HOSTS {
        // A tick is 10 ms: proc(5), sysconf(3).
        busy_ms[usize::from(host != active)] = busy(pair, host)? * 10;
    }
    Ok(busy_ms)
}

/// What came in between.
pub(super) fn since(before: [u64; 2], after: [u64; 2]) -> [u64; 2] {
    [0, 1].map(|node: usize| after[node].saturating_sub(before[node]))
}

/// A host whose manager, and what it ran, is stopped: the lesser of two, in milliseconds
/// of a processor in [`IDLE`].
pub(super) fn without(pair: &Pair<'_>) -> Result<u64> {
    let units = pair.engine.kind().units().join(" ");
    for host in HOSTS {
        pair.run(host, &format!("systemctl stop {units}"))?;
    }
    std::thread::sleep(Duration::from_secs(2));
    let before = all_busy(pair, HOSTS[0])?;
    std::thread::sleep(IDLE);
    let busy_ms = since(before, all_busy(pair, HOSTS[0])?);
    for host in HOSTS {
        pair.run(host, &format!("systemctl start --no-block {units}"))?;
    }
    Ok(busy_ms[0].min(busy_ms[1]))
}
