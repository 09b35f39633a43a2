//! The subcommands: words in, a reply out.

use crate::finish::Ending;
use crate::journal::Journal;
use crate::place::Place;
use crate::refusal::{Attempt, Refused, Result};
use crate::{
    activate, disk, evidence, execute, facts, finish, forget, health, hold, lock, process, prune,
    records, recover, retire, stage, store,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tandem_generation::protocol::{Refusal, Reply};
use tandem_generation::{Command, Entry, HealthCheck, RunId};

/// Documents longer than this are refused; a plan is some hundred kilobytes.
const DOCUMENT_MAX_BYTES: u64 = 256 << 20;
/// How often a followed journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a subcommand needs from its process.
pub struct Process<'a> {
    /// Standard input.
    pub input: &'a mut dyn Read,
    /// The program itself, for the copy kept on the host.
    pub program: PathBuf,
    /// Set when the host goes down.
    pub stop: Arc<AtomicBool>,
}

/// Answers a request: the reply, to be written as JSON.
pub fn answer(place: &Place, words: &[String], process: &mut Process) -> Reply<Value> {
    match dispatch(place, words, process) {
        Ok(value) => Reply::Ok(value),
        Err(refused) => {
            let refusal: Refusal = refused.to_wire();
            Reply::Error(refusal)
        }
    }
}

fn dispatch(place: &Place, words: &[String], process: &mut Process) -> Result<Value> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["facts"] => to_value(facts::gather(place, &document(process, "facts request")?)?),
        ["lock"] => to_value(lock::take(place, &document(process, "lock request")?)?),
        ["unlock", run] => to_value(lock::release(place, &word(run)?)?),
        ["receive", digest, size, offset] => to_value(store::receive(
            place,
            &word(digest)?,
            word(size)?,
            word(offset)?,
            &mut process.input,
        )?),
        ["stage"] => {
            let request = document(process, "stage request")?;
            to_value(stage::stage(place, &request, &process.program)?)
        }
        ["activate", run, leg] => to_value(activate::activate(place, &word(run)?, word(leg)?)?),
        ["execute", run, leg] => to_value(execute::execute(
            place,
            &word(run)?,
            word(leg)?,
            &process.stop,
        )?),
        ["execute-undo", run, leg] => {
            to_value(execute::execute_undo(place, &word(run)?, word(leg)?)?)
        }
        ["follow", run, leg, after, wait_ms] => to_value(follow(
            place,
            &word(run)?,
            word(leg)?,
            word(after)?,
            Duration::from_millis(word(wait_ms)?),
        )?),
        ["confirm", run, leg] => to_value(execute::confirm(place, &word(run)?, word(leg)?)?),
        ["undo", run, leg, because] => {
            to_value(activate::undo(place, &word(run)?, word(leg)?, because)?)
        }
        ["finish", run, verdict] => {
            let ending: Ending = verdict.parse()?;
            to_value(finish::finish(place, &word(run)?, ending)?)
        }
        ["act"] => {
            let commands: Vec<Command> = document(process, "commands")?;
            let results: Vec<_> = commands.iter().map(process::run_command).collect();
            to_value(results)
        }
        ["health"] => {
            let checks: Vec<HealthCheck> = document(process, "health checks")?;
            to_value(health::check(place, &checks))
        }
        ["plan-of", run] => {
            let run: RunId = word(run)?;
            let plan = disk::read_text_if_there(&place.plan(&run))?
                .ok_or_else(|| Refused::invalid(format!("there is no run {run} on this host")))?;
            to_value(plan)
        }
        ["evidence", run, leg] => to_value(evidence::gather(place, &word(run)?, word(leg)?)?),
        ["prune", keep] => to_value(prune::prune(place, word(keep)?)?),
        ["recover"] => to_value(recover::recover(place)?),
        ["hold"] => {
            let units: Vec<String> = document(process, "units")?;
            to_value(hold::hold(place, &units)?)
        }
        ["release"] => to_value(hold::release(place)?),
        ["forget", host] => to_value(forget::forget(place, host)?),
        ["retire"] => to_value(retire::retire(place)?),
        ["version"] => to_value(env!("CARGO_PKG_VERSION")),
        _ => Err(
            Refused::invalid(format!("tandem-host does not know `{}`", words.join(" ")))
                .hint("it is meant to be called by tandem of the same version"),
        ),
    }
}

/// Entries newer than `after`, waiting for at least one.
fn follow(place: &Place, run: &RunId, leg: u32, after: u64, wait: Duration) -> Result<Vec<Entry>> {
    records::order(place, run, leg)?;
    let journal = Journal::of(place, run, leg);
    let until = Instant::now() + wait;
    loop {
        let newer: Vec<Entry> = journal
            .read()?
            .into_iter()
            .filter(|entry| entry.seq > after)
            .collect();
        if !newer.is_empty() || Instant::now() >= until {
            return Ok(newer);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn document<T: DeserializeOwned>(process: &mut Process, what: &str) -> Result<T> {
    let mut text = String::new();
    (&mut *process.input)
        .take(DOCUMENT_MAX_BYTES)
        .read_to_string(&mut text)
        .attempt(|| format!("read the {what} from standard input"))?;
    disk::parse_document(&text, &format!("the {what}"))
}

fn word<T: FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|cause| Refused::invalid(format!("`{text}` is not understood: {cause}")))
}

fn to_value<T: Serialize>(value: T) -> Result<Value> {
    serde_json::to_value(value).attempt(|| "put the answer into words".to_owned())
}
