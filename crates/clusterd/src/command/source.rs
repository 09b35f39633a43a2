//! Where a model or a report comes from that is not asked of the daemon: a file.

use crate::api::client::Client;
use crate::failure::Problem;
use cluster_model::Model;
use cluster_model::model::API_VERSION;
use cluster_model::report::{self, Report};
use serde::de::DeserializeOwned;
use std::path::Path;

/// The model of a file, or of the daemon.
pub(super) fn model(client: &Client, file: Option<&Path>) -> Result<Model, Problem> {
    let Some(path) = file else {
        return Ok(client.get("/v1/model")?);
    };
    read(path, "model", API_VERSION).map_err(|problem| problem.hint(wanted("`GET /v1/model`")))
}

/// The report of a file.
pub(super) fn report(path: &Path) -> Result<Report, Problem> {
    read(path, "report", report::API_VERSION)
        .map_err(|problem| problem.hint(wanted("`GET /v1/status`")))
}

fn wanted(of: &str) -> String {
    format!("a bundle (`clusterd bundle`) or the answer of {of} is wanted")
}

fn read<T: DeserializeOwned>(path: &Path, part: &str, version: u32) -> Result<T, Problem> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::invalid(format!("{name}: {error}")))?;
    parse(&text, part, version).map_err(|why| Problem::invalid(format!("{name}: {why}")))
}

/// A document, or a bundle that has it as this part.
fn parse<T: DeserializeOwned>(text: &str, part: &str, understood: u32) -> Result<T, String> {
    let mut value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    if value.get("versions").is_some() {
        value = value
            .get_mut(part)
            .map(serde_json::Value::take)
            .unwrap_or_default();
        if value.is_null() {
            return Err(format!(
                "this bundle was made while no daemon answered: it has no {part}"
            ));
        }
    }
    // Before the rest, which may be in words of another version.
    let version = value.get("api_version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(understood)) {
        return Err(match version {
            Some(other) => format!("api_version is {other}; {understood} is understood here"),
            None => format!("no {part}: it has no api_version"),
        });
    }
    serde_json::from_value(value).map_err(|error| format!("no {part}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Model, String> {
        super::parse(text, "model", API_VERSION)
    }

    const PAIR: &str = include_str!("../../tests/models/pair.json");

    #[test]
    fn a_model_alone_and_in_a_bundle_are_the_same() {
        let alone = parse(PAIR).expect("a model");
        let bundle = format!("{{\"versions\": {{}}, \"model\": {PAIR}}}");
        assert_eq!(parse(&bundle), Ok(alone));
    }

    #[test]
    fn what_is_none_says_what_it_lacks() {
        let without = "{\"versions\": {}, \"model\": null}";
        assert!(parse(without).expect_err("none").contains("no daemon"));
        assert!(parse("{}").expect_err("none").contains("api_version"));
        assert!(parse("{").expect_err("none").contains("no JSON"));
        let newer = PAIR.replace("\"api_version\": 1", "\"api_version\": 2");
        assert!(parse(&newer).expect_err("newer").contains("is 2"));
    }
}
