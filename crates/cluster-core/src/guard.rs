//! The right to hold resources, and what happens when it ends.

use crate::action::{Action, Note};
use crate::arbitration::Arbitration;
use crate::local::Rights;
use crate::node::Node;
use crate::planted::Bug;
use crate::time::Time;

impl Node {
    /// When the right to hold anything ends or ended.
    pub(crate) fn end(&self) -> Option<Time> {
        if self.settings.arbitration.is_of_a_lone_pair() {
            return self.grace;
        }
        self.lease.until().max(self.grace)
    }

    /// May it hold anything at this moment? Where fencing decides, it may until it is off:
    /// nobody takes anything from it before that. Where what is reached decides, as long as it
    /// is of use to anybody. The watchdog is there for a daemon that
    /// hangs, and proves nothing.
    pub(crate) fn has_right(&self, now: Time) -> bool {
        match self.settings.arbitration {
            Arbitration::Quorum => self.lease.is_valid(now),
            Arbitration::Fencing(_) => self.joined,
            Arbitration::Reach(_) => self.joined && !self.is_cut_off(now),
        }
    }

    pub(crate) fn rights(&self, now: Time) -> Rights {
        Rights {
            lease: self.incarnation.is_some() && self.has_lease(now),
            until: match self.settings.arbitration {
                Arbitration::Quorum => self.lease.until().unwrap_or_default(),
                Arbitration::Fencing(_) => Time::NEVER,
                // Who stood still for longer is taken for gone, and did not see that. When it had
                // its turn last, its last heartbeat may have been that old already.
                Arbitration::Reach(_) => {
                    self.seen + self.settings.deadtime - self.settings.keepalive
                }
            },
            incarnation: self.incarnation,
        }
    }

    /// Notices that the lease came, or that it is over.
    pub(crate) fn keep_the_lease(&mut self, now: Time) {
        let goes_by_reach = self.settings.arbitration.reach().is_some();
        if goes_by_reach && self.joined && self.is_cut_off(now) {
            self.leave_it_to_the_other_one(now);
        }
        let valid = self.incarnation.is_some() && self.has_right(now);
        if valid != self.had_lease {
            self.had_lease = valid;
            if valid {
                self.grace = None;
            }
            self.out.note(Note::Lease(valid));
        }
    }

    /// The last line: without a lease everything is stopped, and what cannot be
    /// stopped in time goes down with the machine.
    pub(crate) fn guard(&mut self, now: Time) {
        self.keep_the_lease(now);
        let over = match self.settings.arbitration {
            Arbitration::Quorum => self.end().is_none_or(|end| now >= end),
            Arbitration::Fencing(_) => !self.joined && self.grace.is_none_or(|end| now >= end),
            Arbitration::Reach(_) => {
                !self.has_right(now) && self.grace.is_none_or(|end| now >= end)
            }
        };
        let terms = self.settings.terms;
        if over && !self.settings.has(Bug::LeaseEndIgnored) {
            let rights = self.rights(now);
            self.local.make_safe(rights, &self.settings, &mut self.out);
            let end = self.end().map(|end| end + terms.stop);
            if self.local.holds() && end.is_some_and(|end| now >= end) {
                self.reset("the lease is over and not everything is stopped");
                return;
            }
        }
        self.local.disarm(&mut self.out);
        if self.local.is_armed()
            && now >= self.next_pet
            && let Some(not_after) = self.pet_until(now)
        {
            self.next_pet = now + self.settings.keepalive;
            self.out.act(Action::Pet { not_after });
        }
    }

    /// Nothing else is done any more.
    pub(crate) fn reset(&mut self, why: &'static str) {
        self.doomed = true;
        self.out.act(Action::Reset { why });
    }

    /// When the lease of this session ends or ended; of one that had none yet, that of an
    /// earlier daemon. To be noted where the next daemon finds it and a boot does not.
    pub fn lease_end(&self) -> Option<Time> {
        self.lease.until().max(self.inherited)
    }

    /// What this node had is not its any more: what may run here is to be stopped now.
    pub(crate) fn lose_the_lease(&mut self, now: Time) {
        self.lease.forget();
        self.inherited = None;
        self.grace = Some(now);
    }

    /// Until when the watchdog may be petted, if at all. Not by a session that never had
    /// a lease and knows of no earlier one.
    pub(crate) fn pet_until(&self, now: Time) -> Option<Time> {
        if self.settings.has(Bug::WatchdogAlwaysPetted) || self.settings.has(Bug::LeaseEndIgnored) {
            return Some(now + self.settings.terms.watchdog);
        }
        let until = match self.settings.arbitration {
            Arbitration::Quorum => self.lease_end()? + self.settings.terms.stop,
            Arbitration::Fencing(_) | Arbitration::Reach(_) if self.has_right(now) => Time::NEVER,
            // Until what was taken away from it is stopped.
            Arbitration::Fencing(_) | Arbitration::Reach(_) => {
                self.grace? + self.settings.terms.stop
            }
        };
        (now < until).then_some(until)
    }
}
