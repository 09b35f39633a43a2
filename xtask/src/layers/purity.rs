//! Crates that decide and do nothing else: nothing that is linked into them
//! opens a socket, reads a clock, spawns or draws random numbers.
//!
//! A list of what is allowed, not of what is forbidden: whoever adds a library
//! there looks at what it does first.

use super::edges::Graph;
use crate::checkout::Checkout;
use crate::process;
use anyhow::Result;

/// Data structures, text and arithmetic. `jiff` can read a clock, and is here
/// for its types: calling it is forbidden in the sources.
const TYPES: &[&str] = &[
    "block-buffer",
    "byteorder",
    "bytes",
    "cfg-if",
    "cluster-model",
    "cobs",
    "cpufeatures",
    "crypto-common",
    "digest",
    "equivalent",
    "erased-serde",
    "foldhash",
    "fxhash",
    "generic-array",
    "hashbrown",
    "indexmap",
    "itoa",
    "jiff",
    "jiff-core",
    "memchr",
    "postcard",
    "protobuf",
    "serde",
    "serde_core",
    "serde_json",
    "sha2",
    "similar",
    "slog",
    "tandem-generation",
    "thiserror",
    "typenum",
    "zerocopy",
    "zmij",
];

/// What the consensus library brings, and only where it is used. It draws its
/// election timeouts at random, from a range that `cluster-core` makes one number
/// wide: the jitter is in the ticks, which come from outside. The simulator, whose
/// runs must replay exactly, would find any other chance.
const CONSENSUS: (&str, &[&str]) = (
    "cluster-core",
    &[
        "getrandom",
        "libc",
        "ppv-lite86",
        "raft",
        "raft-proto",
        "rand",
        "rand_chacha",
        "rand_core",
    ],
);

/// Crates that must be pure.
const PURE: &[&str] = &["tandem-plan", "cluster-core"];

/// Libraries that do not belong where they are.
///
/// `cargo metadata` knows features of the whole workspace together; what a
/// single crate pulls in by itself is what `cargo tree` says.
pub(crate) fn check(checkout: &Checkout, graph: &Graph) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in PURE.iter().filter(|name| graph.ours.contains_key(**name)) {
        let tree = process::text(&mut checkout.cargo(&[
            "tree",
            "--locked",
            "--quiet",
            "--package",
            name,
            "--edges=normal,no-proc-macro",
            "--prefix=none",
            "--format={p}",
            "--target",
            &checkout.triple,
        ]))?;
        found.extend(strangers(name, &tree));
    }
    Ok(found)
}

/// What `cargo tree` names and nobody looked at.
fn strangers(name: &str, tree: &str) -> Vec<String> {
    let mut libraries: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|library| *library != name && !TYPES.contains(library))
        .filter(|library| name != CONSENSUS.0 || !CONSENSUS.1.contains(library))
        .collect();
    libraries.sort_unstable();
    libraries.dedup();
    libraries
        .into_iter()
        .map(|library| {
            format!(
                "{name} is pure, and {library} is not known to be \
                 (`cargo tree -p {name} -i {library}`); xtask/src/layers/purity.rs lists what is"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_once() {
        let tree = "tandem-plan v0.1.0 (/x)\nserde v1.0.1\nsocket2 v0.6.0\nsocket2 v0.6.0 (*)\n";
        let found = strangers("tandem-plan", tree);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("socket2 is not known"), "{found:?}");
    }

    #[test]
    fn clocks_processes_and_chance_are_not_on_the_list() {
        for library in [
            "tokio",
            "mio",
            "rand",
            "getrandom",
            "nix",
            "libc",
            "ssh2",
            "chrono",
        ] {
            assert!(!TYPES.contains(&library), "{library}");
        }
    }

    #[test]
    fn the_consensus_may_have_its_chance_and_nobody_else() {
        assert!(strangers("cluster-core", "raft v0\nrand v0\n").is_empty());
        assert_eq!(strangers("tandem-plan", "raft v0\nrand v0\n").len(), 2);
        assert_eq!(strangers("cluster-core", "tokio v1\n").len(), 1);
    }

    #[test]
    fn types_are_welcome() {
        assert!(strangers("tandem-plan", "tandem-plan v0\nserde_json v1\nitoa v1\n").is_empty());
    }
}
