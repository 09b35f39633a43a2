//! When one of a lone pair is sure that it has lost the other one: after a deadtime for which
//! it was awake, and once it has read what came in while it slept. A peer that begins, or is
//! heard again, gets a deadtime to say that it hears this daemon; not again and again.

use crate::name::{NodeId, Session};
use crate::node::Node;
use crate::time::Time;
use std::time::Duration;

/// So often a peer gets time to say that it hears, until it has said so: one whose daemon
/// begins again and again never does.
const TRIES: u8 = 3;

/// When a peer was heard, by a clock that stands still while this node sleeps.
#[derive(Debug)]
pub(crate) struct Attention {
    /// Last; who was not heard yet, when this daemon began.
    last: Time,
    /// Since when it has had the time to say that it hears this daemon.
    since: Time,
    session: Option<Session>,
    /// So often it was given that time, and was not there since.
    tries: u8,
}

impl Attention {
    pub(crate) fn new(begun: Time) -> Self {
        Self {
            last: begun,
            since: begun,
            session: None,
            tries: 0,
        }
    }

    /// True: afresh, and it gets time.
    fn hear(&mut self, session: Session, deadtime: Duration, awake: Time) -> bool {
        let is_new = self.session.replace(session) != Some(session);
        let afresh = is_new || awake.since(self.last) >= deadtime;
        self.last = awake;
        let is_given = afresh && self.tries < TRIES;
        if is_given {
            self.since = awake;
            self.tries += 1;
        }
        is_given
    }
}

/// How this node has had its turns.
#[derive(Debug, Default)]
pub(crate) struct Sleep {
    /// When it wants its next turn at the latest.
    due: Time,
    /// How long it had none when it should have had one, all in all.
    slept: Duration,
    /// So long it still reads.
    reads: Duration,
    /// Since when it reads, by the clock that stands still; nothing: it has read all.
    reading: Option<Time>,
    /// Before that it was away for so long that the peer may have gone on without it.
    was_away: bool,
    /// When it could not write for so long that it fell silent itself.
    silent: Time,
}

impl Sleep {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            due: now,
            ..Self::default()
        }
    }

    /// It has its turn. Whoever is late slept, and reads for as long as it did, two heartbeats
    /// at most. The last turn was at `seen`.
    fn wake(&mut self, seen: Time, now: Time, keepalive: Duration, deadtime: Duration) {
        // Timers are late, too.
        let late = Some(now.since(self.due)).filter(|late| *late > keepalive / 8);
        let late = late.unwrap_or_default();
        self.slept += late;
        let awake = now.since(seen).saturating_sub(late);
        self.reads = self.reads.saturating_sub(awake) + late;
        self.reads = self.reads.min(keepalive * 2);
        self.was_away |= late + keepalive >= deadtime;
        if self.reads.is_zero() {
            self.reading = None;
            self.was_away = false;
        } else {
            self.reading.get_or_insert(now - self.slept);
        }
    }

    /// It has read what came in while it slept. Who dozes again and again comes to an end, too.
    fn has_read(&self, now: Time, deadtime: Duration) -> bool {
        let awake = now - self.slept;
        let is_long = |since: Time| awake.since(since) >= deadtime;
        self.reading.is_none_or(is_long)
    }
}

impl Node {
    /// It has its turn.
    pub(crate) fn wake(&mut self, now: Time) {
        let (keepalive, deadtime) = (self.settings.keepalive, self.settings.deadtime);
        self.sleep.wake(self.seen, now, keepalive, deadtime);
    }

    /// Its turn is over.
    pub(crate) fn rest(&mut self, now: Time) {
        self.sleep.due = self.deadline().max(now);
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
        if is_given && self.fencing.lost.is_some() {
            self.fencing.lost = Some(now);
            self.fencing.glimpsed = true;
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
            attention.tries = 0;
        }
    }

    /// It has been silent, or heard without hearing this node, for a deadtime in which there
    /// was time to notice, and this node has read all that came in while it slept.
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
        let silence = self.awake(now).since(from.max(self.sleep.silent));
        let deadtime = self.settings.deadtime;
        silence >= deadtime && self.sleep.has_read(now, deadtime)
    }

    /// It was away, and has not read yet what was decided meanwhile.
    pub(crate) fn comes_back(&self, now: Time) -> bool {
        self.sleep.was_away && !self.sleep.has_read(now, self.settings.deadtime)
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

    /// Turns at these milliseconds, each due at the other one.
    fn sleep_of(turns: &[(u64, u64)]) -> Sleep {
        let mut sleep = Sleep::new(Time::default());
        let mut seen = Time::default();
        for (due, at) in turns.iter().copied() {
            sleep.due = Time::from_millis(due);
            let now = Time::from_millis(at);
            sleep.wake(seen, now, SECOND, SECOND * 4);
            seen = now;
        }
        sleep
    }

    #[test]
    fn who_has_its_turns_never_slept() {
        let sleep = sleep_of(&[(900, 901), (1_800, 1_900), (2_500, 2_000)]);
        assert_eq!(sleep.slept, Duration::ZERO);
        assert_eq!(sleep.reading, None);
    }

    #[test]
    fn who_slept_reads_for_as_long_and_two_heartbeats_at_most() {
        let short = [(1_000, 1_300), (1_600, 1_500), (2_600, 1_600)];
        for (turns, left) in [(1, 300), (2, 100), (3, 0)] {
            let sleep = sleep_of(&short[..turns]);
            assert_eq!(sleep.reads, Duration::from_millis(left));
            assert_eq!(sleep.slept, Duration::from_millis(300));
            assert_eq!(
                sleep.has_read(Time::from_millis(1_600), SECOND * 4),
                left == 0
            );
            assert!(!sleep.was_away);
        }
        let long = sleep_of(&[(1_000, 61_000)]);
        assert_eq!(long.reads, SECOND * 2);
        assert!(long.was_away);
        let over = sleep_of(&[(1_000, 61_000), (62_000, 62_000), (63_000, 63_000)]);
        assert_eq!((over.reading, over.was_away), (None, false));
    }

    #[test]
    fn who_dozes_at_each_turn_comes_to_an_end() {
        let turns: Vec<_> = (1..20).map(|n| (n * 1_500 - 500, n * 1_500)).collect();
        let now = |turns: usize| Time::from_millis(turns as u64 * 1_500);
        let few = sleep_of(&turns[..4]);
        assert!(!few.has_read(now(4), SECOND * 4));
        let many = sleep_of(&turns[..5]);
        assert!(many.has_read(now(5), SECOND * 4));
    }

    #[test]
    fn time_to_answer_is_given_some_times_until_the_peer_is_there() {
        let at = |s: u64| Time::from_millis(s * 1_000);
        let mut attention = Attention::new(at(0));
        assert!(attention.hear(Session(1), SECOND, at(1)));
        assert!(attention.hear(Session(1), SECOND, at(9)));
        assert!(attention.hear(Session(2), SECOND, at(9)));
        assert!(!attention.hear(Session(2), SECOND, at(12)));
        assert!(!attention.hear(Session(3), SECOND, at(12)));
        assert_eq!((attention.since, attention.last), (at(9), at(12)));
        attention.tries = 0;
        assert!(!attention.hear(Session(3), SECOND, at(12)));
        assert!(attention.hear(Session(4), SECOND, at(12)));
        assert_eq!(attention.since, at(12));
    }
}
