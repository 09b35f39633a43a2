//! What every engine's part is made of.

use tandem_generation::{Command, Digest, OwnedFile};
use tandem_render::RenderedFile;

/// A command on a node.
pub(crate) fn command(name: &str, argv: &[&str], timeout_ms: u64) -> Command {
    Command {
        name: name.to_owned(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        timeout_ms,
    }
}

/// A file of root's, whose change makes nothing restart or reload yet.
pub(crate) fn file(path: &str, mode: u32, content: String, secret: bool) -> RenderedFile {
    RenderedFile {
        owned: OwnedFile {
            path: path.to_owned(),
            digest: Digest::of(&content),
            mode,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            secret,
            restarts: Vec::new(),
            reloads: Vec::new(),
        },
        content: content.into_bytes(),
    }
}
