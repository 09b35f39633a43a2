//! What happens to the core, said in the journal.

use super::journal::Level;
use super::machine::Machine;
use cluster_core::action::Note;
use std::fmt::Write as _;

impl Machine {
    /// What is to be said of a disk that is empty, or not the one that was there.
    fn disk_note(&self, note: &Note) -> (Level, String) {
        match note {
            Note::EmptyDisk(node) => (
                Level::Warning,
                format!("{} begins with an empty disk", self.name(*node)),
            ),
            Note::OldDisk => (
                Level::Critical,
                "the disk has less than this node acknowledged: it is another one, or an older \
                 copy; the node does not count until the cluster knows that"
                    .to_owned(),
            ),
            Note::BeginsAnew => (Level::Notice, "this node takes part".to_owned()),
            _ => (
                Level::Notice,
                "the disk is empty: this node takes part once a majority knows that".to_owned(),
            ),
        }
    }

    pub(super) fn note(&mut self, note: &Note) {
        if let Note::Joined(node) = note
            && *node != self.node.settings().me
            && self.reach().is_some()
        {
            self.announce_again();
        }
        let (level, sentence) = match note {
            Note::Link { peer, link, up } => {
                let address = self.links.address(peer.0, link.0);
                let address = address.map_or_else(String::new, |address| format!(" at {address}"));
                let peer = self.name(*peer);
                if *up {
                    (Level::Notice, format!("{peer} is heard{address}"))
                } else {
                    (
                        Level::Warning,
                        format!("{peer} is not heard any more{address}"),
                    )
                }
            }
            Note::Coordinator(true) => (Level::Notice, "this node coordinates".to_owned()),
            Note::Coordinator(false) => (
                Level::Notice,
                "this node does not coordinate any more".to_owned(),
            ),
            Note::Lease(true) => (Level::Notice, "this node may run resources".to_owned()),
            Note::Lease(false) => {
                let why = if self.reach().is_some() {
                    "it reaches nobody, cannot write, or began with nothing"
                } else if self.node.settings().arbitration.is_of_a_lone_pair() {
                    "it is one of the pair no longer"
                } else {
                    "no majority answers it"
                };
                let sentence = format!("this node may not run resources any more: {why}");
                (Level::Warning, sentence)
            }
            Note::Joined(node) => (Level::Notice, format!("{} joined", self.name(*node))),
            Note::Condemned(node) => (
                Level::Critical,
                format!(
                    "{} is to go down: it holds what it cannot stop",
                    self.name(*node)
                ),
            ),
            Note::Fencing(node, attempt) => (
                Level::Warning,
                format!("{} is being fenced (attempt {attempt})", self.name(*node)),
            ),
            Note::Fenced(node, outcome) => (
                Level::Warning,
                format!("fencing of {}: {outcome:?}", self.name(*node)),
            ),
            Note::Alone(epoch) => (
                Level::Warning,
                format!("this node goes on alone (epoch {})", epoch.number),
            ),
            Note::Reached(reached, owned) => {
                let owner = if *owned {
                    "an address of the cluster is somebody else's"
                } else {
                    "nobody else has an address of the cluster"
                };
                let sentence = format!("{reached} listed addresses answer; {owner}");
                (Level::Warning, sentence)
            }
            Note::Yielded { to, dropped } => {
                let mut sentence = format!(
                    "the peer went on without this node (epoch {}), which begins with nothing",
                    to.number
                );
                if let Some(dropped) = dropped {
                    let _ = write!(sentence, "; {dropped} decisions of its own are dropped");
                }
                (Level::Warning, sentence)
            }
            Note::Reunited => (Level::Notice, "both nodes vote again".to_owned()),
            Note::Blank | Note::OldDisk | Note::BeginsAnew | Note::EmptyDisk(_) => {
                self.disk_note(note)
            }
            Note::Configured(index) => (
                Level::Notice,
                format!("another configuration counts from now on (entry {index})"),
            ),
            Note::Unfit(unfit) => (
                Level::Error,
                format!("the configuration of this node is not used: {unfit}"),
            ),
            Note::Lost(node, proof) => {
                let proof = match proof {
                    cluster_core::state::Proof::PromiseOver => "all promises to it are over",
                    cluster_core::state::Proof::NewBoot => "its machine was started anew",
                    cluster_core::state::Proof::Fenced if self.reach().is_some() => {
                        "it is not heard, and this node reaches enough"
                    }
                    cluster_core::state::Proof::Fenced => "it is off",
                    cluster_core::state::Proof::Parted => "it stopped everything and went",
                };
                let name = self.name(*node);
                (Level::Warning, format!("{name} is given up: {proof}"))
            }
        };
        self.journal.say(level, &sentence, &[]);
        self.own.version += 1;
    }
}
