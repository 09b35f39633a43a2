//! The daemon's side of `crm_attribute` and its kin: what agents ask and say.

use super::Input;
use super::agents::find;
use super::clock;
use super::machine::Machine;
use anyhow::{Context, Result};
use cluster_agents::tools::protocol::{Answer, Call, LINE_MAX, Lifetime, Node, Request, Resource};
use cluster_core::Event;
use cluster_model::Agent;
use cluster_model::report::{MemberStanding, Report};
use cluster_model::state::{Direction, Observed, Role};
use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::oneshot;

/// The socket for agents, where `cluster_agents` tells them that it is.
const NAME: &str = "agent.sock";

/// Longer than this no agent waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// After a call that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Longest name of an attribute, in bytes.
const NAME_MAX: usize = 255;

/// Longest value of one, in bytes.
const VALUE_MAX: usize = 16 * 1024;

/// All of a node's together, in bytes: they are told in one message and are one entry of
/// the log.
const ATTRIBUTES_MAX: usize = 128 * 1024;
/// Where properties are that name no set, by Pacemaker's name.
const DEFAULT_SET: &str = "cib-bootstrap-options";

/// A ban by an agent lasts so long; an operator ends it earlier with `move --clear`.
const BAN: Duration = Duration::from_secs(24 * 60 * 60);

/// Opens the socket; agents run as root, and nobody else may speak for them.
pub(crate) fn bind(run: &Path) -> Result<UnixListener> {
    crate::api::bind(&run.join(NAME), 0o600)
}

/// Answers for ever.
pub(crate) async fn serve(socket: UnixListener, out: Sender<Input>) {
    let Ok(socket) = tokio::net::UnixListener::from_std(socket) else {
        return;
    };
    loop {
        let Ok((stream, _)) = socket.accept().await else {
            // No descriptors left, say. That passes, and agents go on asking.
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let out = out.clone();
        tokio::task::spawn_local(async move {
            // Who says nothing sensible in time is left alone.
            let _ = tokio::time::timeout(PATIENCE, one(stream, out)).await;
        });
    }
}

async fn one(stream: tokio::net::UnixStream, out: Sender<Input>) -> Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let limit = u64::try_from(LINE_MAX)?;
    BufReader::new(reading.take(limit))
        .read_line(&mut line)
        .await?;
    let call: Call = serde_json::from_str(&line)?;
    let answer = match call.request {
        Request::SetProperty { set, name, value } => set_property(set, name, value, &out).await?,
        request => ask(Call { request, ..call }, &out).await?,
    };
    let mut said = serde_json::to_vec(&answer)?;
    said.push(b'\n');
    writing.write_all(&said).await?;
    Ok(())
}

async fn ask(call: Call, out: &Sender<Input>) -> Result<Answer> {
    let (answer, answered) = oneshot::channel();
    out.send(Input::Tool { call, answer })
        .ok()
        .context("the daemon ends")?;
    Ok(answered.await?)
}

/// A property is the cluster's: it is kept once it is in the log. Agents say the same again
/// and again, and the log need not hear it.
async fn set_property(
    set: Option<String>,
    name: String,
    value: Option<String>,
    out: &Sender<Input>,
) -> Result<Answer> {
    let set = set.unwrap_or_else(|| DEFAULT_SET.to_owned());
    let known = Request::GetProperty {
        set: Some(set.clone()),
        name: name.clone(),
    };
    let instance = None;
    let request = known;
    let known = ask(Call { instance, request }, out).await?;
    if (known
        == Answer::Value {
            value: value.clone(),
        })
    {
        return Ok(Answer::Done);
    }
    let (answer, answered) = oneshot::channel();
    let command = cluster_model::Command::Property { set, name, value };
    out.send(Input::Command { command, answer })
        .ok()
        .context("the daemon ends")?;
    Ok(match answered.await? {
        Ok(()) => Answer::Done,
        Err(refused) => {
            let why = refused.to_string();
            Answer::Refused { why }
        }
    })
}

