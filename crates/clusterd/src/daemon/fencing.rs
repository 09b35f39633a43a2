//! Fencing devices: asked when the core wants a node off, and tested all the time.

use super::Input;
use super::agents::Order;
use super::clock;
use super::journal::Level;
use super::machine::Machine;
use crate::configuration::FencingFile;
use cluster_agents::fence::{self, Device, FenceResult, Verb};
use cluster_core::arbitration::FenceOutcome;
use cluster_core::name::NodeId;
use cluster_core::view::View;
use cluster_core::{Event, Time};
use cluster_model::report::FenceDevice;
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Between two tests of a device.
const TEST_EVERY: Duration = Duration::from_secs(60);

/// So long a device may take to say whether a node is on.
const TEST_LIMIT: Duration = Duration::from_secs(10);

/// What became of a test.
#[derive(Debug, Default)]
pub(crate) struct Tests {
    /// By node and place of its device.
    all: BTreeMap<(String, usize), (Time, Option<String>)>,
    /// Who is being switched off, and what the devices said to the last attempt that did
    /// not succeed.
    attempt: Option<(NodeId, Option<String>)>,
}

/// What is to be done with the devices of a node.
#[derive(Debug)]
pub(crate) struct Wish {
    /// What the core calls it; nothing: nobody waits for it.
    pub(crate) number: Option<u64>,
    /// Of the node.
    pub(crate) name: String,
    /// One after the other, until one did it.
    pub(crate) devices: Vec<Device>,
    /// For all of it: each device may take an equal share of what is left, or one that
    /// hangs, as a BMC does that died with its node, would leave nothing to the next one.
    pub(crate) limit: Duration,
}

/// Carries a wish out, and tells.
pub(crate) async fn carry_out(wish: Wish, out: Sender<Input>) {
    let verb = if wish.number.is_some() {
        Verb::Off
    } else {
        Verb::On
    };
    let end = tokio::time::Instant::now() + wish.limit;
    let mut outcome = FenceOutcome::Failed;
    let mut said = Vec::new();
    let untried = (1..=wish.devices.len()).rev();
    for (device, untried) in wish.devices.iter().zip(untried) {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        let share = left / u32::try_from(untried).unwrap_or(u32::MAX);
        match fence::run(device, verb, &wish.name, share).await {
            FenceResult::Done | FenceResult::IsOff => {
                outcome = FenceOutcome::ConfirmedOff;
                said.clear();
                break;
            }
            FenceResult::TimedOut => {
                outcome = FenceOutcome::TimedOut;
                said.push(format!("{}: no answer in time", device.agent));
            }
            FenceResult::IsOn => said.push(format!("{}: it is on", device.agent)),
            FenceResult::Failed(why) => said.push(format!("{}: {why}", device.agent)),
        }
    }
    if let Some(number) = wish.number {
        let said = said.join("; ");
        let _ = out.send(Input::Fenced {
            number,
            outcome,
            said,
        });
    }
}

