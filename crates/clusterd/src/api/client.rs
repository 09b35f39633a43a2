//! The operator's side of the sockets.

use super::{ADMIN, STATUS};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// A daemon that does not answer for so long never will; it gives up itself after 30 s.
const PATIENCE: Duration = Duration::from_secs(40);

/// A longer answer is none of ours.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// A daemon of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    directory: PathBuf,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    /// Nobody listens on the socket.
    #[error("clusterd does not run here: {socket}: {why}")]
    NotRunning {
        /// Its path.
        socket: String,
        /// What connect(2) said.
        why: String,
    },
    /// The socket is not for this user.
    #[error("{socket}: only root may do this")]
    Forbidden {
        /// Its path.
        socket: String,
    },
    /// The daemon refuses, in its own words.
    #[error("{0}")]
    Refused(String),
    /// The daemon cannot, as things stand, in its own words.
    #[error("{0}")]
    NotNow(String),
    /// The answer is not understood.
    #[error("the daemon's answer is not understood: {0}")]
    Foreign(String),
    /// The connection does not work.
    #[error("asking the daemon: {0}")]
    Broken(String),
    /// The daemon ended while it was listened to.
    #[error("the daemon ended")]
    Ended,
}

impl Client {
    /// The one whose sockets are in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { directory }
    }

    /// Asks for something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Unanswered> {
        self.get_from(&[STATUS, ADMIN], path)
    }

    /// Asks for something with all that only root may see, if this is root.
    pub(crate) fn get_whole<T: DeserializeOwned>(&self, path: &str) -> Result<T, Unanswered> {
        self.get_from(&[ADMIN, STATUS], path)
    }

    fn get_from<T: DeserializeOwned>(&self, names: &[&str], path: &str) -> Result<T, Unanswered> {
        block(async {
            let stream = self.connect(names).await?;
            let body = exchange(stream, Method::GET, path, Bytes::new()).await?;
            serde_json::from_slice(&body).map_err(|error| Unanswered::Foreign(error.to_string()))
        })
    }

    /// Wants something.
    pub(crate) fn post<T: Serialize>(&self, path: &str, what: &T) -> Result<(), Unanswered> {
        block(async {
            let stream = self.connect(&[ADMIN]).await?;
            let body = serde_json::to_vec(what).map_err(broken)?;
            exchange(stream, Method::POST, path, Bytes::from(body)).await?;
            Ok(())
        })
    }

    /// Hears every event until `tell` has heard enough.
    pub(crate) fn listen<E: From<Unanswered>>(
        &self,
        mut tell: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<(), E> {
        block(async {
            let stream = self.connect(&[STATUS, ADMIN]).await?;
            let mut response = send(stream, Method::GET, "/v1/events", Bytes::new()).await?;
            let mut events = Events::default();
            while let Some(frame) = response.frame().await {
                let frame = frame.map_err(broken)?;
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                for event in events.hear(data)? {
                    if !tell(&event)? {
                        return Ok(());
                    }
                }
            }
            Err(Unanswered::Ended.into())
        })
    }

    async fn connect(&self, names: &[&str]) -> Result<UnixStream, Unanswered> {
        let mut last = Unanswered::Broken("no socket to ask".to_owned());
        for name in names {
            let path = self.directory.join(name);
            let socket = path.display().to_string();
            match UnixStream::connect(&path).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = match error.kind() {
                        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                            let why = match error.kind() {
                                ErrorKind::NotFound => "there is no such socket",
                                _ => "nobody listens",
                            };
                            let why = why.to_owned();
                            Unanswered::NotRunning { socket, why }
                        }
                        ErrorKind::PermissionDenied => Unanswered::Forbidden { socket },
                        _ => Unanswered::Broken(format!("{socket}: {error}")),
                    };
                }
            }
        }
        Err(last)
    }
}

/// Server-sent events, cut out of what comes in pieces ("Server-sent events", HTML
/// standard, section 9.2: lines of `data:`, ended by an empty line).
#[derive(Debug, Default)]
struct Events {
    kept: Vec<u8>,
}

impl Events {
    fn hear(&mut self, data: &[u8]) -> Result<Vec<String>, Unanswered> {
        self.kept.extend(data);
        if self.kept.len() > ANSWER_MAX {
            return Err(Unanswered::Broken("an event without an end".to_owned()));
        }
        let mut heard = Vec::new();
        while let Some(end) = self.kept.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.kept.drain(..end + 2).collect();
            let data: String = String::from_utf8_lossy(&event)
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(str::trim)
                .collect();
            // What has no data keeps the connection alive.
            if !data.is_empty() {
                heard.push(data);
            }
        }
        Ok(heard)
    }
}

fn broken(error: impl std::fmt::Display) -> Unanswered {
    Unanswered::Broken(error.to_string())
}

fn block<T, E: From<Unanswered>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(broken)?
        .block_on(work)
}

async fn send(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<hyper::body::Incoming, Unanswered> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "clusterd")
        .header("content-type", "application/json")
        .body(Full::new(body))
        .map_err(broken)?;
    let response = tokio::time::timeout(PATIENCE, sender.send_request(request));
    let response = response
        .await
        .map_err(|_| broken("no answer"))?
        .map_err(broken)?;
    let code = response.status();
    let body = response.into_body();
    if code.is_success() {
        return Ok(body);
    }
    Err(refusal(code, &whole(body).await?))
}

fn refusal(code: StatusCode, body: &[u8]) -> Unanswered {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match said.get("error").and_then(serde_json::Value::as_str) {
        Some(text) if code.is_server_error() => Unanswered::NotNow(text.to_owned()),
        Some(text) => Unanswered::Refused(text.to_owned()),
        None => Unanswered::Foreign(format!("it says {code}")),
    }
}

async fn exchange(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Bytes, Unanswered> {
    whole(send(stream, method, path, body).await?).await
}

async fn whole(body: hyper::body::Incoming) -> Result<Bytes, Unanswered> {
    let limited = http_body_util::Limited::new(body, ANSWER_MAX);
    let collected = tokio::time::timeout(PATIENCE, limited.collect());
    let collected = collected.await.map_err(|_| broken("half an answer"))?;
    Ok(collected.map_err(broken)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_put_together_from_pieces() {
        let mut events = Events::default();
        let pieces: [&[u8]; 4] = [
            b"event: report\nda",
            b"ta: {\"a\":\"\xc3",
            b"\xa9\"}\n\n:\n\nda",
            b"ta: 2\n\n",
        ];
        let heard: Vec<_> = pieces
            .iter()
            .flat_map(|piece| events.hear(piece).expect("short"))
            .collect();
        assert_eq!(heard, ["{\"a\":\"\u{e9}\"}", "2"]);
    }
}
