//! Server-sent events: the report, whenever it changed. Who reads slowly misses reports
//! and delays nobody.

use super::server::Core;
use crate::daemon::Input;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

/// Changes within this are told together.
const TOGETHER: Duration = Duration::from_millis(100);

/// `GET /v1/events`.
pub(super) async fn events(State(core): State<Core>) -> Sse<KeepAliveStream<Events>> {
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut changes = core.changes.clone();
        loop {
            let Ok(report) = core.ask(Input::Report).await else {
                return;
            };
            let event = Event::default().event("report").json_data(&report);
            let Ok(event) = event else { return };
            if tell.send(event).await.is_err() {
                return;
            }
            tokio::time::sleep(TOGETHER).await;
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tell.closed() => return,
            }
        }
    });
    Sse::new(Events(told)).keep_alive(KeepAlive::default())
}

/// Events as a stream.
#[derive(Debug)]
pub(super) struct Events(mpsc::Receiver<Event>);

impl futures_core::Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}
