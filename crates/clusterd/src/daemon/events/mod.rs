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
