//! What an operator is told whose signal ends a run: its name, and the ways on.

use crate::terminal::Terminal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::{Mutex, PoisonError};
use tandem_generation::RunId;

/// The run that is under way.
static UNDER_WAY: Mutex<Option<RunId>> = Mutex::new(None);

/// From now on a signal leaves this run open.
pub(crate) fn begun(run: &RunId) {
    *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.clone());
}

/// It is over.
pub(crate) fn ended() {
    *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Listens for signals in a thread of its own. Where that cannot be, they end
/// the process without a word, as they always did.
pub(crate) fn watch(terminal: Terminal) {
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        let Some(signal) = signals.forever().next() else {
            return;
        };
        let run = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = run.as_ref() {
            terminal.say(&words(run));
        }
        // 128 and the signal's number, as shells have it.
        std::process::exit(128 + signal);
    });
}

fn words(run: &RunId) -> String {
    format!(
        "\ninterrupted: run {run} is left open; a host that nobody confirms goes back by itself\n\
         hint: `tandem resume {run} -i INV` goes on, `tandem abort {run} -i INV` goes back, from any operator's machine"
    )
}
