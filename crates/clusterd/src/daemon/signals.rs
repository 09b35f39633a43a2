//! What the service manager says.

use super::Input;
use std::sync::mpsc::Sender;
use tokio::signal::unix::{SignalKind, signal};

/// SIGTERM and SIGINT: leave the cluster in order. SIGHUP: read the files again.
pub(crate) async fn watch(out: Sender<Input>) {
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    loop {
        let input = tokio::select! {
            _ = terminate.recv() => Input::Leave,
            _ = interrupt.recv() => Input::Leave,
            _ = hangup.recv() => Input::Reload(None),
        };
        if out.send(input).is_err() {
            return;
        }
    }
}
