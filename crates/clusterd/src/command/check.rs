//! `clusterd check`: a file, or the cluster as a plugin of Nagios.

use crate::api::client::Client;
use crate::configuration::{Arbitration, ClusterFile, RISK, members_of};
use crate::daemon::{guest, unseen};
use crate::failure::{Exit, Problem};
use crate::show::nagios;
use crate::terminal;
use cluster_model::report::Report;
use std::path::Path;

/// Everything that is wrong with a file.
pub(super) fn file(path: &Path) -> Result<Exit, Problem> {
    let file = ClusterFile::read(path)?;
    for warning in crate::configuration::doubts(&file.configuration()) {
        terminal::say(&format!("warning: {warning}"));
    }
    if let Some(risk) = guest::risk(&file, guest::is_guest()) {
        terminal::say(&format!("warning: watchdog: {risk}"));
    }
    if file.arbitration == Arbitration::Reach {
        terminal::say(&format!("warning: arbitration: reach: {RISK}"));
        for name in unseen(&file.resources) {
            terminal::say(&format!(
                "warning: arbitration: reach: {name} has no address: nothing shows that the other node runs it"
            ));
        }
    }
    let members = file.resources.iter().map(|item| members_of(item).count());
    terminal::result(&format!(
        "{}: {} nodes, {} witnesses, {} resources: right\n",
        file.cluster,
        file.nodes.len(),
        file.witnesses.len(),
        members.sum::<usize>()
    ));
    Ok(Exit::Done)
}

/// The exit code that Nagios wants.
pub(super) fn cluster(client: &Client) -> u8 {
    let (line, code) = match client.get::<Report>("/v1/status") {
        Ok(report) => nagios::nagios(&report),
        Err(error) => nagios::unknown(&error.to_string()),
    };
    terminal::result(&format!("{line}\n"));
    code
}
