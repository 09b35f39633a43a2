//! What a node sees at one moment, for operators.

use crate::name::{Incarnation, LinkId, NodeId};
use crate::node::Node;
use crate::placement;
use crate::settings::Settings;
use crate::time::Time;
use cluster_model::state::ClusterState;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a node sees at one moment: its own position, and how it hears the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Who coordinates, as far as this node knows.
    pub coordinator: Option<NodeId>,
    /// As whom this session was admitted; nothing: it was not, or it was given up.
    pub incarnation: Option<Incarnation>,
    /// How long this node may still run resources without another word of the others.
    pub lease: Option<Duration>,
    /// The watchdog is armed.
    pub armed: bool,
    /// What was to be written is not on the disk for longer than a peer may be silent.
    pub disk_hangs: bool,
    /// How everybody else is heard.
    pub peers: BTreeMap<NodeId, PeerView>,
}

/// How a peer is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerView {
    /// On any network, within the deadtime.
    pub there: bool,
    /// When it was last heard.
    pub heard: Option<Duration>,
    /// By network: whether it is heard there, and when it last was.
    pub links: BTreeMap<LinkId, (bool, Option<Duration>)>,
}

impl Node {
    /// What this node sees now.
    pub fn view(&self, now: Time) -> View {
        let until = self.lease.until().filter(|_| self.has_lease(now));
        View {
            coordinator: self.consensus.leader(),
            incarnation: self.incarnation,
            lease: until.map(|until| until.since(now)),
            armed: self.local.is_armed(),
            disk_hangs: self.stall.lasts(self.settings.deadtime, now),
            peers: self.peers.view(&self.settings, now),
        }
    }

    /// The cluster in the policy's words, as far as this node knows it.
    pub fn question(&self, now: Time) -> ClusterState {
        let heard = self.heard(now);
        placement::question(&self.settings, &self.state, &heard, self.cluster_ms(now))
    }

    /// What it was told at its start.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
