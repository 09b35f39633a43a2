//! `clusterd fence-peer` and `clusterd unfence-peer`: what DRBD calls before it writes
//! without its peer, and once the peer has caught up (drbd.conf(5), "handlers").

use crate::api::client::{Client, Unanswered};
use crate::arguments::{FencePeerArguments, UnfencePeerArguments};
use crate::failure::{Exit, Problem};
use crate::terminal;
use cluster_model::Command;
use cluster_model::report::{Outdated, Report};
use std::sync::mpsc;
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
    let resource = what.resource.clone();
    let outdated = attempts(client, what.timeout, move |client| {
        outdate(client, &resource)
    });
    outdated.unwrap_or_else(|problem| {
        terminal::problem(&problem);
        Fenced::Unknown
    })
}

/// All copies are the same again, as far as was known when this began.
pub(super) fn unfence_peer(client: &Client, what: &UnfencePeerArguments) -> Result<Exit, Problem> {
    let resource = what.resource.clone();
    let mut taken = Taken {
        begun: Instant::now(),
        said: None,
    };
    attempts(client, what.timeout, move |client| {
        alike(client, &resource, &mut taken)
    })
}

/// Tries until it is done, or cannot be done, or so many seconds are over: a daemon without
/// a majority answers later than that.
fn attempts<T: Send + 'static>(
    client: &Client,
    seconds: u32,
    mut attempt: impl FnMut(&Client) -> Result<T, Unanswered> + Send + 'static,
) -> Result<T, Problem> {
    let end = Instant::now() + Duration::from_secs(u64::from(seconds));
    let (tell, told) = mpsc::channel();
    let asked = client.clone();
    std::thread::spawn(move || {
        loop {
            let outcome = attempt(&asked);
            let done = outcome.is_ok();
            // Nobody hears it when the time is over.
            if tell.send(outcome).is_err() || done {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    });
    let mut last = Unanswered::NotNow(format!("not agreed within {seconds} s"));
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match told.recv_timeout(left) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(problem)) if may_pass(&problem) => last = problem,
            Ok(Err(problem)) => return Err(Problem::from(problem).with_names_of(client)),
            Err(_) => return Err(last.into()),
        }
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
    match known(client, resource)? {
        Some(known) if known.but == but => {
            let only = "is promoted, or run if it cannot be promoted, nowhere else";
            terminal::say(&format!("{resource} {only} than on {but}"));
            Ok(Fenced::Outdated)
        }
        Some(known) => {
            terminal::say(&format!("{} has the newest data of {resource}", known.but));
            Ok(Fenced::PeerIsPrimary)
        }
        // The next attempt will tell.
        None => Err(Unanswered::NotNow("it was taken back at once".to_owned())),
    }
}

/// What may be taken back: what was known when this began.
struct Taken {
    begun: Instant,
    /// When that was said.
    said: Option<u64>,
}

/// What is said later is none of its business, even if it is the first that a daemon tells.
fn alike(client: &Client, resource: &str, taken: &mut Taken) -> Result<Exit, Unanswered> {
    let Some(known_now) = known(client, resource)? else {
        return Ok(Exit::Done);
    };
    let is_older = Duration::from_millis(known_now.age_ms) >= taken.begun.elapsed();
    if taken.said.is_none() && !is_older {
        return Ok(said_meanwhile(resource, &known_now));
    }
    let since_ms = *taken.said.get_or_insert(known_now.since_ms);
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
        Some(later) => Ok(said_meanwhile(resource, &later)),
    }
}

fn said_meanwhile(resource: &str, later: &Outdated) -> Exit {
    let (but, words) = (&later.but, "said meanwhile that they are not");
    terminal::say(&format!("{resource}: {but} {words}"));
    Exit::Failed
}

fn known(client: &Client, resource: &str) -> Result<Option<Outdated>, Unanswered> {
    let mut report: Report = client.get("/v1/status")?;
    Ok(report.operators.outdated.remove(resource))
}

/// Is it better in a moment? A daemon may begin anew, or be an older one still; and a cluster
/// without a majority, or whose lost peer is being switched off, has one soon, or never.
fn may_pass(problem: &Unanswered) -> bool {
    match problem {
        Unanswered::NotRunning { .. }
        | Unanswered::Broken(_)
        | Unanswered::Foreign(_)
        | Unanswered::NotNow(_)
        | Unanswered::Ended => true,
        Unanswered::Refused(_) | Unanswered::Forbidden { .. } => false,
    }
}
