//! Man pages and completions, as `cargo xtask docs` makes them from the program's own help.
//! They are kept in `docs/`, and its check wants them to be current.

macro_rules! pages {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../docs/man/", $name)))),+]
    };
}

/// Name and text of each page of section 8.
pub(super) const PAGES: [(&str, &str); 24] = pages![
    "clusterd-bundle.8",
    "clusterd-check.8",
    "clusterd-cleanup.8",
    "clusterd-completions.8",
    "clusterd-explain.8",
    "clusterd-failcount.8",
    "clusterd-fence-peer.8",
    "clusterd-fence.8",
    "clusterd-give.8",
    "clusterd-key.8",
    "clusterd-maintenance.8",
    "clusterd-man.8",
    "clusterd-move.8",
    "clusterd-online.8",
    "clusterd-reload.8",
    "clusterd-renew.8",
    "clusterd-run.8",
    "clusterd-simulate.8",
    "clusterd-standby.8",
    "clusterd-start.8",
    "clusterd-status.8",
    "clusterd-stop.8",
    "clusterd-unfence-peer.8",
    "clusterd.8",
];

/// The words of `cluster.yaml`.
pub(super) const CLUSTER_FILE: &str = include_str!("../../../../docs/cluster-file.md");

/// Where each shell looks for completions (those of zsh where EL has them), and the text.
pub(super) const COMPLETIONS: [(&str, &str); 3] = [
    (
        "/usr/share/bash-completion/completions/clusterd",
        include_str!("../../../../docs/completions/clusterd.bash"),
    ),
    (
        "/usr/share/zsh/site-functions/_clusterd",
        include_str!("../../../../docs/completions/_clusterd"),
    ),
    (
        "/usr/share/fish/vendor_completions.d/clusterd.fish",
        include_str!("../../../../docs/completions/clusterd.fish"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn no_page_of_the_daemon_is_left_out() {
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/man");
        let mut there: Vec<String> = std::fs::read_dir(pages)
            .expect("docs/man")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| name.starts_with("clusterd"))
            .collect();
        there.sort();
        assert_eq!(there, PAGES.map(|(name, _)| name));
    }
}
