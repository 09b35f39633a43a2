//! From files to the log: what there is to run takes effect once the files of all nodes
//! that are there, and of whoever coordinates, say the same.
//!
//! So nodes can be changed one after the other, and none is told to run what it has
//! nothing of yet. Each node tells the digest of its file in an attribute.

use super::clock;
use super::machine::Machine;
use crate::configuration::ClusterFile;
use anyhow::Result;
use cluster_core::Event;
use cluster_model::configuration::Configuration;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The attribute with the digest of a node's file.
pub(super) const FILE: &str = "#file";

/// Of what there is to run, and of nothing else in the file.
fn digest(configuration: &Configuration) -> String {
    // JSON of the same values is the same text.
    let text = serde_json::to_vec(configuration).unwrap_or_default();
    let mut word = String::new();
    for byte in &Sha256::digest(text)[..8] {
        let _ = write!(word, "{byte:02x}");
    }
    word
}

/// What a file says there is to run, and its digest: made once for each file, and looked
/// at whenever anything changed.
#[derive(Debug)]
pub(crate) struct Wanted {
    configuration: Configuration,
    digest: String,
}

impl Wanted {
    pub(crate) fn of(file: &ClusterFile) -> Self {
        let configuration = file.configuration();
        let digest = digest(&configuration);
        Self {
            configuration,
            digest,
        }
    }
}

impl Machine {
    /// Tells the digest of this node's file, if it is another one than it told.
    pub(super) fn tell_of_the_file(&mut self) -> Result<()> {
        let word = &self.wanted.digest;
        if self.own.attributes.get(FILE) == Some(word) {
            return Ok(());
        }
        self.own.attributes.insert(FILE.to_owned(), word.clone());
        self.step(Event::Attributes(self.own.attributes.clone()))
    }

    /// Whoever coordinates proposes what all files say.
    pub(super) fn agree_on_the_files(&mut self) -> Result<()> {
        if !self.node.is_coordinator() {
            return Ok(());
        }
        let wanted = &self.wanted;
        if self.node.configuration() == Some(&wanted.configuration)
            || self.other_files().next().is_some()
        {
            return Ok(());
        }
        // Once is enough, unless it is somebody else's again.
        let proposal = (
            self.node.state().resources.configured(),
            wanted.digest.clone(),
        );
        if self.own.proposed.as_ref() == Some(&proposal) {
            return Ok(());
        }
        let configuration = Box::new(wanted.configuration.clone());
        self.own.proposed = Some(proposal);
        self.own.number += 1;
        let number = self.own.number;
        self.step(Event::Configure {
            number,
            configuration,
        })
    }

    /// Nodes that are there with another file than this member's.
    pub(super) fn other_files(&self) -> impl Iterator<Item = &str> {
        let word = &self.wanted.digest;
        let nodes = self.node.question(clock::now()).nodes;
        self.file.nodes.keys().filter_map(move |name| {
            let node = nodes.get(name)?;
            let there = node.presence == cluster_model::state::Presence::Online;
            let told = node.attributes.get(FILE);
            (there && told != Some(word)).then_some(name.as_str())
        })
    }

    /// What an operator should know about files.
    pub(super) fn file_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let wanted = &self.wanted.configuration;
        if self.node.configuration().is_some_and(|now| now != wanted) {
            let others: Vec<_> = self.other_files().collect();
            problems.push(if others.is_empty() {
                "the configuration of this member's file is not the cluster's: it takes effect when whoever coordinates has the same file".to_owned()
            } else {
                format!(
                    "the file of this member is not in effect: {} another one (`clusterd reload` after a change)",
                    if others.len() == 1 {
                        format!("{} has", others[0])
                    } else {
                        format!("{} have", others.join(", "))
                    }
                )
            });
        }
        problems
    }
}
