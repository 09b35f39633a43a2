//! When one of a lone pair is sure that it has lost the other one: after a deadtime for which
//! it was awake. What came in while it slept is read first, and a peer that begins, or is
//! heard again, has as long to say that it hears this daemon.

use crate::name::{NodeId, Session};
use crate::node::Node;
use crate::time::Time;
use std::time::Duration;

/// When a peer was heard, by a clock that stands still while this node sleeps.
#[derive(Debug)]
pub(crate) struct Attention {
    /// Last; who was not heard yet, when this daemon began.
    last: Time,
    /// Since when it is heard, without a deadtime of silence in between.
    since: Time,
    session: Option<Session>,
}

impl Attention {
    pub(crate) fn new(begun: Time) -> Self {
        Self {
            last: begun,
            since: begun,
            session: None,
        }
    }

    /// True: afresh.
    fn hear(&mut self, session: Session, deadtime: Duration, awake: Time) -> bool {
        let afresh = self.session != Some(session) || awake.since(self.last) >= deadtime;
        if afresh {
            self.session = Some(session);
            self.since = awake;
        }
        self.last = awake;
        afresh
    }
}

impl Node {
    /// It is its turn. Each heartbeat is one, so whoever comes later than that was asleep.
    pub(crate) fn wake(&mut self, now: Time) {
        let late = now.since(self.seen).saturating_sub(self.settings.keepalive);
        self.slept += late;
    }

    fn awake(&self, now: Time) -> Time {
        now - self.slept
    }

    /// The peer said something new.
    pub(crate) fn attend(&mut self, peer: NodeId, session: Session, now: Time) {
        let (awake, deadtime) = (self.awake(now), self.settings.deadtime);
        let attention = self.peers.attention(peer);
        if attention.is_some_and(|it| it.hear(session, deadtime, awake)) {
            // If it is lost again, it may have heard this node as well: then both wait from
            // now on, the one that waits longer too.
            self.fencing.lost = None;
        }
    }

    /// Who cannot write can neither fence nor be heard, and the peer may be in the same
    /// trouble: it gets time as well once that is over.
    pub(crate) fn attend_to_the_disk(&mut self, now: Time) {
        if !self.can_write(now) {
            self.fencing.unable = self.awake(now);
        }
    }

    /// It is silent, or heard and does not hear this node, and there was time to notice.
    pub(crate) fn is_surely_lost(&self, peer: NodeId, now: Time) -> bool {
        let Some(attention) = self.peers.attention_to(peer) else {
            return false;
        };
        let is_heard = self.peers.is_there(peer, &self.settings, now);
        let from = if is_heard {
            attention.since
        } else {
            attention.last
        };
        let from = from.max(self.fencing.unable);
        self.awake(now).since(from) >= self.settings.deadtime
    }

    /// When it may come to be sure, unless it hears more or sleeps.
    pub(crate) fn notices_at(&self, peer: NodeId) -> Option<Time> {
        let attention = self.peers.attention_to(peer)?;
        let moments = [attention.last, attention.since];
        let moments = moments.map(|from| from + self.slept + self.settings.deadtime);
        moments.into_iter().filter(|at| *at > self.seen).min()
    }
}
