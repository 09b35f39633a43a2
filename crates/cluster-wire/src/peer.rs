//! What is known of a peer's sessions: which one is now, which ones are over.
//!
//! Sessions are drawn at random, so their numbers do not say which one came first. Two
//! things do. A datagram that names this daemon's session was sent after this daemon
//! started. And one that names a counter of ours was sent after ours: so a session that
//! answers to something that was sent after *its first datagram was heard*, and after
//! the last change of sessions, was alive then, and the one before it is not any more.
//! A datagram of a dead session that was late or is repeated never does.

use crate::fragments::Fragments;
use crate::refused::Refused;
use crate::sealed::Envelope;
use crate::window::Window;
use std::collections::VecDeque;

/// Sessions of a peer that are remembered beside the current one. Of more, the one that
/// was silent for longest is forgotten: its datagrams could be repeated, unproven.
const SESSIONS_MAX: usize = 16;

/// Sessions that are over and remembered as such. A forgotten one still cannot become
/// the current one, because it does not answer.
const RETIRED_MAX: usize = 256;

/// One peer.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Datagrams that were sealed for it: the counter of the last one.
    sent: u64,
    /// In the order in which they were last heard.
    sessions: Vec<Session>,
    current: Option<u64>,
    retired: VecDeque<u64>,
    pub(crate) fragments: Fragments,
}

#[derive(Debug)]
struct Session {
    number: u64,
    window: Window,
    /// The lowest counter of a datagram that named our session: all later ones were sent
    /// after we started, too.
    proven_from: Option<u64>,
    /// It has to answer to a datagram of ours after this one to replace the current one.
    answers_after: u64,
}

