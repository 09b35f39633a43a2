//! Who may know whom, and what only some may do: checked from `cargo metadata`
//! and the sources.

mod edges;
mod purity;
mod sources;

use crate::checkout::Checkout;
use anyhow::{Context as _, Result};
use sources::Source;

/// Every breach of the rules, in words.
pub(crate) fn check(checkout: &Checkout) -> Result<Vec<String>> {
    let graph = edges::Graph::new(&checkout.metadata()?)?;
    let mut found = edges::check(&graph);
    found.extend(purity::check(checkout, &graph)?);
    let sources = checkout
        .files(".rs")?
        .into_iter()
        .map(|path| {
            let file = checkout.root.join(&path);
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            Ok(Source::new(&path.to_string_lossy(), text))
        })
        .collect::<Result<Vec<Source>>>()?;
    found.extend(sources::check(&sources));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules hold in this very workspace.
    #[test]
    fn this_workspace_keeps_the_rules() {
        let checkout = Checkout::find().expect("a checkout");
        let found = check(&checkout).expect("the rules can be checked");
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}
