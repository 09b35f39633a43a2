//! tandem-host: a subcommand, JSON on standard input, a reply on standard
//! output. Exit status 0 goes with `ok`, 1 with `error`.

use anyhow::Context as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tandem_generation::protocol::Reply;
use tandem_host::Place;
use tandem_host::requests::{self, Process};

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let stop = Arc::new(AtomicBool::new(false));
    if let Some("execute" | "execute-undo" | "recover") = words.first().map(String::as_str) {
        // Told to stop at shutdown: rpm ends first. A vanished terminal is
        // nothing to us.
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop))
                .context("cannot listen to signals")?;
        }
    }
    let place = Place::from_environment();
    let mut input = std::io::stdin().lock();
    let reply = requests::answer(
        &place,
        &words,
        &mut Process {
            input: &mut input,
            program: std::env::current_exe().context("cannot find this program itself")?,
            stop,
        },
    );
    if words
        .first()
        .is_some_and(|word| word == "recover" || word.starts_with("execute"))
        && let Reply::Error(refusal) = &reply
    {
        // The unit's log is where people look for it.
        eprintln!("{}", refusal.message);
    }
    let mut output = std::io::stdout().lock();
    serde_json::to_writer(&mut output, &reply).context("cannot write the reply")?;
    output.write_all(b"\n").context("cannot write the reply")?;
    Ok(match reply {
        Reply::Ok(_) => ExitCode::SUCCESS,
        Reply::Error(_) => ExitCode::FAILURE,
    })
}
