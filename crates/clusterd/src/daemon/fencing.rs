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
use cluster_model::report::{FenceDevice, MemberStanding, Report};
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Between two tests of a device.
const TEST_EVERY: Duration = Duration::from_secs(60);

/// So long a device may take to say whether a node is on.
const TEST_LIMIT: Duration = Duration::from_secs(10);

/// So long a node has to go on being heard after its device said that it is off.
const SETTLE: Duration = Duration::from_secs(5);

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
    let mut wrong = BTreeMap::new();
    loop {
        for (node, devices) in &file.devices {
            for (place, device) in devices.iter().enumerate() {
                let wrong = wrong.entry((node, place)).or_default();
                let look = async || up(node, &out).await;
                let tested = Input::DeviceTested {
                    node: node.clone(),
                    place,
                    fault: fault(&device.device(), node, look, SETTLE, wrong).await,
                };
                if out.send(tested).is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(TEST_EVERY).await;
    }
}

/// What is wrong with a device. That it was once seen to be another node's stays until it
/// says that its node is on: of one that is not heard, "off" says nothing.
async fn fault(
    device: &Device,
    node: &str,
    look: impl AsyncFn() -> Option<Up>,
    settle: Duration,
    wrong: &mut Option<String>,
) -> Option<String> {
    match fence::run(device, Verb::Status, node, TEST_LIMIT).await {
        FenceResult::Done | FenceResult::IsOn => {
            *wrong = None;
            None
        }
        FenceResult::IsOff => {
            let found = contradiction(device, node, look, settle).await;
            *wrong = found.or_else(|| wrong.take());
            wrong.clone()
        }
        FenceResult::TimedOut => Some("no answer in time".to_owned()),
        FenceResult::Failed(why) => Some(why),
    }
}

/// A node that is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Up {
    incarnation: u64,
    /// It is the one that looks.
    me: bool,
    /// When it was last heard.
    heard: Duration,
}

/// A device that says off about a node that is up has another one's outlet or address: it
/// would confirm that the node is off, while it runs.
///
/// A node may go down or come up at this very moment. So it has to be up before the device
/// is asked once more, and is to be heard as the same one a while after the answer.
async fn contradiction(
    device: &Device,
    node: &str,
    look: impl AsyncFn() -> Option<Up>,
    settle: Duration,
) -> Option<String> {
    let before = look().await?;
    if fence::run(device, Verb::Status, node, TEST_LIMIT).await != FenceResult::IsOff {
        return None;
    }
    let answered = tokio::time::Instant::now();
    tokio::time::sleep(settle).await;
    let after = look().await?;
    // What it said as it died may have come a little later.
    let since = answered.elapsed().saturating_sub(settle / 5);
    if after.incarnation != before.incarnation || after.heard >= since {
        return None;
    }
    let agent = &device.agent;
    let seen = if after.me { "is this node" } else { "is heard" };
    let plug = ["plug", "port"].map(|it| device.parameters.get(it));
    let plug = plug
        .into_iter()
        .flatten()
        .next()
        .map_or(node, String::as_str);
    Some(format!(
        "{agent} says that {node} is off, and {node} {seen} and is up: check that the device is the one of {node}, that `{plug}` is its outlet or name there, and how it is cabled"
    ))
}

/// Is this node up, as the daemon sees it?
async fn up(node: &str, out: &Sender<Input>) -> Option<Up> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    out.send(Input::Report(answer)).ok()?;
    is_up(&answered.await.ok()?, node)
}

/// One that is not admitted may be just beginning, and one that is condemned is about to go.
fn is_up(report: &Report, node: &str) -> Option<Up> {
    let member = report.members.get(node)?;
    (member.standing <= MemberStanding::Maintenance).then_some(Up {
        incarnation: member.incarnation,
        me: report.asked == node,
        heard: Duration::from_millis(member.heard_ms?),
    })
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

    fn heard_before(heard_ms: u64) -> Up {
        Up {
            incarnation: 3,
            me: false,
            heard: Duration::from_millis(heard_ms),
        }
    }

    /// What is wrong with a device that says this about a node that is seen so.
    fn tested(script: &str, looks: &[Option<Up>], wrong: &mut Option<String>) -> Option<String> {
        let directory = tempfile::tempdir().expect("a directory");
        let mut device = device(directory.path(), "pdu", script);
        let plug = ("plug".to_owned(), "7".to_owned());
        device.parameters.extend([plug]);
        let looks = std::cell::RefCell::new(looks.iter().copied());
        let look = async || looks.borrow_mut().next().flatten();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let settle = Duration::from_millis(500);
        runtime.block_on(fault(&device, "zape", look, settle, wrong))
    }

    const IS_ON: &str = "exit 0";

    #[test]
    fn a_device_that_says_off_about_a_node_that_is_heard_all_the_time_has_a_fault() {
        let mut wrong = None;
        let there = [Some(heard_before(10)), Some(heard_before(10))];
        let fault = tested(IS_OFF, &there, &mut wrong).expect("it is another node's");
        for word in ["pdu says that zape is off", "is heard", "`7`", "cabled"] {
            assert!(fault.contains(word), "{fault}");
        }
        // It does not become right by the node's going down.
        assert_eq!(tested(IS_OFF, &[], &mut wrong), Some(fault));
        assert_eq!(tested(IS_ON, &there, &mut wrong), None);
        assert_eq!(tested(IS_OFF, &[], &mut wrong), None);
    }

    #[test]
    fn a_node_that_dies_or_begins_while_its_device_is_asked_is_no_fault() {
        let off = |looks: &[Option<Up>]| tested(IS_OFF, looks, &mut None);
        assert_eq!(off(&[None, Some(heard_before(10))]), None, "it was down");
        assert_eq!(off(&[Some(heard_before(10)), None]), None, "it died");
        // Within the deadtime it still counts as there.
        assert_eq!(
            off(&[Some(heard_before(10)), Some(heard_before(5000))]),
            None
        );
        let anew = Some(Up {
            incarnation: 4,
            ..heard_before(10)
        });
        assert_eq!(off(&[Some(heard_before(10)), anew]), None, "it began anew");
        // Off when it is asked first, and on by now.
        let booting = "test -e $0.on && exit 0; touch $0.on; exit 2";
        let looks = [Some(heard_before(10)), Some(heard_before(10))];
        assert_eq!(
            tested(booting, &looks, &mut None),
            None,
            "it was powered on"
        );
    }

    #[test]
    fn only_a_node_that_is_admitted_and_heard_is_up() {
        let situations = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/situations");
        let up = |situation: &str, node: &str| {
            let text = std::fs::read_to_string(situations.join(situation)).expect("there");
            is_up(&serde_json::from_str(&text).expect("a report"), node)
        };
        let asked = up("healthy-pair.json", "zipi").expect("it is there");
        let other = up("healthy-pair.json", "zape").expect("so is it");
        assert!(asked.me ^ other.me);
        assert_eq!(up("healthy-pair.json", "nobody"), None);
        assert_eq!(up("node-lost.json", "zipi"), None);
        assert_eq!(up("joining.json", "zape"), None);
    }
}
