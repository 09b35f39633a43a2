//! `clusterd explain`: why a resource is where it is, and why not elsewhere.

use crate::api::client::Client;
use anyhow::Result;
use cluster_model::decision::ResourceExplanation;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) fn explain(client: &Client, resource: Option<&str>, json: bool) -> Result<ExitCode> {
    let path = match resource {
        Some(name) => format!("/v1/explain/{name}"),
        None => "/v1/explain".to_owned(),
    };
    let explained: BTreeMap<String, ResourceExplanation> = client.get(&path)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&explained)?);
    } else {
        print!("{}", words(&explained));
    }
    Ok(ExitCode::SUCCESS)
}

fn words(explained: &BTreeMap<String, ResourceExplanation>) -> String {
    let mut text = String::new();
    for (name, resource) in explained {
        let _ = writeln!(text, "{name}: {}", resource.summary);
        for (node, why) in &resource.nodes {
            let _ = writeln!(text, "  {node}: {}", why.score);
            for part in &why.contributions {
                let _ = writeln!(text, "    {:>9}  {}", part.score.to_string(), part.why);
            }
            for exclusion in &why.exclusions {
                let _ = writeln!(text, "    ruled out: {exclusion}");
            }
        }
    }
    text
}
