//! Where a model comes from: the daemon of this machine, or a file.

use crate::api::client::Client;
use crate::failure::Problem;
use cluster_model::Model;
use cluster_model::model::API_VERSION;
use std::path::Path;

/// The model of a file, or of the daemon.
pub(super) fn model(client: &Client, file: Option<&Path>) -> Result<Model, Problem> {
    let Some(path) = file else {
        return Ok(client.get("/v1/model")?);
    };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::invalid(format!("{name}: {error}")))?;
    parse(&text).map_err(|why| {
        Problem::invalid(format!("{name}: {why}"))
            .hint("a bundle (`clusterd bundle`) or the answer of `GET /v1/model` is wanted")
    })
}

/// A model, or a bundle that holds one.
fn parse(text: &str) -> Result<Model, String> {
    let mut value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let versions = value.get("versions").is_some();
    if let Some(model) = value.get_mut("model") {
        value = model.take();
    }
    if value.is_null() && versions {
        return Err("this bundle was made while no daemon answered: it has no model".to_owned());
    }
    // Before the rest, which may be in words of another version.
    let version = value.get("api_version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(API_VERSION)) {
        return Err(match version {
            Some(other) => format!("api_version is {other}; {API_VERSION} is understood here"),
            None => "no model: it has no api_version".to_owned(),
        });
    }
    serde_json::from_value(value).map_err(|error| format!("no model: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
