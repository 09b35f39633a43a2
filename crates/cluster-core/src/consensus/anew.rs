//! The log of a member that begins with an empty disk, here and at whoever leads.

use super::{Consensus, raft_id};
use crate::name::NodeId;
use raft::{Progress, Storage};

impl Consensus {
    /// Was anything committed, as far as this node knows?
    pub(crate) fn has_committed(&self) -> bool {
        self.raft.raft.raft_log.committed > 0
    }

    /// The latest term that it knows.
    pub(crate) fn term(&self) -> u64 {
        self.raft.raft.term
    }

    /// Votes in no term before this one, nor in this one for whoever asked earlier: it
    /// begins in it as one who follows.
    pub(crate) fn begin_in(&mut self, term: u64) {
        if term > self.raft.raft.term {
            self.raft.raft.become_follower(term, raft::INVALID_ID);
        }
    }

    /// Did this node never acknowledge anything to anybody? Only a leader knows to whom all
    /// of the log belongs.
    pub(crate) fn is_new(&self, node: NodeId) -> bool {
        let log = self.raft.store();
        let mine = log.begins_after() == 0 && log.term(1) == Ok(self.raft.raft.term);
        let progress = self.raft.raft.prs().get(raft_id(node));
        mine && progress.is_some_and(|progress| progress.matched == 0)
    }

    /// What this node acknowledged, it has not any more.
    pub(crate) fn forget(&mut self, node: NodeId) {
        let next = self.raft.raft.raft_log.last_index() + 1;
        let window = self.raft.raft.max_inflight;
        if let Some(progress) = self.raft.raft.mut_prs().get_mut(raft_id(node)) {
            let silent = !progress.recent_active;
            *progress = Progress::new(next, window);
            progress.recent_active = !silent;
        }
    }

    /// Was it found, since somebody asked, that this node acknowledged more than it has?
    pub(crate) fn acknowledged_more(&mut self) -> bool {
        std::mem::take(&mut self.acknowledged_more)
    }
}