/// Asks each device, for ever, whether its node is on.
pub(crate) async fn test(file: FencingFile, out: Sender<Input>) {
    loop {
        for (node, devices) in &file.devices {
            for (place, device) in devices.iter().enumerate() {
                let fault = match fence::run(&device.device(), Verb::Status, node, TEST_LIMIT).await
                {
                    FenceResult::Done | FenceResult::IsOn | FenceResult::IsOff => None,
                    FenceResult::TimedOut => Some("no answer in time".to_owned()),
                    FenceResult::Failed(why) => Some(why),
                };
                let tested = Input::DeviceTested {
                    node: node.clone(),
                    place,
                    fault,
                };
                if out.send(tested).is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(TEST_EVERY).await;
    }
}

impl Machine {
    /// The core wants a node off; or, without a number, on.
    pub(super) fn fence(&mut self, number: Option<u64>, node: NodeId) {
        let name = self.name(node);
        if number.is_some() {
            // A new attempt after one that failed: what that one said is still the best
            // that is known.
            let attempt = self.own.tests.attempt.take();
            let said = attempt
                .filter(|(it, _)| *it == node)
                .and_then(|(_, said)| said);
            self.own.tests.attempt = Some((node, said));
        }
        let fencing = self.file.fencing.as_ref();
        let devices = fencing.and_then(|fencing| fencing.devices.get(&name));
        let wish = Wish {
            number,
            devices: devices
                .into_iter()
                .flatten()
                .map(crate::configuration::DeviceFile::device)
                .collect(),
            limit: fencing.map_or(TEST_LIMIT, |fencing| {
                Duration::from_millis(fencing.limit_ms)
            }),
            name,
        };
        self.agents.order(Order::Fence(wish));
    }

    /// An attempt came to its end.
    pub(super) fn fenced(
        &mut self,
        number: u64,
        outcome: FenceOutcome,
        said: &str,
    ) -> anyhow::Result<()> {
        let confirmed = outcome == FenceOutcome::ConfirmedOff;
        if !confirmed {
            let sentence = format!("fencing did not succeed: {said}");
            self.journal.say(Level::Critical, &sentence, &[]);
        }
        if let Some((_, last)) = &mut self.own.tests.attempt {
            *last = (!confirmed).then(|| said.to_owned());
            self.own.version += 1;
        }
        self.step(Event::Fenced { number, outcome })
    }

    /// A device was tested.
    pub(super) fn device_tested(&mut self, node: String, place: usize, fault: Option<String>) {
        let now = clock::now();
        let known = self.own.tests.all.get(&(node.clone(), place));
        let was = known.and_then(|(_, fault)| fault.clone());
        match &fault {
            Some(why) if was.is_none() => {
                let sentence = format!("the fencing device of {node} does not work: {why}");
                self.journal.say(Level::Critical, &sentence, &[]);
                self.own.version += 1;
            }
            None if was.is_some() => {
                let sentence = format!("the fencing device of {node} works again");
                self.journal.say(Level::Notice, &sentence, &[]);
                self.own.version += 1;
            }
            _ => {}
        }
        self.own.tests.all.insert((node, place), (now, fault));
    }

    /// A node that is not there, that no device could switch off, and the way out: nobody
    /// takes over from it before somebody knows that it is off.
    pub(super) fn unfenced(&self, view: &View) -> Option<String> {
        let (node, said) = self.own.tests.attempt.as_ref()?;
        let said = said.as_ref()?;
        let there = view.peers.get(node).is_some_and(|peer| peer.there);
        let known = self.node.state().members.get(node);
        if there || known.is_some_and(|member| member.lost) {
            return None;
        }
        let name = self.name(*node);
        Some(format!(
            "{name} could not be switched off, and nothing is taken over from it: {said}. Whoever has \
             seen that it is off, and stays off, says `clusterd fence --confirm-off {name}`"
        ))
    }

    /// The devices, for the report.
    pub(super) fn devices(&self, now: Time) -> Vec<FenceDevice> {
        let Some(fencing) = &self.file.fencing else {
            return Vec::new();
        };
        let mut told = Vec::new();
        for (node, devices) in &fencing.devices {
            for (place, device) in devices.iter().enumerate() {
                let tested = self.own.tests.all.get(&(node.clone(), place));
                let ago = |at: Time| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX);
                told.push(FenceDevice {
                    name: device.agent.clone(),
                    nodes: vec![node.clone()],
                    tested_ms: tested.map(|(at, _)| ago(*at)),
                    fault: tested.and_then(|(_, fault)| fault.clone()),
                });
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    /// A fence agent of a few lines; `$a` is the action.
    fn device(directory: &Path, name: &str, script: &str) -> Device {
        let path = directory.join(name);
        let text = format!(
            "#!/bin/sh\nwhile read l; do case $l in action=*) a=${{l#action=}};; esac; done\n{script}\n"
        );
        std::fs::write(&path, text).expect("written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("executable");
        Device {
            agent: path.display().to_string(),
            ..Device::default()
        }
    }

    fn outcome(scripts: &[&str], limit_ms: u64) -> FenceOutcome {
        let directory = tempfile::tempdir().expect("a directory");
        let devices = scripts.iter().enumerate();
        let wish = Wish {
            number: Some(1),
            name: "zape".to_owned(),
            devices: devices
                .map(|(n, script)| device(directory.path(), &n.to_string(), script))
                .collect(),
            limit: Duration::from_millis(limit_ms),
        };
        let (out, told) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(carry_out(wish, out));
        match told.recv().expect("each attempt is answered") {
            Input::Fenced { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    const HANGS: &str = "sleep 1000";
    const FAILS: &str = "exit 1";
    const IS_OFF: &str = "test $a = status && exit 2; exit 0";

    #[test]
    fn a_device_that_hangs_or_fails_leaves_time_for_the_next_one() {
        assert_eq!(outcome(&[HANGS, IS_OFF], 8000), FenceOutcome::ConfirmedOff);
        assert_eq!(outcome(&[FAILS, IS_OFF], 8000), FenceOutcome::ConfirmedOff);
        assert_eq!(outcome(&[IS_OFF, HANGS], 8000), FenceOutcome::ConfirmedOff);
    }

    #[test]
    fn without_a_device_that_did_it_nothing_is_confirmed() {
        assert_eq!(outcome(&[FAILS, FAILS], 8000), FenceOutcome::Failed);
        assert_eq!(outcome(&[HANGS, HANGS], 400), FenceOutcome::TimedOut);
        assert_eq!(outcome(&[], 400), FenceOutcome::Failed);
    }
}
