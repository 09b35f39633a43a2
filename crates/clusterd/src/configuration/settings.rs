//! From the file to what the core works with.

use super::ClusterFile;
use anyhow::{Context, Result, bail};
use cluster_core::Settings;
use cluster_core::name::{BootId, NodeId};
use std::time::Duration;

/// After so many entries of the log the state takes their place.
const LOG_MAX: u64 = 500;

/// What the core works with, on the member called `me`; `watchdog` as the device says
/// that it waits.
pub(crate) fn settings(file: &ClusterFile, me: &str, watchdog: Duration) -> Result<Settings> {
    let Some(member) = file.member(me) else {
        let known: Vec<_> = file.members().map(|(name, _)| name.as_str()).collect();
        bail!(
            "{me} is no member of {}; those are {} (say who this is with --me)",
            file.cluster,
            known.join(", ")
        );
    };
    let links = u8::try_from(file.links.len()).unwrap_or(u8::MAX);
    Ok(Settings {
        me: NodeId(member.id),
        voters: file.voting().into_iter().map(NodeId).collect(),
        nodes: file
            .nodes
            .values()
            .map(|member| NodeId(member.id))
            .collect(),
        names: file
            .members()
            .map(|(name, member)| (NodeId(member.id), name.clone()))
            .collect(),
        links,
        keepalive: file.timing.keepalive(),
        deadtime: file.timing.deadtime(),
        log_max: LOG_MAX,
        terms: file.timing.terms(watchdog),
        arbitration: file.arbitrates(),
        first: Some(file.configuration()),
        bug: None,
    })
}

/// `/proc/sys/kernel/random/boot_id` of proc_sys_kernel(5).
///
/// A container has the boot id of its host; there it is told apart by when its first
/// process began (field 22 of proc_pid_stat(5)).
pub(crate) fn start_of_machine() -> Result<BootId> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = std::fs::read_to_string(path).context(path)?;
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let boot = u128::from_str_radix(&digits, 16).context(path)?;
    let path = "/proc/1/stat";
    let text = std::fs::read_to_string(path).context(path)?;
    let began = cluster_agents::stat::field(&text, 22);
    let began: u128 = began.and_then(|text| text.parse().ok()).context(path)?;
    // Of a real machine it is the same in each start: nothing is lost by it.
    Ok(BootId(boot ^ (began << 32)))
}