impl Peer {
    /// The next counter for a datagram to it.
    pub(crate) fn next_counter(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// Its session as last heard, and the highest counter of it; zeros: none was.
    pub(crate) fn heard(&self) -> (u64, u64) {
        self.sessions
            .last()
            .map_or((0, 0), |last| (last.number, last.window.highest()))
    }

    /// Notes an authentic datagram. True: it was sent after `mine`, our session, began.
    pub(crate) fn hear(&mut self, envelope: &Envelope, mine: u64) -> Result<bool, Refused> {
        let number = envelope.session;
        if self.retired.contains(&number) {
            return Err(Refused::OldSession);
        }
        let mut session = match self.sessions.iter().position(|s| s.number == number) {
            Some(at) => {
                if !self.sessions[at].window.take(envelope.counter) {
                    return Err(Refused::Replayed);
                }
                self.sessions.remove(at)
            }
            None => self.begin(envelope)?,
        };
        // 0 says that none is known, whatever ours is.
        let names_us = envelope.to_session == mine && mine != 0;
        if names_us {
            let from = session.proven_from.unwrap_or(envelope.counter);
            session.proven_from = Some(from.min(envelope.counter));
        }
        let proven = session
            .proven_from
            .is_some_and(|from| envelope.counter >= from);
        let answers = names_us && envelope.heard > session.answers_after;
        self.sessions.push(session);
        match self.current {
            Some(current) if current == number => {}
            Some(current) if answers => {
                self.retire(current);
                self.replace(number);
            }
            None if names_us => self.replace(number),
            Some(_) | None => {}
        }
        Ok(proven)
    }

    fn begin(&mut self, envelope: &Envelope) -> Result<Session, Refused> {
        let mut window = Window::new();
        if !window.take(envelope.counter) {
            return Err(Refused::Replayed);
        }
        if self.sessions.len() > SESSIONS_MAX {
            let mut others = self.sessions.iter();
            let at = others.position(|other| Some(other.number) != self.current);
            self.sessions.remove(at.unwrap_or_default());
        }
        Ok(Session {
            number: envelope.session,
            window,
            proven_from: None,
            answers_after: self.sent,
        })
    }

    fn retire(&mut self, number: u64) {
        self.sessions.retain(|session| session.number != number);
        self.retired.push_back(number);
        if self.retired.len() > RETIRED_MAX {
            self.retired.pop_front();
        }
    }

    /// From now on `number` is the current one, and each other has to answer anew.
    fn replace(&mut self, number: u64) {
        self.current = Some(number);
        for session in &mut self.sessions {
            session.answers_after = self.sent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: u64 = 99;

    fn says(session: u64, counter: u64, to_session: u64, heard: u64) -> Envelope {
        Envelope {
            from: 1,
            to: 2,
            link: 0,
            session,
            counter,
            to_session,
            heard,
            index: 0,
            count: 1,
        }
    }

    #[test]
    fn a_late_datagram_of_a_dead_session_does_not_displace_the_one_that_lives() {
        let mut peer = Peer::default();
        let sent = peer.next_counter();
        assert_eq!(peer.hear(&says(1, 1, MINE, sent), MINE), Ok(true));
        // Session 2 heard us, said so, and died; that is still on its way.
        let late = says(2, 1, MINE, sent);
        assert_eq!(peer.hear(&says(3, 1, MINE, sent), MINE), Ok(true));
        let sent = peer.next_counter();
        assert_eq!(peer.hear(&says(3, 2, MINE, sent), MINE), Ok(true));
        assert_eq!(peer.current, Some(3));
        assert_eq!(
            peer.hear(&says(1, 2, MINE, sent), MINE),
            Err(Refused::OldSession)
        );
        assert_eq!(peer.hear(&late, MINE), Ok(true), "it is true, and harmless");
        assert_eq!(peer.current, Some(3));
        assert_eq!(peer.hear(&says(3, 3, MINE, sent), MINE), Ok(true));
    }

    #[test]
    fn a_dead_session_that_was_taken_for_the_current_one_is_replaced() {
        let mut peer = Peer::default();
        assert_eq!(peer.hear(&says(3, 1, 0, 0), MINE), Ok(false));
        let sent = peer.next_counter();
        assert_eq!(peer.hear(&says(2, 9, MINE, sent), MINE), Ok(true));
        assert_eq!(peer.current, Some(2));
        assert_eq!(peer.hear(&says(3, 2, MINE, sent), MINE), Ok(true));
        assert_eq!(peer.current, Some(2), "not after the change");
        let sent = peer.next_counter();
        assert_eq!(peer.hear(&says(3, 3, MINE, sent), MINE), Ok(true));
        assert_eq!(peer.current, Some(3));
    }

    #[test]
    fn old_sessions_that_somebody_repeats_change_nothing() {
        let mut peer = Peer::default();
        peer.next_counter();
        assert_eq!(peer.hear(&says(1, 1, MINE, 1), MINE), Ok(true));
        for old in 1000..1100 {
            assert_eq!(peer.hear(&says(old, 5, 7, 100), MINE), Ok(false));
            assert_eq!(
                peer.hear(&says(old, 5, 7, 100), MINE),
                Err(Refused::Replayed)
            );
        }
        assert!(peer.sessions.len() <= SESSIONS_MAX + 1);
        // It named another session of ours in between; its counter proves it all the same.
        assert_eq!(peer.hear(&says(1, 2, 55, 1), MINE), Ok(true));
        assert_eq!(peer.current, Some(1));
        assert_eq!(peer.heard(), (1, 2));
    }

    #[test]
    fn what_was_sent_before_we_began_is_not_proven_even_if_it_comes_later() {
        let mut peer = Peer::default();
        assert_eq!(peer.hear(&says(1, 7, MINE, 0), MINE), Ok(true));
        assert_eq!(peer.hear(&says(1, 6, 5, 0), MINE), Ok(false));
        assert_eq!(peer.hear(&says(1, 8, 0, 0), MINE), Ok(true));
        assert_eq!(
            peer.hear(&says(1, 5, 0, 0), 0),
            Ok(false),
            "0 is nobody's name"
        );
    }
}
