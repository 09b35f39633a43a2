//! When one of a lone pair is sure that it has lost the other one: after a deadtime for which
//! it was awake, and once it has read what came in while it slept. A peer that begins, or is
//! heard again, gets a deadtime to say that it hears this daemon: once, until it has said so.

use crate::name::{NodeId, Session};
use crate::node::Node;
use crate::time::Time;
use std::time::Duration;

/// When a peer was heard, by a clock that stands still while this node sleeps.
#[derive(Debug)]
pub(crate) struct Attention {
    /// Last; who was not heard yet, when this daemon began.
    last: Time,
    /// Since when it has had the time to say that it hears this daemon.
    since: Time,
    session: Option<Session>,
    /// It was given that time, and was not there since.
    tried: bool,
}

impl Attention {
    pub(crate) fn new(begun: Time) -> Self {
        Self {
            last: begun,
            since: begun,
            session: None,
            tried: false,
        }
    }

    /// True: afresh, and it gets time.
    fn hear(&mut self, session: Session, deadtime: Duration, awake: Time) -> bool {
        let is_new = self.session.replace(session) != Some(session);
        let afresh = is_new || awake.since(self.last) >= deadtime;
        self.last = awake;
        let is_given = afresh && !self.tried;
        if is_given {
            self.since = awake;
            self.tried = true;
        }
        is_given
    }
}

/// How this node has had its turns.
#[derive(Debug, Default)]
pub(crate) struct Sleep {
    /// How long it had none when it should have had one, all in all.
    slept: Duration,
    /// So long it still reads before it judges anybody.
    reads: Duration,
    /// When it could not write for so long that it fell silent itself.
    silent: Time,
}

impl Sleep {
    /// It is its turn, after so long. Each heartbeat is one, so whoever comes later than that
    /// was asleep; it reads for as long, and no longer than for two heartbeats: who dozes again
    /// and again comes to an end, too.
    fn wake(&mut self, gap: Duration, keepalive: Duration) {
        let late = gap.saturating_sub(keepalive);
        self.slept += late;
        self.reads = self.reads.saturating_sub(gap.min(keepalive));
        self.reads = (self.reads + late).min(keepalive * 2);
    }
}

impl Node {
    pub(crate) fn wake(&mut self, now: Time) {
        let gap = now.since(self.seen);
        self.sleep.wake(gap, self.settings.keepalive);
    }

    fn awake(&self, now: Time) -> Time {
        now - self.sleep.slept
    }

    /// The peer said something new.
    pub(crate) fn attend(&mut self, peer: NodeId, session: Session, now: Time) {
        let (awake, deadtime) = (self.awake(now), self.settings.deadtime);
        let attention = self.peers.attention(peer);
        let is_given = attention.is_some_and(|it| it.hear(session, deadtime, awake));
        // If it is lost again, it may have heard this node as well, and go first: then both
        // wait from now on.
        if is_given && !self.goes_before(peer) {
            self.fencing.lost = self.fencing.lost.map(|_| now);
        }
    }

    /// Whether the peer is there; and whether this node can write. Who cannot falls silent, and
    /// the peer may be in the same trouble: it gets time as well once that is over.
    pub(crate) fn attend_to(&mut self, peer: NodeId, now: Time) {
        if self.stall.lasts(self.settings.terms.lease / 2, now) {
            self.sleep.silent = self.awake(now);
        }
        if self.is_there(peer, now)
            && let Some(attention) = self.peers.attention(peer)
        {
            attention.tried = false;
        }
    }

    /// For how long it has been silent, or heard without hearing this node; as far as there
    /// was time to notice.
    fn silence(&self, peer: NodeId, now: Time) -> Option<Duration> {
        let attention = self.peers.attention_to(peer)?;
        let is_heard = self.peers.is_there(peer, &self.settings, now);
        let from = if is_heard {
            attention.since
        } else {
            attention.last
        };
        let from = from.max(self.sleep.silent);
        Some(self.awake(now).since(from))
    }

    /// It was silent, or deaf, long enough.
    pub(crate) fn is_lost(&self, peer: NodeId, now: Time) -> bool {
        let silence = self.silence(peer, now);
        silence.is_some_and(|silence| silence >= self.settings.deadtime)
    }

    /// All that came in while it slept.
    pub(crate) fn has_read(&self) -> bool {
        self.sleep.reads.is_zero()
    }

    pub(crate) fn is_surely_lost(&self, peer: NodeId, now: Time) -> bool {
        self.is_lost(peer, now) && self.has_read()
    }

    /// When it may come to be sure, unless it hears more or sleeps.
    pub(crate) fn notices_at(&self, peer: NodeId) -> Option<Time> {
        let attention = self.peers.attention_to(peer)?;
        let moments = [attention.last, attention.since];
        let moments = moments.map(|from| from + self.sleep.slept + self.settings.deadtime);
        moments.into_iter().filter(|at| *at > self.seen).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn who_has_its_turns_never_slept() {
        let mut sleep = Sleep::default();
        for _ in 0..100 {
            sleep.wake(SECOND, SECOND);
        }
        assert_eq!((sleep.slept, sleep.reads), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn who_slept_long_reads_for_two_heartbeats() {
        let mut sleep = Sleep::default();
        sleep.wake(SECOND * 60, SECOND);
        assert_eq!((sleep.slept, sleep.reads), (SECOND * 59, SECOND * 2));
        for left in [3, 2, 1, 0] {
            sleep.wake(SECOND / 2, SECOND);
            assert_eq!(sleep.reads, SECOND / 2 * left);
        }
    }

    #[test]
    fn time_to_answer_is_given_once_until_the_peer_is_there() {
        let at = |s: u64| Time::from_millis(s * 1_000);
        let mut attention = Attention::new(at(0));
        assert!(attention.hear(Session(1), SECOND, at(1)));
        assert!(!attention.hear(Session(1), SECOND, at(9)));
        assert!(!attention.hear(Session(2), SECOND, at(9)));
        assert_eq!((attention.since, attention.last), (at(1), at(9)));
        attention.tried = false;
        assert!(!attention.hear(Session(2), SECOND, at(9)));
        assert!(attention.hear(Session(3), SECOND, at(9)));
        assert_eq!(attention.since, at(9));
    }
}
