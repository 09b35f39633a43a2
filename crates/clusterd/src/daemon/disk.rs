//! The disk has a thread of its own: nobody waits for it but what has to.

use super::{Input, thread};
use cluster_core::disk::{Ticket, Write};
use cluster_store::Store;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// So often a disk that failed is said to have failed. What is on it is not known until
/// it is opened again, by another start of the daemon.
const AGAIN: Duration = Duration::from_secs(1);

/// Begins the thread. Writes go in; `Persisted`, or what is wrong, comes out.
pub(crate) fn begin(
    store: Store,
    out: Sender<Input>,
    cluster: &str,
) -> std::io::Result<Sender<(Ticket, Write)>> {
    let (to, from) = channel();
    thread::begin_urgent("disk", cluster, move || work(store, &from, &out))?;
    Ok(to)
}

fn work(mut store: Store, from: &Receiver<(Ticket, Write)>, out: &Sender<Input>) {
    while let Ok((mut last, first)) = from.recv() {
        let mut writes = vec![first];
        // Whatever waits is written at once: one sync for all of it.
        while let Ok((ticket, write)) = from.try_recv() {
            last = ticket;
            writes.push(write);
        }
        let mut first = None;
        while let Err(problem) = store.write(&writes) {
            // What follows only says that there was a first one.
            let first = first.get_or_insert_with(|| problem.to_string());
            if out.send(Input::Disk(Some(first.clone()))).is_err() {
                return;
            }
            std::thread::sleep(AGAIN);
        }
        if out.send(Input::Persisted(last)).is_err() {
            return;
        }
    }
}
