//! Pacemaker's `crm_simulate` as an oracle: our configurations and states
//! written as a CIB, its verdict read back.

mod cib;
mod verdict;

use crate::cluster::build::Case;
use cluster_model::configuration::Configuration;
use cluster_model::state::{ClusterState, Role};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// By resource, then node: the role in the end. What is stopped is not there.
pub(crate) type Placement = BTreeMap<String, BTreeMap<String, Role>>;

/// A case, shown as the CIB that says the same.
#[derive(Clone)]
pub(crate) struct AsCib(pub(crate) Case);

impl std::fmt::Debug for AsCib {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cib = cib::write(&self.0.configuration, &self.0.state);
        out.write_str(&cib.replace("><", ">\n<"))
    }
}

/// Whether there is an oracle on this machine.
pub(crate) fn is_there() -> bool {
    Command::new("crm_simulate")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Where `crm_simulate` ends up after carrying out its own transition; `None`
/// if it cannot carry it out.
pub(crate) fn placement(configuration: &Configuration, state: &ClusterState) -> Option<Placement> {
    let output = run(configuration, state, &["--simulate", "--output-as=xml"])?;
    Some(verdict::placement(&output))
}

/// The actions that it would take, without carrying them out.
#[allow(dead_code)] // Not every test file asks for them.
pub(crate) fn actions(configuration: &Configuration, state: &ClusterState) -> Option<String> {
    run(configuration, state, &["--run", "--output-as=xml"])
}

/// The scores that it shows, for whoever looks into a disagreement.
pub(crate) fn scores(configuration: &Configuration, state: &ClusterState) -> String {
    run(configuration, state, &["--simulate", "--show-scores"]).unwrap_or_default()
}

fn run(configuration: &Configuration, state: &ClusterState, arguments: &[&str]) -> Option<String> {
    let cib = cib::write(configuration, state);
    let mut child = Command::new("crm_simulate")
        .args(arguments)
        .arg(format!(
            "--set-datetime={}",
            cib::moment(state.now_ms / 1000)
        ))
        .arg("--xml-pipe")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("crm_simulate starts");
    child
        .stdin
        .take()
        .expect("its input is a pipe")
        .write_all(cib.as_bytes())
        .expect("it reads its input");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("it writes UTF-8");
    output.status.success().then_some(text)
}

/// Ours, in the same form.
pub(crate) fn ours(configuration: &Configuration, state: &ClusterState) -> Placement {
    cluster_core::policy::decide(configuration, state)
        .placement
        .into_iter()
        .filter(|(_, nodes)| !nodes.is_empty())
        .collect()
}
