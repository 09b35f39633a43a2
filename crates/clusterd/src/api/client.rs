//! The operator's side of the sockets.

use super::{ADMIN, STATUS};
use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// A daemon of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    directory: PathBuf,
}

impl Client {
    /// The one whose sockets are in this directory.
    pub(crate) fn new(directory: &Path) -> Self {
        let directory = directory.to_owned();
        Self { directory }
    }

    /// Asks for something.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        block(async {
            let stream = self.connect(&[STATUS, ADMIN]).await?;
            let body = exchange(stream, Method::GET, path, Bytes::new()).await?;
            serde_json::from_slice(&body).context(
                "the daemon answers in words of another version; renew it (`clusterd renew`)",
            )
        })
    }

    /// Wants something.
    pub(crate) fn post<T: Serialize>(&self, path: &str, what: &T) -> Result<()> {
        block(async {
            let stream = self.connect(&[ADMIN]).await?;
            let body = Bytes::from(serde_json::to_vec(what)?);
            exchange(stream, Method::POST, path, body).await?;
            Ok(())
        })
    }

    /// Hears every event until `tell` has heard enough.
    pub(crate) fn listen(&self, mut tell: impl FnMut(&str) -> Result<bool>) -> Result<()> {
        block(async {
            let stream = self.connect(&[STATUS, ADMIN]).await?;
            let mut response = send(stream, Method::GET, "/v1/events", Bytes::new()).await?;
            let mut kept = String::new();
            while let Some(frame) = response.frame().await {
                if let Some(data) = frame?.data_ref() {
                    kept.push_str(&String::from_utf8_lossy(data));
                }
                while let Some((event, rest)) = kept.split_once("\n\n") {
                    let data: String = event
                        .lines()
                        .filter_map(|line| line.strip_prefix("data:"))
                        .collect();
                    let more = data.is_empty() || tell(data.trim())?;
                    kept = rest.to_owned();
                    if !more {
                        return Ok(());
                    }
                }
            }
            bail!("the daemon ended");
        })
    }

    async fn connect(&self, names: &[&str]) -> Result<UnixStream> {
        let mut last = None;
        for name in names {
            let path = self.directory.join(name);
            match UnixStream::connect(&path).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some((path, error)),
            }
        }
        let Some((path, error)) = last else {
            bail!("no socket to ask");
        };
        let path = path.display();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => bail!(
                "clusterd does not run here ({path}: {error}); `systemctl start clusterd` begins it"
            ),
            ErrorKind::PermissionDenied => bail!("{path}: only root may do this"),
            _ => bail!("{path}: {error}"),
        }
    }
}

fn block<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

async fn send(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<hyper::body::Incoming> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "clusterd")
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let code = response.status();
    let body = response.into_body();
    if code.is_success() {
        return Ok(body);
    }
    let body = body.collect().await?.to_bytes();
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    match said.get("error").and_then(serde_json::Value::as_str) {
        Some(text) => bail!("{text}"),
        None => bail!("the daemon answers {code}"),
    }
}

async fn exchange(stream: UnixStream, method: Method, path: &str, body: Bytes) -> Result<Bytes> {
    let answer = send(stream, method, path, body).await?;
    Ok(answer.collect().await?.to_bytes())
}