impl Machine {
    /// An agent asks or says something.
    pub(super) fn tool(&mut self, call: Call) -> Result<Answer> {
        let refused = |why: String| Ok(Answer::Refused { why });
        match call.request {
            Request::SetAttribute {
                node,
                name,
                value,
                lifetime,
                private,
            } => {
                if !self.is_me(node.as_deref()) {
                    return refused("an agent sets attributes of its own node only".to_owned());
                }
                if name.starts_with('#') {
                    return refused(format!("{name}: names with # are the cluster's own"));
                }
                self.set(&name, value.as_deref(), lifetime, private)
            }
            Request::SetPromotionScore {
                resource,
                node,
                value,
                lifetime,
            } => {
                if !self.is_me(node.as_deref()) {
                    return refused("an agent speaks for its own node only".to_owned());
                }
                self.set(&score_name(&resource), value.as_deref(), lifetime, false)
            }
            Request::GetAttribute { node, name, .. } => Ok(Answer::Value {
                value: self.attribute(node.as_deref(), &name),
            }),
            Request::GetPromotionScore { resource, node } => Ok(Answer::Value {
                value: self.attribute(node.as_deref(), &score_name(&resource)),
            }),
            // Whoever listens asks the log, and waits for it.
            Request::SetProperty { name, .. } => refused(format!("{name}: not here")),
            Request::GetProperty { set, name } => {
                let operators = &self.node.state().operators;
                let value = operators.property(set.as_deref(), &name);
                Ok(Answer::Value {
                    value: value.map(str::to_owned),
                })
            }
            Request::ListNodes => Ok(Answer::Nodes {
                nodes: nodes(&self.report()),
            }),
            Request::Quorum => {
                let arbitration = self.report().arbitration;
                let quorate = arbitration.voters_heard >= arbitration.needed
                    && arbitration.coordinator.is_some();
                Ok(Answer::Quorum { quorate })
            }
            Request::LocalNode => Ok(Answer::Value {
                value: Some(self.me()),
            }),
            Request::Ban { resource, node } => {
                let (answer, _) = oneshot::channel();
                let node = node.unwrap_or_else(|| self.me());
                let command = cluster_model::Command::Move {
                    resource,
                    direction: Direction::AwayFrom(node),
                    for_ms: u64::try_from(BAN.as_millis())?,
                };
                self.command(command, answer)?;
                Ok(Answer::Done)
            }
            Request::Locate { resource } => {
                let asked = self.node.question(clock::now());
                let places = asked.resources.get(&resource).into_iter().flatten();
                let runs = places.filter(|(_, seen)| seen.observed.role() > Role::Stopped);
                Ok(Answer::Names {
                    names: runs.map(|(node, _)| node.clone()).collect(),
                })
            }
            Request::Parameter {
                resource,
                name,
                meta,
            } => {
                let configuration = self.node.configuration();
                let found = configuration.and_then(|all| find(all, &resource));
                let value = found.and_then(|found| match &found.primitive.agent {
                    Agent::Ocf { parameters, .. } if !meta => parameters.get(&name).cloned(),
                    _ => None,
                });
                Ok(Answer::Value { value })
            }
            Request::Status => Ok(self.status()),
        }
    }

    fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
        lifetime: Lifetime,
        private: bool,
    ) -> Result<Answer> {
        if let Some(why) = too_much(&self.own.attributes, name, value) {
            return Ok(Answer::Refused { why });
        }
        if !private {
            let for_ever = lifetime == Lifetime::Forever;
            if let Err(error) = self.own.kept.put(name, value, for_ever) {
                let why = format!("{name} cannot be kept: {error}");
                return Ok(Answer::Refused { why });
            }
        }
        let own = &mut self.own.attributes;
        match value {
            Some(value) => own.insert(name.to_owned(), value.to_owned()),
            None => own.remove(name),
        };
        let attributes = own.clone();
        self.step(Event::Attributes(attributes))?;
        Ok(Answer::Done)
    }

    fn me(&self) -> String {
        let settings = self.node.settings();
        settings.name_of(settings.me).to_owned()
    }

    fn is_me(&self, node: Option<&str>) -> bool {
        node.is_none_or(|node| node == self.me())
    }

    /// Its own it knows before the cluster does.
    fn attribute(&self, node: Option<&str>, name: &str) -> Option<String> {
        let own = self.own.attributes.get(name);
        if self.is_me(node) && own.is_some() {
            return own.cloned();
        }
        let settings = self.node.settings();
        let id = node.map_or(Some(settings.me), |node| settings.node_named(node))?;
        let member = self.node.state().members.get(&id)?;
        member.attributes.get(name).cloned()
    }

    fn report(&mut self) -> Report {
        super::report::report(self, clock::now())
    }

    fn status(&mut self) -> Answer {
        let report = self.report();
        let asked = self.node.question(clock::now());
        let configuration = self.node.configuration();
        let mut resources = Vec::new();
        for (instance, places) in &asked.resources {
            let name = instance.split(':').next().unwrap_or(instance);
            let found = configuration.and_then(|all| find(all, instance));
            let agent = found.map_or_else(String::new, |found| agent(&found.primitive.agent));
            for (node, seen) in places {
                let active = seen.observed.role() > Role::Stopped;
                if active {
                    resources.push(Resource {
                        name: name.to_owned(),
                        agent: agent.clone(),
                        active,
                        promoted: seen.observed.role() == Role::Promoted,
                        failed: matches!(seen.observed, Observed::Failed { .. }),
                        managed: !asked.unmanaged.contains(name) && !asked.maintenance,
                        node: Some(node.clone()),
                    });
                }
            }
        }
        Answer::Status {
            nodes: nodes(&report),
            resources,
        }
    }
}

/// Why an attribute is not taken: every member keeps all of them, in memory and in its log.
fn too_much(known: &BTreeMap<String, String>, name: &str, value: Option<&str>) -> Option<String> {
    let value = value?;
    if name.len() > NAME_MAX || value.len() > VALUE_MAX {
        let begin: String = name.chars().take(40).collect();
        return Some(format!(
            "{begin}: names have up to {NAME_MAX} bytes and values up to {VALUE_MAX}"
        ));
    }
    let others = known.iter().filter(|(other, _)| *other != name);
    let bytes: usize = others.map(|(name, value)| name.len() + value.len()).sum();
    (bytes + name.len() + value.len() > ATTRIBUTES_MAX).then(|| {
        format!("{name}: all attributes of a node together have up to {ATTRIBUTES_MAX} bytes")
    })
}

/// What `crm_master` sets, by Pacemaker's name: agents look for it themselves.
fn score_name(resource: &str) -> String {
    let name = resource.split(':').next().unwrap_or(resource);
    format!("master-{name}")
}

fn nodes(report: &Report) -> Vec<Node> {
    let members = report.members.iter().filter(|(_, member)| !member.witness);
    members
        .map(|(name, member)| Node {
            id: u32::from(member.id),
            name: name.clone(),
            online: member.standing <= MemberStanding::Maintenance,
            standby: member.standing == MemberStanding::Standby,
            unclean: member.standing == MemberStanding::Unclean,
        })
        .collect()
}

fn agent(agent: &Agent) -> String {
    match agent {
        Agent::Address { .. } => "ocf:heartbeat:IPaddr2".to_owned(),
        Agent::Systemd { unit } => format!("systemd:{unit}"),
        Agent::Ocf { provider, kind, .. } => format!("ocf:{provider}:{kind}"),
        Agent::Lsb { script } => format!("lsb:{script}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_has_too_much_to_say_is_refused() {
        let mut known = BTreeMap::new();
        assert_eq!(too_much(&known, "pingd", Some("1")), None);
        let long = "x".repeat(VALUE_MAX + 1);
        let why = too_much(&known, "a", Some(&long)).expect("too long");
        assert!(why.contains("16384"), "{why}");
        let why = too_much(&known, &long, Some("1")).expect("too long");
        assert!(why.len() < 200, "{why}");
        let most = "x".repeat(VALUE_MAX - 1);
        known.extend((0..8).map(|number| (number.to_string(), most.clone())));
        assert!(too_much(&known, "another", Some("1")).is_some());
        assert_eq!(too_much(&known, "7", Some("1")), None, "it gets shorter");
        assert_eq!(too_much(&known, "another", None), None, "it goes");
    }
}
