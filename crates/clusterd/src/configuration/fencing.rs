//! How a lone pair fences: with which devices, and who begins.

use cluster_agents::fence::Device;
use cluster_core::arbitration::FencingTerms;
use cluster_core::name::NodeId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// `fencing:` of the file. Milliseconds, all of the times.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FencingFile {
    /// Which node fences at once when both lose sight of each other; nobody named:
    /// whoever holds more, by what both have read.
    #[serde(default)]
    pub(crate) first: Option<String>,
    /// So long the other one waits: longer than the slowest "off", or both go down.
    #[serde(default = "delay")]
    pub(crate) delay_ms: u64,
    /// Longest attempt, with seeing that it is off, with all devices of a node: each of
    /// them may take an equal share of what those before it have left.
    #[serde(default = "limit")]
    pub(crate) limit_ms: u64,
    /// Between an attempt that failed and the next one.
    #[serde(default = "pause")]
    pub(crate) pause_ms: u64,
    /// Give the node its power again, once its resources may be taken.
    #[serde(default)]
    pub(crate) power_on: bool,
    /// By node: what switches it off; the next one is tried where one fails.
    pub(crate) devices: BTreeMap<String, Vec<DeviceFile>>,
}

/// A device, and the agent that speaks to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceFile {
    /// `fence_ipmilan`, or an absolute path.
    pub(crate) agent: String,
    /// Its parameters, as the agent knows them. Nobody compares them with its meta-data: the
    /// devices are asked for the state of each plug, which shows what is wrong.
    #[serde(default)]
    pub(crate) parameters: BTreeMap<String, String>,
    /// Parameters whose value is the first line of a file: passwords.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, PathBuf>,
}

impl DeviceFile {
    pub(crate) fn device(&self) -> Device {
        Device {
            agent: self.agent.clone(),
            parameters: self.parameters.clone(),
            secrets: self.secrets.clone(),
        }
    }
}

fn delay() -> u64 {
    15_000
}

fn limit() -> u64 {
    10_000
}

fn pause() -> u64 {
    2_000
}

impl FencingFile {
    /// In the core's words; `id` says who is called so.
    pub(crate) fn terms(&self, id: impl Fn(&str) -> Option<u16>) -> FencingTerms {
        let first = self.first.as_deref().and_then(id);
        FencingTerms {
            first: first.map(NodeId),
            delay: Duration::from_millis(self.delay_ms),
            pause: Duration::from_millis(self.pause_ms),
            limit: Duration::from_millis(self.limit_ms),
            power_on: self.power_on,
        }
    }

    pub(super) fn problems<'a>(
        &self,
        nodes: impl Iterator<Item = &'a String>,
        problems: &mut Vec<String>,
    ) {
        let nodes: Vec<_> = nodes.collect();
        for node in &nodes {
            if self.devices.get(*node).is_none_or(Vec::is_empty) {
                problems.push(format!(
                    "fencing: devices: nothing switches {node} off: its peer could never take over"
                ));
            }
        }
        for name in self.devices.keys().chain(&self.first) {
            if !nodes.contains(&name) {
                problems.push(format!("fencing: {name} is no node"));
            }
        }
        let times = [
            ("delay_ms", self.delay_ms),
            ("limit_ms", self.limit_ms),
            ("pause_ms", self.pause_ms),
        ];
        for (name, ms) in times {
            super::timing::longest("fencing", name, ms, problems);
        }
        if self.delay_ms <= self.limit_ms {
            problems.push(format!(
                "fencing: delay_ms: {} is not longer than limit_ms, {}: both nodes could be switched off",
                self.delay_ms, self.limit_ms
            ));
        }
        for (node, devices) in &self.devices {
            for device in devices {
                let cycles =
                    |(name, value): (&String, &String)| name == "method" && value == "cycle";
                if device.parameters.iter().any(cycles) {
                    problems.push(format!(
                        "fencing: devices: {node}: method `cycle` says so before the power is off"
                    ));
                }
            }
        }
    }
}
