//! A disk that does not answer.

use crate::disk::Ticket;
use crate::time::Time;
use std::time::Duration;

/// Since when the disk owes an answer.
#[derive(Debug, Default)]
pub(crate) struct Stall {
    answered: Ticket,
    since: Option<Time>,
}

impl Stall {
    /// The disk answered.
    pub(crate) fn persisted(&mut self, ticket: Ticket) {
        if ticket > self.answered {
            self.answered = ticket;
            self.since = None;
        }
    }

    /// `last` was given to the disk.
    pub(crate) fn look(&mut self, last: Ticket, now: Time) {
        if last > self.answered && self.since.is_none() {
            self.since = Some(now);
        }
    }

    /// No answer for so long.
    pub(crate) fn lasts(&self, limit: Duration, now: Time) -> bool {
        self.since.is_some_and(|since| now.since(since) > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_stalls_while_it_owes_an_answer_and_every_answer_begins_anew() {
        let second = Duration::from_secs(1);
        let mut stall = Stall::default();
        stall.look(Ticket(0), Time::from_millis(0));
        assert!(
            !stall.lasts(second, Time::from_millis(9_000)),
            "it owes none"
        );
        stall.look(Ticket(2), Time::from_millis(9_000));
        stall.look(Ticket(3), Time::from_millis(9_900));
        assert!(!stall.lasts(second, Time::from_millis(10_000)));
        assert!(stall.lasts(second, Time::from_millis(10_001)));
        stall.persisted(Ticket(2));
        stall.look(Ticket(3), Time::from_millis(10_002));
        assert!(!stall.lasts(second, Time::from_millis(11_000)));
        stall.persisted(Ticket(3));
        assert!(!stall.lasts(second, Time::from_millis(99_000)));
    }
}
