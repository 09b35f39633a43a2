//! What the fuzz targets (`fuzz/`) try: each way in from outside, as the daemon goes it,
//! without the sockets and the machine around it. Nobody else calls this.

use crate::configuration::{ClusterFile, Outline, doubts, parse_keys, settings};
use crate::daemon::Input;
use crate::{api, explained};
use cluster_core::name::{BootId, Session};
use cluster_core::{Disk, Node, Start, Time, policy};
use cluster_model::configuration::Configuration;
use cluster_model::model::Model;
use cluster_model::report::Report;
use cluster_model::state as model_state;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf};
use tokio::sync::watch;

/// So often nothing has to come, one after the other, before an answer counts as whole.
const QUIET: u32 = 12;

/// More than a request and its answer have to be at once.
const BUFFER: usize = 256 * 1024;

/// The file of a cluster: read and checked, and if it is good, all that the daemon makes
/// of it before anything runs. True: it was good.
///
/// # Panics
///
/// Where the daemon would, or when what a good file makes is not good.
pub fn cluster_file(text: &str) -> bool {
    let path = Path::new("cluster.yaml");
    // A daemon that makes room for another program has nothing but that of its file.
    let outline = Outline::parse(text, path).map(|outline| outline.deciding());
    let Ok(file) = ClusterFile::parse(text, path) else {
        return false;
    };
    assert_eq!(
        outline.expect("it is a part of what is right"),
        file.deciding()
    );
    let configuration = file.configuration();
    let _ = doubts(&configuration);
    let _ = file.sockets();
    assert!(file.has_the_same_members(&file.clone()));
    for (name, member) in file.members() {
        let settings = settings(&file, name, file.timing.watchdog()).expect("it is a member");
        assert_eq!(settings.me.0, member.id);
        let held = settings.terms.lease + settings.terms.stop + settings.terms.watchdog;
        assert!(settings.terms.promise() >= held);
        // The log takes less than the file may say.
        if cluster_core::check::check(&configuration, &settings).is_ok() {
            decide(&configuration);
        }
        let start = Start {
            boot: BootId(1),
            session: Session(1),
            armed: false,
            lease: None,
            leftovers: BTreeMap::new(),
        };
        let begun = Node::new(settings, &Disk::default(), start, Time::from_millis(1));
        assert!(
            begun.is_ok(),
            "nothing is on the disk, and nothing is wrong with it"
        );
    }
    true
}

/// The first decision, with all nodes there.
fn decide(configuration: &Configuration) {
    let online = model_state::Node {
        presence: model_state::Presence::Online,
        ..model_state::Node::default()
    };
    let nodes = configuration.nodes.iter();
    let state = model_state::ClusterState {
        authority: model_state::Authority::Full,
        nodes: nodes.map(|name| (name.clone(), online.clone())).collect(),
        ..model_state::ClusterState::default()
    };
    let _ = policy::decide(configuration, &state);
}

/// A file of keys. True: it was good.
pub fn keys(text: &str) -> bool {
    parse_keys(text).is_ok()
}

/// A daemon's sockets, with a core behind them that is always in the same state.
#[derive(Debug)]
pub struct Api {
    model: Model,
    report: Report,
}

/// What came of a request.
#[derive(Debug, Default)]
pub struct Answered {
    /// Everything that was said.
    pub said: Vec<u8>,
    /// So many of the core's inputs would have changed something.
    pub changes: usize,
}

impl Api {
    /// `model` and `report` are documents as the API gives them.
    ///
    /// # Panics
    ///
    /// When they are none.
    pub fn new(model: &str, report: &str) -> Self {
        Self {
            model: serde_json::from_str(model).expect("a model"),
            report: serde_json::from_str(report).expect("a report"),
        }
    }

    /// A connection on which these bytes come in; `admin`: on the socket for root.
    ///
    /// # Panics
    ///
    /// Where the daemon would.
    pub fn connection(&self, admin: bool, bytes: &[u8]) -> Answered {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(self.talk(admin, bytes))
    }

