//! `tandem history`.

use super::{Context, status};
use crate::arguments::Inventory;
use crate::failure::{Exit, Problem};
use crate::show;
use serde_json::json;
use tandem_generation::FORMAT;

pub(crate) fn run(context: &Context, inventory: &Inventory, json: bool) -> Result<Exit, Problem> {
    status::gather(context, inventory, |environment, gathered, _| {
        if json {
            let hosts: serde_json::Map<_, _> = gathered
                .iter()
                .map(|(host, facts)| {
                    let value = match facts {
                        Ok(facts) => json!({"records": facts.records, "error": null}),
                        Err(error) => json!({"records": [], "error": error.to_string()}),
                    };
                    (host.clone(), value)
                })
                .collect();
            let document = json!({
                "api_version": FORMAT,
                "environment": environment.inventory.environment,
                "hosts": hosts,
            });
            context.terminal.result(&show::json(&document)?);
        } else {
            context.terminal.result(&show::history::text(gathered));
        }
        Ok(if gathered.values().any(Result::is_err) {
            Exit::Unreachable
        } else {
            Exit::Done
        })
    })
}
