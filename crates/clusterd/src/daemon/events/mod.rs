//! Programs that run on events of the cluster: executables in `/etc/clusterd/events.d`.
//!
//! Every node runs its own, for what it sees; one that is to act once looks at
//! `CLUSTERD_COORDINATES`. What an event is follows from two reports; nothing here can
//! delay the core, which only answers what it is asked.

mod difference;
mod programs;

use super::Input;
use super::journal::{Journal, Level};
use cluster_model::report::Report;
use difference::Memory;
use programs::{Limits, Occurrence, Programs};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Where the programs are.
pub(crate) const DIRECTORY: &str = "/etc/clusterd/events.d";

/// Changes within this are looked at together.
const TOGETHER: Duration = Duration::from_millis(100);

/// More events than this do not wait; they are lost, and that is said.
const QUEUE: usize = 64;

/// Runs programs until the daemon ends. Must be called on a `LocalSet`.
pub(crate) async fn run(
    inputs: Sender<Input>,
    mut changes: watch::Receiver<u64>,
    directory: &Path,
    journal: Journal,
) {
    let journal = Rc::new(journal);
    let (tell, told) = mpsc::channel(QUEUE);
    let said = Rc::clone(&journal);
    let programs = Programs::new(directory, Limits::default(), move |sentence| {
        said.say(Level::Warning, sentence, &[]);
    });
    tokio::task::spawn_local(programs.serve(told));
    let mut before: Option<Report> = None;
    let mut memory = Memory::default();
    let (mut number, mut lost) = (0_u64, 0_u64);
    loop {
        // Who has no programs has no trouble from this.
        if !programs::are_there(directory) {
            before = None;
            if changes.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(TOGETHER).await;
            continue;
        }
        let (answer, answered) = oneshot::channel();
        if inputs.send(Input::Report(answer)).is_err() {
            return;
        }
        let Ok(report) = answered.await else { return };
        if let Some(before) = &before {
            for event in memory.complete(difference::events(before, &report)) {
                number += 1;
                let occurrence = Occurrence::new(number, event, &report);
                if tell.try_send(occurrence).is_err() {
                    lost += 1;
                } else if lost > 0 {
                    let sentence = format!(
                        "{lost} events were lost before event {number}: programs in {} are too slow",
                        directory.display()
                    );
                    journal.say(Level::Warning, &sentence, &[]);
                    lost = 0;
                }
            }
        }
        before = Some(report);
        tokio::time::sleep(TOGETHER).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::mpsc;

    /// What a member says of itself, one after the other, the last for ever.
    fn core(situations: &'static [&'static str]) -> Sender<Input> {
        let (inputs, heard) = mpsc::channel();
        std::thread::spawn(move || {
            let mut next = situations.iter();
            let mut now = "";
            while let Ok(input) = heard.recv() {
                now = next.next().unwrap_or(&now);
                let path = format!("{}/tests/situations/{now}.json", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(path).expect("there");
                if let Input::Report(answer) = input {
                    let _ = answer.send(serde_json::from_str(&text).expect("a report"));
                }
            }
        });
        inputs
    }

    #[test]
    fn a_change_of_the_cluster_runs_the_programs() {
        let directory = tempfile::tempdir().expect("a directory");
        let log = directory.path().join("out.log");
        let program = directory.path().join("log");
        let text = format!(
            "#!/bin/sh\necho \"$CLUSTERD_EVENT $CLUSTERD_NODE\" >> {}\n",
            log.display()
        );
        std::fs::write(&program, text).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        let inputs = core(&["healthy-pair", "witness-down"]);
        let (change, changes) = watch::channel(0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let local = tokio::task::LocalSet::new();
        let path = directory.path();
        local.block_on(&runtime, async {
            let news = async {
                for version in 1..100 {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    change.send_replace(version);
                    let lines = std::fs::read_to_string(&log)
                        .unwrap_or_default()
                        .lines()
                        .count();
                    if lines == 2 {
                        break;
                    }
                }
            };
            tokio::select! {
                () = run(inputs, changes, path, Journal::open("web")) => {}
                () = news => {}
            }
        });
        let mut lines: Vec<_> = std::fs::read_to_string(&log)
            .expect("they ran")
            .lines()
            .map(str::to_owned)
            .collect();
        // They run side by side.
        lines.sort();
        assert_eq!(lines, ["node-lost yoda1", "verdict-changed "]);
    }
}
