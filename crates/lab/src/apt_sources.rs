//! Picks from the machine's own apt configuration what the base tree can be installed from, so that
//! mirrors and proxies chosen by its owner are used.

use std::path::{Path, PathBuf};

use crate::error::{IoContext as _, Result};

/// Debian release of the base tree.
pub(crate) const SUITE: &str = "bookworm";

/// Sources of the wanted release, in apt's two formats. Both may be empty: then mmdebstrap's own
/// default is used.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) one_line: String,
    pub(crate) deb822: String,
}

/// Reads `sources.list` and `sources.list.d` below `etc_apt`.
pub(crate) fn read(etc_apt: &Path) -> Result<Sources> {
    let mut files = vec![etc_apt.join("sources.list")];
    let dir = etc_apt.join("sources.list.d");
    if dir.is_dir() {
        for entry in std::fs::read_dir(&dir).on("list", &dir)? {
            files.push(entry.on("list", &dir)?.path());
        }
    }
    files.sort();
    let mut sources = Sources::default();
    for file in files.iter().filter(|f| f.is_file()) {
        let text = std::fs::read_to_string(file).on("read", file)?;
        match extension(file) {
            Some("list") => sources.one_line.push_str(&of_one_line(&text)),
            Some("sources") => sources.deb822.push_str(&of_deb822(&text)),
            _ => {}
        }
    }
    Ok(sources)
}

fn extension(file: &PathBuf) -> Option<&str> {
    Path::new(file).extension().and_then(|e| e.to_str())
}

fn wanted(suite: &str) -> bool {
    suite == SUITE
        || suite
            .strip_prefix(SUITE)
            .is_some_and(|rest| rest == "-updates" || rest == "-security")
}

fn of_one_line(text: &str) -> String {
    text.lines()
        .filter(|line| {
            let mut words = line.split_whitespace();
            if words.next() != Some("deb") {
                return false;
            }
            let rest: Vec<&str> = words.collect();
            let after_options = rest
                .iter()
                .position(|w| w.ends_with(']'))
                .map_or(0, |at| at + 1);
            let plain = &rest[if rest.first().is_some_and(|w| w.starts_with('[')) {
                after_options
            } else {
                0
            }..];
            plain.get(1).is_some_and(|s| wanted(s)) && plain[2.min(plain.len())..].contains(&"main")
        })
        .fold(String::new(), |kept, line| kept + line + "\n")
}

fn of_deb822(text: &str) -> String {
    let without_comments: String = text
        .lines()
        .filter(|l| !l.starts_with('#'))
        .fold(String::new(), |kept, line| kept + line + "\n");
    without_comments
        .split("\n\n")
        .filter(|stanza| {
            let words = |key: &str| -> Vec<&str> {
                stanza
                    .lines()
                    .find_map(|l| {
                        l.split_once(':')
                            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
                    })
                    .map(|(_, v)| v.split_whitespace().collect())
                    .unwrap_or_default()
            };
            words("Types").contains(&"deb")
                && words("Components").contains(&"main")
                && words("Suites").iter().any(|s| wanted(s))
                && !words("Enabled")
                    .iter()
                    .any(|w| w.eq_ignore_ascii_case("no"))
        })
        .fold(String::new(), |kept, stanza| {
            kept + stanza.trim_end() + "\n\n"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_of_the_release_are_kept_and_others_are_not() {
        let text = "\
# deb http://mirror/debian bookworm main
deb http://mirror/debian bookworm main contrib
deb [signed-by=/k.gpg arch=amd64] http://mirror/debian bookworm-updates main
deb [ arch=amd64 ] http://mirror/security bookworm-security main
deb http://mirror/debian trixie main
deb-src http://mirror/debian bookworm main
deb http://other/apt cloud-sdk-bookworm main
deb http://docker/linux bookworm stable
";
        let kept = of_one_line(text);
        assert_eq!(kept.lines().count(), 3, "{kept}");
        assert!(kept.contains("signed-by=/k.gpg"));
        assert!(
            !kept.contains("trixie") && !kept.contains("cloud-sdk") && !kept.contains("docker")
        );
    }

    #[test]
    fn deb822_stanzas_of_the_release_are_kept_whole() {
        let text = "\
Types: deb
# a comment inside
URIs: http://mirror/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k.gpg

Types: deb
URIs: http://node/x
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://off/x
Suites: bookworm
Components: main
";
        let kept = of_deb822(text);
        assert!(kept.contains("Signed-By: /k.gpg"));
        assert!(!kept.contains("node") && !kept.contains("off") && !kept.contains("comment"));
    }
}
