//! Messages that are longer than a datagram, put together again.

use crate::sealed::Envelope;
use crate::wire::MESSAGE_MAX;
use std::time::Duration;

/// Unfinished messages of one peer that are kept.
pub(crate) const UNFINISHED_MAX: usize = 4;

/// How long an unfinished message is kept.
pub(crate) const UNFINISHED_FOR: Duration = Duration::from_secs(2);

/// What is wrong with a piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentFault {
    /// The sealed part is too short to say what it is.
    #[error("its sealed part is too short")]
    Short,
    /// Its place is not one of the message's.
    #[error("it is piece {index} (from 0) of a message in {count} pieces")]
    Place {
        /// Its place.
        index: u16,
        /// How many pieces there are to be.
        count: u16,
    },
    /// It says something else about its message than another piece did.
    #[error("it contradicts another piece of the same message")]
    Contradiction,
    /// The message gets longer than one may be.
    #[error("its message is longer than {MESSAGE_MAX} bytes")]
    TooLong,
}

/// The unfinished messages of one peer.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    unfinished: Vec<Unfinished>,
}

#[derive(Debug)]
struct Unfinished {
    session: u64,
    message: u64,
    link: u8,
    since: Duration,
    proven: bool,
    missing: usize,
    bytes: usize,
    pieces: Vec<Option<Vec<u8>>>,
}

/// A whole message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) message: Vec<u8>,
    /// All its pieces were proven.
    pub(crate) proven: bool,
}

impl Fragments {
    /// Takes a piece that was never taken before. The message, if it was the last one.
    pub(crate) fn take(
        &mut self,
        envelope: &Envelope,
        piece: &[u8],
        proven: bool,
        now: Duration,
    ) -> Result<Option<Whole>, FragmentFault> {
        let (index, count) = (envelope.index, envelope.count);
        let place = FragmentFault::Place { index, count };
        let message = envelope.message().filter(|_| index < count).ok_or(place)?;
        if piece.len() > MESSAGE_MAX {
            return Err(FragmentFault::TooLong);
        }
        if count == 1 {
            let message = piece.to_vec();
            return Ok(Some(Whole { message, proven }));
        }
        self.unfinished
            .retain(|other| now.saturating_sub(other.since) < UNFINISHED_FOR);
        let known =
            |other: &Unfinished| (other.session, other.message) == (envelope.session, message);
        let at = match self.unfinished.iter().position(known) {
            Some(at) => at,
            None => self.begin(envelope, message, proven, now),
        };
        let unfinished = &mut self.unfinished[at];
        if unfinished.pieces.len() != usize::from(count) || unfinished.link != envelope.link {
            return Err(FragmentFault::Contradiction);
        }
        let slot = &mut unfinished.pieces[usize::from(index)];
        if slot.is_some() {
            return Err(FragmentFault::Contradiction);
        }
        *slot = Some(piece.to_vec());
        unfinished.bytes += piece.len();
        unfinished.missing -= 1;
        unfinished.proven &= proven;
        if unfinished.bytes > MESSAGE_MAX {
            self.unfinished.swap_remove(at);
            return Err(FragmentFault::TooLong);
        }
        if unfinished.missing > 0 {
            return Ok(None);
        }
        let done = self.unfinished.swap_remove(at);
        Ok(Some(Whole {
            proven: done.proven,
            message: done.pieces.into_iter().flatten().flatten().collect(),
        }))
    }

    /// Begins a message; if there are too many, another one goes: one that is not proven
    /// rather than one that is, and then the oldest.
    fn begin(&mut self, envelope: &Envelope, message: u64, proven: bool, now: Duration) -> usize {
        if self.unfinished.len() >= UNFINISHED_MAX {
            let mut all = self.unfinished.iter().enumerate();
            let first = all
                .next()
                .map(|(at, other)| (other.proven, other.since, at));
            let worst = all
                .map(|(at, other)| (other.proven, other.since, at))
                .chain(first)
                .min();
            if let Some((_, _, at)) = worst {
                self.unfinished.swap_remove(at);
            }
        }
        let count = usize::from(envelope.count);
        self.unfinished.push(Unfinished {
            session: envelope.session,
            message,
            link: envelope.link,
            since: now,
            proven,
            missing: count,
            bytes: 0,
            pieces: vec![None; count],
        });
        self.unfinished.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(message: u64, index: u16, count: u16) -> Envelope {
        Envelope {
            from: 1,
            to: 2,
            link: 0,
            session: 7,
            counter: message + u64::from(index),
            to_session: 0,
            heard: 0,
            index,
            count,
        }
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn pieces_come_in_any_order_and_give_the_message() {
        let mut fragments = Fragments::default();
        let mut take = |index, piece: &[u8], proven| {
            fragments.take(&envelope(10, index, 3), piece, proven, MS(0))
        };
        assert_eq!(take(2, b"c", true), Ok(None));
        assert_eq!(take(0, b"a", false), Ok(None));
        assert_eq!(take(0, b"x", true), Err(FragmentFault::Contradiction));
        let whole = take(1, b"b", true).expect("fits").expect("whole");
        assert_eq!(whole.message, b"abc");
        assert!(!whole.proven, "one piece is not");
    }

    #[test]
    fn what_is_not_finished_in_time_or_is_too_much_is_forgotten() {
        let mut fragments = Fragments::default();
        for message in 1..=5 {
            let first = envelope(message * 10, 0, 2);
            // The second one is not proven: it has to go, though the first one is older.
            let taken = fragments.take(&first, b"a", message != 2, MS(message));
            assert_eq!(taken, Ok(None));
        }
        assert_eq!(fragments.unfinished.len(), UNFINISHED_MAX);
        let whole = fragments.take(&envelope(10, 1, 2), b"b", true, MS(2000));
        assert!(whole.expect("fits").is_some(), "1 ms before its end");
        assert_eq!(
            fragments.take(&envelope(20, 1, 2), b"b", true, MS(2000)),
            Ok(None)
        );
        assert_eq!(
            fragments.take(&envelope(30, 1, 2), b"b", true, MS(2003)),
            Ok(None)
        );
        assert_eq!(fragments.unfinished.len(), 4, "20, 30, 40 and 50");
    }

    #[test]
    fn impossible_pieces_are_refused() {
        let mut fragments = Fragments::default();
        let mut take =
            |envelope: Envelope, piece: &[u8]| fragments.take(&envelope, piece, true, MS(0));
        for (index, count) in [(0, 0), (1, 1), (5, 2)] {
            let place = FragmentFault::Place { index, count };
            assert_eq!(take(envelope(9, index, count), b""), Err(place));
        }
        let before_the_first = Envelope {
            counter: 1,
            ..envelope(0, 2, 3)
        };
        assert!(take(before_the_first, b"").is_err());
        assert_eq!(take(envelope(9, 0, 2), b"a"), Ok(None));
        let other_count = envelope(9, 1, 3);
        assert_eq!(take(other_count, b"a"), Err(FragmentFault::Contradiction));
        let long = vec![0; MESSAGE_MAX];
        assert_eq!(take(envelope(9, 1, 2), &long), Err(FragmentFault::TooLong));
    }
}
