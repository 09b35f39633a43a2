//! `clusterd fence-peer` and `clusterd unfence-peer`: what DRBD calls before it writes
//! without its peer, and once the peer has caught up (drbd.conf(5), "handlers").
//!
//! DRBD has no timeout for a handler, and lets nothing be written meanwhile if it is told
//! `fencing resource-and-stonith`: so this ends.

use crate::api::client::{Client, Unanswered};
use crate::arguments::FencePeerArguments;
use crate::failure::{Exit, Problem};
use crate::terminal;
use cluster_model::Command;
use cluster_model::report::{Outdated, Report};
use std::time::{Duration, Instant};

/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(500);

/// What DRBD reads from the exit code of its `fence-peer` handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fenced {
    /// None of the codes that DRBD knows: it goes on as if nobody had answered. Code 5
    /// ("could not be reached") is never said: DRBD would write without the peer.
    Unknown = 1,
    /// The peer's data are outdated, and it will not be promoted.
    Outdated = 4,
    /// The peer has the newest data: it is this node that is outdated.
    PeerIsPrimary = 6,
}

/// Has it in the log that only this node has the newest data, or says why not.
pub(super) fn fence_peer(client: &Client, what: &FencePeerArguments) -> Fenced {
    attempts(client, what, outdate).unwrap_or_else(|problem| {
        terminal::problem(&problem);
        Fenced::Unknown
    })
}

/// All copies are the same again.
pub(super) fn unfence_peer(client: &Client, what: &FencePeerArguments) -> Result<Exit, Problem> {
    attempts(client, what, alike)
}

/// Tries until it is done, or cannot be done, or the time is over. A daemon that has no
/// majority answers later than that.
fn attempts<T: Send + 'static>(
    client: &Client,
    what: &FencePeerArguments,
    attempt: fn(&Client, &str) -> Result<T, Unanswered>,
) -> Result<T, Problem> {
    let end = Instant::now() + Duration::from_secs(u64::from(what.timeout));
    let late = || Unanswered::Refused(format!("not agreed within {} s", what.timeout));
    let mut last = None;
    loop {
        let (tell, told) = std::sync::mpsc::channel();
        let (asked, resource) = (client.clone(), what.resource.clone());
        std::thread::spawn(move || {
            // Nobody hears it when the time is over.
            let _ = tell.send(attempt(&asked, &resource));
        });
        let left = end.saturating_duration_since(Instant::now());
        let problem = match told.recv_timeout(left) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(problem)) => problem,
            Err(_) => return Err(last.unwrap_or_else(late).into()),
        };
        if !may_pass(&problem) || Instant::now() + AGAIN >= end {
            return Err(Problem::from(problem).with_names_of(client));
        }
        last = Some(problem);
        std::thread::sleep(AGAIN);
    }
}

fn outdate(client: &Client, resource: &str) -> Result<Fenced, Unanswered> {
    let before: Report = client.get("/v1/status")?;
    let but = before.asked;
    let command = Command::Outdate {
        resource: resource.to_owned(),
        but: but.clone(),
    };
    client.post("/v1/command", &command)?;
    // It is in the log; but another one may have been there first.
    let known = known(client, resource)?;
    Ok(match known {
        Some(known) if known.but == but => {
            terminal::say(&format!("{resource} is promoted on {but} only"));
            Fenced::Outdated
        }
        Some(known) => {
            terminal::say(&format!("{} has the newest data of {resource}", known.but));
            Fenced::PeerIsPrimary
        }
        // The next attempt will tell.
        None => {
            let why = "it was taken back in that moment".to_owned();
            return Err(Unanswered::Refused(why));
        }
    })
}

fn known(client: &Client, resource: &str) -> Result<Option<Outdated>, Unanswered> {
    let mut report: Report = client.get("/v1/status")?;
    Ok(report.operators.outdated.remove(resource))
}

/// Is it better in a moment? A daemon may begin anew, and a cluster without a majority, or
/// whose lost peer is being switched off, has one soon, or never.
fn may_pass(problem: &Unanswered) -> bool {
    match problem {
        Unanswered::NotRunning { .. } | Unanswered::Broken(_) | Unanswered::Ended => true,
        Unanswered::Refused(why) => !why.starts_with("there is no "),
        Unanswered::Forbidden { .. } | Unanswered::Foreign(_) => false,
    }
}

fn alike(client: &Client, resource: &str) -> Result<Exit, Unanswered> {
    let Some(Outdated { since_ms, .. }) = known(client, resource)? else {
        return Ok(Exit::Done);
    };
    let command = Command::Alike {
        resource: resource.to_owned(),
        since_ms,
    };
    client.post("/v1/command", &command)?;
    match known(client, resource)? {
        None => {
            let words = "all copies of its data count as the same";
            terminal::say(&format!("{resource}: {words}"));
            Ok(Exit::Done)
        }
        // They parted again meanwhile, and whoever noticed is right.
        Some(later) => {
            let but = later.but;
            terminal::say(&format!(
                "{resource}: {but} said meanwhile that they are not"
            ));
            Ok(Exit::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_does_not_mend_is_said_at_once() {
        let refused = |why: &str| Unanswered::Refused(why.to_owned());
        assert!(may_pass(&refused("not in the log within 30 s")));
        assert!(!may_pass(&refused("there is no resource `contnet`")));
    }
}
