//! A watchdog behind a Unix stream socket: a program outside of this container or
//! machine, which resets it.

use crate::problem::Problem;
use std::io::{Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long an answer may take, to everything but a pet.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long a line may take to be sent.
const SEND_WITHIN: Duration = Duration::from_millis(100);

/// Bytes of an answer at most.
const LINE_MAX: usize = 256;

/// A watchdog behind a socket.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    asked_ms: u64,
    /// What it said that it waits; none: disarmed.
    armed_ms: Option<u64>,
    /// It is to be armed, whatever it says: something may run here.
    wanted: bool,
    stream: Option<UnixStream>,
    /// Of an answer, what was read of it.
    line: Vec<u8>,
}

/// What it says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Armed(u64),
    Disarmed,
    /// An error, or something else than an answer.
    Other(String),
}

impl Socket {
    /// Asks it how it is.
    pub(crate) fn open(path: PathBuf, timeout: Duration) -> Result<Self, Problem> {
        let ms = timeout.as_nanos().div_ceil(1_000_000).max(1);
        let mut socket = Self {
            path,
            asked_ms: u64::try_from(ms).unwrap_or(u64::MAX),
            armed_ms: None,
            wanted: false,
            stream: None,
            line: Vec::new(),
        };
        socket.send("hello", "ask how it is")?;
        socket.armed_ms = match socket.answer("ask how it is")? {
            Answer::Armed(ms) => Some(ms),
            Answer::Disarmed => None,
            Answer::Other(answer) => return Err(socket.refused("ask how it is", answer)),
        };
        socket.wanted = socket.is_armed();
        Ok(socket)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.armed_ms.is_some()
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.armed_ms.unwrap_or(self.asked_ms))
    }

    pub(crate) fn arm(&mut self) -> Result<(), Problem> {
        self.send(&format!("arm {}", self.asked_ms), "arm it")?;
        loop {
            match self.answer("arm it")? {
                Answer::Armed(ms) if ms == self.asked_ms => {
                    self.armed_ms = Some(ms);
                    self.wanted = true;
                    return Ok(());
                }
                // To a pet before, while it had another time.
                Answer::Armed(ms) if self.armed_ms == Some(ms) => {}
                Answer::Armed(ms) => {
                    let problem = Problem::Timeout {
                        path: self.path.clone(),
                        asked: Duration::from_millis(self.asked_ms),
                        got: Duration::from_millis(ms),
                    };
                    self.armed_ms = Some(ms);
                    // What was wrong with it is the news.
                    let _ = self.disarm();
                    return Err(problem);
                }
                Answer::Disarmed => return Err(self.refused("arm it", "ok disarmed".to_owned())),
                Answer::Other(answer) => return Err(self.refused("arm it", answer)),
            }
        }
    }

    pub(crate) fn pet(&mut self) -> Result<(), Problem> {
        if !self.wanted {
            return Ok(());
        }
        // One that lost its state, or had another time from an earlier daemon, is told all.
        let line = if self.armed_ms == Some(self.asked_ms) {
            "pet".to_owned()
        } else {
            format!("arm {}", self.asked_ms)
        };
        if let Err(problem) = self.send(&line, "pet it") {
            // The program may have been started anew: the other end is gone, and it still
            // counts. Not if it is there and does not read.
            let gone = matches!(&problem, Problem::Io { source, .. }
                if source.kind() != ErrorKind::WouldBlock && source.kind() != ErrorKind::TimedOut);
            if !gone {
                return Err(problem);
            }
            self.send(&line, "pet it")?;
        }
        while let Some(answer) = self.answer_that_is_there()? {
            match answer {
                Answer::Armed(ms) => self.armed_ms = Some(ms),
                Answer::Disarmed => {
                    self.armed_ms = None;
                    let path = self.path.clone();
                    return Err(Problem::Disarmed { path });
                }
                Answer::Other(answer) => return Err(self.refused("pet it", answer)),
            }
        }
        Ok(())
    }

    pub(crate) fn disarm(&mut self) -> Result<(), Problem> {
        self.send("disarm", "disarm it")?;
        loop {
            match self.answer("disarm it")? {
                Answer::Disarmed => {
                    self.armed_ms = None;
                    self.wanted = false;
                    return Ok(());
                }
                // To a pet before.
                Answer::Armed(_) => {}
                Answer::Other(answer) => return Err(self.refused("disarm it", answer)),
            }
        }
    }

    /// Sends a line; connects first, if need be. A connection that fails is given up.
    fn send(&mut self, line: &str, attempt: &'static str) -> Result<(), Problem> {
        let sent = self.try_send(line);
        sent.map_err(|source| self.failed(attempt, source))
    }

    fn try_send(&mut self, line: &str) -> Result<(), Error> {
        if self.stream.is_none() {
            let stream = UnixStream::connect(&self.path)?;
            stream.set_write_timeout(Some(SEND_WITHIN))?;
            self.line.clear();
            self.stream = Some(stream);
        }
        match &mut self.stream {
            Some(stream) => stream.write_all(format!("{line}\n").as_bytes()),
            None => Ok(()),
        }
    }

    /// The next answer, for which it has some time.
    fn answer(&mut self, attempt: &'static str) -> Result<Answer, Problem> {
        let until = Instant::now() + ANSWER_WITHIN;
        loop {
            if let Some(answer) = self.complete() {
                return Ok(answer);
            }
            let left = until.saturating_duration_since(Instant::now());
            let read = if left.is_zero() {
                Err(ErrorKind::TimedOut.into())
            } else {
                self.read(Some(left))
            };
            read.map_err(|source| self.failed(attempt, source))?;
        }
    }

    /// The next answer, if there is one already.
    fn answer_that_is_there(&mut self) -> Result<Option<Answer>, Problem> {
        if let Some(answer) = self.complete() {
            return Ok(Some(answer));
        }
        match self.read(None) {
            Ok(()) => Ok(self.complete()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(self.failed("pet it", source)),
        }
    }

    /// Reads what comes within a time; without one, what is there.
    fn read(&mut self, within: Option<Duration>) -> Result<(), Error> {
        let Some(stream) = &mut self.stream else {
            return Err(ErrorKind::NotConnected.into());
        };
        stream.set_nonblocking(within.is_none())?;
        stream.set_read_timeout(within)?;
        let mut bytes = [0; LINE_MAX];
        let read = stream.read(&mut bytes);
        // For the next line that is sent.
        stream.set_nonblocking(false)?;
        match read? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            length => {
                self.line.extend(&bytes[..length]);
                Ok(())
            }
        }
    }

    /// A whole line of what was read; one that never ends is cut.
    fn complete(&mut self) -> Option<Answer> {
        let end = self.line.iter().position(|byte| *byte == b'\n');
        let end = match end {
            Some(end) => end,
            None if self.line.len() >= LINE_MAX => LINE_MAX - 1,
            None => return None,
        };
        let line: Vec<u8> = self.line.drain(..=end).collect();
        Some(understand(&String::from_utf8_lossy(&line)))
    }

    fn failed(&mut self, attempt: &'static str, source: Error) -> Problem {
        self.stream = None;
        Problem::Io {
            path: self.path.clone(),
            attempt,
            source,
        }
    }

    fn refused(&self, attempt: &'static str, answer: String) -> Problem {
        Problem::Answer {
            path: self.path.clone(),
            attempt,
            answer,
        }
    }
}

fn understand(line: &str) -> Answer {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match (words.as_slice(), words.last().map(|word| word.parse())) {
        (["ok", "armed", _], Some(Ok(ms))) => Answer::Armed(ms),
        (["ok", "disarmed"], _) => Answer::Disarmed,
        _ => Answer::Other(line.trim().escape_debug().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_understood_or_shown() {
        assert_eq!(understand("ok armed 5000\n"), Answer::Armed(5000));
        assert_eq!(understand("ok disarmed\r\n"), Answer::Disarmed);
        for other in [
            "",
            "ok",
            "ok armed",
            "ok armed x",
            "ok armed -1",
            "ok armed 1 2",
            "error 5",
        ] {
            assert_eq!(understand(other), Answer::Other(other.to_owned()));
        }
        assert_eq!(
            understand("\u{1b}[2J\n"),
            Answer::Other("\\u{1b}[2J".to_owned())
        );
    }
}
