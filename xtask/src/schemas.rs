//! Writes the JSON Schemas of the operator's files: `schemas DIRECTORY`.

use anyhow::{Context as _, Result};
use std::path::PathBuf;

fn main() -> Result<()> {
    let directory = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .context("a directory to write to is wanted")?;
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("making {}", directory.display()))?;
    for (name, schema) in tandem_model::schema::schemas() {
        let path = directory.join(name);
        let text = serde_json::to_string_pretty(&schema)? + "\n";
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
