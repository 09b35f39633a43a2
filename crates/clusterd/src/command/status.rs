//! `clusterd status`: the verdict first, then what it rests on.

use crate::api::client::Client;
use crate::arguments::StatusArguments;
use anyhow::Result;
use cluster_model::report::{Health, Report, Resource};
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) fn status(client: &Client, how: &StatusArguments) -> Result<ExitCode> {
    let report: Report = client.get("/v1/status")?;
    if how.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", words(&report));
    }
    Ok(ExitCode::from(match report.verdict.health {
        Health::Healthy => 0,
        Health::Degraded | Health::Failed | Health::Unknown => 2,
    }))
}

fn words(report: &Report) -> String {
    let mut text = String::new();
    let health = format!("{:?}", report.verdict.health).to_lowercase();
    let _ = writeln!(
        text,
        "{}: {health}: {}",
        report.cluster, report.verdict.because
    );
    for (name, member) in &report.members {
        let _ = writeln!(text, "  {name}: {:?}", member.standing);
    }
    for resource in &report.resources {
        tree(&mut text, resource, 1);
    }
    text
}

fn tree(text: &mut String, resource: &Resource, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(text, "{indent}{}: {:?}", resource.name, resource.condition);
    for (node, instance) in &resource.instances {
        let _ = writeln!(text, "{indent}  {node}: {:?}", instance.observed);
    }
    for member in &resource.members {
        tree(text, member, depth + 1);
    }
}
