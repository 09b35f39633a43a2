//! `clusterd bundle`: one file with everything that somebody who helps needs. What cannot
//! be had is said in it, and the rest is written all the same.

mod journal;

use crate::api::client::Client;
use crate::arguments::BundleArguments;
use crate::explained;
use crate::failure::{Exit, Problem};
use crate::secrets::Secrets;
use crate::terminal;
use cluster_model::Model;
use cluster_model::model::{API_VERSION, Explained};
use cluster_model::report::Report;
use serde::Serialize;
use serde_json::Value;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Everything at one moment.
#[derive(Debug, Serialize)]
struct Bundle {
    api_version: u32,
    /// RFC 3339.
    made_at: String,
    versions: Versions,
    /// What could not be had, and why.
    missing: Vec<String>,
    report: Option<Report>,
    /// What `clusterd simulate --file` reads.
    model: Option<Model>,
    explanation: Option<Explained>,
    /// The last lines of the daemon in the journal, oldest first.
    journal: Vec<Value>,
}

/// What runs here.
#[derive(Debug, Serialize)]
struct Versions {
    /// Of this program; the report has that of the daemon.
    clusterd: String,
    host: String,
    kernel: Option<String>,
    system: Option<String>,
}

pub(super) fn bundle(client: &Client, what: &BundleArguments) -> Result<Exit, Problem> {
    let made = made(client, what.lines);
    let mut value = serde_json::to_value(&made)
        .map_err(|error| Problem::failed(format!("writing JSON: {error}")))?;
    let secrets = Secrets::found_in(&value);
    secrets.remove_from(&mut value);
    for missing in &made.missing {
        terminal::say(&format!("warning: {missing}"));
    }
    if what.output.as_deref() == Some(Path::new("-")) {
        terminal::document(&value)?;
        return Ok(Exit::Done);
    }
    let path = match &what.output {
        Some(path) => path.clone(),
        None => PathBuf::from(format!(
            "clusterd-bundle-{}-{}.json",
            made.versions.host,
            made.made_at.replace([':', '-'], "")
        )),
    };
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Problem::failed(format!("writing JSON: {error}")))?;
    write(&path, &text)
        .map_err(|error| Problem::failed(format!("writing {}: {error}", path.display())))?;
    terminal::result(&format!("{}\n", path.display()));
    terminal::hint(&format!(
        "`clusterd status --file {0}`, `clusterd explain --file {0}` and `clusterd simulate --lose NODE --file {0}` read it",
        path.display()
    ));
    Ok(Exit::Done)
}

/// For this user alone, and never over something that is there.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")
}

fn made(client: &Client, lines: u32) -> Bundle {
    let mut missing = Vec::new();
    let mut had = |what: &str, error: &dyn std::fmt::Display| {
        missing.push(format!("{what}: {error}"));
    };
    let report = client.get("/v1/status");
    let report = report.map_err(|error| had("no report", &error)).ok();
    // With its secrets, if we may: so they are found in the journal and removed there too.
    let model: Result<Model, _> = client.get_whole("/v1/model");
    let model = model.map_err(|error| had("no model", &error)).ok();
    let journal = journal::last(lines);
    let journal = journal.map_err(|error| had("no journal", &error));
    let text = |path: &str| {
        let text = std::fs::read_to_string(path).ok();
        text.map(|text| text.trim().to_owned())
    };
    Bundle {
        api_version: API_VERSION,
        made_at: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        versions: Versions {
            clusterd: env!("CARGO_PKG_VERSION").to_owned(),
            host: text("/proc/sys/kernel/hostname").unwrap_or_else(|| "localhost".to_owned()),
            kernel: text("/proc/sys/kernel/osrelease"),
            system: text("/etc/os-release").as_deref().and_then(pretty),
        },
        explanation: model.as_ref().map(explained::all),
        journal: journal.unwrap_or_default(),
        missing,
        report,
        model,
    }
}

/// `PRETTY_NAME` of os-release(5).
fn pretty(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_bundle_is_for_its_owner_and_replaces_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bundle.json");
        write(&path, "{}").expect("written");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = write(&path, "{}").expect_err("it is there");
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn without_a_daemon_it_says_what_is_missing() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = made(&Client::new(directory.path()), 0);
        assert!(made.report.is_none() && made.model.is_none());
        let missing = made.missing.join("\n");
        assert!(
            missing.contains("no report: clusterd does not run here"),
            "{missing}"
        );
    }

    #[test]
    fn the_name_of_the_system_is_without_quotes() {
        let text = "NAME=x\nPRETTY_NAME=\"Rocky Linux 9.4\"\n";
        assert_eq!(pretty(text).as_deref(), Some("Rocky Linux 9.4"));
        assert_eq!(pretty(""), None);
    }
}
