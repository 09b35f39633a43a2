//! Units without the bus: systemctl(1) has a way of its own to systemd, and a bus that is
//! restarted must not make a stop fail.

use crate::code::OcfCode;
use crate::job::{Action, Ended};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Between two looks at a unit that is on its way.
const AGAIN: Duration = Duration::from_millis(200);

/// One operation on a unit. Not bounded: whoever calls it is, and drops it then, which
/// ends systemctl too. `None`: there is nothing that could be done so.
pub(crate) async fn run(unit: &str, action: &Action) -> Option<Ended> {
    let wanted = match action {
        Action::Start => Some("start"),
        Action::Stop => Some("stop"),
        Action::Probe | Action::Monitor { .. } => None,
        _ => return None,
    };
    if let Some(verb) = wanted {
        // Whether it helped is seen in the state.
        systemctl(&[verb, "--", unit]).await?;
    }
    let state = loop {
        let state = systemctl(&["show", "-P", "ActiveState", "--", unit]).await?;
        match state.trim() {
            "" => return None,
            "activating" | "deactivating" => tokio::time::sleep(AGAIN).await,
            _ => break state,
        }
    };
    let state = state.trim();
    let runs = matches!(state, "active" | "reloading" | "refreshing");
    Some(match (action, runs) {
        (Action::Stop, false) | (Action::Start, true) => Ended::exit(OcfCode::Success),
        (Action::Stop | Action::Start, _) => {
            let why = format!("{unit} is {state} after its {}", action.word());
            Ended::because(OcfCode::Generic, why)
        }
        (_, true) => Ended::exit(OcfCode::Success),
        (_, false) => Ended::exit(OcfCode::NotRunning),
    })
}

async fn systemctl(words: &[&str]) -> Option<String> {
    let output = Command::new("systemctl")
        .args(words)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