    async fn talk(&self, admin: bool, bytes: &[u8]) -> Answered {
        let (inputs, heard) = channel();
        let (_changed, changes) = watch::channel(0);
        let (for_root, reading) = api::routers(inputs, changes);
        let (here, there) = tokio::io::duplex(BUFFER);
        let router = if admin { for_root } else { reading };
        let serving = tokio::spawn(async move {
            let _ = axum::serve(Once(Some(there)), router).await;
        });
        let (mut reader, mut writer) = tokio::io::split(here);
        let mut answered = Answered::default();
        // It may be refused before it is whole.
        let _ = writer.write_all(&bytes[..bytes.len().min(BUFFER)]).await;
        let mut quiet = 0;
        while quiet < QUIET {
            tokio::task::yield_now().await;
            let asked = self.answer(&heard, &mut answered);
            let came = listen(&mut reader, &mut answered.said).await;
            quiet = if asked || came { 0 } else { quiet + 1 };
        }
        assert!(!serving.is_finished(), "it serves for ever");
        serving.abort();
        answered
    }

    /// In the core's place. True: there was something to answer.
    fn answer(&self, heard: &Receiver<Input>, answered: &mut Answered) -> bool {
        let mut any = false;
        while let Ok(input) = heard.try_recv() {
            any = true;
            match input {
                Input::Report(answer) => drop(answer.send(self.report.clone())),
                Input::Model(answer) => drop(answer.send(self.model.clone())),
                Input::Command { command, answer } => {
                    answered.changes += 1;
                    self.take(&command);
                    drop(answer.send(Ok(())));
                }
                Input::ConfirmedOff { answer, .. } => {
                    answered.changes += 1;
                    drop(answer.send(Ok(())));
                }
                Input::Leave | Input::Renew => answered.changes += 1,
                Input::Reload(answer) => {
                    answered.changes += 1;
                    drop(answer.map(|answer| answer.send(Ok(()))));
                }
                other => panic!("no request makes this: {other:?}"),
            }
        }
        any
    }

    /// What a command does to the policy's question; and what is said of it then.
    fn take(&self, command: &cluster_model::Command) {
        let mut operators = cluster_core::operators::Operators::default();
        operators.take(
            command,
            cluster_core::name::NodeId(1),
            self.model.state.now_ms,
        );
        let mut model = self.model.clone();
        model.state.maintenance = operators.all_maintenance;
        model.state.outdated = operators.newest();
        model.state.moves = operators.moves;
        model.state.target_roles = operators.targets;
        model.state.unmanaged = operators.unmanaged;
        let standby: BTreeSet<_> = operators.standby;
        for (name, node) in &mut model.state.nodes {
            node.standby = standby.contains(name);
            node.maintenance = operators.maintenance.contains(name);
        }
        let _ = explained::all(&model);
    }
}

/// What there is to read now. True: there was something.
async fn listen(reader: &mut ReadHalf<DuplexStream>, said: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    let read = tokio::time::timeout(std::time::Duration::ZERO, reader.read(&mut buffer));
    match read.await {
        Ok(Ok(count)) => {
            said.extend(&buffer[..count]);
            count > 0
        }
        _ => false,
    }
}

/// One connection, and then none for ever.
struct Once(Option<DuplexStream>);

impl axum::serve::Listener for Once {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.take() {
            Some(stream) => (stream, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Api {
        Api::new(
            include_str!("../tests/models/pair.json"),
            include_str!("../tests/situations/healthy-pair.json"),
        )
    }

    fn said(admin: bool, request: &str) -> (String, usize) {
        let answered = api().connection(admin, request.as_bytes());
        let said = String::from_utf8(answered.said).expect("text");
        (said, answered.changes)
    }

    #[test]
    fn requests_get_to_the_core_and_back() {
        let (text, changes) = said(false, "GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("\"cluster\":\"web\"") && changes == 0);
    }

    #[test]
    fn nothing_can_be_changed_on_the_socket_for_everybody() {
        let body = "{\"standby\":{\"node\":\"zipi\",\"on\":true}}";
        let request = format!(
            "POST /v1/command HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (text, changes) = said(true, &request);
        assert!(text.starts_with("HTTP/1.1 200") && changes == 1, "{text}");
        let (text, changes) = said(false, &request);
        assert!(text.starts_with("HTTP/1.1 404") && changes == 0, "{text}");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (text, changes) = said(true, "\0\0\0\r\n\r\n");
        assert!(text.starts_with("HTTP/1.1 400") && changes == 0, "{text}");
    }
}
