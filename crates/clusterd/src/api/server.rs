//! The daemon's side of the sockets.

use super::events::events;
use super::{ADMIN, STATUS};
use crate::daemon::{Input, Refused};
use crate::{explained, secrets};
use anyhow::{Context, Result};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cluster_model::model::Explained;
use cluster_model::report::Report;
use cluster_model::{Command, Model};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Longer bodies are no commands.
const BODY_MAX: usize = 64 * 1024;

/// Longer than this nobody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both sockets, before there is anybody to listen.
#[derive(Debug)]
pub(crate) struct Sockets {
    admin: UnixListener,
    status: UnixListener,
}

impl Sockets {
    /// Below this directory. Those of an earlier daemon are replaced: the lock on the
    /// disk has shown that it is gone.
    pub(crate) fn bind(directory: &std::path::Path) -> Result<Self> {
        Ok(Self {
            admin: bind(&directory.join(ADMIN), 0o600)?,
            status: bind(&directory.join(STATUS), 0o660)?,
        })
    }
}

/// A socket that nobody can connect to before its mode is right.
pub(crate) fn bind(path: &std::path::Path, mode: u32) -> Result<UnixListener> {
    let what = || path.display().to_string();
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error).with_context(what);
    }
    let mask = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o177));
    let bound = UnixListener::bind(path);
    nix::sys::stat::umask(mask);
    let listener = bound.with_context(what)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).with_context(what)?;
    listener.set_nonblocking(true).with_context(what)?;
    Ok(listener)
}

/// What a handler has.
#[derive(Clone)]
pub(super) struct Core {
    pub(super) inputs: Sender<Input>,
    pub(super) changes: watch::Receiver<u64>,
}

impl Core {
    /// Asks the core's thread, and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        input: impl FnOnce(oneshot::Sender<T>) -> Input,
    ) -> Result<T, Response> {
        let (answer, answered) = oneshot::channel();
        let gone = || problem(StatusCode::SERVICE_UNAVAILABLE, "the daemon ends");
        self.inputs.send(input(answer)).map_err(|_| gone())?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(problem(
                StatusCode::GATEWAY_TIMEOUT,
                "no answer within 30 s: no majority decides (see `clusterd status`); if one does later, it may still be carried out",
            )),
        }
    }
}

pub(super) fn problem(code: StatusCode, text: &str) -> Response {
    (code, Json(json!({ "error": text }))).into_response()
}

/// Serves both sockets for ever.
pub(crate) async fn serve(sockets: Sockets, inputs: Sender<Input>, changes: watch::Receiver<u64>) {
    let (admin, reading) = routers(inputs, changes);
    let listen = |listener| tokio::net::UnixListener::from_std(listener);
    let (Ok(admin_socket), Ok(status_socket)) = (listen(sockets.admin), listen(sockets.status))
    else {
        return;
    };
    let _ = tokio::join!(
        axum::serve(admin_socket, admin),
        axum::serve(status_socket, reading)
    );
}

/// What is answered on the socket for root, and on the other one.
pub(crate) fn routers(inputs: Sender<Input>, changes: watch::Receiver<u64>) -> (Router, Router) {
    let core = Core { inputs, changes };
    let reading = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/explain", get(explain_all))
        .route("/v1/explain/{resource}", get(explain))
        .route("/v1/events", get(events));
    let changing = Router::new()
        .route("/v1/command", post(command))
        .route("/v1/confirm-off", post(confirm_off))
        .route("/v1/leave", post(leave))
        .route("/v1/renew", post(renew))
        .route("/v1/reload", post(reload));
    let admin = reading.clone().merge(changing);
    let admin = admin.route("/v1/model", get(whole_model));
    let reading = reading.route("/v1/model", get(model));
    let finish = |router: Router<Core>| {
        router
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .with_state(core.clone())
    };
    (finish(admin), finish(reading))
}

async fn status(State(core): State<Core>) -> Result<Json<Report>, Response> {
    core.ask(Input::Report).await.map(Json)
}

/// Parameters of agents can be secrets, which are for root alone.
async fn whole_model(State(core): State<Core>) -> Result<Json<Model>, Response> {
    core.ask(Input::Model).await.map(Json)
}

async fn model(State(core): State<Core>) -> Result<Json<Model>, Response> {
    let mut model = core.ask(Input::Model).await?;
    secrets::hide(&mut model);
    Ok(Json(model))
}

/// The policy is asked on this thread: the core's own has better things to do.
async fn explain_all(State(core): State<Core>) -> Result<Json<Explained>, Response> {
    let model = core.ask(Input::Model).await?;
    Ok(Json(explained::all(&model)))
}

async fn explain(
    State(core): State<Core>,
    Path(resource): Path<String>,
) -> Result<Json<Explained>, Response> {
    let model = core.ask(Input::Model).await?;
    let explained = explained::one(&model, &resource);
    explained.map(Json).ok_or_else(|| {
        let text = format!("there is no resource {resource}");
        problem(StatusCode::NOT_FOUND, &text)
    })
}

fn carried_out(answer: Result<(), Refused>) -> Response {
    match answer {
        Ok(()) => Json(json!({ "done": true })).into_response(),
        Err(refused) => {
            let code = if refused.may_pass() {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::CONFLICT
            };
            problem(code, &refused.to_string())
        }
    }
}

async fn command(
    State(core): State<Core>,
    Json(command): Json<Command>,
) -> Result<Response, Response> {
    let ask = |answer| Input::Command { command, answer };
    Ok(carried_out(core.ask(ask).await?))
}

/// The node that an operator confirms to be off.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Off {
    node: String,
}

async fn confirm_off(State(core): State<Core>, Json(off): Json<Off>) -> Result<Response, Response> {
    let node = off.node;
    let ask = |answer| Input::ConfirmedOff { node, answer };
    Ok(carried_out(core.ask(ask).await?))
}

async fn leave(State(core): State<Core>) -> StatusCode {
    tell(&core, Input::Leave)
}

async fn renew(State(core): State<Core>) -> StatusCode {
    tell(&core, Input::Renew)
}

async fn reload(State(core): State<Core>) -> Result<Response, Response> {
    let ask = |answer| Input::Reload(Some(answer));
    Ok(carried_out(core.ask(ask).await?))
}

fn tell(core: &Core, input: Input) -> StatusCode {
    match core.inputs.send(input) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
