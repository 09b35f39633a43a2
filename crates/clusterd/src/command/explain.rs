//! `clusterd explain`: why a resource is where it is, and why not elsewhere.

use super::source;
use crate::api::client::Client;
use crate::arguments::ExplainArguments;
use crate::configuration::members_of;
use crate::failure::{Exit, Problem, meant};
use crate::terminal::{self, Styles};
use crate::{explained, show};
use cluster_model::Model;
use cluster_model::model::Explained;

pub(super) fn explain(client: &Client, what: &ExplainArguments) -> Result<Exit, Problem> {
    let explained: Explained = match (&what.file, &what.resource) {
        (Some(file), name) => {
            let model = source::model(client, Some(file))?;
            match name {
                None => explained::all(&model),
                Some(name) => explained::one(&model, name).ok_or_else(|| unknown(&model, name))?,
            }
        }
        (None, None) => client.get("/v1/explain")?,
        (None, Some(name)) => client
            .get(&format!("/v1/explain/{}", encoded(name)))
            .map_err(|error| Problem::from(error).with_names_of(client))?,
    };
    if what.json {
        terminal::document(&explained)?;
    } else {
        terminal::result(&show::explain::explain(&explained, Styles::of_output()));
    }
    Ok(Exit::Done)
}

fn unknown(model: &Model, name: &str) -> Problem {
    let mut known = Vec::new();
    for item in &model.configuration.resources {
        known.push(item.name().to_owned());
        known.extend(members_of(item).map(|member| member.name.clone()));
    }
    Problem::invalid(format!("there is no resource {name}")).hint(meant(name, &known))
}

/// As a segment of a path (RFC 3986, section 2.1).
fn encoded(name: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_to_another_path() {
        assert_eq!(encoded("web"), "web");
        assert_eq!(encoded("../status?x y"), "..%2Fstatus%3Fx%20y");
    }
}
