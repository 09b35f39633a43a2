//! One question to the daemon.

use super::protocol::{Answer, Call, LINE_MAX, Request};
use super::{Caller, DISCONNECTED, ERROR, Said};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Setting something waits for a majority; an agent waits no longer than its own timeout.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks, and gives what was answered; a refusal is an error.
pub(super) fn ask(caller: &Caller, request: Request) -> Result<Answer, Said> {
    let call = Call {
        instance: caller.instance.clone(),
        request,
    };
    match attempt(caller, &call) {
        Ok(Answer::Refused { why }) => Err(Said::error(ERROR, why)),
        Ok(answer) => Ok(answer),
        // Some agents look for these very words.
        Err(error) => Err(Said::error(
            DISCONNECTED,
            format!("not connected to clusterd: {error}"),
        )),
    }
}

fn attempt(caller: &Caller, call: &Call) -> std::io::Result<Answer> {
    let path = caller
        .socket
        .as_ref()
        .ok_or_else(|| std::io::Error::other(format!("{} is not set", super::SOCKET)))?;
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(call)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    let limit = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
    BufReader::new(stream.take(limit)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

/// A question that is answered with `Done`.
pub(super) fn tell(caller: &Caller, request: Request) -> Result<(), Said> {
    match ask(caller, request)? {
        Answer::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

/// A question that is answered with a value.
pub(super) fn value(caller: &Caller, request: Request) -> Result<Option<String>, Said> {
    match ask(caller, request)? {
        Answer::Value { value } => Ok(value),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn unexpected(answer: &Answer) -> Said {
    Said::error(
        ERROR,
        format!("clusterd answered something else: {answer:?}"),
    )
}
