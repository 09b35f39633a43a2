//! Which secrets an environment needs, and where it says so.

use crate::inventory::{Fence, Inventory, Value};
use crate::{Mistake, Mistakes, Secrets, Spanned};

impl Inventory {
    /// Every secret that the inventory names, with its place.
    pub fn secret_uses(&self) -> Vec<&Spanned<String>> {
        let mut found = Vec::new();
        for cluster in &self.clusters {
            found.extend(cluster.engine.iter().map(|engine| &engine.key));
            let fences = cluster
                .engine
                .iter()
                .filter_map(|engine| engine.lease.fence.as_ref());
            found.extend(fences.flat_map(Fence::secrets));
            cluster
                .values
                .values()
                .for_each(|value| gather(value, &mut found));
        }
        for host in self.hosts.values() {
            host.values
                .values()
                .for_each(|value| gather(value, &mut found));
        }
        found
    }

    /// Notes every secret that is named and not there.
    pub fn check_secrets(&self, secrets: &Secrets) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        for name in self.secret_uses() {
            if secrets.get(name).is_none() {
                mistakes.push(
                    Mistake::new(&name.at, format!("there is no secret `{name}`"))
                        .found(format!("`{name}`"))
                        .expected(format!("a secret of `{}`", self.secrets_shown.display()))
                        .suggest(format!(
                            "add it with `tandem secret edit -i {}`",
                            self.environment
                        ))
                        .among(name, secrets.names()),
                );
            }
        }
        mistakes.result()
    }
}

fn gather<'a>(value: &'a Value, found: &mut Vec<&'a Spanned<String>>) {
    match value {
        Value::Secret(name) => found.push(name),
        Value::List(items) => items.iter().for_each(|item| gather(item, found)),
        _ => {}
    }
}
